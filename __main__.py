"""The Pulumi program: the stack that `pulumi` has selected, as resources. docs/pulumi.md tells the rest."""

from __future__ import annotations

import os
import signal
from pathlib import Path

# The engine interrupts the program when a resource fails; the default would add a traceback to the one line.
signal.signal(signal.SIGINT, lambda *_: os._exit(130))

import pulumi  # noqa: E402

from flexres.resources.program import declare, export, load  # noqa: E402

stack = load(pulumi.get_stack(), Path(__file__).parent)
export(stack, declare(stack))
