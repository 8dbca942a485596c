"""A command as the proof starts it: with what a CI job has, on a disk or a clock of its own; and what it leaves."""

from __future__ import annotations

import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from proof.flex import Flex
from proof.harms import Harm, Victim
from proof.story import STACK, Stack

PATIENCE = 240.0
"""Seconds after which a run hangs."""
HANGS = 1000
"""Its exit code."""
LINGERS = 90.0
"""Seconds after which a process that the command started is left behind: a provider ends its calls within sixty."""
CLOCK_LIBRARY = "libfaketime.so.1"
PAGE = 4096

APPLY = ("-m", "flexres", "apply", "--stack", STACK, "--yes")
PLAN = ("-m", "flexres", "plan", "--stack", STACK, "--save", "plan.json")
APPLY_SAVED = (*APPLY, "--plan", "plan.json")

ON_SMALL_DISK = """
set -e
mount -t tmpfs -o size="$1" tmpfs "$2"
cp -a "$3/." "$2"
cd "$2"
set +e
(shift 3; exec "$@")
code=$?
rm -rf "$3"
cp -a "$2" "$3"
exit $code
"""
"""In a mount namespace of its own: size, the repository, where it is kept, and the command."""

Strike = Callable[["subprocess.Popen[str]"], bool]
"""Does the harm to a process that has begun: whether a signal has reached it."""


class CannotRunError(Exception):
    """This harm needs something that is not here; the text says what."""


