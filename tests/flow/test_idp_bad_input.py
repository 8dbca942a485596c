"""What goes wrong at the identity provider: one clear message each, and nothing half-written without being told."""

from __future__ import annotations

from pathlib import Path

import pytest

from flexres.apply.outcome import Result
from flexres.errors import Exit, RefusedError, SetupError, UnreachableError
from flexres.sandbox.server import Sandbox
from tests.flow.auth0 import IDP, SIGN_ON, IdpFlow
from tests.flow.conftest import results
from tests.unit.report.rendering import applied_text, plan_text

ANA = """
ana@example.com: {full_name: Ana Ruiz, roles: [agent], attributes: {department: Sales}}
"""


@pytest.fixture
def idp(sandbox: Sandbox, tmp_path: Path) -> IdpFlow:
    flow = IdpFlow(sandbox, tmp_path / "stack")
    sandbox.auth0.seed([("ana@example.com", "Ana R.", None)])
    flow.write(ANA)
    return flow


def troubles(flow: IdpFlow) -> list[str]:
    """What the plan says stands in the way."""
    plan = flow.plan()
    assert plan.idp is not None
    text = plan_text(plan, width=200, colour=False)
    for trouble in plan.idp.troubles:
        assert trouble.problem.message in text
    return [trouble.problem.message for trouble in plan.idp.troubles]


@pytest.mark.parametrize("scope", ["read:clients", "read:actions", "read:users", "read:connections"])
def test_a_missing_scope_is_named_before_anything_is_sent(idp: IdpFlow, sandbox: Sandbox, scope: str) -> None:
    scopes = ["read:clients", "read:actions", "read:users", "read:connections"]
    sandbox.auth0.grant(one for one in scopes if one != scope)

    with pytest.raises(SetupError, match=f"lacks the scope .*{scope}"):
        idp.plan()


def test_a_scope_that_only_writing_needs_is_named_in_the_outcome(idp: IdpFlow, sandbox: Sandbox) -> None:
    """The user failed at Auth0, so nothing was written in Flex for them."""
    sandbox.auth0.grant(["read:clients", "read:actions", "read:users", "read:connections"])

    applied = idp.apply()

    assert applied.exit is Exit.PARTIAL
    assert {one.result for one in applied.at_idp} == {Result.FAILED}
    assert results(applied) == {"ana@example.com": "failed"}
    assert "nothing was written in Flex" in applied.outcomes[0].message
    assert "update:users" in applied.outcomes[0].message
    assert "create:clients" in applied_text(applied, width=200, colour=False)
    assert sandbox.users() == []


def test_two_applications_of_one_name_are_told_with_their_ids(idp: IdpFlow, sandbox: Sandbox) -> None:
    sandbox.auth0.add_client("one", "Twilio Flex")
    sandbox.auth0.add_client("two", "Twilio Flex")

    assert troubles(idp) == ["2 applications are called Twilio Flex: one, two"]

    idp.write(ANA, more=SIGN_ON + IDP + "  client_id: two\n")
    assert troubles(idp) == []
    assert [change.says for change in idp.plan().at_idp if change.key == "flexres"] == ["is marked as this stack's"]


def test_a_client_id_that_does_not_exist(idp: IdpFlow) -> None:
    idp.write(ANA, more=SIGN_ON + IDP + "  client_id: gone\n")
    assert troubles(idp) == ["there is no application with the client id gone"]


def test_another_stacks_application_and_action_are_left_alone(idp: IdpFlow, sandbox: Sandbox) -> None:
    sandbox.auth0.add_client("one", "Twilio Flex", client_metadata={"flexres": "zzzzzz"})
    sandbox.auth0.add_action("Flex claims", "// Written by flexres for stack id zzzzzz. x\n")

    assert troubles(idp) == [
        "Twilio Flex (one) is managed by stack id zzzzzz",
        "the action Flex claims is managed by stack id zzzzzz",
    ]
    applied = idp.apply()
    assert applied.at_idp == ()
    assert applied.plan.at_idp == ()


def test_an_action_that_somebody_else_wrote_is_left_alone(idp: IdpFlow, sandbox: Sandbox) -> None:
    sandbox.auth0.add_action("Flex claims", "exports.onExecutePostLogin = async () => {}")

    assert troubles(idp) == ["there is an action Flex claims already, and flexres did not write it"]


def test_an_application_of_another_type(idp: IdpFlow, sandbox: Sandbox) -> None:
    sandbox.auth0.add_client("one", "Twilio Flex", app_type="spa")
    assert troubles(idp) == ["Twilio Flex (one) is of the type spa, not a regular web application"]


def test_a_connection_that_does_not_exist(idp: IdpFlow) -> None:
    idp.write(ANA, more=SIGN_ON + IDP + "  connection: Staff\n")
    assert troubles(idp) == ["there is no connection Staff"]


