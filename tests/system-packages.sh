#!/bin/sh
# The programs that some tests drive and pip cannot bring: a browser, Twilio's own SDK for browsers in Node, and
# the linter of GitHub's workflows.
# Installed if missing and possible; otherwise the tests that need them say why they are skipped.
cd "$(dirname "$0")" || exit 1

if ! command -v chromium >/dev/null 2>&1 && ! command -v chromium-headless-shell >/dev/null 2>&1; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        echo "installing chromium for the tests that look at pages"
        { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium; } \
            >/dev/null 2>&1 || echo "chromium cannot be installed here: the tests that look at pages are skipped"
    else
        echo "chromium is not installed: the tests that look at pages are skipped"
    fi
fi

if command -v npm >/dev/null 2>&1 && [ ! -d node/node_modules/@twilio/flex-sdk ]; then
    echo "installing @twilio/flex-sdk for the tests that sign in with it"
    npm ci --prefix node --ignore-scripts --no-audit --no-fund >/dev/null 2>&1 ||
        echo "@twilio/flex-sdk cannot be installed here: the tests that sign in with it are skipped"
fi

actionlint=$(go env GOBIN 2>/dev/null)
[ -n "$actionlint" ] || actionlint=$(go env GOPATH 2>/dev/null)/bin
if command -v go >/dev/null 2>&1 && ! command -v actionlint >/dev/null 2>&1 && [ ! -x "$actionlint/actionlint" ]; then
    echo "installing actionlint for the tests of the workflows"
    go install github.com/rhysd/actionlint/cmd/actionlint@v1.7.12 >/dev/null 2>&1 ||
        echo "actionlint cannot be installed here: the test that lints the workflows is skipped"
fi
exit 0
