"""The identity provider's side of a plan: what each user should have there, whose change it is, what is left alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from flexres.reconcile.change import Cause, IdpEdit, Kind, UserChange
from flexres.reconcile.fields import hash_of
from flexres.reconcile.idp.model import Application, Claim, Connection, IdpState, IdpUser
from flexres.reconcile.idp.users import IdpSides, flex_name, join, wanted_claims
from flexres.reconcile.key import Key
from flexres.reconcile.marker import Marker
from flexres.values import ABSENT, Json, Value
from tests.unit.reconcile.builders import STACK_ID
from tests.unit.report.idp_samples import WANTED
from tests.unit.report.samples import desired, in_flex

ANA = replace(desired("ana@example.com"), attributes={"department": "Sales", "vip": True})
OURS = replace(WANTED, claims={"department": "department"})


def edit(flex: Value, *, marker: Mapping[str, Json] | None = None, user: Any = ANA, name: str = "") -> IdpEdit | None:
    """What happens at the provider to a user who is as declared in Flex; `marker` are keys and values set last."""
    there = IdpUser("auth0|1", "ana@example.com", name, flex)
    keys = {Key.parse(key): hash_of(value) for key, value in (marker or {}).items()}
    changes, _, _ = join(
        IdpSides(OURS, IdpState(users={"ana@example.com": (there,)})),
        [],
        {user.username: user},
        {user.username: in_flex(user)},
        {user.username: Marker(stack_id=STACK_ID, at=0, keys=keys)},
    )
    return changes[0].idp if changes else None


def applied(flex: Mapping[str, Json], found: IdpEdit | None) -> dict[str, Json]:
    """The `flex` of app_metadata afterwards."""
    after = dict(flex)
    for item in found.fields if found else ():
        after.pop(flex_name(item.key), None)
        if item.after is not ABSENT:
            after[flex_name(item.key)] = item.after
    return after


def complete(user: Any = ANA) -> dict[str, Json]:
    return {flex_name(key): value for key, value in wanted_claims(user, OURS, None).items()}


def test_what_is_as_declared_is_left_alone() -> None:
    assert edit(complete()) is None


def test_the_order_of_roles_says_nothing() -> None:
    user = replace(ANA, roles=("agent", "supervisor"))
    assert edit({**complete(user), "roles": ["supervisor", "agent"]}, user=user) is None


def test_a_name_that_the_profile_has_needs_no_second_place() -> None:
    flex = complete()
    del flex["full_name"]
    assert edit(flex, name=ANA.full_name) is None


def test_only_claims_go_there() -> None:
    """An attribute that is no claim of `sso:` is Flex's alone."""
    found = edit(ABSENT)
    assert found is not None
    assert {item.key.text for item in found.fields} == {"roles", "full_name", "attr:department"}


def test_causes_follow_the_three_sides() -> None:
    """Git where it is as we set it, the provider where the YAML is, both where neither is."""
    causes = {}
    for case, was in (("git", "Ops"), ("IdP", "Sales"), ("both", "Care")):
        found = edit({**complete(), "department": "Ops"}, marker={"attr:department": was})
        assert found is not None
        causes[case] = found.fields[0].cause
    assert causes == {"git": Cause.GIT, "IdP": Cause.IDP, "both": Cause.BOTH}


def test_what_we_set_and_nobody_declares_is_taken_out_only_untouched() -> None:
    user = replace(ANA, attributes={})
    untouched = edit({**complete(user), "department": "Ops"}, marker={"attr:department": "Ops"}, user=user)
    touched = edit({**complete(user), "department": "Care"}, marker={"attr:department": "Ops"}, user=user)
    assert untouched is not None
    assert untouched.fields[0].after is ABSENT
    assert touched is None


def test_a_person_with_two_users_keeps_the_roles_while_one_stays() -> None:
    """The one who leaves has the address of the one who stays."""
    leaver = in_flex(replace(ANA, username="old"))
    there = IdpUser("auth0|1", "ana@example.com", "", complete())
    leaving = UserChange("old", Kind.RETIRE, live=leaver)
    sides = IdpSides(OURS, IdpState(users={"ana@example.com": (there,)}))

    alone, _, _ = join(sides, [leaving], {}, {"old": leaver}, {})
    beside, _, _ = join(sides, [leaving], {ANA.username: ANA}, {ANA.username: in_flex(ANA), "old": leaver}, {})

    assert alone[0].idp is not None
    assert beside[0].idp is None


