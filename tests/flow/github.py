"""GitHub Actions by hand: the steps of a job, run one after another in a folder as a runner would run them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

_EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")

FAKE_GH = """\
#!{python}
# Stands for `gh api`: what is written is kept in a file, and a list is read through jq.
import json, os, pathlib, re, subprocess, sys
kept = pathlib.Path(os.environ["FAKE_GITHUB"])
items = json.loads(kept.read_text()) if kept.exists() else []
if sys.argv[1] != "api": sys.exit("no such command here")
words, method, fields, path, query = sys.argv[2:], "GET", {{}}, "", ""
while words:
    word = words.pop(0)
    if word == "--method": method = words.pop(0)
    elif word == "--field":
        name, _, value = words.pop(0).partition("=")
        fields[name] = pathlib.Path(value[1:]).read_text() if value.startswith("@") else value
    elif word == "--jq": query = words.pop(0)
    elif not word.startswith("--"): path = word
if method == "GET":
    listed = [one for one in items if one.get("state", "open") == "open"]
    if re.fullmatch("repos/[^/]+/[^/]+", path): listed = {{"private": not os.environ.get("FAKE_PUBLIC")}}
    if "/actions/artifacts" in path: listed = {{"artifacts": []}}
    done = subprocess.run(["jq", "-r", query], input=json.dumps(listed), text=True, stdout=subprocess.PIPE, check=True)
    sys.stdout.write(done.stdout)
elif method == "POST":
    number = len(items) + 1
    items.append({{"id": number, "number": number, "user": {{"login": "github-actions[bot]"}}, **fields}})
else:
    items[int(path.rpartition("/")[2]) - 1].update(fields)
kept.write_text(json.dumps(items))
"""


@dataclass
class Ran:
    """One step that was run: its name, how it ended, and what it said."""

    name: str
    exit: int
    output: str


@dataclass
class Runner:
    """A folder in which jobs are run. `values` stand for what GitHub would put in the place of expressions."""

    folder: Path
    work: Path
    environ: Mapping[str, str]
    values: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.work.mkdir(parents=True, exist_ok=True)
        gh = self.work / "gh"
        gh.write_text(FAKE_GH.format(python=sys.executable))
        gh.chmod(0o755)
        sleep = self.work / "sleep"
        sleep.write_text("#!/bin/sh\n")
        sleep.chmod(0o755)
        for installed in (self.folder / ".venv" / "bin" / "flexres", self.work / "flexres" / "bin" / "flexres"):
            if not installed.is_symlink():
                installed.parent.mkdir(parents=True)
                installed.symlink_to(Path(sys.executable).parent / "flexres")

    @property
    def kept(self) -> list[dict[str, Any]]:
        """The comments, or the issues, that jobs have written."""
        path = self.work / "github.json"
        found: list[dict[str, Any]] = json.loads(path.read_text()) if path.exists() else []
        return found

    def file(self, name: str) -> Path:
        """One of the files by which a step tells the runner something, such as GITHUB_OUTPUT."""
        path = self.work / name
        path.touch()
        return path

    @property
    def outputs(self) -> dict[str, str]:
        """What the steps have put out so far."""
        return dict(line.split("=", 1) for line in self.file("GITHUB_OUTPUT").read_text().splitlines())

    def run(self, workflow: str, job: str, *, without: tuple[str, ...] = ("Install flexres",)) -> list[Ran]:
        """The steps of a job that are commands, until one fails; actions of others are left out, and `without`."""
        return self.run_steps(jobs(self.workflows / workflow)[job]["steps"], without)

    def run_steps(self, steps: Sequence[Mapping[str, Any]], without: Collection[str] = ()) -> list[Ran]:
        """Steps of a job, or of a composite action."""
        ran = []
        for step in steps:
            if "run" not in step or step.get("name") in without or not self._wanted(step):
                continue
            ran.append(self._step(step))
            if ran[-1].exit:
                break
        return ran

    @property
    def workflows(self) -> Path:
        return Path(__file__).parent.parent.parent / ".github" / "workflows"

    def _wanted(self, step: Mapping[str, Any]) -> bool:
        condition = re.fullmatch(r"steps\.\w+\.outputs\.(\w+) (==|!=) '(.*)'", step.get("if", ""))
        if condition is None:
            return True
        name, sign, value = condition.groups()
        return (self.outputs.get(name) == value) is (sign == "==")

    def _step(self, step: Mapping[str, Any]) -> Ran:
        own = {
            name: _EXPRESSION.sub(lambda found: self.values.get(found[1], ""), str(value))
            for name, value in step.get("env", {}).items()
        }
        files = {name: str(self.file(name)) for name in ("GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_STEP_SUMMARY")}
        told = dict(line.split("=", 1) for line in self.file("GITHUB_ENV").read_text().splitlines())
        path = os.pathsep.join([str(self.work), str(Path(sys.executable).parent), os.environ["PATH"]])
        kept = {"FAKE_GITHUB": str(self.work / "github.json"), "RUNNER_TEMP": str(self.work), "PATH": path}
        # What the environment's secrets would hold is given by the sandbox.
        own = {name: value for name, value in own.items() if value or name not in self.environ}
        everything = {**os.environ, **self.environ, **files, **told, **own, **kept}
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            cwd=self.folder,
            env=everything,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return Ran(step.get("name", ""), done.returncode, done.stdout)


def read(path: Path) -> dict[str, Any]:
    """A workflow's YAML."""
    found: dict[str, Any] = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    return found


def jobs(path: Path) -> dict[str, Any]:
    """The jobs of a workflow."""
    found: dict[str, Any] = read(path)["jobs"]
    return found
