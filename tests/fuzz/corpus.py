"""What earlier runs of `make fuzz` have found worth keeping: a file a target, each line one input in base64."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from tests.fuzz.targets import Target

SHARED: Final = Path(__file__).parent / "corpus"
"""What the repository has: the short pass among the tests reads it."""

OWN: Final = Path(".fuzz") / "corpus"
"""What was found here, out of git's sight."""

LONGEST: Final = 4_096
"""Bytes of an input that is kept."""

MOST: Final = 60
"""Inputs that are kept of a target."""


def kept(targets: Sequence[Target], *folders: Path) -> dict[str, list[bytes]]:
    """The inputs of each target that stand in these folders."""
    found: dict[str, list[bytes]] = {}
    for target in targets:
        paths = (_path(folder, target.name) for folder in folders)
        lines = {line for path in paths if path.exists() for line in path.read_text().split()}
        found[target.name] = [base64.b64decode(line) for line in sorted(lines)]
    return found


def keep(further: Mapping[str, Sequence[bytes]], before: Mapping[str, Sequence[bytes]], folder: Path) -> int:
    """Put what reached further beside what was there before, the shortest first, as far as there is room.

    Returns how many were added.
    """
    added = 0
    for name, found in further.items():
        old = before.get(name, ())
        new = sorted((data for data in found if len(data) <= LONGEST), key=len)[: max(0, MOST - len(old))]
        if new:
            folder.mkdir(parents=True, exist_ok=True)
            lines = sorted(base64.b64encode(data).decode() for data in {*old, *new})
            _path(folder, name).write_text("\n".join(lines) + "\n")
            added += len(new)
    return added


def _path(folder: Path, name: str) -> Path:
    return folder / (re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") + ".txt")
