"""The client of Flex users (flex-api: v1 to list, v4 for the rest); the snapshot reads by it, apply writes by it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flexres.errors import LostAnswerError, NotFoundError, UnreachableError
from flexres.live.http.answers import Response
from flexres.live.http.transport import Transport, pages, path
from flexres.live.model import FlexUser
from flexres.values import Json


@dataclass(frozen=True, slots=True)
class Token:
    """A Flex token: `value` opens the Flex UI as that user until `expiration` (as Twilio writes it)."""

    value: str = field(repr=False)
    expiration: str | None


class FlexUsers:
    """The users of one Flex instance."""

    def __init__(self, transport: Transport, instance: str) -> None:
        self._transport = transport
        self._instance = instance

    async def pages(self) -> AsyncIterator[list[FlexUser]]:
        """All users, deactivated ones too, in pages of at most 1,000 (v1 list; no other lists all).

        While others write, a user can be seen twice or be missed: absence here is not yet absence.

        Raises:
            UnreachableError: Twilio does not know the instance.
        """
        listing = pages(self._transport, "flex-api", path("v1", "Instances", self._instance, "Users"), key="users")
        try:
            async for response, items in listing:
                yield [_flex_user(item, response) for item in items]
        except NotFoundError as error:
            raise UnreachableError(
                f"account {self._transport.credentials.account} has no Flex instance {self._instance} "
                f"({error.status} to {error.request})",
                hint="check `instance:` in flex.yaml (Flex Console shows it: GO…)",
            ) from error

    async def by_username(self, username: str) -> FlexUser | None:
        """The user of exactly this username, Worker included: two requests, one where nobody has the name.

        Nobody says whether this finds deactivated users, so None means: none that is active.
        """
        response = await self._transport.request("GET", "flex-api", self._path(), params={"Username": username})
        items = response.object().get("users")
        if not isinstance(items, list):
            raise response.unexpected("has no list of users")
        named = [user for user in (_flex_user(item, response) for item in items) if user.username == username]
        if not named:
            return None
        # Items of this list lack the Worker (both published samples), so the user is fetched by SID.
        try:
            return await self.by_sid(min(named, key=lambda user: (user.deactivated, user.sid)).sid)
        except NotFoundError:
            return None

    async def by_sid(self, sid: str) -> FlexUser:
        """The user of this SID.

        Raises:
            NotFoundError: there is none.
        """
        response = await self._transport.request("GET", "flex-api", self._path(sid))
        return _flex_user(response.object(), response)

    async def provision(
        self,
        *,
        username: str,
        full_name: str,
        email: str,
        roles: Sequence[str],
        attributes: Mapping[str, Json] | None = None,
    ) -> FlexUser:
        """Create the user, or update the one of this username; repeats create no duplicates (Twilio's docs).

        `attributes` have names in Twilio's claim typing (`level.int`); None sends an empty `worker`.

        Raises:
            FormatError: Twilio refused a value, and changed nothing.
            LostAnswerError: it may have taken effect, or was accepted without saying what came of it.
        """
        worker: dict[str, Json] = {} if attributes is None else {"attributes": dict(attributes)}
        body: dict[str, Json] = {
            "username": username,
            "full_name": full_name,
            "email": email,
            "roles": list(roles),
            "worker": worker,
        }
        response = await self._transport.request(
            "POST", "flex-api", self._path("Provision"), json=body, idempotent=False
        )
        if response.json is None:
            raise LostAnswerError(
                "Twilio accepted the user without saying what came of it",
                request=response.request,
                status=response.status,
                request_id=response.request_id,
                hint="read the user again",
            )
        return _flex_user(response.object(), response)

    async def deprovision(self, sid: str) -> None:
        """Delete the user's Worker and deactivate the user, who stays listed (Twilio's docs).

        Raises:
            LostAnswerError: it may have taken effect. Nobody says what a second call answers: read first.
        """
        await self._transport.request(
            "POST", "flex-api", self._path("Deprovision"), json={"flex_user_sid": sid}, idempotent=False
        )

    async def mint_token(self, sid: str, *, ttl: int) -> Token:
        """A Flex token for the user, for `ttl` seconds. A repetition mints another, which harms nobody."""
        response = await self._transport.request(
            "POST", "flex-api", self._path(sid, "Tokens"), json={"ttl": ttl}, idempotent=True
        )
        body = response.object()
        value, info = body.get("access_token"), body.get("token_info")
        if not isinstance(value, str) or not value:
            raise response.unexpected("has no access_token")
        expiration = info.get("expiration") if isinstance(info, dict) else None
        return Token(value, expiration if isinstance(expiration, str) else None)

    def _path(self, *parts: str) -> str:
        return path("v4", "Instances", self._instance, "Users", *parts)


def _flex_user(item: Any, response: Response) -> FlexUser:
    """One user of an answer; ten thousand pass here, so the fields are read by hand.

    The Worker is `worker_sid` (v1, v4 fetch), or nested in `worker` (Provision). A user whose `deactivated` is
    not said (an older v4 sample) counts as deactivated where a date is.
    """
    try:
        get = item.get
        sid, username = item["flex_user_sid"], item["username"]
        full_name, email = get("full_name") or "", get("email") or ""
        roles = get("roles") or []
        worker_sid, date, deactivated = get("worker_sid"), get("deactivated_date"), get("deactivated")
        if worker_sid is None and item.get("worker") is not None:
            worker_sid = item["worker"].get("worker_sid")
        if deactivated is None:
            deactivated = date is not None
        created, updated, version = get("created_date"), get("updated_date"), get("version")
        if (
            type(sid) is str
            and sid.isalnum()
            and type(username) is str
            and type(full_name) is str
            and type(email) is str
            and type(deactivated) is bool
            and (worker_sid is None or (type(worker_sid) is str and worker_sid.isalnum()))
            and (date is None or type(date) is str)
            and (created is None or type(created) is str)
            and (updated is None or type(updated) is str)
            and type(roles) is list
            and all(type(role) is str for role in roles)
        ):
            return FlexUser(
                sid,
                username,
                full_name,
                email,
                tuple(roles),
                worker_sid,
                deactivated,
                date,
                created,
                updated,
                version if type(version) is int else None,
            )
    except (KeyError, TypeError, AttributeError):
        pass
    sid = item.get("flex_user_sid") if isinstance(item, dict) else None
    raise response.unexpected(f"has a user that cannot be read ({sid or 'without a SID'})")
