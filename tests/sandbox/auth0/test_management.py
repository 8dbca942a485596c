"""The sandbox's Management API by its wire: tokens and scopes, pages, exports, actions and their life, merging."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from flexres.sandbox.auth0.tenant import CLIENT_ID, CLIENT_SECRET, SCOPES
from flexres.sandbox.server import Sandbox


@pytest.fixture
def api(sandbox: Sandbox) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {sandbox.auth0.token(*SCOPES)}"}
    with httpx.Client(base_url=f"{sandbox.url}/api/v2", headers=headers, trust_env=False) as client:
        yield client


def ask(api: httpx.Client, method: str, path: str, json: Any = None, status: int = 200, **params: Any) -> Any:
    answer = api.request(method, path, json=json, params=params)
    assert answer.status_code == status, answer.text
    return answer.json()


def test_a_token_is_granted_for_client_credentials(sandbox: Sandbox) -> None:
    body = {"grant_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    body["audience"] = "https://sandbox.auth0.test/api/v2/"
    url = f"{sandbox.url}/oauth/token"
    good = httpx.post(url, json=body, trust_env=False)
    bad = httpx.post(url, json={**body, "client_secret": "x"}, trust_env=False)
    assert (good.status_code, bad.status_code) == (200, 401)
    assert "read:users" in good.json()["scope"]


def test_without_a_token_nothing_opens(sandbox: Sandbox) -> None:
    answer = httpx.get(f"{sandbox.url}/api/v2/clients", trust_env=False)
    assert (answer.status_code, answer.json()["error"]) == (401, "Unauthorized")


def test_a_missing_scope_is_named_as_auth0_names_it(sandbox: Sandbox, api: httpx.Client) -> None:
    api.headers["Authorization"] = f"Bearer {sandbox.auth0.token('read:users')}"
    said = ask(api, "GET", "/clients", status=403)
    assert said["errorCode"] == "insufficient_scope"
    assert "read:clients" in said["message"]


def test_every_answer_tells_the_rate_limit(sandbox: Sandbox, api: httpx.Client) -> None:
    sandbox.auth0.limit(requests=2, seconds=60)
    left = [api.get("/clients") for _ in range(3)]
    assert [one.status_code for one in left] == [200, 200, 429]
    assert [one.headers["x-ratelimit-remaining"] for one in left] == ["1", "0", "0"]


def test_pages_end_at_a_thousand_records(sandbox: Sandbox, api: httpx.Client) -> None:
    sandbox.auth0.seed((f"u{n:04}@example.com", f"U {n}", None) for n in range(1005))
    query = 'identities.connection:"Username-Password-Authentication"'
    last = ask(api, "GET", "/users", q=query, page=9, per_page=100, include_totals="true")
    assert (last["total"], len(last["users"])) == (1005, 100)
    assert ask(api, "GET", "/users", status=400, q=query, page=10, per_page=100)["errorCode"] == "invalid_paging"


def test_an_export_holds_them_all(sandbox: Sandbox, api: httpx.Client) -> None:
    sandbox.auth0.seed([("a@example.com", "A", {"flex": {"roles": ["agent"]}}), ("b@example.com", "B", None)])
    (connection,) = ask(api, "GET", "/connections", name="Username-Password-Authentication")
    body = {
        "connection_id": connection["id"],
        "format": "json",
        "fields": [{"name": "email"}, {"name": "app_metadata"}],
    }
    job = ask(api, "POST", "/jobs/users-exports", body)
    assert job["status"] == "pending"
    done = ask(api, "GET", f"/jobs/{job['id']}")
    lines = gzip.decompress(httpx.get(done["location"], trust_env=False).content).splitlines()
    assert [json.loads(line) for line in lines] == [
        {"email": "a@example.com", "app_metadata": {"flex": {"roles": ["agent"]}}},
        {"email": "b@example.com"},
    ]


def test_app_metadata_is_merged_at_its_first_level_alone(sandbox: Sandbox, api: httpx.Client) -> None:
    sandbox.auth0.seed([("a@example.com", "A", {"flex": {"roles": ["agent"], "x": 1}, "crm": 2})])
    user = sandbox.auth0.users()["a@example.com"]
    ask(api, "PATCH", f"/users/{user['user_id'].replace('|', '%7C')}", {"app_metadata": {"flex": {"roles": []}}})
    assert sandbox.auth0.app_metadata("a@example.com") == {"flex": {"roles": []}, "crm": 2}


def test_an_action_is_built_deployed_and_bound_in_this_order(api: httpx.Client) -> None:
    trigger = [{"id": "post-login", "version": "v3"}]
    made = ask(api, "POST", "/actions/actions", {"name": "A", "supported_triggers": trigger, "code": "1"}, 201)
    bind = {"bindings": [{"ref": {"type": "action_id", "value": made["id"]}, "display_name": "A"}]}
    path, flow = f"/actions/actions/{made['id']}", "/actions/triggers/post-login/bindings"
    assert ask(api, "POST", f"{path}/deploy", status=400)["message"].startswith("The draft must be")
    assert ask(api, "PATCH", flow, bind, 400)["errorCode"] == "invalid_action_state"
    ask(api, "GET", path)
    ask(api, "POST", f"{path}/deploy", status=202)
    (bound,) = ask(api, "PATCH", flow, bind)["bindings"]
    assert (bound["display_name"], bound["action"]["deployed_version"]["code"]) == ("A", "1")


def test_an_action_needs_a_free_name_and_a_free_place(sandbox: Sandbox, api: httpx.Client) -> None:
    body = {"name": "A", "supported_triggers": [{"id": "post-login"}], "code": ""}
    ask(api, "POST", "/actions/actions", body, 201)
    assert ask(api, "POST", "/actions/actions", body, 409)["error"] == "Conflict"
    sandbox.auth0.allow_actions(1)
    assert ask(api, "POST", "/actions/actions", {**body, "name": "B"}, 403)["errorCode"] == "too_many_entities"


def test_an_action_that_throws_stops_the_login(sandbox: Sandbox) -> None:
    sandbox.auth0.seed([("a@example.com", "A", None)])
    addons = {"samlp": {"audience": "urn:x"}}
    sandbox.auth0.add_client("c", "C", callbacks=["https://flex.example.com/acs"], addons=addons)
    sandbox.auth0.add_action("Broken", "exports.onExecutePostLogin = async (event) => event.user.app_metadata.a.b")
    page = httpx.post(f"{sandbox.url}/samlp/c", data={"username": "a@example.com"}, trust_env=False)
    assert page.status_code == 500
    assert "Broken: " in page.text
