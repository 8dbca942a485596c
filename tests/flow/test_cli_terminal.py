"""What only a terminal or a process of its own can show: questions, the bar, Ctrl-C, pipes, the sandbox commands."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from flexres.sandbox.server import Sandbox

FLEXRES = [sys.executable, "-m", "flexres"]
FLEX = """\
version: 1
id: k7m2q9
account: AC00000000000000000000000000000001
instance: GO00000000000000000000000000000001
engine: direct
"""
PATIENCE = 30


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with a stack of twenty users."""
    users = tmp_path / "stacks" / "prod" / "users"
    users.mkdir(parents=True)
    (users.parent / "flex.yaml").write_text(FLEX)
    people = "".join(f"  user{number:02}@example.com: {{full_name: User {number}}}\n" for number in range(20))
    (users / "team.yaml").write_text(f"defaults: {{roles: [agent]}}\nusers:\n{people}")
    return tmp_path


@pytest.fixture
def environment(sandbox: Sandbox) -> Iterator[dict[str, str]]:
    yield {**_clean(), **sandbox.environment()}


def _clean() -> dict[str, str]:
    dropped = ("TWILIO_", "FLEXRES_", "NO_COLOR", "FORCE_COLOR", "COLUMNS", "GITHUB_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    return {**kept, "GIT_CONFIG_GLOBAL": os.devnull, "TERM": "xterm"}


class Terminal:
    """A command on a terminal of its own, with standard output and error both shown there."""

    def __init__(self, project: Path, environment: Mapping[str, str], *arguments: str) -> None:
        self._ours, theirs = pty.openpty()
        self.process = subprocess.Popen(
            [*FLEXRES, *arguments],
            cwd=project,
            env=dict(environment),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        self.shown = ""

    def until(self, pattern: str) -> str:
        """Reads until the pattern is on the screen."""
        while not re.search(pattern, self.shown):
            if not self._read():
                raise AssertionError(f"{pattern!r} never came; shown was:\n{self.shown}")
        return self.shown

    def type(self, text: str) -> None:
        os.write(self._ours, text.encode())

    def interrupts(self) -> None:
        """Presses Ctrl-C until something comes of it: Python can miss one that arrives just before it reads a line."""
        for _ in range(5):
            self.process.send_signal(signal.SIGINT)
            if select.select([self._ours], [], [], PATIENCE / 10)[0]:
                return

    def ends(self) -> int:
        """Reads to the end, and gives the exit code."""
        while self._read():
            pass
        os.close(self._ours)
        return self.process.wait(PATIENCE)

    def _read(self) -> bool:
        ready, _, _ = select.select([self._ours], [], [], PATIENCE)
        if not ready:
            self.process.kill()
            raise AssertionError(f"nothing happens; shown was:\n{self.shown}")
        try:
            read = os.read(self._ours, 65536)
        except OSError:
            return False
        self.shown += read.decode(errors="replace")
        return bool(read)


def test_apply_asks_and_yes_applies(project: Path, environment: dict[str, str], sandbox: Sandbox) -> None:
    terminal = Terminal(project, environment, "apply")
    terminal.until(r"Apply these 20 changes to prod\? \[y/N\]")
    terminal.type("y\n")
    assert terminal.ends() == 0
    assert "20 done" in terminal.shown
    assert "\x1b[" in terminal.shown
    assert len(sandbox.users()) == 20


def test_apply_asks_and_enter_changes_nothing(project: Path, environment: dict[str, str], sandbox: Sandbox) -> None:
    terminal = Terminal(project, environment, "apply")
    terminal.until(r"\[y/N\]")
    terminal.type("\n")
    assert terminal.ends() == 0
    assert "Nothing was changed." in terminal.shown
    assert sandbox.users() == []


def test_approvals_that_changed_at_the_question_are_not_pruned(project: Path, environment: dict[str, str]) -> None:
    """What was shown is not what would go any more: an approval that was pulled meanwhile stays."""
    line = "    - {digests: {user01@example.com: %s}, for: %s, until: 2026-01-31}\n"
    old, new = line % ("a" * 26, "long done"), line % ("b" * 26, "just pulled")
    file = project / "stacks" / "prod" / "flex.yaml"
    file.write_text(f"{FLEX}policy:\n  min_admins: 0\n  approved:\n{old}")
    terminal = Terminal(project, environment, "approve", "--prune")
    terminal.until(r"Take out 1 approval\? \[y/N\]")
    meanwhile = file.read_text().replace(old, new + old)
    file.write_text(meanwhile)
    terminal.type("y\n")
    assert terminal.ends() == 2
    assert "the approvals in stacks/prod/flex.yaml changed meanwhile" in terminal.shown
    assert file.read_text() == meanwhile


def test_ctrl_c_at_the_question_ends_it(project: Path, environment: dict[str, str], sandbox: Sandbox) -> None:
    terminal = Terminal(project, environment, "apply")
    terminal.until(r"\[y/N\]: ")
    terminal.interrupts()
    assert terminal.ends() == 130
    assert "Nothing was changed." in terminal.shown
    assert "Traceback" not in terminal.shown
    assert sandbox.users() == []


def test_no_color_is_obeyed_on_a_terminal(project: Path, environment: dict[str, str]) -> None:
    terminal = Terminal(project, {**environment, "NO_COLOR": "1"}, "plan")
    assert terminal.ends() == 0
    assert "\x1b[" not in terminal.shown


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_finishes_what_is_in_flight_and_exits_5(
    project: Path, environment: dict[str, str], sandbox: Sandbox, number: signal.Signals
) -> None:
    """What was begun is finished and told, the rest is not begun, and the next run goes on from there."""
    sandbox.latency(0.05)
    environment["FLEXRES_MAX_CONNECTIONS"] = "2"
    running = subprocess.Popen(
        [*FLEXRES, "apply", "--yes"],
        cwd=project,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert running.stderr is not None
    while "✓" not in running.stderr.readline():
        assert running.poll() is None
    running.send_signal(number)
    out, err = running.communicate(timeout=PATIENCE)
    assert running.returncode == 5, err
    assert "interrupted" in out
    assert "Traceback" not in err
    assert 0 < len(sandbox.users()) < 20
    sandbox.latency(0)
    again = subprocess.run([*FLEXRES, "apply", "--yes"], cwd=project, env=environment, capture_output=True, check=False)
    assert again.returncode == 0
    assert len(sandbox.users()) == 20


def test_a_second_stop_ends_at_once(project: Path, environment: dict[str, str], sandbox: Sandbox) -> None:
    sandbox.fault("hang:60:match=Provision")
    running = subprocess.Popen(
        [*FLEXRES, "apply", "--yes"],
        cwd=project,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert running.stderr is not None
    while "Adding" not in running.stderr.readline():
        assert running.poll() is None
    running.send_signal(signal.SIGINT)
    while "Stopping" not in running.stderr.readline():
        assert running.poll() is None
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=PATIENCE)
    assert running.returncode == 5
    assert "run it again" in err
    assert "Traceback" not in err


def test_a_reader_who_leaves_is_no_error(project: Path, environment: dict[str, str]) -> None:
    running = subprocess.Popen(
        [*FLEXRES, "plan"], cwd=project, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert running.stdout is not None and running.stderr is not None
    running.stdout.close()
    err = running.stderr.read()
    running.stderr.close()
    running.wait(PATIENCE)
    assert err == b""


def test_sandbox_serve_says_where_and_with_what(tmp_path: Path) -> None:
    """One line on standard output when it answers; on stderr what to paste. SIGTERM ends it well."""
    serving = subprocess.Popen(
        [*FLEXRES, "sandbox", "serve", "--port", "0", "--state", "flex.db"],
        cwd=tmp_path,
        env=_clean(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert serving.stdout is not None
    ready = serving.stdout.readline()
    found = re.fullmatch(r"ready (http://127\.0\.0\.1:\d+)\n", ready)
    assert found is not None
    with urllib.request.urlopen(f"{found[1]}/_sandbox/state") as answer:
        assert answer.status == 200
    serving.send_signal(signal.SIGTERM)
    out, err = serving.communicate(timeout=PATIENCE)
    assert (serving.returncode, out) == (0, "")
    assert f"export FLEXRES_ENDPOINT={found[1]}" in err
    assert "export TWILIO_API_SECRET=" in err


def test_sandbox_run_gives_the_command_its_environment_and_its_exit_code(tmp_path: Path) -> None:
    script = "import os, sys; print(sorted(n for n in os.environ if n[:7] in ('TWILIO_', 'FLEXRES'))); sys.exit(7)"
    ran = subprocess.run(
        [*FLEXRES, "sandbox", "run", "--state", "flex.db", "--", sys.executable, "-c", script],
        cwd=tmp_path,
        env={**_clean(), "TWILIO_AUTH_TOKEN": "real", "TWILIO_API_KEY__PROD": "SKreal"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 7, ran.stderr
    assert ran.stdout == ("['FLEXRES_ENDPOINT', 'TWILIO_ACCOUNT_SID', 'TWILIO_API_KEY', 'TWILIO_API_SECRET']\n")


def test_sandbox_run_passes_sigterm_on(tmp_path: Path) -> None:
    script = "import signal, time; print('up', flush=True); signal.pause()"
    running = subprocess.Popen(
        [*FLEXRES, "sandbox", "run", "--state", "flex.db", "--", sys.executable, "-c", script],
        cwd=tmp_path,
        env=_clean(),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert running.stdout is not None
    assert running.stdout.readline() == "up\n"
    running.send_signal(signal.SIGTERM)
    running.communicate(timeout=PATIENCE)
    assert running.returncode == 128 + signal.SIGTERM


def test_ctrl_c_while_the_command_is_loaded_is_no_traceback(tmp_path: Path) -> None:
    """A Ctrl-C within the first half second, which is spent on imports."""
    (tmp_path / "typer.py").write_text("raise KeyboardInterrupt\n")
    command = [sys.executable, "-m", "flexres", "--help"]
    environ = {**_clean(), "PYTHONPATH": str(tmp_path)}
    ran = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout, ran.stderr) == (130, "", "stopped. Nothing was changed.\n")


def test_help_imports_little() -> None:
    """Help is asked for often; nothing that reads YAML, speaks HTTP or draws tables may be loaded for it."""
    script = (
        "import sys; sys.argv = ['flexres', '--help']\n"
        "from flexres.cli.main import run\n"
        "try: run()\n"
        "except SystemExit: pass\n"
        "print(sorted({'httpx', 'pydantic', 'ruamel', 'rich', 'aiohttp', 'structlog', 'asyncio'} & sys.modules.keys()))"
    )
    ran = subprocess.run([sys.executable, "-c", script], env=_clean(), capture_output=True, text=True, check=True)
    assert "Commands:" in ran.stdout
    assert ran.stdout.splitlines()[-1] == "[]"
