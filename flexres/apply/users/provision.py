"""Provisioning: new users in one call where claims can say it all, existing users without losing what they know."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from flexres.apply.users.context import Context, check_profile
from flexres.apply.users.worker import decoded, edit_attributes
from flexres.desired.model import DesiredUser
from flexres.desired.schema.attributes import encode_typed
from flexres.errors import FlexresError, FormatError, LostAnswerError, NotFoundError
from flexres.live.exact_json import decode
from flexres.live.model import FlexUser, LiveUser, Worker
from flexres.reconcile.diff import Scope, managed
from flexres.reconcile.fields import PROFILE, attribute_key, hash_of
from flexres.reconcile.key import Key
from flexres.reconcile.marker import ATTRIBUTE, Marker
from flexres.values import Json


@dataclass(frozen=True, slots=True)
class Claims:
    """What one Provision call can say about a Worker: typed claims, a marker of no more than they hold.

    `complete` says whether that is all that the YAML declares.
    """

    attributes: Mapping[str, Json]
    marker: Marker
    complete: bool


def claims_of(user: DesiredUser, scope: Scope, commit_time: int | None) -> Claims:
    """The typed attributes of a new user.

    Skills and channels have no typed spelling: Flex keeps skills nested, and nobody says whether `channel.*`
    claims also stay behind as attributes.
    """
    spelled: dict[str, Json] = {}
    said: set[Key] = set()
    for name, value in user.attributes.items():
        typed = encode_typed(name, value)
        if typed is not None:
            spelled[typed[0]] = typed[1]
            said.add(attribute_key(name))
    wanted = managed(user, scope)
    keys = {key: hash_of(value) for key, value in wanted.items() if key in said or key in PROFILE}
    complete = len(keys) == len(wanted)
    until = user.until if complete else None
    marker = Marker(stack_id=scope.stack_id, at=(commit_time or 0), keys=keys, until=until)
    return Claims(spelled, marker, complete)


async def provision(
    context: Context,
    user: DesiredUser,
    attributes: Mapping[str, Json] | None,
    *,
    begun: str = "",
    live: FlexUser | None = None,
) -> tuple[FlexUser, bool]:
    """Provision a user, and whether the attributes are known to have been taken as sent.

    What nobody documents may be refused: claims that are JSON numbers or booleans, and roles of Insights. Then the
    user is provisioned without them, but not without the marker `begun`: whoever we make is ours from then on.
    `live` is whom the plan saw in Flex: not written again without an answer where they have become otherwise.
    Raises the first refusal when nothing of it was the reason.
    """
    flex_roles = tuple(role for role in user.roles if not role.startswith("wfo."))
    refusal: FormatError | None = None
    tried: list[Mapping[str, Json] | None] = [attributes]
    if begun and attributes != {ATTRIBUTE: begun}:
        tried.append({ATTRIBUTE: begun})
    if attributes:
        tried.append(None)
    for roles in dict.fromkeys((user.roles, flex_roles)):
        for sent in tried:
            try:
                found, answered = await _provision(context, user, roles, sent, live)
            except FormatError as error:
                refusal = refusal or error
            else:
                return found, answered and sent is attributes
    assert refusal is not None
    raise refusal


async def _provision(
    context: Context,
    user: DesiredUser,
    roles: tuple[str, ...],
    attributes: Mapping[str, Json] | None,
    live: FlexUser | None,
) -> tuple[FlexUser, bool]:
    """One Provision call and whether it was answered: a lost answer is read again before the call is repeated."""
    for _ in range(3):
        try:
            found = await context.users.provision(
                username=user.username,
                full_name=user.full_name,
                email=user.email,
                roles=roles,
                attributes=attributes,
            )
        except LostAnswerError:
            taken = await context.users.by_username(user.username)
            if taken is not None and not taken.deactivated and await _is_taken(context, user, taken, attributes):
                return taken, False
            if live is not None:
                check_profile(user, live, taken or await context.users.by_sid(live.sid))
        else:
            return found, True
    raise FlexresError("Flex gave no answer to three Provision calls", hint="run it again")


async def _is_taken(
    context: Context, user: DesiredUser, found: FlexUser, attributes: Mapping[str, Json] | None
) -> bool:
    """Whether a call without an answer took effect. Raises FlexresError where somebody else made the user meanwhile.

    A profile may be anybody's: whom we made has the marker that went with the call.
    """
    if attributes is None or ATTRIBUTE not in attributes:
        return _has_profile(found, user)
    if found.worker_sid is None:
        return False
    try:
        known = decoded(await context.workers.fetch(found.worker_sid))
    except NotFoundError:
        return False
    if known.get(ATTRIBUTE) == attributes[ATTRIBUTE]:
        return True
    raise FlexresError("came to exist in Flex since the plan, and was left as they are", hint="plan again")


def _has_profile(found: FlexUser, user: DesiredUser) -> bool:
    return (found.full_name, found.email, set(found.roles)) == (user.full_name, user.email, set(user.roles))


async def write_profile(
    context: Context, user: DesiredUser, live: LiveUser, check: Callable[[dict[str, Any]], object]
) -> FlexUser:
    """Write roles, full name and e-mail of an existing user, and keep every Worker attribute.

    Nobody says whether Provision with an empty `worker` keeps the attributes of an existing Worker: they are
    journalled before and restored where they were lost, and then nobody else of this run is provisioned so.
    `check` sees the attributes first, and raises FlexresError to leave the user as it is; so does a profile that is
    no longer what the plan saw in `live`, who has a Worker.
    """
    assert live.worker is not None
    worker_sid = live.worker.sid
    async with context.gate.turn():
        before = await context.workers.fetch(worker_sid)
        check(decoded(before))
        check_profile(user, live.user, await context.users.by_sid(live.user.sid))
        context.journal.before(user.username, before.text)
        try:
            found, _ = await provision(context, user, None, live=live.user)
        except FlexresError:
            # Even so it may have taken effect: its answers can be lost, and then the look at what came of it.
            await _restore(context, user, before, worker_sid)
            raise
        await _restore(context, user, before, found.worker_sid or worker_sid)
        return found


async def _restore(context: Context, user: DesiredUser, before: Worker, sid: str) -> None:
    """Put back what a Provision took from the attributes. An error says where they are kept."""
    try:
        after = await context.workers.fetch(sid)
        lost = _lost(user, decoded(before), decoded(after))
        if lost:
            context.gate.lost(user.username)
            lost = _lost(user, await _right_before(context, sid, before, after), decoded(after))
            await edit_attributes(context.workers, sid, lambda attributes: attributes.update(lost), read=after)
    except FlexresError as error:
        error.message += "; nobody knows whether Provision kept the Worker's attributes: the journal has them"
        raise


async def _right_before(context: Context, sid: str, before: Worker, after: Worker) -> dict[str, Any]:
    """The attributes as they were lost: as we had read them, or as somebody has made them since, if Events tell it."""
    events = (await context.workers.history(sid, until=context.as_of)).events
    texts = [event.attributes for event in events if event.attributes is not None]
    since = texts[: texts.index(before.text)] if before.text in texts else []
    try:
        return decode(next((text for text in since if text != after.text), before.text))
    except ValueError:
        return decoded(before)


def _lost(user: DesiredUser, before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """What a Provision took from the attributes; of those that Flex derives from the profile, the new value."""
    derived: dict[str, Any] = {"full_name": user.full_name, "email": user.email, "roles": list(user.roles)}
    lost = {name: derived.get(name, value) for name, value in before.items() if name not in after}
    # Flex has an address of its own for everybody, so one that a person chose is never missing.
    chosen = before.get("contact_uri")
    return {**lost, "contact_uri": chosen} if chosen is not None and chosen != after.get("contact_uri") else lost
