"""What holds for every stack over every Flex: one apply is enough, a cut run recovers, strangers' data survives."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from flexres.live.model import LiveUser, Worker
from flexres.reconcile import marker
from flexres.reconcile.ahead import Ahead
from flexres.reconcile.change import Blocked, FieldChange, Kind, UserChange
from flexres.reconcile.fields import owns_all_skills, skill_key
from flexres.reconcile.guards.approvals import Approval, Source
from flexres.reconcile.key import GONE
from flexres.reconcile.marker import ATTRIBUTE
from flexres.reconcile.plan import Plan
from flexres.values import ABSENT
from tests.unit.reconcile.applying import owned_keys, plan_of, run, steps_of, told
from tests.unit.reconcile.builders import NOW
from tests.unit.reconcile.strategies import World, scope_of, worlds

many = settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.too_slow])


def approvals_of(world: World) -> list[Approval]:
    """Somebody approved that every deactivated user comes back."""
    return [
        Approval(change.digest, Source.COMMAND_LINE, "a reviewer") for change in plan_of(world).changes if change.digest
    ]


@many
@given(worlds(), st.booleans(), st.booleans())
def test_after_an_apply_nothing_is_pending(world: World, takes_wfo: bool, approve: bool):
    """Only what needs a person is left: blocked users, the IdP's fields, and leavers already marked."""
    approvals = approvals_of(world) if approve else []
    plan = plan_of(world, approvals=approvals)
    for change in plan.changes:
        event(change.kind.value)
    after = plan_of(run(world, steps_of(plan, scope_of(world), takes_wfo=takes_wfo)), approvals=approvals)
    assert not after.pending
    assert {change.kind for change in after.changes} <= {Kind.BLOCKED, Kind.AT_IDP, Kind.WAIT}


@many
@given(worlds(), st.booleans())
def test_comparing_while_flex_is_read_changes_no_plan(world: World, applied: bool):
    """A page of Workers at a time beside all of them at the end; mostly of people who are as declared."""
    if applied:
        world = run(world, steps_of(plan_of(world), scope_of(world)))
    ahead = Ahead(world.wanted.users, scope_of(world), NOW)
    ahead.look(live.worker for live in world.snapshot.users.values() if live.worker is not None)
    found, plain = plan_of(world, ahead=ahead), plan_of(world)
    assert found.changes == plain.changes
    assert found.guarded == plain.guarded
    assert found.evidence.markers == plain.evidence.markers


@many
@given(worlds(), st.data())
def test_a_run_cut_short_anywhere_and_repeated_ends_the_same(world: World, data: st.DataObject):
    """Every prefix of the writes, then a whole run, is one whole run."""
    approvals = approvals_of(world)
    steps = steps_of(plan_of(world, approvals=approvals), scope_of(world))
    whole = run(world, steps)
    cut = run(world, steps[: data.draw(st.integers(0, len(steps)), label="steps before the crash")])
    again = run(cut, steps_of(plan_of(cut, approvals=approvals), scope_of(world)))
    assert told(again) == told(whole)


@many
@given(worlds(), st.randoms(use_true_random=False))
def test_any_order_of_changes_ends_the_same(world: World, shuffle: random.Random):
    """Users are independent: concurrency may carry their changes out in any order."""
    plan = plan_of(world)
    changes = list(plan.changes)
    shuffle.shuffle(changes)
    shuffled = replace(plan, changes=tuple(changes))
    scope = scope_of(world)
    assert told(run(world, steps_of(shuffled, scope))) == told(run(world, steps_of(plan, scope)))


@many
@given(worlds())
def test_what_is_unmanaged_is_untouched(world: World):
    """Users that are not ours keep every byte; on ours, whatever nobody declares keeps its bytes and its order."""
    plan = plan_of(world)
    after = run(world, steps_of(plan, scope_of(world))).snapshot.users
    changes = {change.username: change for change in plan.changes}
    renamed = {change.old.username for change in plan.changes if change.old}
    for username, live in world.snapshot.users.items():
        change = changes.get(username)
        if username in renamed:
            continue
        if change is None or not change.pending:
            assert after[username] == live
        elif change.kind in {Kind.ADOPT, Kind.UPDATE} and live.worker:
            assert _strange(after[username], change) == _strange(live, change)


def _strange(live: LiveUser, change: UserChange) -> tuple[list[tuple[str, str]], object]:
    """Leaves of the attributes (in order, as JSON) and skills that are nobody's in this stack."""
    attributes: dict[str, Any] = (live.worker.attributes() if live.worker else None) or {}
    owned = owned_keys(change)
    paths = [key.path for key in owned if key.space == "attr"]
    routing = attributes.pop("routing", None)
    attributes.pop(ATTRIBUTE, None)
    found = [
        ("/".join(path), text)
        for path, text in _leaves(attributes)
        if not any(path[: len(own)] == own or own[: len(path)] == path for own in paths)
    ]
    return found, _strange_routing(routing, change, owned)


