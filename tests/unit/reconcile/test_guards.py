"""The guards, a table each: what they count, what they refuse, and what they leave alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from flexres.desired.model import Channel, Limit
from flexres.reconcile.change import Cause, FieldChange, IdpEdit, Kind, Route
from flexres.reconcile.guards.approvals import Approval, Source
from flexres.reconcile.guards.judge import evaluate
from flexres.reconcile.guards.model import Rule
from flexres.reconcile.guards.watch import gained_roles, lost_roles, roles_after
from flexres.reconcile.key import ROLES, Key
from flexres.reconcile.marker import Marker
from flexres.reconcile.plan import Plan
from tests.unit.reconcile.builders import (
    ANA,
    BEN,
    CHO,
    NOW,
    SSO,
    STACK_ID,
    applied,
    channel,
    idp_scope,
    in_flex,
    kinds,
    only,
    person,
    plan_for,
)

NAMES = [f"user{number}@example.com" for number in range(20)]
YESTERDAY = NOW.date() - timedelta(days=1)
TEN_PERCENT = Limit(percent=10.0)


def refused(plan: Plan, rule: Rule) -> list[str]:
    """The names in a rule's violations."""
    return [name for violation in plan.violations if violation.rule is rule for name in violation.usernames]


def watched(plan: Plan, rule: Rule) -> list[str]:
    """Whom a rule watches, refused or not."""
    return [item.username for item in plan.guarded if item.rule is rule]


@pytest.mark.parametrize(
    ("limit", "changes", "of", "allowed"),
    [
        (Limit(percent=10.0), 1, 10, True),
        (Limit(percent=10.0), 1, 9, False),
        (Limit(percent=10.0), 1, 5, False),
        (Limit(percent=10.0), 1, 1, False),
        (Limit(percent=10.0), 0, 0, True),
        (Limit(percent=10.0), 1, 0, False),
        (Limit(percent=0.0), 1, 10_000, False),
        (Limit(percent=100.0), 5, 5, True),
        (Limit(percent=33.3), 1, 3, False),
        (Limit(percent=33.4), 1, 3, True),
        (Limit(count=2), 2, 2, True),
        (Limit(count=2), 3, 10_000, False),
        (Limit(count=0), 1, 10_000, False),
        (Limit(count=5, percent=10.0), 5, 50, True),
        (Limit(count=5, percent=10.0), 5, 49, False),
        (Limit(count=5, percent=10.0), 6, 1_000, False),
    ],
)
def test_a_limit_holds_at_any_size(limit, changes, of, allowed):
    """No rounding, and none switched off for small stacks."""
    assert limit.allows(changes, of) is allowed


