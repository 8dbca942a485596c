"""What people do at the tenant by hand, for tests and benches: `Sandbox.auth0`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from flexres.sandbox.auth0.actions import flow
from flexres.sandbox.auth0.management import new_token
from flexres.sandbox.auth0.tenant import CLIENT_ID, CLIENT_SECRET, CONNECTION, Tenant, Thing, instant
from flexres.sandbox.auth0.users import new_user, put_user
from flexres.sandbox.state import World

T = TypeVar("T")


class Auth0Hands:
    """The tenant of one sandbox; `call` carries something out in the sandbox's own thread."""

    def __init__(self, url: str, call: Callable[[Callable[[World], Any]], Any]) -> None:
        self._url = url
        self._call = call

    def environment(self) -> dict[str, str]:
        """The variables that make a client use this tenant."""
        return environment(self._url)

    def seed(self, users: Iterable[tuple[str, str, Any]], *, connection: str = CONNECTION) -> None:
        """Users of a connection: address, name, and `app_metadata` or None."""
        made = [new_user(email, connection, name=name, app_metadata=data) for email, name, data in users]
        rows = [(user["user_id"], user["email"].casefold(), user) for user in made]
        self._tenant(lambda tenant: tenant.put_all("user", rows))

    def users(self) -> dict[str, Thing]:
        """All users by their address; of those who share one, the last."""
        return {user["email"]: user for user in self._tenant(lambda tenant: tenant.all("user"))}

    def app_metadata(self, email: str) -> Any:
        """One user's app_metadata."""
        return self.users()[email].get("app_metadata")

    def set_app_metadata(self, email: str, value: Any) -> None:
        """Make one user's app_metadata exactly this."""
        user = {**self.users()[email], "app_metadata": value}
        self._tenant(lambda tenant: put_user(tenant, user))

    def clients(self) -> list[Thing]:
        """All applications."""
        found: list[Thing] = self._tenant(lambda tenant: tenant.all("client"))
        return found

    def add_client(self, client_id: str, name: str, **values: Any) -> None:
        """Make or change an application."""
        usual = {"app_type": "regular_web", "callbacks": [], "addons": {}, "client_metadata": {}}
        thing = {"client_id": client_id, "name": name, **usual, **values}
        self._tenant(lambda tenant: tenant.put("client", client_id, name, thing))

    def actions(self) -> list[Thing]:
        """All actions."""
        found: list[Thing] = self._tenant(lambda tenant: tenant.all("action"))
        return found

    def add_action(self, name: str, code: str, *, bound: bool = True) -> None:
        """Make a deployed action, at the end of the flow if it is bound."""
        version = {"id": name, "code": code, "number": 1, "deployed": True}
        thing: Thing = {"id": f"act_{name}", "name": name, "code": code, "supported_triggers": [{"id": "post-login"}]}
        thing |= {"status": "built", "deployed_version": version, "created_at": instant()}

        def act(tenant: Tenant) -> None:
            tenant.put("action", thing["id"], name, thing)
            if bound:
                place = {
                    "id": f"bind_{name}",
                    "trigger_id": "post-login",
                    "action_id": thing["id"],
                    "display_name": name,
                }
                tenant.put("binding", place["id"], "", place)

        self._tenant(act)

    def edit_action(self, name: str, code: str) -> None:
        """Change an action's draft as a person does in the editor; it is not deployed."""

        def act(tenant: Tenant) -> None:
            (thing,) = tenant.named("action", name)
            tenant.put("action", thing["id"], name, {**thing, "code": code, "all_changes_deployed": False})

        self._tenant(act)

    def flow(self) -> list[str]:
        """The names of the login flow, in its order."""
        return [binding["display_name"] for binding in self._tenant(flow)]

    def invited(self) -> list[str]:
        """Who was sent an e-mail to choose a password."""
        found = self._call(lambda world: world.store.setting("auth0_invited") or "")
        return str(found).splitlines()

    def rotate_key(self) -> str:
        """Sign with a new key; gives its certificate, PEM."""
        made: str = self._tenant(lambda tenant: tenant.rotate_key().certificate_pem)
        return made

    def certificate(self) -> str:
        """The certificate of the key that signs, PEM."""
        made: str = self._tenant(lambda tenant: tenant.key().certificate_pem)
        return made

    def token(self, *scopes: str, life: float = 3600) -> str:
        """A Management token that may do this alone."""
        made: str = self._tenant(lambda tenant: new_token(tenant, scopes, life=life))
        return made

    def limit(self, *, requests: int, seconds: float, used: int = 0) -> None:
        """Another rate limit."""
        self._tenant(lambda tenant: tenant.rate.set(limit=requests, seconds=seconds, used=used))

    def allow_actions(self, most: int) -> None:
        """The tenant's plan allows so many actions."""
        self._tenant(lambda tenant: setattr(tenant, "most_actions", most))

    def grant(self, scopes: Iterable[str]) -> None:
        """New tokens may do this alone."""
        self._tenant(lambda tenant: setattr(tenant, "scopes", tuple(scopes)))

    def _tenant(self, action: Callable[[Tenant], T]) -> Any:
        return self._call(lambda world: action(world.auth0))


def environment(url: str) -> dict[str, str]:
    """The variables that make a client use the tenant of the sandbox at `url`."""
    domain = url.removeprefix("http://")
    return {"AUTH0_DOMAIN": domain, "AUTH0_CLIENT_ID": CLIENT_ID, "AUTH0_CLIENT_SECRET": CLIENT_SECRET}
