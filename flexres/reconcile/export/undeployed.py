"""What the YAML says and nobody has applied yet, on the way from Flex into YAML: compared three ways, kept or not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from flexres.desired.model import DesiredUser
from flexres.live.model import LiveUser, Snapshot
from flexres.reconcile.change import Cause, FieldChange
from flexres.reconcile.diff import Scope, field_changes
from flexres.reconcile.fields import facts, owns_all_skills
from flexres.reconcile.key import UNTIL
from flexres.reconcile.marker import Marker
from flexres.reconcile.restate import restated
from flexres.values import fold_case

Prefer: TypeAlias = Literal["yaml", "flex"]
"""Which side is to win wherever the YAML says what was never applied."""


@dataclass(frozen=True, slots=True)
class Undeployed:
    """A field of which the YAML says what Flex was never given: `field` is what an apply would do about it.

    `kept`: the YAML goes on saying so; otherwise it says what Flex has. `managed`: other fields of the user were
    applied before, so it is known that git changed this one.
    """

    username: str
    field: FieldChange
    kept: bool
    managed: bool


def undeployed(
    desired: DesiredUser,
    live: LiveUser,
    attributes: Mapping[str, Any],
    marker: Marker | None,
    scope: Scope,
    *,
    prefer: Prefer | None,
) -> Iterator[Undeployed]:
    """The fields that the YAML says otherwise than Flex for another reason than a change in Flex alone.

    Of somebody who is managed the YAML's are kept. Of anybody else nobody knows which side is the newer one: an
    export takes Flex's. `prefer` decides otherwise, of both.
    """
    managed = is_managed(marker)
    kept = prefer == "yaml" or (managed and prefer is None)
    for field in field_changes(desired, facts(live, attributes), marker if managed else None, scope):
        unknown = field.key.space == "channel" and live.channels is None
        told = field.key.space != "marker" or (managed and field.key == UNTIL)
        if field.writes and field.cause in _OF_GIT and told and not unknown:
            yield Undeployed(desired.username, field, kept, managed)


def is_managed(marker: Marker | None) -> bool:
    """Whether everything that the YAML said was applied once: a marker may be that of a rename that was cut short."""
    return marker is not None and not marker.begun and not marker.rename


_OF_GIT = frozenset({Cause.GIT, Cause.BOTH})


def with_kept(user: DesiredUser, declared: DesiredUser, found: list[Undeployed]) -> DesiredUser:
    """The exported user, and what is kept as it is `declared`; the last day is as it is to be already."""
    values = {one.field.key: one.field.after for one in found if one.kept}
    return restated(user, values, exact_skills=owns_all_skills(declared)) if values else user


def not_active(users: Mapping[str, DesiredUser], snapshot: Snapshot) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Declared usernames without an active user in Flex, in order: who has left, and who is yet to come.

    Flex never forgets who left: whom it has not even deactivated is new. So is whoever takes an active user's place
    by `previously`; of them an apply makes a rename, and without them it would retire that user.
    """
    active = {name for name, live in snapshot.users.items() if not live.user.deactivated}
    left = {fold_case(name) for name in snapshot.users.keys() - active}
    missing = sorted(users.keys() - active)
    gone = tuple(name for name in missing if fold_case(name) in left and users[name].previously not in active)
    return gone, tuple(name for name in missing if name not in gone)
