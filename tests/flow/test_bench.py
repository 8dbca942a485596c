"""Each part of the bench measures what it names, here at a size that takes seconds: it must not rot unseen."""

from __future__ import annotations

import pytest

from bench import direct, idp
from bench import report as reports
from bench.harness import Report

PARTS = {
    "direct": lambda report: direct.run(report, users=40, new=20),
    "idp": lambda report: idp.run(report, users=40),
    "reports": lambda report: reports.run(report, users=40, changes=40),
}


@pytest.mark.parametrize("part", PARTS)
def test_each_part_measures(part, capsys):
    """Every figure has a value; the bars are for full size."""
    report = Report(runs=1)
    PARTS[part](report)
    assert report.figures
    assert all(figure.value > 0 for figure in report.figures if figure.unit != "s"), report.figures
    assert len(capsys.readouterr().out.splitlines()) >= len(report.figures)
