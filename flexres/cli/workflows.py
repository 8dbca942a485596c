"""The workflows of GitHub Actions that a repository of stacks needs, rendered from the templates beside this file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Final

FOLDER: Final = PurePosixPath(".github/workflows")

INSTALL_LOCKED: Final = "python -m pip install --quiet --requirement requirements.txt"
"""For a repository whose requirements.txt names flexres."""

_TEMPLATES: Final = Path(__file__).with_name("templates") / "workflows"
_PINS: Final[Mapping[str, str]] = {
    "@CHECKOUT@": "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1",
    "@PYTHON@": "actions/setup-python@5fda3b95a4ea91299a34e894583c3862153e4b97 # v7.0.0",
    "@UPLOAD@": "actions/upload-artifact@bbbca2ddaa5d8feaa63e36b76fdaad77386f024f # v7.0.0",
    "@DOWNLOAD@": "actions/download-artifact@3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c # v8.0.1",
    "@CACHE@": "actions/cache@27d5ce7f107fe9357f9df03efb73ab90386fccae # v5.0.5",
    "@PULUMI@": "pulumi/actions@8e5e406f4007fca908480587cb9893c07090f58d # v7.0.0",
    "@AWS@": "aws-actions/configure-aws-credentials@e6de054238d6b7531b4efff3b6587d9aade6a06c # v6.2.3",
}
"""Actions by the commit of a release: a tag can be moved, a commit cannot."""


def workflow_files(install: str = INSTALL_LOCKED) -> dict[PurePosixPath, str]:
    """Path in the repository → text of each workflow; `install` is the shell command that installs flexres."""
    return {
        FOLDER / f"{template.stem}.yml": _rendered(template.read_text(encoding="utf-8"), install)
        for template in sorted(_TEMPLATES.glob("*.yaml"))
    }


def _rendered(text: str, install: str) -> str:
    for name, value in {**_PINS, "@INSTALL@": install}.items():
        text = text.replace(name, value)
    return text
