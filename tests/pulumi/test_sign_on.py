"""Single sign-on under Pulumi: what is declared, what the providers do, and one story with the engine."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from flexres.desired.load import load_stack
from flexres.desired.source import FolderSource
from flexres.desired.stack import Stack
from flexres.resources.roster import roster_properties
from flexres.resources.sso_connection import connection_properties
from flexres.resources.trusted_domain import trusted_properties
from tests.pulumi.conftest import STACK, TEAM, Project
from tests.pulumi.plugin import Plugin, plugin
from tests.pulumi.test_program import declared, of_kind

CONNECTION = "JQ00000000000000000000000000000001"
URL = "https://flex.example.com"


def write(project: Project, writer: str, *more: str, trusted: tuple[str, ...] = (URL,)) -> None:
    """The stack with single sign-on through the sandbox's identity provider."""
    settings = project.sandbox.sso()
    assert settings is not None
    certificate = project.folder / "stacks" / STACK / "certs" / "idp.pem"
    certificate.parent.mkdir(exist_ok=True)
    certificate.write_text(settings.certificate)
    entries = ", ".join(f'"{url}"' for url in trusted)
    lines = [
        "type: enhanced",
        f"writer: {writer}",
        f"connection: {CONNECTION}",
        f"issuer: {settings.issuer}",
        f"sso_url: {settings.sso_url}",
        "certificate: certs/idp.pem",
        f"trusted: [{entries}]",
        *more,
    ]
    project.write(more="sso:\n" + "\n".join(f"  {line}" for line in lines) + "\n")


def stack(project: Project) -> Stack:
    return load_stack(FolderSource(project.folder / "stacks" / STACK), name=STACK)


@pytest.fixture
def started(project: Project) -> Iterator[Plugin]:
    with plugin(project) as started:
        yield started


def entry(project: Project, url: str = URL) -> dict[str, Any]:
    return next(each for each in trusted_properties(stack(project)) if each["entry"] == url)


def test_the_program_declares_a_connection_and_its_entries(project: Project) -> None:
    """Pending until somebody attests; what an API writes as it is."""
    write(project, "console", "login_popup: true")
    found = declared(project.folder / "stacks", STACK)

    connection = of_kind(found, "SsoConnection")["sso"]
    assert {connection[name] for name in ("certificate", "issuer", "sso_url", "connection")} == {"pending"}
    assert connection["login_popup"] == "true"
    assert of_kind(found, "TrustedDomain") == {URL: {"stack": STACK, "entry": URL, "standing": "pending"}}

    write(project, "api")
    assert of_kind(declared(project.folder / "stacks", STACK), "SsoConnection")["sso"]["issuer"].startswith("urn:")


def test_attesting_is_the_only_step(project: Project) -> None:
    """An entry that was taken out of the YAML stays declared until its removal is attested."""
    write(project, "console", f'attested: {{issuer: "00000000", trusted: ["{URL}", "https://old.example.com"]}}')

    assert connection_properties(stack(project))["issuer"] == "pending"
    assert [each["standing"] for each in trusted_properties(stack(project))] == ["attested", "removal pending"]


def test_an_api_gets_the_settings_and_they_are_read_back(project: Project, started: Plugin) -> None:
    """Fields by the connection, each entry by its own resource; a second look finds nothing to do."""
    write(project, "api", f"default_redirect_url: {URL}", "login_popup: true")
    inputs = connection_properties(stack(project))
    assert started.check("Roster", roster_properties(stack(project)))[1] == []

    assert started.check("SsoConnection", inputs) == (inputs, [])
    assert started.create("SsoConnection", inputs) == ("sso", inputs)
    assert started.create("TrustedDomain", entry(project)) == (URL, entry(project))

    with plugin(project) as later:
        assert later.read("SsoConnection", inputs)[1] == inputs
        assert later.read("TrustedDomain", entry(project))[1] == entry(project)
    settings = project.sandbox.sso()
    assert settings is not None
    assert settings.default_redirect_url == URL


def test_what_somebody_changed_is_seen_and_a_lost_entry_is_gone(project: Project, started: Plugin) -> None:
    """So that the engine makes the entry again, and takes out what nobody declares."""
    write(project, "api")
    inputs = connection_properties(stack(project))
    project.sandbox.sso(issuer="urn:somebody")
    project.sandbox.trust("https://other.example.com")

    found = started.read("SsoConnection", inputs)[1]

    assert (found["issuer"], found["trusted_others"]) == ("urn:somebody", ["https://other.example.com"])
    assert started.diff("SsoConnection", found, inputs) is True
    assert started.read("TrustedDomain", entry(project)) == ("", {})


def test_console_writes_nothing_and_unknown_changes_nothing(project: Project, started: Plugin) -> None:
    """Neither at its beginning nor at its end, nor when a probe cannot see anything."""
    write(project, "console")
    inputs = connection_properties(stack(project))
    started.check("Roster", roster_properties(stack(project)))
    project.sandbox.clear_requests()

    started.create("SsoConnection", inputs)
    started.create("TrustedDomain", entry(project))
    started.delete("TrustedDomain", entry(project))
    started.delete("SsoConnection", inputs)

    assert {request.method for request in project.sandbox.requests()} <= {"GET"}
    assert started.read("SsoConnection", inputs)[1] == inputs


def test_a_probe_that_says_no_to_an_attested_value_is_a_difference(project: Project) -> None:
    """And one that says nothing is none."""
    write(project, "console", f'attested: {{trusted: ["{URL}"]}}')
    with plugin(project) as seen:
        assert seen.read("TrustedDomain", entry(project))[1]["standing"] == "drift: not trusted"
    project.sandbox.sso(begin="inactive")
    with plugin(project) as unseen:
        assert unseen.read("TrustedDomain", entry(project))[1] == entry(project)


@pytest.mark.engine
def test_the_engine_writes_sees_nothing_left_and_lets_go(applied: Project) -> None:
    """Up, an empty preview, an entry that leaves, and an end that writes nothing."""
    write(applied, "api", "login_popup: true", trusted=(URL, "https://old.example.com"))
    up = applied.up()
    assert up.code == 0, up.out
    empty = applied.pulumi("preview", "--expect-no-changes")
    assert empty.code == 0, empty.out

    write(applied, "api", "login_popup: true")
    assert applied.up().code == 0
    assert trusted_in(applied) == [URL]

    applied.write(TEAM)
    assert applied.up().code == 0
    assert trusted_in(applied) == [URL]


@pytest.mark.engine
def test_pending_is_a_warning_and_no_perpetual_diff(applied: Project) -> None:
    """The same words from the engine, and from the command line that drives it."""
    write(applied, "console")
    up = applied.up()
    assert up.code == 0, up.out
    assert "waiting for a person in Twilio Console (flexres sso checklist --stack test)" in up.out
    assert re.search(r"sso_pending\s*:", up.out)
    again = applied.pulumi("preview", "--expect-no-changes")
    assert again.code == 0, again.out


@pytest.mark.engine
def test_apply_through_the_engine_tells_what_became_of_the_settings(applied: Project) -> None:
    """The same report as the direct engine's."""
    write(applied, "api", "login_popup: true")

    told = applied.flexres("apply", "--yes")

    assert told.code == 0, told.out
    assert f"✓ trusted {URL}" in told.out
    assert "✓ login_popup" in told.out


def trusted_in(project: Project) -> list[str]:
    """The trusted entries of the sandbox."""
    from flexres.sandbox.sso.settings import trusted_entries  # noqa: PLC0415

    return [each.url for each in project.sandbox._call(trusted_entries)]
