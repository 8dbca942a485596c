"""Applying a plan with a person in front: show it, ask, carry it out, let Ctrl-C stop it gently, tell the outcome."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from flexres.apply.direct import apply_plan
from flexres.apply.journal import Run, open_journal
from flexres.apply.outcome import Applied
from flexres.cli.extra_outputs import NO_EXTRA_OUTPUTS, ExtraOutputs
from flexres.cli.open_stack import Opened, note_oddities
from flexres.cli.options import LogFormat, PageFormat
from flexres.cli.output import SIGNALS, after_writes, check_destinations, deliver, emit, note
from flexres.cli.progress import progress
from flexres.cli.reports import applied_as, applied_line, plan_as
from flexres.desired.revision import is_pipeline
from flexres.errors import Exit, FlexresError, SetupError
from flexres.reconcile.drift.findings import Finding
from flexres.reconcile.plan import Plan
from flexres.report.next_step import PlanRun
from flexres.report.plan.model import PlanReport, applied_report_of, report_of

if TYPE_CHECKING:
    from flexres.apply.pulumi.engine import Engine


class StoppedError(FlexresError):
    """A person stopped a run without waiting for what was in flight."""

    exit = Exit.PARTIAL


@dataclass(frozen=True, slots=True)
class Manner:
    """How a plan is applied and told. `journal` None: the stack's own file beneath the project.

    `allow_dirty`: a pipeline, too, may apply what is not committed. `found` is the drift that is put back.
    `tell` is who gets the report of what was applied, with the file that it is meant for, where it is not written
    at once.
    """

    yes: bool
    journal: Path | None
    report_format: PageFormat = "text"
    out: Path | None = None
    log: LogFormat = "none"
    verbose: bool = False
    tell: Callable[[str, Path | None], None] | None = None
    extra: ExtraOutputs = NO_EXTRA_OUTPUTS
    allow_dirty: bool = False
    found: Sequence[Finding] = ()

    @property
    def in_words(self) -> bool:
        """Whether a person reads standard output, so that more than one report may stand there."""
        return self.report_format == "text" and self.out is None


@dataclass(frozen=True, slots=True)
class Ended:
    """How it ended; `interrupted`: a person stopped it, so nothing else is to be begun either."""

    exit: Exit
    interrupted: bool = False


def check_manner(manner: Manner) -> None:
    """Raises SetupError where nobody can answer the question, or the report cannot be written to where it is to go."""
    check_destinations(manner.out)
    if not manner.yes and not sys.stdin.isatty():
        raise SetupError(
            "nobody can be asked: standard input is not a terminal",
            hint="add --yes to apply without a question, or look first with flexres plan",
        )


def check_committed(it: Opened, *, allow_dirty: bool) -> None:
    """Raises SetupError where a pipeline would apply what no commit holds: nobody could look up later what that was."""
    if it.revision.dirty and not allow_dirty and is_pipeline(os.environ):
        raise SetupError(
            f"the YAML of {it.stack.name} differs from commit {(it.revision.commit or '')[:7]}, and this is CI",
            hint="commit it, or find the step that writes into the stack; --allow-dirty goes on",
        )


def check_engine(it: Opened, *, switch: bool) -> None:
    """Raises SetupError when another engine than the direct one is the stack's, and nobody wants to switch."""
    if it.stack.config.engine == "pulumi" and not switch:
        place = it.stack.position("engine")
        raise SetupError(
            f"the engine of {it.stack.name} is pulumi ({place.file}:{place.line}), and this applies directly",
            hint=f"pulumi up --stack {it.stack.name}, or add --switch-engine to apply directly this once",
        )