class TestMaxRemovals:
    """Retirements and the loss of admin or supervisor, among those we manage."""

    @pytest.mark.parametrize(
        ("managed", "leaving", "refuses"), [(10, 1, False), (9, 1, True), (20, 2, False), (20, 3, True)]
    )
    def test_it_counts_among_the_managed_users(self, managed, leaving, refuses):
        """Those with our marker, not all of Flex."""
        users = [person(name) for name in NAMES[:managed]]
        strangers = [in_flex(f"stranger{number}@example.com") for number in range(50)]
        live = [applied(user) for user in users]
        plan = plan_for(users[leaving:], [*live, *strangers], max_removals=TEN_PERCENT)
        assert refused(plan, Rule.MAX_REMOVALS) == (NAMES[:leaving] if refuses else [])

    @pytest.mark.parametrize(
        ("before", "after", "counts"),
        [
            (("agent", "supervisor"), ("agent",), True),
            (("admin",), ("agent",), True),
            (("admin",), ("supervisor",), True),
            (("admin",), ("admin", "agent"), False),
            (("agent", "wfo.data_analyst"), ("agent",), True),
            (("agent",), ("supervisor",), False),
        ],
    )
    def test_losing_a_role_beyond_agent_is_a_removal(self, before, after, counts):
        """Those of Flex Insights too."""
        plan = plan_for([person(roles=after)], [applied(person(roles=before))], max_removals=Limit(count=0))
        assert bool(refused(plan, Rule.MAX_REMOVALS)) is counts

    def test_an_adoption_can_take_roles_too(self):
        """Whoever made them admin."""
        plan = plan_for([person()], [in_flex(roles=("admin",))], max_removals=Limit(count=0))
        assert refused(plan, Rule.MAX_REMOVALS) == [ANA]

    def test_roles_that_the_idp_owns_are_not_taken_by_us(self):
        """Nothing is written."""
        live = applied(person(), scope=idp_scope(), roles=("admin",))
        assert watched(plan_for([person()], [live], sso=SSO), Rule.MAX_REMOVALS) == []

    @pytest.mark.parametrize(
        "plan",
        [
            plan_for([], [in_flex(marker=Marker(STACK_ID))], max_removals=TEN_PERCENT),
            plan_for([], [in_flex(marker=Marker(STACK_ID), busy=True)], max_removals=TEN_PERCENT),
            plan_for([], [in_flex()], leavers=[ANA], max_removals=TEN_PERCENT),
            plan_for([person(until=YESTERDAY)], [in_flex()], max_removals=TEN_PERCENT),
        ],
        ids=["undeclared", "busy", "leaver without marker", "expired, never applied"],
    )
    def test_every_way_of_leaving_counts(self, plan):
        """Waiting is leaving."""
        assert refused(plan, Rule.MAX_REMOVALS) == [ANA]

    @pytest.mark.parametrize("busy", [True, False])
    def test_who_was_marked_before_does_not_count_again(self, busy):
        """They were counted then, and the role that goes with them too."""
        live = in_flex(roles=("supervisor",), marker=Marker(STACK_ID, leaving=5), busy=busy)
        assert plan_for([], [live], max_removals=TEN_PERCENT).violations == ()

    @pytest.mark.parametrize(("applied_until", "counts"), [(YESTERDAY, False), (None, True), (date(2027, 1, 31), True)])
    def test_an_expiry_that_was_applied_before_does_not_count(self, applied_until, counts):
        """The same date on the marker: reviewed when it was set, not when it passes."""
        live = applied(person(until=applied_until))
        plan = plan_for([person(until=YESTERDAY)], [live], max_removals=TEN_PERCENT)
        assert bool(refused(plan, Rule.MAX_REMOVALS)) is counts

    @pytest.mark.parametrize("roles", [("agent",), ("supervisor",)])
    def test_a_rename_takes_one_name_away(self, roles):
        """Twelve people replaced by twelve others are twelve removals."""
        user = person(previously=BEN)
        plan = plan_for([user], [applied(person(BEN, roles=roles))], max_removals=Limit(count=0))
        assert refused(plan, Rule.MAX_REMOVALS) == [BEN]

    def test_the_message_says_how_many_of_how_many(self):
        """A person decides on that."""
        (violation,) = plan_for([], [in_flex(marker=Marker(STACK_ID))], max_removals=TEN_PERCENT).violations
        assert (violation.count, violation.of, violation.limit) == (1, 1, TEN_PERCENT)


class TestMaxChanges:
    """Adoptions and updates, among those declared."""

    @pytest.mark.parametrize(("adopted", "refuses"), [(3, False), (4, True)])
    def test_adoptions_count(self, adopted, refuses):
        """Thirty percent of ten is three."""
        users = [person(name) for name in NAMES[:10]]
        live = [in_flex(name, full_name="Ana Ruiz") for name in NAMES[:adopted]]
        live += [applied(user) for user in users[adopted:]]
        plan = plan_for(users, live, max_changes=Limit(percent=30.0))
        assert refused(plan, Rule.MAX_CHANGES) == (NAMES[:adopted] if refuses else [])

    @pytest.mark.parametrize("of", [1, 2, 3])
    def test_one_edit_is_always_allowed_by_a_percentage(self, of):
        """However small the stack is; two are not."""
        users = [person(name, attributes={"level": 3}) for name in NAMES[:of]]
        live = [applied(users[0], attributes={"level": 1}), *map(applied, users[1:])]
        assert plan_for(users, live, max_changes=Limit(percent=30.0)).violations == ()
        assert refused(plan_for(users, live, max_changes=Limit(percent=0.0)), Rule.MAX_CHANGES) == NAMES[:1]
        both = [applied(user, attributes={"level": 1}) for user in users[:2]]
        plan = plan_for(users, [*both, *map(applied, users[2:])], max_changes=Limit(percent=30.0))
        assert bool(plan.violations) is (of > 1)

    def test_updates_count_and_creations_do_not(self):
        """A new team is no accident."""
        users = [person(name, attributes={"level": 3}) for name in NAMES[:4]]
        live = [applied(users[0], attributes={"level": 1})]
        assert watched(plan_for(users, live), Rule.MAX_CHANGES) == [NAMES[0]]

    @pytest.mark.parametrize(
        "live",
        [
            applied(person(attributes={"level": 3}), attributes={"level": 9}),
            applied(person(attributes={"level": 3}), attributes={"level": None}),
        ],
    )
    def test_a_change_of_our_marker_alone_does_not_count(self, live):
        """Letting go writes nothing that anybody sees."""
        assert watched(plan_for([person()], [live]), Rule.MAX_CHANGES) == []

    def test_what_waits_for_the_idp_does_not_count(self):
        """Nothing is written."""
        live = applied(person(), scope=idp_scope(), full_name="Somebody")
        assert plan_for([person()], [live], sso=SSO, max_changes=Limit(count=0)).violations == ()


