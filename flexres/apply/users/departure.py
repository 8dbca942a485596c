"""Leaving: a user is retired only when re-read just before, still ours and not busy; otherwise marked, and waits."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flexres.apply.outcome import Outcome, Result, UserOutcome
from flexres.apply.users.context import Context
from flexres.apply.users.worker import edit_attributes
from flexres.errors import FlexresError, FormatError, LostAnswerError, NotFoundError
from flexres.live.model import FlexUser, Worker
from flexres.reconcile.change import Departure, Why
from flexres.reconcile.context import is_busy
from flexres.reconcile.marker import ATTRIBUTE, Marker
from flexres.reconcile.ownership import Owner, Ownership, owner_of, ownership


class LeftAloneError(FlexresError):
    """Since the plan was made the user stopped being ours to retire."""


async def retire(context: Context, change: Departure) -> UserOutcome:
    """Deprovision the user, or mark a busy Worker as leaving and let it wait."""
    user = change.live.user
    worker = await _fetch(context, user)
    try:
        await _check_roles(context, user)
        if worker is None:
            return await _deprovision(context, change, user, None)
        marker = _ours(context, change, worker)
    except LeftAloneError as error:
        return Outcome(change, Result.BLOCKED, error.message)
    if await _busy(context, worker):
        return await _wait(context, change, worker, marker, "in an activity or with tasks; retires when offline")
    context.journal.before(user.username, worker.text)
    return await _deprovision(context, change, user, worker)


async def let_go(context: Context, change: Departure) -> UserOutcome:
    """Remove our marker from the Worker and change nothing else."""
    worker = await _fetch(context, change.live.user)
    if worker is None:
        return Outcome(change, Result.DONE, "has no Worker any more")

    def edit(attributes: dict[str, Any]) -> None:
        if ownership(attributes, context.scope.stack_id).ours:
            del attributes[ATTRIBUTE]

    await edit_attributes(context.workers, worker.sid, edit, read=worker)
    return Outcome(change, Result.DONE)


async def mark_leaving(context: Context, change: Departure, worker: Worker, *, rename: bool = False) -> None:
    """Write on the Worker since when its user waits to leave; an earlier time stays.

    `change` is their departure. With `rename`, somebody without our marker gets one that is for a rename alone: taken
    back before it has ended, it makes nobody ours. Raises LeftAloneError when the marker no longer lets us do it.
    """

    def edit(attributes: dict[str, Any]) -> None:
        stack_id = context.scope.stack_id
        owner = ownership(attributes, stack_id)
        _checked(context, change, owner)
        found = owner.ours or Marker(stack_id, context.commit_time or 0, rename=rename)
        leaving = int(context.as_of.timestamp()) if found.leaving is None else found.leaving
        attributes[ATTRIBUTE] = replace(found, leaving=leaving, rename=found.rename and rename).text()

    await edit_attributes(context.workers, worker.sid, edit, read=worker)


async def _fetch(context: Context, user: FlexUser) -> Worker | None:
    if user.worker_sid is None:
        return None
    try:
        return await context.workers.fetch(user.worker_sid)
    except NotFoundError:
        return await _other_worker(context, user)


async def _check_roles(context: Context, user: FlexUser) -> None:
    """Raises LeftAloneError where an admin would leave of whom the guards knew nothing: it may be the last one."""
    try:
        now = await context.users.by_sid(user.sid)
    except NotFoundError:
        return
    if "admin" in now.roles and "admin" not in user.roles:
        raise LeftAloneError("left alone: became admin in Flex since the plan; plan again")


async def _other_worker(context: Context, user: FlexUser) -> Worker | None:
    """The Worker that a login has made since, in place of one that was deleted: it may be marked otherwise."""
    try:
        found = (await context.users.by_sid(user.sid)).worker_sid
        return await context.workers.fetch(found) if found and found != user.worker_sid else None
    except NotFoundError:
        return None


def _ours(context: Context, change: Departure, worker: Worker) -> Marker | None:
    """The marker as it is now, also where the other attributes nest too deep to be read: nothing is written to them.

    Raises LeftAloneError when it no longer lets us retire the user.
    """
    return _checked(context, change, owner_of(worker, context.scope.stack_id))


def _checked(context: Context, change: Departure, found: Ownership) -> Marker | None:
    if change.why is Why.LEAVER:
        return found.marker
    if found.owner is Owner.UNREADABLE:
        raise LeftAloneError("left alone: the marker has become unreadable since the plan")
    if found.owner is Owner.UNMARKED and change.why is Why.UNDECLARED:
        raise LeftAloneError("left alone: our marker is gone since the plan")
    if found.owner is Owner.FOREIGN and found.marker:
        raise LeftAloneError(f"left alone: managed by stack id {found.marker.stack_id} since the plan")
    if found.ours and not context.allow_older and found.ours.at > (context.commit_time or 0):
        raise LeftAloneError("left alone: a newer commit was applied to this user since the plan")
    return found.ours


async def _busy(context: Context, worker: Worker) -> bool:
    if context.policy.retire_when == "now":
        return False
    if is_busy(worker, context.offline_activity, context.policy):
        return True
    return any(channel.assigned_tasks for channel in (await context.workers.channels(worker.sid)).values())


async def _wait(
    context: Context, change: Departure, worker: Worker, marker: Marker | None, message: str
) -> UserOutcome:
    if marker is None or marker.leaving is None or marker.rename or marker.stack_id != context.scope.stack_id:
        try:
            await mark_leaving(context, change, worker)
        except LeftAloneError as error:
            return Outcome(change, Result.BLOCKED, error.message)
        except FlexresError as error:
            if worker.attributes() is None:
                error.message = f"{message}; cannot be marked as waiting: {error.message}"
            raise
    return Outcome(change, Result.WAITING, message)


async def _deprovision(context: Context, change: Departure, user: FlexUser, worker: Worker | None) -> UserOutcome:
    for _ in range(3):
        try:
            await context.users.deprovision(user.sid)
        except LostAnswerError:
            if await _is_gone(context, user):
                return Outcome(change, Result.DONE)
        except NotFoundError:
            return Outcome(change, Result.DONE, "was already gone")
        except FormatError as error:
            if worker is None or not await _has_tasks(context, worker):
                raise
            # Flex refuses while a reservation is open; it came between our look and this call.
            return await _wait(context, change, worker, change.marker, f"Flex refused for now: {error.message}")
        else:
            return Outcome(change, Result.DONE)
    raise FlexresError("Flex gave no answer to three Deprovision calls", hint="run it again")


async def _is_gone(context: Context, user: FlexUser) -> bool:
    try:
        return (await context.users.by_sid(user.sid)).deactivated
    except NotFoundError:
        return True


async def _has_tasks(context: Context, worker: Worker) -> bool:
    try:
        return any(channel.assigned_tasks for channel in (await context.workers.channels(worker.sid)).values())
    except NotFoundError:
        return False
