"""States that come from elsewhere, under a real engine: nothing is lost in Flex, and the next run ends as declared."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.pulumi.conftest import STACK, TEAM, Project
from tests.pulumi.test_engine import counted

pytestmark = pytest.mark.engine

FIRST = Path(__file__).with_name("first_state.json")
"""The resources of a state as the first flexres with Pulumi wrote it, of two among the four users."""


def put(project: Project, change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]) -> None:
    """Import the project's state with other resources."""
    exported = project.state()
    exported["deployment"]["resources"] = change(exported["deployment"]["resources"])
    path = project.folder / "state.json"
    path.write_text(json.dumps(exported))
    ran = project.pulumi("stack", "import", "--force", "--file", str(path))
    assert ran.code == 0, ran.out
    project.sandbox.clear_requests()


def written(project: Project) -> list[str]:
    """The paths to which was written."""
    return [request.path for request in project.sandbox.requests(method="POST")]


def assert_settled(project: Project) -> None:
    """Four users in Flex, nobody written to, and nothing left to do."""
    assert written(project) == []
    assert len(project.in_flex()) == 4
    again = project.pulumi("preview", "--expect-no-changes")
    assert again.code == 0, again.out


@pytest.mark.parametrize("resources", ["user", "team"])
def test_a_state_of_the_first_version_is_taken_over(applied: Project, resources: str) -> None:
    """It knew of no component, so every resource stands elsewhere now."""
    put(applied, lambda _: json.loads(FIRST.read_text()))
    applied.write_teams({"team": TEAM}, resources=resources)
    preview = applied.pulumi("preview")
    assert "moved in Pulumi's state alone, to " in preview.out
    assert "nobody leaves Flex or is made anew: ana@example.com, dan@example.com" in preview.out
    ran = applied.up()
    assert ran.code == 0, ran.out
    assert_settled(applied)


def test_a_state_of_another_stack_deletes_nobody_and_says_how_to_be_rid_of_it(applied: Project) -> None:
    (applied.folder / "stacks" / "prod").mkdir()
    for file in ("flex.yaml", "users/team.yaml"):
        path = applied.folder / "stacks" / "prod" / file
        path.parent.mkdir(exist_ok=True)
        path.write_text((applied.folder / "stacks" / STACK / file).read_text())
    put(applied, of_prod)
    ran = applied.up()
    assert ran.code != 0
    assert "nobody of prod was changed" in ran.out
    assert "what is another stack's goes with pulumi state delete" in ran.out
    assert "Traceback" not in ran.out
    rid(applied)
    assert_settled(applied)


def of_prod(resources: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The resources as those of a stack called prod."""
    text = (
        json.dumps(resources).replace("urn:pulumi:test::", "urn:pulumi:prod::").replace("flexres-test", "flexres-prod")
    )
    found: list[dict[str, Any]] = json.loads(
        text.replace("FlexStack::test", "FlexStack::prod").replace('"stack": "test"', '"stack": "prod"')
    )
    return found


def rid(project: Project) -> None:
    """Take out of the state what is prod's, as the message says."""
    for one in reversed(project.state()["deployment"]["resources"]):
        if one["urn"].startswith("urn:pulumi:prod::"):
            ran = project.pulumi("state", "delete", one["urn"], "--yes", "--force")
            assert ran.code == 0, ran.out


def test_a_state_of_a_stack_that_is_gone_says_what_to_do(applied: Project) -> None:
    put(applied, lambda resources: json.loads(json.dumps(resources).replace('"stack": "test"', '"stack": "gone"')))
    ran = applied.up()
    assert ran.code != 0
    assert "there is no stack at stacks/gone, and Pulumi's state has resources of it; put the folder back" in ran.out
    assert "Traceback" not in ran.out
    again = applied.up("--refresh=false")
    assert again.code == 0, again.out
    assert_settled(applied)


def test_a_state_that_a_hand_has_edited_is_put_right(applied: Project) -> None:
    """Values that nobody set, a property too many, one of another kind, outputs of nothing."""
    put(applied, edited)
    ran = applied.up()
    assert ran.code == 0, ran.out
    assert_settled(applied)


def edited(resources: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The resources with something wrong in each user."""
    for one in resources:
        if not one["type"].endswith(":User"):
            continue
        more = {
            "ana@example.com": {"attr:level": 99, "skill:billing": "all of them"},
            "bob@example.com": {"roles": {"agent": True}, "nonsense": [None, 1.5]},
            "cho@example.com": {"username": "dan@example.com"},
        }.get(one["id"], {})
        one["inputs"].update(more)
        one["outputs"].update(more)
        if one["id"] == "dan@example.com":
            one["outputs"] = {key: one["outputs"][key] for key in ("__provider", "stack")}
    return resources


def test_credentials_that_are_revoked_in_the_middle_are_said_and_the_next_run_goes_on(applied: Project) -> None:
    team = "\n".join(f"u{n:02}@example.com: {{full_name: User {n}, roles: [agent]}}" for n in range(30))
    applied.write_teams({"team": TEAM, "many": team}, resources="team")
    applied.sandbox.fault("401:before:skip=10:match=POST .*Provision")
    ran = applied.up()
    assert ran.code != 0
    assert "401" in ran.out
    assert "Traceback" not in ran.out
    assert 4 < len(applied.in_flex()) < 34
    applied.sandbox.clear_faults()
    again = applied.up()
    assert again.code == 0, again.out
    assert len(applied.in_flex()) == 34
    assert counted(applied.pulumi("preview").out).keys() == {"unchanged"}
