"""Loading: configuration, order, warnings, and the place of anything that a report names."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from flexres.desired.load import load_stack
from flexres.desired.model import ApprovedEntry, Idp, Limit, Policy
from flexres.errors import InvalidStack, Position
from tests.unit.desired.stacks import FLEX, PEM, TextSource, load, problems_of

TEAM = """\
defaults: {roles: [agent], attributes: {team: A}}
users:
  bob@example.com:
    full_name: Bob
  ana@example.com:
    full_name: Ana
    attributes:
      level.int: 3
    insights: {department: Sales}
    contact_uri: client:ana
"""
SSO = f"""\
sso:
  type: enhanced
  writer: console
  connection: JQ{"c" * 32}
  issuer: urn:acme
  sso_url: https://idp.example.com/saml
  certificate: certs/idp.pem
  session_not_on_or_after: 8h
  claims: [department]
"""

IDP = "idp: {provider: auth0, domain: acme.eu.auth0.com}\n"


def warned(team: str, *, as_of: date | None = None, flex: str = FLEX) -> list[tuple[int, str]]:
    """The warnings of a stack that loads, as (line, message)."""
    return [(one.position.line, one.message) for one in load(team, as_of=as_of, flex=flex).warnings]


def test_users_are_sorted_by_username() -> None:
    """The order of the YAML means nothing."""
    assert list(load(TEAM).users) == ["ana@example.com", "bob@example.com"]


def test_the_policy_has_defaults_for_what_is_left_out() -> None:
    """A stack without a policy is still guarded."""
    assert load().config.policy == Policy()


def test_the_whole_policy_is_read() -> None:
    """Limits as numbers or percentages, lengths of time with their unit."""
    policy = """\
policy:
  timezone: Europe/London
  retire: keep
  retire_when: now
  retire_within: 90m
  unmanaged: ignore
  max_removals: 5
  max_changes: 12.5%
  min_admins: 2
  protected: [owner@example.com]
  email_domains: [example.com]
  unmanaged_admins: fail
  approved:
    - {digest: mamojp6ufh37zdc46jnabecr2g, for: ana gains admin, until: 2027-02-14}
  console_changes: fail
"""
    assert load(flex=FLEX + policy).config.policy == Policy(
        timezone="Europe/London",
        retire="keep",
        retire_when="now",
        retire_within=timedelta(minutes=90),
        unmanaged="ignore",
        max_removals=Limit(count=5),
        max_changes=Limit(percent=12.5),
        min_admins=2,
        protected=("owner@example.com",),
        email_domains=("example.com",),
        unmanaged_admins="fail",
        approved=(ApprovedEntry({"mamojp6ufh37zdc46jnabecr2g": ""}, "ana gains admin", date(2027, 2, 14)),),
        console_changes="fail",
    )


@pytest.mark.parametrize(
    "endpoint", ["http://127.0.0.1:4010", "http://localhost:1", "https://[::1]:4010/", "http://127.9.9.9"]
)
def test_endpoints_of_this_machine_are_accepted(endpoint: str) -> None:
    """And auto only beside them."""
    config = load(flex=FLEX.replace("direct", "auto") + f"endpoint: '{endpoint}'\n").config

    assert config.endpoint == endpoint.rstrip("/")
    assert config.engine == "auto"


def test_the_sign_on_is_read_with_its_certificate() -> None:
    """Files beside the YAML come through the same source."""
    files = {"flex.yaml": FLEX + SSO, "users/team.yaml": "users: {}\n", "certs/idp.pem": PEM}

    sso = load_stack(TextSource(files), name="test").config.sso

    assert sso is not None
    assert sso.certificate == PEM
    assert sso.session_not_on_or_after == timedelta(hours=8)
    assert sso.claims == ("department",)


def test_a_managed_identity_provider_lets_users_declare_its_claims() -> None:
    """Then one change writes both sides."""
    files = {"flex.yaml": FLEX + SSO + IDP, "users/team.yaml": TEAM, "certs/idp.pem": PEM}

    assert load_stack(TextSource(files), name="test").config.idp == Idp("auth0", "acme.eu.auth0.com")


def test_a_stack_that_is_only_begun_needs_no_team_file() -> None:
    """An export puts the first one there."""
    stack = load_stack(TextSource({"flex.yaml": FLEX}), name="test", may_be_empty=True)

    assert stack.users == {}


def test_a_user_may_be_all_defaults_but_for_the_name() -> None:
    """Nothing but what differs needs to be written."""
    assert load(TEAM).users["bob@example.com"].attributes == {"team": "A"}


@pytest.mark.parametrize(
    ("path", "line", "column"),
    [
        ((), 5, 3),
        (("full_name",), 6, 5),
        (("attributes", "level"), 8, 7),
        (("attributes", "department"), 9, 16),
        (("attributes", "contact_uri"), 10, 5),
        (("attributes", "team"), 1, 41),
        (("roles",), 1, 12),
        (("skills", "billing"), 5, 3),
    ],
)
def test_the_place_of_a_user_and_of_each_field(path: tuple[str, ...], line: int, column: int) -> None:
    """Where it is written: in the entry, in the defaults, or else at the username."""
    expected = Position("stacks/test/users/team.yaml", line, column)

    assert load(TEAM).position_of("ana@example.com", *path) == expected


def test_the_place_of_a_field_of_flex_yaml() -> None:
    """Items of lists included."""
    stack = load(flex=FLEX + "policy:\n  protected:\n    - 9f3c1a7b\n    - 0a1b2c3d\n")

    assert stack.position("policy", "protected", 1).line == 9
    assert stack.position("policy", "retire").line == 6


def test_what_was_read_is_named() -> None:
    """As the user would type it."""
    assert load().files == ("stacks/test/flex.yaml", "stacks/test/users/team.yaml")


def test_hyphens_in_attributes_are_warned_of_once_a_file() -> None:
    """TaskRouter's expressions may not parse them."""
    team = (
        "defaults: {roles: [agent]}\nusers:\n"
        "  a@example.com: {full_name: Anne-Marie, attributes: {team: a-b, list: [x-y]}, image_url: 'https://a-b.example.com'}\n"
        "  b@example.com: {full_name: B, attributes: {team: c-d}}\n"
    )

    assert warned(team) == [(3, "team holds a hyphen, here and 1 more in this file"), (3, "list holds a hyphen")]