async def show_and_apply(
    plan: Plan, run: PlanRun, it: Opened, manner: Manner, *, question: str, through: Engine | None = None
) -> Ended:
    """Shows the plan, asks, applies and tells; the exit says what became of it. `through` None: directly.

    Pulumi is run even when nothing is pending in Flex: its state and outputs are to be those of this commit.

    As anything but text only one report is written: the outcome, or the plan where nothing was applied.
    """
    check_committed(it, allow_dirty=manner.allow_dirty)
    in_words = manner.in_words
    report = report_of(plan, run, it.stack.line_of)
    if in_words:
        # Whoever cannot see the plan has not agreed to it.
        shown = report_of(plan, replace(run, follows=True), it.stack.line_of)
        emit(plan_as(shown, it.stack, verbose=manner.verbose), needed=True)
    note_oddities(plan, it)
    if plan.violations or not (plan.pending or through):
        if not in_words:
            _emit_plan(report, it, manner)
        manner.extra.tell_plan(report, it.stack)
        return Ended(report.exit)
    if plan.pending and not manner.yes and not _agreed(question):
        note("Nothing was changed.")
        return Ended(Exit.DONE)
    applied = await (carry_out(plan, it, manner) if through is None else _by_pulumi(plan, it, manner, through))
    with after_writes(lambda: applied_line(applied)):
        outcome = applied_report_of(applied, run, it.stack.line_of)
        text = applied_as(
            outcome, it.stack, manner.report_format, manner.out, verbose=manner.verbose, reports=manner.extra.reports
        )
        (manner.tell or deliver)(f"\n{text}" if in_words else text, manner.out)
        manner.extra.tell_applied(outcome, it.stack)
    return Ended(applied.exit, applied.interrupted)


def _emit_plan(report: PlanReport, it: Opened, manner: Manner) -> None:
    text = plan_as(
        report, it.stack, manner.report_format, manner.out, verbose=manner.verbose, reports=manner.extra.reports
    )
    (manner.tell or emit)(text, manner.out)


async def _by_pulumi(plan: Plan, it: Opened, manner: Manner, through: Engine) -> Applied:
    """Applies the plan by Pulumi, which stops gently at a Ctrl-C by itself; the journal is the provider's."""
    stop = asyncio.Event()
    with progress(manner.log, lambda: it.session.transport.held_back) as told, stopping(stop):
        return await through.apply(plan, it.session, progress=told, stop=stop)


async def carry_out(plan: Plan, it: Opened, manner: Manner) -> Applied:
    """Applies the plan with progress on stderr and a journal; Ctrl-C stops it between two users."""
    run = Run(plan.stack, it.by, plan.commit, plan.dirty, it.reviewed.who)
    journal = open_journal(manner.journal, it.revision.folder.parent, run)
    stop = asyncio.Event()
    try:
        journal.drift(manner.found)
        with progress(manner.log, lambda: it.session.transport.held_back) as told, stopping(stop):
            return await apply_plan(
                plan, it.session, journal=journal, progress=told, stop=stop, allow_older=it.lifts.older
            )
    finally:
        journal.close()


def _agreed(question: str) -> bool:
    # asyncio keeps the first Ctrl-C for the end of the task, which an unanswered question never reaches.
    kept = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return typer.confirm(question, err=True)
    finally:
        signal.signal(signal.SIGINT, kept)


@contextmanager
def stopping(stop: asyncio.Event) -> Iterator[None]:
    """While it lasts, Ctrl-C and SIGTERM ask the run to finish what is in flight; a second one ends it at once.

    Raises:
        StoppedError: it was ended at once.
    """
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    asked = 0

    def ask() -> None:
        nonlocal asked
        asked += 1
        stop.set()
        if asked == 1:
            note("Stopping: what is in flight is finished, nothing more is begun. Once more stops at once.")
        elif task is not None:
            task.cancel()

    # Removing a handler of the loop leaves Python's own, not that of asyncio.run, which ends a task in order.
    kept = {number: signal.getsignal(number) for number in SIGNALS}
    for number in SIGNALS:
        loop.add_signal_handler(number, ask)
    try:
        yield
    except asyncio.CancelledError:
        raise StoppedError(
            "stopped at once: what was in flight may or may not have taken effect",
            hint="run it again: it reads Flex first and goes on where this stopped",
        ) from None
    finally:
        for number in SIGNALS:
            loop.remove_signal_handler(number)
            signal.signal(number, kept[number])
