"""Live to YAML: what Flex says as the users that YAML would declare, so that a plan of them has nothing to write.

Whatever YAML cannot say is left out, and named with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import Any, Final

from pydantic_core import PydanticCustomError

from flexres.desired.model import Channel, DesiredUser
from flexres.desired.schema import field_types as texts
from flexres.desired.schema.users_yaml import LARGEST_CAPACITY, LARGEST_LEVEL
from flexres.live.model import LiveUser, Snapshot, WorkerChannel
from flexres.reconcile.context import NO_OBJECT
from flexres.reconcile.diff import Scope
from flexres.reconcile.export.undeployed import Prefer, Undeployed, is_managed, not_active, undeployed, with_kept
from flexres.reconcile.export.values import NO_KEY, declarable, is_text, sayable_key, within_size
from flexres.reconcile.fields import FLEX_WRITES, live_skills, odd_routing
from flexres.reconcile.key import Key
from flexres.reconcile.marker import Marker
from flexres.reconcile.ownership import Owner, ownership
from flexres.values import ABSENT, Json, fold_case

_NOBODY: Final[Mapping[str, DesiredUser]] = MappingProxyType({})
_NOT_ATTRIBUTES: Final = FLEX_WRITES | {"routing", "image_url"}


@dataclass(frozen=True, slots=True, order=True)
class LeftOut:
    """Something of Flex that the YAML does not say: `what` of whom (empty: the whole user), and why."""

    username: str
    what: str
    why: str


@dataclass(frozen=True, slots=True)
class Kept:
    """What the stack that is exported into says already.

    `withheld` are attributes that it may not declare, because the identity provider writes them at every login, and
    `idp_owns` the profile fields of which that is so. `prefer` is the side that wins where nobody has applied yet
    what the YAML says; None: the YAML's of users who are managed, Flex's of all others.
    """

    stack_id: str | None = None
    users: Mapping[str, DesiredUser] = field(default_factory=lambda: _NOBODY)
    leavers: Collection[str] = ()
    withheld: Collection[str] = ()
    idp_owns: frozenset[Key] = frozenset()
    prefer: Prefer | None = None


@dataclass(frozen=True, slots=True)
class Export:
    """Flex as YAML would have it. `users` are by username, without a file where nobody declares them yet.

    `gone` are declared usernames of whom Flex knows that they left, `to_come` those whom nobody has applied yet:
    new ones, and renames of active users. `deactivated` counts those who were left out for that reason, and `orphans`
    names Workers that belong to no user. `undeployed` is what the YAML says and nobody has applied yet, where Flex
    says otherwise.
    """

    users: Mapping[str, DesiredUser]
    left_out: tuple[LeftOut, ...]
    gone: tuple[str, ...]
    to_come: tuple[str, ...]
    deactivated: int
    orphans: tuple[str, ...]
    undeployed: tuple[Undeployed, ...] = ()


TAKEN_OUT: Final = (
    "was taken out of the YAML, which nobody has applied yet; "
    "--prefer flex takes them back, and all else that is not applied"
)


class _CannotError(Exception):
    """This user cannot be declared, for the reason in the message."""


def export_users(snapshot: Snapshot, kept: Kept = Kept(), *, channels: bool = False) -> Export:
    """Every active user as the YAML would declare them.

    Of declared users, what Flex does not know (previously, skills_exact) stays as it is declared; so does until, unless
    Flex's side is preferred, of which our marker holds the day that was applied. Channels are exported where they are
    declared, or of everybody with `channels`, as far as the snapshot holds them.
    """
    spelled = {fold_case(name): name for name in kept.users}
    former = {user.previously: name for name, user in kept.users.items() if user.previously}
    leavers = {fold_case(name) for name in kept.leavers}
    users: dict[str, DesiredUser] = {}
    left_out: list[LeftOut] = []
    differing: list[Undeployed] = []
    deactivated = 0
    for username in sorted(snapshot.users):
        live = snapshot.users[username]
        if live.user.deactivated:
            deactivated += 1
            continue
        reading = _Reading(live, kept.users.get(username), kept, channels)
        try:
            _check_place(username, kept, leavers, former, spelled)
            users[username] = reading.user()
            left_out += reading.left_out
            differing += reading.undeployed
        except _CannotError as error:
            left_out.append(LeftOut(username, "", str(error)))
            continue
        spelled.setdefault(fold_case(username), username)
    gone, to_come = not_active(kept.users, snapshot)
    return Export(
        users=users,
        left_out=tuple(left_out),
        gone=gone,
        to_come=to_come,
        deactivated=deactivated,
        orphans=tuple(worker.friendly_name for worker in snapshot.orphans),
        undeployed=tuple(differing),
    )


def _check_place(
    username: str, kept: Kept, leavers: Collection[str], former: Mapping[str, str], spelled: Mapping[str, str]
) -> None:
    """Whether the stack has room for this username beside what it says already."""
    if username in kept.users:
        return
    if fold_case(username) in leavers:
        raise _CannotError("is named in leavers")
    if username in former:
        raise _CannotError(f"is what {former[username]} was called before")
    other = spelled.get(fold_case(username))
    if other is not None:
        raise _CannotError(f"differs only by case from {other}")


class _Reading:
    """One live user on the way into YAML, gathering what cannot be said."""

    def __init__(self, live: LiveUser, declared: DesiredUser | None, kept: Kept, channels: bool) -> None:
        self._live = live
        self._declared = declared
        self._kept = kept
        self._all_channels = channels
        self.left_out: list[LeftOut] = []
        self.undeployed: list[Undeployed] = []

    def user(self) -> DesiredUser:
        """The user as YAML would declare them. Raises _CannotError."""
        flex, declared = self._live.user, self._declared
        attributes = self._worker_attributes()
        marker = self._marker(attributes)
        _must(texts.username, flex.username)
        _must(_key, flex.username)
        _must(texts.full_name, flex.full_name)
        _must(texts.email, flex.email)
        roles = _roles(flex.roles)
        skills = self._skills(attributes)
        declared_attributes, skills = within_size(self._attributes(attributes), skills, self._lose)
        user = DesiredUser(
            username=flex.username,
            full_name=flex.full_name,
            email=flex.email,
            roles=roles,
            attributes=declared_attributes,
            skills=skills,
            skills_exact=declared.skills_exact if declared else False,
            channels=self._channels(),
            until=self._until(marker),
            previously=declared.previously if declared else None,
            file=declared.file if declared else "",
        )
        if declared is None:
            return user
        scope = Scope(self._kept.stack_id or "", self._kept.idp_owns)
        self.undeployed = [*undeployed(declared, self._live, attributes, marker, scope, prefer=self._kept.prefer)]
        return with_kept(user, declared, self.undeployed)

    def _until(self, marker: Marker | None) -> date | None:
        """The last day as it is declared; as it was applied, where nobody is declared or Flex's side is preferred."""
        declared = self._declared
        if declared is not None and not (self._kept.prefer == "flex" and is_managed(marker)):
            return declared.until
        return marker.until if marker else None

    def _lose(self, what: str, why: str) -> None:
        self.left_out.append(LeftOut(self._live.username, what, why))

    def _worker_attributes(self) -> dict[str, Any]:
        if self._live.worker is None:
            raise _CannotError("has no Worker; declared, Flex would be asked to make one")
        attributes: dict[str, Any] | None = self._live.worker.attributes()
        if attributes is None:
            raise _CannotError(NO_OBJECT)
        if odd_routing(attributes):
            raise _CannotError("the Worker's routing attribute is not of Flex's form; mend it in Console")
        return attributes

    def _marker(self, attributes: Mapping[str, Any]) -> Marker | None:
        """The marker. Raises _CannotError where a plan would have to leave the user alone."""
        found = ownership(attributes, self._kept.stack_id or "")
        if found.owner is Owner.UNREADABLE:
            raise _CannotError("the Worker's attribute flexres is not a marker we wrote")
        if found.owner is Owner.FOREIGN and found.marker:
            raise _CannotError(f"is managed by stack id {found.marker.stack_id}")
        if found.ours and found.ours.leaving is not None and self._declared is None:
            raise _CannotError("waits to leave")
        # Where nobody is declared the YAML was lost, and is to be had again from here.
        taken_out = self._declared is None and bool(self._kept.users) and found.ours is not None
        if taken_out and self._kept.prefer != "flex":
            raise _CannotError(TAKEN_OUT)
        return found.ours

    def _skills(self, attributes: Mapping[str, Any]) -> dict[str, int | bool] | None:
        """The skills, None where there are none and nobody declares that: an empty map would own the whole list."""
        skills: dict[str, int | bool] = {}
        for name, level in live_skills(attributes).items():
            whole = _whole(level)
            why = _refusal(_key, name)
            if why is None and whole is not True and not (type(whole) is int and 0 <= whole <= LARGEST_LEVEL):
                why = f"its level is {level!r}, and a level is a whole number from 0"
            if why is None:
                skills[name] = whole
            else:
                self._lose(f"skill {name!r}", why)
        if skills:
            return skills
        declared = self._declared
        owned = declared is not None and declared.skills is not None and (declared.skills_exact or not declared.skills)
        return {} if owned else None

    def _attributes(self, attributes: Mapping[str, Any]) -> dict[str, Json]:
        found: dict[str, Json] = {}
        for name, value in attributes.items():
            if name in _NOT_ATTRIBUTES or name in self._kept.withheld:
                continue
            said = declarable(name, value, self._lose)
            if said is not ABSENT:
                found[name] = said
        for name, check in (("contact_uri", texts.contact_uri), ("image_url", texts.web_address)):
            value = attributes.get(name, ABSENT)
            if value is ABSENT or name in self._kept.withheld or (name == "contact_uri" and self._automatic(value)):
                continue
            why = _refusal(check, value) if isinstance(value, str) else "it is no text"
            if why is None:
                found[name] = value
            else:
                self._lose(name, why)
        return found

    def _automatic(self, contact_uri: object) -> bool:
        """Whether Flex made the contact address itself, and nobody declares it.

        It is `client:` and the identity: one client has seen the username escaped, Twilio's own sample of a token
        has the username as it is.
        """
        if self._declared is not None and "contact_uri" in self._declared.attributes:
            return False
        username = self._live.username
        return contact_uri in (f"client:{username}", f"client:{escaped_identity(username)}")

    def _channels(self) -> dict[str, Channel]:
        declared = dict(self._declared.channels) if self._declared else {}
        live = self._live.channels
        if live is None or not (self._all_channels or declared):
            return declared
        if not self._all_channels:
            return {name: _as_far_as(channel, live[name]) for name, channel in declared.items() if name in live}
        found: dict[str, Channel] = {}
        for name in sorted(live):
            why = _refusal(_key, name)
            if why is not None:
                self._lose(f"channel {name!r}", why)
                continue
            capacity: int | None = live[name].capacity
            if capacity is not None and not 0 <= capacity <= LARGEST_CAPACITY:
                self._lose(f"capacity of channel {name}", f"it is {capacity}, and {LARGEST_CAPACITY} is the most")
                capacity = None
            found[name] = Channel(live[name].available, capacity)
        return found


