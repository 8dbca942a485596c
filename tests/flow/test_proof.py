"""The proof of reliability in small: a few harms, each once, so that it does not rot and what it proves holds."""

from __future__ import annotations

import random

import pytest

from proof.flex import User, losses
from proof.harms import mixed, single
from proof.run import run
from proof.story import AFTER
from proof.table import table

SEED = 20261121


@pytest.mark.parametrize("what", ["an answer lost after any write", "a full disk", "kill -9"])
def test_after_a_harm_the_next_run_ends_as_declared(what):
    """Nothing lost, nobody twice, nobody else changed, and everybody who was changed is in the journal."""
    judged = run(single(random.Random(SEED))[what], SEED)
    assert (judged.lost, judged.unjournalled) == ([], [])
    assert judged.requests > 100


def test_after_a_random_mix_too():
    """Faults in a combination that chance made."""
    judged = run(mixed(random.Random(SEED)), SEED)
    assert (judged.lost, judged.unjournalled) == ([], [])
    assert f"| a random mix | 1 | {judged.exit} × 1 |" in table([judged])


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
