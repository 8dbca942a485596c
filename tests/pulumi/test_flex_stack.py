"""`FlexStack` in programs of users' own, and what of it stands in their states for good."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import pytest

from flexres.pulumi import TYPE
from tests.pulumi.conftest import CONFIG, ROOT
from tests.pulumi.plugin import PROVIDERS, unpickled
from tests.pulumi.test_program import of_kind, registered

PROMISE = Path(__file__).with_name("promise.json")
AWS = """
import pulumi

class _Resource(pulumi.CustomResource):
    def __init__(self, name, **properties):
        super().__init__(self.TYPE, name, properties)

class s3:
    class Bucket(_Resource):
        TYPE = "aws:s3/bucket:Bucket"
    class BucketObject(_Resource):
        TYPE = "aws:s3/bucketObject:BucketObject"
"""
"""As much of Amazon's provider as the example uses."""


def write_stack(folder: Path, name: str, **teams: str) -> None:
    """A stack with a user in each team, in a project of several."""
    stack = folder / "stacks" / name
    (stack / "users").mkdir(parents=True)
    rules = CONFIG.format(engine="pulumi", policy="").replace("k7m2q9", f"{name}22"[:6])
    (stack / "flex.yaml").write_text(rules)
    for team, username in teams.items():
        path = stack / "users" / f"{team}.yaml"
        path.write_text(f"users:\n  {username}: {{full_name: A B, roles: [agent]}}\n")


@pytest.fixture
def example(tmp_path: Path) -> list[dict[str, Any]]:
    """What the program in docs/examples registers for two stacks."""
    write_stack(tmp_path, "emea", support="ana@example.com", sales="bob@example.com")
    write_stack(tmp_path, "apac", support="ana@example.com")
    (tmp_path / "pulumi_aws.py").write_text(AWS)
    program = ROOT / "docs" / "examples" / "pulumi_program" / "__main__.py"
    return registered(program, tmp_path, "main", PYTHONPATH=f"{ROOT}:{tmp_path}")


def test_several_stacks_stand_beside_whatever_else_a_program_has(example: list[dict[str, Any]]) -> None:
    """The same person may be in both: the names begin with the stack's."""
    assert sorted(of_kind(example, "FlexStack")) == ["apac", "emea"]
    assert sorted(of_kind(example, "Roster")) == ["apac/roster", "emea/roster"]
    users = of_kind(example, "User")
    assert sorted(users) == ["apac/ana@example.com", "emea/ana@example.com", "emea/bob@example.com"]
    assert {name: inputs["stack"] for name, inputs in users.items()} == {name: name[:4] for name in users}


def test_the_usernames_by_team_are_an_output(example: list[dict[str, Any]]) -> None:
    objects = of_kind(example, "BucketObject")
    assert {name: json.loads(inputs["content"]) for name, inputs in objects.items()} == {
        "teams-apac": {"support": ["ana@example.com"]},
        "teams-emea": {"sales": ["bob@example.com"], "support": ["ana@example.com"]},
    }


def test_one_stack_waits_for_another_where_it_is_told_to(example: list[dict[str, Any]]) -> None:
    """`depends_on` of the component holds for its resources."""
    rosters = [one["name"] for one in example if one["kind"] == "Roster"]
    assert rosters == ["emea/roster", "apac/roster"]


def test_the_stack_that_pulumi_has_selected_has_plain_names(tmp_path: Path) -> None:
    write_stack(tmp_path, "emea", support="ana@example.com")
    found = registered(ROOT / "__main__.py", tmp_path, "emea")
    assert list(of_kind(found, "User")) == ["ana@example.com"]


def test_what_stands_in_states_stays_as_it_was() -> None:
    """Types, names and providers of the kept list are those of today; docs/pulumi.md promises it."""
    promise = json.loads(PROMISE.read_text())
    assert promise["component"] == TYPE
    assert promise["resources"].keys() == PROVIDERS.keys()
    for kind, kept in promise["resources"].items():
        provider = pickle.loads(unpickled(kept["provider"]))
        assert type(provider) is PROVIDERS[kind]
        assert (provider.kind, provider.name, provider.key) == (kind, kept["name"], kept["key"])
        assert kept["type"] == f"pulumi-python:dynamic/flexres:{kind}"
        path = f"{type(provider).__module__}.{type(provider).__qualname__}"
        assert path in (ROOT / "docs" / "pulumi.md").read_text()


def test_the_types_that_a_program_registers_are_those_of_the_kept_list(example: list[dict[str, Any]]) -> None:
    kept = {kind: each["type"] for kind, each in json.loads(PROMISE.read_text())["resources"].items()}
    found = {one["kind"]: one["type"] for one in example if one["kind"] in kept}
    assert found == {kind: kept[kind] for kind in found}
    assert {one["type"] for one in example if one["kind"] == "FlexStack"} == {TYPE}
