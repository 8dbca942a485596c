"""A browser without a window: walks the login chain over HTTP, for tests that want its end and not its pages."""

from __future__ import annotations

import base64
import hashlib
import html
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx

from flexres.sandbox.identity import Identity

_TITLE = re.compile(r"<h1>(.*?)</h1>", re.S)
_DETAIL = re.compile(r'<p class="detail">(.*?)</p>', re.S)


@dataclass(frozen=True, slots=True)
class Begun:
    """What a page keeps of a login that it began; `url` is where it sends the browser."""

    verifier: str
    nonce: str
    state: str
    connection: str
    url: str


@dataclass(frozen=True, slots=True)
class Visit:
    """How a login ended.

    `landed` is the redirect URL with its code, empty where a page said no. `status`, `code` and `reason` are those of
    the refusal, from the page or from the token exchange; 200, None and empty without one. `tokens` is the answer of
    the exchange.
    """

    status: int
    reason: str = ""
    detail: str = ""
    code: int | None = None
    landed: str = ""
    tokens: Mapping[str, Any] = field(default_factory=dict)


class Visitor:
    """Signs people in to one sandbox. Closes its connections at the end of a `with` block."""

    def __init__(self, url: str, identity: Identity) -> None:
        self._identity = identity
        self.client = httpx.Client(base_url=url, trust_env=False, timeout=30)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.client.close()

    def sign_in(
        self,
        username: str,
        *,
        claims: Mapping[str, str | list[str] | None] | None = None,
        broken: str | None = None,
        redirect_url: str | None = None,
    ) -> Visit:
        """The whole chain, from the active connection to the tokens.

        `claims` are laid over what the identity provider would send, None takes one away; `broken` names how its
        answer is to be wrong. Without a redirect URL it lands on the demo app.
        """
        begun = self.begin(redirect_url or str(self.client.base_url.join("/demo/app")))
        sent = self.client.get(begun.url)
        if sent.status_code != httpx.codes.FOUND:
            return _refused(sent)
        query = parse_qs(urlsplit(sent.headers["Location"]).query)
        answer = self.vouch(username, claims=claims, broken=broken, request=query["SAMLRequest"][0])
        back = self.post_response(answer, query["RelayState"][0])
        if back.status_code != httpx.codes.FOUND:
            return _refused(back)
        return self.exchange(begun, back.headers["Location"])

    def begin(self, redirect_url: str) -> Begun:
        """What a page does before it sends the browser away."""
        config = self.client.get("/v1/Flex/Authentication/Config", params={"AccountSid": self._identity.account_sid})
        connections = config.json()["config_list"]
        connection = next((one["sso_profile_sid"] for one in connections if one["active"]), "")
        verifier, nonce, state = (secrets.token_urlsafe(length) for length in (48, 24, 12))
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        parameters = {
            "redirectUrl": redirect_url,
            "nonce": nonce,
            "codeChallenge": challenge,
            "state": state,
            "ssoProfileSid": connection,
        }
        url = str(self.client.base_url.join("/v1/Flex/Authorize").copy_with(params=parameters))
        return Begun(verifier, nonce, state, connection, url)

    def vouch(
        self,
        username: str,
        *,
        claims: Mapping[str, str | list[str] | None] | None = None,
        broken: str | None = None,
        signed: str = "both",
        request: str = "",
    ) -> Mapping[str, str]:
        """The identity provider's response, as `acs` and `SAMLResponse`; without a request, it begins there."""
        body = {
            "username": username,
            "claims": claims or {},
            "broken": broken,
            "signed": signed,
            "SAMLRequest": request,
        }
        response = self.client.post("/idp/response", json=body)
        response.raise_for_status()
        answer: Mapping[str, str] = response.json()
        return answer

    def post_response(self, answer: Mapping[str, str], relay_state: str = "") -> httpx.Response:
        """Posts a response to Flex and follows the redirects on its own host: ends in a page, or in one away."""
        form = {"SAMLResponse": answer["SAMLResponse"], "RelayState": relay_state}
        response = self.client.post(answer["acs"], data=form)
        location = response.headers.get("Location", "")
        if response.status_code == httpx.codes.FOUND and location.startswith("/"):
            return self.client.get(urljoin(answer["acs"], location))
        return response

    def exchange(self, begun: Begun, landed: str) -> Visit:
        """What the page does when the browser is back: compares the state, exchanges the code."""
        query = parse_qs(urlsplit(landed).query)
        if query.get("state") != [begun.state] or "code" not in query:
            reason = query.get("error_description", ["the state that came back is another one"])[0]
            return Visit(400, reason, landed=landed)
        body = {
            "sso_profile_sid": begun.connection,
            "code": query["code"][0],
            "code_verifier": begun.verifier,
            "nonce": begun.nonce,
            "grant_type": "AuthorizationCode",
        }
        response = self.client.post("/v1/Flex/OAuth/Tokens", json=body)
        answer = response.json()
        if response.status_code != httpx.codes.OK:
            return Visit(response.status_code, answer["message"], code=answer.get("code"), landed=landed)
        return Visit(200, landed=landed, tokens=answer)


def _refused(response: httpx.Response) -> Visit:
    """What a person reads on the page."""
    reason, detail = (
        html.unescape(found[1]) if (found := pattern.search(response.text)) else "" for pattern in (_TITLE, _DETAIL)
    )
    return Visit(response.status_code, reason, detail)
