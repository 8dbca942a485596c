"""The files around the package: pins with hashes, forms that GitHub reads, a hook and an image of what is there."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from flexres.cli.main import COMMANDS

ROOT = Path(__file__).parents[2]
PIN = re.compile(
    r"^(?P<name>[a-z0-9-]+)==(?P<version>\S+)(?: ; [^\\\n]+)? \\\n(?: +--hash=sha256:[0-9a-f]{64}(?: \\)?\n)+", re.M
)


def read(name: str) -> Any:
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


def pins(name: str) -> set[str]:
    text = (ROOT / name).read_text(encoding="utf-8")
    found = {match["name"] for match in PIN.finditer(text)}
    lines = {line.split("==")[0] for line in text.splitlines() if line and line[0] not in " #"}
    assert found == lines, "make requirements pins each with its hashes"
    return found


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt", "requirements-audit.txt"])
def test_every_requirement_is_pinned_by_hash(name: str) -> None:
    """pip then refuses a file that somebody has replaced."""
    assert len(pins(name)) > 20


def test_what_pyproject_asks_for_is_pinned() -> None:
    """For users and for developers alike."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = [*project["dependencies"], *(one for extra in project["optional-dependencies"].values() for one in extra)]
    names = {re.split(r"[<>=\[]", one)[0].replace(".", "-") for one in asked}
    assert names <= pins("requirements.txt") <= pins("requirements-dev.txt")


def test_the_hook_calls_a_command_that_there_is() -> None:
    """`pre-commit` runs it in the repository of the stacks."""
    (hook,) = read(".pre-commit-hooks.yaml")
    program, command = hook["entry"].split()
    assert program == "flexres"
    assert command in COMMANDS
    assert re.search(hook["files"], "stacks/prod/users/support.yaml")


@pytest.mark.parametrize("name", ["bug", "idea", "twilio"])
def test_the_forms_of_issues_are_whole(name: str) -> None:
    """What GitHub asks of a form: name, description, and fields with a label and an id of their own."""
    form = read(f".github/ISSUE_TEMPLATE/{name}.yml")
    fields = [field for field in form["body"] if field["type"] != "markdown"]
    assert form["name"]
    assert form["description"]
    assert len({field["id"] for field in fields}) == len(fields)
    assert all(field["attributes"]["label"] for field in fields)
    choices = [option for field in fields for option in field["attributes"].get("options", [])]
    assert all(isinstance(option, str) for option in choices)


def test_dependabot_looks_where_something_is() -> None:
    """Actions, Python, the image and the packages of Node."""
    holds = {"pip": "pyproject.toml", "docker": "Dockerfile", "npm": "package.json", "github-actions": ".github"}
    updates = read(".github/dependabot.yml")["updates"]
    assert {update["package-ecosystem"] for update in updates} == {*holds}
    for update in updates:
        assert (ROOT / update["directory"].lstrip("/") / holds[update["package-ecosystem"]]).exists()


def test_the_image_copies_what_there_is_and_runs_without_rights() -> None:
    """Each path that is copied from the checkout exists and is let through by .dockerignore."""
    text = (ROOT / "container" / "Dockerfile").read_text(encoding="utf-8")
    copied = [words.split()[:-1] for words in re.findall(r"^COPY (?!--from)(?:--chmod=\d+ )?(.+)$", text, re.M)]
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    for path in (path for paths in copied for path in paths):
        assert (ROOT / path).exists(), path
        assert f"!{path.removeprefix('./')}" in ignored
    users = re.findall(r"^USER (\S+)$", text, re.M)
    assert users == ["10001"]
    assert re.search(r"^FROM pulumi/pulumi-base:\d+\.\d+\.\d+ AS pulumi$", text, re.M)


def test_the_devcontainer_prepares_the_environment() -> None:
    """JSON without comments, so that any reader takes it."""
    made = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text(encoding="utf-8"))
    assert made["postCreateCommand"].startswith("make .venv/.installed")


@pytest.mark.parametrize("there", [False, True])
def test_the_image_lends_its_environment_to_a_fresh_checkout_alone(tmp_path: Path, there: bool) -> None:
    """Pulumi.yaml names .venv; one that somebody made is theirs."""
    (tmp_path / "Pulumi.yaml").touch()
    if there:
        (tmp_path / ".venv").mkdir()
    program = tmp_path / "bin" / "flexres"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\necho "$@"\n')
    program.chmod(0o755)
    environ = {"PATH": f"{program.parent}:/usr/bin:/bin", "VIRTUAL_ENV": str(tmp_path / "lent")}
    done = subprocess.run(
        ["/bin/sh", str(ROOT / "container" / "entrypoint.sh"), "plan", "--stack", "a b"],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
        check=True,
        timeout=10,
    )
    assert done.stdout == "plan --stack a b\n"
    assert (tmp_path / ".venv").is_symlink() is not there
