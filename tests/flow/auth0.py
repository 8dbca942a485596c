"""A stack whose identity provider is the sandbox's Auth0 tenant, and a visitor who signs in through it."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from flexres.desired.revision import Revision
from flexres.sandbox.server import Sandbox
from flexres.sandbox.visitor import Visit, Visitor
from flexres.session import open_session
from tests.flow.conftest import Flow

SIGN_ON = """
sso:
  type: enhanced
  writer: api
  connection: JQ00000000000000000000000000000001
  claims: [department, level.int, languages.stringarray]
"""
IDP = """
idp:
  provider: auth0
  domain: sandbox.auth0.test
"""
_FIELD = re.compile(r'name="(SAMLResponse|RelayState)" value="([^"]*)"')
_ACTION = re.compile(r'<form method="post" action="([^"]*)" id="return"')
_TITLE = re.compile(r"<h1>(.*?)</h1>", re.S)
_DETAIL = re.compile(r'<p class="detail">(.*?)</p>', re.S)


class IdpFlow(Flow):
    """A flow whose stack manages Auth0, with the tenant's credentials in its environment."""

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        super().__init__(sandbox, folder)
        self.environ = {**sandbox.environment(), **sandbox.auth0.environment()}

    def write(self, users: str, *, policy: str = "", more: str = SIGN_ON + IDP) -> None:
        super().write(users, policy=policy, more=more)

    def take_over(self) -> None:
        """What `idp import-metadata` does: the tenant's values become those of `sso:`, and Flex gets them."""
        signing = self.sandbox.auth0
        (client,) = signing.clients()
        url = f"{self.sandbox.url}/samlp/{client['client_id']}?connection=Username-Password-Authentication"
        self.sandbox.sso(issuer="urn:sandbox.auth0.test", sso_url=url, certificate=signing.certificate())

    def _session(self, *, read_only: bool) -> Any:
        revision = Revision(self.folder, "c0ffee" * 6 + "abcd", self.commit_time) if self.commit_time else None
        return open_session(self.stack(), environ=self.environ, revision=revision, read_only=read_only)


def sign_in(sandbox: Sandbox, email: str) -> Visit:
    """The whole chain through Auth0: Authorize, its page, its actions, Flex, and the tokens."""
    with Visitor(sandbox.url, sandbox.identity) as visitor:
        begun = visitor.begin(f"{sandbox.url}/demo/app")
        sent = visitor.client.get(begun.url)
        assert sent.status_code == 302, sent.text
        target = urlsplit(sent.headers["Location"])
        query = {name: values[0] for name, values in parse_qs(target.query).items()}
        page = visitor.client.post(target.path, data={**query, "username": email})
        action = _ACTION.search(page.text)
        if action is None:
            title, detail = _TITLE.search(page.text), _DETAIL.search(page.text)
            said = [html.unescape(found[1]) if found else "" for found in (title, detail)]
            return Visit(page.status_code, *said)
        found = {name: html.unescape(value) for name, value in _FIELD.findall(page.text)}
        answer = {"acs": html.unescape(action[1]), "SAMLResponse": found["SAMLResponse"]}
        back = visitor.post_response(answer, found["RelayState"])
        assert back.status_code == 302, back.text
        return visitor.exchange(begun, back.headers["Location"])
