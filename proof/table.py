"""The proof's figures as the table in docs/reliability.md."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path

from proof.run import Judged

BEGIN, END = "<!-- proof: begin -->", "<!-- proof: end -->"


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


def write(path: Path, found: Sequence[Judged], *, seed: int) -> None:
    """Put the table between its two comments in the page."""
    text = path.read_text()
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    requests = sum(one.requests for one in found)
    lost = sum(bool(one.lost) for one in found)
    summary = f"{len(found):,} runs with seed {seed}, {requests:,} requests, {lost} losses."
    path.write_text(f"{head}{BEGIN}\n{summary}\n\n{table(found)}\n{END}{tail}")
