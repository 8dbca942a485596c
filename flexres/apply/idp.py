"""Writing the identity provider: its set-up part by part, and each user's claims before Flex is written.

A user goes first to the provider: if that fails, Flex stays as it is, and no login undoes half of a change.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeAlias

from flexres.apply.outcome import Outcome, Result
from flexres.errors import FlexresError, UnreachableError
from flexres.idp.auth0.answers import GoneError
from flexres.idp.auth0.client import Auth0
from flexres.idp.auth0.state import IdentityProvider
from flexres.reconcile.change import IdpChange, IdpEdit, Part, UserChange
from flexres.reconcile.idp.model import Action, Application, IdpPlan, IdpWanted
from flexres.reconcile.idp.setup import merged_callbacks
from flexres.reconcile.idp.users import flex_name
from flexres.reconcile.plan import Plan
from flexres.values import ABSENT, Json, Value, same

Step: TypeAlias = Callable[[], Awaitable[None]]


class SetupWriter:
    """The operations on one provider's set-up; each may be repeated."""

    def __init__(self, provider: IdentityProvider, plan: IdpPlan, changes: Sequence[IdpChange]) -> None:
        self._client: Auth0 = provider.client
        self._plan = plan
        self._changes = changes
        self.application: Application | None = plan.application
        self._action: Action | None = plan.action

    async def write(self) -> list[Outcome[IdpChange]]:
        """What became of each part. What builds on a part that failed is not started."""
        outcomes = await self._part((Part.APPLICATION, Part.ADDON, Part.CALLBACKS), self._write_application)
        action = await self._part((Part.ACTION,), self._write_action)
        failed = any(outcome.result is not Result.DONE for outcome in action)
        # A new action's deployment and place in the flow are told as one with it.
        deployed = await self._part((Part.DEPLOYMENT,), self._deploy, skip=failed)
        failed = failed or any(outcome.result is not Result.DONE for outcome in deployed)
        return [*outcomes, *action, *deployed, *await self._part((Part.FLOW,), self._bind, skip=failed)]

    async def _part(self, parts: Sequence[Part], step: Step, *, skip: bool = False) -> list[Outcome[IdpChange]]:
        changes = [change for change in self._changes if change.part in parts]
        if not changes:
            return []
        if skip:
            return [Outcome(change, Result.NOT_STARTED, "the action before it failed") for change in changes]
        try:
            await step()
        except FlexresError as error:
            return [Outcome(change, Result.FAILED, told(error)) for change in changes]
        return [Outcome(change, Result.DONE) for change in changes]

    async def _write_application(self) -> None:
        wanted, have = self._plan.wanted, self.application
        if have is None:
            self.application = await self._client.create_application(new_application(wanted))
            return
        have = await self._client.application(have.client_id)
        addons = {**have.addons, "samlp": merged_addon(wanted, have.addon or {})}
        body: dict[str, Json] = {
            "name": wanted.application,
            "callbacks": list(merged_callbacks(wanted, have)),
            "addons": addons,
            "client_metadata": {**have.metadata, "flexres": wanted.owner},
        }
        self.application = await self._client.update_application(have.client_id, body)
        held = self.application.addon or {}
        missing = [key for key, want in wanted.addon.items() if not same(held.get(key, ABSENT), want)]
        if missing:
            raise FlexresError(f"Auth0 did not take {', '.join(missing)}", hint="run it again")

    async def _write_action(self) -> None:
        wanted, have = self._plan.wanted, self._action
        if have is not None:
            self._action = await self._client.update_action(have.action_id, wanted.action, wanted.code)
            return
        self._action = await self._client.create_action(wanted.action, wanted.code)
        await self._deploy()
        await self._bind()

    async def _deploy(self) -> None:
        assert self._action is not None
        await self._client.deploy(self._action.action_id)

    async def _bind(self) -> None:
        """Behind the others, as they are at this moment."""
        assert self._action is not None
        flow = await self._client.flow()
        if not any(binding.action_id == self._action.action_id for binding in flow):
            await self._client.bind_last(flow, self._action.action_id, self._plan.wanted.action)