@pytest.mark.parametrize("flex", ["agent", ["agent"], 3])
def test_flex_of_another_shape_is_left_as_it_is(idp: IdpFlow, sandbox: Sandbox, flex: object) -> None:
    sandbox.auth0.set_app_metadata("ana@example.com", {"flex": flex})

    assert troubles(idp) == ["app_metadata.flex of ana@example.com is no map at Auth0, so it is left as it is"]
    idp.apply()

    assert sandbox.auth0.app_metadata("ana@example.com") == {"flex": flex}


def test_users_without_app_metadata_get_theirs(idp: IdpFlow, sandbox: Sandbox) -> None:
    idp.apply()
    assert sandbox.auth0.app_metadata("ana@example.com")["flex"]["department"] == "Sales"


def test_two_users_of_one_address(idp: IdpFlow, sandbox: Sandbox) -> None:
    sandbox.auth0.seed([("ana@example.com", "Ana again", None)])
    (message,) = troubles(idp)
    assert message.startswith("Auth0 has 2 users with the address ana@example.com: auth0|")


def test_a_full_quota_of_actions_is_told_and_the_rest_is_done(idp: IdpFlow, sandbox: Sandbox) -> None:
    """The application and the users are written; what was not is in the report, and the next run goes on."""
    sandbox.auth0.allow_actions(0)

    applied = idp.apply()

    assert applied.exit is Exit.PARTIAL
    assert {str(one.change.part): str(one.result) for one in applied.at_idp} == {
        "application": "done",
        "action": "failed",
    }
    assert "the tenant's plan allows no more of these" in applied_text(applied, width=200, colour=False)
    assert results(applied) == {"ana@example.com": "done"}

    sandbox.auth0.allow_actions(1)
    assert idp.apply().exit is Exit.DONE
    assert not idp.plan().pending


def test_a_rate_limit_that_ends_soon_is_waited_for(idp: IdpFlow, sandbox: Sandbox) -> None:
    """Requests go on as the headers allow."""
    sandbox.auth0.limit(requests=4, seconds=1)

    assert idp.apply().exit is Exit.DONE

    refused = sandbox.requests(path="/api/v2", status=429)
    assert len(refused) <= 4


def test_a_rate_limit_that_ends_far_away_is_said(idp: IdpFlow, sandbox: Sandbox) -> None:
    """With the time, instead of a process that seems to hang."""
    sandbox.auth0.limit(requests=5, seconds=3600, used=5)

    with pytest.raises(UnreachableError, match=r"lets nothing through until \d{4}-\d\d-\d\d \d\d:\d\d UTC"):
        idp.plan()


def test_a_rate_limit_in_the_middle_leaves_a_report(idp: IdpFlow, sandbox: Sandbox) -> None:
    """What was written is told, and so is what was not."""
    plan = idp.plan()
    sandbox.auth0.limit(requests=3, seconds=3600)

    applied = idp.apply(plan=plan)

    assert applied.exit is Exit.PARTIAL
    assert Result.DONE in {one.result for one in applied.at_idp}
    assert Result.FAILED in {one.result for one in applied.at_idp}
    assert sandbox.users() == []


def test_a_tenant_of_another_stack_gets_no_credentials(idp: IdpFlow) -> None:
    idp.environ["AUTH0_DOMAIN"] = "other.eu.auth0.com"
    with pytest.raises(SetupError, match=r"AUTH0_DOMAIN is other\.eu\.auth0\.com"):
        idp.plan()


def test_no_credentials(idp: IdpFlow) -> None:
    del idp.environ["AUTH0_CLIENT_SECRET"]
    with pytest.raises(SetupError, match="AUTH0_CLIENT_SECRET not set"):
        idp.plan()


def test_wrong_credentials(idp: IdpFlow) -> None:
    idp.environ["AUTH0_CLIENT_SECRET"] = "wrong"
    with pytest.raises(UnreachableError, match=r"Auth0 refused the credentials for sandbox\.auth0\.test"):
        idp.plan()


def test_an_expired_management_token(idp: IdpFlow, sandbox: Sandbox) -> None:
    idp.environ["AUTH0_MGMT_TOKEN"] = sandbox.auth0.token("read:clients", life=-1)
    with pytest.raises(UnreachableError, match="Expired token") as raised:
        idp.plan()
    assert "AUTH0_MGMT_TOKEN" in raised.value.hint


def test_a_guard_refuses_before_anything_is_sent(idp: IdpFlow, sandbox: Sandbox) -> None:
    idp.write(ANA.replace("[agent]", "[admin]"))
    with pytest.raises(RefusedError):
        idp.apply()
    assert sandbox.auth0.clients() == []
