"""Somebody who was there although the last look showed nobody: attributes that Provision took are put back, and told.

Provision answers alike for whom it makes and whom it changes, and no API tells a profile of before. TaskRouter's Events
tell what a Worker knew before our marker was written. What they tell of roles, full name and address is told on, and
never written: agents can edit their own attributes, so that would make an admin of whoever says to be one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from flexres.apply.users.context import Context
from flexres.apply.users.worker import decoded, edit_attributes
from flexres.errors import FlexresError
from flexres.live.exact_json import decode, dumps
from flexres.live.model import FlexUser, LiveUser
from flexres.reconcile.marker import ATTRIBUTE
from flexres.values import ABSENT, Json, same

_OLDER: Final = timedelta(minutes=1)
"""Who is written so long after they were made was there before; less may be Flex's way of making somebody."""

_LONGEST_TOLD: Final = 100
"""Characters of each part of a former profile that an outcome tells; the journal has all of it."""


async def check_made(context: Context, found: FlexUser, planned: LiveUser | None, markers: Sequence[str]) -> None:
    """Look at the answer to the Provision that was to make a Worker with `markers`; give back attributes it took.

    Raises FlexresError where somebody was there before, with what was overwritten and what became of it.
    """
    if not context.newcomers.suspects(found):
        return
    before = await _known_before(context, found, markers)
    if before is not None:
        await _give_back(context, found, *before)
    elif planned is None and _was_there(found):
        raise FlexresError(
            f"is in Flex since {found.created_date} although no list said so; Provision changed their profile, and "
            "no Event of TaskRouter tells what it was",
            hint="look at their history in Console, then plan again",
        )
    elif planned is None:
        context.newcomers.made(found)


async def _known_before(context: Context, found: FlexUser, markers: Sequence[str]) -> tuple[str, dict[str, Any]] | None:
    """What the Worker knew last without any of `markers`, as text and decoded, where Provision took something of it."""
    if found.worker_sid is None:
        return None
    events = (await context.workers.history(found.worker_sid, until=context.as_of)).events
    now = decoded(await context.workers.fetch(found.worker_sid))
    for event in events:
        try:
            known = decode(event.attributes or "")
        except ValueError:
            continue
        if known.get(ATTRIBUTE) not in markers:
            taken = any(not same(now.get(name, ABSENT), value) for name, value in known.items())
            return (event.attributes or "", known) if taken else None
    return None


async def _give_back(context: Context, found: FlexUser, text: str, known: Mapping[str, Any]) -> None:
    """Write back the attributes as they were. Raises FlexresError in any case, and says how far that went.

    Roles, full name and address are told and left: agents can edit what their Worker says of them.
    """
    context.journal.before(found.username, text)
    what = "came to exist in Flex since the plan, and Provision overwrote them"
    profile: dict[str, Any] = {
        "full_name": found.full_name,
        "email": found.email,
        "roles": sorted(found.roles),
    }
    try:
        worker_sid = found.worker_sid or ""
        written = await context.workers.fetch(worker_sid)
        ours = decoded(written)

        def edit(attributes: dict[str, Any]) -> None:
            for name in {*ours, *known}:
                if name in profile:
                    attributes.setdefault(name, profile[name])
                elif name in known:
                    attributes[name] = known[name]
                elif same(attributes.get(name, ABSENT), ours[name]):
                    attributes.pop(name, None)

        await edit_attributes(context.workers, worker_sid, edit, read=written)
    except FlexresError as error:
        raise FlexresError(
            f"{what}; what they had is in the journal, and could not be put back: {error.message}",
            hint="put it back in Console, then plan again",
        ) from error
    raise FlexresError(f"{what}: their attributes are as before again{_left(profile, known)}", hint="plan again")


def _left(profile: Mapping[str, Any], known: Mapping[str, Any]) -> str:
    """What is not given back: the profile as it is now, and what the Worker said of it."""
    now = ", ".join(f"{name} {_told(value)}" for name, value in profile.items())
    before = ", ".join(f"{name} {_told(known[name])}" for name in profile if name in known) or "nothing of it"
    return f"; their profile is not, and is now {now}. Their Worker, which they can edit themselves, said {before}"


def _told(value: Json) -> str:
    text = dumps(value)
    return text if len(text) <= _LONGEST_TOLD else f"{text[:_LONGEST_TOLD]}…"


def _was_there(found: FlexUser) -> bool:
    try:
        created, updated = (datetime.fromisoformat(date or "") for date in (found.created_date, found.updated_date))
        return updated - created > _OLDER
    except (ValueError, TypeError):  # a date that is missing, is none, or names no zone
        return False
