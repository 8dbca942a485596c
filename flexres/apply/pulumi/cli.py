"""Which engine a stack runs through, and where Pulumi's CLI is: on PATH, in its home folder, or the project's tools."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal

from flexres.desired.model import Engine
from flexres.errors import SetupError

Chosen = Literal["direct", "pulumi"]

TOOLS: Final = Path(".tools") / "pulumi"
"""Where the project keeps a CLI of its own, out of git's sight."""


def find_pulumi(project: Path, environ: Mapping[str, str]) -> Path | None:
    """The `pulumi` command, None where there is none."""
    home = Path(environ.get("PULUMI_HOME") or Path.home() / ".pulumi")
    on_path = shutil.which("pulumi", path=environ.get("PATH"))
    places = [Path(on_path)] if on_path else []
    places += [home / "bin" / "pulumi", project / TOOLS / "bin" / "pulumi"]
    return next((place for place in places if os.access(place, os.X_OK)), None)


def choose(committed: Engine, asked: Chosen | None, found: Path | None) -> Chosen:
    """The engine to use: the one asked for, the committed one, or for `auto` pulumi where it is installed."""
    if asked is not None:
        return asked
    if committed == "auto":
        return "direct" if found is None else "pulumi"
    return committed


def required(found: Path | None) -> Path:
    """The CLI, which there has to be.

    Raises:
        SetupError: there is none.
    """
    if found is None:
        raise SetupError(
            "Pulumi's CLI is not installed, neither on PATH nor in ~/.pulumi/bin nor in .tools/pulumi/bin",
            hint="install it (https://www.pulumi.com/docs/install/), or look through --engine direct",
        )
    return found


def install(project: Path) -> Path:
    """Install the CLI that fits the SDK into the project's tools, by Pulumi's official installer (get.pulumi.com).

    Raises:
        SetupError: the installer could not be had, or failed.
    """
    from pulumi.automation import PulumiCommand  # noqa: PLC0415 - slow to import, and rarely needed

    try:
        PulumiCommand.install(root=str(project / TOOLS))
    except (OSError, subprocess.SubprocessError) as error:
        raise SetupError(
            f"Pulumi's installer failed: {error}",
            hint="install it by hand (https://www.pulumi.com/docs/install/), or use --engine direct",
        ) from None
    return project / TOOLS / "bin" / "pulumi"
