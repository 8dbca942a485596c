"""Everything of a tenant that a plan needs, read side by side: the provider's `IdpState`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

from flexres.desired.model import StackConfig
from flexres.idp.auth0.answers import wanted_of
from flexres.idp.auth0.client import Auth0
from flexres.idp.auth0.transport import Auth0Transport, from_environment
from flexres.live.credentials import endpoint, max_connections
from flexres.live.http.retrying import together
from flexres.reconcile.idp.model import Action, Application, Binding, Connection, IdpState, IdpUser, IdpWanted, Signing
from flexres.reconcile.idp.setup import chosen_application
from flexres.values import fold_case


class IdentityProvider:
    """A stack's Auth0: what the YAML wants of it, and the client that reads and writes it.

    `connect` is called when something is to be sent for the first time: commands that ask nothing of the provider
    need no credentials for it.
    """

    def __init__(self, wanted: IdpWanted, connect: Callable[[], Auth0Transport]) -> None:
        self.wanted = wanted
        self._connect = connect
        self._client: Auth0 | None = None

    @property
    def client(self) -> Auth0:
        """The client. Raises SetupError when the environment lacks credentials, or names another tenant."""
        if self._client is None:
            self._client = Auth0(self._connect())
        return self._client

    async def signing(self) -> Signing | None:
        """What Flex has to know of the provider; None while there is no application with a SAML2 add-on."""
        chosen = chosen_application(self.wanted, await self._applications())
        if chosen is None or chosen.addon is None:
            return None
        return await self.client.signing(chosen.client_id, self.wanted.connection)

    async def _applications(self) -> list[Application]:
        return [one for one in await self.client.applications() if _may_be_meant(self.wanted, one)]

    @property
    def sent(self) -> int:
        """How many requests were sent so far."""
        return self._client.transport.sent if self._client is not None else 0

    async def aclose(self) -> None:
        """Close the connections, if there are any."""
        if self._client is not None:
            await self._client.transport.aclose()

    async def read(self) -> IdpState:
        """The tenant as it is now, with all users of the connection."""
        transport, wanted = self.client.transport, self.wanted
        started, sent = transport.timing.monotonic(), transport.sent
        applications: list[Application] = []
        signing: list[Signing | None] = []
        actions: list[Action] = []
        flow: list[Binding] = []
        connections: list[Connection] = []
        users: list[IdpUser] = []

        async def read_application() -> None:
            applications.extend(await self._applications())
            chosen = chosen_application(wanted, applications)
            if chosen is not None and chosen.addon is not None:
                signing.append(await self.client.signing(chosen.client_id, wanted.connection))

        async def read_action() -> None:
            found = await self.client.actions()
            actions.extend(one for one in found if wanted.owner == one.owner or wanted.action == one.name)

        async def read_flow() -> None:
            flow.extend(await self.client.flow())

        async def read_users() -> None:
            connections.extend(await self.client.connections())
            for one in connections:
                if one.name == wanted.connection:
                    users.extend(await self.client.users(one))

        await together(read_application(), read_action(), read_flow(), read_users())
        return IdpState(
            applications=tuple(applications),
            actions=tuple(actions),
            flow=tuple(flow),
            connection=next((one for one in connections if one.name == wanted.connection), None),
            others=tuple(one for one in connections if one.name != wanted.connection),
            users=_by_address(users),
            signing=signing[0] if signing else None,
            requests=transport.sent - sent,
            seconds=transport.timing.monotonic() - started,
        )


def _may_be_meant(wanted: IdpWanted, one: Application) -> bool:
    return one.name == wanted.application or one.owner == wanted.owner or one.client_id == wanted.client_id


def _by_address(users: list[IdpUser]) -> dict[str, tuple[IdpUser, ...]]:
    found: dict[str, tuple[IdpUser, ...]] = {}
    for user in users:
        address = fold_case(user.email)
        found[address] = (*found.get(address, ()), user)
    return found


@asynccontextmanager
async def open_provider(
    stack: str, config: StackConfig, *, environ: Mapping[str, str], read_only: bool
) -> AsyncIterator[IdentityProvider | None]:
    """The stack's identity provider, None where none is managed; nothing is sent yet."""
    idp = config.idp
    if idp is None or config.sso is None:
        yield None
        return

    def connect() -> Auth0Transport:
        tenant = from_environment(stack, idp.domain, environ)
        return Auth0Transport(tenant, read_only=read_only, max_connections=max_connections(environ))

    wanted = wanted_of(config, idp, config.sso, login=endpoint(config.endpoint, environ))
    provider = IdentityProvider(wanted, connect)
    try:
        yield provider
    finally:
        await provider.aclose()
