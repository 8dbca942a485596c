"""One change, both writes: what the YAML says reaches Flex and Auth0, and a login leaves it as it is."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path

import httpx
import pytest

from flexres.apply.journal import FileJournal, Run
from flexres.errors import Exit
from flexres.reconcile.change import Cause
from flexres.reconcile.drift.findings import drift_of
from flexres.reconcile.idp.model import Claim
from flexres.reconcile.plan import Plan
from flexres.report.plan.model import check_exit
from flexres.sandbox.server import Sandbox
from tests.flow.auth0 import IDP, SIGN_ON, IdpFlow, sign_in
from tests.flow.conftest import fields, kinds, results
from tests.unit.report.rendering import (
    applied_json,
    applied_markdown,
    applied_text,
    plan_json,
    plan_markdown,
    plan_text,
)

ANA = """
ana@example.com:
  full_name: Ana Ruiz
  roles: [agent]
  attributes: {department: Sales, level: 3, languages: [en, de], vip: true}
"""
SUPERVISOR = ANA.replace("roles: [agent]", "roles: [agent, supervisor]")


@pytest.fixture
def idp(sandbox: Sandbox, tmp_path: Path) -> IdpFlow:
    flow = IdpFlow(sandbox, tmp_path / "stack")
    sandbox.auth0.seed([("ana@example.com", "Ana R.", {"flex": {"theme": "dark"}, "crm": 7})])
    flow.write(ANA)
    return flow


@pytest.fixture
def applied(idp: IdpFlow) -> IdpFlow:
    """The same with everything in place, and Flex set to sign in through Auth0."""
    idp.apply()
    idp.take_over()
    return idp


def said(plan: Plan) -> str:
    return plan_text(plan, width=120, colour=False)


def test_what_is_applied_comes_with_the_login(applied: IdpFlow, sandbox: Sandbox) -> None:
    """A supervisor of the YAML stays one after signing in, and nothing differs afterwards."""
    applied.write(SUPERVISOR)
    plan = applied.plan()
    assert "agent → agent, supervisor  git · Flex and Auth0" in said(plan)
    assert applied.apply().exit is Exit.DONE

    visit = sign_in(sandbox, "ana@example.com")

    assert visit.status == 200, visit
    attributes = sandbox.worker_attributes("ana@example.com")
    assert attributes["roles"] == ["agent", "supervisor"]
    assert (attributes["level"], attributes["languages"], attributes["vip"]) == (3, ["en", "de"], True)
    assert sandbox.user("ana@example.com")["roles"] == ["agent", "supervisor"]
    after = applied.plan()
    assert not after.pending
    assert after.changes == ()


def test_a_login_is_told_from_a_person(applied: IdpFlow, sandbox: Sandbox) -> None:
    """Flex has what the provider sends, and git wants something else: a login wrote it."""
    sandbox.auth0.set_app_metadata(
        "ana@example.com", {"flex": {"roles": ["agent", "supervisor"], "full_name": "Ana Ruiz"}}
    )

    assert sign_in(sandbox, "ana@example.com").status == 200

    assert sandbox.user("ana@example.com")["roles"] == ["agent", "supervisor"]
    plan = applied.plan()
    (change,) = plan.changes
    assert {item.key.text: item.cause for item in change.fields} == {"roles": Cause.LOGIN}
    assert "written at a login, put back · Flex and Auth0" in said(plan)


def test_without_idp_a_role_is_a_change_to_make_at_the_provider(applied: IdpFlow, sandbox: Sandbox) -> None:
    """Left out, Flex keeps what logins bring, and the user whose roles would be undone is named."""
    certificate = applied.folder / "certs/idp.pem"
    certificate.parent.mkdir()
    certificate.write_text(sandbox.auth0.certificate())
    (client,) = sandbox.auth0.clients()
    url = f"{sandbox.url}/samlp/{client['client_id']}?connection=Username-Password-Authentication"
    values = f'  issuer: "urn:sandbox.auth0.test"\n  sso_url: "{url}"\n  certificate: certs/idp.pem\n'
    own = SUPERVISOR.replace("department: Sales, level: 3, languages: [en, de], ", "")
    alone = SIGN_ON.replace("[department, level.int, languages.stringarray]", "[]") + values

    applied.write(own, more=alone)
    applied.apply()

    plan = applied.plan()
    assert kinds(plan) == {"ana@example.com": "at the IdP"}
    assert not plan.pending
    assert "roles: agent → agent, supervisor" in said(plan)
    assert sign_in(sandbox, "ana@example.com").status == 200
    assert sandbox.user("ana@example.com")["roles"] == ["agent"]


def test_a_person_in_flex_is_told_from_a_login(applied: IdpFlow, sandbox: Sandbox) -> None:
    """Flex has what the provider does not send: somebody changed it by hand."""
    sandbox.edit_attributes("ana@example.com", {"department": "Elsewhere"})

    (change,) = applied.plan().changes

    assert change.idp is None
    assert {item.key.text: item.cause for item in change.fields} == {"attr:department": Cause.FLEX}


def test_a_change_by_hand_at_the_provider_is_put_back_there(applied: IdpFlow, sandbox: Sandbox) -> None:
    """Before the next login brings it into Flex; whatever else is in app_metadata stays."""
    sandbox.auth0.set_app_metadata("ana@example.com", {"crm": 7, "flex": {"theme": "dark", "roles": ["admin"]}})

    (change,) = applied.plan().changes
    assert change.idp is not None
    assert {item.key.text: item.cause for item in change.idp.fields}["roles"] is Cause.IDP
    applied.apply()

    held = sandbox.auth0.app_metadata("ana@example.com")
    assert held["crm"] == 7
    assert held["flex"]["theme"] == "dark"
    assert held["flex"]["roles"] == ["agent"]


def test_a_claim_that_is_no_longer_declared_leaves_both_sides(applied: IdpFlow, sandbox: Sandbox) -> None:
    """What we set and nobody changed is taken out, in Flex and there."""
    applied.write(ANA.replace("department: Sales, ", ""))

    applied.apply()

    assert "department" not in sandbox.worker_attributes("ana@example.com")
    assert "department" not in sandbox.auth0.app_metadata("ana@example.com")["flex"]
    assert applied.plan().changes == ()


def test_a_leaver_cannot_sign_in_any_more(applied: IdpFlow, sandbox: Sandbox) -> None:
    """Retired in Flex, and without roles at the provider: no login brings them back."""
    applied.write("")
    plan = applied.plan()
    assert "loses the roles at Auth0 too" in said(plan)

    assert results(applied.apply()) == {"ana@example.com": "done"}

    assert "roles" not in sandbox.auth0.app_metadata("ana@example.com")["flex"]
    visit = sign_in(sandbox, "ana@example.com")
    assert (visit.status, visit.reason) == (403, "Access denied.")
    assert "no role" in visit.detail


def test_the_name_id_is_the_username(sandbox: Sandbox, idp: IdpFlow) -> None:
    """Auth0's own id would make a second user of that name."""
    idp.write(ANA.replace("ana@example.com:", "a.ruiz:\n  email: ana@example.com"))
    idp.apply()
    idp.take_over()

    assert sign_in(sandbox, "ana@example.com").status == 200

    assert [user["username"] for user in sandbox.users()] == ["a.ruiz"]
    assert idp.plan().changes == ()


