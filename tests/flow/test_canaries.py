"""No credential of any kind is written or printed: by no command, in no format, on no way out, whatever is logged."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

import pytest

from flexres.cli.main import COMMANDS
from flexres.sandbox.server import Sandbox
from tests.flow.auth0 import IDP, SIGN_ON
from tests.flow.command_line import FLEX, Cli
from tests.flow.conftest import without_waiting

CANARY = "k4naryPW-7f3e9a1c"
"""Like a password that one of the variables below holds; each holds it with something of its own behind."""

BESIDE = {
    "TWILIO_AUTH_TOKEN__OTHER": f"{CANARY}-twilio-other",
    "AUTH0_CLIENT_SECRET__OTHER": f"{CANARY}-auth0-other",
    "GITHUB_TOKEN": f"{CANARY}-github",
    "GH_TOKEN": f"{CANARY}-gh",
    "GITLAB_TOKEN": f"{CANARY}-gitlab",
    "FLEXRES_GITLAB_TOKEN": f"{CANARY}-flexres-gitlab",
    "PULUMI_ACCESS_TOKEN": f"{CANARY}-pulumi",
    "PULUMI_CONFIG_PASSPHRASE": f"{CANARY}-passphrase",
    "AWS_SECRET_ACCESS_KEY": f"{CANARY}-aws",
    "HTTPS_PROXY": f"http://proxy:{CANARY}-proxy@127.0.0.1:9",
    "ALL_PROXY": f"http://proxy:{CANARY}-proxy@127.0.0.1:9",
    "NO_PROXY": "127.0.0.1,localhost",
}
TEAM = """\
defaults: {roles: [agent]}
users:
  ana@example.com: {full_name: Ana Ruiz, skills: {billing: 3}, attributes: {department: Sales}}
  bob@example.com: {full_name: Bob Okafor, attributes: {department: Sales}}
"""
RESPONSE = '<Response xmlns="urn:oasis:names:tc:SAML:2.0:protocol" Version="2.0"/>'
SHEET = "username,full_name,roles\ncho@example.com,Cho Tanaka,agent\n"
READS = (
    "validate",
    "validate -f json",
    "validate -f github",
    "validate -f sarif",
    "plan -v",
    "plan -f json",
    "plan -f markdown",
    "plan -f html -o plan.html",
    "plan -f github",
    "plan -f sarif",
    "plan --save saved.json --also plan.md --log json --ci github",
    "drift",
    "drift -f json --log json",
    "drift -f markdown --also drift.html",
    "drift -f junit -o drift.xml",
    "routing",
    "routing --user ana@example.com -f json",
    "export --out all.yaml",
    "export --into copies/prod",
    "sso status",
    "sso status -f json",
    "sso checklist",
    "sso attest --all",
    "sso appconfig --out appconfig.js",
    "sso migrate",
    "idp plan",
    "idp plan -f json",
    "idp settings --idp okta",
    "idp import-metadata",
    "token ana@example.com",
    "migrate",
    "saml lint response.xml",
    "setup check",
    "schema flex",
    "schema users",
    "import --csv people.csv --dry-run",
    "approve --yes",
    "adopt --yes",
    "init other --instance GO00000000000000000000000000000001",
    "init live --from-live",
)
WRITES = ("idp apply --yes", "idp import-metadata", "apply --yes --log json --also applied.json --also applied.html")


def spellings(secret: str) -> set[str]:
    """A secret as it may come out: plain, for a URL, within JSON, or behind any name in a Basic header."""
    raw = secret.encode()
    # Base64 of what stands somewhere inside of a text: cut at the edges, which depend on what is before.
    inner = {base64.b64encode(b"x" * shift + raw).decode()[4:-4] for shift in range(3)}
    return {secret, quote(secret, safe=""), json.dumps(secret)[1:-1], *inner}


def leaked(text: str, secrets: Sequence[str]) -> list[str]:
    return [secret for secret in secrets if any(spelling in text for spelling in spellings(secret))]


@pytest.mark.parametrize("name", ["", "AC1:", "SK00000000000000000000000000000001:"])
def test_a_secret_is_found_however_it_is_spelled(name: str) -> None:
    """Within a header, too: what looks for leaks has to see them."""
    secret = "p/w&2"
    header = base64.b64encode(f"{name}{secret} and what follows".encode()).decode()
    assert leaked(f"Authorization: Basic {header}", ["longer-than-this", "p/w&2 and what"]) == ["p/w&2 and what"]
    assert leaked("https://a:p%2Fw%262@b", [secret]) == [secret]


def contents(folder: Path) -> Mapping[str, str]:
    """Every file of a folder, hidden ones and Git's too, as text in which bytes stay what they are."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes().decode("latin-1") for path in files}


class Watched:
    """The command line with canaries in its environment."""

    def __init__(self, cli: Cli, secrets: Sequence[str]) -> None:
        self.cli = cli
        self.secrets = secrets
        self.codes: dict[str, int] = {}

    def run(self, *lines: str) -> None:
        """Runs each line; what it prints and writes holds no secret."""
        for line in lines:
            ran = self.cli.run(*line.split())
            self.codes[line] = ran.code
            assert leaked(ran.out, self.secrets) == [], line
            assert leaked(ran.err, self.secrets) == [], line
        for name, text in contents(self.cli.folder).items():
            assert leaked(text, self.secrets) == [], name


