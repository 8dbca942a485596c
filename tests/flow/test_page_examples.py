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
WORST = ("worst-pull-request.md", "worst-pull-request.html", "worst-pull-request.txt")
DIGEST, SOME_DIGEST = re.compile(r"\b[a-z2-7]{26}\b"), "4jadlkku4omwr5rw4vy6luw735"
MOMENT, TOOK = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC"), re.compile(r"\d+\.\d s(?=, \d+ requests)")
COMMIT = re.compile(r"(?<=commit )[0-9a-f]{7}\b|(?<=<dd>)[0-9a-f]{7}(?:[0-9a-f]{5})?(?=</dd>)")
LAST_DAY = re.compile(r"(?<=\(until )\d{4}-\d\d-\d\d(?=\))|(?<=  )\d{4}-\d\d-\d\d(?=\)\n)")


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


@pytest.fixture(scope="module")
def worst(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The reports of the worst pull request that we can think of."""
    folder = tmp_path_factory.mktemp("worst")
    pull_request.make_repository(folder)
    with Sandbox(routing=True) as sandbox:
        pull_request.flexres(
            folder, sandbox, "apply", "--stack", "sandbox", "--yes", "--engine", "direct", "--switch-engine"
        )
        pull_request.somebody_unknown(sandbox)
        pull_request.make_worst_branch(folder, sandbox)
        plan = ("plan", "--stack", "sandbox", "--base", "main")
        pull_request.flexres(
            folder, sandbox, *plan, "-f", "markdown", "-o", WORST[0], "--also", WORST[1], "--also", WORST[2]
        )
    # The approval that is in the commit has a digest and a last day of this very moment.
    texts = {name: settled((folder / name).read_text()) for name in WORST}
    return {name: LAST_DAY.sub("2026-12-05", COMMIT.sub("1a2b3c4", text)) for name, text in texts.items()}


@pytest.mark.parametrize("name", [*FILES, *WORST])
def test_the_examples_are_what_comes_out(request: pytest.FixtureRequest, name: str) -> None:
    """`make examples` writes them anew."""
    made: dict[str, str] = request.getfixturevalue("worst" if name in WORST else "made")
    path = EXAMPLES / name

    if os.environ.get("FLEXRES_WRITE_EXAMPLES"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(made[name])

    assert path.read_text() == made[name]


def test_the_worst_pull_request_is_told_for_what_it_is(worst: dict[str, str]) -> None:
    """Each attack in the comment: what is loosened first, then who is touched and how, all of a new user folded."""
    text = worst["worst-pull-request.md"]
    for key in ("retire_when", "max_removals", "max_changes", "min_admins", "protected", "email_domains"):
        assert re.search(rf"🔴 \| \*\*loosened\*\* \| `?policy\.{key}: ", text)
    for said in (
        "policy.timezone: Europe/London → Pacific/Kiritimati",
        "engine: auto → direct",
        "**approves itself**",
        "whose author git gives as Ana Ruiz, not verified",
        "13 leave or lose admin or supervisor",
        "email_domains allows example.com",
        "nobody has that name",
        "that is not plainly the same person",
        "has admin in Flex",
        "– → sip:tap@evil.example",
        "– → https://evil.example/pixel.png",
        "until has passed (2026-11-01)",
        "`full_name: @acme/security [approved](https://evil.example)…`",
        "no approval lifts protected, nobody; once that is mended, the rest passes with",
    ):
        assert said in text, said


def test_the_example_tells_what_the_branch_does(made: dict[str, str]) -> None:
    """A team is added, two people leave, one becomes an admin; what somebody did in Flex is told apart."""
    text = made["pull-request.md"]
    assert "gains admin" in text
    for name in ("hana.kim", "idris.bello", "julia.nowak", "jamal.carter", "kim.sorensen", "victor.hale"):
        assert name in text
    assert re.search(r"Not from this change.*cho\.tanaka", text, re.DOTALL)
