"""`python -m proof [--runs N] [--seed N] [--engine NAME] [--only NAME] [--write]`: the proof's runs, a line each."""

from __future__ import annotations

import argparse
import random
import shutil
import signal
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from proof.command import CannotRunError
from proof.harms import Harm, mixed, single
from proof.run import Beginnings, Judged, beginnings, run
from proof.story import ENGINES, ROOT, Engine
from proof.table import keep, write

KILLS = 20
"""So many times as often as other harms: the moment matters."""


def planned(engine: Engine, runs: int, seed: int, only: str) -> Iterator[tuple[Harm, int]]:
    """Each kind of harm `runs` times, random mixes ten times and moments to kill at twenty times as often.

    The engines of Pulumi take as long for one run as the direct one for ten, so they get a tenth of them.
    """
    pulumi = engine.engine == "pulumi"
    often = 1 if pulumi else KILLS
    runs = max(1, runs // 10) if pulumi else runs
    chance = random.Random(seed)
    for what in single(chance, engine):
        signals = "Ctrl-C" in what or "kill -9" in what
        for _ in range(runs * often if signals and "twice" not in what else runs):
            number = chance.randrange(1_000_000)
            if only in what:
                yield single(random.Random(number), engine)[what], number
    for _ in range(runs * max(1, often // 2)):
        number = chance.randrange(1_000_000)
        if only in "a random mix":
            yield mixed(random.Random(number), engine), number


def _judged(harm: Harm, seed: int, engine: Engine, begun: Beginnings) -> Judged | str:
    try:
        return run(harm, seed, engine, begun)
    except CannotRunError as missing:
        return f"{harm.name}: left out, {missing}"


def main() -> int:
    """Run them all; exit 1 where anything was lost."""
    parser = argparse.ArgumentParser(prog="python -m proof", description=__doc__)
    parser.add_argument("--runs", type=int, default=10, help="how often each harm; kills are twenty times as many")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--engine", default="", help="engines whose name begins so: direct, or pulumi")
    parser.add_argument("--only", default="", help="harms whose name has this in it")
    parser.add_argument("--side-by-side", type=int, default=2)
    parser.add_argument("--write", action="store_true", help="write the tables into docs/reliability.md")
    asked = parser.parse_args()
    # A run in the background has inherited an ignored Ctrl-C, and would hand it on.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    lost = 0
    for engine in ENGINES:
        if engine.name.startswith(asked.engine):
            found, left_out = _runs(engine, asked)
            keep(engine, found, left_out, seed=asked.seed)
            lost += sum(bool(one.lost) for one in found)
    if asked.write:
        write(ROOT / "docs" / "reliability.md")
    return 1 if lost else 0


def _runs(engine: Engine, asked: argparse.Namespace) -> tuple[list[Judged], Sequence[str]]:
    """All runs of one engine, or those until Ctrl-C, told as they end; and what could not be run."""
    found: list[Judged] = []
    left_out: set[str] = set()
    print(f"{engine.name}:", flush=True)
    if engine.engine == "pulumi" and shutil.which("pulumi") is None:
        print("left out, there is no `pulumi` on PATH")
        return [], ["everything, for there is no `pulumi` on PATH"]
    runs = list(planned(engine, asked.runs, asked.seed, asked.only))
    # So that of a proof that is stopped every kind of harm has been met.
    random.Random(asked.seed).shuffle(runs)
    with beginnings() as begun, ThreadPoolExecutor(asked.side_by_side) as pool, suppress(KeyboardInterrupt):
        for one in pool.map(lambda each: _judged(each[0], each[1], engine, begun), runs):
            if isinstance(one, str):
                left_out.add(one)
            else:
                found.append(one)
                _tell(one)
    for line in sorted(left_out):
        print(line)
    lost, gaps = sum(bool(one.lost) for one in found), sum(bool(one.unjournalled) for one in found)
    print(f"{len(found)} runs, {lost} with a loss, {gaps} with a gap in the journal", flush=True)
    return found, sorted(left_out)


def _tell(one: Judged) -> None:
    print(f"{one.harm:<40} seed {one.seed:<7} exit {one.exit:<4} again {one.again} in {one.seconds:.0f} s", flush=True)
    for line in (*one.lost, *(f"not in the journal: {who}" for who in one.unjournalled)):
        print(f"    {line}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
