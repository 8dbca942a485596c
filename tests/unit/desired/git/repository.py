"""Git for tests of what is read from it: commits by named people at fixed times, without this machine's settings."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

ANA = ("Ana Ruiz", "2026-01-01T00:00:00Z")
BOB = ("Bob Okafor", "2026-02-01T00:00:00Z")


def git(folder: Path, *arguments: str, by: tuple[str, str] = ANA) -> None:
    """Runs git in a folder."""
    name, when = by
    environment = {
        "PATH": os.environ["PATH"],
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        **{f"GIT_{role}_NAME": name for role in ("AUTHOR", "COMMITTER")},
        **{f"GIT_{role}_EMAIL": "someone@example.com" for role in ("AUTHOR", "COMMITTER")},
        **{f"GIT_{role}_DATE": when for role in ("AUTHOR", "COMMITTER")},
    }
    subprocess.run(["git", *arguments], cwd=folder, env=environment, check=True, capture_output=True)
