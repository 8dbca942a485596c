"""One run over one stack, from its folder to a plan: what the command line and the Pulumi program share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime

from flexres.collector import without_collector
from flexres.desired.model import InForce
from flexres.desired.revision import Author, Revision, authors_of, config_in_force
from flexres.desired.stack import Stack
from flexres.idp.auth0.state import IdentityProvider, open_provider
from flexres.live.flex.users import FlexUsers
from flexres.live.http.retrying import each, together
from flexres.live.http.transport import Transport, connect
from flexres.live.model import AVAILABILITY, History, Instance, LiveUser, Snapshot
from flexres.live.snapshot import Look, read_snapshot, reread
from flexres.live.taskrouter.capacities import FEW, Settings
from flexres.live.taskrouter.events import changed_lately, history_of
from flexres.live.taskrouter.workers import Workers
from flexres.reconcile.ahead import Ahead
from flexres.reconcile.base import Base, compared
from flexres.reconcile.context import Wanted, channels_as_set
from flexres.reconcile.guards.approvals import Approval, Proof, Source
from flexres.reconcile.idp.users import IdpSides
from flexres.reconcile.plan import Plan, make_plan
from flexres.sso.difference import SignOn, setting_changes
from flexres.sso.observe import as_configured, observe


@dataclass(frozen=True, slots=True)
class Session:
    """A loaded stack and a transport to its Flex; `in_force` is the configuration before the change that is planned.

    `every_channel`: no plan of it may take a channel of a Worker for what was set last.
    """

    stack: Stack
    wanted: Wanted
    transport: Transport
    provider: IdentityProvider | None = None
    in_force: InForce | None = None
    every_channel: bool = False

    @property
    def sent(self) -> int:
        """How many requests were sent so far, to Flex and to the identity provider."""
        return self.transport.sent + (self.provider.sent if self.provider is not None else 0)

    @property
    def users(self) -> FlexUsers:
        """The client of the instance's users."""
        return FlexUsers(self.transport, self.stack.config.instance)

    def workers(self, instance: Instance) -> Workers:
        """The client of the instance's Workers."""
        return Workers(self.transport, instance.workspace)

    async def snapshot(
        self, *, routing: bool = False, every_channel: bool = True, look: Look = lambda _: None
    ) -> Snapshot:
        """What Flex says now; with `routing`, of its task queues and Workflows too. `look` is shown Workers on the way.

        Unless `every_channel`, the channels of those to whom the marker says that they were applied are confirmed by
        their capacities, a thousand at a time: see `Snapshot.as_set`.
        A declared user whom the list of users lacks while a Worker of that name exists is read again: lists can
        miss what others change meanwhile, and a new user is provisioned only where there is none.
        """
        config = self.stack.config
        channels_for = {user.username for user in self.wanted.users.values() if user.channels}
        by_few = not (every_channel or self.every_channel) and len(channels_for) >= FEW
        snapshot = await read_snapshot(
            self.transport,
            account=config.account,
            instance=config.instance,
            channels_for=channels_for,
            as_set=self._as_set if by_few else None,
            routing=routing,
            look=look,
        )
        nameless = {worker.friendly_name for worker in snapshot.orphans}
        doubtful = (nameless & self.wanted.users.keys()) - snapshot.users.keys()
        return await reread(self.transport, snapshot, doubtful, channels_for=channels_for) if doubtful else snapshot

    async def _as_set(self, instance: Instance, live: Mapping[str, LiveUser]) -> dict[str, Settings]:
        """Whose channels were applied as the YAML has them, and not made available or unavailable lately."""
        found = channels_as_set(self.wanted.users.values(), live, self.wanted.scope)
        if len(found) < FEW:
            return {}
        now = self.transport.timing.now()
        changed = await changed_lately(self.transport, instance.workspace, AVAILABILITY, until=now)
        return {
            username: settings
            for username, settings in found.items()
            if (worker := live[username].worker) is not None and worker.sid not in changed
        }

    async def histories(self, instance: Instance, workers: Sequence[str], *, until: datetime) -> dict[str, History]:
        """What changed these Workers lately, by SID: one request each."""

        async def one(sid: str) -> History:
            return await history_of(self.transport, instance.workspace, sid, until=until)

        return dict(zip(workers, await each(one, workers), strict=True))

    async def sign_on(self) -> SignOn | None:
        """What can be seen of single sign-on now; None where the stack declares none.

        Raises:
            SetupError: the settings are to be written through an API, and the endpoint has none.
        """
        return await observe(self.stack.config, self.transport) if self.stack.config.sso is not None else None

    async def at_idp(self) -> IdpSides | None:
        """Both sides of the identity provider now; None where the stack manages none.

        Raises:
            SetupError: the environment lacks its credentials, or they lack a scope.
        """
        return IdpSides(self.provider.wanted, await self.provider.read()) if self.provider is not None else None

    async def plan(
        self,
        *,
        as_of: datetime,
        approvals: Sequence[Approval] = (),
        allow_older: bool = False,
        allow_admin: Iterable[str] = (),
        base: Base | None = None,
        idp_alone: bool = False,
    ) -> Plan:
        """The whole difference between the YAML and Flex now, with every guard's word.

        With `base`, what would happen without this change, too, is marked.
        `idp_alone`: only what happens at the identity provider.
        """
        with without_collector():
            ahead = Ahead(self.wanted.users, self.wanted.scope, as_of)
            snapshot, sign_on, idp = await self._read(ahead.look)
            config = self.stack.config
            settings = setting_changes(config, as_configured(sign_on, snapshot.instance)) if sign_on is not None else ()
            plan = make_plan(
                self.wanted,
                snapshot,
                as_of=as_of,
                approvals=approvals,
                allow_older=allow_older,
                allow_admin=allow_admin,
                settings=settings if not idp_alone else (),
                idp=replace(idp, alone=idp_alone) if idp is not None else None,
                in_force=self.in_force,
                ahead=ahead,
            )
            return plan if base is None else compared(plan, base, snapshot)

    async def _read(self, look: Look) -> tuple[Snapshot, SignOn | None, IdpSides | None]:
        """Users, single sign-on and the identity provider, read side by side."""
        snapshots: list[Snapshot] = []
        seen: list[SignOn | None] = []
        sides: list[IdpSides | None] = []

        async def users() -> None:
            snapshots.append(await self.snapshot(routing=True, every_channel=False, look=look))

        async def sign_on() -> None:
            seen.append(await self.sign_on())

        async def idp() -> None:
            sides.append(await self.at_idp())

        await together(users(), sign_on(), idp())
        return snapshots[0], seen[0], sides[0]

    async def plan_for(
        self, usernames: Collection[str], *, instance: Instance, as_of: datetime, by_pages: bool
    ) -> Plan:
        """What would still have to be done for these users; the guards' word on so few means nothing."""
        chosen = {name: user for name, user in self.wanted.users.items() if name in usernames}
        wanted = replace(self.wanted, users=chosen)
        names = set(usernames) | {user.previously for user in chosen.values() if user.previously}
        if by_pages:
            snapshot = await replace(self, wanted=wanted).snapshot()
        else:
            channels_for = {user.username for user in chosen.values() if user.channels}
            nobody = Snapshot(instance=instance, users={})
            snapshot = await reread(self.transport, nobody, names, channels_for=channels_for)
        kept = {name: live for name, live in snapshot.users.items() if name in names}
        return make_plan(wanted, replace(snapshot, users=kept), as_of=as_of, allow_older=True, whole=False)


