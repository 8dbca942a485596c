"""From a command's options to an open session: the stack's YAML, its commit, approvals, engine, the way to Flex."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from flexres.apply.pulumi.project import Chosen, choose, find_pulumi, install, project_of, required
from flexres.cli.options import LogFormat
from flexres.cli.output import configure_logs, note
from flexres.cli.stacks import choose_stack, load, refuse_clashes
from flexres.desired.load import Stack
from flexres.desired.model import DIGEST_LENGTH, DIGEST_PATTERN
from flexres.desired.revision import Revision, operator, read_revision
from flexres.errors import SetupError
from flexres.files import folder_above
from flexres.live.http.hosting import NOT_ASKED, HostingApi, Reviewed, pipeline_hosting, reviewers_of, run_approvers
from flexres.reconcile.base import Base
from flexres.reconcile.guards.approvals import Approval, Proof, Source
from flexres.reconcile.plan import Plan
from flexres.report.next_step import PlanRun
from flexres.report.wording import plural
from flexres.session import Session, committed_approvals, open_session

if TYPE_CHECKING:
    from flexres.apply.pulumi.engine import Engine


@dataclass(frozen=True, slots=True)
class Lifts:
    """What the command line lifts: digests of guarded changes, users who may become admin, an older checkout."""

    digests: Sequence[str] = ()
    admins: Sequence[str] = ()
    older: bool = False


@dataclass(frozen=True, slots=True)
class Opened:
    """A stack with everything a plan of it needs. `judged_by` is the revision that somebody named for that, if any."""

    stack: Stack
    revision: Revision
    approvals: tuple[Approval, ...]
    lifts: Lifts
    session: Session
    judged_by: str = ""
    reviewed: Reviewed = NOT_ASKED

    @property
    def by(self) -> str:
        """Who is running this."""
        return operator(self.revision.folder, os.environ)

    async def plan(self, *, base: Base | None = None, idp_alone: bool = False) -> tuple[Plan, PlanRun]:
        """The whole difference, now, and what reports tell of how it was found.

        Compared with `base` where one is given. `idp_alone`: only what happens at the identity provider.
        """
        sent, started = self.session.sent, time.perf_counter()
        plan = await self.session.plan(
            as_of=datetime.now(UTC),
            approvals=self.approvals,
            allow_older=self.lifts.older,
            allow_admin=self.lifts.admins,
            base=base,
            idp_alone=idp_alone,
        )
        seconds, requests = time.perf_counter() - started, self.session.sent - sent
        run = PlanRun(seconds, requests, base.name if base is not None else "")
        return plan, replace(run, apply=("idp apply",), look=("idp plan",)) if idp_alone else run

    def position(self, username: str) -> str | None:
        """The file and line that declare a user, such as `stacks/prod/users/ops.yaml:14`; None if none does."""
        return self.stack.line_of(username)


@asynccontextmanager
async def opened(
    name: str | None,
    stacks: Path,
    *,
    read_only: bool,
    log: LogFormat,
    lifts: Lifts = Lifts(),
    base: str | None = None,
    every_channel: bool = False,
) -> AsyncIterator[Opened]:
    """Loads the chosen stack and connects to its Flex, with this process' log set up before.

    Plans are judged by the policy in force at `base`, too; without one by that of the commit before. With
    `every_channel` they read the channels of each Worker, however many there are.

    Raises:
        SetupError: no such stack, wrong YAML, wrong or missing credentials; nothing was sent.
    """
    configure_logs(log)
    check_digests(lifts.digests)
    chosen = choose_stack(name, stacks)
    stack = load(chosen)
    refuse_clashes(stack, chosen)
    revision = read_revision(stacks / stack.name)
    who = operator(revision.folder, os.environ) if lifts.digests else ""
    approvals = (
        *committed_approvals(stack, revision),
        *(Approval(digest, Source.COMMAND_LINE, who) for digest in lifts.digests),
    )
    approvals, reviewed = await _reviewed(approvals, asks_about_run=not read_only)
    opening = open_session(stack, environ=os.environ, revision=revision, read_only=read_only, base=base or "")
    async with opening as session:
        yield Opened(
            stack, revision, approvals, lifts, replace(session, every_channel=every_channel), base or "", reviewed
        )


async def _reviewed(approvals: tuple[Approval, ...], *, asks_about_run: bool) -> tuple[tuple[Approval, ...], Reviewed]:
    """The approvals with who reviewed them, as the platform of this pipeline tells, and who let the run go on."""
    hosting = pipeline_hosting(os.environ)
    asked = {one.commit for one in approvals if one.commit and one.proof is Proof.NONE}
    if hosting is None or not (asked or asks_about_run):
        return approvals, NOT_ASKED
    async with HostingApi(hosting) as api:
        found = {commit: await reviewers_of(api, commit) for commit in sorted(asked)}
        run = await run_approvers(api) if asks_about_run else NOT_ASKED
    return tuple(_with_review(one, found.get(one.commit), hosting.platform) for one in approvals), run


def _with_review(approval: Approval, review: Reviewed | None, platform: str) -> Approval:
    if review is None:
        return approval
    if not review.who:
        return replace(approval, unknown=f"{platform}: {review.unknown}")
    return replace(approval, who=", ".join(review.who), proof=Proof.REVIEW)


def check_digests(digests: Sequence[str]) -> None:
    """Raises SetupError for what can be no digest, before anything is read."""
    for digest in digests:
        if not re.fullmatch(DIGEST_PATTERN, digest):
            raise SetupError(
                f"--approve {digest}: a digest is {DIGEST_LENGTH} characters of a-z and 2-7",
                hint="flexres plan shows it beside what it would approve",
            )


def note_oddities(plan: Plan, opened: Opened) -> None:
    """Says on stderr what a reader of the plan alone would wonder about."""
    known = {plan.digest, *(item.digest for item in plan.guarded), *(change.digest for change in plan.users)}
    for digest in opened.lifts.digests:
        if digest not in known:
            note(f"note: --approve {digest} approves nothing of this plan: what it was made for has changed")
    if plan.dirty:
        note(f"note: the YAML has uncommitted changes, on top of commit {(plan.commit or '')[:7]}")
    if plan.older_than and opened.revision.unknown:
        note(f"note: the commit of this checkout is not known: {opened.revision.unknown}")


_OTHER: dict[Chosen, Chosen] = {"direct": "pulumi", "pulumi": "direct"}


def looking_through(it: Opened, stacks: Path, asked: Chosen | None) -> Engine | None:
    """The pulumi engine, to look at a plan through, where it is asked for; reading commands need none otherwise."""
    return _pulumi(it, stacks) if asked == "pulumi" else None


def applying_through(
    it: Opened, stacks: Path, asked: Chosen | None, *, switch: bool, journal: Path | None
) -> Engine | None:
    """The pulumi engine, or None for the direct one.

    Raises:
        SetupError: another engine than the stack's own is asked for, and nobody wants to switch; or Pulumi lacks.
    """
    committed = it.stack.config.engine
    if committed == "auto":
        chosen = _automatic(stacks, asked)
    else:
        chosen = asked or (_OTHER[committed] if switch else committed)
        if chosen != committed and not switch:
            place = it.stack.position("engine")
            raise SetupError(
                f"the engine of {it.stack.name} is {committed} ({place.file}:{place.line}), not {chosen}",
                hint=f"add --switch-engine to apply through {chosen} this once, or change the line for good",
            )
    if chosen == "direct":
        return None
    try:
        return _pulumi(it, stacks, journal)
    except SetupError as error:
        place = it.stack.position("engine")
        message = f"the engine of {it.stack.name} is {committed} ({place.file}:{place.line}): {error.message}"
        raise SetupError(message, hint=error.hint) from None


async def seen_through(engine: Engine | None, plan: Plan) -> Plan:
    """The plan as far as the engine would carry it out; as it is where none is to be asked, or a guard refuses it."""
    if engine is None:
        return plan
    if plan.violations:
        note("note: Pulumi was not asked, for a guard refuses this plan already")
        return plan
    from flexres.apply.pulumi.events import seen_by_engine  # noqa: PLC0415 - as below

    steps = await engine.preview(plan.stack)
    if steps is None:
        note(f"note: Pulumi has no state of {plan.stack} yet; the first apply makes it, from what is in Flex")
        return plan
    seen, noted = seen_by_engine(plan, steps)
    if noted:
        note(f"note: Pulumi's state takes note of {noted} users; nothing is sent to Flex for them")
    if all(now is before for now, before in zip(seen.users, plan.users, strict=True)):
        pending = sum(change.pending for change in plan.users)
        says = f"the same {plural(pending, 'user')} to write" if pending else "nobody to write either"
        note(f"note: Pulumi agrees: its preview has {says}")
    return seen


def _automatic(stacks: Path, asked: Chosen | None) -> Chosen:
    """For `engine: auto`: Pulumi where it is installed, or gets installed now; else one line, and the direct engine."""
    project = folder_above(stacks)
    found = find_pulumi(project, os.environ)
    chosen = choose("auto", asked, found)
    if asked is not None or found is not None:
        return chosen
    if sys.stdin.isatty() and typer.confirm("Pulumi is not installed. Install it into .tools/pulumi?", err=True):
        note(f"installed {install(project)}")
        return "pulumi"
    note("note: pulumi is not installed, so this goes on with the direct engine")
    return "direct"


def _pulumi(it: Opened, stacks: Path, journal: Path | None = None) -> Engine:
    from flexres.apply.pulumi.engine import Engine  # noqa: PLC0415 - the direct engine does without

    if find_spec("pulumi") is None:
        raise ModuleNotFoundError(name="pulumi")
    project = project_of(stacks)
    told = {
        "FLEXRES_STACKS": str(stacks.absolute()),
        "FLEXRES_SWITCH_ENGINE": it.stack.name,
        "FLEXRES_APPROVE": ",".join(it.lifts.digests),
        "FLEXRES_ALLOW_ADMIN": ",".join(it.lifts.admins),
        "FLEXRES_ALLOW_OLDER": "1" if it.lifts.older else "",
        # Asked by the command line before it gets here.
        "FLEXRES_ALLOW_DIRTY": "1",
        "FLEXRES_BASE": it.judged_by,
    }
    if journal is not None:
        told["FLEXRES_JOURNAL"] = str(journal.absolute())
    return Engine(required(find_pulumi(project, os.environ)), project, dict(os.environ), told)
