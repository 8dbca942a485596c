"""A wire that answers from memory, and time that passes only when somebody sleeps: for tests of the client alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from flexres.live.credentials import Credentials
from flexres.live.http.retrying import Timing
from flexres.live.http.transport import Transport

ACCOUNT = "AC" + "0" * 31 + "1"
INSTANCE = "GO" + "0" * 31 + "1"
WORKSPACE = "WS" + "0" * 31 + "1"
KEY = "SK" + "0" * 31 + "1"
SECRET = "the-secret"
CREDENTIALS = Credentials(ACCOUNT, KEY, SECRET, ("TWILIO_API_KEY", "TWILIO_API_SECRET"))

Answer = httpx.Response | Exception


@dataclass
class FakeTime:
    """A clock that sleeping moves on; `slept` lists the waits. Chance is always the most that it can be."""

    slept: list[float] = field(default_factory=list)
    now: float = 0.0

    def timing(self) -> Timing:
        start = datetime(2026, 1, 1, tzinfo=UTC)
        return Timing(
            monotonic=lambda: self.now,
            now=lambda: start + timedelta(seconds=self.now),
            sleep=self.sleep,
            random=lambda: 1.0,
        )

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


class Script:
    """A handler that gives these answers in turn, the last one for ever, and keeps the requests."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        # A response can be read once, so each sending gets its own.
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)


def transport(handler: Callable[[httpx.Request], Any], *, time: FakeTime | None = None, **options: Any) -> Transport:
    """A transport whose wire is the handler and which never really sleeps."""
    wire = options.pop("wire", None) or httpx.MockTransport(handler)
    options.setdefault("credentials", CREDENTIALS)
    credentials = options.pop("credentials")
    return Transport(credentials, timing=(time or FakeTime()).timing(), wire=wire, **options)


def answer(status: int = 200, body: Any = None, **headers: str) -> httpx.Response:
    """A JSON answer; header names are written with underscores."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    content = b"" if body is None else json.dumps(body).encode()
    return httpx.Response(status, content=content, headers={"content-type": "application/json", **named})


def configuration(**changes: Any) -> dict[str, Any]:
    return {
        "account_sid": ACCOUNT,
        "status": "ok",
        "flex_instance_sid": INSTANCE,
        "taskrouter_workspace_sid": WORKSPACE,
        "taskrouter_offline_activity_sid": "WA" + "0" * 32,
        **changes,
    }


def user(number: int, **changes: Any) -> dict[str, Any]:
    """User number n, as the v1 list shows them, whose Worker is Worker number n."""
    return {
        "flex_user_sid": f"FU{number:032x}",
        "account_sid": ACCOUNT,
        "instance_sid": INSTANCE,
        "username": f"user{number}@example.com",
        "full_name": f"User {number}",
        "email": f"user{number}@example.com",
        "locale": None,
        "roles": ["agent"],
        "created_date": "2026-01-01T00:00:00Z",
        "updated_date": "2026-01-01T00:00:00Z",
        "version": 24895,
        "deactivated": False,
        "deactivated_date": None,
        "worker_sid": f"WK{number:032x}",
        "workspace_sid": WORKSPACE,
        **changes,
    }


def worker(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "sid": f"WK{number:032x}",
        "account_sid": ACCOUNT,
        "workspace_sid": WORKSPACE,
        "friendly_name": f"user{number}@example.com",
        "activity_sid": "WA" + "0" * 32,
        "activity_name": "Offline",
        "available": False,
        "attributes": json.dumps({"number": number}),
        "date_updated": "2026-01-01T00:00:00Z",
        **changes,
    }


def channel(name: str, **changes: Any) -> dict[str, Any]:
    return {
        "sid": "WC" + name.encode().hex().rjust(32, "0"),
        "task_channel_unique_name": name,
        "available": True,
        "configured_capacity": 1,
        "assigned_tasks": 0,
        **changes,
    }


def page(key: str, items: Iterable[Any], following: str | None = None) -> dict[str, Any]:
    return {key: list(items), "meta": {"key": key, "next_page_url": following, "page_size": 1000}}


class Flex:
    """A small Flex: what the lists show, and what single fetches show, can differ, as they do while others write."""

    def __init__(self, users: Iterable[dict[str, Any]], workers: Iterable[dict[str, Any]]) -> None:
        self.listed_users = list(users)
        self.listed_workers = list(workers)
        self.users = {item["flex_user_sid"]: item for item in self.listed_users}
        self.workers = {item["sid"]: item for item in self.listed_workers}
        self.found_by_username: Callable[[dict[str, Any]], bool] = lambda user: True
        self.configuration = configuration()
        self.page_size = 1000
        self.requests: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        self.requests.append(path)
        parts = path.strip("/").split("/")
        if path == "/v1/Configuration":
            return answer(200, self.configuration)
        if parts[0] == "v1" and parts[-1] == "Users":
            return self._page("users", self.listed_users, request)
        if parts[-1] == "Workers":
            return self._page("workers", self.listed_workers, request)
        if parts[-1] == "TaskChannels":
            return answer(200, page("channels", [{"unique_name": name} for name in ("voice", "chat")]))
        if parts[-1] == "Channels":
            return answer(200, page("channels", [channel("voice"), channel("chat")]))
        if parts[-1] == "Users":
            name = request.url.params["Username"]
            found = [item for item in self.users.values() if item["username"] == name and self.found_by_username(item)]
            without_worker = [{key: value for key, value in item.items() if key != "worker_sid"} for item in found]
            return answer(200, {"users": without_worker, "meta": {}})
        found_one = (self.users if parts[-2] == "Users" else self.workers).get(parts[-1])
        if found_one is None:
            return answer(404, {"code": 20404, "message": f"The requested resource {path} was not found"})
        return answer(200, found_one, etag="7")

    def _page(self, key: str, items: list[dict[str, Any]], request: httpx.Request) -> httpx.Response:
        start = int(request.url.params.get("PageToken", "0"))
        end = start + self.page_size
        following = f"https://elsewhere.example/x?PageSize=1000&PageToken={end}" if end < len(items) else None
        return answer(200, page(key, items[start:end], following))
