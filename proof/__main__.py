"""`python -m proof [--runs N] [--seed N] [--only NAME] [--write]`: the proof's runs, a line each, and their table."""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

from proof.harms import Harm, mixed, single
from proof.run import CannotRunError, Judged, run
from proof.table import write

ROOT = Path(__file__).parent.parent
KILLS = 200


def planned(runs: int, seed: int, only: str) -> Iterator[tuple[Harm, int]]:
    """Each kind of harm `runs` times, as many random mixes as all of these together, and the points to kill at."""
    chance = random.Random(seed)
    kinds = list(single(chance))
    for what in kinds:
        many = max(runs, KILLS * runs // 10) if what in {"kill -9", "Ctrl-C"} else runs
        for _ in range(many):
            number = chance.randrange(1_000_000)
            if only in what:
                yield single(random.Random(number))[what], number
    for _ in range(runs * 10):
        number = chance.randrange(1_000_000)
        if only in "a random mix":
            yield mixed(random.Random(number)), number


def _judged(harm: Harm, seed: int) -> Judged | str:
    try:
        return run(harm, seed)
    except CannotRunError as missing:
        return f"{harm.name}: left out, {missing}"


def main() -> int:
    """Run them all; exit 1 where anything was lost."""
    parser = argparse.ArgumentParser(prog="python -m proof", description=__doc__)
    parser.add_argument("--runs", type=int, default=10, help="how often each harm; kills are twenty times as many")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="harms whose name has this in it")
    parser.add_argument("--side-by-side", type=int, default=2)
    parser.add_argument("--write", action="store_true", help="write the table into docs/reliability.md")
    asked = parser.parse_args()
    found: list[Judged] = []
    left_out: set[str] = set()
    with ThreadPoolExecutor(asked.side_by_side) as pool:
        for one in pool.map(lambda each: _judged(*each), list(planned(asked.runs, asked.seed, asked.only))):
            if isinstance(one, str):
                left_out.add(one)
                continue
            found.append(one)
            print(
                f"{one.harm:<40} seed {one.seed:<7} exit {one.exit:<4} again {one.again} in {one.seconds:.0f} s",
                flush=True,
            )
            for line in (*one.lost, *(f"not in the journal: {who}" for who in one.unjournalled)):
                print(f"    {line}", flush=True)
    for line in sorted(left_out):
        print(line)
    lost = sum(bool(one.lost) for one in found)
    gaps = sum(bool(one.unjournalled) for one in found)
    print(f"{len(found)} runs, {lost} with a loss, {gaps} with a gap in the journal")
    out = ROOT / "proof" / "out"
    out.mkdir(exist_ok=True)
    (out / "proof.json").write_text(json.dumps([asdict(one) for one in found], indent=1) + "\n")
    if asked.write:
        write(ROOT / "docs" / "reliability.md", found, seed=asked.seed)
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
