"""What can be seen of single sign-on from outside, without credentials: connection, login redirect, trusted URLs.

Every probe answers yes, no or unknown. Redirects are followed within Flex only, up to the one that leaves for the
identity provider, which is read and never visited.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from flexres.live.http.anonymous import Anonymous, NotSeen, Page
from flexres.live.http.base import host_of
from flexres.sso.difference import CONNECTION, AuthnRequest, Sighting, SignOn

ReadRequest = Callable[[str], AuthnRequest]
"""Reads the value of a SAMLRequest parameter. Raises ValueError, with why in one line."""

_CONFIG: Final = "Authentication/Config"
_REDIRECT: Final = "login redirect"
_LEGACY: Final = "legacy authenticate"
_PUBLIC: Final = "public Configuration"
_MOST_HOPS: Final = 6
# What legacy SSO answers (seen in Flex clients): the domain is not trusted; the realm has no valid certificate.
_UNTRUSTED: Final = 70002
_NO_CERTIFICATE: Final = 70251
_HOSTED: Final = "https://flex.twilio.com"
"""Flex at Twilio's own address, which nobody has to trust."""

_CLIENT_ID: Final = re.compile(r"[A-Za-z0-9._~-]{1,128}")

_NOWHERE: Final = "https://untrusted.flexres.invalid"
"""A URL that nobody can have trusted (RFC 2606): it shows whether Flex looks at the URL before it sends for a login."""


@dataclass(frozen=True, slots=True)
class _Connection:
    sighting: Sighting
    client_id: str | None = None

    @property
    def sid(self) -> str | None:
        return self.sighting.value if isinstance(self.sighting.value, str) and self.sighting.value else None


@dataclass(frozen=True, slots=True)
class _Redirect:
    """Where a login would begin: `refused` is Flex's own no, `why` says why nothing can be said.

    `certified` is False where Flex itself says that it has no valid certificate of the identity provider.
    """

    sso_url: str | None = None
    request: AuthnRequest | None = None
    refused: str = ""
    why: str = ""
    certified: bool = True


