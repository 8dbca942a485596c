"""Tests each mutant in a process of its own, forked from one pytest that has collected everything once.

Run in the copy that holds the mutants: `python -m tests.mutants.loop MUTANTS VERDICTS`. A mutant costs what its tests
cost until the first fails; starting pytest for each costs ten times that.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

import pytest

Tracer = Callable[[FrameType, str, Any], Any]

CPU_SECONDS = 6
"""What a mutant may take: all tests together take four."""

MEMORY = 4 * 1024**3
"""Bytes that a mutant may take."""

UNDER_TEST = "MUTANT_UNDER_TEST"


class Asked(NamedTuple):
    """A mutant: the function's name before it was copied, and the lines of its copied original that it changes."""

    name: str
    file: str
    first: int
    last: int
    changed: list[int]


Lines = dict[tuple[str, int], list[pytest.Item]]
"""File and line → the tests that run it, the fastest first."""


class Loop:
    """The plugin that runs the tests once to see which run which line, and then those of each mutant."""

    def __init__(self, mutants: list[Asked], verdicts: Path) -> None:
        self.mutants = mutants
        self.verdicts = verdicts

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Instead of running every test once."""
        ran = _ran(session, {mutant.file for mutant in self.mutants})
        alive = 0
        with self.verdicts.open("w") as told:
            for number, mutant in enumerate(self.mutants):
                tests = _tests(mutant, ran)
                killed = _killed(session, mutant.name, tests)
                alive += not killed
                print(json.dumps([mutant.name, killed]), file=told, flush=True)
                if number % 100 == 99:
                    print(f"{number + 1:,} of {len(self.mutants):,}, {alive} alive", file=sys.stderr, flush=True)
        return True


def _ran(session: pytest.Session, files: set[str]) -> Lines:
    """What the tests run of these files, found out in a process of its own."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        code = 1
        try:
            os.close(reading)
            with os.fdopen(writing, "w") as pipe:
                json.dump(_traced(session, {str(Path(file).absolute()): file for file in files}), pipe)
            code = 0
        finally:
            os._exit(code)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        text = pipe.read()
    if os.waitpid(child, 0)[1]:
        pytest.exit("the tests do not pass as they are", returncode=2)
    return {(file, line): [session.items[place] for place in places] for file, line, places in json.loads(text)}


def _traced(session: pytest.Session, files: Mapping[str, str]) -> list[tuple[str, int, list[int]]]:
    """File, line and the places of the tests that run it."""
    found: dict[tuple[str, int], list[tuple[float, int]]] = defaultdict(list)
    lines: set[tuple[str, int]] = set()

    def each_line(frame: FrameType, event: str, _argument: object) -> Tracer:
        if event == "line":
            lines.add((frame.f_code.co_filename, frame.f_lineno))
        return each_line

    def each_call(frame: FrameType, _event: str, _argument: object) -> Tracer | None:
        return each_line if frame.f_code.co_filename in files else None

    for place, item in enumerate(session.items):
        lines.clear()
        began = time.process_time()
        sys.settrace(each_call)
        _run(item)
        sys.settrace(None)
        if session.testsfailed:
            os.write(2, f"fails without any change: {item.nodeid}\n".encode())
            os._exit(1)
        for line in lines:
            found[line].append((time.process_time() - began, place))
    return [(files[file], line, [place for _, place in sorted(tests)]) for (file, line), tests in found.items()]


def _tests(mutant: Asked, ran: Lines) -> list[pytest.Item]:
    """The tests of the changed lines; of the whole function where nothing says when such a line runs."""
    for lines in (mutant.changed, range(mutant.first, mutant.last + 1)):
        found = [ran[mutant.file, line] for line in lines if (mutant.file, line) in ran]
        if len(found) == 1:
            return found[0]
        if found:
            return list(dict.fromkeys(item for tests in found for item in tests))
    return []


def _killed(session: pytest.Session, name: str, tests: list[pytest.Item]) -> bool:
    """Whether a test fails under this mutant; that one is then the first to be run under the next."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        code = 1
        try:
            resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
            os.environ[UNDER_TEST] = name
            code = int(_fails(session, tests, writing))
        finally:
            os._exit(code)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        places = pipe.read()
    _, status = os.waitpid(child, 0)
    if not status:
        return False
    if places:
        tests.insert(0, tests.pop(int.from_bytes(places[-2:], "big")))
    return True


def _fails(session: pytest.Session, tests: list[pytest.Item], tried: int) -> bool:
    """Whether one of the tests fails; the place of each that is tried goes to `tried`."""
    for place, item in enumerate(tests):
        os.write(tried, place.to_bytes(2, "big"))
        _run(item)
        if session.testsfailed:
            return True
    return False


def _run(item: pytest.Item) -> None:
    """Runs one test, with the fixtures that it alone needs."""
    item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)


def main() -> int:
    mutants, verdicts, *selection = sys.argv[1:]
    # No examples by chance: what a property finds in one run, it may miss in the next.
    options = ["-x", "-q", "-p", "no:xdist", "-p", "no:randomly", "-m", "not hypothesis", "--rootdir=.", "--tb=no"]
    loop = Loop([Asked(*one) for one in json.loads(Path(mutants).read_text())], Path(verdicts))
    return pytest.main([*options, *selection], plugins=[loop])


if __name__ == "__main__":
    sys.exit(main())
