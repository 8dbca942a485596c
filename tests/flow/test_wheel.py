"""What a registry would serve: complete, checked, and enough to run every command without the checkout."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from flexres import __version__
from flexres.sandbox.server import Sandbox
from tests.flow.wheel import ROOT, Built, Installed, built, installed

__all__ = ["built", "installed"]

HELP_OF_ALL = """
import sys
import flexres, typer
from flexres.cli.main import COMMANDS

def show(command, names):
    context = typer.Context(command, info_name=" ".join(names))
    assert command.get_help(context).startswith("Usage:"), names
    print(" ".join(names))
    for name, inner in sorted(getattr(command, "commands", {}).items()):
        show(inner, [*names, name])

for name, entry in COMMANDS.items():
    show(entry.load(name), [name])
print(flexres.__file__, file=sys.stderr)
"""


def test_both_distributions_pass_the_registry_s_checks(built: Built) -> None:
    """The description renders, the metadata are whole, and the wheel has no stray file."""
    for command in (["twine", "check", "--strict", built.sdist, built.wheel], ["check-wheel-contents", built.wheel]):
        program = Path(sys.executable).with_name(str(command[0]))
        done = subprocess.run([program, *command[1:]], capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_wheel_has_every_file_of_the_package(built: Built) -> None:
    """Templates, scripts, schemas and py.typed too: whatever a module reads beside itself."""
    with zipfile.ZipFile(built.wheel) as archive:
        found = {name for name in archive.namelist() if name.startswith("flexres/")}
        license_text = archive.read(f"flexres-{__version__}.dist-info/licenses/LICENSE").decode()
    there = {path.relative_to(ROOT).as_posix() for path in (ROOT / "flexres").rglob("*") if path.is_file()}
    assert found == {name for name in there if "__pycache__" not in name}
    assert license_text == (ROOT / "LICENSE").read_text()


def test_every_command_of_the_wheel_explains_itself(installed: Installed) -> None:
    """Each is imported with all that it needs, far from the checkout."""
    done = installed.run("python", "-c", HELP_OF_ALL)
    assert done.returncode == 0, done.stderr
    assert {"plan", "apply", "sso attest", "idp settings", "saml lint", "sandbox serve"} <= {*done.stdout.splitlines()}
    assert done.stderr.startswith(str(installed.environment))
    assert installed.run("flexres", "--version").stdout == f"flexres {__version__}\n"
    assert installed.run("python", "-m", "flexres", "--help").returncode == 0
    assert [*installed.home.iterdir()] == []


def begin(installed: Installed, sandbox: Sandbox, *more: str) -> None:
    """A stack as `flexres init` writes it, with one agent, for that sandbox."""
    account, instance = sandbox.identity.account_sid, sandbox.identity.instance_sid
    made = installed.run("flexres", "init", "prod", "--account", account, "--instance", instance, *more)
    assert made.returncode == 0, made.stderr
    team = installed.work / "stacks" / "prod" / "users" / "team.yaml"
    team.write_text("users:\n  ana@example.com: {full_name: Ana Ruiz, roles: [agent]}\n")
    flex = installed.work / "stacks" / "prod" / "flex.yaml"
    flex.write_text(re.sub("min_admins: 1", "min_admins: 0", flex.read_text()))


def test_a_stack_from_init_is_applied_by_the_wheel(installed: Installed) -> None:
    """`init`, `validate`, `plan`, `apply`, `drift`, and a page, in an empty folder with an empty home."""
    with Sandbox() as sandbox:
        begin(installed, sandbox)
        lines = (
            "validate",
            "plan -f html -o plan.html",
            "apply --yes --also applied.json",
            "drift",
            "export --out all.yaml",
        )
        for line in lines:
            done = installed.run("flexres", *line.split(), **sandbox.environment())
            assert done.returncode == 0, (line, done.stdout, done.stderr)
        assert [user["username"] for user in sandbox.users()] == ["ana@example.com"]
    assert [*installed.home.iterdir()] == []


@pytest.mark.engine
@pytest.mark.skipif(shutil.which("pulumi") is None, reason="no pulumi on PATH")
def test_what_init_writes_for_pulumi_is_a_program_that_the_engine_runs(installed: Installed, tmp_path: Path) -> None:
    """The wheel brings no program: `flexres init --engine pulumi` writes it, and `pulumi up` carries it out."""
    pulumi = Path(shutil.which("pulumi") or "").parent
    variables = {
        "PATH": f"{installed.environment / 'bin'}{os.pathsep}{pulumi}{os.pathsep}/usr/bin{os.pathsep}/bin",
        "PULUMI_HOME": str(tmp_path / "pulumi"),
        "PULUMI_CONFIG_PASSPHRASE": "",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }
    with Sandbox() as sandbox:
        variables |= sandbox.environment()
        begin(installed, sandbox, "--engine", "pulumi")
        (installed.work / ".venv").symlink_to(installed.environment)
        assert {path.name for path in installed.work.iterdir()} >= {"Pulumi.yaml", "__main__.py", "requirements.txt"}
        done = installed.run("flexres", "apply", "--yes", **variables)
        assert done.returncode == 0, done.stdout + done.stderr
        assert [user["username"] for user in sandbox.users()] == ["ana@example.com"]
        again = installed.run("flexres", "plan", "--check", **variables)
        assert again.returncode == 0, again.stdout + again.stderr
        up = subprocess.run(
            ["pulumi", "up", "--yes", "--stack", "prod", "--expect-no-changes"],
            cwd=installed.work,
            env={**installed.variables, **variables},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert up.returncode == 0, up.stdout + up.stderr