def test_another_spelling_of_the_address_is_kept(sandbox: Sandbox, idp: IdpFlow) -> None:
    """Auth0 keeps addresses in lower case, Flex as they were declared."""
    idp.write(ANA.replace("ana@example.com:", "ana@example.com:\n  email: Ana@Example.com"))
    idp.apply()
    idp.take_over()

    sign_in(sandbox, "ana@example.com")

    assert sandbox.user("ana@example.com")["email"] == "Ana@Example.com"
    assert idp.plan().changes == ()


def test_other_actions_keep_their_places(sandbox: Sandbox, idp: IdpFlow) -> None:
    sandbox.auth0.add_action("Audit", "exports.onExecutePostLogin = async () => {}")
    sandbox.auth0.add_action("Enrich", "exports.onExecutePostLogin = async () => {}")

    idp.apply()

    assert sandbox.auth0.flow() == ["Audit", "Enrich", "Flex claims"]


def test_logins_to_other_applications_are_left_alone(sandbox: Sandbox, applied: IdpFlow) -> None:
    """Somebody without a role in Flex still gets into the wiki, and without Flex's claims."""
    (client,) = sandbox.auth0.clients()
    sandbox.auth0.set_app_metadata("ana@example.com", {})
    sandbox.auth0.add_client("wiki", "Wiki", callbacks=client["callbacks"], addons=client["addons"])

    mine, other = (
        httpx.post(f"{sandbox.url}/samlp/{name}", data={"username": "ana@example.com"}, trust_env=False)
        for name in (client["client_id"], "wiki")
    )

    assert mine.status_code == 403
    assert other.status_code == 200
    response = re.search(r'name="SAMLResponse" value="([^"]*)"', other.text)
    assert response is not None
    assert b'Name="full_name"' not in base64.b64decode(response[1])