@dataclass(slots=True)
class Ran:
    """How a command ended: its exit, what it said, the processes that it has left; `struck`: the signal has reached."""

    code: int
    output: str
    left: list[str] = field(default_factory=list)
    struck: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """Where a run happens: its stack, its Flex, and a home folder that no other process on this machine names."""

    home: Path
    stack: Stack
    flex: Flex

    @property
    def environ(self) -> dict[str, str]:
        """What a CI job gives the command, credentials included."""
        return {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(self.home),
            "TMPDIR": str(self.home / "tmp"),
            "PULUMI_CONFIG_PASSPHRASE": "",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            **self.flex.environ,
        }

    def run(self, *arguments: str) -> Ran:
        """Run Python with these arguments, unharmed."""
        return self._ran([sys.executable, *arguments], {}, _spare)

    def cancel(self) -> Ran:
        """What the docs say after a lock that a killed run left."""
        return self._ran(["pulumi", "cancel", "--stack", STACK, "--yes"], {}, _spare)

    def harmed(self, harm: Harm, chance: random.Random) -> Ran:
        """Run what the harm is about, under it; faults of the network aside, which are Flex's.

        Raises:
            CannotRunError: the harm needs something that is not here.
        """
        limit, room = chance.randrange(1, 30_000), PAGE * chance.randrange(32)

        def strike(process: subprocess.Popen[str]) -> bool:
            if harm.file_limit:
                resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (limit, limit))
            return self._strike(harm, process, chance)

        command = [sys.executable, *(PLAN if harm.saved else APPLY)]
        environ = self._clock() if harm.clock else {}
        if not harm.full_disk:
            return self._ran(command, environ, strike)
        kept = self.home / "kept"
        shutil.copytree(self.stack.folder, kept, symlinks=True)
        ran = self._ran(_on_small_disk(self.stack.folder, kept, room, command), environ, strike)
        shutil.rmtree(self.stack.folder)
        kept.rename(self.stack.folder)
        return ran

    def _ran(
        self,
        command: Sequence[str],
        more: Mapping[str, str],
        strike: Strike,
    ) -> Ran:
        (self.home / "tmp").mkdir(exist_ok=True)
        with subprocess.Popen(
            command,
            cwd=self.stack.folder,
            env={**self.environ, **more},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        ) as process:
            struck = strike(process)
            try:
                output, _ = process.communicate(timeout=PATIENCE)
                code = process.returncode
            except subprocess.TimeoutExpired:
                for victim in processes(self.home):
                    _signal(victim, signal.SIGKILL)
                output, _ = process.communicate()
                code, output = HANGS, f"hangs: {output}"
        return Ran(code, output, self._left(), struck)

    def _strike(self, harm: Harm, process: subprocess.Popen[str], chance: random.Random) -> bool:
        """Harm the process until it has ended, or until its signal was sent: whether one was."""
        engine = self.stack.engine
        # What runs below the command is gone before it: whoever is to be hit is hit earlier.
        reach = engine.usual if harm.victim is Victim.COMMAND else engine.usual // 2
        until = self.flex.requests() + chance.randrange(reach)
        while (harm.signal or harm.meddle or harm.clock) and process.poll() is None:
            if harm.meddle:
                harm.meddle(self.flex, chance)
            if harm.clock:
                (self.home / "clock").write_text(f"{chance.choice('+-')}{chance.randrange(1, 400)}d\n")
            if harm.signal and self.flex.requests() >= until and self._victims(harm, process):
                time.sleep(chance.random() * engine.pause)
                for _ in range(1 + harm.twice):
                    for victim in self._victims(harm, process):
                        _signal(victim, harm.signal)
                    time.sleep(0.2 * harm.twice)
                return True
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.01 if harm.signal else 0.05)
        return False

    def _victims(self, harm: Harm, process: subprocess.Popen[str]) -> list[int]:
        """The processes that a signal is to reach, a negative number for a process group; none where there are none."""
        if harm.victim is Victim.COMMAND:
            return [-process.pid if harm.signal is signal.SIGINT else process.pid]
        found = processes(self.home)
        if harm.victim is Victim.EVERYTHING:
            return [*found]
        wanted = {Victim.ENGINE: "pulumi", Victim.PROVIDER: "pulumi.dynamic"}[harm.victim]
        return [number for number, words in found.items() if wanted in {Path(word).name for word in words}]

    def _left(self) -> list[str]:
        """Processes that outlive the command for too long; they are ended."""
        deadline = time.monotonic() + LINGERS
        while (found := processes(self.home)) and time.monotonic() < deadline:
            time.sleep(0.1)
        for number in found:
            _signal(number, signal.SIGKILL)
        return [" ".join(words) for words in found.values()]

    def _clock(self) -> dict[str, str]:
        """The environment in which wall clocks follow a file, and the monotonic one does not."""
        if shutil.which("faketime") is None:
            raise CannotRunError("faketime is not installed")
        library = next(iter(Path("/usr/lib").rglob(CLOCK_LIBRARY)), None)
        if library is None:
            raise CannotRunError(f"{CLOCK_LIBRARY} is not there")
        (self.home / "clock").write_text("+0d\n")
        return {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(self.home / "clock"),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }


def processes(home: Path) -> dict[int, list[str]]:
    """The command lines of the processes that have this home folder; none where the system does not tell."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if f"HOME={home}".encode() in (folder / "environ").read_bytes().split(b"\0"):
                words = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
                found[int(folder.name)] = [word for word in words if word]
    return {number: words for number, words in found.items() if words}


def _spare(_process: subprocess.Popen[str]) -> bool:
    return False


def _signal(process: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(process, number)


def _on_small_disk(folder: Path, kept: Path, room: int, command: Sequence[str]) -> list[str]:
    """The command within a shell that sees the folder on a disk of its size and so many bytes more."""
    unshare = shutil.which("unshare")
    if unshare is None:
        raise CannotRunError("unshare is not installed")
    namespace = [unshare, "--mount"] if os.geteuid() == 0 else [unshare, "--user", "--map-root-user", "--mount"]
    if subprocess.run([*namespace, "true"], capture_output=True, check=False).returncode != 0:
        raise CannotRunError("no mount namespace is to be had")
    used = sum(-(-path.lstat().st_size // PAGE) * PAGE for path in folder.rglob("*") if path.is_file())
    return [*namespace, "sh", "-c", ON_SMALL_DISK, "sh", str(used + PAGE + room), str(folder), str(kept), *command]
