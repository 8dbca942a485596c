"""The reports as they are seen, kept as files: `FLEXRES_UPDATE_GOLDEN=1 pytest` writes them anew, to be looked at."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.report import samples
from tests.unit.report.rendering import applied_markdown, applied_text, plan_json, plan_markdown, plan_text

GOLDEN = Path(__file__).parent / "golden"


def _text(width: int) -> str:
    return plan_text(samples.busy_plan(), width=width, colour=False, position=samples.position)


def _json() -> str:
    report = plan_json(samples.busy_plan(), position=samples.position)
    return json.dumps(report, indent=2, ensure_ascii=False) + "\n"


def _based(form: Callable[..., str], **look: Any) -> str:
    return form(samples.based_plan(), run=samples.BASED, position=samples.position, **look)


def _offline(form: Callable[..., str], **look: Any) -> str:
    return form(samples.offline(), run=samples.OFFLINE_RUN, position=samples.position, **look)


REPORTS: dict[str, Callable[[], str]] = {
    "plan-80.txt": lambda: _text(80),
    "plan-120.txt": lambda: _text(120),
    "refused.txt": lambda: plan_text(samples.refused_plan(), width=120, colour=False),
    "plan.md": lambda: plan_markdown(samples.busy_plan(), position=samples.position),
    "based.txt": lambda: _based(plan_text, width=100, colour=False),
    "based.md": lambda: _based(plan_markdown),
    "offline.txt": lambda: _offline(plan_text, width=100, colour=False),
    "offline.md": lambda: _offline(plan_markdown),
    "hostile.md": lambda: plan_markdown(samples.hostile_plan(), position=samples.position),
    "plan.json": _json,
    "applied.txt": lambda: applied_text(samples.applied(samples.approved_plan()), width=100, colour=False),
    "applied.md": lambda: applied_markdown(samples.applied(samples.approved_plan())),
}


@pytest.mark.parametrize("name", REPORTS)
def test_the_report_looks_as_it_was_last_looked_at(name: str) -> None:
    """A change of the looks shows in review."""
    report, file = REPORTS[name](), GOLDEN / name
    if os.environ.get("FLEXRES_UPDATE_GOLDEN"):
        file.write_text(report, encoding="utf-8")
    assert report == file.read_text(encoding="utf-8")
