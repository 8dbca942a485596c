"""Ownership, three ways: what is made so, why it differs, what is removed, let go or never touched."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from flexres.desired.model import Channel
from flexres.reconcile.change import Cause, Kind, Route
from flexres.reconcile.diff import Scope, field_changes, managed, marker_for
from flexres.reconcile.fields import attribute_key, facts, worker_facts
from flexres.reconcile.key import GONE, Key
from flexres.reconcile.marker import Marker
from flexres.values import ABSENT, short_hash
from tests.unit.reconcile.builders import (
    ANA,
    BEN,
    OTHER_ID,
    SSO,
    STACK_ID,
    applied,
    channel,
    field,
    idp_scope,
    in_flex,
    kinds,
    only,
    person,
    plan_for,
)


@pytest.mark.parametrize(
    "user",
    [
        person(),
        person(roles=("admin", "agent"), attributes={"level": 3, "home": {"city": "Rome", "geo": {}}, "tags": []}),
        person(skills={"billing": 3, "returns": True}, channels={"voice": Channel(available=True, capacity=2)}),
        person(skills={}, until=date(2027, 1, 31)),
    ],
)
def test_what_was_applied_is_in_sync(user):
    """Nobody changed anything: no change, and everybody counted."""
    plan = plan_for([user], [applied(user)])
    assert plan.changes == ()
    assert not plan.pending
    assert (plan.declared, plan.in_sync, plan.in_flex) == (1, 1, 1)


LEVEL_2, LEVEL_3 = person(attributes={"level": 2}), person(attributes={"level": 3})


@pytest.mark.parametrize(
    ("before", "now", "flex", "cause"),
    [
        (LEVEL_2, LEVEL_3, 2, Cause.GIT),
        (LEVEL_3, LEVEL_3, 2, Cause.FLEX),
        (LEVEL_3, LEVEL_3, None, Cause.FLEX),
        (LEVEL_2, LEVEL_3, 7, Cause.BOTH),
        (LEVEL_2, LEVEL_3, None, Cause.BOTH),
        (person(), LEVEL_3, None, Cause.GIT),
        (person(), LEVEL_3, 7, Cause.GIT),
    ],
)
def test_a_difference_says_who_caused_it(before, now, flex, cause):
    """Flex still has our value: git. The YAML still has it: Flex. Neither: both."""
    live = applied(before, attributes={} if flex is None and before is not LEVEL_2 else {"level": flex})
    if flex is None and before.attributes:
        live = applied(before, attributes={"level": None})
    change = only(plan_for([now], [live]))
    level = field(change, "attr:level")
    assert change.kind is Kind.UPDATE
    assert (level.after, level.cause, level.writes) == (3, cause, True)
    assert level.before == (ABSENT if flex is None else flex)


def test_both_sides_having_changed_to_the_same_is_only_noted():
    """Nothing to write but our marker."""
    change = only(plan_for([LEVEL_3], [applied(LEVEL_2, attributes={"level": 3})]))
    level = field(change, "attr:level")
    assert (level.before, level.after, level.writes) == (3, 3, False)
    assert change.pending


@pytest.mark.parametrize(
    ("want", "have", "in_sync"),
    [(3, 3.0, True), (1, True, False), ("3", 3, False), ([], None, False), ({}, [], False)],
)
def test_values_are_compared_as_json(want, have, in_sync):
    """3.0 is 3, true is not 1, text is not a number."""
    user = person(attributes={"x": want})
    plan = plan_for([user], [applied(user, attributes={"y": 1, "x": have} if have is not None else {"x": None})])
    assert (plan.changes == ()) is in_sync


@pytest.mark.parametrize("key", ["full_name", "email", "roles"])
def test_the_profile_is_made_so(key):
    """Where no identity provider writes it."""
    user = person(roles=("agent", "supervisor"))
    edits = {"full_name": "Somebody", "email": "else@example.com", "roles": ("agent",)}
    change = only(plan_for([user], [applied(user, **{key: edits[key]})]))
    (item,) = change.fields
    assert (item.key.text, item.route, item.cause) == (key, Route.PROFILE, Cause.FLEX)


def test_the_order_of_roles_in_flex_is_no_difference():
    """Roles are a set."""
    user = person(roles=("agent", "supervisor"))
    assert plan_for([user], [applied(user, roles=("supervisor", "agent"))]).changes == ()


class TestNoLongerDeclared:
    """A key of the marker that the YAML no longer names."""

    @pytest.mark.parametrize(
        ("before", "key", "value"),
        [
            (person(attributes={"level": 3}), "attr:level", 3),
            (person(attributes={"home": {"city": "Rome"}}), "attr:home/city", "Rome"),
            (person(attributes={"tags": []}), "attr:tags", []),
            (person(attributes={"home": {}}), "attr:home", {}),
            (person(skills={"billing": 3}), "skill:billing", 3),
            (person(skills={"billing": True}), "skill:billing", True),
        ],
    )
    def test_it_is_removed_where_flex_still_has_our_value(self, before, key, value):
        """We set it, we take it back."""
        change = only(plan_for([person()], [applied(before)]))
        item = field(change, key)
        assert (item.before, item.after, item.cause, item.let_go) == (value, ABSENT, Cause.GIT, False)
        assert item.writes

    @pytest.mark.parametrize(
        ("before", "edits", "key"),
        [
            (person(attributes={"level": 3}), {"level": 7}, "attr:level"),
            (person(attributes={"level": 3}), {"level": None}, "attr:level"),
            (person(attributes={"home": {"city": "Rome"}}), {"home": {"city": "Bonn"}}, "attr:home/city"),
            (person(attributes={"home": {"city": "Rome"}}), {"home": "Rome"}, "attr:home/city"),
            (
                person(skills={"billing": 3}),
                {"routing": {"skills": ["billing"], "levels": {"billing": 5}}},
                "skill:billing",
            ),
            (person(skills={"billing": 3}), {"routing": {"skills": []}}, "skill:billing"),
        ],
    )
    def test_it_is_let_go_where_somebody_changed_it(self, before, edits, key):
        """It is theirs now; the report says so, and only the marker is written."""
        change = only(plan_for([person()], [applied(before, attributes=edits)]))
        item = field(change, key)
        assert (item.let_go, item.writes, item.cause) == (True, False, Cause.FLEX)
        assert item.before == item.after
        assert change.pending

    def test_a_channel_setting_is_let_go_because_flex_cannot_unset_it(self):
        """Channels have no absent."""
        before = person(channels={"voice": Channel(available=True, capacity=2)})
        after = person(channels={"voice": Channel(available=True)})
        item = field(only(plan_for([after], [applied(before)])), "channel:voice.capacity")
        assert (item.before, item.after, item.let_go, item.writes, item.cause) == (2, 2, True, False, Cause.GIT)

    def test_a_map_that_became_a_text_and_a_text_that_became_a_map_change_both_fields(self):
        """One key leaves and another comes."""
        text, leaves = person(attributes={"home": "Rome"}), person(attributes={"home": {"city": "Rome"}})
        to_map = only(plan_for([leaves], [applied(text)]))
        assert field(to_map, "attr:home").after is ABSENT
        assert field(to_map, "attr:home/city").before is ABSENT
        to_text = only(plan_for([text], [applied(leaves)]))
        assert field(to_text, "attr:home/city").after is ABSENT
        assert field(to_text, "attr:home").after == "Rome"


class TestUnmanaged:
    """Keys that the YAML never named."""

    @pytest.mark.parametrize(
        "attributes",
        [
            {"plugin": {"theme": "dark"}},
            {"contact_uri": "client:ana", "team_sid": "QO1", "image_url": None},
            {"home": {"zip": "00100"}},
            {"routing": {"skills": ["wine"], "levels": {"wine": 5}}},
        ],
    )
    def test_they_are_no_difference(self, attributes):
        """Whoever wrote them keeps them."""
        user = person(attributes={"level": 3})
        assert plan_for([user], [applied(user, attributes=attributes)]).changes == ()

    def test_leaves_of_a_shared_map_have_each_their_owner(self):
        """Ours is put right, the neighbour's is not mentioned."""
        user = person(attributes={"home": {"city": "Rome"}})
        live = applied(user, attributes={"home": {"city": "Bonn", "zip": "00100"}})
        assert [item.key.text for item in only(plan_for([user], [live])).fields] == ["attr:home/city"]

    def test_undeclared_channels_and_settings_are_not_mentioned(self):
        """Only what is declared is compared."""
        user = person(channels={"voice": Channel(capacity=2)})
        live = applied(user, channels=[channel("voice", available=False, capacity=2), channel("chat", capacity=9)])
        assert plan_for([user], [live]).changes == ()


