"""The operations: the only code that writes users to Twilio, one per kind of change, each safe to repeat.

Both engines call `carry_out` and decide nothing of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from flexres.apply.outcome import Outcome, Result, UserOutcome, failed
from flexres.apply.users.context import Context
from flexres.apply.users.departure import LeftAloneError, let_go, mark_leaving, retire
from flexres.apply.users.overwritten import check_made
from flexres.apply.users.provision import claims_of, provision, write_profile
from flexres.apply.users.worker import decoded, edit_attributes, write_channels
from flexres.desired.model import DesiredUser
from flexres.errors import NOBODY_GETS_THROUGH, FlexresError
from flexres.live.model import FlexUser, LiveUser, Worker, WorkerChannel
from flexres.reconcile.change import Arrival, Blocked, Departure, Edit, Kind, Rename, Route, UserChange, Why
from flexres.reconcile.marker import ATTRIBUTE, Marker
from flexres.reconcile.ownership import Owner, ownership
from flexres.reconcile.worker_attributes import handed_over, write_declared

_NO_CHANNELS: Mapping[str, WorkerChannel] = {}


async def carry_out(context: Context, change: UserChange) -> UserOutcome:
    """Make one change happen, and tell what became of it; a failure is an outcome, not an exception.

    Raises UnreachableError or UnavailableError, as nobody else would get through either; and JournalError before the
    first write: what nobody could look up later is not begun.
    """
    context.journal.begins(change)
    try:
        if context.idp is not None:
            await context.idp.write(change)
        return Outcome(change, Result.DONE) if change.only_at_idp else await _perform(context, change)
    except NOBODY_GETS_THROUGH:
        raise
    except FlexresError as error:
        return failed(change, error)


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
    await context.newcomers.check(user, planned)
    claims = claims_of(user, context.scope, context.commit_time)
    sent = {**claims.attributes, ATTRIBUTE: claims.marker.text()}
    found, as_sent = await provision(context, user, sent, begun=_begun(context))
    await check_made(context, found, planned, (claims.marker.text(), _begun(context)))
    if not (claims.complete and as_sent):
        await _complete(context, user, found, {}, _NO_CHANNELS)


def _begun(context: Context) -> str:
    """The marker of somebody who is ours and of whom nothing else is said yet."""
    return Marker(context.scope.stack_id, at=0).text()


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
        found = await write_profile(context, user, live, partial(_current_marker, context))
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
        await context.newcomers.check(user, change.live)
    assert old.worker is not None
    worker = await context.workers.fetch(old.worker.sid)
    carried = handed_over(decoded(worker), user, context.scope)
    channels = await context.workers.channels(worker.sid)
    kept = context.policy.retire == "keep"
    kind = Kind.LET_GO if kept else Kind.RETIRE
    leaving = Departure(old.username, kind, live=old, why=Why.RENAMED, reason=str(Why.RENAMED))
    try:
        await mark_leaving(context, leaving, worker, rename=True)
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
        begun = _begun(context)
        found, _ = await provision(context, user, {**claims.attributes, ATTRIBUTE: begun}, begun=begun)
        await check_made(context, found, live, (begun,))
        return found
    assert live is not None
    assert live.worker is not None
    if any(field.route is Route.PROFILE and field.writes for field in change.fields):
        return await write_profile(context, user, live, partial(_current_marker, context))
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
        write_declared(attributes, user, marker, context.scope, context.commit_time, carried=carried)

    await edit_attributes(context.workers, sid, edit, read=read)


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
