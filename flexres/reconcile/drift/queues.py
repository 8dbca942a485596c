"""The task queues that lost somebody because Flex was changed: what drift has to do with routing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from flexres.reconcile.change import UserChange
from flexres.reconcile.drift.findings import FIXED
from flexres.reconcile.drift.fix import drifted
from flexres.reconcile.plan import Plan
from flexres.routing.coverage import QueueCoverage


@dataclass(frozen=True, slots=True)
class LostQueue:
    """A queue, and who is not in it any more by a change in Flex."""

    coverage: QueueCoverage
    usernames: tuple[str, ...]


def lost_queues(plan: Plan) -> tuple[LostQueue, ...]:
    """The queues that would get somebody back if what others changed in Flex were put back."""
    return tuple(_lost(plan))


def _lost(plan: Plan) -> Iterator[LostQueue]:
    by_others = {change.username for change in plan.users if _is_only_drift(change)}
    for one in plan.routing.changed if plan.routing else ():
        names = tuple(name for name in one.gains if name in by_others)
        if names:
            yield LostQueue(one, names)


def _is_only_drift(change: UserChange) -> bool:
    """Whether nothing that git changed has a part in it: then it is certain what took them out of a queue."""
    return drifted(change) and all(field.cause in FIXED for field in change.fields if field.writes)
