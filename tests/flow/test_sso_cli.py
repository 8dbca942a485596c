"""`flexres sso` and `flexres saml` as a person types them: what they print, write and exit with."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from flexres.sandbox.server import Sandbox
from tests.flow.command_line import FLEX, Cli

CONNECTION = "JQ00000000000000000000000000000001"
URL = "https://flex.example.com"
TEAM = "users:\n  ana@example.com: {full_name: Ana Ruiz, roles: [agent]}\n"


@pytest.fixture
def write(cli: Cli, sandbox: Sandbox) -> Callable[..., None]:
    """Writes the stack with single sign-on through the sandbox's identity provider; `more` are lines of `sso:`."""

    def write(*more: str, certificate: bytes | None = None, writer: str = "console") -> None:
        settings = sandbox.sso()
        assert settings is not None
        lines = [
            "  type: enhanced",
            f"  writer: {writer}",
            f"  connection: {CONNECTION}",
            f"  issuer: {settings.issuer}   # as the provider spells it",
            f"  sso_url: {settings.sso_url}",
            "  certificate: certs/idp.pem",
            f"  default_redirect_url: {URL}",
            f'  trusted: ["{URL}"]',
            *more,
        ]
        cli.write(flex=FLEX + "sso:\n" + "\n".join(lines) + "\n", team=TEAM)
        file = cli.folder / "stacks" / "prod" / "certs" / "idp.pem"
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(certificate if certificate is not None else settings.certificate.encode())

    write()
    return write


def response(sandbox: Sandbox, **asked: object) -> bytes:
    """A SAML response of the sandbox's identity provider, as a browser would post it."""
    answer = httpx.post(f"{sandbox.url}/idp/response", json={"username": "ana@example.com", **asked}, trust_env=False)
    text: str = answer.raise_for_status().json()["SAMLResponse"]
    return text.encode()


def test_the_checklist_holds_every_value_ready_to_be_copied(cli: Cli, write: Callable[..., None]) -> None:
    """In the order of Console's page, the certificate whole."""
    shown = cli.run("sso", "checklist")

    certificate = (cli.folder / "stacks/prod/certs/idp.pem").read_text()
    labels = [
        "X.509 Certificate",
        "Identity Provider Issuer",
        "Single Sign-On URL",
        "Default redirect URL",
        "Trusted URLs",
    ]
    places = [shown.out.index(label) for label in labels]
    assert shown.code == 0
    assert places == sorted(places)
    assert certificate.strip() in shown.out
    assert f"\n{URL}\n" in shown.out
    assert "flexres sso attest --all --stack prod" in shown.out


def test_attesting_is_written_down_and_seen_in_status(cli: Cli, sandbox: Sandbox, write: Callable[..., None]) -> None:
    """Field by field, then the rest; what was written keeps its comments."""
    sandbox.trust(URL)

    first, rest = cli.run("sso", "attest", "issuer", "certificate"), cli.run("sso", "attest", "--all")
    status = json.loads(cli.run("sso", "status", "--format", "json").out)

    assert "2 attestations recorded: certificate, issuer" in first.out.replace(
        "issuer, certificate", "certificate, issuer"
    )
    assert f"Still to enter: sso_url, default_redirect_url, trusted {URL}, connection" in first.out
    assert "Nothing is left to enter. Commit the file." in rest.out
    assert "# as the provider spells it" in (cli.folder / "stacks/prod/flex.yaml").read_text()
    assert {each["state"] for each in status["settings"]} == {"as declared"}
    assert {each["field"] for each in status["settings"] if each["answer"] == "yes"} == {
        "sso_url",
        "trusted",
        "connection",
    }
    assert status["saml_request"]["issuer"] == f"urn:flex:{CONNECTION}"