@pytest.fixture
def watched(cli: Cli, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Watched:
    """A stack with every section, Auth0 beside it, CI's files, and a canary in every variable of others."""
    given = {**sandbox.environment(), **sandbox.auth0.environment()}
    for name, value in {
        **given,
        **BESIDE,
        "HOME": str(cli.folder),
        "FLEXRES_DEBUG": "1",
        "GITHUB_REPOSITORY": "acme/flex",
        "FLEXRES_STACK": "prod",
    }.items():
        monkeypatch.setenv(name, value)
    for name in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT"):
        monkeypatch.setenv(name, str(cli.folder / name.lower()))
    cli.write(flex=FLEX + SIGN_ON + IDP, team=TEAM)
    (cli.folder / "people.csv").write_text(SHEET)
    (cli.folder / "response.xml").write_text(RESPONSE)
    secrets = [value for name, value in given.items() if name.endswith(("_SECRET", "_TOKEN"))]
    assert len(secrets) == 2
    return Watched(cli, [*secrets, CANARY])


def test_no_command_writes_or_prints_a_credential(watched: Watched) -> None:
    """Everything that there is, in every format, with logs, before and after an apply."""
    watched.run(*READS, *WRITES, *READS)
    assert [line for line in WRITES if watched.codes[line]] == []
    named = {line.split()[0] for line in (*READS, *WRITES)}
    assert set(COMMANDS) - named == {"verify", "sandbox", "demo"}


def test_nor_while_unknowns_are_settled(watched: Watched, sandbox: Sandbox) -> None:
    """`verify` prints what it saw of requests and answers."""
    account = sandbox.identity.account_sid
    watched.run(f"verify --non-production {account}", f"verify --non-production {account} -f json")
    assert {*watched.codes.values()} <= {0, 1}


CONNECTED = ("plan --log json", "drift", "apply --yes --log json", "export --out all.yaml", "sso status")


@pytest.mark.parametrize("fault", ["401", "404", "500", "reset", "truncate"])
def test_nor_where_requests_fail(
    watched: Watched, sandbox: Sandbox, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every request fails from the first one on; the log has each."""
    without_waiting(monkeypatch)
    sandbox.fault(fault)
    watched.run(*CONNECTED)


WRONG = {
    "credentials that are refused": {"TWILIO_API_SECRET": f"{CANARY}-api", "AUTH0_CLIENT_SECRET": f"{CANARY}-auth0"},
    "a token that is refused": {
        "TWILIO_API_KEY": "",
        "TWILIO_API_SECRET": "",
        "TWILIO_AUTH_TOKEN": f"{CANARY}-auth-token",
        "AUTH0_MGMT_TOKEN": f"{CANARY}-management",
        "AUTH0_CLIENT_ID": "",
        "AUTH0_CLIENT_SECRET": "",
    },
    "those of the stack": {"TWILIO_API_SECRET__PROD": f"{CANARY}-api", "AUTH0_CLIENT_SECRET__PROD": f"{CANARY}-auth0"},
    "nobody answers": {"FLEXRES_ENDPOINT": "http://127.0.0.1:9", "AUTH0_DOMAIN": "127.0.0.1:9"},
    "a password in the endpoint": {"FLEXRES_ENDPOINT": f"http://user:{CANARY}@127.0.0.1:9"},
    "a proxy that is not there": {"FLEXRES_ENDPOINT": "", "NO_PROXY": ""},
    "a secret instead of the account": {"TWILIO_ACCOUNT_SID": CANARY},
    "a secret instead of the key": {"TWILIO_API_KEY": CANARY},
    "a secret instead of the domain": {"AUTH0_DOMAIN": CANARY},
    "a secret in the webhook": {"FLEXRES_NOTIFY_URL": f"http://127.0.0.1:9/services/{CANARY}"},
    "a webhook that is none": {"FLEXRES_NOTIFY_URL": CANARY},
    "a platform that is not there": {"GITHUB_API_URL": "http://127.0.0.1:9"},
    "a password in the platform's address": {"GITHUB_API_URL": f"https://user:{CANARY}@127.0.0.1:9"},
    "a backend with a password": {"PULUMI_BACKEND_URL": f"postgres://flexres:{CANARY}@127.0.0.1:9/state"},
}


@pytest.mark.parametrize("variables", WRONG.values(), ids=WRONG.keys())
def test_nor_where_the_environment_is_wrong(
    watched: Watched, variables: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Errors name the variable and not what is in it."""
    for name, value in variables.items():
        if value:
            monkeypatch.setenv(name, value)
        else:
            monkeypatch.delenv(name, raising=False)
    watched.run(*CONNECTED, "idp plan", "init live --from-live", "token ana@example.com", "verify", "setup check")
    assert set(watched.codes.values()) - {0, 1, 2, 3, 5, 6} == set()
