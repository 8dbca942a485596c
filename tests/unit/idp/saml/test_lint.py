"""The linter on whole and broken responses: each break is named, with its cure."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from lxml import etree

from flexres.desired.model import Channel, DesiredUser
from flexres.idp.findings import Finding
from flexres.idp.saml import Report, lint
from tests.saml_responses import (
    CLAIMS,
    CONNECTION,
    FLEX,
    ISSUER,
    NOW,
    SAML,
    KeyPair,
    Recipe,
    declared,
    response,
    sign,
    xml,
)

STATUS = "urn:oasis:names:tc:SAML:2.0:status"
ANA = DesiredUser(
    username="ana@example.com",
    full_name="Ana Ruiz",
    email="ana@example.com",
    roles=("agent", "supervisor"),
    attributes={},
    skills=None,
    skills_exact=False,
    channels={},
    until=None,
    previously=None,
    file="users/a.yaml",
)


def _lint(pair: KeyPair, recipe: Recipe | None = None, **options: object) -> Report:
    values: dict[str, object] = {"sso": declared(pair), "now": NOW, **options}
    return lint(response(pair, recipe), **values)  # type: ignore[arg-type]


def _errors(report: Report) -> list[str]:
    return [finding.title for finding in report.findings if finding.level == "error"]


def _find(report: Report, words: str) -> Finding:
    found = [finding for finding in report.findings if words in finding.title]
    assert found, [finding.title for finding in report.findings]
    return found[0]


def _worker(pair: KeyPair, claims: dict[str, list[str]]) -> Report:
    return _lint(pair, Recipe(claims={**CLAIMS, **claims}))


def test_a_right_response_is_accepted_and_shows_the_worker(pair: KeyPair) -> None:
    """Every check passes, and contact_uri is what Flex sets by itself."""
    report = _lint(pair, users={"ana@example.com": ANA})
    assert {finding.level for finding in report.findings} == {"ok"}
    assert report.verdict == "accepted"
    assert report.name_id == "ana@example.com"
    assert report.worker_attributes == {
        "contact_uri": "client:ana_40example_2Ecom",
        "email": "ana@example.com",
        "full_name": "Ana Ruiz",
        "roles": ["agent", "supervisor"],
    }


@pytest.mark.parametrize(
    ("change", "title"),
    [
        ({"issuer": "urn:other"}, "The issuer is urn:other"),
        ({"audience": "urn:flex:JQother"}, "The audience is urn:flex:JQother"),
        ({"recipient": "https://example.com"}, "Recipient is https://example.com"),
        ({"destination": "https://example.com"}, "Destination is https://example.com"),
        ({"name_id": None}, "There is no NameID"),
        ({"name_id": " "}, "There is no NameID"),
        ({"name_id": "a" * 257}, "NameID has 257 characters"),
        ({"name_id_format": "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"}, "NameID is transient"),
        ({"lifetime": timedelta(0)}, "The assertion ends before it begins"),
        ({"issued": NOW + timedelta(minutes=10)}, "The assertion is valid only from"),
        ({"session": timedelta(hours=1)}, "The session ends within an hour"),
        ({"sign": ()}, "Nothing is signed"),
        ({"status": ""}, "The response has no status"),
    ],
)
def test_one_break_is_one_error_with_a_cure(pair: KeyPair, change: dict[str, object], title: str) -> None:
    """Nothing else is complained of, and no Worker is shown."""
    report = _lint(pair, replace(Recipe(), **change))  # type: ignore[arg-type]
    assert [title in error for error in _errors(report)] == [True]
    assert _find(report, title).fix
    assert report.worker_attributes is None


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        ("InvalidNameIDPolicy", "NameID"),
        ("AuthnFailed", "signed in at the identity provider"),
        ("NoPassive", "without asking the user"),
        ("RequestDenied", "not assigned"),
        ("NoAuthnContext", "RequestedAuthnContext"),
        ("UnknownPrincipal", "does not know this user"),
        ("UnsupportedBinding", "answer in the way"),
        ("SomethingNew", "finds fault with Flex's request"),
    ],
)
def test_a_refusal_is_explained_by_its_inner_code(pair: KeyPair, code: str, cause: str) -> None:
    """The outer code says whose fault, the inner one why."""
    status = (
        f'<samlp:StatusCode Value="{STATUS}:Requester"><samlp:StatusCode Value="{STATUS}:{code}"/></samlp:StatusCode>'
    )
    report = _lint(pair, Recipe(status=status + "<samlp:StatusMessage>see log</samlp:StatusMessage>"))
    finding = _find(report, f"Requester / {code}")
    assert cause in finding.detail
    assert '"see log"' in finding.detail
    assert finding.fix


@pytest.mark.parametrize(("code", "words"), [("Responder", "failed by itself"), ("VersionMismatch", "versions")])
def test_an_outer_code_alone_is_explained_too(pair: KeyPair, code: str, words: str) -> None:
    """Many identity providers send no inner code."""
    report = _lint(pair, Recipe(status=f'<samlp:StatusCode Value="{STATUS}:{code}"/>'))
    assert words in _find(report, "The identity provider refused").detail


def test_an_issuer_that_differs_by_a_slash_is_pointed_out(pair: KeyPair) -> None:
    """Flex shows a password dialog, and nobody sees why."""
    finding = _find(_lint(pair, Recipe(issuer=f"{ISSUER}/")), "The issuer is")
    assert "slash" in finding.detail
    assert "password dialog" in finding.detail


@pytest.mark.parametrize(
    ("recipient", "detail"),
    [
        (FLEX.acs.replace(CONNECTION, "JQffff"), "for the connection JQffff"),
        (FLEX.acs.partition("?")[0], "?connection=… is missing"),
        ("https://iam.twilio.com/v1/Accounts/AC0/saml2", "legacy SSO"),
    ],
)
def test_a_near_miss_of_the_acs_is_explained(pair: KeyPair, recipient: str, detail: str) -> None:
    """Another connection, none, or legacy SSO's."""
    assert detail in _find(_lint(pair, Recipe(recipient=recipient)), "Recipient is").detail


