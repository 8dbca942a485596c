"""What `pip install flexres` alone does: validate, plan, apply and drift; whatever lacks says the line to type."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

from flexres.cli.errors import EXTRAS
from flexres.sandbox.server import Sandbox

from .gitops import FLEX, TEAM

WITHOUT = """
import sys

class Lacking:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {lacking}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Lacking())
sys.argv[0] = "flexres"
from flexres.cli.main import run
run()
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "stacks" / "prod"
    (folder / "users").mkdir(parents=True)
    (folder / "flex.yaml").write_text(FLEX)
    (folder / "users" / "team.yaml").write_text(TEAM)
    return tmp_path


def bare(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs flexres where no package of any extra can be imported."""
    return subprocess.run(
        [sys.executable, "-c", WITHOUT.format(lacking=set(EXTRAS)), *arguments],
        cwd=folder,
        env={**os.environ, **variables},
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_without_any_extra_a_stack_is_validated_planned_applied_and_watched(project: Path, sandbox: Sandbox) -> None:
    """The direct engine, and every format of a report."""
    environ = sandbox.environment()
    runs = [
        ("validate", 0),
        ("plan --check", 3),
        ("apply --yes --also page.html --also report.json", 0),
        ("drift", 0),
    ]
    for line, code in runs:
        done = bare(project, *line.split(), **environ)
        assert done.returncode == code, done.stderr
    assert len(sandbox.users()) == 2


@pytest.mark.parametrize(
    ("line", "extra"),
    [
        ("saml lint response.xml", "sso"),
        ("sso appconfig --check appconfig.js", "sso"),
        ("sandbox serve", "sandbox"),
        ("apply --yes --engine pulumi --switch-engine", "pulumi"),
    ],
)
def test_a_command_whose_extra_lacks_says_the_line_to_type(
    line: str, extra: str, project: Path, sandbox: Sandbox
) -> None:
    """One line, exit 2, and nothing was sent."""
    done = bare(project, *line.split(), **sandbox.environment())
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert done.stderr.splitlines()[-1] == f"  pip install 'flexres[{extra}]'"
    assert sandbox.requests() == []


def test_every_package_of_an_extra_is_known_by_what_is_imported() -> None:
    """pyproject.toml names distributions, Python names modules."""
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = {
        name: {re.split(r"[<>=]", package)[0] for package in packages}
        for name, packages in project["optional-dependencies"].items()
    }
    core = {re.split(r"[<>=]", package)[0] for package in project["dependencies"]}
    distributions = metadata.packages_distributions()
    for module, extra in EXTRAS.items():
        assert set(distributions[module]) & extras[extra], module
    known = {name for module in EXTRAS for name in distributions[module]}
    assert set().union(*extras.values()) <= known
    assert not core & known
