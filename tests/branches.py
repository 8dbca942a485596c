"""`make coverage`, after the tests: which share of the branches they took, by room, and what stays out of reach."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

OUT = Path("coverage/branches.json")


def main() -> int:
    """A line for each room, the least covered files, and the whole; 1 where that is below pyproject's `fail_under`."""
    OUT.parent.mkdir(exist_ok=True)
    done = subprocess.run([sys.executable, "-m", "coverage", "json", "--quiet", "-o", str(OUT)], check=False)
    found = json.loads(OUT.read_text(encoding="utf-8"))
    rooms: dict[str, Counter[str]] = {}
    for name, file in found["files"].items():
        parts = Path(name).parts
        rooms.setdefault(parts[1] if len(parts) > 2 else "(root)", Counter()).update(_counts(file["summary"]))
    for room, counts in sorted(rooms.items()):
        print(f"{_share(counts):6.1f} %  {counts['branches']:6,} branches  {room}")
    worst = sorted(found["files"].items(), key=lambda item: _share(_counts(item[1]["summary"])))[:25]
    for name, file in worst:
        print(f"{_share(_counts(file['summary'])):6.1f} %  {name}: {_missing(file)}")
    whole = _counts(found["totals"])
    print(f"{_share(whole):6.1f} %  {whole['branches']:6,} branches and {whole['lines']:,} lines")
    return done.returncode


def _counts(summary: dict[str, int]) -> Counter[str]:
    return Counter(
        branches=summary["num_branches"],
        lines=summary["num_statements"],
        reached=summary["covered_branches"] + summary["covered_lines"],
    )


def _share(counts: Counter[str]) -> float:
    """Per cent, lines and branches together, as coverage.py counts."""
    every = counts["branches"] + counts["lines"]
    return 100 * counts["reached"] / every if every else 100.0


def _missing(file: dict[str, list[list[int]]]) -> str:
    return " ".join(f"{start}→{max(end, 0) or 'end'}" for start, end in file["missing_branches"][:12])


if __name__ == "__main__":
    sys.exit(main())
