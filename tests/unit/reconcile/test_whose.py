"""Whose a Worker is: what its marker says, how far it is believed, and where it cannot be read as the rest."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from flexres.live.model import Worker
from flexres.reconcile.fields import attribute_key, skill_key
from flexres.reconcile.key import Key
from flexres.reconcile.marker import ATTRIBUTE, Marker
from flexres.reconcile.ownership import CLOCK_SKEW, Owner, owner_of
from flexres.values import short_hash
from tests.unit.reconcile.builders import NOW, OTHER_ID, STACK_ID, in_flex

MANY = {attribute_key(f"customer_segment_{number}"): short_hash(number) for number in range(58)}


def worker(text: str) -> Worker:
    """A Worker whose attributes are this text."""
    found = in_flex(text=text).worker
    assert found is not None
    return found


def too_deep(**attributes: str) -> Worker:
    """A Worker with these attributes beside one that nests too deep for the whole to be read."""
    text = json.dumps(attributes)[:-1]
    found = worker(f'{text}{", " if attributes else ""}"deep": {"[" * 3000}{"]" * 3000}}}')
    assert found.attributes() is None
    return found


@pytest.mark.parametrize(
    ("marker", "owner"),
    [
        (Marker(STACK_ID, leaving=5).text(), Owner.OURS),
        (Marker(OTHER_ID).text(), Owner.FOREIGN),
        ("hello", Owner.UNREADABLE),
        (None, Owner.UNMARKED),
    ],
)
def test_nobody_holds_on_to_flex_by_attributes_that_nest_too_deep(marker, owner):
    """The marker is found beside them: ours stays ours, and another stack's theirs."""
    found = owner_of(too_deep(**({ATTRIBUTE: marker} if marker else {})), STACK_ID)
    assert found.owner is owner
    if owner is Owner.OURS:
        assert found.ours == Marker(STACK_ID, leaving=5)


def test_who_has_no_worker_is_nobodys():
    """The marker is kept on Workers."""
    assert owner_of(None, STACK_ID).owner is Owner.UNMARKED


@pytest.mark.parametrize(
    ("ahead", "owner"), [(0, Owner.OURS), (CLOCK_SKEW, Owner.OURS), (CLOCK_SKEW + 1, Owner.UNREADABLE)]
)
def test_a_marker_of_a_commit_of_the_future_is_none_that_we_wrote(ahead, owner):
    """By more than a clock may be wrong: an agent cannot hold off every checkout for years."""
    at = int((NOW + timedelta(seconds=ahead)).timestamp())
    live = in_flex(marker=Marker(STACK_ID, at=at))
    assert owner_of(live.worker, STACK_ID, as_of=NOW).owner is owner
    assert owner_of(live.worker, STACK_ID).owner is Owner.OURS


def test_packed_fields_of_a_marker_are_known_by_what_the_worker_has():
    """So that what the YAML no longer names is found and removed."""
    held = {attribute_key("level"), Key.of("attr", "home", "geo", "lat"), skill_key("billing")}
    keys = MANY | dict.fromkeys(held, short_hash(1))
    there = {"level": 1, "home": {"geo": {"lat": 1, "lon": 2}}, "routing": {"skills": ["billing", "wine"]}}
    live = in_flex(attributes=there, marker=Marker(STACK_ID, keys=keys))
    marker = owner_of(live.worker, STACK_ID).ours
    assert marker is not None
    assert set(marker.keys) == held
