#!/bin/sh
# Runs flexres in the project that is mounted at /work. Pulumi.yaml names .venv, which a fresh checkout does not have.
set -eu
if [ -f Pulumi.yaml ] && [ ! -e .venv ] && [ -w . ]; then
    ln -s "${VIRTUAL_ENV:-/opt/flexres}" .venv
fi
exec flexres "$@"
