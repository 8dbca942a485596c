"""Under Pulumi, too, a plan is judged by the policy in force: that of the commit before, or of FLEXRES_BASE."""

from __future__ import annotations

import subprocess

import pytest

from tests.pulumi.conftest import TEAM, Project

pytestmark = pytest.mark.engine
WITHOUT_DAN = TEAM[: TEAM.index("dan@example.com")]
STRICT = "protected: [dan@example.com]"


def commit(project: Project, message: str) -> None:
    """The stack as a commit of Ana's."""
    who = ["-c", "user.name=Ana Ruiz", "-c", "user.email=ana@example.com", "-c", "init.defaultBranch=main"]
    if not (project.folder / ".git").exists():
        project.run("git", "init", "-q")
    for words in (["add", "stacks"], ["commit", "-qm", message]):
        subprocess.run(["git", *who, *words], cwd=project.folder, check=True, capture_output=True)


@pytest.fixture
def loosened(applied: Project) -> Project:
    """One commit protects Dan, the next protects nobody and lets Dan leave."""
    applied.write(policy=STRICT)
    commit(applied, "as it is")
    applied.write(WITHOUT_DAN)
    commit(applied, "nobody is protected, and Dan leaves")
    return applied


def test_pulumi_up_is_judged_by_the_commit_before(loosened: Project) -> None:
    """Typed by hand, without flexres apply."""
    ran = loosened.up()
    assert ran.code != 0
    assert "dan@example.com is protected and leaves" in ran.out
    assert "dan@example.com" in loosened.in_flex()


def test_one_commit_later_pulumi_up_goes_by_the_new_policy(loosened: Project) -> None:
    (loosened.folder / "stacks" / "README").write_text("a commit that changes nothing")
    commit(loosened, "later")
    assert loosened.up().code == 0
    assert "dan@example.com" not in loosened.in_flex()


def test_a_base_judges_under_pulumi_as_under_the_direct_engine(loosened: Project) -> None:
    """By FLEXRES_BASE for the CLI of Pulumi, by --base for that of flexres."""
    (loosened.folder / "stacks" / "README").write_text("a commit that changes nothing")
    commit(loosened, "later")
    by_hand = loosened.up(environ={"FLEXRES_BASE": "HEAD~2"})
    assert by_hand.code != 0
    assert "dan@example.com is protected and leaves" in by_hand.out
    assert loosened.flexres("apply", "--yes", "--base", "HEAD~2").code == 4
    assert loosened.flexres("apply", "--yes", "--base", "HEAD~1").code == 0


def test_a_base_that_is_no_commit_is_one_line_under_pulumi(loosened: Project) -> None:
    ran = loosened.up(environ={"FLEXRES_BASE": "nowhere"})
    assert ran.code != 0
    assert "nowhere names no commit here" in ran.out
    assert "Traceback" not in ran.out