def test_a_response_captured_earlier_has_expired_without_being_wrong(pair: KeyPair) -> None:
    """Nobody lints within five minutes: a warning, unless the file says when it arrived."""
    report = _lint(pair, now=NOW + timedelta(days=3))
    assert report.verdict == "accepted"
    assert _find(report, "expired 2 days ago").level == "warning"


@pytest.mark.parametrize(("late", "accepted"), [(30, True), (90, False)])
def test_the_clock_skew_is_allowed_for(pair: KeyPair, late: int, accepted: bool) -> None:
    """An identity provider's clock that is ahead by less than the skew does no harm."""
    assert _lint(pair, Recipe(issued=NOW + timedelta(seconds=late))).verdict == ("accepted" if accepted else "refused")


@pytest.mark.parametrize(("hours", "level"), [(2, "warning"), (7.9, "warning"), (8, "note"), (10, "note")])
def test_a_session_shorter_than_a_shift_is_a_warning(pair: KeyPair, hours: float, level: str) -> None:
    """One hour is Flex's own token; eight are a shift."""
    assert _find(_lint(pair, Recipe(session=timedelta(hours=hours))), "The session ends").level == level


@pytest.mark.parametrize("name_id", ["auth0|5f7c8ec7c33c6c004bbafe82", "google-oauth2|103547991597142817347"])
def test_auth0s_own_id_makes_a_phantom_worker(pair: KeyPair, name_id: str) -> None:
    """It is billed beside the user whom people know."""
    assert "bill" in _find(_lint(pair, Recipe(name_id=name_id)), "Auth0's own id").detail


@pytest.mark.parametrize("name_id", ["9c1d7c1e-0d3b-4a57-9f0e-2f1de3f5a111", "5f7c8ec7c33c6c004bbafe82"])
def test_an_opaque_id_is_a_warning(pair: KeyPair, name_id: str) -> None:
    """Nobody could tell whose Worker it is."""
    assert _find(_lint(pair, Recipe(name_id=name_id)), "nobody can read").level == "warning"


def test_who_began_the_sign_in_is_told(pair: KeyPair) -> None:
    """Without a default redirect URL there is nowhere to go."""
    assert _find(_lint(pair, Recipe(in_response_to=None)), "began this sign-in").level == "note"
    sso = declared(pair, default_redirect_url=None)
    assert _find(_lint(pair, Recipe(in_response_to=None), sso=sso), "nowhere to go").level == "warning"


def test_google_cannot_begin_a_sign_in(pair: KeyPair) -> None:
    """Flex supports that for every other identity provider."""
    issuer = "https://accounts.google.com/o/saml2?idpid=C0"
    report = _lint(pair, Recipe(issuer=issuer, in_response_to=None), sso=declared(pair, issuer=issuer))
    assert _errors(report) == ["Google Workspace cannot begin a sign-in to Flex"]