class Probes:
    """The probes of one account. `read_request` takes a SAML request apart."""

    def __init__(self, anonymous: Anonymous, *, account: str, instance: str, read_request: ReadRequest) -> None:
        self._anonymous = anonymous
        self._account = account
        self._instance = instance
        self._read_request = read_request

    async def enhanced(self, trusted: Sequence[str], redirect_url: str | None) -> SignOn:
        """All that can be seen of enhanced SSO; `redirect_url` is the URL to begin a login with, if there is one."""
        connection, popup = await asyncio.gather(self._connection(), self.public())
        begin = list(dict.fromkeys([url for url in (redirect_url, *trusted, _HOSTED, _NOWHERE) if url]))
        if connection.sid is None:
            why = connection.sighting.why or "no connection is active"
            found = {url: _Redirect(why=why) for url in begin}
        else:
            sid = connection.sid
            found = dict(zip(begin, await asyncio.gather(*(self._authorize(url, sid) for url in begin)), strict=True))
        seen = [each for url, each in found.items() if each.sso_url and url != _NOWHERE] or list(found.values())
        fields = {"connection": connection.sighting, "sso_url": _sso_url(seen[0]), **popup}
        control = found[_NOWHERE]
        return SignOn(
            fields=fields,
            trusted={url: _trust(found[url], control, _REDIRECT) for url in trusted},
            client_id=connection.client_id,
            request=seen[0].request,
        )

    async def legacy(self, trusted: Sequence[str]) -> SignOn:
        """All that can be seen of legacy SSO; an entry is looked at by a URL that it covers."""
        urls = {entry: _covered(entry) for entry in trusted}
        asked = list(dict.fromkeys([*urls.values(), _NOWHERE]))
        found = dict(zip(asked, await asyncio.gather(*map(self._authenticate, asked)), strict=True))
        popup = await self.public()
        seen = [each for each in found.values() if each.sso_url] or list(found.values())
        fields: dict[str, Sighting] = {"sso_url": _sso_url(seen[0], _LEGACY), **popup}
        if not all(each.certified for each in found.values()):
            fields["certificate"] = Sighting("", _LEGACY)
        control = found[_NOWHERE]
        return SignOn(
            fields=fields,
            trusted={entry: _trust(found[url], control, _LEGACY) for entry, url in urls.items()},
            request=seen[0].request,
        )

    async def legacy_login(self, urls: Sequence[str]) -> Sighting:
        """Where a login of legacy SSO leads, asked for the first URL that Flex takes."""
        found = [await self._authenticate(url) for url in urls or (_HOSTED,)]
        return _sso_url(next((each for each in found if each.sso_url), found[0]), _LEGACY)

    async def public(self) -> Mapping[str, Sighting]:
        """Whether the login opens in a window of its own, as a login page is told."""
        url = f"{self._anonymous.base('flex-api')}/v1/Configuration/Public"
        try:
            body = await self._json(url, {"AccountSid": self._account})
            attributes = _public_attributes(body, self._account)
        except NotSeen as error:
            unknown = Sighting(None, _PUBLIC, str(error))
            return {"login_popup": unknown, "login_popup_features": unknown}
        popup, features = attributes.get("loginPopup"), attributes.get("loginPopupFeatures")
        return {
            "login_popup": Sighting(popup is True, _PUBLIC),
            "login_popup_features": Sighting(features if isinstance(features, str) else "", _PUBLIC),
        }

    async def connection(self) -> tuple[Sighting, str | None]:
        """Which connection of enhanced SSO is active (an empty text: none), and its client id."""
        found = await self._connection()
        return found.sighting, found.client_id

    async def _connection(self) -> _Connection:
        url = f"{self._anonymous.base('services')}/v1/Flex/Authentication/Config"
        try:
            active = _active(await self._json(url, {"AccountSid": self._account}), self._instance)
        except NotSeen as error:
            return _Connection(Sighting(None, _CONFIG, str(error)))
        return active if active is not None else _Connection(Sighting("", _CONFIG))

    async def _json(self, url: str, params: Mapping[str, str]) -> Any:
        page = await self._anonymous.get(url, params)
        if page.status >= 300:
            raise NotSeen(f"{host_of(url)} answered {page.status}")
        return page.json()

    async def _authorize(self, redirect_url: str, connection: str) -> _Redirect:
        """Begin a login as the Flex SDK does, and read where it goes; the secrets of it are thrown away."""
        challenge = base64.urlsafe_b64encode(hashlib.sha256(secrets.token_bytes(48)).digest()).rstrip(b"=").decode()
        params = {
            "redirectUrl": redirect_url,
            "nonce": secrets.token_urlsafe(24),
            "codeChallenge": challenge,
            "state": secrets.token_urlsafe(24),
            "ssoProfileSid": connection,
        }
        page_of = self._anonymous.get(f"{self._anonymous.base('services')}/v1/Flex/Authorize", params)
        try:
            return await self._follow(page_of, redirect_url)
        except NotSeen as error:
            return _Redirect(why=str(error))

    async def _authenticate(self, resource: str) -> _Redirect:
        try:
            page = await self._anonymous.ask_legacy(self._account, resource)
            body = page.json()
            code = body.get("code") if isinstance(body, dict) else None
            if code == _UNTRUSTED:
                return _Redirect(refused=f"{page.status}/{code}")
            if code == _NO_CERTIFICATE:
                return _Redirect(why=f"Flex has no valid certificate ({page.status}/{code})", certified=False)
            location = body.get("location") if isinstance(body, dict) else None
            if page.status >= 300 or not isinstance(location, str):
                return _Redirect(why=f"{host_of(page.url)} answered {page.status} without a location")
            return self._idp(location) or _Redirect(why="the location carries no SAML request")
        except NotSeen as error:
            return _Redirect(why=str(error))

    async def _follow(self, first: Awaitable[Page], redirect_url: str) -> _Redirect:
        page = await first
        visited = {page.url}
        for _ in range(_MOST_HOPS):
            if page.location is None:
                return _ended(page)
            found = self._idp(page.location)
            if found is not None:
                return found
            if page.location.startswith(redirect_url) and "error=" in urlsplit(page.location).query:
                return _Redirect(why="the login came back with an error before the identity provider was asked")
            if not self._anonymous.is_flex(page.location):
                return _Redirect(why=f"the login leads to {host_of(page.location)} without a SAML request")
            if page.location in visited:
                return _Redirect(why=f"{host_of(page.location)} redirects in a circle")
            visited.add(page.location)
            page = await self._anonymous.get(page.location)
        return _Redirect(why=f"no identity provider after {_MOST_HOPS} redirects")

    def _idp(self, location: str) -> _Redirect | None:
        """The redirect to the identity provider, None for any other."""
        try:
            parts = urlsplit(location)
            carried = parse_qs(parts.query, keep_blank_values=True, max_num_fields=50)
        except ValueError:
            return None
        if not carried.get("SAMLRequest"):
            return None
        # The parameters of the request are Flex's; all others were in the declared URL.
        own = [pair for pair in parts.query.split("&") if pair.partition("=")[0] not in _OF_SAML]
        sso_url = parts._replace(query="&".join(own), fragment="").geturl()
        try:
            return _Redirect(sso_url, self._read_request(carried["SAMLRequest"][0]))
        except ValueError as error:
            return _Redirect(sso_url, why=f"the SAML request cannot be read: {error}")


