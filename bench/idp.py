"""The identity provider's figures: 10,000 users unchanged at Auth0, in requests and in what the plan takes longer."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from bench.data import ID, equal_flex, write_stack
from bench.harness import ACCESS, Figure, Report, child, pairs, sandbox_process
from flexres.desired.load import load_stack
from flexres.desired.source import FolderSource
from flexres.idp.auth0.answers import BINDING, action_code
from flexres.live.credentials import DEFAULT_CONNECTIONS
from flexres.sandbox.auth0.manual_actions import environment
from flexres.sandbox.identity import DEFAULT
from flexres.sandbox.server import Sandbox
from flexres.values import Json

_LATENCY, _MOST = 0.1, 110
_CLAIMS = {"location": "location", "level": "level.int", "languages": "languages.stringarray"}
_SSO = f"""
sso:
  type: enhanced
  writer: api
  connection: {DEFAULT.connection_sid}
  trusted: []
  claims: [{", ".join(_CLAIMS.values())}]
idp: {{provider: auth0, domain: sandbox.auth0.test}}
"""


def run(report: Report, users: int = 10_000) -> None:
    """Plan with and without the identity provider, by turns, of a Flex and an Auth0 that are as declared."""
    with tempfile.TemporaryDirectory() as name:
        folder, state = Path(name) / "stack", Path(name) / "flex.db"
        write_stack(folder, users, min(users, 50))
        with (folder / "flex.yaml").open("a") as file:
            file.write(_SSO)
        equal_flex(folder, state)
        _equal_auth0(folder, state)
        with sandbox_process(state, latency=_LATENCY) as url:
            _measure(report, folder, users, url)


def _measure(report: Report, folder: Path, users: int, url: str) -> None:
    credentials = {**ACCESS, "FLEXRES_ENDPOINT": url, **environment(url)}
    requests: list[int] = []

    def plan(how: str) -> float:
        measured = child("with_provider", str(folder), how, str(users), environ=credentials)
        if how == "with":
            requests.append(measured["requests"])
        return float(measured["seconds"])

    longer, shorter, _ = pairs(lambda: plan("with"), lambda: plan("without"), report.runs)
    allowed = _MOST * _LATENCY / DEFAULT_CONNECTIONS
    what = f"{users:,} users unchanged at Auth0"
    report.add(Figure(f"{what}: requests", max(requests), "", _MOST))
    note = f"{longer:.2f} s against {shorter:.2f} s, {_LATENCY * 1000:g} ms each answer"
    report.add(Figure(f"{what}: the plan grows by", longer - shorter, "s", allowed, note=note))


def _equal_auth0(folder: Path, state: Path) -> None:
    """A tenant in that state that already is as the stack says; callbacks go to the port that Flex answers on."""
    stack = load_stack(FolderSource(folder), name="bench")
    users = [
        (user.email, user.full_name, {"flex": {"roles": list(user.roles), **_claims(user.attributes)}})
        for user in stack.users.values()
    ]
    addon = {"binding": BINDING, "signResponse": True, "audience": f"urn:flex:{DEFAULT.connection_sid}"}
    with Sandbox(state=state) as sandbox:
        sandbox.auth0.seed(users)
        sandbox.auth0.add_action("Flex claims", action_code(ID, "Username-Password-Authentication", _CLAIMS))
        sandbox.auth0.add_client("bench", "Twilio Flex", addons={"samlp": addon}, client_metadata={"flexres": ID})


def _claims(attributes: Mapping[str, Json]) -> dict[str, Json]:
    return {name: attributes[name] for name in _CLAIMS if name in attributes}
