"""docs/sso.md and docs/twilio-pages.md: their stacks load, their commands exist, what they show is what is printed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer

from flexres.cli.main import COMMANDS
from flexres.sandbox.server import Sandbox
from tests.flow.command_line import Cli

DOCS = Path(__file__).parents[2] / "docs"
PAGES = ("sso.md", "twilio-pages.md")
TEAM = "users: {}\n"


def page(name: str = "sso.md") -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def stack(name: str) -> str:
    """A YAML block of docs/sso.md by the file that its first line names."""
    found = re.search(rf"```yaml\n# stacks/{name}/flex\.yaml\n(.*?)```", page(), re.DOTALL)
    assert found
    return found[1]


def shown(name: str) -> str:
    """A block of output that docs/sso.md shows."""
    found = re.search(rf"<!-- {name} -->\n```text\n(.*?)```", page(), re.DOTALL)
    assert found
    return found[1]


def write(cli: Cli, sandbox: Sandbox, name: str, text: str) -> None:
    settings = sandbox.sso()
    assert settings is not None
    cli.write(flex=text.replace("http://127.0.0.1:4010", sandbox.url), team=TEAM, stack=name)
    certificate = cli.folder / "stacks" / name / "certs" / "idp.pem"
    certificate.parent.mkdir()
    certificate.write_text(settings.certificate)


def test_the_sandbox_stack_applies_as_shown(cli: Cli, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Word for word but for the port; and then nothing is left to do."""
    monkeypatch.delenv("FLEXRES_ENDPOINT")
    write(cli, sandbox, "sso", stack("sso"))

    applied = cli.run("apply", "--stack", "sso", "--yes").out
    checked = cli.run("plan", "--stack", "sso", "--check")

    assert shown("api").replace("http://127.0.0.1:4010", sandbox.url) in applied
    assert checked.code == 0


def test_a_pending_stack_is_told_as_shown(cli: Cli, sandbox: Sandbox) -> None:
    """The first example, entered by somebody and not attested."""
    head = "version: 1\nid: k7m2q9\naccount: AC00000000000000000000000000000001\n"
    head += "instance: GO00000000000000000000000000000001\nengine: direct\n"
    text = head + stack("prod").replace("JQ" + "0" * 32, sandbox.identity.connection_sid)
    write(cli, sandbox, "prod", text.replace("JQ00000000000000000000000000000001", sandbox.identity.connection_sid))
    sandbox.sso(sso_url="https://acme.eu.auth0.com/samlp/abc123?connection=Username-Password-Authentication")
    sandbox.trust("https://flex.example.com", "http://localhost:3000")

    told = cli.run("plan", "--stack", "prod").out

    lines = [line for line in told.splitlines() if "login_popup" not in line]
    assert shown("pending").strip() in "\n".join(lines)


@pytest.mark.parametrize("name", PAGES)
def test_every_command_that_is_named_exists(name: str) -> None:
    """Groups and their commands."""
    named = set(re.findall(r"(?m)(?:`|^ {4})flexres ([a-z]+)(?: ([a-z][a-z-]+))?", page(name)))
    for group, command in sorted(named):
        assert group in COMMANDS, group
        found = typer.main.get_command(__import__(COMMANDS[group].module, fromlist=["app"]).app)
        if hasattr(found, "commands") and command:
            assert command in found.commands, f"{group} {command}"


@pytest.mark.parametrize("name", PAGES)
def test_every_link_within_the_docs_leads_somewhere(name: str) -> None:
    """Files beside the page."""
    targets = [target for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page(name)) if "://" not in target]

    assert [target for target in targets if not (DOCS / target).exists()] == []
