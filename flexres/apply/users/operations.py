"""The operations: the only code that writes users to Twilio, one per kind of change, each safe to repeat.

Both engines call `carry_out` and decide nothing of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from functools import partial
from typing import Any

from flexres.apply.outcome import Outcome, Result, UserOutcome
from flexres.apply.users.context import Context
from flexres.apply.users.departure import LeftAloneError, let_go, mark_leaving, retire
from flexres.apply.users.provision import claims_of, provision, write_profile
from flexres.apply.users.worker import decoded, edit_attributes, write_channels
from flexres.desired.model import DesiredUser
from flexres.errors import FlexresError, TwilioError, UnreachableError
from flexres.live.model import FlexUser, LiveUser, Worker, WorkerChannel
from flexres.reconcile.change import Arrival, Blocked, Departure, Edit, Kind, Rename, Route, UserChange, Why
from flexres.reconcile.diff import field_changes, marker_for, overlaid
from flexres.reconcile.fields import (
    FLEX_WRITES,
    desired_fields,
    live_skills,
    odd_routing,
    route,
    skill_key,
    worker_facts,
    write_fields,
)
from flexres.reconcile.marker import ATTRIBUTE, Marker
from flexres.reconcile.ownership import Owner, ownership
from flexres.values import ABSENT

_NO_CHANNELS: Mapping[str, WorkerChannel] = {}


async def carry_out(context: Context, change: UserChange) -> UserOutcome:
    """Make one change happen, and tell what became of it; a failure is an outcome, not an exception.

    Raises UnreachableError alone: nobody else would get through either.
    """
    try:
        if context.idp is not None:
            await context.idp.write(change)
        return Outcome(change, Result.DONE) if change.only_at_idp else await _perform(context, change)
    except UnreachableError:
        raise
    except TwilioError as error:
        return Outcome(change, Result.FAILED, str(error), request_id=error.request_id)
    except FlexresError as error:
        return Outcome(change, Result.FAILED, f"{error.message}; {error.hint}" if error.hint else error.message)


async def _perform(context: Context, change: UserChange) -> UserOutcome:
    match change:
        case Arrival():
            await create(context, change.desired, change.live)
        case Edit() if change.kind is not Kind.AT_IDP:
            await update(context, change)
        case Rename():
            return await rename(context, change)
        case Departure(kind=Kind.LET_GO):
            return await let_go(context, change)
        case Departure():
            return await retire(context, change)
        case Blocked():
            return Outcome(change, Result.BLOCKED, change.reason)
    return Outcome(change, Result.DONE)


async def create(context: Context, user: DesiredUser, planned: LiveUser | None) -> None:
    """Provision a user who is not in Flex, or not any more, or has no Worker: `planned` is what the plan found.

    One call where claims can say everything; otherwise the Worker is completed under If-Match, the marker last.
    """
    await context.newcomers.check(user.username, planned)
    claims = claims_of(user, context.scope, context.commit_time)
    found, as_sent = await provision(context.users, user, {**claims.attributes, ATTRIBUTE: claims.marker.text()})
    context.newcomers.check_answer(found, planned)
    if not (claims.complete and as_sent):
        await _complete(context, user, found, {}, _NO_CHANNELS)


async def _complete(
    context: Context,
    user: DesiredUser,
    found: FlexUser,
    carried: Mapping[str, Any],
    channels: Mapping[str, WorkerChannel],
) -> None:
    """Give a provisioned user's Worker all that Provision could not; `carried` and `channels` are an old Worker's."""
    sid = found.worker_sid or (await context.users.by_sid(found.sid)).worker_sid
    if sid is None:
        raise FlexresError("Flex made the user but no Worker", hint="run it again")
    await write_channels(context.workers, sid, user, channels)
    await _write_attributes(context, user, sid, carried=carried)


async def update(context: Context, change: Edit) -> None:
    """Bring an existing user to what the YAML says: profile first, then channels, attributes and marker last.

    Whose the user is by now is read before the first of these writes, whichever that is.
    """
    user, live = change.desired, change.live
    if live.worker is None:
        await create(context, user, live)
        return
    sid, read = live.worker.sid, None
    if any(field.route is Route.PROFILE and field.writes for field in change.fields):
        found = await write_profile(context, user, sid, partial(_current_marker, context))
        sid = found.worker_sid or sid
    if any(field.route is Route.CHANNEL and field.writes for field in change.fields):
        read = await context.workers.fetch(sid)
        _current_marker(context, decoded(read))
        await write_channels(context.workers, sid, user, _NO_CHANNELS)
    await _write_attributes(context, user, sid, read=read)


async def rename(context: Context, change: Rename) -> UserOutcome:
    """Provision the new name, give it what the old Worker knew, then let the old name leave like any other.

    The old Worker is marked as leaving before the new one carries our marker: from then on `previously` does
    nothing, and a run cut short between the two must still find the old name.
    """
    user, old = change.desired, change.old
    if _is_made(change):
        await context.newcomers.check(user.username, change.live)
    assert old.worker is not None
    worker = await context.workers.fetch(old.worker.sid)
    carried = _carried(context, decoded(worker), user)
    channels = await context.workers.channels(worker.sid)
    kept = context.policy.retire == "keep"
    kind = Kind.LET_GO if kept else Kind.RETIRE
    leaving = Departure(old.username, kind, live=old, why=Why.RENAMED, reason=str(Why.RENAMED))
    try:
        await mark_leaving(context, leaving, worker)
    except LeftAloneError as error:
        return Outcome(change, Result.BLOCKED, f"{old.username}: {error.message}")
    found = await _new_name(context, change)
    await _complete(context, user, found, carried, channels)
    left = await (let_go(context, leaving) if kept else retire(context, leaving))
    message = "" if left.result is Result.DONE else f"{old.username}: {left.message}"
    return Outcome(change, left.result, message)


def _is_made(change: Rename) -> bool:
    """Whether the new name has no Worker yet."""
    return change.live is None or change.live.worker is None


async def _new_name(context: Context, change: Rename) -> FlexUser:
    """The user under the new name, ours from the first write on, by a marker that holds no field yet.

    With one that does, a run cut short here would have forgotten what the old Worker knew.
    """
    user, live = change.desired, change.live
    if _is_made(change):
        claims = claims_of(user, context.scope, context.commit_time)
        begun = Marker(context.scope.stack_id, at=0).text()
        found, _ = await provision(context.users, user, {**claims.attributes, ATTRIBUTE: begun})
        context.newcomers.check_answer(found, live)
        return found
    assert live is not None
    assert live.worker is not None
    if any(field.route is Route.PROFILE and field.writes for field in change.fields):
        return await write_profile(context, user, live.worker.sid, partial(_current_marker, context))
    return live.user


async def _write_attributes(
    context: Context,
    user: DesiredUser,
    sid: str,
    *,
    carried: Mapping[str, Any] | None = None,
    read: Worker | None = None,
) -> None:
    """Read, merge and write attributes and marker, worked out on what the Worker says at that moment.

    `read` spares a fetch if it was fetched just now.
    """

    def edit(attributes: dict[str, Any]) -> None:
        marker = _current_marker(context, attributes)
        if carried:
            _hand_over(attributes, carried)
        changes = field_changes(user, worker_facts(attributes), marker, context.scope)
        hidden = overlaid(changes, attributes, marker)
        if hidden:
            raise FlexresError(f"the attribute {hidden} has become something else than a map", hint="plan again")
        attribute_changes = [item for item in changes if item.route is Route.ATTRIBUTE and item.writes]
        if any(item.key.space == "skill" for item in attribute_changes):
            _check_routing(attributes)
        write_fields(attributes, ((item.key, item.after) for item in attribute_changes))
        after = marker_for(user, context.scope, context.commit_time)
        if attribute_changes or not _says_the_same(marker, after):
            attributes[ATTRIBUTE] = after.text()

    await edit_attributes(context.workers, sid, edit, read=read)


def _check_routing(attributes: Mapping[str, Any]) -> None:
    """Raises FlexresError where skills cannot be written without destroying what somebody put in their place."""
    if odd_routing(attributes):
        raise FlexresError("the attribute routing is not of Flex's form", hint="mend it in Console")


def _says_the_same(found: Marker | None, after: Marker) -> bool:
    return found is not None and (dict(found.keys), found.until, found.leaving) == (
        dict(after.keys),
        after.until,
        after.leaving,
    )


def _current_marker(context: Context, attributes: Mapping[str, Any]) -> Marker | None:
    """The marker as it is now. Raises FlexresError when somebody made the user theirs, or newer, since the plan."""
    found = ownership(attributes, context.scope.stack_id)
    if found.owner is Owner.UNREADABLE:
        raise FlexresError("the marker has become unreadable since the plan", hint="plan again")
    if found.owner is Owner.FOREIGN and found.marker:
        raise FlexresError(f"managed by stack id {found.marker.stack_id} since the plan", hint="plan again")
    if found.ours and not context.allow_older and found.ours.at > (context.commit_time or 0):
        raise FlexresError("a newer commit was applied to this user since the plan", hint="pull, then plan again")
    return found.ours


def _carried(context: Context, attributes: Mapping[str, Any], user: DesiredUser) -> dict[str, Any]:
    """What the old Worker knows that nobody declares, and that is not Flex's own or derived from the name."""
    kept = {name: value for name, value in attributes.items() if name not in FLEX_WRITES}
    marker = ownership(attributes, context.scope.stack_id).marker
    declared = desired_fields(user)
    gone = [(key, ABSENT) for key in (marker.keys if marker else ()) if route(key) is Route.ATTRIBUTE]
    write_fields(kept, [item for item in gone if item[0] not in declared])
    return kept


def _hand_over(attributes: dict[str, Any], carried: Mapping[str, Any]) -> None:
    """Add what an old Worker knew; whatever the new one has already stays."""
    _fill(attributes, deepcopy(dict(carried)))
    held = live_skills(attributes)
    missing = {name: level for name, level in live_skills(carried).items() if name not in held}
    if missing:
        _check_routing(attributes)
    write_fields(attributes, [(skill_key(name), level) for name, level in missing.items()])


def _fill(attributes: dict[str, Any], carried: Mapping[str, Any]) -> None:
    """Add what is missing, map by map; whatever is there already stays."""
    for name, value in carried.items():
        here = attributes.get(name)
        if name not in attributes:
            attributes[name] = value
        elif isinstance(here, dict) and isinstance(value, Mapping):
            _fill(here, value)
