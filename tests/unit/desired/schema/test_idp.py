"""The `idp:` section, what has to stand beside it, claims that come back as declared, and offered values filled in."""

from __future__ import annotations

import pytest

from flexres.desired.load import load_stack
from flexres.desired.schema.sso_checks import sign_on_facts
from flexres.errors import InvalidStack
from tests.unit.desired.stacks import FLEX, TextSource, problems_of

SSO = f"sso: {{type: enhanced, writer: api, connection: JQ{'c' * 32}, claims: [CLAIMS]}}\n"
IDP = "idp: {provider: auth0, domain: acme.eu.auth0.com}\n"
TEAM = "users:\n  ana@example.com: {full_name: Ana, roles: [agent], attributes: {A}}\n"


def messages(flex: str, team: str = "users: {}\n") -> list[str]:
    """What is wrong with a stack."""
    return [one.message for one in problems_of(team, flex=FLEX + flex)]


def test_the_provider_tells_its_own_values_so_sso_needs_none() -> None:
    """Nobody knows the sign-on URL before the application is made."""
    flex = FLEX + SSO.replace("CLAIMS", "") + IDP
    stack = load_stack(TextSource({"flex.yaml": flex, "users/team.yaml": "users: {}\n"}), name="test")
    assert stack.config.idp is not None
    assert (stack.config.idp.missing, stack.config.idp.connection) == ("report", "Username-Password-Authentication")


def test_idp_needs_sso() -> None:
    assert messages(IDP)[0] == ("idp without sso: nobody signs in through the provider")


def test_enhanced_sso_needs_its_connection() -> None:
    found = messages("sso: {type: enhanced, writer: api}\n" + IDP)
    assert found[0] == ("connection is missing from sso: it is part of what the provider is told")


@pytest.mark.parametrize("domain", ["https://acme.eu.auth0.com/", "ACME.eu.auth0.com", "acme", "a b.com"])
def test_a_domain_is_a_bare_domain(domain: str) -> None:
    """A URL is not guessed at: the message says what to write."""
    idp = f'idp: {{provider: auth0, domain: "{domain}"}}\n'
    assert "is no domain of a tenant" in messages(SSO.replace("CLAIMS", "") + idp)[0]


def test_a_secret_has_no_place_in_the_yaml() -> None:
    idp = "idp: {provider: auth0, domain: acme.eu.auth0.com, client_secret: x}\n"
    assert messages(SSO.replace("CLAIMS", "") + idp)[0] == "there is no field client_secret here"


@pytest.mark.parametrize(
    ("claim", "value", "says"),
    [
        ("level", "3", 'the claim level makes it "3", not 3'),
        ("level.int", "'3'", 'the claim level.int makes it 3, not "3"'),
        ("vip", "true", 'the claim vip makes it "true", not true'),
        ("languages", "[en, de]", 'the claim languages makes it "en,de", not a list'),
        ("level.int", "high", "the claim level.int cannot carry it"),
        ("plan", "{a: 1}", "plan has no spelling as a claim"),
        ("names.stringarray", "['a,b']", "names has no spelling as a claim"),
    ],
)
def test_a_value_that_a_login_would_change_is_refused(claim: str, value: str, says: str) -> None:
    """Otherwise it would differ again after every login."""
    name = claim.partition(".")[0]
    team = TEAM.replace("{A}", f"{{{name}: {value}}}")
    (found,) = messages(SSO.replace("CLAIMS", claim) + IDP, team)
    assert says in found


@pytest.mark.parametrize(
    ("claim", "value"),
    [
        ("department", "Sales"),
        ("level.int", "3"),
        ("vip.boolean", "true"),
        ("languages.stringarray", "[en, de]"),
        ("scores.intarray", "[1, 2]"),
        ("languages.stringarray", "[]"),
        ("note", "''"),
    ],
)
def test_a_value_that_comes_back_is_fine(claim: str, value: str) -> None:
    team = TEAM.replace("{A}", f"{{{claim.partition('.')[0]}: {value}}}")
    files = {"flex.yaml": FLEX + SSO.replace("CLAIMS", claim) + IDP, "users/t.yaml": team}
    assert load_stack(TextSource(files), name="test").warnings == ()


def test_the_beginning_of_a_stack_is_enough_for_settings() -> None:
    """Account and sso are read whatever else is missing."""
    text = "account: AC1\nsso: {type: legacy, writer: console, claims: [level.int]}\n"
    facts = sign_on_facts(TextSource({"flex.yaml": text}))
    assert (facts.account, facts.type, facts.connection, facts.claims) == ("AC1", "legacy", None, ("level.int",))


def test_a_wrong_sso_is_told_with_its_place() -> None:
    with pytest.raises(InvalidStack) as raised:
        sign_on_facts(TextSource({"flex.yaml": "sso:\n  type: modern\n  writer: console\n"}))
    assert raised.value.problems[0].position.line == 2