class TestMinAdmins:
    """Admins who would be left in all of Flex."""

    @pytest.mark.parametrize(
        ("least", "others", "refuses"),
        [(1, [], True), (1, ["admin"], False), (2, ["admin"], True), (2, ["admin", "admin"], False), (0, [], False)],
    )
    def test_losing_an_admin_below_the_minimum_is_refused(self, least, others, refuses):
        """Admins whom nobody declares count as well: they can sign in."""
        strangers = [in_flex(NAMES[number], roles=(role,)) for number, role in enumerate(others)]
        live = [applied(person(roles=("admin",))), *strangers]
        plan = plan_for([person()], live, min_admins=least)
        assert refused(plan, Rule.MIN_ADMINS) == ([ANA] if refuses else [])

    @pytest.mark.parametrize(
        "other",
        [in_flex(BEN, roles=("admin",), deactivated="x"), in_flex(BEN, roles=("supervisor",))],
        ids=["deactivated", "supervisor"],
    )
    def test_who_cannot_administer_does_not_count(self, other):
        """Deactivated admins are none."""
        plan = plan_for([], [in_flex(roles=("admin",), marker=Marker(STACK_ID)), other], min_admins=1)
        assert refused(plan, Rule.MIN_ADMINS) == [ANA]

    def test_a_waiting_admin_is_as_good_as_gone(self):
        """They retire as soon as they are idle."""
        live = [in_flex(roles=("admin",), marker=Marker(STACK_ID), busy=True)]
        assert refused(plan_for([], live, min_admins=1), Rule.MIN_ADMINS) == [ANA]

    def test_an_admin_gained_in_the_same_plan_counts(self):
        """A handover in one commit."""
        live = [applied(person(roles=("admin",))), applied(person(BEN))]
        plan = plan_for([person(), person(BEN, roles=("admin",))], live, min_admins=1)
        assert refused(plan, Rule.MIN_ADMINS) == []

    def test_too_few_before_is_no_reason_to_refuse_others(self):
        """Only a plan that takes one away is refused."""
        live = [applied(person(attributes={"level": 3}), attributes={"level": 1})]
        plan = plan_for([person(attributes={"level": 3})], live, min_admins=5)
        assert refused(plan, Rule.MIN_ADMINS) == []

    @pytest.mark.parametrize(("roles", "refuses"), [(("admin",), False), (("agent",), True)])
    @pytest.mark.parametrize("half_done", [False, True])
    def test_a_rename_keeps_its_admin_or_loses_it(self, roles, refuses, half_done):
        """The same before the first step and after a crash."""
        user = person(roles=roles, previously=BEN)
        live = [applied(person(BEN, roles=("admin",)))] + ([in_flex(roles=roles)] if half_done else [])
        plan = plan_for([user], live, min_admins=1)
        assert bool(refused(plan, Rule.MIN_ADMINS)) is refuses


