"""The identity provider's commands as a person types them, from an empty sign-on to a login that holds."""

from __future__ import annotations

import json

import pytest

from flexres.sandbox.server import Sandbox
from tests import browser
from tests.flow.auth0 import IDP, SIGN_ON
from tests.flow.command_line import FLEX, Cli

TEAM = """\
users:
  ana@example.com:
    full_name: Ana Ruiz
    roles: [agent]
    attributes: {department: Sales, level: 3}
"""


@pytest.fixture
def stack(cli: Cli, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Cli:
    for name, value in sandbox.auth0.environment().items():
        monkeypatch.setenv(name, value)
    sandbox.auth0.seed([("ana@example.com", "Ana R.", None)])
    cli.write(flex=FLEX + SIGN_ON + IDP, team=TEAM)
    return cli


def test_from_nothing_to_in_sync(stack: Cli, sandbox: Sandbox) -> None:
    """The provider alone, its values taken over, then both: each command says what is next."""
    alone = stack.run("idp", "apply", "--yes")
    assert alone.code == 0, alone.err
    assert sandbox.users() == []

    taken = stack.run("idp", "import-metadata")
    assert taken.code == 0, taken.err
    assert "issuer: urn:sandbox.auth0.test" in taken.out
    assert "has these values already" in stack.run("idp", "import-metadata").out

    assert stack.run("apply", "--yes").code == 0
    checked = stack.run("plan", "--check")
    assert (checked.code, "in sync" in checked.out) == (0, True)
    assert stack.run("idp", "plan", "--check").code == 0


def test_idp_plan_tells_what_to_type(stack: Cli) -> None:
    shown, checked = stack.run("idp", "plan"), stack.run("idp", "plan", "--check")
    assert (shown.code, checked.code) == (0, 3)
    assert "flexres idp apply --stack prod" in shown.out
    assert json.loads(stack.run("idp", "plan", "-f", "json").out)["idp"]["tenant"] == "sandbox.auth0.test"


def test_without_an_idp_section_it_says_so(stack: Cli) -> None:
    stack.write(team=TEAM)
    ran = stack.run("idp", "plan")
    assert ran.code == 2
    assert "prod manages no identity provider: stacks/prod/flex.yaml has no idp: section" in ran.err


def test_validate_explains_what_a_login_would_do(stack: Cli) -> None:
    """Without idp: the provider has the last word."""
    assert "every login then brings" not in stack.run("validate").out
    values = "  issuer: urn:x\n  sso_url: https://idp.example.com/x\n  certificate: certs/idp.pem\n"
    certs = stack.folder / "stacks/prod/certs"
    certs.mkdir()
    from tests.unit.desired.stacks import PEM  # noqa: PLC0415

    (certs / "idp.pem").write_text(PEM)
    stack.write(
        flex=FLEX + SIGN_ON.replace(", level.int, languages.stringarray", "") + values,
        team=TEAM.replace("department: Sales, ", ""),
    )
    said = stack.run("validate")
    assert said.code == 0, said.out
    assert "every login then brings" in said.out


@pytest.mark.parametrize("provider", ["okta", "entra", "google", "adfs", "keycloak", "auth0", "generic"])
def test_settings_need_the_beginning_of_a_stack_only(stack: Cli, provider: str) -> None:
    """Nobody knows issuer and URL before the provider is set up."""
    stack.write(flex="account: AC1\nsso: {type: enhanced, writer: console, connection: JQ" + "1" * 32 + "}\n", team="")
    text = stack.run("idp", "settings", "--idp", provider)
    assert text.code == 0, text.err
    assert "JQ" + "1" * 32 in text.out
    assert stack.run("idp", "settings", "--idp", provider, "-f", "markdown").out.startswith("## Flex at")
    assert json.loads(stack.run("idp", "settings", "--idp", provider, "-f", "json").out)["provider"] == provider


def test_files_to_import_are_written(stack: Cli) -> None:
    ran = stack.run("idp", "settings", "--idp", "generic", "--files", "out")
    assert "written: out/flex-sp-metadata.xml" in ran.err
    assert (stack.folder / "out/flex-sp-metadata.xml").read_text().startswith("<?xml")


def test_metadata_comes_from_a_file_or_an_address(stack: Cli, sandbox: Sandbox) -> None:
    """The certificate goes beside the YAML."""
    ran = stack.run("idp", "import-metadata", f"{sandbox.url}/idp/metadata")
    assert ran.code == 0, ran.err
    assert (stack.folder / "stacks/prod/certs/idp.pem").read_text().startswith("-----BEGIN CERTIFICATE-----")
    assert 'issuer: "urn:sandbox:identity-provider"' in (stack.folder / "stacks/prod/flex.yaml").read_text()


@pytest.mark.parametrize(
    ("source", "code", "says"),
    [
        ("http://idp.example.com/metadata", 2, "fetched by https alone"),
        ("missing.xml", 2, "missing.xml cannot be read"),
        ("http://127.0.0.1:9/metadata", 6, "nothing answers at 127.0.0.1:9"),
    ],
)
def test_metadata_that_cannot_be_had(stack: Cli, source: str, code: int, says: str) -> None:
    ran = stack.run("idp", "import-metadata", source)
    assert ran.code == code
    assert says in ran.err


def test_a_supervisor_stays_one_after_signing_in_by_browser(stack: Cli, sandbox: Sandbox) -> None:
    """YAML → one plan of both sides → apply → a login in Chromium → the Worker keeps the role, nothing differs."""
    reason = browser.missing()
    if reason:
        pytest.skip(reason)
    for command in (("idp", "apply", "--yes"), ("idp", "import-metadata"), ("apply", "--yes")):
        assert stack.run(*command).code == 0
    flex = (stack.folder / "stacks/prod/flex.yaml").read_text()
    stack.write(flex=flex, team=TEAM.replace("[agent]", "[agent, supervisor]"))
    assert "git · Flex and Auth0" in stack.run("plan").out
    assert stack.run("apply", "--yes").code == 0

    with browser.chromium() as chromium:
        page = chromium.new_page()
        page.goto(f"{sandbox.url}/demo/app")
        page.get_by_role("button", name="Sign in").first.click()
        page.get_by_role("button", name="ana@example.com").click()
        page.wait_for_url("**/demo/app**")
        page.get_by_text("supervisor").first.wait_for()

    assert sandbox.worker_attributes("ana@example.com")["roles"] == ["agent", "supervisor"]
    assert stack.run("plan", "--check").code == 0
