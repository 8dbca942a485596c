"""Whose channels need no look of their own: the marker says that they were set as the YAML has them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from flexres.desired.model import DesiredUser
from flexres.live.model import ChannelSettings, LiveUser
from flexres.reconcile.diff import Scope
from flexres.reconcile.fields import desired_fields, hash_of
from flexres.reconcile.ownership import ownership

Settings = Mapping[str, ChannelSettings]


def channels_as_set(declared: Iterable[DesiredUser], live: Mapping[str, LiveUser], scope: Scope) -> dict[str, Settings]:
    """Username → the channels that the YAML declares, of those to whom exactly these were applied last.

    That they still are so is another question: somebody may have changed them in Flex since.
    """
    return {
        user.username: settings
        for user in declared
        if user.channels and user.username in live and (settings := _as_set(user, live[user.username], scope))
    }


def _as_set(user: DesiredUser, live: LiveUser, scope: Scope) -> Settings:
    if live.worker is None or live.user.deactivated:
        return {}
    marker = ownership(live.worker.attributes() or {}, scope.stack_id).ours
    if marker is None:
        return {}
    set_last = {key: value for key, value in marker.keys.items() if key.space == "channel"}
    wanted = {key: hash_of(value) for key, value in desired_fields(user).items() if key.space == "channel"}
    if set_last != wanted:
        return {}
    return {name: ChannelSettings(one.available, one.capacity) for name, one in user.channels.items()}
