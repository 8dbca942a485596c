"""How long the text of a Worker's attributes would be: all of it, marker, white space and other people's included."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flexres.desired.model import DesiredUser
from flexres.errors import FlexresError
from flexres.live import exact_json
from flexres.live.model import LiveUser
from flexres.live.taskrouter.attributes import LONGEST, edited, length
from flexres.reconcile.diff import Scope, marker_for
from flexres.reconcile.marker import Marker
from flexres.reconcile.worker_attributes import handed_over, write_declared
from flexres.values import Json

_ROOM = 200
"""Characters of names and brackets that the quick count leaves for."""


def too_long(
    desired: DesiredUser,
    live: LiveUser | None,
    marker: Marker | None,
    scope: Scope,
    commit_time: int | None,
    *,
    old: LiveUser | None = None,
) -> str:
    """Why the attributes cannot be written, with the numbers where TaskRouter lacks the room; empty where they can.

    For who has no Worker yet, what Flex writes for everybody counts too: name, address, roles, contact address.
    """
    worker = live.worker if live is not None else None
    text = worker.text if worker is not None else _as_made(desired)
    ours = marker_for(desired, scope, commit_time).text()
    given = old.worker.text if old is not None and old.worker is not None else ""
    if length(text) + length(given) + _declared(desired) + len(ours) + _ROOM <= LONGEST:
        return ""
    carried = handed_over(exact_json.loads(given), desired, scope) if given else None

    def edit(attributes: dict[str, Any]) -> None:
        write_declared(attributes, desired, marker, scope, commit_time, carried=carried)

    try:
        size = length(edited(text, edit))
    except FlexresError as error:
        return f"{error.message}; {error.hint}"
    if size <= max(LONGEST, length(text)):
        return ""
    return (
        f"the Worker's attributes would make {size:,} characters of JSON, {len(ours):,} of them our marker, and "
        f"TaskRouter keeps {LONGEST:,}; declare less, or have something taken out that others put there"
    )


def _declared(user: DesiredUser) -> int:
    """The most characters that the declared attributes and skills can add."""
    skills = user.skills or {}
    declared: dict[str, Json] = {"attributes": user.attributes, "skills": list(skills), "levels": dict(skills)}
    return length(exact_json.dumps(declared))


def _as_made(user: DesiredUser) -> str:
    """What Flex writes by itself on a new Worker, as far as that is known."""
    flex: Mapping[str, Json] = {
        "full_name": user.full_name,
        "email": user.email,
        "roles": user.roles,
        "contact_uri": "client:"
        + "".join(letter if letter.isalnum() else f"_{ord(letter):02X}" for letter in user.username),
    }
    return exact_json.dumps(flex)
