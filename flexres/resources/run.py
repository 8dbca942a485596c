"""One stack's run inside the provider process: the plan and the guards' word on it, and the operations it allows."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from flexres.apply.direct import SILENCES, context_of
from flexres.apply.idp import write_setup
from flexres.apply.journal import JournalError, open_journal
from flexres.apply.journal import Run as JournalRun
from flexres.apply.outcome import C_co, Outcome, Result, UserOutcome, failed
from flexres.apply.pulumi.channel import Sender
from flexres.apply.sso import SignOnWriter, to_write
from flexres.apply.users.context import Context
from flexres.apply.users.operations import carry_out
from flexres.collector import without_collector
from flexres.desired.revision import Revision, is_pipeline, operator
from flexres.errors import NOBODY_GETS_THROUGH, FlexresError, RefusedError, SetupError
from flexres.live.model import LiveUser
from flexres.reconcile.change import Arrival, Change, Edit, Kind, Rename, SettingChange, UserChange
from flexres.reconcile.diff import retired, written
from flexres.reconcile.guards.approvals import Approval, Source
from flexres.reconcile.plan import Plan, make_plan
from flexres.reconcile.saved_plan import fingerprint
from flexres.resources import messages as words
from flexres.resources import settings as names
from flexres.resources.messages import Teller
from flexres.resources.reading import Once, Reading
from flexres.resources.settings import Settings
from flexres.session import Session, committed_approvals
from flexres.sso.difference import SignOn, setting_changes
from flexres.sso.observe import as_configured


@dataclass(frozen=True, slots=True)
class Verdict:
    """The whole plan, its changes by username, and why nothing of it may be applied (empty: it may)."""

    plan: Plan
    changes: Mapping[str, UserChange]
    refusal: str


class Run:
    """What the resources of one stack share. Its methods run on one event loop.

    As far as the engine had them read: `refreshed` are those with a resource of their own in Pulumi's state, `in_teams`
    are by the team whose resource they stand in. `anew` are those whose resource is not in that state yet, `joining`
    those whom their team's resource did not hold. `looked`: the engine had somebody read, as it does in a refresh.
    """

    def __init__(
        self, session: Session, revision: Revision, settings: Settings, teller: Teller, sender: Sender
    ) -> None:
        self.session = session
        self.reading = Reading(session)
        self._revision = revision
        self._settings = settings
        self._teller = teller
        self._sender = sender
        self._judged = Once(self._judge)
        self._verdict: Verdict | None = None
        self._everybody = Once(self._all_leave)
        self._context = Once(self._open_context)
        self._turns = asyncio.Semaphore(session.transport.limiter.ceiling)
        self._written: set[str] = set()
        self._doubtful: set[str] = set()
        self._gone: set[str] = set()
        self._waiting: set[str] = set()
        self._destroy_refused = False
        self._stopped: FlexresError | None = None
        self._silent = 0
        self.refreshed: set[str] = set()
        self.in_teams: dict[str, str] = {}
        self.anew: set[str] = set()
        self.joining: set[str] = set()
        self.looked = False
        self._sightings = Once(self._look)

    async def verdict(self) -> Verdict:
        """The plan of this run, made when it is first asked for, with every guard's word. Raises the same for all."""
        return await self._judged.get()

    async def _judge(self) -> Verdict:
        try:
            plan = await self._plan()
        finally:
            self._sender.requests(self.session.stack.name, self.session.sent)
        refusal = words.refusal(plan) or self._moved(plan)
        self._verdict = Verdict(plan, {change.username: change for change in plan.users}, refusal)
        if plan.dirty:
            self._teller.warn(words.dirty(self.session.wanted))
        for line, warns in words.remarks(plan):
            (self._teller.warn if warns else self._teller.note)(line)
        return self._verdict

    async def any_pending(self, usernames: Iterable[str]) -> bool:
        """Whether the plan has something to do for these users, or to say: who is blocked fails when it comes to it."""
        changes = (await self.verdict()).changes
        found = (changes.get(name) for name in usernames if name not in self._written)
        return any(change.pending or _is_blocked(change) for change in found if change is not None)

    async def say_who_moved(self) -> None:
        """Say who stands elsewhere in Pulumi's state than before, so that its creates and deletes frighten nobody."""
        changes = (await self.verdict()).changes
        anew = {name for name in self.anew if not isinstance(changes.get(name), Arrival)}
        unseen = {
            name
            for name in (self.anew | self.joining) - self.in_teams.keys()
            if not self.looked and _is_ours_already(changes.get(name))
        }
        self.say(words.moves(self.session.stack, self.refreshed, self.in_teams, anew, unseen))

    def say(self, lines: Iterable[str]) -> None:
        """Lines for whoever looks at the engine."""
        for line in lines:
            self._teller.note(line)

    async def departing(self) -> list[UserChange]:
        """Who leaves without a resource of their own: who waits, and whom Pulumi's state has forgotten."""
        changes = (await self.verdict()).plan.users
        return [change for change in changes if change.leaves and change.username not in self.refreshed]

    async def make_so(self, *usernames: str) -> None:
        """Bring declared users to what the YAML says, side by side. Raises FlexresError with all who failed."""
        verdict = await self.allowed()
        changes = [verdict.changes.get(name) for name in usernames if name not in self._written]
        changes += [await self._again(name) for name in usernames if name in self._written]
        await self._carry_out(
            change for change in changes if change and not change.leaves and (change.pending or _is_blocked(change))
        )

    async def look_again(self, usernames: Collection[str]) -> None:
        """Read anew for whom of these a write failed: it may be done in part. Where that fails, they stay as known."""
        if self._stopped is None:
            await self.reading.again([name for name in usernames if name in self._doubtful])

    async def retire(self, *usernames: str) -> None:
        """Let users leave whose resource is gone from the program, or whose stack is being destroyed.

        Whoever is declared, or not ours, is left alone. Raises FlexresError with all who failed.
        """
        await self._carry_out(filter(None, [await self._departure(username) for username in usernames]))

    async def retire_forgotten(self) -> None:
        """Let everybody leave who does so without a resource. Raises FlexresError with all who failed."""
        await self.allowed()
        await self._carry_out(await self.departing())

    async def retire_the_rest(self) -> None:
        """Let everybody of ours leave whom a destroy has not reached. Raises FlexresError: who failed, or waits."""
        everybody = (await self._everybody.get()).values()
        await self._carry_out(change for change in everybody if change.leaves and change.marker is not None)
        if self._waiting:
            raise FlexresError(f"{words.named(sorted(self._waiting))}: {words.DESTROY_AGAIN}")

    async def at_idp(self) -> list[str]:
        """The parts of the identity provider's set-up that are not as declared."""
        return [f"{change.part}: {change.key}" for change in (await self.verdict()).plan.at_idp]

    async def write_idp(self) -> None:
        """Make the identity provider's set-up as declared. Raises FlexresError with all that failed."""
        plan = (await self.allowed()).plan
        context = await self._context.get()
        for change in plan.at_idp:
            context.journal.begins(change)
        self._check_done([self._noted(context, one) for one in await write_setup(context.idp, plan)])

    @property
    def judged(self) -> bool:
        """Whether a plan was judged in this process: otherwise this is a refresh, or the end of a whole stack."""
        return self._verdict is not None

    async def sign_on(self) -> tuple[SettingChange, ...]:
        """The settings of single sign-on as they stand now, read once."""
        return setting_changes(self.session.wanted.config, await self._sightings.get())

    async def _look(self) -> SignOn:
        seen = await self.session.sign_on()
        return SignOn() if seen is None else as_configured(seen, (await self.reading.snapshot()).instance)

    async def write_sign_on(self, which: Callable[[SettingChange], bool]) -> None:
        """Write these of the settings that an API writes. Raises FlexresError with all that failed."""
        plan = (await self.allowed()).plan
        chosen = [each for each in plan.settings if which(each)]
        writer = SignOnWriter(self.session.wanted.config, self.session.transport)
        context = await self._context.get()
        for change in to_write(chosen):
            context.journal.begins(change)
        outcomes = [*await writer.before_users(chosen), *await writer.after_users(chosen)]
        self._check_done([self._noted(context, outcome) for outcome in outcomes])

    def check_destroy(self) -> None:
        """Raises RefusedError unless a plan was judged in this process, or the stack may be destroyed."""
        name = self.session.stack.name
        if self._verdict is None and self._settings.destroy != name:
            if self._destroy_refused:
                raise RefusedError("refused, as the first was: see there")
            self._destroy_refused = True
            raise RefusedError(
                f"refused: no roster of {name} was checked, so this is pulumi destroy, an up whose targets lack the "
                f"roster, or a state that came from elsewhere; nobody of {name} was changed",
                hint=f"to retire every user of the stack, set {names.ALLOW_DESTROY}={name}; for a target, add "
                "--target '**::roster'; what is another stack's goes with pulumi state delete",
            )

    async def _plan(self) -> Plan:
        settings, stack = self._settings, self.session.stack
        who = operator(self._revision.folder, os.environ) if settings.approve else ""
        given = (Approval(digest, Source.ENVIRONMENT, who) for digest in settings.approve)
        snapshot = await self.reading.snapshot()
        idp = await self.session.at_idp()
        with without_collector():
            return make_plan(
                self.session.wanted,
                snapshot,
                idp=idp,
                settings=await self.sign_on(),
                as_of=datetime.now(UTC),
                approvals=(*committed_approvals(stack, self._revision), *given),
                allow_older=settings.allow_older,
                allow_admin=settings.allow_admin,
                in_force=self.session.in_force,
            )

    def _moved(self, plan: Plan) -> str:
        """Why this is not the plan that was to be applied, if one was named."""
        if self._settings.may_apply(plan.stack, fingerprint(plan)):
            return ""
        return "Flex or the YAML has changed since the plan was made: nothing was changed; plan again"

    async def allowed(self) -> Verdict:
        """The plan of this run. Raises RefusedError where a guard, or anything else, refuses all of it."""
        verdict = await self.verdict()
        if verdict.refusal:
            raise RefusedError(verdict.refusal)
        return verdict

    async def _departure(self, username: str) -> UserChange | None:
        self.check_destroy()
        if self._verdict is None:
            return (await self._everybody.get()).get(username)
        change = (await self.allowed()).changes.get(username)
        if change is not None and _is_blocked(change) and username not in self.session.wanted.users:
            return change
        return change if change is not None and change.leaves else None

    async def _all_leave(self) -> Mapping[str, UserChange]:
        """Everybody of ours as leaving, as if the YAML declared nobody."""
        wanted = replace(self.session.wanted, users={})
        plan = make_plan(wanted, await self.reading.snapshot(), as_of=datetime.now(UTC), allow_older=True)
        return {change.username: change for change in plan.users}

    async def _again(self, username: str) -> UserChange | None:
        """What is still to be done for a user whom this process wrote before; no more than the verdict holds."""
        plan = (await self.allowed()).plan
        fresh = await self.session.plan_for({username}, instance=plan.instance, as_of=plan.as_of, by_pages=False)
        beyond = {item.digest for item in fresh.guarded} - {item.digest for item in plan.guarded}
        if beyond:
            raise RefusedError(f"{username} has changed in Flex since the roster was checked", hint="run it again")
        return next((change for change in fresh.users if change.username == username), None)

    async def _carry_out(self, changes: Iterable[UserChange]) -> None:
        """Carry out these changes of users, but for whoever is gone. Raises FlexresError with all who failed."""
        left = [change for change in changes if not (change.leaves and change.username in self._gone)]
        self._check_done(await asyncio.gather(*map(self._carried_out, left)))

    async def _carried_out(self, change: UserChange) -> UserOutcome:
        """What became of one change of a user; nobody is begun with once the run cannot go on."""
        context = await self._context.get()
        async with self._turns:
            performed = await self._performed(context, change)
            if performed.result is Result.WAITING and not self.judged:
                # The resource that would retire them in a later run goes with the stack.
                performed = replace(performed, message=words.DESTROY_AGAIN)
            outcome = self._noted(context, performed)
        if outcome.result is Result.FAILED:
            self._doubtful.add(change.username)
        if outcome.result is Result.WAITING:
            self._waiting.add(change.username)
            self._teller.warn(f"{change.username} waits to leave: {outcome.message}")
        for username, live in self._after(change, outcome.result):
            self._written.add(username)
            self.reading.known(username, live)
        return outcome

    async def _performed(self, context: Context, change: UserChange) -> UserOutcome:
        if self._stopped is not None:
            return Outcome(change, Result.NOT_STARTED, self._stopped.message)
        try:
            outcome = await carry_out(context, change)
        except JournalError as error:
            self._stopped = error
            return Outcome(change, Result.NOT_STARTED, error.message)
        except NOBODY_GETS_THROUGH as error:
            self._silent += 1
            if self._silent >= SILENCES:
                self._stopped = error
            return failed(change, error)
        self._silent = 0
        return outcome

    def _noted(self, context: Context, outcome: Outcome[C_co]) -> Outcome[C_co]:
        """The outcome, told to whoever drives the engine, and journalled where anything was begun."""
        try:
            if outcome.result is not Result.NOT_STARTED:
                context.journal.outcome(outcome)
        except JournalError as error:
            # What nobody can look up later is not done.
            self._stopped = error
            outcome = replace(outcome, result=Result.FAILED, message=f"{outcome.result}, but {error.message}")
        stack = self.session.stack.name
        self._sender.outcome(stack, outcome)
        self._sender.requests(stack, self.session.sent)
        return outcome

    def _check_done(self, outcomes: Sequence[Outcome[Change]]) -> None:
        """Raises NotDoneError, with a line that names each, where some are neither done nor waiting."""
        failed = [one for one in outcomes if one.result not in {Result.DONE, Result.WAITING}]
        if failed:
            raise words.NotDoneError(failed, self.session.stack.line_of)

    def _after(self, change: UserChange, result: Result) -> Iterable[tuple[str, LiveUser]]:
        """Who is known to be otherwise now, and how."""
        wanted = self.session.wanted
        if result not in {Result.DONE, Result.WAITING}:
            return
        if change.leaves:
            self._gone.add(change.username)
            if change.kind is not Kind.LET_GO and result is Result.DONE and change.live:
                yield change.username, retired(change.live)
            return
        if isinstance(change, Arrival | Edit | Rename):
            yield change.username, written(change, wanted.scope, wanted.commit_time)
        if change.old and result is Result.DONE:
            yield change.old.username, retired(change.old)

    async def _open_context(self) -> Context:
        """What every write needs. Raises SetupError where a pipeline would write what no commit holds."""
        stack, revision = self.session.stack, self._revision
        if self.session.wanted.dirty and is_pipeline(os.environ) and not self._settings.allow_dirty:
            hint = f"commit it, or set {names.ALLOW_DIRTY}=1 to go on"
            raise SetupError(words.dirty(self.session.wanted), hint=hint)
        run = JournalRun(stack.name, operator(revision.folder, os.environ), revision.commit, revision.dirty)
        journal = open_journal(self._settings.journal, self._settings.stacks, run)
        plan = self._verdict.plan if self._verdict else await self._plan()
        older = self._settings.allow_older or self._verdict is None
        context = context_of(self.session, plan, journal, allow_older=older)
        journal.approvals(plan.guarded)
        if context.idp is not None and plan.idp is not None:
            # Users may come before the set-up, or there is nothing of it to write.
            context.idp.application = plan.idp.application
        return context


def _is_ours_already(change: UserChange | None) -> bool:
    return change is None or change.kind in {Kind.UPDATE, Kind.AT_IDP}


def _is_blocked(change: UserChange) -> bool:
    return change.kind is Kind.BLOCKED
