"""The identity provider's users: what each declared user's claims should be there, joined with their change in Flex.

What it says is what Flex gets at the next login, so a plan that changes Flex alone would be undone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from flexres.desired.model import DesiredUser
from flexres.errors import Problem
from flexres.live.model import LiveUser
from flexres.reconcile.change import (
    Cause,
    Edit,
    FieldChange,
    IdpChange,
    IdpEdit,
    Kind,
    Rename,
    Route,
    UserChange,
    renamed_from,
)
from flexres.reconcile.fields import attribute_key, hash_of
from flexres.reconcile.idp.model import Claim, IdpPlan, IdpState, IdpUser, IdpWanted, Stranger, Trouble
from flexres.reconcile.idp.setup import setup
from flexres.reconcile.key import EMAIL, FULL_NAME, NAME_ID, ROLES, Key
from flexres.reconcile.marker import Marker
from flexres.values import ABSENT, Json, Value, fold_case, same

_UNTOUCHED: Final = frozenset({Kind.BLOCKED, Kind.WAIT, Kind.LET_GO, Kind.UNMANAGED})
_JOINABLE: Final = frozenset({Kind.CREATE, Kind.ADOPT, Kind.REACTIVATE, Kind.UPDATE, Kind.RENAME, Kind.AT_IDP})


@dataclass(frozen=True, slots=True)
class IdpSides:
    """What the YAML wants of the identity provider, and what it has; `alone`: Flex is left as it is."""

    wanted: IdpWanted
    state: IdpState
    alone: bool = False


@dataclass(slots=True)
class _Found:
    """What looking at all users brings to light."""

    edits: dict[str, IdpEdit] = field(default_factory=dict)
    values: dict[str, Mapping[Key, Value]] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)
    declared: dict[str, set[str]] = field(default_factory=dict)
    """The roles that the YAML gives to each address."""
    left: set[str] = field(default_factory=set)
    staying: set[str] = field(default_factory=set)


def join(
    sides: IdpSides,
    changes: Sequence[UserChange],
    users: Mapping[str, DesiredUser],
    live: Mapping[str, LiveUser],
    markers: Mapping[str, Marker],
) -> tuple[list[UserChange], IdpPlan, tuple[IdpChange, ...]]:
    """The changes with what happens to each user at the provider, the provider's part of the plan, and its set-up's.

    A user who is as declared in Flex but not there gets a change of their own, in the place of their team file.
    """
    planned = {change.username: change for change in changes}
    found = _Found()
    for user in users.values():
        change = planned.get(user.username)
        found.declared.setdefault(fold_case(user.email), set()).update(user.roles)
        here = user.username in live and not live[user.username].user.deactivated
        if change.kind in _UNTOUCHED or change.leaves if change else not here:
            continue
        found.staying.add(fold_case(user.email))
        _declared(sides, user, markers.get(user.username), found)
    joined = [_joined(change, found, sides.wanted.provider) for change in changes]
    joined = [_departed(sides, change, found) for change in joined]
    alone: list[UserChange] = [
        Edit(name, Kind.UPDATE, desired=users[name], live=live[name], marker=markers.get(name), idp=edit)
        for name, edit in found.edits.items()
        if name not in planned
    ]
    plan, at_setup = setup(sides.wanted, sides.state)
    plan = replace(
        plan,
        missing=tuple(sorted(found.missing)),
        strangers=tuple(_strangers(sides.state, found, joined)),
        users=sum(map(len, sides.state.users.values())),
    )
    changed = _in_order(joined, alone)
    if sides.alone:
        changed = [_at_idp_only(change) for change in changed if change.idp is not None and not change.leaves]
    return changed, replace(plan, troubles=(*plan.troubles, *found.troubles)), at_setup


def _at_idp_only(change: UserChange) -> UserChange:
    """What of a change happens at the provider, without what happens in Flex."""
    return UserChange(
        change.username,
        Kind.UPDATE,
        desired=change.desired,
        live=change.live,
        marker=change.marker,
        idp=change.idp,
    )


def _in_order(changes: list[UserChange], added: list[UserChange]) -> list[UserChange]:
    """Declared users by team file and name, then all others as they were."""
    if not added:
        return changes
    declared = [change for change in changes if change.desired] + added
    declared.sort(key=lambda change: (change.file or "", change.username))
    return declared + [change for change in changes if not change.desired]


def wanted_claims(user: DesiredUser, wanted: IdpWanted, there: IdpUser | None) -> dict[Key, Json]:
    """What `app_metadata.flex` should hold for a user: keys of fields, and values.

    The address and the NameID are kept there only where they are not what the provider says by itself.
    """
    flex = there.flex if there is not None and isinstance(there.flex, Mapping) else {}
    claims: dict[Key, Json] = {ROLES: list(user.roles), FULL_NAME: user.full_name}
    if (there is not None and user.email != there.email) or "email" in flex:
        claims[EMAIL] = user.email
    if user.username != user.email or NAME_ID.text in flex:
        claims[NAME_ID] = user.username
    for name in wanted.claims:
        if name in user.attributes:
            claims[attribute_key(name)] = user.attributes[name]
    return claims


def flex_name(key: Key) -> str:
    """The name under which `app_metadata.flex` keeps a field."""
    return key.path[0]


def _declared(sides: IdpSides, user: DesiredUser, marker: Marker | None, found: _Found) -> None:
    there = sides.state.users.get(fold_case(user.email), ())
    provider = sides.wanted.provider
    if len(there) > 1:
        ids = ", ".join(sorted(one.user_id for one in there))
        message = f"{provider} has {len(there)} users with the address {user.email}: {ids}"
        found.troubles.append(Trouble(user.username, Problem(message, "keep one of them in the connection")))
        return
    if not there:
        found.missing.append(user.username)
        if sides.wanted.missing != "report":
            claims = wanted_claims(user, sides.wanted, None)
            new = tuple(_change(key, ABSENT, want, None) for key, want in claims.items())
            found.edits[user.username] = IdpEdit(None, user.email, new, provider)
        return
    (one,) = there
    if one.flex is not ABSENT and one.flex is not None and not isinstance(one.flex, Mapping):
        message = f"app_metadata.flex of {user.email} is no map at {provider}, so it is left as it is"
        found.troubles.append(Trouble(user.username, Problem(message, 'make it {"flex": {}} there, or take it out')))
        return
    has = found.values[user.username] = _sent(one)
    fields = tuple(_fields(user, one, has, marker, sides.wanted))
    if fields:
        found.edits[user.username] = IdpEdit(one.user_id, one.email, fields, provider)


def _fields(
    user: DesiredUser, there: IdpUser, has: Mapping[Key, Value], marker: Marker | None, wanted: IdpWanted
) -> Iterator[FieldChange]:
    previous = marker.keys if marker else {}
    claims = wanted_claims(user, wanted, there)
    for key, want in claims.items():
        have = has.get(key, ABSENT)
        if not same(have, want):
            yield _change(key, have, want, previous.get(key))
    for key, have in sorted(has.items()):
        undeclared = key.space == "attr" and flex_name(key) not in user.attributes
        if undeclared and have is not ABSENT and hash_of(have) == previous.get(key):
            yield FieldChange(key, have, ABSENT, Cause.GIT, Route.IDP)


def _change(key: Key, have: Value, want: Json, set_hash: str | None) -> FieldChange:
    if set_hash is None or have is ABSENT or hash_of(have) == set_hash:
        cause = Cause.GIT
    else:
        cause = Cause.IDP if hash_of(want) == set_hash else Cause.BOTH
    return FieldChange(key, have, want, cause, Route.IDP)


def _sent(there: IdpUser) -> dict[Key, Value]:
    """What a login would bring of each field, as far as the provider holds it."""
    flex = there.flex if isinstance(there.flex, Mapping) else {}
    values: dict[Key, Value] = {FULL_NAME: there.name} if there.name else {}
    values[EMAIL] = there.email
    for name, value in flex.items():
        if name == "roles" and isinstance(value, Sequence) and not isinstance(value, str):
            value = sorted(map(str, value))  # noqa: PLW2901 - the order of roles says nothing
        values[_OURS.get(name) or attribute_key(name)] = value
    return values


_OURS: Final = {key.text: key for key in (ROLES, FULL_NAME, EMAIL, NAME_ID)}


def _joined(change: UserChange, found: _Found, provider: str) -> UserChange:
    """A user's change in Flex with the one at the provider, and with who wrote what differs."""
    sent = found.values.get(change.username)
    if sent is not None:
        change = replace(change, fields=tuple(_blamed(item, sent) for item in change.fields))
    edit = found.edits.get(change.username)
    if edit is None or change.kind not in _JOINABLE:
        return change
    kind = Kind.UPDATE if change.kind is Kind.AT_IDP else change.kind
    reason = renamed_from(change.old.username, provider) if isinstance(change, Rename) else change.reason
    return replace(change, kind=kind, idp=edit, reason=reason)