def _strange_routing(routing: Any, change: UserChange, owned: set[str]) -> object:
    if not isinstance(routing, dict):
        return None if routing is None or any(key.space == "skill" for key in owned) else routing
    rest = {name: value for name, value in routing.items() if name not in {"skills", "levels"}}
    if change.desired and owns_all_skills(change.desired):
        return rest or None
    names = [name for name in routing.get("skills", []) if skill_key(name) not in owned]
    levels = {name: level for name, level in routing.get("levels", {}).items() if skill_key(name) not in owned}
    return {**rest, **({"skills": names} if names else {}), **({"levels": levels} if levels else {})} or None


def _leaves(value: Mapping[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    for name, item in value.items():
        if isinstance(item, dict) and item:
            yield from _leaves(item, (*above, name))
        else:
            yield (*above, name), json.dumps(item)


@many
@given(worlds(), st.randoms(use_true_random=False))
def test_the_order_of_the_yaml_does_not_matter(world: World, shuffle: random.Random):
    """Nor that in which Flex lists its users: changes, guards and digest are the same."""

    def mixed(items: Mapping[str, Any]) -> dict[str, Any]:
        pairs = [(key, mixed(value) if isinstance(value, dict) else value) for key, value in items.items()]
        shuffle.shuffle(pairs)
        return dict(pairs)

    users = {
        name: replace(
            user,
            attributes=mixed(user.attributes),
            skills=None if user.skills is None else mixed(user.skills),
            channels=mixed(user.channels),
        )
        for name, user in mixed(world.wanted.users).items()
    }
    other = World(replace(world.wanted, users=users), world.snapshot).with_users(mixed(world.snapshot.users))
    assert _sorted_plan(plan_of(other)) == _sorted_plan(plan_of(world))


def _sorted_plan(plan: Plan) -> tuple[object, ...]:
    changes = [
        (change.username, change.kind, sorted(map(repr, change.fields)), change.why, change.reason, change.digest)
        for change in plan.changes
    ]
    return changes, plan.guarded, plan.violations, plan.digest, [change.username for change in plan.unmanaged]


@many
@given(worlds())
def test_everybody_is_accounted_for_once(world: World):
    """Each person has at most one line in a plan, and none is both changed and unmanaged."""
    plan = plan_of(world)
    names = [change.username for change in (*plan.changes, *plan.unmanaged)]
    names += [change.old.username for change in plan.changes if change.old]
    assert len(names) == len(set(names))
    touched = sum(change.desired is not None for change in plan.changes)
    assert plan.declared == plan.in_sync + touched


@many
@given(worlds())
def test_no_users_field_is_listed_twice_to_be_written(world: World):
    """A field has one value to become."""
    for change in plan_of(world).changes:
        written = [item.key.text for item in change.fields if item.writes]
        assert len(written) == len(set(written))


@many
@given(worlds())
def test_a_plan_is_a_function_of_what_it_is_given(world: World):
    """The same twice, and neither side is changed by planning."""
    before = told(world)
    assert plan_of(world) == plan_of(world)
    assert told(world) == before


@many
@given(worlds())
def test_a_packed_marker_means_what_a_named_one_means(world: World):
    """Every field of every change is the same, but for those that are in neither YAML nor Flex: they are counted."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(marker, "LONGEST_NAMED", -1)
        users = {name: replace(live, worker=_packed(live.worker)) for name, live in world.snapshot.users.items()}
    packed = replace(world, snapshot=replace(world.snapshot, users=users))
    assert _meant(plan_of(packed)) == _meant(plan_of(world))


def _packed(worker: Worker | None) -> Worker | None:
    attributes = worker.attributes() if worker is not None else None
    if worker is None or attributes is None:
        return worker
    try:
        text = marker.parse(attributes.get(ATTRIBUTE)).text()
    except marker.UnreadableMarker:
        return worker
    return replace(worker, text=json.dumps({**attributes, ATTRIBUTE: text}))


def _meant(plan: Plan) -> list[Any]:
    return [
        (
            change.username,
            change.kind,
            change.why,
            change.reason,
            sorted({repr(_field(item)) for item in change.fields}),
        )
        for change in plan.users
        if not isinstance(change, Blocked)
    ]


def _field(item: FieldChange) -> tuple[Any, ...]:
    if item.key is GONE or (item.key.space in {"attr", "skill"} and item.let_go and item.before is ABSENT):
        return ("in neither",)
    return (item.key, item.before, item.after, item.cause, item.route, item.let_go)
