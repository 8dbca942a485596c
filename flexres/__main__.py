"""Where the `flexres` command begins; `python -m flexres` is the same."""

from __future__ import annotations

import sys
from typing import NoReturn


def run() -> NoReturn:
    """Load the command line and run it; a Ctrl-C at a moment that no command sees ends it without a traceback."""
    began = False
    try:
        from flexres.cli.main import run as command_line  # noqa: PLC0415 - loading is what may be stopped here

        began = True
        command_line()
    except KeyboardInterrupt:
        sys.stderr.write("stopped.\n" if began else "stopped. Nothing was changed.\n")
        sys.exit(130)


if __name__ == "__main__":
    run()
