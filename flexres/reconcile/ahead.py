"""What can be compared before all of Flex is read: each page of Workers while the next one is on its way.

Most Workers are as the YAML has them. Of those nothing is left to be compared afterwards but the few fields that are
not on the Worker; of all others everything is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from flexres.desired.model import Channel, DesiredUser
from flexres.live.model import LiveUser, Worker, WorkerChannel
from flexres.reconcile.diff import Scope, field_changes
from flexres.reconcile.fields import Facts, live_skills, odd_routing
from flexres.reconcile.key import EMAIL, FULL_NAME, ROLES
from flexres.reconcile.marker import Marker
from flexres.reconcile.ownership import ownership


@dataclass(frozen=True, slots=True)
class _Seen:
    """A Worker that is as the YAML has this user, and its marker."""

    user: DesiredUser
    worker: Worker
    marker: Marker


@dataclass(slots=True)
class Ahead:
    """The Workers seen so far that are as one stack's YAML has them, by username."""

    users: Mapping[str, DesiredUser]
    scope: Scope
    as_of: datetime
    _settled: dict[str, _Seen] = field(default_factory=dict)

    def look(self, workers: Iterable[Worker]) -> None:
        """Compare some Workers with the declared users of their names."""
        for worker in workers:
            user = self.users.get(worker.friendly_name)
            if user is not None and user.until is None and user.previously is None:
                marker = _marker_where_settled(user, worker, self.scope, self.as_of)
                if marker is not None:
                    self._settled[user.username] = _Seen(user, worker, marker)

    def settled(self, user: DesiredUser, live: LiveUser) -> Marker | None:
        """The marker of somebody of whom everything is as declared; None: compare it all."""
        seen = self._settled.get(user.username)
        # Another reading of the Worker may say otherwise, and so may other YAML.
        if seen is None or live.worker is not seen.worker or user is not seen.user:
            return None
        return seen.marker if _rest_is_so(user, live) else None


def _marker_where_settled(user: DesiredUser, worker: Worker, scope: Scope, as_of: datetime) -> Marker | None:
    """Our marker on a Worker on whom nothing differs, as long as the profile and the channels do not either."""
    attributes = worker.attributes()
    marker = ownership(attributes, scope.stack_id, as_of=as_of).ours if attributes is not None else None
    if attributes is None or marker is None or marker.begun or marker.rename or odd_routing(attributes):
        return None
    profile = {EMAIL: user.email, FULL_NAME: user.full_name, ROLES: list(user.roles)}
    known = Facts(profile, attributes, live_skills(attributes), _as_declared(user))
    return None if field_changes(user, known, marker, scope) else marker


def _as_declared(user: DesiredUser) -> Mapping[str, WorkerChannel]:
    return {name: WorkerChannel("", name, one.available, one.capacity) for name, one in user.channels.items()}


def _rest_is_so(user: DesiredUser, live: LiveUser) -> bool:
    """Whether what is not on the Worker is as declared."""
    found = live.user
    if (found.email, found.full_name, sorted(found.roles)) != (user.email, user.full_name, list(user.roles)):
        return False
    channels = live.channels or {}
    return all(name in channels and _is_so(one, channels[name]) for name, one in user.channels.items())


def _is_so(wanted: Channel, found: WorkerChannel) -> bool:
    available = wanted.available is None or wanted.available is found.available
    return available and wanted.capacity in (None, found.capacity)
