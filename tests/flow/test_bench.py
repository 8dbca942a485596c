"""Each part of the bench measures what it names, here at a size that takes seconds: it must not rot unseen."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import direct, idp, scale
from bench import report as reports
from bench.harness import Report

PARTS = {
    "direct": lambda report: direct.run(report, users=40, new=20),
    "idp": lambda report: idp.run(report, users=40),
    "reports": lambda report: reports.run(report, users=40, changes=40),
}


def test_each_command_is_measured_over_so_many_users(tmp_path: Path) -> None:
    """Seconds, memory and requests of each, from nothing to a day's change; the table and the plot have them all."""
    steps = list(scale.measured(20, tmp_path))
    assert all(step.seconds > 0 and step.memory > 10 for step in steps)
    assert {step.name for step in steps if not step.requests} == {"validate"}
    assert scale.table(steps).count("\n") == len(steps) + 1
    assert b"<svg" in scale.plot(steps)


@pytest.mark.parametrize("part", PARTS)
def test_each_part_measures(part, capsys):
    """Every figure has a value; the bars are for full size."""
    report = Report(runs=1)
    PARTS[part](report)
    assert report.figures
    assert all(figure.value > 0 for figure in report.figures if figure.unit != "s"), report.figures
    assert len(capsys.readouterr().out.splitlines()) >= len(report.figures)
