"""`--format sarif` of validate and plan, as a pipeline calls them."""

from __future__ import annotations

import json
from typing import Any

from tests.flow.command_line import FLEX, TEAM, Cli


def results(text: str) -> list[dict[str, Any]]:
    (run,) = json.loads(text)["runs"]
    return [*run["results"]]


def test_validate_tells_every_problem_at_its_line(cli: Cli) -> None:
    """And exits as ever."""
    cli.write(team="users:\n  ana@example.com: {full_name: Ana Ruiz, roles: [agnet]}\n")
    ran = cli.run("validate", "--format", "sarif")
    assert ran.code == 2
    (one,) = results(ran.out)
    place = one["locations"][0]["physicalLocation"]
    assert (place["artifactLocation"]["uri"], place["region"]["startLine"]) == ("stacks/prod/users/team.yaml", 2)


def test_without_a_problem_the_log_is_there_and_empty(cli: Cli) -> None:
    """A platform then closes what an earlier log told."""
    cli.write()
    assert (ran := cli.run("validate", "--format", "sarif")).code == 0
    assert results(ran.out) == []


def test_a_plan_tells_what_refuses_it_to_the_last_one(cli: Cli) -> None:
    """No more than ten annotations are shown of a step; a log has no such limit."""
    names = [f"u{number}@example.com" for number in range(15)]
    team = TEAM + "".join(f"  {name}: {{full_name: U, roles: [admin]}}\n" for name in names)
    cli.write(flex=FLEX, team=team)
    found = results(cli.run("plan", "--format", "sarif").out)
    assert {one["level"] for one in found} == {"error"}
    assert len(found) >= len(names)
    assert all(one["ruleId"] == "plan" for one in found)


def test_a_log_is_of_one_stack(cli: Cli) -> None:
    """Several would be several logs on one output."""
    cli.write()
    cli.write(flex=FLEX.replace("k7m2q9", "k7m2q8"), stack="other")
    ran = cli.run("plan", "--stack", "all", "--format", "sarif")
    assert (ran.code, ran.out) == (2, "")
    assert "--format sarif is of one stack" in ran.err
