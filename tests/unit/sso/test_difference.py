"""The difference of single sign-on: attestations and observations in console mode, values in api mode."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexres.desired.model import Attested, Policy, Sso, StackConfig
from flexres.live.model import Instance, Snapshot
from flexres.reconcile.change import Answer, SettingChange, SettingState
from flexres.reconcile.diff import Scope
from flexres.reconcile.guards.judge import evaluate
from flexres.reconcile.guards.model import Evidence, Violation
from flexres.sso.difference import Sighting, SignOn, declared_value, setting_changes, setting_digest

URL = "https://flex.example.com"
SSO = Sso(
    type="enhanced",
    writer="console",
    connection="JQ" + "1" * 32,
    issuer="urn:acme",
    sso_url="https://idp.example.com/saml?connection=Users",
    certificate="PEM",
    fingerprint="AB:CD",
    default_redirect_url=URL,
    trusted=(URL,),
    login_popup=True,
)
NOTHING = SignOn()
FIELDS = ("certificate", "issuer", "sso_url", "default_redirect_url", "connection")


def config(sso: Sso) -> StackConfig:
    return StackConfig("k7m2q9", "AC" + "a" * 32, "GO" + "b" * 32, "direct", Policy(), sso=sso)


def attested(sso: Sso = SSO, *fields: str) -> Sso:
    """The section with everything attested as it stands, or these fields alone."""
    digests = {name: setting_digest(config(sso), name, declared_value(sso, name) or "") for name in fields or FIELDS}
    return replace(sso, attested=Attested(digests, () if fields else sso.trusted))


def states(sso: Sso, seen: SignOn = NOTHING) -> dict[str, str]:
    return {each.name: str(each.state) for each in setting_changes(config(sso), seen)}


def one(sso: Sso, name: str, seen: SignOn = NOTHING) -> SettingChange:
    return next(each for each in setting_changes(config(sso), seen) if each.name == name)


def saw(**fields: str | bool | None) -> SignOn:
    return SignOn(
        {name: Sighting(value, "login redirect", "why" if value is None else "") for name, value in fields.items()}
    )


def test_what_nobody_attested_is_pending_in_the_order_of_the_page() -> None:
    """Steps are counted over the page; what flexres writes itself is no step."""
    settings = setting_changes(config(SSO), SignOn())

    assert [(each.name, each.step, each.steps) for each in settings] == [
        ("certificate", 1, 6),
        ("issuer", 2, 6),
        ("sso_url", 3, 6),
        ("default_redirect_url", 4, 6),
        (f"trusted {URL}", 5, 6),
        ("connection", 6, 6),
        ("login_popup", 0, 0),
    ]
    assert {each.state for each in settings if each.step} == {SettingState.PENDING}


def test_attesting_is_the_only_step() -> None:
    """Whether or not anything can be seen."""
    assert set(states(attested()).values()) == {"as declared"}


def test_an_observation_does_not_attest() -> None:
    """What a probe sees today it may not see tomorrow: the state would flap with the network."""
    seen = one(SSO, "sso_url", saw(sso_url=SSO.sso_url))

    assert (seen.state, seen.answer) == (SettingState.PENDING, Answer.YES)


@pytest.mark.parametrize("field", FIELDS)
def test_a_changed_field_makes_its_own_attestation_stale(field: str) -> None:
    """And no other one, unless the connection changed: that is another page of Console."""
    changed = {"certificate": "fingerprint"}.get(field, field)
    after = replace(attested(), **{changed: "https://new.example.com" if "url" in field else "JQ" + "2" * 32})

    stale = {name for name, state in states(after).items() if state == "stale attestation"}

    assert stale == (set(FIELDS) if field == "connection" else {field})


def test_a_certificate_written_otherwise_stays_attested() -> None:
    """Line ends do not make another certificate: its fingerprint is attested."""
    assert states(replace(attested(), certificate="PEM\r\n"))["certificate"] == "as declared"


def test_a_probe_that_says_no_to_what_was_attested_is_drift() -> None:
    """The login leads somewhere else than declared."""
    seen = saw(sso_url="https://elsewhere.example.com/saml", connection="")

    assert states(attested(), seen) | {"login_popup": ""} == states(attested()) | {
        "sso_url": "drift",
        "connection": "drift",
        "login_popup": "",
    }


def test_unknown_changes_nothing() -> None:
    """No answer is no reason to do anything."""
    unknown = SignOn({name: Sighting(None, "probes", "no answer") for name in FIELDS}, {URL: Sighting(None, "probes")})

    assert states(attested(), unknown) == states(attested())
    assert states(SSO, unknown) == states(SSO)


@given(st.dictionaries(st.sampled_from([*FIELDS, "login_popup"]), st.none() | st.text(max_size=5)))
def test_no_observation_writes_to_console_or_forgets_an_attestation(seen: dict[str, Any]) -> None:
    """In console mode an observation can only say drift."""
    found = {name: state for name, state in states(attested(), saw(**seen)).items() if name in FIELDS}

    assert set(found.values()) <= {"as declared", "drift"}


def test_a_browser_may_encode_the_query_otherwise() -> None:
    """The same parameters in another order or escaping are the same URL."""
    sso = attested(replace(SSO, sso_url="https://idp.example.com/saml?a=1&b=x%20y"))

    assert states(sso, saw(sso_url="https://idp.example.com/saml?b=x+y&a=1"))["sso_url"] == "as declared"


def test_a_missing_connection_parameter_is_another_url() -> None:
    """Auth0 then shows its own choice of connections."""
    assert states(attested(), saw(sso_url="https://idp.example.com/saml"))["sso_url"] == "drift"


def test_a_trusted_entry_leaves_only_when_its_removal_is_attested() -> None:
    """Taken out of the YAML it still is in Console."""
    sso = replace(attested(), trusted=())

    found = one(sso, f"trusted {URL}")

    assert (found.state, found.removal, found.step) == (SettingState.REMOVAL, True, 5)
    assert one(sso, f"trusted {URL}", SignOn(trusted={URL: Sighting(False, "login redirect")})).answer is Answer.YES


def test_a_list_that_nobody_declares_is_unmanaged() -> None:
    """Absent is unmanaged; an empty list is empty."""
    sso = replace(attested(), trusted=(), owns_trusted=False)

    assert not [name for name in states(sso) if name.startswith("trusted")]


def test_an_attested_entry_that_is_seen_untrusted_is_drift() -> None:
    """Somebody took it out of Console."""
    seen = SignOn(trusted={URL: Sighting(False, "login redirect")})

    assert states(attested(), seen)[f"trusted {URL}"] == "drift"


def test_how_the_login_opens_is_written_in_both_modes() -> None:
    """The Flex Configuration has an API, whoever writes the rest."""
    found = one(SSO, "login_popup", saw(login_popup=False))

    assert (found.state, found.observed, found.declared) == (SettingState.CHANGE, "false", "true")
    assert one(SSO, "login_popup", saw(login_popup=True)).state is SettingState.AS_DECLARED


API = replace(SSO, writer="api")
IN_PLACE = SignOn(
    {
        "type": Sighting("enhanced", "settings API"),
        "certificate": Sighting("AB:CD", "settings API"),
        "issuer": Sighting("urn:acme", "settings API"),
        "sso_url": Sighting(SSO.sso_url, "settings API"),
        "default_redirect_url": Sighting(URL, "settings API"),
        "connection": Sighting(SSO.connection, "settings API"),
        "login_popup": Sighting(True, "Flex Configuration"),
    },
    {URL: Sighting(True, "settings API")},
    complete=True,
)


def test_an_api_in_place_needs_nothing() -> None:
    """No attestations, no steps."""
    assert set(states(API, IN_PLACE).values()) == {"as declared"}


def test_an_api_is_given_what_differs() -> None:
    """Fields, entries to add, and entries that are no longer declared."""
    extra = {"https://old.example.com": Sighting(True, "settings API")}
    seen = replace(IN_PLACE, trusted=extra, fields={**IN_PLACE.fields, "issuer": Sighting("urn:old", "settings API")})

    changes = [each for each in setting_changes(config(API), seen) if each.state is SettingState.CHANGE]

    assert [(each.name, each.removal) for each in changes] == [
        ("issuer", False),
        (f"trusted {URL}", False),
        ("trusted https://old.example.com", True),
    ]
    assert [each.care for each in changes] == [True, False, True]


def test_a_connection_that_is_not_active_is_activated() -> None:
    """Even where the YAML leaves its SID to the API."""
    seen = replace(IN_PLACE, fields={**IN_PLACE.fields, "connection": Sighting("", "settings API")})

    assert states(replace(API, connection=None), seen)["connection"] == "change"


def violations(policy: Policy, settings: tuple[SettingChange, ...]) -> tuple[Violation, ...]:
    """What the guards say of these settings and nothing else."""
    evidence = Evidence(
        scope=Scope("k7m2q9"),
        policy=policy,
        snapshot=Snapshot(Instance("AC1", "GO1", "WS1", None), {}),
        changes=settings,
        markers={},
        approvals=(),
        today=date(2026, 6, 1),
        allow_admin=frozenset(),
        declared=0,
    )
    return evaluate(evidence).violations


def test_the_policy_decides_whether_waiting_for_a_person_refuses() -> None:
    """By default it only tells."""
    settings = setting_changes(config(SSO), SignOn())

    assert not violations(Policy(), settings)
    (refusal,) = violations(Policy(console_changes="fail"), settings)
    assert refusal.message.startswith("6 wait for a person in Twilio Console: certificate, issuer")
    assert not violations(Policy(console_changes="fail"), setting_changes(config(attested()), SignOn()))


def test_digests_tell_stacks_accounts_and_connections_apart() -> None:
    """A section that was copied says nothing about the other account."""
    here = config(SSO)
    others = [
        replace(here, id="zzzzzz"),
        replace(here, account="AC" + "c" * 32),
        replace(here, sso=replace(SSO, type="legacy")),
        replace(here, sso=replace(SSO, connection=None)),
    ]

    digests = {setting_digest(each, "issuer", "urn:acme") for each in [here, *others]}

    assert len(digests) == 5
    assert all(len(digest) == 8 for digest in digests)
