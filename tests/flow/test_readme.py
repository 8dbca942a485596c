"""README's first screen shows the plan of the sandbox stack as it really prints."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from flexres.sandbox.server import Sandbox
from tests.flow.pull_request import commit, edited, run

ROOT = Path(__file__).parent.parent.parent
BLOCK = re.compile(r"(?<=<!-- the plan: make readme -->\n```text\n)(.*?)(?=```\n)", re.DOTALL)


def flexres(folder: Path, sandbox: Sandbox, *arguments: str) -> str:
    """What `flexres` prints in a terminal of 100 columns."""
    environ = {**os.environ, **sandbox.environment(), "COLUMNS": "100", "NO_COLOR": "1"}
    command = [sys.executable, "-m", "flexres", *arguments]
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def plan_of_the_readme(folder: Path) -> str:
    """The sandbox stack applied, then edited in git by a colleague and in Flex by somebody; what `plan` says."""
    shutil.copytree(ROOT / "stacks", folder / "stacks")
    run(folder, "git", "init", "--quiet", "--initial-branch", "main")
    commit(folder, "The team as it is")
    users = folder / "stacks" / "sandbox" / "users"
    with Sandbox(routing=True) as sandbox:
        flexres(folder, sandbox, "apply", "--stack", "sandbox", "--engine", "direct", "--yes")
        sandbox.edit_attributes("cho.tanaka@example.com", {"location": "Leeds"})
        sandbox.set_activity("kim.sorensen@example.com", "Available")
        edited(users / "support.yaml", "  bob.okafor@example.com:\n", NEW + "  bob.okafor@example.com:\n")
        edited(users / "support.yaml", "skills: {billing: 2}", "skills: {billing: 3}")
        edited(users / "support.yaml", DANA, DANA.replace("{billing: 3}", "{technical: 3}"))
        text = (users / "support.yaml").read_text()
        for name in ("jamal.carter", "kim.sorensen"):
            text = re.sub(rf"  {name}@example\.com:\n(?:    .*\n)+", "", text)
        (users / "support.yaml").write_text(text)
        edited(users / "ops.yaml", VICTOR, VICTOR + "    roles: [admin, supervisor]\n")
        commit(folder, "What a colleague edited")
        shown = re.sub(r"read \d+\.\d s", "read 0.3 s", flexres(folder, sandbox, "plan", "--stack", "sandbox"))
        # A digest is of this very moment in Flex: one stands for all.
        return re.sub(r"(?<=digest )[a-z2-7]{26}", "4jadlkku4omwr5rw4vy6luw735", shown)


VICTOR = "    full_name: Victor Hale\n"
DANA = "    full_name: Dana Whitfield\n    skills: {billing: 3}\n"
NEW = """\
  noor.haddad@example.com:
    full_name: Noor Haddad
    skills: {billing: 1}
"""


def test_the_readme_shows_the_plan_as_it_prints(tmp_path: Path) -> None:
    """`make readme` writes it anew."""
    shown = plan_of_the_readme(tmp_path)
    readme = ROOT / "README.md"

    if os.environ.get("FLEXRES_WRITE_README"):
        readme.write_text(BLOCK.sub(lambda _: shown, readme.read_text(), count=1))

    found = BLOCK.search(readme.read_text())
    assert found is not None
    assert found[0] == shown