def wanted_of(stack: Stack, revision: Revision | None) -> Wanted:
    """A loaded stack as the YAML's side of a plan."""
    if revision is None:
        return Wanted(stack.name, stack.config, stack.users)
    return Wanted(stack.name, stack.config, stack.users, revision.commit, revision.time, revision.dirty)


def committed_approvals(stack: Stack, revision: Revision) -> tuple[Approval, ...]:
    """What flex.yaml approves, each with what git tells of the commit that wrote its lines."""
    written = list(_written(stack))
    found = authors_of(sorted({line for _, lines in written for line in lines}), revision)
    return tuple(_by_author(approval, [found[line] for line in lines if line in found]) for approval, lines in written)


def _written(stack: Stack) -> Iterator[tuple[Approval, Sequence[int]]]:
    """Each approval, and the lines of flex.yaml that make it: its digest's, its last day's and its entry's."""
    for number, entry in enumerate(stack.config.policy.approved):
        place = stack.position("policy", "approved", number)
        until = stack.position("policy", "approved", number, "until")
        for digest, username in entry.digests.items():
            path = ("digests", username) if username else ("digest",)
            line = stack.position("policy", "approved", number, *path).line
            approval = Approval(digest, Source.COMMITTED, place=place, purpose=entry.purpose, until=entry.until)
            yield replace(approval, username=username), (line, until.line, place.line)


def _by_author(approval: Approval, authors: Sequence[Author]) -> Approval:
    """The approval with who wrote its lines; of lines by several commits nobody approved all as it stands."""
    if not authors:
        return approval
    commits = sorted({one.commit[:7] for one in authors if one.commit})
    author = next((one for one in authors if not one.commit), authors[0])
    if author.commit and len(commits) > 1:
        author = Author(unknown=f"its lines are of several commits: {', '.join(commits)}")
    proof = Proof.SIGNATURE if author.signed else Proof.NONE
    return replace(approval, who=author.name, commit=author.commit, unknown=author.unknown, proof=proof)


@asynccontextmanager
async def open_session(
    stack: Stack, *, environ: Mapping[str, str], revision: Revision | None, read_only: bool, base: str = ""
) -> AsyncIterator[Session]:
    """Connect to the stack's Flex with the environment's credentials.

    Plans are judged by the policy in force at `base`, too; without one by that of the commit before.

    Raises SetupError when the environment lacks credentials or names those of another account, or `base` is no commit.
    """
    config = stack.config
    transport = connect(
        stack=stack.name, account=config.account, endpoint=config.endpoint, environ=environ, read_only=read_only
    )
    async with (
        transport,
        open_provider(stack.name, config, environ=environ, read_only=read_only) as provider,
    ):
        in_force = config_in_force(revision.folder, revision, base, now=config) if revision is not None else None
        yield Session(stack, wanted_of(stack, revision), transport, provider, in_force)
