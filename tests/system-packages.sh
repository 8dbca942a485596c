#!/bin/sh
# The programs that some tests drive and pip cannot bring: a browser. Installed if missing and possible;
# otherwise the tests that need it say why they are skipped.
command -v chromium >/dev/null 2>&1 || command -v chromium-headless-shell >/dev/null 2>&1 && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "installing chromium for the tests that look at pages"
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium; } \
        >/dev/null 2>&1 || echo "chromium cannot be installed here: the tests that look at pages will be skipped"
else
    echo "chromium is not installed: the tests that look at pages will be skipped"
fi