class TestSkills:
    """Owned one by one, or as a whole list."""

    def test_a_supervisors_additional_skill_stays(self):
        """They edit skills during the day."""
        user = person(skills={"billing": 3})
        live = applied(user, attributes={"routing": {"skills": ["billing", "wine"], "levels": {"billing": 3}}})
        assert plan_for([user], [live]).changes == ()

    @pytest.mark.parametrize("user", [person(skills={"billing": 3}, skills_exact=True), person(skills={})])
    def test_an_owned_list_loses_what_nobody_declares(self, user):
        """`skills_exact: true` says it, and so does an empty map."""
        live = applied(user)
        attributes = {"routing": {"skills": [*(user.skills or {}), "wine"], "levels": dict(user.skills or {})}}
        item = field(
            only(plan_for([user], [replace(applied(user, attributes=attributes), channels=live.channels)])),
            "skill:wine",
        )
        assert (item.before, item.after, item.cause) == (True, ABSENT, Cause.FLEX)

    def test_an_owned_list_also_loses_what_we_set_and_somebody_changed(self):
        """Let go does not apply: the list is ours."""
        before = person(skills={"billing": 3, "wine": 1}, skills_exact=True)
        now = person(skills={"billing": 3}, skills_exact=True)
        live = applied(
            before, attributes={"routing": {"skills": ["billing", "wine"], "levels": {"billing": 3, "wine": 9}}}
        )
        item = field(only(plan_for([now], [live])), "skill:wine")
        assert (item.before, item.after, item.cause, item.writes) == (9, ABSENT, Cause.BOTH, True)

    def test_skills_exact_without_skills_owns_nothing(self):
        """Absent is unmanaged."""
        user = person(skills=None, skills_exact=True)
        assert plan_for([user], [applied(user, attributes={"routing": {"skills": ["wine"]}})]).changes == ()

    def test_a_skill_with_a_level_where_none_is_declared_differs(self):
        """`returns: true` means no level."""
        user = person(skills={"returns": True})
        live = applied(user, attributes={"routing": {"skills": ["returns"], "levels": {"returns": 2}}})
        item = field(only(plan_for([user], [live])), "skill:returns")
        assert (item.before, item.after) == (2, True)

    def test_routing_that_is_not_of_flexs_form_blocks_the_user_alone(self):
        """Writing skills would destroy what somebody put there."""
        user = person(skills={"billing": 3})
        other = person("ben@example.com", attributes={"level": 1})
        plan = plan_for([user, other], [applied(user, attributes={"routing": "wine"}), in_flex("ben@example.com")])
        assert kinds(plan) == {ANA: Kind.BLOCKED, "ben@example.com": Kind.ADOPT}


