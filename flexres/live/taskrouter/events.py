"""The Events of TaskRouter: who changed a Worker when, as far as Twilio still keeps it; read for drift."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from flexres.errors import FlexresError
from flexres.live.http.answers import JsonObject
from flexres.live.http.transport import Transport, pages, path
from flexres.live.model import History, WorkerEvent

KEPT: Final = timedelta(days=30)
"""So far back is asked. How long Twilio keeps Events of Workers is unpublished; without a date it tells 15 minutes."""

_MOST_PAGES: Final = 10


async def history_of(transport: Transport, workspace: str, worker: str, *, until: datetime) -> History:
    """What changed one Worker in the last days, by one request. That it cannot be read is told in the value.

    Nobody says whether Events come the latest first. Where more happened than one page holds, and it begins with
    the earliest, the page tells nothing of what happened last.
    """
    since = (until - KEPT).astimezone(UTC)
    query = [("WorkerSid", worker), ("StartDate", f"{since:%Y-%m-%dT%H:%M:%SZ}")]
    listing = pages(transport, "taskrouter", path("v1", "Workspaces", workspace, "Events"), key="events", query=query)
    try:
        async for response, items in listing:
            read = [event for item in items if (event := _event(item)) is not None and event.worker == worker]
            meta = response.object().get("meta")
            more = isinstance(meta, dict) and bool(meta.get("next_page_url"))
            if more and read and read[0].at <= read[-1].at:
                return History(unread="more happened to them than one request tells")
            return History(tuple(sorted(read, key=lambda event: event.at, reverse=True)))
    except FlexresError as error:
        return History(unread=error.message)
    return History()


async def changed_lately(transport: Transport, workspace: str, kind: str, *, until: datetime) -> frozenset[str]:
    """The SIDs of Workers of whom there is an Event of this kind, as far as some pages of them tell: never all.

    Where they cannot be read, none: who wants to be sure looks at the Workers themselves.
    """
    query = [("EventType", kind), ("StartDate", f"{(until - KEPT).astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}")]
    listing = pages(transport, "taskrouter", path("v1", "Workspaces", workspace, "Events"), key="events", query=query)
    found: set[str] = set()
    left = _MOST_PAGES
    try:
        async for _, items in listing:
            found.update(str(item.get("resource_sid")) for item in items)
            left -= 1
            if not left:
                break
    except FlexresError:
        return frozenset()
    return frozenset(found)


def _event(item: JsonObject) -> WorkerEvent | None:
    """One Event; None for what cannot be read as that of a Worker: it tells nothing, and stops nothing."""
    data = item.get("event_data")
    at = _moment(item)
    if not isinstance(item.get("sid"), str) or at is None or not isinstance(data, dict):
        return None
    attributes = data.get("worker_attributes")
    return WorkerEvent(
        sid=item["sid"],
        type=_text(item.get("event_type")),
        at=at,
        worker=_text(item.get("resource_sid")) or _text(data.get("worker_sid")),
        actor=_text(item.get("actor_sid")),
        actor_type=_text(item.get("actor_type")),
        source=_text(item.get("source")),
        address=_text(item.get("source_ip_address")),
        attributes=attributes if isinstance(attributes, str) else None,
        channel=_text(data.get("task_channel_unique_name")),
        available={"true": True, "false": False}.get(_text(data.get("worker_channel_available")).lower()),
        capacity=_number(data.get("worker_channel_capacity")),
        previous_capacity=_number(data.get("worker_channel_previous_capacity")),
    )


def _moment(item: JsonObject) -> datetime | None:
    """When it happened: to the millisecond where Twilio tells that, for the order of two within a second matters."""
    exact, text = item.get("event_date_ms"), item.get("event_date")
    try:
        if type(exact) is int:
            return datetime.fromtimestamp(exact / 1000, UTC)
        found = datetime.fromisoformat(str(text))
    except (ValueError, OverflowError, OSError):
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _text(value: Any) -> str:
    """A value of an Event's data as text: samples have numbers and booleans both as such and as texts."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, str | int) else ""


def _number(value: Any) -> int | None:
    text = _text(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else None
