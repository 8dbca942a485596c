"""Earlier reports of a stack, read from a folder of JSON files, for the chart that shows how differences went."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from flexres.cli.output import note
from flexres.errors import SetupError
from flexres.files import read_file
from flexres.report.html.charts import Past
from flexres.report.plan.json import FORMAT, Report
from flexres.report.wording import names_of, plural, when
from flexres.text import MEGABYTE

LARGEST_REPORT: Final = 64 * MEGABYTE


def past_of(folder: Path | None, stack_id: str) -> tuple[Past, ...]:
    """What the reports in the folder found, the oldest first; files that are no report of this stack are skipped.

    Raises:
        SetupError: the folder cannot be read.
    """
    there = list_reports(folder)
    files = [path for path in there if path.name.endswith(".json") and path.is_file()]
    strange = [path.name for path in there if path not in files]
    found: dict[datetime, Past] = {}
    for path in files:
        report = _report(path, stack_id)
        if report is None:
            strange.append(path.name)
        else:
            moment = datetime.fromisoformat(report["as_of"])
            found[moment] = Past(when(moment), *_differences(report))
    if strange:
        skipped = plural(len(strange), "file") + (" that is" if len(strange) == 1 else " that are")
        note(f"note: skipped {skipped} no report of this stack in {folder}: {names_of(sorted(strange))}")
    return tuple(found[moment] for moment in sorted(found))


def list_reports(folder: Path | None) -> list[Path]:
    """What is in the folder, by name; nothing where there is no folder. Raises SetupError where it cannot be read."""
    try:
        return sorted(folder.iterdir()) if folder is not None else []
    except OSError as error:
        raise SetupError(
            f"the folder of reports {folder} cannot be read: {error.strerror}",
            hint="keep reports in it: flexres plan --format json --out FOLDER/NAME.json",
        ) from error


def _report(path: Path, stack_id: str) -> Report | None:
    """A report of the stack in the JSON shape, None for anything else."""
    try:
        value = json.loads(read_file(path, LARGEST_REPORT))
        report = value.get("plan", value)
        ours = (value["format"], report["stack_id"]) == (FORMAT, stack_id)
        if not ours or datetime.fromisoformat(report["as_of"]).tzinfo is None:
            return None
        _differences(report)
    except (SetupError, ValueError, TypeError, AttributeError, LookupError, RecursionError):
        return None
    return dict(report)


def _differences(report: Any) -> tuple[int, int]:
    """How many differences others than git made, and how many there were besides."""
    if report["report"] == "drift":
        found = [finding for finding in report["findings"] if finding["drift"]]
    else:
        found = report["changes"]
    by_others = sum(any(field["cause"] != "git" for field in one.get("fields", ())) for one in found)
    return by_others, len(found) - by_others