class TestChannels:
    """Channels are fields of their own, by another route."""

    @pytest.mark.parametrize(("setting", "value"), [("available", False), ("capacity", 7)])
    def test_a_changed_setting_is_put_back(self, setting, value):
        """Each setting alone."""
        user = person(channels={"voice": Channel(available=True, capacity=2)})
        now = {"available": True, "capacity": 2, setting: value}
        change = only(plan_for([user], [applied(user, channels=[channel("voice", **now)])]))
        (item,) = change.fields
        assert (item.key.text, item.before, item.route) == (f"channel:voice.{setting}", value, Route.CHANNEL)

    def test_a_channel_that_flex_does_not_have_blocks_the_user(self):
        """A Worker has a channel for each task channel of the Workspace."""
        user = person(channels={"voice": Channel(capacity=2)})
        change = only(plan_for([user], [applied(user, channels=[])]))
        assert change.kind is Kind.BLOCKED
        assert "no task channel voice" in change.reason


class TestUntilAndLeaving:
    """What only the marker holds."""

    @pytest.mark.parametrize(
        ("before", "after"),
        [(None, date(2027, 1, 31)), (date(2027, 1, 31), None), (date(2027, 1, 31), date(2028, 1, 31))],
    )
    def test_another_last_day_is_a_change(self, before, after):
        """It is applied, so that an expiry later is no surprise."""
        item = field(only(plan_for([person(until=after)], [applied(person(until=before))])), "until")
        assert item.before == (before.isoformat() if before else ABSENT)
        assert item.after == (after.isoformat() if after else ABSENT)
        assert item.route is Route.MARKER

    def test_a_leaving_is_called_off_by_declaring_the_user_again(self):
        """The time on the marker goes."""
        change = only(plan_for([person()], [applied(person(), leaving=5, busy=True)]))
        assert change.kind is Kind.UPDATE
        item = field(change, "leaving")
        assert (item.before, item.after) == (5, ABSENT)


