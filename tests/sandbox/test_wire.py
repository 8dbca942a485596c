"""What holds for every service: credentials, error bodies, headers, foreign SIDs."""

from __future__ import annotations

import base64
import json

import pytest

from flexres.sandbox.identity import DEFAULT

PERSON = {"username": "ana", "full_name": "Ana", "email": "a@example.com", "roles": ["agent"]}


@pytest.mark.parametrize("auth", [(DEFAULT.account_sid, DEFAULT.auth_token), (DEFAULT.api_key, DEFAULT.api_secret)])
def test_account_token_and_api_key_are_both_accepted(sandbox, client_of, auth):
    """Both pairs of credentials open the API."""
    assert client_of(sandbox, auth).get("/v1/Configuration").status_code == 200


@pytest.mark.parametrize(
    "auth",
    [None, (DEFAULT.account_sid, "wrong"), (DEFAULT.api_key, DEFAULT.auth_token), ("AC" + "9" * 32, "x"), ("", "")],
)
def test_other_credentials_get_401(sandbox, client_of, auth):
    """Anything else is 401 with code 20003."""
    answer = client_of(sandbox, auth).get("/v1/Configuration")

    assert (answer.status_code, answer.json()["code"], answer.json()["message"]) == (401, 20003, "Authenticate")
    assert answer.json()["more_info"] == "https://www.twilio.com/docs/errors/20003"


@pytest.mark.parametrize("header", ["Bearer abc", "Basic", "Basic %%%", "basic"])
def test_broken_authorization_headers_get_401(sandbox, client_of, header):
    """No Authorization header makes the sandbox stumble."""
    answer = client_of(sandbox, None).get("/v1/Configuration", headers={"Authorization": header})

    assert answer.status_code == 401


def test_stray_bracket_of_the_browser_sdk_is_tolerated(sandbox, client_of):
    """Twilio's SDK ends its Basic header with a bracket too many."""
    value = base64.b64encode(f"{DEFAULT.api_key}:{DEFAULT.api_secret}".encode()).decode()
    answer = client_of(sandbox, None).get("/v1/Configuration", headers={"Authorization": f"Basic {value})"})

    assert answer.status_code == 200


def test_unknown_path_is_404_with_the_path_named(wire):
    """Paths are case-sensitive, and a wrong one is 20404."""
    answer = wire.get("/v1/configuration")

    assert answer.status_code == 404
    assert answer.json() == {
        "status": 404,
        "code": 20404,
        "message": "The requested resource /v1/configuration was not found",
        "more_info": "https://www.twilio.com/docs/errors/20404",
    }


def test_unknown_path_without_credentials_is_401(sandbox, client_of):
    """Strangers do not learn which paths exist."""
    assert client_of(sandbox, None).get("/v1/Nowhere").status_code == 401


@pytest.mark.parametrize(
    "path",
    [
        "/v1/Instances/GO" + "9" * 32 + "/Users",
        "/v4/Instances/GO" + "9" * 32 + "/Users?Username=a",
        "/v4/Instances/" + DEFAULT.instance_sid + "/Users/FU" + "9" * 32,
        "/v1/Workspaces/WS" + "9" * 32,
        "/v1/Workspaces/WS" + "9" * 32 + "/Workers",
        "/v1/Workspaces/" + DEFAULT.workspace_sid + "/Workers/WK" + "9" * 32,
        "/v1/Workspaces/" + DEFAULT.workspace_sid + "/Activities/WA" + "9" * 32,
        "/v1/Workspaces/" + DEFAULT.workspace_sid + "/TaskChannels/TC" + "9" * 32,
        "/v1/Instances/" + DEFAULT.instance_sid + "/Teams/QO" + "9" * 32,
    ],
)
def test_sids_that_are_not_ours_are_404(wire, path):
    """Another instance, Workspace, user or Worker does not exist here."""
    answer = wire.get(path)

    assert (answer.status_code, answer.json()["code"]) == (404, 20404)


def test_wrong_method_is_405(wire):
    """A method that a resource does not have is refused as JSON."""
    answer = wire.client.delete("/v1/Configuration")

    assert (answer.status_code, answer.json()["code"]) == (405, 20004)


def test_every_answer_carries_twilio_headers(wire):
    """Request id, concurrency and duration come with successes and refusals."""
    for path in ("/v1/Configuration", "/v1/Nowhere"):
        headers = wire.get(path).headers
        assert headers["Twilio-Request-Id"].startswith("RQ")
        assert len(headers["Twilio-Request-Id"]) == 34
        assert headers["Twilio-Concurrent-Requests"] == "1"
        assert float(headers["Twilio-Request-Duration"]) >= 0


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b"null", b"[" * 100_000, b'{"username": "\\ud800"}'])
def test_bodies_that_are_no_json_object_are_400(wire, body):
    """A broken body is the client's mistake, said so as JSON."""
    answer = wire.post(f"{wire.v4_users}/Provision", content=body)

    assert (answer.status_code, answer.json()["code"]) == (400, 45004)


def test_text_that_utf8_cannot_hold_is_400(wire):
    """A lone surrogate gets no further than the wire."""
    body = json.dumps(PERSON | {"worker": {}, "full_name": "\ud800"})

    assert wire.post(f"{wire.v4_users}/Provision", content=body).status_code == 400


def test_error_bodies_can_be_those_of_rfc_9457(sandbox, wire):
    """The switch changes the shape of every refusal."""
    sandbox.switches(error_bodies="rfc9457")

    body = wire.get("/v1/Nowhere").json()

    assert body["type"] == "https://www.twilio.com/docs/errors/20404"
    assert (body["status"], body["code"]) == (404, 20404)
    assert "was not found" in body["title"]


def test_body_that_is_too_large_is_413(wire):
    """The sandbox does not read without end."""
    answer = wire.provision(full_name="a" * 5_000_000)

    assert answer.status_code == 413
    assert answer.json()["status"] == 413