class TestProtected:
    """Users who neither leave nor lose a role."""

    @pytest.mark.parametrize(
        ("desired", "live"),
        [
            ([], [in_flex(marker=Marker(STACK_ID))]),
            ([], [in_flex(marker=Marker(STACK_ID), busy=True)]),
            ([], [in_flex(marker=Marker(STACK_ID, leaving=5), busy=True)]),
            ([person(until=YESTERDAY)], [applied(person(until=YESTERDAY))]),
            ([person()], [applied(person(roles=("admin",)))]),
            ([person(BEN, previously=ANA)], [applied(person())]),
        ],
        ids=["leaves", "waits", "waits already", "expires", "loses admin", "is renamed"],
    )
    def test_a_protected_user_is_kept(self, desired, live):
        """However they would go."""
        assert len(refused(plan_for(desired, live, protected=(ANA,)), Rule.PROTECTED)) == 1

    def test_any_other_change_is_allowed(self):
        """Protected is not frozen."""
        live = [applied(person(attributes={"level": 3}), attributes={"level": 1})]
        assert plan_for([person(attributes={"level": 3})], live, protected=(ANA,)).violations == ()


class TestEmailDomains:
    """Addresses that may be written."""

    OUTSIDE = person(email="ana@elsewhere.org")

    @pytest.mark.parametrize(
        ("live", "refuses"),
        [
            ([], True),
            ([in_flex()], True),
            ([in_flex(deactivated="2026-05-01T00:00:00Z")], False),
            ([applied(person())], True),
            ([applied(OUTSIDE, full_name="Somebody")], False),
        ],
        ids=["create", "adopt", "blocked", "update of the address", "update of something else"],
    )
    def test_an_address_outside_is_refused_where_it_is_written(self, live, refuses):
        """Who has it already is not anybody's fault."""
        plan = plan_for([self.OUTSIDE], live, email_domains=("example.com",))
        assert bool(refused(plan, Rule.EMAIL_DOMAINS)) is refuses

    @pytest.mark.parametrize(
        ("email", "refuses"),
        [
            ("ana@example.com", False),
            ("ana@EXAMPLE.com", False),
            ("ana@sub.example.com", True),
            ("ana@notexample.com", True),
            ("ana@example.com.evil.org", True),
            ("no address", True),
            ("ana@example.com@evil.org", True),
            ('"ana@home"@example.com', False),
        ],
    )
    def test_the_domain_is_compared_whole_and_without_case(self, email, refuses):
        """Neither a suffix nor a subdomain."""
        plan = plan_for([person(email=email)], email_domains=("Example.COM",))
        assert bool(refused(plan, Rule.EMAIL_DOMAINS)) is refuses

    def test_without_domains_any_is_allowed(self):
        """An empty list is no limit."""
        assert plan_for([self.OUTSIDE]).violations == ()


class TestGainsAdmin:
    """Nobody becomes admin by accident."""

    ADMIN = person(roles=("admin",))

    @pytest.mark.parametrize(
        "live",
        [[], [in_flex()], [applied(person())], [in_flex(worker=False)]],
        ids=["create", "adopt", "update", "no Worker"],
    )
    def test_becoming_admin_is_refused(self, live):
        """By whichever kind of change."""
        assert refused(plan_for([self.ADMIN], live), Rule.GAINS_ADMIN) == [ANA]

    @pytest.mark.parametrize("roles", [("agent",), ("admin",)])
    def test_coming_back_as_admin_is_gaining_it(self, roles):
        """A deactivated user has no role now, whatever the record says."""
        live = [in_flex(roles=roles, deactivated="2026-05-01T00:00:00Z")]
        digest = only(plan_for([self.ADMIN], live)).digest
        assert refused(plan_for([self.ADMIN], live, approve=[digest]), Rule.GAINS_ADMIN) == [ANA]

    def test_a_new_name_gains_what_the_old_one_had(self):
        """Whoever signs in by it is admin from then on."""
        user = person(roles=("admin",), previously=BEN)
        assert refused(plan_for([user], [applied(person(BEN, roles=("admin",)))]), Rule.GAINS_ADMIN) == [ANA]

    def test_a_rename_that_was_cut_short_gains_no_second_time(self):
        """The new name was provisioned, and approved, before."""
        user = person(roles=("admin",), previously=BEN)
        live = [applied(person(BEN)), in_flex(roles=("admin",))]
        assert refused(plan_for([user], live), Rule.GAINS_ADMIN) == []

    def test_the_idps_difference_gains_nothing(self):
        """We do not write it."""
        live = applied(person(), scope=idp_scope())
        assert watched(plan_for([self.ADMIN], [live], sso=SSO), Rule.GAINS_ADMIN) == []

    def test_allow_admin_names_them(self):
        """And nobody else."""
        users = [self.ADMIN, person(BEN, roles=("admin",))]
        plan = plan_for(users, allow_admin=[ANA])
        assert refused(plan, Rule.GAINS_ADMIN) == [BEN]
        assert {item.username: item.approved_by for item in plan.guarded} == {ANA: "--allow-admin", BEN: None}
        assert Approval("", Source.ALLOW_ADMIN) in {item.approval for item in plan.guarded}, "of no digest"
        assert f"--allow-admin {BEN}" in [violation.hint for violation in plan.violations]


