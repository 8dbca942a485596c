"""Writing a Worker: attributes by read, merge and write under If-Match, channels one by one.

Whatever the merge does not name stays as it is, and whoever wrote in between is noticed: a 412 is read again and
worked out again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from flexres.apply.users.context import Workers
from flexres.desired.model import DesiredUser
from flexres.errors import FlexresError, LostAnswerError, PreconditionError
from flexres.live import exact_json
from flexres.live.exact_json import Edit
from flexres.live.model import Worker, WorkerChannel

ATTEMPTS: Final = 8
"""How often an edit is worked out again before it is given up: somebody else keeps writing."""


async def edit_attributes(workers: Workers, sid: str, edit: Edit, *, read: Worker | None = None) -> Worker:
    """Apply `edit` to the Worker's attributes; nothing is sent when it changes nothing, nor what it does not change.

    `read` spares the first fetch if it was fetched just now. Raises what the wire raises, and FlexresError when
    the attributes are not a JSON object, become longer than TaskRouter keeps, or somebody else writes every time.
    """
    worker = read if read is not None and read.etag is not None else await workers.fetch(sid)
    for _ in range(ATTEMPTS):
        text = _edited(worker, edit)
        if text == worker.text:
            return worker
        _check_length(worker.text, text)
        try:
            return await workers.update(sid, text, if_match=worker.etag)
        except (PreconditionError, LostAnswerError):
            worker = await workers.fetch(sid)
    raise FlexresError(f"somebody else changed this Worker during each of {ATTEMPTS} attempts", hint="run it again")


def _check_length(before: str, text: str) -> None:
    size = exact_json.length(text)
    if size > max(exact_json.LONGEST, exact_json.length(before)):
        raise FlexresError(
            f"the Worker's attributes would make {size:,} characters of JSON with our marker, and TaskRouter keeps "
            f"{exact_json.LONGEST:,}: others have put more there since the plan",
            hint="declare less, or have something taken out that others put there",
        )


def _edited(worker: Worker, edit: Edit) -> str:
    decoded(worker)
    try:
        return exact_json.edited(worker.text, edit)
    except ValueError as error:
        raise FlexresError(f"the Worker's attributes would be no JSON: {error}", hint="plan again") from None


def decoded(worker: Worker) -> dict[str, Any]:
    """The Worker's exact_json, numbers as they were written. Raises FlexresError when they cannot be read."""
    if worker.attributes() is None:
        raise FlexresError(
            "the Worker's attributes are not a JSON object, or nest too deep to be read", hint="mend them in Console"
        )
    return exact_json.decode(worker.text)


async def write_channels(workers: Workers, sid: str, user: DesiredUser, carried: Mapping[str, WorkerChannel]) -> None:
    """Make the Worker's channels as the YAML has them; `carried` are settings of an old Worker to keep besides.

    Raises FlexresError when the Workspace has no such task channel.
    """
    if not user.channels and not carried:
        return
    live = await workers.channels(sid)
    for name in sorted({*user.channels, *carried}):
        declared, old, found = user.channels.get(name), carried.get(name), live.get(name)
        if found is None:
            if declared is None:
                continue
            known = ", ".join(sorted(live)) or "none"
            raise FlexresError(f"the Workspace has no task channel {name!r}", hint=f"its task channels: {known}")
        available = declared.available if declared else None
        capacity = declared.capacity if declared else None
        if old is not None:
            available = old.available if available is None else available
            capacity = old.capacity if capacity is None else capacity
        new_available = None if available == found.available else available
        new_capacity = None if capacity == found.capacity else capacity
        if new_available is not None or new_capacity is not None:
            await workers.update_channel(sid, found.sid, available=new_available, capacity=new_capacity)
