"""Ctrl-C while a later stack is only read: what was applied before is told, and is not called nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx

from flexres.sandbox.server import Sandbox

from .conftest import CONFIG, LENIENT


def test_a_stop_while_the_second_stack_is_read_tells_of_the_first(sandbox: Sandbox, tmp_path: Path) -> None:
    """The first is applied, the second untouched: exit 5, and a summary of both."""
    for name, stack_id in (("first", "k7m2q9"), ("second", "m2k7q9")):
        folder = tmp_path / "stacks" / name / "users"
        folder.mkdir(parents=True)
        (folder.parent / "flex.yaml").write_text(f"{CONFIG.replace('k7m2q9', stack_id)}{LENIENT}}}\n")
        (folder / "team.yaml").write_text(f"users:\n  {name}@example.com: {{full_name: Some Body, roles: [agent]}}\n")
    sandbox.fault("hang:60:match=/v1/Configuration:skip=1")
    # Tests that run in the background have Ctrl-C ignored, which a child would inherit.
    ours = signal.signal(signal.SIGINT, signal.default_int_handler)
    run = subprocess.Popen(
        [sys.executable, "-m", "flexres", "apply", "-s", "all", "--yes"],
        cwd=tmp_path,
        env={**os.environ, **sandbox.environment()},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    signal.signal(signal.SIGINT, ours)
    assert run.stdout is not None
    assert any("exit 0" in line for line in run.stdout), "the first stack was never applied"
    _until_something_hangs(sandbox)

    run.send_signal(signal.SIGINT)
    said, _ = run.communicate(timeout=60)

    assert run.returncode == 5, said
    assert "nothing was changed in second" in said
    assert "Nothing was changed." not in said
    assert [user["username"] for user in sandbox.users()] == ["first@example.com"]


def _until_something_hangs(sandbox: Sandbox) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if httpx.get(f"{sandbox.url}/_sandbox/state").json()["in_flight"] > 0:
            return
    raise AssertionError("the second stack was never read")