async def write_setup(users: UserWriter | None, plan: Plan) -> list[Outcome[IdpChange]]:
    """Write the set-up that a plan found not to be as declared; users are invited to its application afterwards."""
    if users is None or plan.idp is None:
        return []
    users.application = plan.idp.application
    if not plan.at_idp:
        return []
    writer = SetupWriter(users.provider, plan.idp, plan.at_idp)
    outcomes = await writer.write()
    users.application = writer.application
    return outcomes


def new_application(wanted: IdpWanted) -> dict[str, Json]:
    """A regular web application with its SAML2 add-on."""
    return {
        "name": wanted.application,
        "app_type": "regular_web",
        "callbacks": list(wanted.callbacks),
        "addons": {"samlp": merged_addon(wanted, {})},
        "client_metadata": {"flexres": wanted.owner},
    }


def merged_addon(wanted: IdpWanted, have: Mapping[str, Value]) -> dict[str, Json]:
    """The add-on's settings: ours as they should be, all others as they are."""
    merged = {**have, **wanted.addon}
    return {key: value for key, value in merged.items() if value is not ABSENT}


class UserWriter:
    """The operations on users at the provider. `application` is the one that users are invited to."""

    def __init__(self, provider: IdentityProvider) -> None:
        self.provider = provider
        self.application: Application | None = None

    @property
    def _client(self) -> Auth0:
        return self.provider.client

    @property
    def _wanted(self) -> IdpWanted:
        return self.provider.wanted

    async def write(self, change: UserChange) -> None:
        """Give a user their claims; other keys of app_metadata, and of `flex`, stay.

        Raises FlexresError when it failed or did not take.
        """
        edit = change.idp
        if edit is None:
            return
        try:
            if edit.user_id is None:
                await self._create(edit, str(change.desired.full_name) if change.desired else edit.email)
            else:
                await self._update(edit, edit.user_id)
        except UnreachableError:
            raise
        except GoneError:
            raise FlexresError(f"{edit.email} is gone from {self._wanted.provider}", hint="plan again") from None
        except FlexresError as error:
            where = f"nothing was written in Flex; at {self._wanted.provider}"
            raise FlexresError(f"{where}: {told(error)}") from error

    async def _update(self, edit: IdpEdit, user_id: str) -> None:
        found = (await self._client.user(user_id)).flex
        if found is not ABSENT and found is not None and not isinstance(found, Mapping):
            raise FlexresError("app_metadata.flex has become something else than a map", hint="plan again")
        before = dict(found) if isinstance(found, Mapping) else {}
        after = _with(before, edit)
        if same(before, after) and found is not ABSENT:
            return
        held = (await self._client.update_flex(user_id, after)).flex
        if not isinstance(held, Mapping) or not same(held, after):
            raise FlexresError("app_metadata.flex is not as written", hint="run it again")

    async def _create(self, edit: IdpEdit, full_name: str) -> None:
        wanted = self._wanted
        # Nobody knows it, and nobody needs to: whoever is invited chooses their own.
        password = f"{secrets.token_urlsafe(32)}aA1!"
        await self._client.create_user(wanted.connection, edit.email, full_name, password, _with({}, edit))
        if wanted.missing == "invite" and self.application is not None:
            await self._client.invite(self.application.client_id, wanted.connection, edit.email)


def _with(flex: dict[str, Json], edit: IdpEdit) -> dict[str, Json]:
    after = dict(flex)
    for item in edit.fields:
        if item.after is ABSENT:
            after.pop(flex_name(item.key), None)
        else:
            after[flex_name(item.key)] = item.after
    return after


def told(error: FlexresError) -> str:
    """An error in one line."""
    return f"{error}; {error.hint}" if error.hint else str(error)
