"""Who has admin or supervisor in Flex that git gives them neither now nor when it was last applied."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Final

from flexres.desired.model import DesiredUser
from flexres.reconcile.change import UserChange
from flexres.reconcile.guards.watch import HIGH_ROLES, roles_of_person_before
from flexres.reconcile.key import ROLES
from flexres.values import short_hash

_FLEX_ROLES: Final = ("admin", "agent", "supervisor")


def beyond_git(change: UserChange) -> tuple[str, ...]:
    """The high roles that somebody gave the user in Flex alone, sorted.

    Of the roles that were last applied only a hash is known: where no set with such a role has it, git did not give it.
    """
    has = roles_of_person_before(change)
    gained = HIGH_ROLES & has - frozenset(change.desired.roles if change.desired else ())
    applied = change.marker.keys.get(ROLES) if change.marker is not None else None
    if gained and applied is not None:
        for roles in _possible(has, change.desired):
            if short_hash(sorted(roles)) == applied:
                gained -= roles
                break
    return tuple(sorted(gained))


def _possible(has: frozenset[str], desired: DesiredUser | None) -> Iterator[frozenset[str]]:
    """Sets of roles that may have been applied: what is there now first, then any of Flex beside those of Insights."""
    yield has
    declared = frozenset(desired.roles if desired else ())
    for beside in dict.fromkeys((frozenset[str](), has - {*_FLEX_ROLES}, declared - {*_FLEX_ROLES})):
        for count in range(len(_FLEX_ROLES) + 1):
            for some in combinations(_FLEX_ROLES, count):
                yield beside | frozenset(some)
