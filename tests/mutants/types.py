"""Which mutants that the tests let through mypy refuses: nobody can commit those either."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Collection, Mapping
from pathlib import Path

from mutmut.mutation.file_mutation import MutatedFile

CACHE = Path(".mypy_cache/mutants")


def refused(mutated: Mapping[Path, MutatedFile], alive: Collection[str], copy: Path) -> set[str]:
    """Those of the living, by their names, in which mypy finds an error; it looks at files that hold only them."""
    places: dict[tuple[str, int], str] = {}
    for path, file in mutated.items():
        module = ".".join(path.with_suffix("").parts)
        lines = file.code.splitlines()
        dropped: set[int] = set()
        kept: dict[int, str] = {}
        for function, span in file.line_span_by_function_name.items():
            numbers = range(span.start, span.end + 1)
            if function.endswith("__mutmut_orig"):
                continue
            if f"{module}.{function}" in alive:
                kept |= dict.fromkeys(numbers, f"{module}.{function}")
                continue
            dropped.update(numbers)
            dropped.update(n for n, line in enumerate(lines, 1) if f"__mutmut['{function}'] = " in line)
        left = [(number, line) for number, line in enumerate(lines, 1) if number not in dropped]
        (copy / path).write_text("\n".join(line for _, line in left) + "\n", encoding="utf-8")
        places |= {(str(path), now): kept[was] for now, (was, _) in enumerate(left, 1) if was in kept}
    return {places[place] for place in _errors(list(mutated), copy) if place in places}


def _errors(paths: list[Path], copy: Path) -> list[tuple[str, int]]:
    options = ["--output", "json", "--no-warn-unused-ignores", "--cache-dir", str(CACHE.absolute())]
    command = [sys.executable, "-m", "mypy", *options, *map(str, paths)]
    done = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    return [(one["file"], one["line"]) for one in found if one["severity"] == "error"]