@pytest.mark.parametrize("missing", ["create", "invite"])
def test_missing_users_are_made_only_if_asked(sandbox: Sandbox, idp: IdpFlow, missing: str) -> None:
    """By default they are named; otherwise made in the connection, and with invite sent an e-mail."""
    two = ANA + "ben@example.com: {full_name: Ben Okafor, roles: [agent]}\n"
    idp.write(two)
    assert idp.plan().idp.missing == ("ben@example.com",)
    assert "ben@example.com" in said(idp.plan())

    idp.write(two, more=SIGN_ON + IDP + f"  missing: {missing}\n")
    assert "is made at Auth0" in said(idp.plan())
    idp.apply()

    assert sandbox.auth0.app_metadata("ben@example.com")["flex"]["roles"] == ["agent"]
    assert sandbox.auth0.invited() == (["ben@example.com"] if missing == "invite" else [])
    assert idp.plan().changes == ()


def test_a_stranger_with_roles_is_named(sandbox: Sandbox, idp: IdpFlow) -> None:
    """Somebody whom nobody declares could sign in, and would be billed."""
    sandbox.auth0.seed([("eve@example.com", "Eve", {"flex": {"roles": ["admin"]}})])

    plan = idp.plan()

    (stranger,) = plan.idp.strangers
    assert (stranger.email, stranger.roles, stranger.claim) == ("eve@example.com", ("admin",), Claim.UNDECLARED)
    assert "signs in with admin, and nobody declares it" in said(plan)
    assert check_exit(plan) is Exit.PENDING
    assert drift_of(plan).exit is Exit.PENDING


def test_a_rotated_certificate_is_drift(applied: IdpFlow, sandbox: Sandbox) -> None:
    """Flex would refuse the next login: the plan says so, and a check exits with 3."""
    stack = applied.folder
    (stack / "certs").mkdir()
    (stack / "certs/idp.pem").write_text(sandbox.auth0.certificate())
    (client,) = sandbox.auth0.clients()
    url = f"{sandbox.url}/samlp/{client['client_id']}?connection=Username-Password-Authentication"
    values = f'  issuer: "urn:sandbox.auth0.test"\n  sso_url: "{url}"\n  certificate: certs/idp.pem\n'
    applied.write(ANA, more=SIGN_ON + values + IDP)
    assert applied.plan().idp.differing == ()

    sandbox.auth0.rotate_key()

    plan = applied.plan()
    assert [one.key for one in plan.idp.differing] == ["certificate"]
    assert plan_json(plan)["exit"] == Exit.PENDING
    assert "flexres idp import-metadata --stack test" in said(plan)


def test_legacy_sso_has_both_callback_urls_and_no_audience(sandbox: Sandbox, idp: IdpFlow) -> None:
    """As Twilio's guide has it for the older kind of SSO."""
    legacy = SIGN_ON.replace("enhanced", "legacy").replace("  connection: JQ00000000000000000000000000000001\n", "")
    idp.write(ANA, more=legacy + IDP)

    plan = idp.plan()

    assert plan.idp.wanted.callbacks == (
        "https://iam.twilio.com/v1/Accounts/AC00000000000000000000000000000001/saml2",
        "https://iam.twilio.com/v1/Accounts/AC00000000000000000000000000000001/saml2/metadata",
    )
    assert "audience" not in json.dumps(plan_json(plan))


