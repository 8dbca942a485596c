"""The proof's figures: kept for each engine as JSON, and as tables in docs/reliability.md."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import Any

from proof.run import Judged
from proof.story import ENGINES, ROOT, Engine

BEGIN, END = "<!-- proof: begin -->", "<!-- proof: end -->"
OUT = ROOT / "proof" / "out"


def keep(engine: Engine, found: Sequence[Judged], left_out: Sequence[str], *, seed: int) -> None:
    """Keep an engine's runs until it runs again."""
    runs = [asdict(one) for one in found]
    OUT.mkdir(exist_ok=True)
    kept = {"seed": seed, "on": f"{date.today():%Y-%m-%d}", "left_out": [*left_out], "runs": runs}
    _file(engine).write_text(json.dumps(kept, indent=1) + "\n")


def write(path: Path) -> None:
    """Put the tables of what is kept between their two comments in the page."""
    text = path.read_text()
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    sections = [_section(engine, json.loads(_file(engine).read_text())) for engine in ENGINES if _file(engine).exists()]
    tables = "\n\n".join(sections)
    path.write_text(f"{head}{BEGIN}\n{tables}\n{END}{tail}")


def _file(engine: Engine) -> Path:
    return OUT / f"{engine.name.replace(',', '').replace(' ', '-')}.json"


def _section(engine: Engine, kept: dict[str, Any]) -> str:
    runs = [Judged(**one) for one in kept["runs"]]
    lost, requests = sum(bool(one.lost) for one in runs), sum(one.requests for one in runs)
    losses = "1 loss" if lost == 1 else f"{lost} losses"
    said = f"{len(runs):,} runs with seed {kept['seed']} on {kept['on']}, {requests:,} requests, {losses}."
    left_out = [f"Left out: {line}." for line in kept["left_out"]]
    return "\n\n".join([f"**{engine.name.capitalize()}**: {said}", *left_out, *([table(runs)] if runs else [])])


def table(found: Iterable[Judged]) -> str:
    """A row for each harm: runs, how they ended at first, and what was lost after another run."""
    rows = ["| Harm | Runs | First exits | Ran again, at most | Losses | Gaps in the journal |", "|-|-|-|-|-|-|"]
    for harm, group in groupby(sorted(found, key=lambda one: one.harm), key=lambda one: one.harm):
        runs = list(group)
        codes = Counter(one.exit for one in runs)
        exits = ", ".join(f"{code} × {many}" for code, many in sorted(codes.items()))
        lost, gaps = sum(bool(one.lost) for one in runs), sum(bool(one.unjournalled) for one in runs)
        rows.append(f"| {harm} | {len(runs)} | {exits} | {max(one.again for one in runs)} | {lost} | {gaps} |")
    return "\n".join(rows)
