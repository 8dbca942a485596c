"""docs/examples shows what a reviewer sees of a branch, as it really comes out."""

from __future__ import annotations

import os
import re

import pytest

from flexres.sandbox.server import Sandbox
from tests.flow import pull_request
from tests.flow.pull_request import ROOT

EXAMPLES = ROOT / "docs" / "examples"
FILES = ("pull-request.md", "pull-request.html", "pull-request.txt")
DIGEST, SOME_DIGEST = re.compile(r"\b(?=[a-z]*[2-7])[a-z2-7]{26}\b"), "4jadlkku4omwr5rw4vy6luw735"
MOMENT, TOOK = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC"), re.compile(r"\d+\.\d s(?=, \d+ requests)")


def settled(text: str) -> str:
    """Without what differs from run to run: when it was made, how long that took, and the digest of that moment."""
    return DIGEST.sub(SOME_DIGEST, TOOK.sub("0.3 s", MOMENT.sub("2026-11-21 09:14 UTC", text)))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The reports of the branch, by file name."""
    folder = tmp_path_factory.mktemp("examples")
    pull_request.make_repository(folder)
    with Sandbox(routing=True) as sandbox:
        pull_request.flexres(
            folder, sandbox, "apply", "--stack", "sandbox", "--yes", "--engine", "direct", "--switch-engine"
        )
        pull_request.live_on(sandbox)
        pull_request.make_branch(folder)
        plan = ("plan", "--stack", "sandbox", "--base", "main")
        pull_request.flexres(
            folder, sandbox, *plan, "-f", "markdown", "-o", FILES[0], "--also", FILES[1], "--also", FILES[2]
        )
    return {name: settled((folder / name).read_text()) for name in FILES}


@pytest.mark.parametrize("name", FILES)
def test_the_examples_are_what_comes_out(made: dict[str, str], name: str) -> None:
    """`make examples` writes them anew."""
    path = EXAMPLES / name

    if os.environ.get("FLEXRES_WRITE_EXAMPLES"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(made[name])

    assert path.read_text() == made[name]


def test_the_example_tells_what_the_branch_does(made: dict[str, str]) -> None:
    """A team is added, two people leave, one becomes an admin; what somebody did in Flex is told apart."""
    text = made["pull-request.md"]
    assert "gains admin" in text
    for name in ("hana.kim", "idris.bello", "julia.nowak", "jamal.carter", "kim.sorensen", "victor.hale"):
        assert name in text
    assert re.search(r"Not from this change.*cho\.tanaka", text, re.DOTALL)
