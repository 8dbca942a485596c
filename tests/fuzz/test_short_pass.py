"""A short pass of `make fuzz`: a few damaged inputs to every reader and every client, the same ones each time."""

from __future__ import annotations

from random import Random

import pytest

from tests.fuzz.drive import Crash, drive
from tests.fuzz.mutations import damaged
from tests.fuzz.targets import Target, targets

TARGETS = targets()


@pytest.mark.parametrize("target", TARGETS, ids=[target.name for target in TARGETS])
def test_no_damage_makes_a_reader_crash(target: Target) -> None:
    """It reads it, or raises an error of ours that can be printed."""
    _tried, crashes = drive([target], 0.15, seed=1)
    assert not crashes, crashes[0].trace


def test_a_crash_is_found_once_for_each_kind() -> None:
    """Otherwise the rest of this file would prove nothing."""

    def read(data: bytes, _random: object) -> None:
        if data != b"seed":
            data.decode("ascii")
            raise KeyError(data[:1])

    _tried, crashes = drive([Target("broken", (b"seed" * 9,), read)], 0.1)
    assert {crash.what for crash in crashes} == {"KeyError", "UnicodeDecodeError"}
    assert all(isinstance(crash, Crash) and crash.seen for crash in crashes)


def test_the_same_seed_makes_the_same_damage() -> None:
    assert damaged(b"a: 1", [b"b"], Random(3)) == damaged(b"a: 1", [b"b"], Random(3))
