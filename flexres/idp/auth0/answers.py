"""Auth0's answers as values, its refusals as errors that say what to do, and what a stack's YAML wants there.

An answer that is not as Auth0 documents it is an Auth0Error that names the request, never a surprise further in.

FlexresError
├── Auth0Error        Auth0 answered one request with an error
│   └── GoneError     404, 410
└── (SetupError, UnreachableError as everywhere)

https://www.twilio.com/docs/flex/admin-guide/setup/sso-configuration/auth0 is what it follows.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from typing import Any, Final

from flexres.desired.model import Idp, Sso, StackConfig
from flexres.desired.schema.attributes import TYPES
from flexres.errors import FlexresError, SetupError, UnreachableError
from flexres.idp.service_provider import enhanced, legacy
from flexres.live.model import nests_too_deep
from flexres.reconcile.idp.model import Action, Application, Binding, Connection, IdpUser, IdpWanted
from flexres.text import one_line
from flexres.values import ABSENT, Json, Value


@dataclass(frozen=True, slots=True)
class Item:
    """A JSON object within an answer, or the whole of it; each reader takes one key and raises Auth0Error.

    `what` says what it is, `request` and `status` which request it answers; `secrets` never stand in a message.
    """

    body: Any
    what: str
    request: str
    status: int
    secrets: tuple[str, ...] = field(default=(), repr=False)

    def unexpected(self, what: str) -> Auth0Error:
        """The error that says what about it is not as Auth0 documents it."""
        return Auth0Error(
            f"Auth0's answer cannot be read: {one_line(what, self.secrets)}",
            request=self.request,
            status=self.status,
            hint="run it again; if it stays, please report it",
        )

    def value(self, key: str) -> Any:
        """What the object has for a key, None for nothing."""
        if not isinstance(self.body, dict):
            raise self.unexpected(f"{self.what} is no JSON object")
        return self.body.get(key)

    def text(self, key: str) -> str:
        """A text that has to be there."""
        return self.maybe(key) or self._lacks(key)

    def maybe(self, key: str) -> str:
        """A text, empty where it is null or not there."""
        found = self.value(key)
        if found is None:
            return ""
        return found if isinstance(found, str) else self._lacks(key)

    def number(self, key: str) -> int:
        """A whole number, 0 where it is null or not there."""
        found = self.value(key)
        if found is None:
            return 0
        return found if isinstance(found, int) and not isinstance(found, bool) and found >= 0 else self._lacks(key)

    def texts(self, key: str) -> tuple[str, ...] | None:
        """A list of texts, None where it is null or not there."""
        found = self.value(key)
        if found is None:
            return None
        if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
            self._lacks(key)
        return tuple(found)

    def map(self, key: str) -> Mapping[str, Json]:
        """A JSON object as it is, empty where it is null or not there."""
        found = self.value(key)
        if found is None:
            return {}
        return found if isinstance(found, dict) and not nests_too_deep(found) else self._lacks(key)

    def items(self, key: str) -> list[Item]:
        """The objects of a list, none where it is null or not there."""
        found = self.value(key)
        if not isinstance(found, list | None):
            self._lacks(key)
        return [self.part(one, f"one of {key}") for one in found or ()]

    def each(self) -> list[Item]:
        """The objects of an answer that is a list itself."""
        if not isinstance(self.body, list):
            raise self.unexpected(f"{self.what} is no list")
        return [self.part(one, f"one of {self.what}") for one in self.body]

    def part(self, body: Any, what: str) -> Item:
        """Something within it."""
        return Item(body, what, self.request, self.status, self.secrets)

    def line(self, text: bytes) -> Item:
        """One line of an exported file."""
        try:
            return self.part(json.loads(text), "a line of the export")
        except (ValueError, RecursionError):
            raise self.unexpected("a line of the export is no JSON") from None

    def _lacks(self, key: str) -> Any:
        raise self.unexpected(f"{self.what} has no {key} of the documented type")


def application(item: Item) -> Application:
    """An application (https://auth0.com/docs/api/management/v2/clients/get-clients)."""
    addons, metadata = item.map("addons"), item.map("client_metadata")
    addon, owner = addons.get("samlp"), metadata.get("flexres")
    return Application(
        client_id=item.text("client_id"),
        name=item.maybe("name"),
        app_type=item.maybe("app_type"),
        callbacks=item.texts("callbacks") or (),
        addon=addon if isinstance(addon, dict) else None,
        owner=owner if isinstance(owner, str) and owner else None,
        addons=addons,
        metadata=metadata,
    )


def action(item: Item) -> Action:
    """An action; its deployed version counts where it is not said to be another state."""
    deployed = item.value("deployed_version")
    running: str | None = None
    if deployed is not None:
        version = item.part(deployed, "a deployed_version")
        running = version.maybe("code") if version.value("deployed") is not False else None
    code = item.maybe("code")
    return Action(item.text("id"), item.maybe("name"), code, running, author_of(code))


def binding(item: Item) -> Binding:
    """A place of the login flow."""
    of = item.part(item.value("action"), "the action of a binding")
    return Binding(item.text("id"), of.text("id"), item.maybe("display_name"))


def connection(item: Item) -> Connection:
    """A connection."""
    return Connection(
        item.text("id"), item.text("name"), item.maybe("strategy") == "auth0", item.texts("enabled_clients")
    )


def user(item: Item) -> IdpUser:
    """A user; `app_metadata.flex` may be anything that somebody put there."""
    flex = item.map("app_metadata").get("flex", ABSENT)
    return IdpUser(item.text("user_id"), item.maybe("email"), item.maybe("name"), flex)


class Auth0Error(FlexresError):
    """Auth0 answered one request with an error. `code` is Auth0's own, such as `too_many_entities`, or empty."""

    def __init__(self, message: str, *, request: str, status: int, code: str = "", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.request = request
        self.status = status
        self.code = code

    def __str__(self) -> str:
        answer = f"{self.status} {self.code}".strip()
        return f"{self.message} ({answer} to {self.request})"


class GoneError(Auth0Error):
    """Auth0 does not know the thing (404)."""


def refusal(request: str, status: int, body: Any, domain: str, secrets: tuple[str, ...] = ()) -> FlexresError:
    """The error that an answer of 400 or more stands for, without these secrets."""
    said = body if isinstance(body, dict) else {}
    code = one_line(said.get("errorCode") or said.get("error"), secrets, longest=80)
    message = one_line(said.get("message") or said.get("error_description"), secrets, longest=300) or "no reason given"
    if status == 401:
        return UnreachableError(
            f"Auth0 refused the credentials for {domain}: {message} (401 to {request})",
            hint="check AUTH0_MGMT_TOKEN, which lives for a day at most, or AUTH0_CLIENT_ID and AUTH0_CLIENT_SECRET",
        )
    if status == 403 and code == "insufficient_scope":
        scopes = _scopes(message)
        return SetupError(
            f"the token for {domain} lacks the scope {scopes} ({request})",
            hint=f"grant it: Applications > APIs > Auth0 Management API > Machine to Machine Applications > {scopes}",
        )
    kind = GoneError if status in {404, 410} else Auth0Error
    return kind(f"Auth0: {message}", request=request, status=status, code=code, hint=_hint(status, code))


def _scopes(message: str) -> str:
    found = re.findall(r"[a-z]+:[a-z_]+", message)
    return " or ".join(found) or "that it needs"


def _hint(status: int, code: str) -> str:
    if code == "too_many_entities":
        return "the tenant's plan allows no more of these: delete one that nobody needs, or ask for a larger plan"
    if status >= 500:
        return "Auth0 has trouble (https://status.auth0.com): run it again later"
    return ""


BINDING: Final = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
_WRITTEN_BY_US: Final = re.compile(r"\A// Written by flexres for stack id ([a-z0-9]{6,12})\.")


def wanted_of(config: StackConfig, idp: Idp, sso: Sso, *, login: str | None = None) -> IdpWanted:
    """The YAML's side. `login` is where a local Flex takes responses; None: Twilio's own host."""
    claims = {_bare(claim): claim for claim in sso.claims}
    addon: dict[str, Value] = {"binding": BINDING, "signResponse": True, "audience": ABSENT}
    if sso.type == "enhanced":
        assert sso.connection is not None
        flex = enhanced(sso.connection, login=login) if login else enhanced(sso.connection)
        addon["audience"] = flex.entity_id
        callbacks: tuple[str, ...] = (flex.acs,)
    else:
        flex = legacy(config.account)
        callbacks = (flex.acs, flex.entity_id)
    return IdpWanted(
        provider="Auth0",
        tenant=idp.domain,
        owner=config.id,
        application=idp.application,
        client_id=idp.client_id,
        acs=flex.acs,
        callbacks=callbacks,
        addon=addon,
        action=idp.action,
        code=action_code(config.id, idp.connection, claims),
        connection=idp.connection,
        missing=idp.missing,
        claims=claims,
        issuer=sso.issuer,
        sso_url=sso.sso_url,
        fingerprint=sso.fingerprint,
    )


def action_code(stack_id: str, connection: str, claims: dict[str, str]) -> str:
    """The Post Login action of one stack for one connection.

    `claims` are keys of app_metadata.flex and the names they are sent under.
    """
    return (
        _template()
        .replace("__STACK_ID__", stack_id)
        .replace("__STACK__", json.dumps(stack_id))
        .replace("__CONNECTION__", json.dumps(connection))
        .replace("__CLAIMS__", json.dumps(list(map(list, claims.items()))))
    )


def author_of(code: str) -> str | None:
    """The id of the stack whose action this is, None where flexres did not write it."""
    found = _WRITTEN_BY_US.match(code)
    return found[1] if found else None


@lru_cache(maxsize=1)
def _template() -> str:
    return files("flexres.idp.auth0").joinpath("action.js").read_text(encoding="utf-8")


def _bare(claim: str) -> str:
    name, _, kind = claim.rpartition(".")
    return name if kind in TYPES else claim