_OF_SAML: Final = ("SAMLRequest", "RelayState", "SigAlg", "Signature", "SAMLEncoding")


def _ended(page: Page) -> _Redirect:
    """A login that ends without leaving: Flex refuses with a 4xx; a page of its own says nothing that is documented."""
    if 400 <= page.status < 500 and page.status not in (404, 408, 429):
        return _Redirect(refused=f"{page.status}")
    kind = "a page of its own" if page.status < 400 else "an error"
    return _Redirect(why=f"{host_of(page.url)} answered {page.status} with {kind} instead of a redirect")


def _sso_url(found: _Redirect, how: str = _REDIRECT) -> Sighting:
    if found.sso_url is not None:
        return Sighting(found.sso_url, how)
    return Sighting(None, how, found.why or f"Flex refused the login ({found.refused})")


def _trust(found: _Redirect, control: _Redirect, how: str) -> Sighting:
    """Whether a URL is trusted, held against one that cannot be: only where Flex tells the two apart is it known."""
    if found.sso_url is not None:
        if control.refused:
            return Sighting(True, how)
        why = control.why or "Flex begins a login for any URL, and decides afterwards"
        return Sighting(None, how, why)
    if found.refused:
        if control.refused:
            return Sighting(False, how)
        return Sighting(None, how, "Flex refuses this URL, and not one that nobody trusts")
    return Sighting(None, how, found.why)


def _active(body: Any, instance: str) -> _Connection | None:
    """The one active connection of a list, None where there is none. Raises NotSeen, for odd names too.

    Anybody on the way may have written the answer: its names go into files and URLs, so they have their form or are
    nothing.
    """
    listed = body.get("config_list") if isinstance(body, dict) else None
    if not isinstance(listed, list):
        raise NotSeen("the answer holds no list of connections")
    active = [
        item
        for item in listed
        if isinstance(item, dict) and item.get("active") is True and item.get("instance_sid") in (None, "", instance)
    ]
    names = {name if isinstance(name := item.get("connection_name"), str) else "" for item in active}
    if any(not CONNECTION.fullmatch(name) for name in names):
        raise NotSeen("an active connection has a name that is not JQ and 32 hexadecimal digits")
    if len(names) > 1:
        raise NotSeen(f"{len(names)} connections are active at once: {', '.join(sorted(names)[:3])}")
    if not names:
        return None
    client = active[0].get("client_id")
    client_id = client if isinstance(client, str) and _CLIENT_ID.fullmatch(client) else None
    return _Connection(Sighting(names.pop(), _CONFIG), client_id)


def _covered(pattern: str) -> str:
    """A URL that a legacy pattern covers."""
    if pattern in ("localhost", "127.0.0.1", "::1"):
        return f"http://[{pattern}]" if ":" in pattern else f"http://{pattern}"
    return f"https://{pattern.replace('*.', 'flexres.', 1)}"


def _public_attributes(body: Any, account: str) -> Mapping[str, Any]:
    listed = body.get("configurations") if isinstance(body, dict) else None
    if not isinstance(listed, list):
        raise NotSeen("the answer holds no list of configurations")
    for item in listed:
        if isinstance(item, dict) and item.get("account_sid") == account:
            attributes = item.get("public_attributes")
            return attributes if isinstance(attributes, dict) else {}
    raise NotSeen("nothing is published for this account")
