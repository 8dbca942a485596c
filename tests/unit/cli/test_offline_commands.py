"""init, validate, schema and the sandbox's state: commands that send nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ACCOUNT, INSTANCE = "AC" + "1" * 32, "GO" + "2" * 32
INIT = ("--account", ACCOUNT, "--instance", INSTANCE)

Run = Callable[..., Any]


def test_init_writes_a_stack_that_is_valid(run: Run, tmp_path: Path) -> None:
    made = run("init", "prod", *INIT)
    assert (made.code, made.err) == (0, "")
    assert "wrote stacks/prod/flex.yaml" in made.out
    assert "flexres plan --stack prod" in made.out
    text = (tmp_path / "stacks/prod/flex.yaml").read_text()
    assert ACCOUNT in text
    assert INSTANCE in text
    assert run("validate").out == "stacks/prod: 0 users in 2 files, no problems\n"


def test_init_mints_another_id_for_each_stack(run: Run, tmp_path: Path) -> None:
    ids = set()
    for name in ("a", "b"):
        run("init", name, *INIT)
        found = re.search(r"^id: (\S+)", (tmp_path / "stacks" / name / "flex.yaml").read_text(), re.MULTILINE)
        assert found is not None
        ids.add(found[1])
    assert len(ids) == 2


def test_init_points_editors_at_the_project_s_schemas(run: Run, tmp_path: Path) -> None:
    schemas = tmp_path / "docs/schema"
    for kind in ("flex", "users"):
        assert run("schema", kind, "-o", str(schemas / f"{kind}.schema.json")).code == 0
    run("init", "prod", *INIT)
    for file in ("flex.yaml", "users/team.yaml"):
        path = tmp_path / "stacks/prod" / file
        named = re.match(r"# yaml-language-server: \$schema=(\S+)\n", path.read_text())
        assert named is not None
        assert (path.parent / named[1]).is_file()


def test_init_leaves_a_stack_alone_that_is_there(run: Run, tmp_path: Path) -> None:
    run("init", "prod", *INIT)
    before = (tmp_path / "stacks/prod/flex.yaml").read_bytes()
    again = run("init", "prod", *INIT)
    assert again.code == 2
    assert "left alone" in again.err
    assert (tmp_path / "stacks/prod/flex.yaml").read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("prod",), "--account"),
        (("prod", "--account", ACCOUNT), "--instance"),
        (("prod", "--account", INSTANCE, "--instance", INSTANCE), "is not AC and 32"),
        (("prod", "--account", ACCOUNT, "--instance", "GO12"), "is not GO and 32"),
        (("../prod", *INIT), "cannot be the name"),
    ],
)
def test_init_refuses_what_cannot_be(run: Run, tmp_path: Path, arguments: tuple[str, ...], says: str) -> None:
    ran = run("init", *arguments)
    assert ran.code == 2
    assert says in ran.err
    assert not (tmp_path / "stacks").exists()


def test_init_takes_the_account_from_the_environment(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWILIO_ACCOUNT_SID", ACCOUNT)
    assert run("init", "prod", "--instance", INSTANCE).code == 0


def _broken(tmp_path: Path) -> None:
    (tmp_path / "stacks/prod/users/team.yaml").write_text(
        "users:\n  ana@example.com:\n    full_name: 12\n    roles: [Agent]\n"
    )


def test_validate_tells_all_problems_of_all_stacks(run: Run, tmp_path: Path) -> None:
    for name in ("prod", "staging"):
        run("init", name, *INIT)
    _broken(tmp_path)
    ran = run("validate")
    assert (ran.code, ran.err) == (2, "")
    assert "stacks/prod/users/team.yaml:3:16" in ran.out
    assert "stacks/prod/users/team.yaml:4:13" in ran.out
    assert "    full_name: 12" in ran.out
    assert "stacks/staging: 0 users in 2 files, no problems" in ran.out
    assert run("validate", "-s", "staging").code == 0


def test_validate_annotates_a_pull_request(run: Run, tmp_path: Path) -> None:
    run("init", "prod", *INIT)
    assert run("validate", "-f", "github").out == ""
    _broken(tmp_path)
    ran = run("validate", "-f", "github")
    assert ran.code == 2
    lines = ran.out.splitlines()
    assert len(lines) == 2
    assert all(line.startswith("::error file=stacks/prod/users/team.yaml,line=") for line in lines)


def test_validate_speaks_json(run: Run, tmp_path: Path) -> None:
    run("init", "prod", *INIT)
    _broken(tmp_path)
    told = json.loads(run("validate", "--format", "json").out)
    assert told["format"] == 1
    (stack,) = told["stacks"]
    assert (stack["stack"], stack["valid"], stack["users"], stack["files"]) == ("prod", False, None, 2)
    assert [(one["line"], one["column"], one["severity"]) for one in stack["problems"]] == [
        (3, 16, "error"),
        (4, 13, "error"),
    ]


def test_a_warning_is_told_and_fails_nothing(run: Run, tmp_path: Path) -> None:
    run("init", "prod", *INIT)
    same = "{full_name: Ana, roles: [agent], email: ana@example.com}"
    (tmp_path / "stacks/prod/users/team.yaml").write_text(f"users:\n  ana: {same}\n  ana2: {same}\n")
    ran = run("validate")
    assert ran.code == 0
    assert re.search(r"2 users in 2 files, \d warnings?\n", ran.out)
    assert "warning: " in ran.out


@pytest.mark.parametrize("kind", ["flex", "users"])
def test_schema_is_a_json_schema(run: Run, kind: str) -> None:
    ran = run("schema", kind)
    assert ran.code == 0
    assert json.loads(ran.out)["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_the_sandbox_is_seeded_and_reset(run: Run, tmp_path: Path) -> None:
    state = ("--state", str(tmp_path / "flex.db"))
    assert "30 users added, 0 there already" in run("sandbox", "seed", "--users", "30", *state).out
    assert "20 users added, 30 there already" in run("sandbox", "seed", "--users", "50", *state).out
    assert "removed" in run("sandbox", "reset", *state).out
    assert not (tmp_path / "flex.db").exists()
    assert "was not there" in run("sandbox", "reset", *state).out


def test_a_file_that_is_no_sandbox_is_left_alone(run: Run, tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("x" * 200)
    ran = run("sandbox", "reset", "--state", str(tmp_path / "precious.txt"))
    assert ran.code == 2
    assert (tmp_path / "precious.txt").exists()


def test_a_command_that_is_not_there_is_named(run: Run) -> None:
    ran = run("sandbox", "run", "--state", "flex.db", "--", "no-such-command")
    assert ran.code == 2
    assert "no-such-command cannot be run" in ran.err
