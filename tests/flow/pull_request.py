"""The branches that the examples show: one adds a team and removes two people, the other is the worst of all."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from flexres.sandbox.server import Sandbox
from flexres.sandbox.store.seed import SeedUser

ROOT = Path(__file__).parent.parent.parent
TEAM = """\
# yaml-language-server: $schema=../../../docs/schema/users.schema.json
#
# Retention: the newest team, for customers who think of leaving.
defaults:
  roles: [agent]
  skills: {retention: 2}
  attributes: {languages: [en], team_name: Retention}

users:
  hana.kim@example.com:
    full_name: Hana Kim
    roles: [agent, supervisor]
    skills: {retention: 5, escalations: true}

  idris.bello@example.com:
    full_name: Idris Bello
    attributes: {languages: [en, fr]}

  julia.nowak@example.com:
    full_name: Julia Nowak
    until: 2031-06-30
"""
DANA = "    skills: {billing: 3}\n"
VICTOR = "    full_name: Victor Hale\n"


def run(folder: Path, *command: str, environ: dict[str, str] | None = None, exit_code: int = 0) -> str:
    """What a command prints; its commits are always of the same people and times."""
    dated = {
        f"GIT_{role}_{name}": value
        for role in ("AUTHOR", "COMMITTER")
        for name, value in (("NAME", "Ana Ruiz"), ("EMAIL", "ana@example.com"), ("DATE", "2026-11-20T09:00:00Z"))
    }
    plain = {"COLUMNS": "100", "NO_COLOR": "1", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    everything = {**os.environ, **dated, **plain, **(environ or {})}
    done = subprocess.run(command, cwd=folder, env=everything, capture_output=True, text=True, check=False)
    assert done.returncode == exit_code, f"{command} exited {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


def flexres(folder: Path, sandbox: Sandbox, *arguments: str, exit_code: int = 0) -> str:
    """What `flexres` prints against the sandbox."""
    command = (sys.executable, "-m", "flexres", *arguments)
    return run(folder, *command, environ=sandbox.environment(), exit_code=exit_code)


def commit(folder: Path, message: str) -> None:
    run(folder, "git", "add", "--all", "stacks")
    run(folder, "git", "commit", "--quiet", "--message", message)


def make_repository(folder: Path) -> None:
    """A repository with the sandbox stack on its main branch."""
    shutil.copytree(ROOT / "stacks" / "sandbox", folder / "stacks" / "sandbox")
    run(folder, "git", "init", "--quiet", "--initial-branch", "main")
    commit(folder, "The people as they are")


def make_branch(folder: Path, stack: str = "sandbox") -> None:
    """The branch with its one commit, checked out."""
    users = folder / "stacks" / stack / "users"
    run(folder, "git", "switch", "--quiet", "--create", "retention")
    (users / "retention.yaml").write_text(TEAM)
    support = (users / "support.yaml").read_text()
    for name in ("jamal.carter", "kim.sorensen"):
        support, removed = re.subn(rf"  {name}@example\.com:\n(?:    .*\n)+", "", support)
        assert removed == 1
    (users / "support.yaml").write_text(support)
    ops = (users / "ops.yaml").read_text()
    assert ops.count(VICTOR) == 1
    (users / "ops.yaml").write_text(ops.replace(VICTOR, VICTOR + "    roles: [admin, supervisor]\n"))
    commit(folder, "A team for retention")


def live_on(sandbox: Sandbox) -> None:
    """What happened in Flex meanwhile: somebody moved Cho, and Kim is taking calls."""
    sandbox.edit_attributes("cho.tanaka@example.com", {"location": "Leeds"})
    sandbox.set_activity("kim.sorensen@example.com", "Available")


HOSTILE = """\
users:
  mallory@example.com:                  # whose text would be a mention and a link
    full_name: "@acme/security [approved](https://evil.example) | ✅ | <b>reviewed</b>"
    email: mallory@evil.example
    roles: [agent, supervisor]
    contact_uri: sip:tap@evil.example
    image_url: https://evil.example/pixel.png
    attributes: {languages: [en]}
    channels: {chat: {available: true, capacity: 0}}

  eve.moriarty@example.com:             # takes the place of somebody else
    full_name: Eve Moriarty
    roles: [agent, supervisor]
    previously: stefan.ilic@example.com
"""
LOOSE = """\
  timezone: Pacific/Kiritimati
  retire_when: now
  max_removals: 100%
  max_changes: 100%
  min_admins: 0
  protected: [olivia.benett@example.com]
"""


def make_worst_branch(folder: Path, sandbox: Sandbox) -> None:
    """Everything at once that a pull request can try, checked out: docs/security.md tells what stands against each."""
    stack = folder / "stacks" / "sandbox"
    users = stack / "users"
    run(folder, "git", "switch", "--quiet", "--create", "typo")
    edited(users / "ops.yaml", VICTOR, VICTOR + "    roles: [admin, supervisor]\n")
    commit(folder, "Fix a typo")
    # Who wrote the change approves it, too.
    approve = ("approve", "--stack", "sandbox", "--base", "main", "--user", "victor.hale@example.com", "--yes")
    flexres(folder, sandbox, *approve)
    (users / "sales.yaml").unlink()
    (users / "typo.yaml").write_text(HOSTILE)
    ops = (users / "ops.yaml").read_text()
    (users / "ops.yaml").write_text(re.sub(r"  stefan\.ilic@example\.com:\n(?:    .*\n)+", "", ops))
    edited(users / "ops.yaml", "    full_name: Ursula Meyer\n", "    full_name: Ursula Meyer\n    until: 2026-11-01\n")
    edited(users / "support.yaml", DANA, "    skills: {}\n    channels: {voice: {capacity: 0}}\n")
    text = (stack / "flex.yaml").read_text()
    start, end = text.index("  timezone:"), text.index("  # What a reviewer has seen")
    text = text[:start] + LOOSE + text[end:]
    (stack / "flex.yaml").write_text(text.replace("engine: auto ", "engine: direct ", 1))
    commit(folder, "Fix another typo")


def somebody_unknown(sandbox: Sandbox) -> None:
    """An admin in Flex whom no file names."""
    sandbox.load([SeedUser("shadow@example.com", "Shadow", "shadow@example.com", ["admin"])])


def edited(path: Path, old: str, new: str) -> None:
    """Replaces the first place of a text in a file; it has to be there."""
    text = path.read_text()
    assert old in text, f"{path} has no {old!r}"
    path.write_text(text.replace(old, new, 1))