@pytest.mark.parametrize("missing", ["roles", "full_name", "email"])
@pytest.mark.parametrize("sent", [None, [], [""]])
def test_each_mandatory_claim_is_missed(pair: KeyPair, missing: str, sent: list[str] | None) -> None:
    """Absent, without a value, or empty: 45050."""
    claims = {name: values for name, values in CLAIMS.items() if name != missing}
    report = _lint(pair, Recipe(claims=claims if sent is None else {**claims, missing: sent}))
    assert "45050" in _find(report, f"{missing} is").detail
    assert report.verdict == "refused"


def test_namespaced_claims_are_ignored_and_the_meant_one_named(pair: KeyPair) -> None:
    """The usual cause of a missing email."""
    long_name = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress"
    report = _lint(pair, Recipe(claims={"full_name": ["Ana"], "roles": ["agent"], long_name: ["ana@example.com"]}))
    assert long_name in _find(report, "Flex ignores 1 attribute").detail
    assert long_name in _find(report, "email is missing").detail


@pytest.mark.parametrize("roles", [["agent,supervisor"], ["agent, supervisor"], ["agent", "supervisor"]])
def test_roles_are_a_list_however_they_are_sent(pair: KeyPair, roles: list[str]) -> None:
    """Commas or repeated values."""
    report = _worker(pair, {"roles": roles})
    assert report.worker_attributes is not None
    assert report.worker_attributes["roles"] == ["agent", "supervisor"]


def test_unknown_roles_are_told(pair: KeyPair) -> None:
    """Beside a known one nobody knows, alone an error; wfo.* is known to Insights."""
    assert _find(_worker(pair, {"roles": ["agent", "Everyone"]}), "Unknown roles: Everyone").level == "unknown"
    assert _errors(_worker(pair, {"roles": ["Agent"]})) == ["None of the roles is one of Flex's: Agent"]
    assert _worker(pair, {"roles": ["agent", "wfo.full_access"]}).verdict == "accepted"
    assert _worker(pair, {"roles": ["agent", "wfo.team_leadr"]}).verdict == "cannot know"


@pytest.mark.parametrize(
    ("name", "values", "stored"),
    [
        ("department", ["Sales"], ("department", "Sales")),
        ("name.string", ["Mary"], ("name", "Mary")),
        ("level.int", ["3"], ("level", 3)),
        ("vip.boolean", ["true"], ("vip", True)),
        ("languages.stringarray", ["en,de"], ("languages", ["en", "de"])),
        ("languages.stringarray", ["en", "de"], ("languages", ["en", "de"])),
        ("skills.intarray", ["1,2"], ("skills", [1, 2])),
        ("skills.intarray", ["1", "2"], ("skills", [1, 2])),
        ("flags.booleanarray", ["true,false"], ("flags", [True, False])),
        ("level", ["3"], ("level", "3")),
        ("department", [""], ("department", "")),
        ("contact_uri", ["sip:ana@pbx.example.com"], ("contact_uri", "sip:ana@pbx.example.com")),
    ],
)
def test_claims_are_typed_as_twilio_says(
    pair: KeyPair, name: str, values: list[str], stored: tuple[str, object]
) -> None:
    """Text by default, the six types by suffix, which the stored name loses."""
    attributes = _worker(pair, {name: values}).worker_attributes
    assert attributes is not None
    assert attributes[stored[0]] == stored[1]
    assert type(attributes[stored[0]]) is type(stored[1])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("level.int", "1.23"),
        ("level.int", "a"),
        ("vip.boolean", "yes"),
        ("skills.intarray", "1,x"),
        ("flags.booleanarray", "true,maybe"),
        ("channel.voice.capacity", "-1"),
        ("channel.voice.availability", "on"),
    ],
)
def test_a_value_of_the_wrong_type_changes_nothing(pair: KeyPair, name: str, value: str) -> None:
    """Flex's own answer is quoted."""
    report = _worker(pair, {name: [value]})
    assert 'Error invalid attribute format"' in next(f.detail for f in report.findings if f.level == "error")
    assert report.worker_attributes is None