def test_two_users_with_one_address_are_warned_of() -> None:
    """Flex bills two personas."""
    team = (
        "defaults: {roles: [agent]}\nusers:\n"
        "  a: {full_name: A, email: x@example.com}\n"
        "  b: {full_name: B, email: X@example.com}\n"
    )

    [(line, message)] = warned(team)

    assert line == 4
    assert "two personas" in message


def test_a_day_that_has_passed_is_warned_of() -> None:
    """The entry says nothing any more."""
    team = "users:\n  a@example.com: {full_name: A, roles: [agent], until: 2027-01-31}\n"

    assert warned(team, as_of=date(2027, 1, 31)) == []
    assert warned(team, as_of=date(2027, 2, 1)) == [(2, "the last day of a@example.com was 2027-01-31")]


def test_insights_roles_of_a_mere_agent_are_warned_of() -> None:
    """Agents do not see Flex Insights."""
    team = "users:\n  a@example.com: {full_name: A, roles: [agent, wfo.data_analyst]}\n"

    assert [line for line, _ in warned(team)] == [2]


def test_warnings_do_not_hide_behind_errors_nor_count_as_such() -> None:
    """Only errors refuse a stack."""
    team = "users:\n  a@example.com: {full_name: A, roles: [Agent], attributes: {x: a-b}}\n"

    assert [one.severity for one in problems_of(team)] == ["error"]


def test_the_error_counts_files_and_problems() -> None:
    """For the closing line."""
    with pytest.raises(InvalidStack) as caught:
        load("users: {x: {}}\n")

    assert caught.value.files == 2
    assert len(caught.value.problems) == 3


def test_one_broken_field_hides_no_other_problem() -> None:
    """All of an entry's problems come in one run, and none that only follows from another."""
    messages = [one.message for one in problems_of("users:\n  ana: {roles: [Agent]}\n")]

    assert sorted(messages) == [
        '"Agent" is not a role',
        "ana has no email, and the username is no address",
        "ana has no full_name",
    ]


@pytest.mark.parametrize("field", ["id", "account", "instance"])
def test_a_line_break_at_the_end_of_an_identifier_is_refused(field: str) -> None:
    """It would end up in a URL or a marker."""
    lines = [
        f'{line.split(": ")[0]}: "{line.split(": ")[1]}\\n"' if line.startswith(field) else line
        for line in FLEX.splitlines()
    ]

    assert [one.position.line for one in problems_of(flex="\n".join(lines))] == [
        FLEX[: FLEX.index(field)].count("\n") + 1
    ]
