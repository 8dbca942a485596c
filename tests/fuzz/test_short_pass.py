"""A short pass of `make fuzz`: a few damaged inputs to every reader and every client, the same ones each time."""

from __future__ import annotations

from contextlib import suppress
from random import Random

import pytest

from flexres.routing.language.parse import ExpressionError, parse
from tests.fuzz.corpus import SHARED, kept
from tests.fuzz.drive import Crash, drive, tried
from tests.fuzz.mutations import damaged
from tests.fuzz.targets import Target, targets

TARGETS = targets()


@pytest.mark.parametrize("target", TARGETS, ids=[target.name for target in TARGETS])
def test_no_damage_makes_a_reader_crash(target: Target) -> None:
    """It reads it, or raises an error of ours that can be printed."""
    crashes = drive([target], 0.15, seed=1).crashes
    assert not crashes, crashes[0].trace


@pytest.mark.parametrize("target", TARGETS, ids=[target.name for target in TARGETS])
def test_nothing_that_was_kept_makes_a_reader_crash(target: Target) -> None:
    """Each input that once reached code which none before it had reached."""
    for data in kept([target], SHARED)[target.name]:
        crash = tried(target, data, Random(0))
        assert crash is None, crash.trace


def test_a_crash_is_found_once_for_each_kind() -> None:
    """Otherwise the rest of this file would prove nothing."""

    def read(data: bytes, _random: object) -> None:
        if data != b"seed":
            data.decode("ascii")
            raise KeyError(data[:1])

    crashes = drive([Target("broken", (b"seed" * 9,), read)], 0.1).crashes
    assert {crash.what for crash in crashes} == {"KeyError", "UnicodeDecodeError"}
    assert all(isinstance(crash, Crash) and crash.seen for crash in crashes)


def test_the_same_seed_makes_the_same_damage() -> None:
    assert damaged(b"a: 1", [b"b"], Random(3)) == damaged(b"a: 1", [b"b"], Random(3))


def test_what_runs_lines_that_nothing_before_ran_is_damaged_further() -> None:
    """So three damages in a row are found, which at once would be met by chance in years."""

    def read(data: bytes, _random: object) -> None:
        with suppress(ExpressionError):
            parse(data.decode("ascii", "replace"))

    found = drive([Target("expression", (b"a == 1",), read)], 0.5, seed=3)
    assert len(found.further["expression"]) > 3
    again = drive([Target("expression", (b"a == 1",), read)], 0.0, seed=3, kept=found.further)
    assert not again.further


def test_an_input_that_keeps_the_processor_busy_is_a_find() -> None:
    def read(data: bytes, _random: object) -> None:
        while data:
            pass

    (crash,) = drive([Target("busy", (b"x" * 40,), read)], 0.0, seed=1).crashes
    assert crash.what == "TooLong"