def _blamed(item: FieldChange, sent: Mapping[Key, Value]) -> FieldChange:
    """A difference that nobody made in git: Flex has what the provider sends, so a login wrote it, or else a person."""
    by_hand = item.cause in {Cause.FLEX, Cause.BOTH} and item.before is not ABSENT
    if by_hand and same(item.before, sent.get(item.key, ABSENT)):
        return replace(item, cause=Cause.LOGIN)
    return item


def _departed(sides: IdpSides, change: UserChange, found: _Found) -> UserChange:
    """A leaver's change, which takes their roles at the provider, too: a login would bring them back."""
    if not change.leaves or change.live is None:
        return change
    email = fold_case(change.live.user.email)
    found.left.add(email)
    there = sides.state.users.get(email, ())
    if change.kind is not Kind.RETIRE or len(there) != 1 or not isinstance(there[0].flex, Mapping):
        return change
    roles = there[0].flex.get("roles", ABSENT)
    # A person with two personas keeps the roles as long as one of them stays.
    if roles is ABSENT or email in found.staying:
        return change
    gone = FieldChange(ROLES, roles, ABSENT, Cause.GIT, Route.IDP)
    return replace(change, idp=IdpEdit(there[0].user_id, there[0].email, (gone,), sides.wanted.provider))