def strangers_of(
    *accounts: tuple[str, Any], leaving: str | None = None, declared: bool = True
) -> list[tuple[str, tuple[str, ...], Claim]]:
    """The accounts of Ana's address that the plan names, by id and `flex`; `leaving` is a leaver of that address."""
    there = tuple(IdpUser(user_id, "ana@example.com", "", flex) for user_id, flex in accounts)
    leavers = [UserChange(leaving, Kind.RETIRE, live=in_flex(replace(ANA, username=leaving)))] if leaving else []
    users = {ANA.username: ANA} if declared else {}
    live = {ANA.username: in_flex(ANA)} if declared else {}
    _, plan, _ = join(IdpSides(OURS, IdpState(users={"ana@example.com": there})), leavers, users, live, {})
    return [(one.user_id, one.roles, one.claim) for one in plan.strangers]


ADMIN: dict[str, Json] = {"roles": ["admin"]}


def test_two_accounts_of_a_leaver_keep_no_roles_in_silence() -> None:
    """Which of them is theirs nobody knows, so none is changed, and both are named."""
    found = strangers_of(("auth0|1", ADMIN), ("auth0|2", {"roles": "agent, supervisor"}), leaving="old", declared=False)
    assert found == [("auth0|1", ("admin",), Claim.LEFT), ("auth0|2", ("agent", "supervisor"), Claim.LEFT)]


def test_one_account_of_a_leaver_loses_its_roles_and_is_no_stranger() -> None:
    assert strangers_of(("auth0|1", ADMIN), leaving="old", declared=False) == []


def test_an_account_that_nobody_declares_is_named_with_its_roles() -> None:
    assert strangers_of(("auth0|1", ADMIN), declared=False) == [("auth0|1", ("admin",), Claim.UNDECLARED)]


def test_another_account_of_a_declared_address_is_named_where_it_has_more_roles() -> None:
    """It signs in as the same user."""
    assert strangers_of(("auth0|1", complete()), ("auth0|2", ADMIN)) == [("auth0|2", ("admin",), Claim.SECOND)]


def test_accounts_without_roles_are_nobodys_business() -> None:
    """The action lets none of them in."""
    for flex in (ABSENT, {}, {"roles": []}, {"roles": {"admin": True}}, {"roles": [["admin"]]}, "admin", None):
        assert strangers_of(("auth0|1", flex), declared=False) == []


def test_other_connections_of_the_application_are_named() -> None:
    """Whoever signs in through them has been looked at by nobody."""
    application = Application("c1", "Twilio Flex", "regular_web", (), {}, OURS.owner)
    others = tuple(
        Connection(f"con_{name}", name, database=False, enabled_for=enabled)
        for name, enabled in (("google-oauth2", ("c1", "c2")), ("github", ("c2",)), ("saml", None))
    )
    _, plan, _ = join(IdpSides(OURS, IdpState(applications=(application,), others=others)), [], {}, {}, {})
    assert plan.others == ("google-oauth2",)


_values = st.one_of(st.text(max_size=4), st.integers(-9, 9), st.booleans(), st.lists(st.text(max_size=3), max_size=2))
_keys = st.one_of(st.sampled_from(["roles", "full_name", "email", "name_id", "department"]), st.text("abc", min_size=1))
_flexes = st.dictionaries(_keys, _values, max_size=6)


@given(_flexes)
def test_once_applied_nothing_is_left_and_nothing_else_is_touched(flex: dict[str, Json]) -> None:
    """Whatever was there: one edit makes it right, a second finds nothing, and keys of others stay as they were."""
    after = applied(flex, edit(flex))

    assert edit(after) is None
    ours = {"roles", "full_name", "email", "name_id", "department"}
    assert {key: value for key, value in after.items() if key not in ours} == {
        key: value for key, value in flex.items() if key not in ours
    }
