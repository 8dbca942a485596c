"""Experiments on reading, protections and leaving: ETags, lists, pages, tokens, and what Deprovision leaves."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any, Final

from flexres.errors import FlexresError
from flexres.live.http.transport import path
from flexres.verify.lab import Experiment, Finding, Lab, Subject

_PAGE: Final = 1001
_LONG: Final = 86_400
_SHORT: Final = 60
_SLACK: Final = 60


async def _etag(lab: Lab) -> Finding:
    subject = await lab.subject({})
    etag = (await lab.ask("GET", "taskrouter", lab.worker_path(subject.worker))).etag
    if etag is None:
        mind = "somebody who writes between our reading and our writing is overwritten unseen"
        return Finding("absent", "a Worker has no ETag", safe=False, mind=mind)
    kind = "quoted" if '"' in etag else "bare"
    return Finding(kind, f"a Worker's ETag is {kind}, such as {etag}")


async def _if_match(lab: Lab) -> Finding:
    subject = await lab.subject({})
    stale = (await lab.ask("GET", "taskrouter", lab.worker_path(subject.worker))).etag
    await lab.write(subject, {"by": "somebody else"})
    seen = await lab.write(subject, {"by": "us"}, if_match=stale if stale is not None else "0")
    if seen.status == 412:
        return Finding("412", f"a stale If-Match is refused: {seen}")
    mind = "somebody who writes between our reading and our writing is overwritten unseen"
    if seen.ok:
        return Finding("ignored", f"a stale If-Match is ignored: {seen}", safe=False, mind=mind)
    return Finding(
        str(seen.status), f"a stale If-Match is refused in another way: {seen}", mind="reported, not repeated"
    )


async def _list_attributes(lab: Lab) -> Finding:
    await lab.subject({"level": 3})
    seen = await lab.ask("GET", "taskrouter", lab.worker_path(), params={"FriendlyName": lab.name()})
    workers = seen.body.get("workers") if isinstance(seen.body, dict) else None
    if not isinstance(workers, list) or not workers:
        raise FlexresError(f"the list of Workers does not show the new one ({seen})")
    attributes = workers[0].get("attributes")
    if attributes is None or attributes == "{}":
        value = "null" if attributes is None else "empty"
        mind = "a plan fetches every Worker by itself: a request for each user"
        return Finding(value, f"attributes are {value} in lists of Workers", mind=mind)
    return Finding("text", "lists of Workers hold their attributes")


async def _page_size(lab: Lab) -> Finding:
    where = path("v1", "Instances", lab.instance.sid, "Users")
    seen = await lab.ask("GET", "flex-api", where, params={"PageSize": str(_PAGE)})
    if not seen.ok:
        return Finding("refused", f"PageSize {_PAGE} is refused: {seen}")
    meta: Any = seen.body.get("meta") or {}
    size = meta.get("page_size")
    return Finding("granted" if size == _PAGE else "capped", f"PageSize {_PAGE} gives pages of {size}")


async def _token_status(lab: Lab) -> Finding:
    subject = await lab.subject({})
    seen = await lab.ask("POST", "flex-api", lab.user_path(subject.sid, "Tokens"), json={"ttl": _SHORT})
    return Finding(str(seen.status), f"minting a token answers {seen}")


async def _token_ttl(lab: Lab) -> Finding:
    subject = await lab.subject({})
    seen = await lab.ask("POST", "flex-api", lab.user_path(subject.sid, "Tokens"), json={"ttl": _LONG})
    if not seen.ok:
        return Finding("refused", f"a token for {_LONG:,} seconds is refused: {seen}")
    left = _seconds_left(lab, seen.body)
    if left is None:
        return Finding("unsaid", "the answer does not say when the token expires")
    granted = left >= _LONG - _SLACK
    return Finding("granted" if granted else "shortened", f"a token for {_LONG:,} seconds lives about {left:,.0f}")


def _seconds_left(lab: Lab, body: Any) -> float | None:
    info = body.get("token_info") if isinstance(body, dict) else None
    text = info.get("expiration") if isinstance(info, dict) else None
    try:
        return (datetime.fromisoformat(str(text)) - lab.transport.timing.now()).total_seconds()
    except (ValueError, TypeError):
        return None


EXPERIMENTS = (
    Experiment(
        "worker_etag",
        "Has a Worker an ETag, and of what form?",
        "Sent back exactly as it came; without one, attributes are read just before they are written.",
        _etag,
    ),
    Experiment(
        "if_match",
        "What does a Worker update with a stale If-Match answer?",
        "412: read again, worked out again, up to eight times. Any other refusal is reported.",
        _if_match,
    ),
    Experiment(
        "list_attributes",
        "Do lists of Workers hold the attributes, null, or an empty object?",
        "Null and an empty object mean unknown in a list: that Worker is fetched by itself.",
        _list_attributes,
    ),
    Experiment(
        "page_size",
        "What does the list of users answer to a PageSize above 1,000?",
        "Pages of 1,000, and `next_page_url` is followed whatever the page's size came to.",
        _page_size,
    ),
    Experiment(
        "token_status",
        "Which status does minting a token answer?",
        "Any status below 400 is taken for done.",
        _token_status,
    ),
    Experiment(
        "token_ttl",
        "How long may a token live?",
        "The ttl is sent as asked for; a refusal is shown with Twilio's message.",
        _token_ttl,
    ),
)


async def _gone(lab: Lab) -> Subject:
    """A throwaway user who was just deactivated."""
    subject = await lab.subject({})
    seen = await lab.deprovision(subject.sid)
    if not seen.ok:
        raise FlexresError(f"Deprovision answered {seen}")
    return subject


async def _get(lab: Lab) -> Finding:
    subject = await _gone(lab)
    seen = await lab.ask("GET", "flex-api", lab.user_path(subject.sid))
    if not seen.ok:
        return Finding(str(seen.status), f"reading a deactivated user by SID answers {seen}")
    deactivated, worker = seen.body.get("deactivated"), seen.body.get("worker_sid")
    return Finding(str(seen.status), f"{seen.status}, with deactivated {deactivated} and Worker {worker}")


async def _repeat(lab: Lab) -> Finding:
    subject = await _gone(lab)
    seen = await lab.deprovision(subject.sid)
    return Finding(str(seen.status), f"a second Deprovision answers {seen}")


async def _unknown_sid(lab: Lab) -> Finding:
    seen = await lab.deprovision("FU" + secrets.token_hex(16))
    return Finding(str(seen.status), f"Deprovision of a user who never was answers {seen}")


async def _lookup(lab: Lab) -> Finding:
    await _gone(lab)
    seen = await lab.ask("GET", "flex-api", lab.user_path(), params={"Username": lab.name()})
    users = seen.body.get("users") if isinstance(seen.body, dict) else None
    if not isinstance(users, list):
        raise FlexresError(f"the lookup answered {seen}")
    if not users:
        return Finding("not found", "a deactivated user is not found by username")
    said = "says so" if "deactivated" in users[0] else "does not say so"
    return Finding("found", f"a deactivated user is found by username, and the answer {said}")


async def _reactivation(lab: Lab) -> Finding:
    subject = await _gone(lab)
    again = await lab.subject_of(await lab.provision())
    worker = "another Worker" if again.worker != subject.worker else "the same Worker SID"
    if again.sid == subject.sid:
        return Finding("same user", f"the same Flex user comes back, with {worker}")
    return Finding("another user", f"another Flex user is made beside the deactivated one, with {worker}")


LEAVING = (
    Experiment(
        "deactivated_get",
        "What does reading a user by SID answer after Deprovision?",
        "200 with `deactivated` and 404 both mean: gone.",
        _get,
    ),
    Experiment(
        "deprovision_repeat",
        "What does a second Deprovision answer?",
        "Any success and 404 mean: gone. After a lost answer the user is read first.",
        _repeat,
    ),
    Experiment(
        "deprovision_unknown",
        "What does Deprovision answer for a SID that nobody has?",
        "404 means gone; any other refusal is reported with Twilio's message.",
        _unknown_sid,
    ),
    Experiment(
        "lookup_deactivated",
        "Does the lookup by username find deactivated users?",
        "What it does not show as active is looked for in the whole list before it counts as absent.",
        _lookup,
    ),
    Experiment(
        "reactivation",
        "Does Provision of a deactivated username bring back the same Flex user?",
        "Users are told apart by username, and an active one counts before a deactivated one of the same name. "
        "Nobody is brought back without approval.",
        _reactivation,
    ),
)
