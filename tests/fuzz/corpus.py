"""What earlier runs of `make fuzz` have found worth keeping: a file a target, each line one input in base64."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from tests.fuzz.targets import Target

FOLDER: Final = Path(__file__).parent / "corpus"

LONGEST: Final = 4_096
"""Bytes of an input that is kept."""

MOST: Final = 60
"""Inputs that are kept of a target."""


def kept(targets: Sequence[Target]) -> dict[str, list[bytes]]:
    """The inputs of each target."""
    found = {}
    for target in targets:
        path = _path(target.name)
        lines = path.read_text().split() if path.exists() else []
        found[target.name] = [base64.b64decode(line) for line in lines]
    return found


def keep(further: Mapping[str, Sequence[bytes]], before: Mapping[str, Sequence[bytes]]) -> int:
    """Add what reached further, the shortest first, as far as there is room; returns how many were added."""
    added = 0
    for name, found in further.items():
        old = before.get(name, ())
        new = sorted((data for data in found if len(data) <= LONGEST), key=len)[: max(0, MOST - len(old))]
        if new:
            FOLDER.mkdir(exist_ok=True)
            lines = sorted(base64.b64encode(data).decode() for data in {*old, *new})
            _path(name).write_text("\n".join(lines) + "\n")
            added += len(new)
    return added


def _path(name: str) -> Path:
    return FOLDER / (re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") + ".txt")
