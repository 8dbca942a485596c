"""Live to YAML: what is exported, what is left out and why, and that a plan of the export writes nothing."""

from __future__ import annotations

from datetime import date
from typing import Any

from hypothesis import given, settings

from flexres.desired.model import Channel
from flexres.live.model import LiveUser, Snapshot, Worker
from flexres.reconcile.change import Kind
from flexres.reconcile.export.users import Export, Kept, LeftOut, escaped_identity, export_users
from flexres.reconcile.marker import Marker
from tests.unit.reconcile.builders import (
    ANA,
    BEN,
    CHO,
    OTHER_ID,
    STACK_ID,
    channel,
    in_flex,
    person,
    plan_for,
    snapshot,
)
from tests.unit.reconcile.live_users import snapshots


def export(*users: LiveUser, channels: bool = False, **kept: Any) -> Export:
    return export_users(snapshot(*users), Kept(stack_id=STACK_ID, **kept), channels=channels)


def why(found: Export) -> dict[tuple[str, str], str]:
    return {(item.username, item.what): item.why for item in found.left_out}


@given(live=snapshots())
@settings(max_examples=300, deadline=None)
def test_a_plan_of_the_export_adopts_and_changes_no_field(live: Snapshot) -> None:
    """Whatever Flex holds, declaring the export makes nothing to write but markers."""
    found = export_users(live, Kept(stack_id=STACK_ID), channels=True)
    plan = plan_for(found.users.values(), live)
    declared = [change for change in plan.changes if change.username in found.users]
    assert {change.kind for change in declared} <= {Kind.ADOPT}
    assert [change.fields for change in declared if change.fields] == []


@given(live=snapshots())
@settings(max_examples=100, deadline=None)
def test_nobody_is_left_out_silently(live: Snapshot) -> None:
    """Every active user is exported, or named with the reason."""
    found = export_users(live, Kept(stack_id=STACK_ID))
    named = {item.username for item in found.left_out if not item.what}
    active = {name for name, user in live.users.items() if not user.user.deactivated}
    assert found.users.keys() | named == active
    assert not found.users.keys() & named
    assert found.deactivated == len(live.users) - len(active)


def test_skills_come_from_routing() -> None:
    """Skills are written as skills, and nothing of routing stays among the attributes."""
    routing = {"skills": ["billing", "returns"], "levels": {"billing": 3, "gone": 1}}
    found = export(in_flex(attributes={"routing": routing}))
    assert found.users[ANA].skills == {"billing": 3, "returns": True}
    assert found.users[ANA].attributes == {}


def test_no_skills_are_unmanaged_skills() -> None:
    """An empty map would own the whole list."""
    assert export(in_flex()).users[ANA].skills is None


def test_an_impossible_level_is_left_out_by_name() -> None:
    """The other skills are exported."""
    routing = {"skills": ["billing", "returns"], "levels": {"billing": "three"}}
    found = export(in_flex(attributes={"routing": routing}))
    assert found.users[ANA].skills == {"returns": True}
    assert why(found)[ANA, "skill 'billing'"].startswith("its level is 'three'")


def test_what_flex_writes_itself_is_not_exported() -> None:
    """Nor is the contact address that it makes from the username, in either of the two seen forms."""
    flex = {"full_name": "Ana", "email": ANA, "roles": ["agent"], "team_sid": "QO1", "level": 3}
    for contact in (f"client:{ANA}", "client:ana_40example_2Ecom"):
        found = export(in_flex(attributes={**flex, "contact_uri": contact}))
        assert found.users[ANA].attributes == {"level": 3}
        assert found.left_out == ()


def test_another_contact_address_is_exported() -> None:
    """It is somebody's choice."""
    found = export(in_flex(attributes={"contact_uri": "sip:ana@pbx.example.com"}))
    assert found.users[ANA].attributes == {"contact_uri": "sip:ana@pbx.example.com"}


def test_an_automatic_contact_address_that_is_declared_stays_declared() -> None:
    """A re-export takes nothing out that is true."""
    declared = person(attributes={"contact_uri": "client:ana_40example_2Ecom"})
    live = in_flex(attributes={"contact_uri": "client:ana_40example_2Ecom"})
    assert export(live, users={ANA: declared}).users[ANA] == declared


def test_null_leaves_are_left_out_and_named() -> None:
    """YAML takes null for an opt-out; the leaves beside it are kept."""
    found = export(in_flex(attributes={"a": None, "b": {"c": None, "d": 1}, "e": {"f": None}, "g": {}}))
    assert found.users[ANA].attributes == {"b": {"d": 1}, "g": {}}
    assert {what for _, what in why(found)} == {"attribute 'a'", "attribute 'b' at 'c'", "attribute 'e' at 'f'"}


def test_names_that_yaml_would_read_as_types_are_left_out() -> None:
    """An attribute whose very name is level.int cannot be declared."""
    found = export(in_flex(attributes={"level.int": 3, "channel.voice.capacity": 1}))
    assert found.users[ANA].attributes == {}
    assert len(found.left_out) == 2


