"""The proof of reliability in small: a few harms, each once, so that it does not rot and what it proves holds."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator

import pytest

from proof.flex import User, losses
from proof.harms import mixed, single
from proof.run import Beginnings, beginnings, run
from proof.story import AFTER, BY_TEAM, BY_USER, DIRECT, Engine
from proof.table import table

SEED = 20261121


@pytest.fixture(scope="module")
def begun() -> Iterator[Beginnings]:
    """The story up to its change, told once for each engine."""
    with beginnings() as begun:
        yield begun


@pytest.mark.parametrize("what", ["an answer lost after any write", "a full disk for the journal", "kill -9"])
def test_after_a_harm_the_next_run_ends_as_declared(begun, what):
    """Nothing lost, nobody twice, nobody else changed, and everybody who was changed is in the journal."""
    judged = run(single(random.Random(SEED), DIRECT)[what], SEED, DIRECT, begun)
    assert (judged.lost, judged.unjournalled) == ([], [])
    assert judged.requests > 50


def test_after_a_random_mix_too(begun):
    """Faults in a combination that chance made."""
    judged = run(mixed(random.Random(SEED), DIRECT), SEED, DIRECT, begun)
    assert (judged.lost, judged.unjournalled) == ([], [])
    assert f"| a random mix | 1 | {judged.exit} × 1 |" in table([judged])


@pytest.mark.engine
@pytest.mark.parametrize("engine", [BY_USER, BY_TEAM], ids=lambda engine: engine.resources)
def test_under_pulumi_too(begun: Beginnings, engine: Engine):
    """With every process killed in the middle, the lock taken away as the docs say."""
    if shutil.which("pulumi") is None:
        pytest.skip("no `pulumi` command on PATH")
    judged = run(single(random.Random(SEED), engine)["kill -9 of every process"], SEED, engine, begun)
    assert (judged.lost, judged.unjournalled) == ([], [])
    assert judged.struck


def test_the_reader_of_the_proof_sees_a_loss():
    """Somebody who is missing, there twice or otherwise than declared: else the proof would prove nothing."""
    (username, person), *_ = AFTER.items()
    attributes = '{"level": 1, "location": "London", "languages": ["en", "de"]}'
    right = User(True, {"full_name": person["full_name"], "roles": ["agent"]}, attributes, {})
    wrong = User(True, {"full_name": "Another", "roles": ["agent"]}, attributes.replace("1", "true"), {})
    declared = {username: person}
    assert [line for line in losses(declared, {username: [right]}, {}) if "plugin" not in line] == []
    for found in ([], [right, right], [wrong], [User(False, right.profile, attributes, {})]):
        assert [line for line in losses(declared, {username: found}, {}) if "plugin" not in line], found
    assert losses({}, {"stranger@example.com": [right]}, {})