class TestLosesSkills:
    """A Worker without any skill gets no task."""

    BOTH = person(skills={"billing": 3, "returns": True})

    @pytest.mark.parametrize(
        ("after", "edits", "refuses"),
        [
            (person(skills={}), {}, True),
            (person(), {}, True),
            (person(skills={"billing": 3}), {}, False),
            (person(skills={"wine": True}), {}, False),
            (person(), {"routing": {"skills": ["billing", "returns", "wine"], "levels": {"billing": 3}}}, False),
            (
                person(skills={}),
                {"routing": {"skills": ["billing", "returns", "wine"], "levels": {"billing": 3}}},
                True,
            ),
            (person(), {"routing": {"skills": ["billing"], "levels": {"billing": 3}}}, True),
            (person(), {"routing": {"skills": []}}, False),
        ],
        ids=[
            "none declared",
            "no longer managed",
            "one left",
            "replaced",
            "another's left",
            "the whole list emptied",
            "one went before, the last now",
            "none before",
        ],
    )
    def test_losing_the_last_skill_is_refused(self, after, edits, refuses):
        """Counted over all skills, whoever gave them."""
        plan = plan_for([after], [applied(self.BOTH, attributes=edits)])
        assert refused(plan, Rule.LOSES_SKILLS) == ([ANA] if refuses else [])

    def test_an_adoption_can_take_all_skills_too(self):
        """`skills: {}` on somebody who has some."""
        live = in_flex(attributes={"routing": {"skills": ["wine"], "levels": {}}})
        assert refused(plan_for([person(skills={})], [live]), Rule.LOSES_SKILLS) == [ANA]


class TestLosesCapacity:
    """A Worker whose every channel is closed gets no task."""

    @pytest.mark.parametrize(
        ("declared", "live", "refuses"),
        [
            ({"voice": Channel(available=False)}, [channel("voice")], True),
            ({"voice": Channel(capacity=0)}, [channel("voice", capacity=2)], True),
            ({"voice": Channel(available=False)}, [channel("voice"), channel("chat")], False),
            ({"voice": Channel(available=False)}, [channel("voice"), channel("chat", capacity=0)], True),
            (
                {"voice": Channel(available=False), "chat": Channel(capacity=0)},
                [channel("voice"), channel("chat")],
                True,
            ),
            (
                {"voice": Channel(available=False), "chat": Channel(capacity=3)},
                [channel("voice"), channel("chat")],
                False,
            ),
            ({"voice": Channel(available=False)}, [channel("voice", capacity=0)], False),
            ({"voice": Channel(capacity=1)}, [channel("voice", capacity=5)], False),
            (
                {"voice": Channel(available=False), "chat": Channel(available=True, capacity=1)},
                [channel("voice"), channel("chat", available=False, capacity=0)],
                False,
            ),
        ],
    )
    def test_closing_the_last_open_channel_is_refused(self, declared, live, refuses):
        """Who could take nothing before loses nothing."""
        plan = plan_for([person(channels=declared)], [in_flex(channels=live)])
        assert refused(plan, Rule.LOSES_CAPACITY) == ([ANA] if refuses else [])


