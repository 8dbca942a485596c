"""The guards, a table each: what they count, what they refuse, and what they leave alone."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from flexres.desired.model import Channel, Limit
from flexres.reconcile.guards import Rule
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
            (("agent", "wfo.data_analyst"), ("agent",), False),
            (("agent",), ("supervisor",), False),
        ],
    )
    def test_losing_admin_or_supervisor_is_a_removal(self, before, after, counts):
        """Other roles are not."""
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
        """They were counted then."""
        live = in_flex(marker=Marker(STACK_ID, leaving=5), busy=busy)
        assert plan_for([], [live], max_removals=TEN_PERCENT).violations == ()

    @pytest.mark.parametrize(("applied_until", "counts"), [(YESTERDAY, False), (None, True), (date(2027, 1, 31), True)])
    def test_an_expiry_that_was_applied_before_does_not_count(self, applied_until, counts):
        """The same date on the marker: reviewed when it was set, not when it passes."""
        live = applied(person(until=applied_until))
        plan = plan_for([person(until=YESTERDAY)], [live], max_removals=TEN_PERCENT)
        assert bool(refused(plan, Rule.MAX_REMOVALS)) is counts

    def test_a_rename_removes_nobody(self):
        """The person stays."""
        user = person(previously=BEN)
        plan = plan_for([user], [applied(person(BEN))], max_removals=Limit(count=0))
        assert refused(plan, Rule.MAX_REMOVALS) == []

    def test_a_rename_that_drops_a_role_does(self):
        """Under whichever name."""
        user = person(previously=BEN)
        plan = plan_for([user], [applied(person(BEN, roles=("supervisor",)))], max_removals=Limit(count=0))
        assert refused(plan, Rule.MAX_REMOVALS) == [ANA]

    def test_the_message_says_how_many_of_how_many(self):
        """A person decides on that."""
        (violation,) = plan_for([], [in_flex(marker=Marker(STACK_ID))], max_removals=TEN_PERCENT).violations
        assert "1 " in violation.message
        assert "10%" in violation.message


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

    def test_an_admin_who_is_renamed_gains_nothing(self):
        """Same person."""
        user = person(roles=("admin",), previously=BEN)
        assert refused(plan_for([user], [applied(person(BEN, roles=("admin",)))]), Rule.GAINS_ADMIN) == []

    def test_a_rename_can_gain(self):
        """Also when it was cut short after the new name was provisioned."""
        user = person(roles=("admin",), previously=BEN)
        old = applied(person(BEN))
        assert refused(plan_for([user], [old]), Rule.GAINS_ADMIN) == [ANA]
        assert refused(plan_for([user], [old, in_flex(roles=("admin",))]), Rule.GAINS_ADMIN) == [ANA]

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
    """A marker later than this commit: somebody applied a newer one."""

    LIVE = in_flex(marker=Marker(STACK_ID, at=1000))

    @pytest.mark.parametrize(
        ("commit_time", "refuses"), [(999, True), (1000, False), (1001, False), (None, True), (0, True)]
    )
    def test_an_older_checkout_is_refused(self, commit_time, refuses):
        """A folder that is no commit is older than any."""
        plan = plan_for([person()], [self.LIVE], commit_time=commit_time)
        assert refused(plan, Rule.OLDER_CHECKOUT) == ([ANA] if refuses else [])

    def test_allow_older_lifts_it(self):
        """Only that does."""
        assert plan_for([person()], [self.LIVE], commit_time=999, allow_older=True).violations == ()

    def test_no_digest_lifts_it(self):
        """An approval is for changes; this is about the checkout."""
        first = plan_for([person(roles=("admin",))], [self.LIVE], commit_time=999)
        again = plan_for([person(roles=("admin",))], [self.LIVE], commit_time=999, approve=[first.digest])
        assert [violation.rule for violation in again.violations] == [Rule.OLDER_CHECKOUT]

    @pytest.mark.parametrize("marker", [Marker(STACK_ID, at=0), Marker("zzz999", at=9999), None])
    def test_only_our_own_commits_count(self, marker):
        """Neither another stack's nor what was applied from no commit."""
        assert refused(plan_for([person()], [in_flex(marker=marker)], commit_time=None), Rule.OLDER_CHECKOUT) == []

    @pytest.mark.parametrize(
        ("desired", "live"),
        [([], LIVE), ([person(BEN, previously=ANA)], LIVE), ([person(until=YESTERDAY)], LIVE)],
        ids=["leaving", "renamed", "expired"],
    )
    def test_whose_marker_it_is_does_not_matter(self, desired, live):
        """Leavers and old names count: an old checkout would retire the newest users first."""
        assert refused(plan_for(desired, [live], commit_time=999), Rule.OLDER_CHECKOUT) == [ANA]

    def test_it_names_those_with_a_later_marker(self):
        """And not the others."""
        live = [self.LIVE, in_flex(BEN, marker=Marker(STACK_ID, at=5)), in_flex(CHO, marker=Marker(STACK_ID, at=2000))]
        plan = plan_for([person(), person(BEN), person(CHO)], live, commit_time=500)
        assert refused(plan, Rule.OLDER_CHECKOUT) == [ANA, CHO]


def test_all_violations_are_told_at_once():
    """One run, one list."""
    live = [applied(person(BEN, roles=("admin",))), in_flex(CHO, full_name="Old", marker=Marker(STACK_ID, at=10))]
    plan = plan_for(
        [person(roles=("admin",), email="a@b.org"), person(CHO)],
        live,
        commit_time=5,
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
        Rule.OLDER_CHECKOUT,
    }
    assert plan.digest


def test_a_name_that_is_no_valid_text_does_not_stop_the_plan():
    """Flex's JSON may carry a lone surrogate; the guard still has its digest."""
    plan = plan_for([], [in_flex("\ud800", marker=Marker(STACK_ID))], max_removals=Limit(count=0))
    assert refused(plan, Rule.MAX_REMOVALS) == ["\ud800"]