def test_attesting_what_can_be_seen_otherwise_is_noted(cli: Cli, write: Callable[..., None]) -> None:
    """It is recorded, since a person said so, and contradicted in the same breath."""
    told = cli.run("sso", "attest", URL)

    assert told.code == 0
    assert f"note: trusted {URL} was attested, and the login redirect still shows otherwise: not trusted" in told.err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "name the fields that you entered, or --all"),
        (("issuer", "--all"), "name the fields that you entered, or --all"),
        (("isuer",), "isuer is nothing on the checklist"),
        (("login_popup",), "login_popup is nothing on the checklist"),
    ],
)
def test_attesting_nothing_in_particular_is_refused(
    cli: Cli, write: Callable[..., None], words: tuple[str, ...], says: str
) -> None:
    """One line and exit 2; the file stays."""
    before = (cli.folder / "stacks/prod/flex.yaml").read_bytes()

    told = cli.run("sso", "attest", *words)

    assert (told.code, (cli.folder / "stacks/prod/flex.yaml").read_bytes()) == (2, before)
    assert says in told.err


def test_status_needs_no_credentials(cli: Cli, write: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    """What anybody can see, anybody can look at."""
    for name in ("TWILIO_ACCOUNT_SID", "TWILIO_API_KEY", "TWILIO_API_SECRET"):
        monkeypatch.delenv(name)

    shown = cli.run("sso", "status")

    assert shown.code == 0
    assert f"yes ({'Authentication/Config'})" in shown.out
    assert "SandboxOfFlexClientId" in shown.out


def test_a_flex_that_is_not_there_is_unknown(
    cli: Cli, write: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing answers, and that is what status says."""
    monkeypatch.setenv("FLEXRES_ENDPOINT", "http://127.0.0.1:9")

    shown = cli.run("sso", "status")

    assert shown.code == 0
    assert "nothing answers at 127.0.0.1:9" in shown.out


def test_a_stack_without_single_sign_on_is_told_so(cli: Cli) -> None:
    """There is nothing to show."""
    told = cli.run("sso", "status")

    assert (told.code, told.err.splitlines()[0]) == (2, "error: prod declares no single sign-on")


def test_appconfig_gets_oauth_once_the_connection_is_active(
    cli: Cli, sandbox: Sandbox, write: Callable[..., None]
) -> None:
    """Not before; and the file that was written is in order."""
    sandbox.sso(begin="inactive")
    early = cli.run("sso", "appconfig")
    sandbox.sso(begin="active")
    written = cli.run("sso", "appconfig", "-o", "public/appconfig.js")

    checked = cli.run("sso", "appconfig", "--check", "public/appconfig.js")

    assert "oauth:" not in early.out
    assert "note: without oauth, since no connection of enhanced SSO is active yet" in early.err
    assert written.code == 0
    assert "oauth: {" in (cli.folder / "public/appconfig.js").read_text()
    assert (checked.code, "Flex UI would sign in with it" in checked.out) == (0, True)


def test_appconfig_that_a_browser_would_fail_with_exits_1(cli: Cli, write: Callable[..., None]) -> None:
    """And one that cannot be read exits 2."""
    Path("appconfig.js").write_text('var appConfig = { sso: { accountSid: "AC1" } }')
    Path("binary.js").write_bytes(b"\xff\xfe\x00")

    assert cli.run("sso", "appconfig", "--check", "appconfig.js").code == 1
    assert cli.run("sso", "appconfig", "--check", "binary.js").code == 2
    assert cli.run("sso", "appconfig", "--check", "missing.js").code == 2


def test_migrate_tells_where_the_account_stands(cli: Cli, write: Callable[..., None]) -> None:
    """The sandbox is migrated already."""
    shown = json.loads(cli.run("sso", "migrate", "--format", "json").out)

    assert any("is active" in each["title"] for each in shown["stands"])
    assert any("new enough for enhanced SSO" in each["title"] for each in shown["stands"])
    assert shown["breaks"] == []


BROKEN = {
    "wrong_audience": "The audience is urn:flex:JQffff",
    "wrong_key": "signed with another certificate than the declared one",
    "missing_roles": "roles is missing",
    "invalid_nameid_policy": "Requester / InvalidNameIDPolicy",
    "wrapped": "Signature wrapping",
    "bad_type": "level.int",
    "doctype": "DOCTYPE",
    "short_session": "The session ends within an hour",
}


@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_response_is_explained(cli: Cli, sandbox: Sandbox, write: Callable[..., None], broken: str) -> None:
    """What is wrong, in every format, and exit 1 (2 for what is no response that may be read)."""
    Path("response.txt").write_bytes(response(sandbox, broken=broken))

    text, markdown, found = (
        cli.run("saml", "lint", "response.txt", "-f", form) for form in ("text", "markdown", "json")
    )

    assert {text.code, markdown.code, found.code} == {2 if broken == "doctype" else 1}
    assert BROKEN[broken] in " ".join(text.out.split())
    assert any(BROKEN[broken] in each["title"] + each.get("detail", "") for each in json.loads(found.out)["findings"])
    assert "⛔" in markdown.out


def test_a_good_response_tells_what_the_worker_gets(cli: Cli, sandbox: Sandbox, write: Callable[..., None]) -> None:
    """As XML or as Base64."""
    captured = response(sandbox, claims={"full_name": "Ana Ruiz", "level.int": "3"})
    Path("response.txt").write_bytes(captured)
    Path("response.xml").write_bytes(base64.b64decode(captured))

    text, found = cli.run("saml", "lint", "response.xml"), cli.run("saml", "lint", "response.txt", "-f", "json")

    assert (text.code, found.code) == (0, 0)
    assert "Flex would accept it" in text.out
    assert json.loads(found.out)["worker_attributes"]["level"] == 3


def test_what_is_no_response_exits_2(cli: Cli, write: Callable[..., None]) -> None:
    """Ten megabytes, a picture, another document, nothing."""
    Path("large").write_bytes(b"<" + b"x" * 10_000_000)
    Path("picture").write_bytes(b"\x89PNG\r\n\x1a\n")
    Path("other.xml").write_text("<a/>")

    for name in ("large", "picture", "other.xml", "missing"):
        told = cli.run("saml", "lint", name)
        assert told.code == 2, name
        assert "Traceback" not in told.out


def test_a_certificate_in_another_form_is_told_by_its_file(cli: Cli, write: Callable[..., None]) -> None:
    """DER by the name of PEM, UTF-16, and a private key, of which nothing is shown."""
    pem = (cli.folder / "stacks/prod/certs/idp.pem").read_bytes()
    der = base64.b64decode(b"".join(pem.splitlines()[1:-1]))
    key = b"-----BEGIN PRIVATE KEY-----MIIEsecretsecretsecret-----END PRIVATE KEY-----\n"
    cases = {"DER (binary), not PEM": der, "UTF-16": pem.decode().encode("utf-16"), "this is a private key": key}

    for says, data in cases.items():
        write(certificate=data)
        told = cli.run("validate")
        assert told.code == 2
        assert "stacks/prod/certs/idp.pem:1:1" in told.out
        assert says in told.out
        assert "secret" not in told.out


def test_with_an_api_there_is_nothing_to_enter(cli: Cli, write: Callable[..., None]) -> None:
    """Apply writes it; attesting is refused."""
    write(writer="api")

    assert "nothing to enter, flexres apply writes it" in cli.run("sso", "checklist").out
    assert cli.run("sso", "attest", "--all").code == 2
    assert cli.run("apply", "--yes").code == 0
    assert cli.run("plan", "--check").code == 0
    journal = [json.loads(line) for line in Path(".flexres/journal/prod.jsonl").read_text().splitlines()]
    assert {
        line["name"]: line["result"] for line in journal if line.get("about") == "setting" and "result" in line
    } == {
        "default_redirect_url": "done",
        f"trusted {URL}": "done",
    }


@pytest.mark.parametrize(
    "lines",
    [["  type: enhanced", "  writer: console"], ["  type: legacy", "  writer: console"]],
    ids=["enhanced", "legacy"],
)
@pytest.mark.parametrize("command", ["checklist", "status", "migrate"])
def test_before_everything_is_filled_in_they_say_what_they_can(cli: Cli, command: str, lines: list[str]) -> None:
    """From zero nobody has an issuer or a certificate yet, nor any user."""
    cli.write(flex=FLEX + "sso:\n" + "\n".join(lines) + "\n", team="users: {}\n")

    shown = cli.run("sso", command)

    assert shown.code == 0, shown.err
    assert "not declared yet: " in shown.err
    assert "issuer, sso_url, certificate" in shown.err
    assert cli.run("validate").code == 2
