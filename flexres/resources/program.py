"""The Pulumi program's one step: the stack's YAML, checked, as resources; what it cannot do it says in one error."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import pulumi

from flexres.apply.pulumi.channel import PROGRAM, Sender
from flexres.apply.pulumi.project import refuse_forgetful_backend
from flexres.desired.load import load_stack
from flexres.desired.source import FolderSource
from flexres.desired.stack import Stack
from flexres.errors import FlexresError, SetupError
from flexres.live import credentials
from flexres.resources import messages as words
from flexres.resources.departures import Departures
from flexres.resources.identity_provider import IdentityProvider
from flexres.resources.properties import desired_properties
from flexres.resources.roster import Roster
from flexres.resources.settings import SWITCH_ENGINE, settings
from flexres.resources.sso_connection import SsoConnection
from flexres.resources.trusted_domain import TrustedDomain, trusted_properties
from flexres.resources.user import User
from flexres.sso.difference import setting_changes
from flexres.sso.sightings import SignOn

_WARNINGS: Final = 20
_FRAMES: Final = 8
"""Six are the SDK's own and the constructor's; what is left of ours says where a resource comes from."""

_OURS: Final = ("flexres:", "twilio:")


@dataclass(frozen=True, slots=True)
class Declared:
    """The resources of a stack."""

    roster: Roster
    users: Sequence[User]
    departures: Departures
    identity_provider: IdentityProvider | None = None


def load(name: str, project: Path, environ: Mapping[str, str] = os.environ) -> Stack:
    """The stack of this name, from the project in this folder, if it is to be run by this engine.

    Raises:
        pulumi.RunError: with everything that is wrong, each as file:line:column.
    """
    try:
        told = settings(environ, project)
        source = FolderSource(told.stacks / name, shown_as=f"{told.stacks.name}/{name}")
        stack = load_stack(source, name=name, as_of=datetime.now(UTC).date())
        _check_engine(stack, told.switch)
        _check_config(name)
        refuse_forgetful_backend(project, environ)
        # The provider takes them from the same environment; said here, it is one line and not one a resource.
        credentials.from_environment(name, stack.config.account, environ)
        credentials.endpoint(stack.config.endpoint, environ)
    except FlexresError as error:
        failure = words.failure(error, PROGRAM, name)
        Sender(environ).failure(name, failure)
        raise pulumi.RunError("\n  ".join(filter(None, (failure.message, failure.hint)))) from None
    for problem in stack.warnings[:_WARNINGS]:
        pulumi.warn(words.problem(problem))
    return stack


@contextmanager
def _short_stack() -> Iterator[None]:
    """Meanwhile the SDK sees the innermost frames alone: it stores every resource's whole call stack in the state.

    That would be a third of the state.
    """
    before = getattr(sys, "tracebacklimit", None)
    sys.tracebacklimit = _FRAMES
    try:
        yield
    finally:
        if before is None:
            del sys.tracebacklimit
        else:
            sys.tracebacklimit = before


@_short_stack()
def declare(stack: Stack) -> Declared:
    """The resources of the stack: whoever's last day has passed has none any more."""
    roster = Roster(stack)
    today = datetime.now(ZoneInfo(stack.config.policy.timezone)).date()
    users = [_user(stack, username, roster) for username in declared_usernames(stack, today)]
    departures = Departures(_after(users, stack.name), pulumi.ResourceOptions(depends_on=[roster]))
    provider = None
    if stack.config.idp is not None:
        options = pulumi.ResourceOptions(depends_on=[roster])
        provider = IdentityProvider(stack.name, stack.config.idp.domain, options)
    _declare_sign_on(stack, roster)
    return Declared(roster, users, departures, provider)


def _declare_sign_on(stack: Stack, roster: Roster) -> None:
    """Entries come after the connection: its type decides what an entry may be."""
    if stack.config.sso is None:
        return
    connection = SsoConnection(stack, pulumi.ResourceOptions(depends_on=[roster]))
    for properties in trusted_properties(stack):
        TrustedDomain(properties, pulumi.ResourceOptions(depends_on=[connection]))


def declared_usernames(stack: Stack, today: date) -> list[str]:
    """Whom the program declares on a day of the policy's time zone."""
    return [name for name, user in stack.users.items() if user.until is None or today <= user.until]


def export(stack: Stack, declared: Declared) -> None:
    """What other stacks need: counts and the instance's SIDs. No personal data."""
    pulumi.export("account", stack.config.account)
    pulumi.export("instance", stack.config.instance)
    pulumi.export("workspace", declared.roster.workspace)
    pulumi.export("users", len(declared.users))
    if stack.config.sso is not None:
        waiting = [each.name for each in setting_changes(stack.config, SignOn()) if each.waits]
        pulumi.export("sso_pending", waiting)


def _user(stack: Stack, username: str, roster: Roster) -> User:
    user = stack.users[username]
    aliases = [pulumi.Alias(name=user.previously)] if user.previously else None
    options = pulumi.ResourceOptions(depends_on=[roster], aliases=aliases)
    return User(username, desired_properties(stack.name, user), options)


async def _after(users: Sequence[User], name: str) -> str:
    """The stack's name, once every user is through. No dependency: one who fails must not keep others from leaving."""
    await asyncio.gather(*(user.urn.future() for user in users), return_exceptions=True)
    return name


def _check_engine(stack: Stack, switch: str) -> None:
    if stack.config.engine == "direct" and switch != stack.name:
        place = stack.position("engine")
        raise SetupError(
            f"the engine of {stack.name} is direct ({place}): pulumi is refused, so that a laptop and CI do the same",
            hint=f"use flexres apply --stack {stack.name}, write engine: pulumi, or set {SWITCH_ENGINE}={stack.name} "
            "for this once",
        )


def _check_config(name: str) -> None:
    """Pulumi keeps its config in the state and uses it, stale, for refresh and destroy: so flexres takes none."""
    keys = sorted(key for key in json.loads(os.environ.get("PULUMI_CONFIG") or "{}") if key.startswith(_OURS))
    if keys:
        raise SetupError(
            f"Pulumi's config of {name} holds {', '.join(keys)}, which flexres does not read",
            hint=f"take it out with pulumi config rm {keys[0]}: credentials come from the environment only, and "
            "everything else from flex.yaml",
        )