def test_channels_are_set_by_claims(pair: KeyPair) -> None:
    """With or without the type in the name."""
    report = _worker(pair, {"channel.chat.capacity.int": ["3"], "channel.chat.availability": ["false"]})
    assert report.channels == {"chat": Channel(available=False, capacity=3)}


def test_a_type_in_the_wrong_case_is_part_of_the_name(pair: KeyPair) -> None:
    """Types are lower case and exact."""
    report = _worker(pair, {"level.Int": ["3"]})
    assert _find(report, "level.Int is taken for a text").fix == "name it level.int"
    assert report.worker_attributes is not None
    assert report.worker_attributes["level.Int"] == "3"


def test_several_values_of_no_list_are_told(pair: KeyPair) -> None:
    """Which of them Flex keeps is unknown."""
    assert "department.stringarray" in _find(_worker(pair, {"department": ["A", "B"]}), "2 values").fix


def test_a_contact_uri_that_leads_nowhere_is_told(pair: KeyPair) -> None:
    """Calls would be dequeued to it."""
    assert _find(_worker(pair, {"contact_uri": ["555"]}), "no place to send a call").level == "warning"


def test_claims_that_fight_with_the_yaml_are_named(pair: KeyPair) -> None:
    """Declared there and sent here; and the profile where it differs."""
    user = replace(
        ANA,
        roles=("agent",),
        full_name="Ana R.",
        attributes={"department": "Sales"},
        channels={"chat": Channel(None, 2)},
    )
    claims = {**CLAIMS, "department": ["Sales"], "channel.chat.capacity": ["3"], "level.int": ["3"]}
    report = _lint(pair, Recipe(claims=claims), users={"ana@example.com": user})
    assert "They agree today" in _find(report, "department is sent by the identity provider and declared").detail
    assert _find(report, "channel.chat.capacity is sent").level == "warning"
    assert _find(report, "roles: the sign-in says agent, supervisor, and users/a.yaml says agent")
    assert _find(report, "full_name: the sign-in says Ana Ruiz")
    assert _find(report, "level is sent and not among sso.claims").level == "note"


def test_claims_that_the_identity_provider_owns_do_not_fight(pair: KeyPair) -> None:
    """Those of sso.claims; one that is not sent is noted."""
    sso = declared(pair, claims=("department", "location"))
    report = _lint(pair, Recipe(claims={**CLAIMS, "department": ["Sales"]}), sso=sso, users={"ana@example.com": ANA})
    assert [finding.title for finding in report.findings if finding.level != "ok"] == [
        "location is among sso.claims and not sent"
    ]


@pytest.mark.parametrize(
    ("username", "words", "level"),
    [
        ("Ana@example.com", "the YAML declares Ana@example.com", "error"),
        ("ana.ruiz", "is declared as ana.ruiz", "warning"),
        ("bob@example.com", "ana@example.com is not declared", "warning"),
    ],
)
def test_a_user_whom_the_yaml_does_not_know_is_told(pair: KeyPair, username: str, words: str, level: str) -> None:
    """Another case, another name for the same address, or nobody."""
    email = "bob@example.com" if username.startswith("bob") else "ana@example.com"
    report = _lint(pair, users={username: replace(ANA, username=username, email=email)})
    assert _find(report, words).level == level


def test_an_expired_declared_certificate_is_told_apart_from_the_signature(pair: KeyPair) -> None:
    """The signature still holds."""
    recipe = Recipe(issued=NOW + timedelta(days=4000))
    report = _lint(pair, recipe, now=recipe.issued)
    assert _errors(report)[0].startswith("sso.certificate: the certificate expired")
    assert _find(report, "signed with the declared certificate").level == "ok"


def test_without_sso_the_response_is_still_explained(pair: KeyPair) -> None:
    """With what it carries itself."""
    report = lint(response(pair), sso=None, now=NOW)
    assert report.verdict == "cannot know"
    assert _find(report, "No certificate is declared").level == "unknown"
    assert _find(report, "with the certificate that it carries itself").level == "note"


def test_an_assertion_that_says_nothing_of_a_sign_in_is_told(pair: KeyPair) -> None:
    """AuthnStatement is what Web SSO is about."""
    plain = etree.fromstring(xml(Recipe()))
    statement = next(plain.iter(f"{{{SAML}}}AuthnStatement"))
    statement.getparent().remove(statement)
    report = lint(etree.tostring(sign(plain, pair, "Response")), sso=declared(pair), now=NOW)
    assert _find(report, "There is no AuthnStatement").level == "warning"
