"""A sandbox for each test, in memory, and a bare HTTP client that speaks to it: no code of flexres' client side."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from twilio.rest import Client

from flexres.sandbox.identity import DEFAULT
from flexres.sandbox.server import Sandbox
from tests.sandbox.twilio_package import SandboxHttpClient

PERSON = {"username": "ana@example.com", "full_name": "Ana Ruiz", "email": "ana@example.com", "roles": ["agent"]}


class Wire:
    """The sandbox's paths, by name, for one client."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client
        self.v1_users = f"/v1/Instances/{DEFAULT.instance_sid}/Users"
        self.v2_users = f"/v2/Instances/{DEFAULT.instance_sid}/Users"
        self.v4_users = f"/v4/Instances/{DEFAULT.instance_sid}/Users"
        self.workspace = f"/v1/Workspaces/{DEFAULT.workspace_sid}"
        self.workers = f"{self.workspace}/Workers"

    def get(self, path: str, /, **parameters: Any) -> httpx.Response:
        return self.client.get(path, params=parameters or None)

    def post(self, path: str, **keywords: Any) -> httpx.Response:
        return self.client.post(path, **keywords)

    def provision(self, attributes: Any = None, **changes: Any) -> httpx.Response:
        worker = {} if attributes is None else {"attributes": attributes}
        return self.client.post(f"{self.v4_users}/Provision", json={**PERSON, "worker": worker, **changes})

    def deprovision(self, flex_user_sid: str) -> httpx.Response:
        return self.client.post(f"{self.v4_users}/Deprovision", json={"flex_user_sid": flex_user_sid})

    def worker_of(self, username: str = PERSON["username"]) -> dict[str, Any]:
        [worker] = self.get(self.workers, FriendlyName=username).json()["workers"]
        return self.get(f"{self.workers}/{worker['sid']}").json()


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """An empty sandbox."""
    with Sandbox() as running:
        yield running


@pytest.fixture
def client_of() -> Iterator[Callable[..., httpx.Client]]:
    """Makes HTTP clients for a sandbox, by default with the API key, and closes them."""
    clients: list[httpx.Client] = []

    def make(sandbox: Sandbox, auth: tuple[str, str] | None = (DEFAULT.api_key, DEFAULT.api_secret)) -> httpx.Client:
        clients.append(httpx.Client(base_url=sandbox.url, auth=auth, trust_env=False, timeout=20))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def wire(sandbox: Sandbox, client_of: Callable[..., httpx.Client]) -> Wire:
    """The wire of an empty sandbox."""
    return Wire(client_of(sandbox))


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[Client]:
    """Twilio's client, with the sandbox's API key."""
    http_client = SandboxHttpClient(sandbox.url)
    yield Client(DEFAULT.api_key, DEFAULT.api_secret, DEFAULT.account_sid, http_client=http_client)
    http_client.session.close()


@pytest.fixture
def workspace(client):
    """The Workspace, as the package names it."""
    return client.taskrouter.v1.workspaces(DEFAULT.workspace_sid)
