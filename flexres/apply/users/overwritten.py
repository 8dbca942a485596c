"""Somebody who was there although the last look showed nobody: what Provision overwrote is put back, and told.

Provision answers alike for whom it makes and whom it changes, and no API tells a profile of before. TaskRouter's Events
tell what a Worker knew before our marker was written, roles, full name and address included.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from flexres.apply.users.context import Context, Users
from flexres.apply.users.worker import decoded, edit_attributes
from flexres.errors import FlexresError
from flexres.live.exact_json import decode
from flexres.live.model import FlexUser, LiveUser
from flexres.reconcile.marker import ATTRIBUTE
from flexres.values import ABSENT, same

_OLDER: Final = timedelta(minutes=1)
"""Who is written so long after they were made was there before; less may be Flex's way of making somebody."""


async def check_made(context: Context, found: FlexUser, planned: LiveUser | None, markers: Sequence[str]) -> None:
    """Look at the answer to the Provision that was to make a Worker with one of `markers`, and give back what it took.

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
    """Write back profile and attributes as they were. Raises FlexresError in any case, and says how far that went."""
    context.journal.before(found.username, text)
    what = "came to exist in Flex since the plan, and Provision overwrote them"
    try:
        profile = await _give_back_profile(context.users, found, known)
        worker_sid = found.worker_sid or ""
        written = await context.workers.fetch(worker_sid)
        ours = decoded(written)

        def edit(attributes: dict[str, Any]) -> None:
            for name in {*ours, *known}:
                if name in known:
                    attributes[name] = known[name]
                elif same(attributes.get(name, ABSENT), ours[name]):
                    attributes.pop(name, None)

        await edit_attributes(context.workers, worker_sid, edit, read=written)
    except FlexresError as error:
        raise FlexresError(
            f"{what}; what they had is in the journal, and could not be put back: {error.message}",
            hint="put it back in Console, then plan again",
        ) from error
    kept = "" if profile else "; roles, full name and address were not told, so look at those"
    raise FlexresError(
        f"{what}: their attributes{' and profile' * profile} are as before again{kept}", hint="plan again"
    )


async def _give_back_profile(users: Users, found: FlexUser, known: Mapping[str, Any]) -> bool:
    """Write the profile that Flex keeps on the Worker too; whether it is told there whole."""
    full_name, email, roles = known.get("full_name"), known.get("email"), known.get("roles")
    told = isinstance(full_name, str) and isinstance(email, str) and full_name and email
    if not told or not isinstance(roles, list) or not roles or not all(isinstance(role, str) for role in roles):
        return False
    if (found.full_name, found.email, sorted(found.roles)) != (full_name, email, sorted(roles)):
        await users.provision(username=found.username, full_name=str(full_name), email=str(email), roles=roles)
    return True


def _was_there(found: FlexUser) -> bool:
    try:
        created, updated = (datetime.fromisoformat(date or "") for date in (found.created_date, found.updated_date))
        return updated - created > _OLDER
    except (ValueError, TypeError):  # a date that is missing, is none, or names no zone
        return False
