"""Applying a plan with a person in front: show it, ask, carry it out, let Ctrl-C stop it gently, tell the outcome."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import typer

from flexres.apply.direct import apply_plan
from flexres.apply.journal import FileJournal, Run
from flexres.apply.outcome import Applied
from flexres.cli.opening import Opened, note_oddities
from flexres.cli.options import LogFormat, ReportFormat
from flexres.cli.output import emit, note
from flexres.cli.progress import progress
from flexres.cli.reports import applied_report, plan_report
from flexres.errors import Exit, FlexresError, SetupError
from flexres.reconcile.model import Plan
from flexres.report.verdict import check_exit

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


class StoppedError(FlexresError):
    """A person stopped a run without waiting for what was in flight."""

    exit = Exit.PARTIAL


@dataclass(frozen=True, slots=True)
class Manner:
    """How a plan is applied and told. `journal` None: the stack's own file beneath the project."""

    yes: bool
    journal: Path | None
    report_format: ReportFormat = "text"
    out: Path | None = None
    log: LogFormat = "none"
    verbose: bool = False


def check_can_ask(manner: Manner) -> None:
    """Raises SetupError when a question would have to be asked and nobody can answer it."""
    if not manner.yes and not sys.stdin.isatty():
        raise SetupError(
            "nobody can be asked: standard input is not a terminal",
            hint="add --yes to apply without a question, or look first with flexres plan",
        )


def check_engine(it: Opened, *, switch: bool) -> None:
    """Raises SetupError when another engine than the direct one is the stack's, and nobody wants to switch."""
    if it.stack.config.engine == "pulumi" and not switch:
        place = it.stack.position("engine")
        raise SetupError(
            f"the engine of {it.stack.name} is pulumi ({place.file}:{place.line}), and this applies directly",
            hint=f"pulumi up --stack {it.stack.name}, or add --switch-engine to apply directly this once",
        )


async def show_and_apply(plan: Plan, it: Opened, manner: Manner, *, question: str) -> Exit:
    """Shows the plan, asks, applies and tells; the exit says what became of it.

    As JSON or Markdown only one report is written: the outcome, or the plan where nothing was applied.
    """
    in_words = manner.report_format == "text" and manner.out is None
    if in_words:
        emit(plan_report(plan, "text", None, position=it.position, verbose=manner.verbose))
    note_oddities(plan, it)
    if plan.violations or not plan.pending:
        if not in_words:
            _emit_plan(plan, it, manner)
        return check_exit(plan)
    if not manner.yes and not _agreed(question):
        note("Nothing was changed.")
        return Exit.DONE
    applied = await carry_out(plan, it, manner)
    text = applied_report(applied, manner.report_format, manner.out, position=it.position, verbose=manner.verbose)
    emit(f"\n{text}" if in_words else text, manner.out)
    return applied.exit


def _emit_plan(plan: Plan, it: Opened, manner: Manner) -> None:
    text = plan_report(plan, manner.report_format, manner.out, position=it.position, verbose=manner.verbose)
    emit(text, manner.out)


async def carry_out(plan: Plan, it: Opened, manner: Manner) -> Applied:
    """Applies the plan with progress on stderr and a journal; Ctrl-C stops it between two users."""
    path = manner.journal or own_journal(it.revision.folder.parent.parent, plan.stack)
    journal = FileJournal(path, Run(plan.stack, it.by, plan.commit))
    stop = asyncio.Event()
    try:
        with progress(manner.log) as told, _stopping(stop):
            return await apply_plan(
                plan, it.session, journal=journal, progress=told, stop=stop, allow_older=it.lifts.older
            )
    finally:
        journal.close()


def own_journal(project: Path, stack: str) -> Path:
    """Where a stack's journal is kept unless told otherwise: beside the folder of the stacks, out of git's sight.

    Raises:
        SetupError: the folder cannot be written.
    """
    folder = project / ".flexres"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        # It holds what people's Workers knew, which belongs into no commit.
        (folder / ".gitignore").write_text("*\n", encoding="utf-8")
    except OSError as error:
        raise SetupError(
            f"the journal's folder {folder} cannot be written: {error.strerror}", hint="name a file with --journal"
        ) from error
    return folder / "journal" / f"{stack}.jsonl"


def _agreed(question: str) -> bool:
    # asyncio keeps the first Ctrl-C for the end of the task, which an unanswered question never reaches.
    kept = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return typer.confirm(question, err=True)
    finally:
        signal.signal(signal.SIGINT, kept)


@contextmanager
def _stopping(stop: asyncio.Event) -> Iterator[None]:
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

    for number in _SIGNALS:
        loop.add_signal_handler(number, ask)
    try:
        yield
    except asyncio.CancelledError:
        raise StoppedError(
            "stopped at once: what was in flight may or may not have taken effect",
            hint="run it again: it reads Flex first and goes on where this stopped",
        ) from None
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)