def test_settings_changed_by_hand_are_put_back(applied: IdpFlow, sandbox: Sandbox) -> None:
    """Ours as declared, everybody else's as it was."""
    (client,) = sandbox.auth0.clients()
    addon = {**client["addons"]["samlp"], "audience": "urn:elsewhere", "lifetimeInSeconds": 36000}
    changed = {**client, "addons": {"samlp": addon, "wsfed": {}}, "callbacks": ["https://other.example.com"]}
    changed["client_metadata"] = {**client["client_metadata"], "team": "cc"}
    sandbox.auth0.add_client(**changed)
    code = sandbox.auth0.actions()[0]["code"]
    sandbox.auth0.edit_action("Flex claims", code + "\n// tinkered")

    plan = applied.plan()
    assert {str(change.part) for change in plan.at_idp} == {"SAML2 add-on", "callback URLs", "action"}
    assert applied.apply().exit is Exit.DONE

    (client,) = sandbox.auth0.clients()
    assert client["addons"]["samlp"]["audience"] == "urn:flex:JQ00000000000000000000000000000001"
    assert client["addons"]["samlp"]["lifetimeInSeconds"] == 36000
    assert client["addons"]["wsfed"] == {}
    assert client["client_metadata"] == {"flexres": "k7m2q9", "team": "cc"}
    assert client["callbacks"][1:] == ["https://other.example.com"]
    assert sandbox.auth0.actions()[0]["code"] == code
    assert not applied.plan().pending


def test_the_journal_has_what_is_written_at_the_provider(idp: IdpFlow, tmp_path: Path) -> None:
    """Its set-up part by part, and each user's claims beside what Flex gets."""
    journal = FileJournal(tmp_path / "journal.jsonl", Run("test", "a test", None))
    idp.apply(journal=journal)
    journal.close()
    lines = [json.loads(line) for line in (tmp_path / "journal.jsonl").read_text().splitlines()]
    about_idp = [line for line in lines if line.get("about") == "idp"]
    assert {line["name"].split(" ")[0] for line in about_idp} >= {"application", "action"}
    (ana,) = (line for line in lines if line.get("username") == "ana@example.com" and line["event"] == "outcome")
    assert {field["at"] for field in ana["fields"] if "at" in field} == {"identity provider"}


def test_the_provider_alone_leaves_flex_as_it_is(idp: IdpFlow, sandbox: Sandbox) -> None:
    """`idp apply`: the same plan without what happens in Flex."""
    plan = idp.plan(idp_alone=True)
    assert kinds(plan) == {"ana@example.com": "update"}

    assert idp.apply(idp_alone=True).exit is Exit.DONE

    assert sandbox.users() == []
    assert sandbox.auth0.app_metadata("ana@example.com")["flex"]["roles"] == ["agent"]


def test_the_guards_hold_for_the_provider_too(idp: IdpFlow) -> None:
    """Becoming admin by the next login is becoming admin."""
    idp.write(ANA.replace("roles: [agent]", "roles: [admin]"))

    plan = idp.plan(idp_alone=True)

    assert [violation.rule for violation in plan.violations] == ["gains admin"]


def test_every_format_tells_both_sides(idp: IdpFlow) -> None:
    """Text, Markdown and JSON of the plan and of the outcome."""
    plan = idp.plan()
    applied = idp.apply()

    assert "Flex claims is made, deployed and bound at the end of the login flow" in said(plan)
    assert "at Auth0" in plan_markdown(plan)
    assert plan_json(plan)["idp"]["tenant"] == "sandbox.auth0.test"
    assert plan_json(plan)["changes"][0]["idp"]["email"] == "ana@example.com"
    assert "✓ application" in applied_text(applied, width=120, colour=False)
    assert "identity provider" in applied_markdown(applied)
    assert {one["result"] for one in applied_json(applied)["idp"]} == {"done"}


def test_planning_writes_nothing(idp: IdpFlow, sandbox: Sandbox) -> None:
    """GET alone, and the two requests that read by POST."""
    sandbox.clear_requests()
    idp.plan()

    posts = {request.path for request in sandbox.requests() if request.method != "GET"}
    assert posts == {"/oauth/token"}


def test_fields_of_a_change_name_both(applied: IdpFlow) -> None:
    """A change's Flex fields and its fields at the provider hold the same values."""
    applied.write(SUPERVISOR)

    (change,) = applied.plan().changes

    assert change.idp is not None
    there = {item.key.text: (item.before, item.after) for item in change.idp.fields}
    assert there == fields(change) == {"roles": (["agent"], ["agent", "supervisor"])}
