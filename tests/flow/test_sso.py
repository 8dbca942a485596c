"""Stories of single sign-on: written through an API, or entered by a person and attested, against the sandbox."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from flexres.apply.journal import FileJournal, Run
from flexres.apply.outcome import Applied, Result
from flexres.cli.errors import guarded
from flexres.cli.main import app
from flexres.errors import Exit, SetupError
from flexres.reconcile.change import SettingState
from flexres.reconcile.plan import Plan
from flexres.report.plan.model import check_exit
from flexres.session import open_session
from tests.flow.conftest import Flow

CONNECTION = "JQ00000000000000000000000000000001"
URL, LOCAL = "https://flex.example.com", "http://localhost:3000"
ANA = "ana@example.com: {full_name: Ana Ruiz, roles: [agent]}"


class SignOn:
    """A flow whose stack declares single sign-on, in this mode and with these lines of its own."""

    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        self.users = ANA
        settings = flow.sandbox.sso()
        assert settings is not None
        self.settings = settings
        (flow.folder / "certs").mkdir(parents=True)
        (flow.folder / "certs" / "idp.pem").write_text(settings.certificate)

    def write(self, writer: str, *, policy: str = "", trusted: tuple[str, ...] = (URL,), **changes: Any) -> None:
        fields: dict[str, Any] = {
            "type": "enhanced",
            "writer": writer,
            "connection": CONNECTION,
            "issuer": self.settings.issuer,
            "sso_url": self.settings.sso_url,
            "certificate": "certs/idp.pem",
            "default_redirect_url": URL,
            **changes,
        }
        lines = [f"  {name}: {value}" for name, value in fields.items() if value is not None]
        entries = ", ".join(f'"{url}"' for url in trusted)
        section = "\n".join(["sso:", *lines, f"  trusted: [{entries}]"])
        self.flow.write(self.users, policy=policy, more=f"{section}\n")


@pytest.fixture
def sign_on(flow: Flow) -> SignOn:
    return SignOn(flow)


def states(plan: Plan) -> dict[str, str]:
    return {setting.name: str(setting.state) for setting in plan.settings if setting.state != "as declared"}


def written(applied: Applied) -> dict[str, str]:
    return {outcome.change.name: str(outcome.result) for outcome in applied.settings}


def test_an_api_is_written_once_and_then_in_sync(sign_on: SignOn) -> None:
    """Fields, trusted entries and the popup, with the users in one apply."""
    sign_on.write("api", trusted=(URL, LOCAL), login_popup="true", login_popup_features="width=500,height=700")

    applied = sign_on.flow.apply()
    again = sign_on.flow.plan()

    assert written(applied) == {
        f"trusted {URL}": "done",
        f"trusted {LOCAL}": "done",
        "default_redirect_url": "done",
        "login_popup": "done",
        "login_popup_features": "done",
    }
    assert (states(again), again.pending, check_exit(again)) == ({}, (), Exit.DONE)
    assert sign_on.flow.sandbox.sso().default_redirect_url == URL  # type: ignore[union-attr]


def test_what_somebody_changes_is_put_back(sign_on: SignOn) -> None:
    """And an entry that nobody declares is trusted no longer."""
    sign_on.write("api")
    sign_on.flow.apply()
    sign_on.flow.sandbox.sso(issuer="urn:somebody", active=False)
    sign_on.flow.sandbox.trust(URL, "https://old.example.com")

    plan = sign_on.flow.plan()
    sign_on.flow.apply()

    assert states(plan) == {"issuer": "change", "connection": "change", "trusted https://old.example.com": "change"}
    assert states(sign_on.flow.plan()) == {}


def test_settings_that_nobody_made_yet_are_made(sign_on: SignOn) -> None:
    """From a Flex without single sign-on."""
    sign_on.flow.sandbox.sso(begin="none")
    sign_on.write("api")

    applied = sign_on.flow.apply()

    assert set(written(applied).values()) == {"done"}
    assert states(sign_on.flow.plan()) == {}


def test_the_journal_has_what_became_of_settings(sign_on: SignOn, tmp_path: Path) -> None:
    sign_on.write("api")
    journal = FileJournal(tmp_path / "journal.jsonl", Run("test", "a test", None))
    sign_on.flow.apply(journal=journal)
    journal.close()
    lines = [json.loads(line) for line in (tmp_path / "journal.jsonl").read_text().splitlines()]
    settings = {line["name"]: line["result"] for line in lines if line.get("about") == "setting" and "result" in line}
    assert settings[f"trusted {URL}"] == "done"


def test_a_setting_that_is_refused_stops_no_user(sign_on: SignOn) -> None:
    """It is told, and the exit says that something is left."""
    sign_on.flow.sandbox.fault("400:before:match=PUT .*/TrustedUrls")
    sign_on.write("api")

    applied = sign_on.flow.apply()

    assert written(applied) == {f"trusted {URL}": "failed", "default_redirect_url": "done"}
    assert (applied.counts()[Result.DONE], applied.counts()[Result.FAILED]) == (2, 1)
    assert applied.exit is Exit.PARTIAL


def test_a_user_signs_in_through_what_was_written(sign_on: SignOn) -> None:
    """The whole way: declared, applied, and a login that lands on the trusted URL."""
    sign_on.write("api")
    sign_on.flow.apply()

    visit = sign_on.flow.sandbox.sign_in("ana@example.com", redirect_url=URL)

    assert visit.landed.startswith(f"{URL}?code=")
    assert sign_on.flow.sandbox.sign_in("ana@example.com", redirect_url="https://other.example.com").status == 403


def test_an_api_at_twilio_is_refused(sign_on: SignOn) -> None:
    """There is none, and nothing is sent to look for it."""
    sign_on.write("api")
    environ = {"TWILIO_AUTH_TOKEN": "t", "TWILIO_ACCOUNT_SID": "AC00000000000000000000000000000001"}

    async def plan() -> None:
        async with open_session(sign_on.flow.stack(), environ=environ, revision=None, read_only=True) as session:
            await session.sign_on()

    with pytest.raises(SetupError, match="Twilio publishes no API for SSO settings"):
        asyncio.run(plan())


def test_console_goes_from_pending_to_in_sync(sign_on: SignOn, run: Callable[..., int]) -> None:
    """Pending, entered by a person, attested, in sync; users are applied meanwhile."""
    sandbox = sign_on.flow.sandbox
    sandbox.sso(begin="inactive")
    sign_on.write("console", login_popup="true")

    pending = sign_on.flow.apply()
    assert {setting.state for setting in pending.plan.console} == {SettingState.PENDING}
    assert written(pending) == {"login_popup": "done"}
    assert pending.exit is Exit.DONE

    sandbox.sso(begin="active", default_redirect_url=URL)
    sandbox.trust(URL)
    entered = sign_on.flow.plan()
    assert {each.name for each in entered.console if each.answer == "yes"} >= {
        f"trusted {URL}",
        "connection",
        "sso_url",
    }

    assert run("sso", "attest", "--all") == 0
    attested = sign_on.flow.plan()
    assert (states(attested), check_exit(attested)) == ({}, Exit.DONE)
    assert {each.answer for each in attested.settings if each.field == "sso_url"} == {"yes"}


def test_what_changes_behind_an_attestation_is_drift(sign_on: SignOn, run: Callable[..., int]) -> None:
    """The login leads elsewhere, the URL is trusted no longer; nothing is written."""
    sandbox = sign_on.flow.sandbox
    sandbox.trust(URL)
    sign_on.write("console")
    sign_on.flow.apply()
    run("sso", "attest", "--all")
    sandbox.sso(sso_url="https://elsewhere.example.com/saml")
    sandbox.trust("https://other.example.com")

    plan = sign_on.flow.plan()

    assert states(plan) == {"sso_url": "drift", f"trusted {URL}": "drift"}
    assert check_exit(plan) is Exit.PENDING
    assert not plan.pending


def test_the_policy_may_refuse_what_waits_for_console(sign_on: SignOn) -> None:
    """Then nothing at all is sent."""
    sign_on.write("console", policy="console_changes: fail")

    plan = sign_on.flow.plan()

    assert [str(violation.rule) for violation in plan.violations] == ["console_changes"]
    assert check_exit(plan) is Exit.REFUSED


def test_the_popup_is_merged_into_what_others_keep_there(sign_on: SignOn) -> None:
    """A property of the Configuration is replaced as a whole."""
    sign_on.write("console", login_popup="true")
    sign_on.flow.apply()
    before = sign_on.flow.plan()

    sign_on.write("console", login_popup="false", login_popup_features=None)
    sign_on.flow.apply()

    after = sign_on.flow.plan()
    assert before.instance.public_attributes["loginPopup"] is True
    assert {**before.instance.public_attributes, "loginPopup": False} == after.instance.public_attributes


def test_letting_the_section_go_writes_nothing(sign_on: SignOn) -> None:
    """What a person entered, a person takes out; what an API wrote stays in use."""
    sign_on.write("api")
    sign_on.flow.apply()
    sign_on.flow.write(ANA)
    sign_on.flow.sandbox.clear_requests()

    sign_on.flow.apply()

    assert not sign_on.flow.sandbox.requests(method="PUT")
    assert not sign_on.flow.sandbox.requests(method="DELETE")


def test_legacy_is_described_and_probed(sign_on: SignOn) -> None:
    """Trusted domains by the patterns of legacy SSO."""
    sandbox = sign_on.flow.sandbox
    sandbox.sso(type="legacy")
    sandbox.trust("*.example.com")
    sign_on.write("console", type="legacy", connection=None, trusted=("*.example.com",), default_redirect_url=None)

    seen = {setting.name: setting.answer for setting in sign_on.flow.plan().settings}

    assert seen["trusted *.example.com"] == "yes"


@pytest.fixture
def run(flow: Flow, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Callable[..., int]]:
    """A command line on the flow's stack, as a person types it."""
    stacks = tmp_path / "stacks"
    stacks.mkdir()
    if flow.folder.exists():
        flow.folder.rename(stacks / "test")
    flow.folder = stacks / "test"
    for name, value in flow.sandbox.environment().items():
        monkeypatch.setenv(name, value)

    def type_in(*words: str) -> int:
        return guarded(typer.main.get_command(app), [*words, "--stacks", str(stacks), "--stack", "test"])

    yield type_in