def test_attributes_beyond_the_size_are_left_out_longest_first() -> None:
    """A Worker may hold more than flexres lets anybody declare."""
    found = export(in_flex(attributes={"long": "x" * 2500, "longer": "x" * 2600, "short": "y"}))
    assert found.users[ANA].attributes.keys() == {"long", "short"}
    assert "exceed" in why(found)[ANA, "attribute 'longer'"]


def test_users_whom_a_plan_would_block_are_left_out() -> None:
    """Foreign and unreadable markers, attributes that are no object, an odd routing, no Worker."""
    cases = {
        "foreign": in_flex(marker=Marker(OTHER_ID)),
        "marker": in_flex(marker="?"),
        "not a JSON object": in_flex(text="[]"),
        "routing": in_flex(attributes={"routing": 1}),
        "no Worker": in_flex(worker=False),
        "waits to leave": in_flex(marker=Marker(STACK_ID, leaving=1)),
    }
    reasons = {name: export(live).left_out[0].why for name, live in cases.items()}
    assert reasons.pop("foreign") == f"is managed by stack id {OTHER_ID}"
    assert all(name in reason for name, reason in reasons.items())


def test_users_without_a_usable_profile_are_left_out() -> None:
    """Without a role, with roles that nobody knows, without a name or an address."""
    for broken in (
        {"roles": ()},
        {"roles": ("owner",)},
        {"roles": ("wfo.team_leader",)},
        {"full_name": ""},
        {"email": "x"},
    ):
        found = export(in_flex(**broken))  # type: ignore[arg-type]  # each is one of its arguments
        assert found.users == {}
        assert found.left_out[0].what == ""


def test_names_that_differ_by_case_are_exported_once() -> None:
    """Workers' names ignore case, so the YAML has no room for both."""
    found = export(in_flex("Ana@example.com"), in_flex(ANA))
    assert list(found.users) == ["Ana@example.com"]
    assert found.left_out == (LeftOut(ANA, "", "differs only by case from Ana@example.com"),)


def test_leavers_and_former_names_are_not_exported() -> None:
    """The YAML says already that they go."""
    found = export(
        in_flex(ANA), in_flex(BEN), leavers=[BEN], users={"new@example.com": person("new@example.com", previously=ANA)}
    )
    assert found.users == {}
    assert {item.why for item in found.left_out} == {"is named in leavers", "is what new@example.com was called before"}


def test_claims_of_the_identity_provider_are_not_declared() -> None:
    """It writes them at every login."""
    found = export(in_flex(attributes={"department": "Sales", "level": 1}), withheld={"department"})
    assert found.users[ANA].attributes == {"level": 1}


def test_a_re_export_keeps_what_flex_does_not_know() -> None:
    """The last day, the former name, the ownership of skills and the file."""
    declared = person(until=date(2027, 1, 31), previously=BEN, skills={}, skills_exact=True)
    assert export(in_flex(), users={ANA: declared}).users[ANA] == declared


def test_the_applied_last_day_is_exported() -> None:
    """A stack whose YAML was lost gets it back from our marker."""
    live = in_flex(marker=Marker(STACK_ID, until=date(2027, 1, 31)))
    assert export(live).users[ANA].until == date(2027, 1, 31)


def test_channels_are_exported_only_where_asked_for_or_declared() -> None:
    """Of declared channels, only the settings that are declared."""
    live = in_flex(channels=[channel("voice", available=False), channel("chat", capacity=60)])
    assert export(live).users[ANA].channels == {}
    declared = person(channels={"voice": Channel(available=True)})
    assert export(live, users={ANA: declared}).users[ANA].channels == {"voice": Channel(available=False)}
    asked = export(live, channels=True)
    assert asked.users[ANA].channels == {"chat": Channel(True, None), "voice": Channel(False, 1)}
    assert why(asked)[ANA, "capacity of channel chat"] == "it is 60, and 50 is the most"


def test_deactivated_users_and_orphans_are_counted_and_named() -> None:
    """They are no users to declare."""
    orphan = Worker("WK9", "robot", "WA1", "Offline", False, "{}")
    live = snapshot(in_flex(deactivated="2026-01-01T00:00:00Z"), orphans=[orphan])
    found = export_users(live, Kept(users={ANA: person()}))
    assert (found.users, found.deactivated, found.orphans, found.gone) == ({}, 1, ("robot",), (ANA,))


def test_declared_users_who_are_not_active_have_left_or_are_yet_to_come() -> None:
    """Whom Flex has never seen is new, and whoever takes an active user's place comes, too; case tells nobody apart."""
    left = in_flex("Cho@example.com", deactivated="2026-01-01T00:00:00Z")
    again = in_flex("again@example.com", deactivated="2026-01-01T00:00:00Z")
    users = [person(CHO, previously=BEN), person("again@example.com", previously=ANA), person("new@example.com")]
    found = export(in_flex(ANA), left, again, users={user.username: user for user in users})
    assert (found.gone, found.to_come) == ((CHO,), ("again@example.com", "new@example.com"))


def test_identities_are_escaped_as_clients_have_seen_them() -> None:
    """Every byte that is no letter or digit as an underscore and two hex digits."""
    assert escaped_identity("a@b.org") == "a_40b_2Eorg"
    assert escaped_identity("é") == "_C3_A9"
