"""A folder of earlier reports: those of the stack become bars, anything else is skipped and named."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from flexres.cli.reports import past_of
from flexres.errors import SetupError
from flexres.reconcile.drift.findings import drift_of
from tests.unit.report import samples
from tests.unit.report.rendering import applied_json, drift_json, plan_json


def keep(folder: Path, name: str, report: object) -> None:
    (folder / name).write_text(json.dumps(report))


def test_reports_of_all_kinds_are_read_in_their_order(tmp_path: Path) -> None:
    """By when they were made, whatever the files are called."""
    plan = samples.busy_plan()
    earlier = replace(plan, as_of=plan.as_of - timedelta(days=2))
    keep(tmp_path, "a.json", plan_json(plan))
    keep(tmp_path, "b.json", drift_json(drift_of(earlier)))
    keep(tmp_path, "c.json", applied_json(samples.applied(replace(plan, as_of=plan.as_of - timedelta(days=1)))))

    past = past_of(tmp_path, samples.STACK_ID)

    assert [one.at[:10] for one in past] == ["2026-11-19", "2026-11-20", "2026-11-21"]
    assert all(one.by_others > 0 for one in past)


FOREIGN = {
    "other-stack.json": json.dumps(plan_json(samples.in_sync_plan(1)) | {"stack_id": "other1"}),
    "newer.json": json.dumps(plan_json(samples.in_sync_plan(1)) | {"format": 2}),
    "no-zone.json": json.dumps(plan_json(samples.in_sync_plan(1)) | {"as_of": "2026-11-21T09:14:00"}),
    "package.json": '{"name": "something"}',
    "list.json": "[1, 2]",
    "number.json": "3",
    "broken.json": "{",
    "deep.json": "[" * 100_000,
    "binary.json": "\x00\x01",
    "notes.txt": "remember",
}


def test_foreign_files_are_skipped_with_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever they hold, the page is made all the same."""
    for name, text in FOREIGN.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "folder.json").mkdir()
    keep(tmp_path, "plan.json", plan_json(samples.busy_plan()))

    past = past_of(tmp_path, samples.STACK_ID)

    said = capsys.readouterr().err
    assert len(past) == 1
    assert said.startswith(f"note: skipped {len(FOREIGN) + 1} files that are no report of this stack")
    assert said.count("\n") == 1


def test_a_folder_that_is_not_there_is_one_clear_error(tmp_path: Path) -> None:
    """With what to do about it."""
    with pytest.raises(SetupError, match="cannot be read") as caught:
        past_of(tmp_path / "missing", samples.STACK_ID)
    assert "--format json" in caught.value.hint


def test_without_a_folder_there_is_no_past(tmp_path: Path) -> None:
    """And nothing is said."""
    assert past_of(None, samples.STACK_ID) == ()