class TestOlderCheckout:
    """A marker later than this commit: somebody applied a newer one to this user."""

    LIVE = in_flex(full_name="Old Name", marker=Marker(STACK_ID, at=1000))

    @pytest.mark.parametrize(
        ("commit_time", "blocked"), [(999, True), (1000, False), (1001, False), (None, True), (0, True)]
    )
    def test_who_was_set_by_a_later_commit_is_blocked(self, commit_time, blocked):
        """A folder that is no commit is older than any."""
        plan = plan_for([person()], [self.LIVE], commit_time=commit_time)
        assert only(plan).kind is (Kind.BLOCKED if blocked else Kind.UPDATE)
        assert [change.username for change in plan.older_than] == ([ANA] if blocked else [])

    def test_nobody_else_is_stopped_by_it(self):
        """An agent can edit their own marker, so it counts for nobody but them."""
        live = [self.LIVE, in_flex(BEN, full_name="Old Name", marker=Marker(STACK_ID, at=5))]
        plan = plan_for([person(), person(BEN), person(CHO)], live, commit_time=500)
        assert kinds(plan) == {ANA: Kind.BLOCKED, BEN: Kind.UPDATE, CHO: Kind.CREATE}
        assert plan.violations == ()

    def test_who_is_in_sync_is_not_blocked(self):
        """There is nothing to undo."""
        assert plan_for([person()], [applied(person(), at=1000)], commit_time=999).changes == ()

    def test_allow_older_lifts_it(self):
        """Only that does."""
        assert only(plan_for([person()], [self.LIVE], commit_time=999, allow_older=True)).kind is Kind.UPDATE

    @pytest.mark.parametrize("marker", [Marker(STACK_ID, at=0), None])
    def test_only_our_own_commits_count(self, marker):
        """Not what was applied from no commit."""
        assert plan_for([person()], [in_flex(marker=marker)], commit_time=None).older_than == ()

    @pytest.mark.parametrize(
        ("desired", "live", "blocked"),
        [([], LIVE, ANA), ([person(BEN, previously=ANA)], LIVE, BEN), ([person(until=YESTERDAY)], LIVE, ANA)],
        ids=["leaving", "renamed", "expired"],
    )
    def test_an_older_checkout_retires_and_renames_nobody_newer(self, desired, live, blocked):
        """It would retire the newest users first."""
        assert kinds(plan_for(desired, [live], commit_time=999)) == {blocked: Kind.BLOCKED}

    def test_a_leaver_cannot_hold_on_by_their_own_marker(self):
        """A name in `leavers` leaves whatever the marker says."""
        assert kinds(plan_for([], [self.LIVE], leavers=[ANA], commit_time=999)) == {ANA: Kind.RETIRE}


class TestRename:
    """A rename counts as what it does: one name leaves, another gains its roles."""

    NEW = person(previously=BEN)

    def test_of_one_of_ours_with_the_same_name_is_a_rename(self):
        """Our marker, and the same person by name or address."""
        assert plan_for([self.NEW], [applied(person(BEN))]).violations == ()

    @pytest.mark.parametrize(
        "old",
        [in_flex(BEN), in_flex(BEN, marker=Marker("zzz999")), applied(person(BEN), full_name="Ben Li")],
        ids=["nobody of ours", "another stack's", "another person"],
    )
    def test_of_anybody_else_takes_an_approval(self, old):
        """`previously` must not be a way to take somebody's place."""
        plan = plan_for([self.NEW], [old])
        assert refused(plan, Rule.RENAME) == [ANA] or only(plan).kind is Kind.BLOCKED
        if plan.violations:
            assert plan_for([self.NEW], [old], approve=[plan.digest]).violations == ()

    def test_a_name_among_the_leavers_is_no_former_name(self):
        """Who is to leave leaves, and the new name starts afresh."""
        plan = plan_for([self.NEW], [applied(person(BEN))], leavers=[BEN])
        assert kinds(plan) == {ANA: Kind.CREATE, BEN: Kind.RETIRE}


