"""Many histories in a row, each by the seed of its number: `python -m tests.histories RUNS [FIRST SEED]`."""

from __future__ import annotations

import sys
import time
from collections import Counter

from tests.histories.history import prove


def main() -> int:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    counts: Counter[str] = Counter()
    found: list[int] = []
    began = time.monotonic()
    for seed in range(first, first + runs):
        try:
            counts += prove(seed)
        except Exception as error:
            found.append(seed)
            notes = "\n  ".join(getattr(error, "__notes__", ()))
            print(f"seed {seed}: {type(error).__name__}: {error}\n  {notes}", flush=True)
        if (seed - first + 1) % 100 == 0:
            print(f"{seed - first + 1:,} histories, {len(found)} do not hold", file=sys.stderr, flush=True)
    for what, count in sorted(counts.items()):
        print(f"{count:8,}  {what}")
    print(
        f"{runs:,} histories from seed {first} in {time.monotonic() - began:.0f} s, {len(found)} do not hold: {found}"
    )
    return 1 if found else 0


sys.exit(main())
