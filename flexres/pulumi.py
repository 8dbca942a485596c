"""What a Pulumi program uses of flexres: `FlexStack`, a stack's YAML as resources beside whatever else it declares."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

import pulumi

from flexres.desired.stack import Stack
from flexres.resources.departures import Departures
from flexres.resources.identity_provider import IdentityProvider
from flexres.resources.program import NO_FRAMES, load, short_call_stacks, without_the_sdks_own_debug_lines
from flexres.resources.properties import desired_properties, team_of
from flexres.resources.roster import Roster
from flexres.resources.sso_connection import SsoConnection
from flexres.resources.team import Team, team_properties
from flexres.resources.trusted_domain import TrustedDomain, trusted_properties
from flexres.resources.user import User
from flexres.sso.difference import SignOn, setting_changes

T = TypeVar("T")

TYPE: Final = "flexres:index:FlexStack"
"""The component's type. It stands in users' states, so it never changes."""

_AT_ONCE: Final = 100
"""So many users are registered at a time: enough for the engine to be busy, few enough to be held in memory."""


class FlexStack(pulumi.ComponentResource):
    """One stack of flexres, from `stacks/<name>/` beside the program; a program may declare several.

    Everything is validated before anything is declared. The resources of the stack that has the name of Pulumi's own
    are called as they are (a user by username, a team by its file); those of any other begin with its name and a slash.
    """

    name: str
    """The stack's name."""
    account: pulumi.Output[str]
    """The account's SID."""
    instance: pulumi.Output[str]
    """The SID of the Flex instance."""
    workspace: pulumi.Output[str]
    """The SID of the TaskRouter Workspace."""
    users: pulumi.Output[int]
    """How many users are declared, those left out whose last day has passed."""
    usernames: pulumi.Output[Mapping[str, Sequence[str]]]
    """Team (its file without .yaml) → usernames."""
    pending: pulumi.Output[Sequence[str]]
    """The settings of single sign-on that wait for a person in Twilio Console; none where the stack declares none."""

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare the stack of this name.

        Raises:
            pulumi.RunError: with everything that is wrong, each as file:line:column.
        """
        _end_quietly_when_interrupted()
        stack = load(name, Path.cwd(), os.environ)
        if len(stack.users) > _AT_ONCE and stack.config.resources == "user":
            without_the_sdks_own_debug_lines()
        with short_call_stacks():
            super().__init__(TYPE, name, None, opts)
            self._prefix = "" if name == pulumi.get_stack() else f"{name}/"
            self.name, self._stack = name, stack
            # The engine does not hand on what a component waits for to what is declared within.
            self._declare(pulumi.ResourceOptions(parent=self, depends_on=opts.depends_on if opts else None))
            self.register_outputs(self._exported())

    def export(self) -> None:
        """Make outputs of the Pulumi stack of what other stacks need: counts and SIDs, no personal data."""
        for name, value in self._exported().items():
            pulumi.export(name, value)

    def _declare(self, first: pulumi.ResourceOptions) -> None:
        """All resources; the first, on which all others depend, has these options."""
        stack = self._stack
        usernames = declared_usernames(stack, datetime.now(ZoneInfo(stack.config.policy.timezone)).date())
        roster = Roster(self._prefix, stack, first)
        teams = by_team(stack, usernames)
        if stack.config.resources == "team":
            through = self._registered(partial(self._team, roster), teams.items())
        else:
            through = self._registered(partial(self._user, roster), usernames)
        Departures(self._prefix, through, self._options(roster))
        if stack.config.idp is not None:
            IdentityProvider(self._prefix, stack.name, stack.config.idp.domain, self._options(roster))
        self._declare_sign_on(roster)
        self.account = pulumi.Output.from_input(stack.config.account)
        self.instance = pulumi.Output.from_input(stack.config.instance)
        self.workspace = roster.workspace
        self.users = pulumi.Output.from_input(len(usernames))
        self.usernames = pulumi.Output.from_input(teams)
        waiting = setting_changes(stack.config, SignOn()) if stack.config.sso is not None else ()
        self.pending = pulumi.Output.from_input([each.name for each in waiting if each.waits])

    async def _registered(self, declare: Callable[[T], User | Team], items: Iterable[T]) -> str:
        """The stack's name, once every user is through: so many at a time, for the SDK's waiting costs their square.

        The next is declared as soon as one is through, so that the engine never waits for the program. No dependency:
        one who fails must not keep others from leaving.
        """
        room = asyncio.Semaphore(_AT_ONCE)

        async def through(resource: User | Team) -> None:
            await asyncio.wait([asyncio.ensure_future(resource.urn.future())])
            resource.forget()
            room.release()

        async with asyncio.TaskGroup() as under_way:
            for item in items:
                await room.acquire()
                with short_call_stacks(NO_FRAMES):
                    under_way.create_task(through(declare(item)))
        return self.name

    def _user(self, roster: Roster, username: str) -> User:
        user = self._stack.users[username]
        aliases = [pulumi.Alias(name=f"{self._prefix}{user.previously}")] if user.previously else None
        options = pulumi.ResourceOptions(parent=self, depends_on=[roster], aliases=aliases)
        return User(f"{self._prefix}{username}", desired_properties(self._stack.name, user), options)

    def _team(self, roster: Roster, declared: tuple[str, Sequence[str]]) -> Team:
        team, usernames = declared
        users = (self._stack.users[username] for username in usernames)
        return Team(self._prefix, team_properties(self._stack.name, team, users), self._options(roster))

    def _declare_sign_on(self, roster: Roster) -> None:
        """Entries come after the connection: its type decides what an entry may be."""
        if self._stack.config.sso is None:
            return
        connection = SsoConnection(self._prefix, self._stack, self._options(roster))
        for properties in trusted_properties(self._stack):
            TrustedDomain(self._prefix, properties, self._options(connection))

    def _options(self, depends_on: pulumi.Resource) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self, depends_on=[depends_on])

    def _exported(self) -> dict[str, pulumi.Output[object]]:
        found: dict[str, pulumi.Output[object]] = {
            name: getattr(self, name) for name in ("account", "instance", "workspace", "users")
        }
        return found | ({"sso_pending": self.pending} if self._stack.config.sso is not None else {})


def declared_usernames(stack: Stack, today: date) -> list[str]:
    """Whom the program declares on a day of the policy's time zone."""
    return [name for name, user in stack.users.items() if user.until is None or today <= user.until]


def by_team(stack: Stack, usernames: Sequence[str]) -> dict[str, list[str]]:
    """Team → usernames: a team is called as its file, without .yaml."""
    teams: dict[str, list[str]] = {}
    for username in usernames:
        teams.setdefault(team_of(stack.users[username]), []).append(username)
    return teams


def _end_quietly_when_interrupted() -> None:
    """The engine interrupts the program when a resource fails; Python's own handler would add a traceback."""
    default = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if default and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, lambda *_: os._exit(130))


__all__ = ["FlexStack"]