def _strangers(state: IdpState, found: _Found, joined: Sequence[UserChange]) -> Iterator[Stranger]:
    """The accounts whose roles for Flex nothing in the plan takes, and nothing in the YAML gives."""
    taken = {change.idp.user_id for change in joined if change.idp is not None and change.leaves}
    for email in sorted(state.users):
        accounts = state.users[email]
        declared = found.declared.get(email)
        # Who waits to leave keeps the roles until then.
        if email in found.left and declared is None and len(accounts) == 1:
            continue
        for one in accounts:
            roles = _roles_of(one)
            if not roles or one.user_id in taken or (declared is not None and len(accounts) == 1):
                continue
            if declared is not None and declared >= set(roles):
                continue
            claim = Claim.SECOND if declared is not None else Claim.LEFT if email in found.left else Claim.UNDECLARED
            yield Stranger(one.email, one.user_id, roles, claim, _name_id_of(one))


def _roles_of(account: IdpUser) -> tuple[str, ...]:
    """The roles that its login would bring, as the action reads them: a list, or a text with commas."""
    roles = account.flex.get(ROLES.text) if isinstance(account.flex, Mapping) else None
    items = roles.split(",") if isinstance(roles, str) else roles if isinstance(roles, list | tuple) else ()
    return tuple(sorted({text for item in items if isinstance(item, str) and (text := item.strip())}))


def _name_id_of(account: IdpUser) -> str:
    found = account.flex.get(NAME_ID.text) if isinstance(account.flex, Mapping) else None
    return found if isinstance(found, str) and found != account.email else ""
