"""A project in git for the stories of GitOps: commits of a stack, and commands run in it."""

from __future__ import annotations

import subprocess
from pathlib import Path

FLEX = """\
version: 1
id: k7m2q9
account: AC00000000000000000000000000000001
instance: GO00000000000000000000000000000001
engine: direct
policy: {max_changes: 100%, max_removals: 100%, min_admins: 0}
"""
TEAM = """\
defaults: {roles: [agent]}
users:
  ana@example.com: {full_name: Ana Ruiz, attributes: {level: 1, city: Rome}}
  bob@example.com: {full_name: Bob Okafor}
"""


def git(folder: Path, *arguments: str) -> None:
    """Runs git as Ana, whatever the machine's own configuration is."""
    who = ["-c", "user.name=Ana Ruiz", "-c", "user.email=ana@example.com", "-c", "init.defaultBranch=main"]
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True)


def commit(folder: Path, message: str = "change") -> None:
    """Everything in the folder's stacks as a commit."""
    if not (folder / ".git").exists():
        git(folder, "init", "-q")
    git(folder, "add", "stacks")
    git(folder, "commit", "-qm", message)
