"""A plan looked at through the pulumi engine: what the terminal says of how far both agree."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, cast

import pytest

from flexres.apply.pulumi.engine import Engine
from flexres.apply.pulumi.events import Steps
from flexres.cli.open_stack import seen_through
from flexres.reconcile.change import Kind
from flexres.reconcile.plan import Plan
from tests.unit.apply.pulumi.events import ana, plan, steps
from tests.unit.report import samples


@dataclass
class Previewed:
    """An engine of which only the preview is asked."""

    found: Steps | None

    async def preview(self, _stack: str) -> Steps | None:
        return self.found


def said(found: Steps | None, of: Plan, capsys: pytest.CaptureFixture[str]) -> str:
    asyncio.run(seen_through(cast("Engine", cast("Any", Previewed(found))), of))
    return capsys.readouterr().err


def test_an_engine_that_agrees_says_so_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing more to see would look as if nobody had been asked."""
    both = said(steps(ana("resourcePreEvent", "create")), plan(ana=Kind.CREATE), capsys)
    assert both == "note: Pulumi agrees: its preview has the same 1 user to write\n"
    neither = said(steps(), plan(), capsys)
    assert neither == "note: Pulumi agrees: its preview has nobody to write either\n"


def test_an_engine_that_differs_is_not_said_to_agree(capsys: pytest.CaptureFixture[str]) -> None:
    """Who is blocked by it stands in the plan."""
    assert said(steps(), plan(ana=Kind.CREATE), capsys) == ""


def test_a_plan_that_a_guard_refuses_is_not_shown_to_the_engine(capsys: pytest.CaptureFixture[str]) -> None:
    """Its preview would only be refused as well."""
    assert (
        said(None, samples.refused_plan(), capsys)
        == "note: Pulumi was not asked, for a guard refuses this plan already\n"
    )
