"""The client of the Flex Configuration: which instance this is, what it offers, and the few properties that we set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from flexres.errors import NotFoundError, SetupError, UnreachableError
from flexres.live.http.answers import JsonObject, Response
from flexres.live.http.transport import Transport
from flexres.live.model import CatalogueSkill, Instance, nests_too_deep
from flexres.values import Json

_PATH: Final = "/v1/Configuration"


class ConfigurationApi:
    """The Flex Configuration of one account, which must be the instance that the stack names."""

    def __init__(self, transport: Transport, *, account: str, instance: str) -> None:
        self._transport = transport
        self._account = account
        self._instance = instance

    async def fetch(self) -> Instance:
        """The instance as it is configured.

        Raises:
            SetupError: the credentials are another account's (an API key alone does not show it).
            UnreachableError: the account has no Flex yet, or another instance than the stack's.
        """
        try:
            response = await self._transport.request("GET", "flex-api", _PATH)
        except NotFoundError as error:
            raise self._no_flex(f"{error.status} to {error.request}") from error
        return self._instance_of(response)

    @staticmethod
    async def instance_of(transport: Transport, account: str) -> str:
        """The SID of the account's only Flex instance.

        Raises:
            SetupError: the answer does not name it (Twilio's own sample does not), or the account is another.
            UnreachableError: the account has no Flex yet.
        """
        api = ConfigurationApi(transport, account=account, instance="")
        try:
            body = (await transport.request("GET", "flex-api", _PATH)).object()
        except NotFoundError as error:
            raise api._no_flex(f"{error.status} to {error.request}") from error
        if body.get("account_sid") != account:
            raise SetupError(f"the credentials are not of account {account}", hint="name its own with --account")
        sid = _text(body.get("flex_instance_sid"))
        if sid is None:
            raise SetupError(
                "the account does not tell the SID of its Flex instance",
                hint="copy it from Twilio Console, under Flex, Overview, and give it with --instance",
            )
        return sid

    async def update(self, changes: Mapping[str, Json]) -> Instance:
        """Set these properties; one that holds JSON is replaced entirely, so merge before (Twilio's docs).

        Raises:
            FormatError: a property is read-only.
            LostAnswerError: it may have taken effect.
        """
        body: dict[str, Json] = {"account_sid": self._account, **changes}
        response = await self._transport.request("POST", "flex-api", _PATH, json=body, idempotent=False)
        return self._instance_of(response)

    async def public(self) -> Mapping[str, Json] | None:
        """The public attributes that a login page sees, read without credentials; None: nothing is published."""
        response = await self._transport.request(
            "GET", "flex-api", f"{_PATH}/Public", params={"AccountSid": self._account}, anonymous=True
        )
        found = response.object().get("configurations")
        if not isinstance(found, list):
            raise response.unexpected("has no list of configurations")
        for item in found:
            if isinstance(item, dict) and item.get("account_sid") == self._account:
                return _attributes(item, response)
        return None

    def _no_flex(self, why: str) -> UnreachableError:
        return UnreachableError(
            f"Flex is not set up in account {self._account} ({why})",
            hint="finish Flex's setup in Twilio Console, then run this again",
        )

    def _instance_of(self, response: Response) -> Instance:
        body = response.object()
        account = _required(body, "account_sid", response)
        if account != self._account:
            raise SetupError(
                f"the credentials are of account {response.said(account)}, but the stack is of account {self._account}",
                hint=f"set credentials of account {self._account} in the environment",
            )
        status = _text(body.get("status")) or "ok"
        if status != "ok":
            raise self._no_flex(f"its status is {response.said(status)}")
        sid = _text(body.get("flex_instance_sid")) or self._instance
        if sid != self._instance:
            raise UnreachableError(
                f"account {account} has the Flex instance {response.said(sid)}, but the stack names {self._instance}",
                hint=f"write `instance: {response.said(sid)}` in flex.yaml, if that is the one you mean",
            )
        workspace = _required(body, "taskrouter_workspace_sid", response)
        if not workspace.isalnum():
            raise response.unexpected("names no Workspace")
        return Instance(
            account=account,
            sid=self._instance,
            workspace=workspace,
            offline_activity=_text(body.get("taskrouter_offline_activity_sid")),
            status=status,
            skills=_skills(body.get("taskrouter_skills")),
            task_channels=_task_channels(body.get("taskrouter_worker_channels")),
            public_attributes=_attributes(body, response),
            runtime_domain=_text(body.get("runtime_domain")),
            ui_version=_text(body.get("ui_version")),
        )


def _required(body: JsonObject, name: str, response: Response) -> str:
    value = _text(body.get(name))
    if value is None:
        raise response.unexpected(f"has no {name}")
    return value


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _attributes(item: JsonObject, response: Response) -> Mapping[str, Json]:
    """The public attributes. Those of another shape are an error: they are written as a whole, others' included."""
    value = item.get("public_attributes")
    if value is None:
        return {}
    if not isinstance(value, dict) or nests_too_deep(value):
        raise response.unexpected("has public_attributes that are no JSON object")
    return value


def _names(items: Any) -> tuple[str, ...]:
    """The names of a list of `{name, …}`, each once, in order."""
    named = (item.get("name") for item in items if isinstance(item, dict)) if isinstance(items, list) else ()
    return tuple(dict.fromkeys(name for name in named if isinstance(name, str)))


def _skills(items: Any) -> tuple[CatalogueSkill, ...]:
    """The catalogue of a list of `{name, multivalue, minimum, maximum}`, each once; what is no skill is none."""
    found: dict[str, CatalogueSkill] = {}
    for item in items if isinstance(items, list) else ():
        name = item.get("name") if isinstance(item, dict) else None
        if isinstance(name, str):
            found.setdefault(name, CatalogueSkill(name, _whole(item.get("minimum")), _whole(item.get("maximum"))))
    return tuple(found.values())


def _whole(value: Any) -> int | None:
    return value if type(value) is int else None


def _task_channels(by_role: Any) -> tuple[str, ...]:
    """The task channels of `{role: [{name, …}]}`: those that any role has, sorted."""
    roles = by_role.values() if isinstance(by_role, dict) else ()
    return tuple(sorted({name for items in roles for name in _names(items)}))
