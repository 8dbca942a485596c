"""Every command of Pulumi that README and docs show does under a real engine what its page says."""

from __future__ import annotations

import re
import shlex
from typing import Final

import pytest

from tests.documented import commands
from tests.pulumi.conftest import STACK, TEAM, Project

pytestmark = pytest.mark.engine

NOT_RUN: Final = {"pulumi install": "downloads flexres from a registry, and this one is not there yet"}
REFUSED: Final = {"pulumi destroy": "FLEXRES_ALLOW_DESTROY", "pulumi stack rm": "still has resources"}
"""What is to be refused, and the words with which."""


@pytest.mark.parametrize("shown", [command for command in commands("pulumi") if command not in NOT_RUN])
def test_each_command_of_pulumi_that_the_docs_show_works(applied: Project, shown: str) -> None:
    """With the stack's name and a digest where a page has placeholders for them."""
    applied.write(TEAM.replace("level: 3", "level: 4"))
    text = shown.replace("<stack>", STACK).replace("<digest>", "a" * 26)
    assigned = re.match(r"([A-Z_]+)=(\S+) ", text)
    words = shlex.split(text[assigned.end() :] if assigned else text)[1:]
    if "--stack" in words:
        words = words[: words.index("--stack")]
    asks = words[0] in {"up", "destroy", "cancel"} or words[:2] == ["stack", "rm"]
    environ = {assigned[1]: assigned[2]} if assigned else {}
    ran = applied.pulumi(*words, *(["--yes"] if asks else []), environ=environ)
    if shown in REFUSED:
        assert ran.code != 0
        assert REFUSED[shown] in ran.out
    else:
        assert ran.code == 0, ran.out
    assert "Traceback" not in ran.out


def test_what_is_not_run_is_still_shown() -> None:
    assert NOT_RUN.keys() | REFUSED.keys() <= set(commands("pulumi"))