class TestTheIdpWritesToo:
    """With SSO, roles, full name and e-mail come from the identity provider at every login."""

    @pytest.mark.parametrize("key", ["full_name", "email", "roles"])
    def test_a_difference_is_a_change_to_make_there(self, key):
        """Not written, and nothing pending."""
        user = person(roles=("agent", "supervisor"))
        edits = {"full_name": "Somebody", "email": "else@example.com", "roles": ("agent",)}
        plan = plan_for([user], [applied(user, scope=idp_scope(), **{key: edits[key]})], sso=SSO)
        change = only(plan)
        assert (change.kind, change.pending, plan.pending) == (Kind.AT_IDP, False, ())
        assert (field(change, key).route, field(change, key).writes) == (Route.IDP, False)

    def test_it_stands_beside_what_is_ours(self):
        """One user, two routes."""
        user = person(attributes={"level": 3})
        live = applied(user, scope=idp_scope(), full_name="Somebody", attributes={"level": 1})
        change = only(plan_for([user], [live], sso=SSO))
        assert change.kind is Kind.UPDATE
        assert field(change, "full_name").route is Route.IDP
        assert field(change, "attr:level").writes

    def test_all_three_are_written_when_a_user_is_created(self):
        """Before the first login nobody else does."""
        change = only(plan_for([person()], sso=SSO))
        assert {item.key.text: item.route for item in change.fields} == dict.fromkeys(
            ("email", "full_name", "roles"), Route.PROFILE
        )

    def test_a_managed_provider_makes_them_ours(self):
        """Then one change shows both writes."""
        plan = plan_for([person()], [applied(person(), full_name="Somebody")], sso=SSO, idp={"provider": "auth0"})
        assert field(only(plan), "full_name").writes

    def test_turning_sso_on_lets_go_of_the_three(self):
        """They leave the marker, and Flex keeps them."""
        change = only(plan_for([person()], [applied(person())], sso=SSO))
        assert {(item.key.text, item.let_go, item.writes) for item in change.fields} == {
            (key, True, False) for key in ("email", "full_name", "roles")
        }

    def test_a_marker_does_not_hold_what_is_not_ours(self):
        """Nor does `managed`."""
        user = person(attributes={"level": 3})
        assert set(managed(user, idp_scope())) == {Key.parse("attr:level")}
        assert set(marker_for(user, idp_scope(), 5).keys) == {Key.parse("attr:level")}


class TestInsightsRoles:
    """`wfo.*` roles: nobody says whether Provision takes them."""

    USER = person(roles=("agent", "wfo.data_analyst"))

    def test_roles_that_flex_did_not_take_are_not_written_again(self):
        """We sent them; the provider has to claim them."""
        change = only(plan_for([self.USER], [applied(self.USER, roles=("agent",))]))
        assert (change.kind, field(change, "roles").route) == (Kind.AT_IDP, Route.IDP)

    @pytest.mark.parametrize("roles", [("agent", "supervisor"), (), ("agent", "wfo.other")])
    def test_any_other_difference_of_roles_is_written(self, roles):
        """Somebody changed more than that."""
        change = only(plan_for([self.USER], [applied(self.USER, roles=roles)]))
        assert (change.kind, field(change, "roles").route) == (Kind.UPDATE, Route.PROFILE)

    def test_they_are_sent_when_git_adds_them(self):
        """Once at least."""
        change = only(plan_for([self.USER], [applied(person())]))
        assert field(change, "roles").route is Route.PROFILE


