"""The parts of Auth0's Management API that are used, each call as a method; `state` reads with it and `apply` writes.

https://auth0.com/docs/api/management/v2 has the endpoints; paths and fields here are those.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import quote

from flexres.desired.schema.certificate import fingerprint
from flexres.errors import FlexresError, SetupError, UnreachableError
from flexres.idp.auth0 import answers
from flexres.idp.auth0.answers import GoneError, Item
from flexres.idp.auth0.transport import Auth0Transport
from flexres.idp.metadata import read_metadata
from flexres.live.http.retrying import each
from flexres.reconcile.idp.model import Action, Application, Binding, Connection, IdpUser, Signing
from flexres.values import Json

PAGE: Final = 100
"""Auth0's largest page."""

BY_PAGES: Final = 1000
"""So many users a search gives at most; more are had by an export job (Auth0's docs, "Bulk User Exports")."""

TRIGGER: Final = "post-login"
_FIELDS: Final = ("user_id", "email", "name", "app_metadata", "identities")
_LONGEST_EXPORT: Final = 600.0
_BUILDS: Final = 60


class Auth0:
    """One tenant's Management API."""

    def __init__(self, transport: Auth0Transport) -> None:
        self.transport = transport

    async def applications(self) -> list[Application]:
        """All applications of the tenant, without their secrets."""
        params = {
            "fields": "client_id,name,app_type,callbacks,addons,client_metadata",
            "include_fields": "true",
            "is_global": "false",
        }
        return [answers.application(item) for item in await self._pages("/clients", "clients", params)]

    async def create_application(self, body: Mapping[str, Json]) -> Application:
        """Make an application."""
        return answers.application(await self.transport.request("POST", "/clients", json=body))

    async def update_application(self, client_id: str, body: Mapping[str, Json]) -> Application:
        """Change an application; what `body` does not name stays."""
        return answers.application(await self.transport.request("PATCH", f"/clients/{_part(client_id)}", json=body))

    async def application(self, client_id: str) -> Application:
        """One application as it is now."""
        return answers.application(await self.transport.request("GET", f"/clients/{_part(client_id)}"))

    async def actions(self) -> list[Action]:
        """All actions that can stand in the login flow."""
        return [
            answers.action(item) for item in await self._pages("/actions/actions", "actions", {"triggerId": TRIGGER})
        ]

    async def create_action(self, name: str, code: str) -> Action:
        """Make an action of the login flow; it runs once it is deployed and bound."""
        body: dict[str, Json] = {
            "name": name,
            "supported_triggers": [{"id": TRIGGER, "version": "v3"}],
            "code": code,
            "dependencies": [],
            "secrets": [],
        }
        return answers.action(await self.transport.request("POST", "/actions/actions", json=body))

    async def update_action(self, action_id: str, name: str, code: str) -> Action:
        """Change an action's draft."""
        body: dict[str, Json] = {"name": name, "code": code}
        return answers.action(await self.transport.request("PATCH", f"/actions/actions/{_part(action_id)}", json=body))

    async def deploy(self, action_id: str) -> None:
        """Let an action's draft be what runs, once Auth0 has built it.

        Raises FlexresError when the build fails or takes longer than a minute.
        """
        for _ in range(_BUILDS):
            found = await self.transport.request("GET", f"/actions/actions/{_part(action_id)}")
            status = found.maybe("status")
            if status == "built":
                await self.transport.request("POST", f"/actions/actions/{_part(action_id)}/deploy")
                return
            if status == "failed":
                raise FlexresError("Auth0 could not build the action", hint="look at it in Actions > Library")
            await self.transport.timing.sleep(1.0)
        raise FlexresError("Auth0 is still building the action after a minute", hint="run it again")

    async def flow(self) -> list[Binding]:
        """The login flow, in its order."""
        found = await self._pages(f"/actions/triggers/{TRIGGER}/bindings", "bindings", {})
        return [answers.binding(item) for item in found]

    async def bind_last(self, flow: Sequence[Binding], action_id: str, name: str) -> None:
        """Put an action behind those of the flow, which keep their places and names."""
        kept: list[Json] = [
            {"ref": {"type": "binding_id", "value": one.binding_id}, "display_name": one.name} for one in flow
        ]
        added: Json = {"ref": {"type": "action_id", "value": action_id}, "display_name": name}
        path = f"/actions/triggers/{TRIGGER}/bindings"
        await self.transport.request("PATCH", path, json={"bindings": [*kept, added]})

    async def connections(self) -> list[Connection]:
        """All connections of the tenant: any of them may be enabled for an application."""
        params = {"fields": "id,name,strategy,enabled_clients", "include_fields": "true"}
        return [answers.connection(item) for item in await self._pages("/connections", "connections", params)]

    async def users(self, connection: Connection) -> list[IdpUser]:
        """All users of a connection: by pages where a search can give them all, otherwise by an export job."""
        query = f'identities.connection:"{connection.name}"'
        params = {"q": query, "search_engine": "v3", "per_page": str(PAGE), "include_totals": "true"}
        params |= {"fields": ",".join(_FIELDS), "include_fields": "true"}
        first = await self.transport.request("GET", "/users", params={**params, "page": "0"})
        total = first.number("total")
        if total > BY_PAGES:
            return await self._exported(connection)

        async def page(number: int) -> list[Item]:
            return (await self.transport.request("GET", "/users", params={**params, "page": str(number)})).items(
                "users"
            )

        rest = await each(page, range(1, -(-total // PAGE)))
        found = map(answers.user, [*first.items("users"), *(item for items in rest for item in items)])
        return list({one.user_id: one for one in found}.values())

    async def _exported(self, connection: Connection) -> list[IdpUser]:
        transport, timing = self.transport, self.transport.timing
        body: dict[str, Json] = {
            "connection_id": connection.connection_id,
            "format": "json",
            "fields": [{"name": name} for name in _FIELDS if name != "identities"],
        }
        job = await transport.request("POST", "/jobs/users-exports", json=body)
        started, wait = timing.monotonic(), 0.05
        while job.maybe("status") in ("pending", "processing"):
            if timing.monotonic() - started > _LONGEST_EXPORT:
                raise UnreachableError("Auth0's export of its users is still not ready", hint="run it again later")
            await timing.sleep(wait)
            wait = min(wait * 2, 5.0)
            job = await transport.request("GET", f"/jobs/{_part(job.text('id'))}")
        status = job.maybe("status")
        if status != "completed":
            ended = transport.clean(status) or "nothing that is known"
            raise UnreachableError(f"Auth0's export of its users ended as {ended}", hint="run it again")
        data = await transport.download(job.text("location"))
        return [answers.user(job.line(line)) for line in data.splitlines() if line.strip()]

    async def user(self, user_id: str) -> IdpUser:
        """One user as they are now."""
        return answers.user(await self.transport.request("GET", f"/users/{_part(user_id)}"))

    async def update_flex(self, user_id: str, flex: Json) -> IdpUser:
        """Set `app_metadata.flex`; Auth0 keeps the other keys of app_metadata."""
        body: dict[str, Json] = {"app_metadata": {"flex": flex}}
        return answers.user(await self.transport.request("PATCH", f"/users/{_part(user_id)}", json=body))

    async def create_user(self, connection: str, email: str, name: str, password: str, flex: Json) -> IdpUser:
        """Make a user of a database connection."""
        body: dict[str, Json] = {
            "connection": connection,
            "email": email,
            "name": name,
            "password": password,
            "app_metadata": {"flex": flex},
        }
        return answers.user(await self.transport.request("POST", "/users", json=body))

    async def invite(self, client_id: str, connection: str, email: str) -> None:
        """Let Auth0 send its e-mail in which a user chooses a password."""
        body: dict[str, Json] = {"client_id": client_id, "email": email, "connection": connection}
        await self.transport.open_path("/dbconnections/change_password", body)

    async def signing(self, client_id: str, connection: str) -> Signing | None:
        """What Flex has to know, from the application's SAML metadata; None while there is none.

        Twilio's guide appends `?connection=` to the sign-on URL.
        """
        try:
            found = read_metadata(await self.transport.public(f"/samlp/metadata/{_part(client_id)}"))
        except (GoneError, SetupError):
            return None
        pem = found.certificates[0]
        url = f"{found.sso_url}?connection={quote(connection, safe='')}"
        return Signing(found.issuer, url, pem, fingerprint(pem))

    async def _pages(self, path: str, key: str, params: Mapping[str, str]) -> list[Item]:
        """All items of a list. Raises Auth0Error where its pages lead back, or have no end."""
        items: list[Item] = []
        before: list[Item] = []
        most = self.transport.limits.pages
        for page in range(most):
            query = {**params, "page": str(page), "per_page": str(PAGE), "include_totals": "true"}
            found = await self.transport.request("GET", path, params=query)
            if isinstance(found.body, list):
                return [*items, *found.each()]
            here = found.items(key)
            if here and [one.body for one in here] == [one.body for one in before]:
                raise found.unexpected(f"page {page + 1} of {key} is the one before it")
            items += here
            if not here or len(items) >= found.number("total"):
                return items
            before = here
        raise found.unexpected(f"there are still {key} after {most} pages")


def _part(text: str) -> str:
    return quote(text, safe="")
