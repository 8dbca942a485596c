"""What time alone brings about: of a plan, those who leave because of what was applied before, and nothing else."""

from __future__ import annotations

from flexres.reconcile.change import Change, UserChange, Why


def due(change: Change) -> bool:
    """Whether somebody leaves now whose leaving was applied before: their last day, or that they wait to leave.

    The marker says so. What git wants since then, and what others changed in Flex, is not due: that takes a run
    that somebody looked at.
    """
    if not isinstance(change, UserChange) or not change.leaves or change.marker is None:
        return False
    if change.marker.leaving is not None:
        return True
    same_day = change.desired is not None and change.marker.until == change.desired.until
    return change.why is Why.EXPIRED and same_day