class TestMarkers:
    """Whose user it is."""

    @pytest.mark.parametrize(
        "marker", [Marker(OTHER_ID), "", "hello", "v9;id=k7m2q9;at=0;keys="], ids=["foreign", "empty", "text", "v9"]
    )
    def test_a_declared_user_with_a_marker_not_ours_is_blocked_alone(self, marker):
        """Never the rest."""
        ben = person("ben@example.com")
        plan = plan_for([person(), ben], [in_flex(marker=marker), in_flex("ben@example.com", full_name="Old")])
        assert kinds(plan) == {ANA: Kind.BLOCKED, "ben@example.com": Kind.ADOPT}
        assert plan.pending
        assert next(plan.of_kind(Kind.BLOCKED)).reason

    def test_a_foreign_marker_is_named(self):
        """So that somebody can find the other stack."""
        reason = only(plan_for([person()], [in_flex(marker=Marker(OTHER_ID))])).reason
        assert OTHER_ID in reason
        assert STACK_ID in reason

    @pytest.mark.parametrize("text", ["", "[]", "null", '"text"', "{", "NaN"])
    def test_attributes_that_are_no_object_block_a_declared_user(self, text):
        """They cannot be merged into."""
        assert only(plan_for([person()], [in_flex(text=text)])).kind is Kind.BLOCKED

    def test_an_undeclared_user_with_an_unreadable_marker_is_blocked(self):
        """It may be ours."""
        assert only(plan_for([], [in_flex(marker="hello")])).kind is Kind.BLOCKED

    @pytest.mark.parametrize(
        "live", [in_flex(), in_flex(text="["), in_flex(worker=False), in_flex(marker=Marker(OTHER_ID))]
    )
    def test_an_undeclared_user_without_our_marker_is_unmanaged(self, live):
        """Reported, unless the policy ignores them; never a change."""
        plan = plan_for([], [live])
        assert plan.changes == ()
        assert [change.username for change in plan.unmanaged] == [ANA]
        assert plan_for([], [live], unmanaged="ignore").unmanaged == ()

    def test_another_stacks_user_says_whose_they_are(self):
        """Two stacks may share an instance."""
        (change,) = plan_for([], [in_flex(marker=Marker(OTHER_ID))]).unmanaged
        assert OTHER_ID in change.reason

    def test_a_marker_of_ours_with_other_hashes_is_believed_for_no_more_than_causes(self):
        """An agent who forges one gets the declared value all the same."""
        user = person(attributes={"level": 3})
        forged = Marker(STACK_ID, keys={Key.parse("attr:level"): short_hash(9)})
        change = only(plan_for([user], [in_flex(attributes={"level": 9}, marker=forged)]))
        assert field(change, "attr:level").after == 3


class TestAdopt:
    """No marker, declared."""

    def test_even_without_a_difference_it_is_a_change(self):
        """The marker has to be written."""
        change = only(plan_for([person()], [in_flex()]))
        assert (change.kind, change.fields, change.pending) == (Kind.ADOPT, (), True)

    def test_it_lists_only_what_is_to_be_written(self):
        """What is as wanted already needs no line."""
        user = person(attributes={"level": 3, "tier": 1})
        change = only(plan_for([user], [in_flex(attributes={"level": 3, "tier": 2, "plugin": 1})]))
        assert [(item.key.text, item.before, item.after) for item in change.fields] == [("attr:tier", 2, 1)]

    def test_a_user_without_a_worker_gets_one(self):
        """TaskRouter lost it; Provision makes one."""
        change = only(plan_for([person(attributes={"level": 3})], [in_flex(worker=False)]))
        assert (change.kind, change.pending) == (Kind.UPDATE, True)
        assert [item.key.text for item in change.fields] == ["attr:level"]


def test_a_field_that_a_run_leaves_alone_is_not_touched_and_stays_in_the_marker_as_it_was():
    """Of that user alone: everybody else's is made so."""
    user, other = person(attributes={"level": 3, "tier": 1}), person(BEN, attributes={"level": 3})
    kept = {attribute_key("level"): short_hash(9)}
    scope = Scope(STACK_ID, left={ANA: kept})
    there = worker_facts({"level": 7, "tier": 7})
    profile = {"attr:level", "attr:tier", "email", "full_name", "roles"}
    assert {item.key.text for item in field_changes(user, there, None, scope)} == profile - {"attr:level"}
    assert attribute_key("level") in {item.key for item in field_changes(other, there, None, scope)}
    assert marker_for(user, scope, 5).keys[attribute_key("level")] == short_hash(9)
    assert marker_for(user, scope, 5).keys[attribute_key("tier")] == short_hash(1)
    assert marker_for(other, scope, 5).keys[attribute_key("level")] == short_hash(3)


def test_packed_fields_that_nobody_has_are_told_by_their_number():
    """Their names are known to nobody; the marker alone is written."""
    many = person(attributes={f"customer_segment_{number}": number for number in range(58)})
    change = only(plan_for([person()], [applied(many, attributes=dict.fromkeys(many.attributes))]))
    gone = field(change, GONE.text)
    assert (gone.before, gone.after, gone.route, gone.cause, gone.writes) == (58, ABSENT, Route.MARKER, Cause.GIT, True)


def test_fields_come_in_the_order_of_the_yaml():
    """A reader finds them where they wrote them."""
    user = person(attributes={"zeta": 1, "alpha": 2}, skills={"wine": True, "billing": 1})
    live = in_flex(marker=Marker(STACK_ID))
    changes = field_changes(user, facts(live, {}), Marker(STACK_ID), Scope(STACK_ID))
    assert [item.key.text for item in changes][-4:] == ["attr:zeta", "attr:alpha", "skill:wine", "skill:billing"]
