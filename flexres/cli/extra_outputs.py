"""What a command writes beside its report where it is asked to: other files, and what GitHub Actions reads."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeVar

from flexres.cli.options import CiName, DriftFormat, PageFormat
from flexres.cli.output import check_destinations, emit, note
from flexres.cli.reports import applied_as, drift_as, list_reports, plan_annotations, plan_as
from flexres.cli.stacks import StackFolder
from flexres.desired.stack import Stack
from flexres.errors import FlexresError, SetupError
from flexres.files import check_writable
from flexres.report import ci
from flexres.report.drift.model import DriftReport
from flexres.report.drift.text import drift_markdown
from flexres.report.markdown import failure_markdown
from flexres.report.plan.markdown import applied_markdown, plan_markdown
from flexres.report.plan.model import AppliedReport, PlanReport

_LONGEST_SUMMARY = 500_000
"""Characters; GitHub takes a mebibyte for each step, and a character has up to four bytes."""
_GITHUB: Final = ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT")
"""GitHub Actions names here the files for the job's summary and for the step's outputs."""
_FORMATS: Final[Mapping[str, PageFormat]] = {".html": "html", ".md": "markdown", ".json": "json", ".txt": "text"}
_DRIFT_FORMATS: Final[Mapping[str, DriftFormat]] = {**_FORMATS, ".xml": "junit"}


@dataclass(frozen=True, slots=True)
class ExtraOutputs:
    """Where else to tell a report: `also` are files, `reports` the folder of earlier reports for the page's charts."""

    also: tuple[Path, ...] = ()
    reports: Path | None = None
    ci: CiName = "none"

    def check(
        self, chosen: Sequence[StackFolder], report_format: str, out: Path | None, *, junit: bool = False
    ) -> None:
        """Looks at every destination before anything else is done, `out` being that of the report itself.

        Raises:
            SetupError: a file of no known kind, or one that cannot be written; one page for several stacks; earlier
                reports that cannot be read.
        """
        for path in self.also:
            _format_of(path, _DRIFT_FORMATS if junit else _FORMATS)
        check_destinations(out, *self.also)
        if self.ci == "github":
            for variable in _GITHUB:
                if named := os.environ.get(variable):
                    check_writable(Path(named), hint=f"{variable} names it: let it name a file")
        list_reports(self.reports)
        if len(chosen) == 1:
            return
        wanted = {"--also": self.also, "--ci github": self.ci == "github"}
        wanted |= {f"--format {report_format}": report_format in ("html", "sarif")}
        for option in (name for name, given in wanted.items() if given):
            raise SetupError(f"{option} is of one stack", hint="name one with --stack, and run once for each")

    def tell_plan(self, report: PlanReport, stack: Stack) -> None:
        """Writes whatever is wanted of a plan. Raises SetupError where it cannot be written."""
        for path in self.also:
            emit(plan_as(report, stack, _format_of(path, _FORMATS), path, reports=self.reports), path)
        if self.ci == "github":
            found = plan_annotations(report, stack)
            if found:
                note(found.rstrip("\n"))
            summary = plan_markdown(report, limit=_LONGEST_SUMMARY)
            _tell_summary(summary)
            _tell_outputs(ci.plan_outputs(report))

    def tell_applied(self, report: AppliedReport, stack: Stack) -> None:
        """Writes whatever is wanted of a run; what cannot be written is a note, and does not stop the rest."""
        for path in self.also:
            with _tried():
                emit(applied_as(report, stack, _format_of(path, _FORMATS), path, reports=self.reports), path)
        if self.ci == "github":
            with _tried():
                summary = applied_markdown(report, limit=_LONGEST_SUMMARY)
                _tell_summary(summary)
            with _tried():
                _tell_outputs(ci.applied_outputs(report.applied))

    def tell_drift(self, report: DriftReport, stack: Stack) -> None:
        """Writes whatever is wanted of drift. Raises SetupError where it cannot be written."""
        for path in self.also:
            emit(drift_as(report, stack, _format_of(path, _DRIFT_FORMATS), path, reports=self.reports), path)
        if self.ci == "github":
            summary = drift_markdown(report, limit=_LONGEST_SUMMARY)
            _tell_summary(summary)
            _tell_outputs(ci.drift_outputs(report))


@contextmanager
def telling_failure(
    one: StackFolder, report_format: str, out: Path | None, extra: ExtraOutputs, *, head: str = ""
) -> Iterator[None]:
    """Whatever stops a plan is written where its comment and its summary would be, and raised again.

    A comment about an earlier commit must not stand there as if it were about this one.
    """
    try:
        yield
    except FlexresError as error:
        text = failure_markdown(one.name, error, as_of=datetime.now(UTC), head=head)
        files = [path for path in extra.also if _format_of(path, _FORMATS) == "markdown"]
        if report_format == "markdown" and out is not None:
            files.append(out)
        for path in files:
            with _tried():
                emit(text, path)
        if extra.ci == "github":
            with _tried():
                _tell_summary(text)
        raise


NO_EXTRA_OUTPUTS: Final = ExtraOutputs()


_Format = TypeVar("_Format", bound=str)


def _format_of(path: Path, formats: Mapping[str, _Format]) -> _Format:
    found = formats.get(path.suffix.lower())
    if found is None:
        known = ", ".join(formats)
        raise SetupError(f"--also {path}: its ending says no format", hint=f"let the name end with one of {known}")
    return found


@contextmanager
def _tried() -> Iterator[None]:
    try:
        yield
    except SetupError as error:
        note(f"warning: {error.message}")


def _tell_summary(summary: str) -> None:
    """Appends to the job's summary."""
    if not _append(_GITHUB[0], summary + "\n"):
        note(f"note: no job summary was written: {_GITHUB[0]} names no file")


def _tell_outputs(outputs: dict[str, str]) -> None:
    """Appends to the step's outputs; a person who runs the step by hand sees them instead."""
    if not _append(_GITHUB[1], ci.output_lines(outputs)):
        note(f"note: no outputs were written: {_GITHUB[1]} names no file; they would be")
        note("\n".join(f"  {line}" for line in ci.output_lines(outputs).splitlines()))


def _append(variable: str, text: str) -> bool:
    path = os.environ.get(variable)
    if not path:
        return False
    try:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise SetupError(
            f"{path} cannot be written: {error.strerror}", hint=f"{variable} names it: let it name a file"
        ) from error
    return True