class TestAtTheProvider:
    """Where the same plan writes at the identity provider, Flex has it after the next login."""

    def judged(self, **policy):
        """What is said of a change of roles and languages that is written at the provider alone."""
        plan = plan_for([person(attributes={"level": 2})], [applied(person(attributes={"level": 1}))], **policy)
        fields = (
            FieldChange(Key.parse("attr:languages"), ["en"], ["supervisor"], Cause.GIT, Route.IDP),
            FieldChange(ROLES, ["agent"], ["agent", "admin"], Cause.GIT, Route.IDP),
        )
        change = replace(only(plan), fields=(), idp=IdpEdit("auth0|1", ANA, fields, "Auth0"))
        return change, evaluate(replace(plan.evidence, changes=(change,)))

    def test_a_role_given_there_is_gained(self):
        """The provider's admin is Flex's."""
        change, verdict = self.judged()
        assert roles_after(change) == {"agent", "admin"}
        assert [found.rule for found in verdict.violations] == [Rule.GAINS_ADMIN]

    def test_an_edit_there_counts_as_one(self):
        """Somebody's sign-in changes."""
        _, verdict = self.judged(max_changes=Limit(count=0))
        assert {found.rule for found in verdict.violations} == {Rule.GAINS_ADMIN, Rule.MAX_CHANGES}


@pytest.mark.parametrize(
    ("before", "after", "gained", "lost"),
    [
        (("agent",), ("agent", "supervisor", "admin", "wfo.data_analyst"), {"admin", "supervisor"}, set()),
        (("admin", "supervisor", "wfo.data_analyst"), ("agent",), set(), {"admin", "supervisor", "wfo.data_analyst"}),
        (("admin",), ("admin", "agent"), set(), set()),
    ],
)
def test_what_a_change_gives_and_takes_is_told_by_role(before, after, gained, lost):
    """Agent is no privilege; a role of Flex Insights is one to lose."""
    change = only(plan_for([person(roles=after)], [applied(person(roles=before))]))
    assert (gained_roles(change), lost_roles(change)) == (gained, lost)


def test_a_renamed_person_gains_and_loses_by_what_the_old_name_had():
    """It is the same person under another name."""
    (change,) = plan_for(
        [person(roles=("admin",), previously=BEN)], [applied(person(BEN, roles=("supervisor",)))]
    ).users
    assert (gained_roles(change), lost_roles(change)) == ({"admin"}, {"supervisor"})


def test_all_violations_are_told_at_once():
    """One run, one list."""
    live = [applied(person(BEN, roles=("admin",))), in_flex(CHO, full_name="Old", marker=Marker(STACK_ID, at=10))]
    plan = plan_for(
        [person(roles=("admin",), email="a@b.org"), person(CHO)],
        live,
        commit_time=10,
        max_removals=Limit(count=0),
        max_changes=Limit(count=0),
        min_admins=2,
        protected=(BEN,),
        email_domains=("example.com",),
    )
    assert {violation.rule for violation in plan.violations} == {
        Rule.MAX_REMOVALS,
        Rule.MAX_CHANGES,
        Rule.PROTECTED,
        Rule.EMAIL_DOMAINS,
        Rule.GAINS_ADMIN,
    }
    assert plan.digest


def test_a_name_that_is_no_valid_text_does_not_stop_the_plan():
    """Flex's JSON may carry a lone surrogate; the guard still has its digest."""
    plan = plan_for([], [in_flex("\ud800", marker=Marker(STACK_ID))], max_removals=Limit(count=0))
    assert refused(plan, Rule.MAX_REMOVALS) == ["\ud800"]


@pytest.mark.parametrize(
    ("desired", "live", "refuses"),
    [([], [], True), ([person()], [], False), ([], [in_flex()], False), ([], [in_flex("ANA@example.com")], False)],
    ids=["nobody", "declared", "in Flex", "spelled otherwise"],
)
def test_a_protected_name_that_nobody_has_is_refused(desired, live, refuses):
    """A misspelt name looks as if somebody were protected."""
    plan = plan_for(desired, live, protected=(ANA,))
    assert bool(refused(plan, Rule.PROTECTED_NOBODY)) is refuses
    assert plan.digest == ""


@pytest.mark.parametrize(("policy", "refuses"), [("fail", True), ("report", False)])
def test_an_undeclared_admin_can_refuse_every_plan(policy, refuses):
    """And is told with their roles in any case."""
    plan = plan_for([], [in_flex(roles=("supervisor",))], unmanaged_admins=policy)
    assert bool(refused(plan, Rule.UNMANAGED_ADMINS)) is refuses
    assert [change.username for change in plan.unmanaged_admins] == [ANA]
