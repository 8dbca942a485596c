"""One run over one stack, from its folder to a plan: what the command line and the Pulumi program share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime

from flexres.collector import without_collector
from flexres.desired.revision import Revision
from flexres.desired.stack import Stack
from flexres.live.connect import connect
from flexres.live.flex_users import FlexUsers
from flexres.live.model import Instance, Snapshot
from flexres.live.snapshot import read_snapshot, reread
from flexres.live.taskrouter import Workers
from flexres.live.transport import Transport
from flexres.reconcile.guards import Approval
from flexres.reconcile.model import Plan
from flexres.reconcile.plan import Wanted, make_plan


@dataclass(frozen=True, slots=True)
class Session:
    """A loaded stack and a transport to its Flex."""

    stack: Stack
    wanted: Wanted
    transport: Transport

    @property
    def users(self) -> FlexUsers:
        """The client of the instance's users."""
        return FlexUsers(self.transport, self.stack.config.instance)

    def workers(self, instance: Instance) -> Workers:
        """The client of the instance's Workers."""
        return Workers(self.transport, instance.workspace)

    async def snapshot(self) -> Snapshot:
        """What Flex says now.

        A declared user whom the list of users lacks while a Worker of that name exists is read again: lists can
        miss what others change meanwhile, and a new user is provisioned only where there is none.
        """
        config = self.stack.config
        channels_for = {user.username for user in self.wanted.users.values() if user.channels}
        snapshot = await read_snapshot(
            self.transport, account=config.account, instance=config.instance, channels_for=channels_for
        )
        nameless = {worker.friendly_name for worker in snapshot.orphans}
        doubtful = (nameless & self.wanted.users.keys()) - snapshot.users.keys()
        return await reread(self.transport, snapshot, doubtful, channels_for=channels_for) if doubtful else snapshot

    async def plan(
        self,
        *,
        as_of: datetime,
        approvals: Sequence[Approval] = (),
        allow_older: bool = False,
        allow_admin: Iterable[str] = (),
    ) -> Plan:
        """The whole difference between the YAML and Flex now, with every guard's word."""
        with without_collector():
            return make_plan(
                self.wanted,
                await self.snapshot(),
                as_of=as_of,
                approvals=approvals,
                allow_older=allow_older,
                allow_admin=allow_admin,
            )

    async def plan_for(
        self, usernames: Collection[str], *, instance: Instance, as_of: datetime, by_pages: bool
    ) -> Plan:
        """What would still have to be done for these users; the guards' word on so few means nothing."""
        chosen = {name: user for name, user in self.wanted.users.items() if name in usernames}
        wanted = replace(self.wanted, users=chosen)
        names = set(usernames) | {user.previously for user in chosen.values() if user.previously}
        if by_pages:
            snapshot = await self.snapshot()
        else:
            channels_for = {user.username for user in chosen.values() if user.channels}
            nobody = Snapshot(instance=instance, users={})
            snapshot = await reread(self.transport, nobody, names, channels_for=channels_for)
        kept = {name: live for name, live in snapshot.users.items() if name in names}
        return make_plan(wanted, replace(snapshot, users=kept), as_of=as_of, allow_older=True)


def wanted_of(stack: Stack, revision: Revision | None) -> Wanted:
    """A loaded stack as the YAML's side of a plan."""
    commit, time = (revision.commit, revision.time) if revision else (None, None)
    return Wanted(stack.name, stack.config, stack.users, commit, time)


@asynccontextmanager
async def open_session(
    stack: Stack, *, environ: Mapping[str, str], revision: Revision | None, read_only: bool
) -> AsyncIterator[Session]:
    """Connect to the stack's Flex with the environment's credentials.

    Raises SetupError when the environment lacks credentials or names those of another account.
    """
    config = stack.config
    transport = connect(
        stack=stack.name, account=config.account, endpoint=config.endpoint, environ=environ, read_only=read_only
    )
    async with transport:
        yield Session(stack, wanted_of(stack, revision), transport)
