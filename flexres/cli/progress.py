"""What a person sees while a plan is applied: a bar on a terminal, plain lines elsewhere, events with --log json."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, TypeAlias

from flexres.apply.direct import Progress
from flexres.apply.outcome import Result, UserOutcome
from flexres.cli.options import LogFormat
from flexres.cli.output import look_of, note
from flexres.reconcile.change import UserChange
from flexres.report.terms import KINDS, RESULTS
from flexres.report.wording import outcome_message
from flexres.text import visible

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

_FEW: Final = 50


HeldBack: TypeAlias = Callable[[], int]


@contextmanager
def progress(log: LogFormat, held_back: HeldBack = lambda: 0) -> Iterator[Progress]:
    """The progress that suits standard error, for the length of a run.

    `held_back` tells how many requests wait at this moment for a rate limit that we share with the contact centre.
    """
    if log == "json":
        yield LoggedProgress(held_back)
    elif not sys.stderr.isatty() or not look_of(sys.stderr).colour:
        yield PlainProgress(held_back)
    else:
        with _bar() as bar:
            yield BarProgress(bar, held_back)


def outcome_line(outcome: UserOutcome) -> str:
    """One outcome in one line that is safe to print: `✓ ana@example.com added`, or `✗ bob@… failed: why`."""
    name = visible(outcome.change.username)
    if outcome.result is Result.DONE:
        return f"✓ {name} {KINDS[outcome.change.kind].name}"
    sign = "✗" if RESULTS[outcome.result].bad else "…"
    return f"{sign} {name} {outcome.result}: {outcome_message(outcome)}"


class PlainProgress:
    """Lines for a CI's log: every outcome of a small run, of a large one what went wrong and every tenth part."""

    def __init__(self, held_back: HeldBack = lambda: 0) -> None:
        self._held_back = held_back
        self._total = self._done = 0
        self._told_of_waiting = False

    def phase(self, text: str, total: int) -> None:
        """Names the part that begins, and how many it is about."""
        self._total, self._done, self._told_of_waiting = total, 0, False
        note(f"{text}: {total} user{'' if total == 1 else 's'}")

    def started(self, change: UserChange) -> None:
        """Nothing: the line comes when it is known what became of it."""

    def finished(self, outcome: UserOutcome) -> None:
        """Says what became of one, where that is not lost among hundreds."""
        self._done += 1
        if self._total <= _FEW or RESULTS[outcome.result].bad:
            note(f"  {outcome_line(outcome)}")
        if self._total > _FEW and self._done % max(self._total // 10, 1) == 0:
            note(f"  {self._done} of {self._total}")
        if self._held_back() and not self._told_of_waiting:
            self._told_of_waiting = True
            note("  slowed down: requests wait for Twilio's rate limit, which the contact centre shares")


class LoggedProgress:
    """Events of the log, so that standard error holds nothing but JSON."""

    def __init__(self, held_back: HeldBack = lambda: 0) -> None:
        import structlog  # noqa: PLC0415 - only who asks pays for it

        self._held_back = held_back
        self._log = structlog.get_logger("flexres.apply")

    def phase(self, text: str, total: int) -> None:
        """An event for the part that begins."""
        self._log.info("phase", phase=text, total=total)

    def started(self, change: UserChange) -> None:
        """An event for the user that is begun with."""
        self._log.debug("started", username=change.username, kind=change.kind)

    def finished(self, outcome: UserOutcome) -> None:
        """An event for what became of it."""
        self._log.info(
            "finished",
            username=outcome.change.username,
            kind=outcome.change.kind,
            result=outcome.result,
            message=outcome.message,
            request_id=outcome.request_id,
            held_back=self._held_back(),
        )


class BarProgress:
    """A bar that names whom it is at, with failures above it as they happen."""

    def __init__(self, bar: Bar, held_back: HeldBack = lambda: 0) -> None:
        self._bar = bar
        self._held_back = held_back
        self._task: TaskID | None = None

    def phase(self, text: str, total: int) -> None:
        """Begins a bar of its own for the part."""
        if self._task is not None:
            self._bar.remove_task(self._task)
        self._task = self._bar.add_task(text, total=total, who="")

    def started(self, change: UserChange) -> None:
        """Shows whom it is at now."""
        assert self._task is not None
        waiting = self._held_back()
        limit = f" ({waiting} wait for Twilio's rate limit)" if waiting else ""
        self._bar.update(self._task, who=f"{change.kind} {visible(change.username)}{limit}")

    def finished(self, outcome: UserOutcome) -> None:
        """Moves on, and keeps a line of what went wrong."""
        assert self._task is not None
        self._bar.update(self._task, advance=1)
        if RESULTS[outcome.result].bad:
            self._bar.console.print(outcome_line(outcome), markup=False, highlight=False, style="red", soft_wrap=True)


def _bar() -> Bar:
    from rich.console import Console  # noqa: PLC0415 - only a terminal needs it
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn  # noqa: PLC0415
    from rich.progress import Progress as Bar  # noqa: PLC0415
    from rich.table import Column  # noqa: PLC0415

    # Names come from YAML and from Flex, so nothing of them may be read as markup.
    return Bar(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TextColumn("{task.fields[who]}", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis")),
        console=Console(stderr=True),
        transient=True,
    )