def escaped_identity(username: str) -> str:
    """A username as it stands in `client:` addresses: all but letters and digits as `_` and two hex digits a byte."""
    return "".join(
        letter if letter.isascii() and letter.isalnum() else "".join(f"_{byte:02X}" for byte in _bytes(letter))
        for letter in username
    )


def _bytes(letter: str) -> bytes:
    return letter.encode("utf-8", "surrogatepass")


def _as_far_as(declared: Channel, live: WorkerChannel) -> Channel:
    """The live settings of a channel, those that are declared."""
    return Channel(
        available=None if declared.available is None else live.available,
        capacity=None if declared.capacity is None else live.capacity,
    )


def _roles(live: tuple[str, ...]) -> tuple[str, ...]:
    """The roles as YAML takes them. Raises _CannotError."""
    if not live:
        raise _CannotError("has no role")
    for role in live:
        _must(texts.role, role)
    if len(set(live)) < len(live):
        raise _CannotError("has a role twice")
    if not set(live) & set(texts.FLEX_ROLES):
        raise _CannotError("has no role of Flex itself")
    return tuple(sorted(live))


def _key(name: str) -> str:
    """A name that can stand before a colon. Raises what `texts` raise."""
    if not sayable_key(name):
        raise texts.wrong(NO_KEY, "")
    return texts.line(name)


def _whole(level: Any) -> Any:
    return int(level) if isinstance(level, float) and level.is_integer() else level


def _must(check: Callable[[str], object], text: str) -> None:
    why = _refusal(check, text)
    if why is not None:
        raise _CannotError(why)


def _refusal(check: Callable[[str], object], text: str) -> str | None:
    """Why the YAML would be refused with this text, None where it would not."""
    if not is_text(text):
        return "holds half of a character, which no file can"
    try:
        check(text)
    except PydanticCustomError as error:
        return str((error.context or {}).get("message", error))
    return None
