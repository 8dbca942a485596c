"""`make fuzz`: drives every reader and every client's answers for as long as told, and exits 1 if anything crashed."""

from __future__ import annotations

import argparse
import hashlib
import sys
import time
from pathlib import Path

from tests.fuzz.corpus import OWN, SHARED, keep, kept
from tests.fuzz.drive import drive
from tests.fuzz.targets import targets

KEPT = Path(".fuzz")


def main() -> int:
    """The number of inputs and of crash kinds; each kind's input and traceback are kept in .fuzz/.

    What ran lines of ours that nothing before had run is added to .fuzz/corpus, or to the repository's own.
    """
    options = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    options.add_argument("seconds", type=float)
    options.add_argument("--seed", type=int, default=int(time.time()), help="the same seed makes the same inputs")
    options.add_argument("--only", default="", help="a part of the targets' names")
    options.add_argument("--keep", action="store_true", help="for the repository: add to tests/fuzz/corpus")
    asked = options.parse_args()
    chosen = [each for each in targets() if asked.only in each.name]
    before = kept(chosen, SHARED, OWN)
    found = drive(chosen, asked.seconds, seed=asked.seed, kept=before)
    for crash in found.crashes:
        KEPT.mkdir(exist_ok=True)
        name = hashlib.sha256(f"{crash.target} {crash.what} {crash.where}".encode()).hexdigest()[:12]
        (KEPT / name).write_bytes(crash.seen)
        (KEPT / f"{name}.txt").write_text(crash.trace, errors="backslashreplace")
        print(f"{crash.target}: {crash.what} at {crash.where}  {KEPT / name}")
    added = keep(found.further, before, SHARED if asked.keep else OWN)
    print(
        f"{found.tried:,} inputs to {len(chosen)} targets, seed {asked.seed}; "
        f"{sum(map(len, before.values()))} kept before, {added} more now; crash kinds found: {len(found.crashes)}"
    )
    return 1 if found.crashes else 0


if __name__ == "__main__":
    sys.exit(main())
