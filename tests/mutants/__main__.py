"""`make mutants`: changes the decisions one by one, and exits 1 where the tests miss a change that nobody has judged.

mutmut writes a copy of each function for every change that it can think of, `loop` runs the unit tests over each, and
mypy looks at those that the tests let through. What survives is looked up in judged.toml, by function and changed line,
so that edits elsewhere leave a judgement as it is. Properties, class bodies and constants are not changed: mutmut knows
functions.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from difflib import SequenceMatcher, unified_diff
from pathlib import Path
from typing import NamedTuple

from mutmut.mutation.file_mutation import MutatedFile, mutate_file_contents
from mutmut.utils.format_utils import get_mutant_name, orig_function_and_class_names_from_key

from tests.mutants.loop import Asked
from tests.mutants.types import refused

JUDGED = Path(__file__).parent / "judged.toml"
COPY = Path("mutants")
ROOMS = ("flexres/reconcile", "flexres/routing")
FINISHED = (
    "reconcile/guards",
    "reconcile/ownership",
    "reconcile/marker",
    "reconcile/key",
    "reconcile/diff",
    "reconcile/fields",
    "routing/language",
)
"""The modules of which every survivor is judged; the others of these rooms wait for somebody to go through theirs."""
TESTS = ("tests/unit/reconcile", "tests/unit/routing")


class Mutant(NamedTuple):
    """One change: in which function, which lines went and which came."""

    function: str
    was: str
    now: str


def main() -> int:
    """What was made and killed; each survivor that is not judged, and each judgement that nothing asks for."""
    options = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    options.add_argument(
        "modules", nargs="*", help="parts of modules' paths, like reconcile/plan; those finished by default"
    )
    asked = options.parse_args().modules or FINISHED
    modules = [
        path for room in ROOMS for path in sorted(Path(room).rglob("*.py")) if any(part in str(path) for part in asked)
    ]
    mutated = _written(modules)
    names = {get_mutant_name(path, name): path for path, found in mutated.items() for name in found.mutant_names}
    verdicts = _verdicts([_asked(name, path, mutated[path]) for name, path in names.items()])
    missed = {name for name in names if not verdicts[name]}
    alive = missed - refused(mutated, missed, COPY)
    survivors = Counter(_mutant(name, mutated[names[name]]) for name in alive)
    places = {_dotted(path) for path in modules}
    judged = Counter(one for one in _judged() if one.function.split(":")[0] in places)
    unjudged, needless = survivors - judged, judged - survivors
    for what, found in (("survives", unjudged), ("judged, and does not survive", needless)):
        for one in sorted(found.elements()):
            print(f"\n{what}: {one.function}\n{one.was}\n{one.now}")
    _table(names, alive)
    print(f"{len(names):8,}  {len(alive):8,}  not judged: {unjudged.total()}, judged and gone: {needless.total()}")
    return 1 if unjudged or needless else 0


def _written(modules: list[Path]) -> dict[Path, MutatedFile]:
    """A copy of the project in which these modules hold every mutant."""
    shutil.rmtree(COPY, ignore_errors=True)
    for folder in ("flexres", "tests", "docs", "stacks"):
        shutil.copytree(folder, COPY / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy("pyproject.toml", COPY)
    found = {path: mutate_file_contents(str(path), path.read_text(encoding="utf-8")) for path in modules}
    for path, file in found.items():
        (COPY / path).write_text(file.code, encoding="utf-8")
    return found


def _asked(name: str, path: Path, file: MutatedFile) -> Asked:
    """What the loop has to know of a mutant."""
    original, changed = _sides(name, file)
    span = file.line_span_by_function_name[_original(name)]
    blocks = SequenceMatcher(None, original, changed, autojunk=False).get_opcodes()
    lines = [span.start + line for tag, i, j, _, _ in blocks if tag != "equal" for line in range(i, max(j, i + 1))]
    return Asked(name, str(path), span.start, span.end, lines)


def _verdicts(mutants: list[Asked]) -> dict[str, bool]:
    asked, told = COPY / "asked.json", COPY / "told.json"
    asked.write_text(json.dumps(mutants))
    command = [sys.executable, "-m", "tests.mutants.loop", asked.name, told.name, *TESTS]
    subprocess.run(command, check=True, cwd=COPY, env={**os.environ, "CI": "1"}, stdout=subprocess.DEVNULL)
    return dict(map(json.loads, told.read_text().splitlines()))


def _dotted(path: Path) -> str:
    return ".".join(path.with_suffix("").parts)


def _original(name: str) -> str:
    return f"{name.rpartition('.')[2].partition('__mutmut_')[0]}__mutmut_orig"


def _sides(name: str, file: MutatedFile) -> tuple[list[str], list[str]]:
    """The function's lines before and after, under its own name."""
    function, _ = orig_function_and_class_names_from_key(name)
    lines, sides = file.code.splitlines(), []
    for each in (_original(name), name.rpartition(".")[2]):
        span = file.line_span_by_function_name[each]
        sides.append([line.replace(each, function) for line in lines[span.start - 1 : span.end]])
    return sides[0], sides[1]


def _mutant(name: str, file: MutatedFile) -> Mutant:
    function, owner = orig_function_and_class_names_from_key(name)
    diff = list(unified_diff(*_sides(name, file), n=0))[2:]
    was, now = ("\n".join(f"{sign} {line[1:].strip()}" for line in diff if line[0] == sign) for sign in "-+")
    return Mutant(f"{name.rpartition('.')[0]}:{f'{owner}.' if owner else ''}{function}", was, now)


def _judged() -> Iterator[Mutant]:
    for judgement in tomllib.loads(JUDGED.read_text(encoding="utf-8")).get("judged", ()):
        assert judgement["why"], "each judgement says why"
        for one in judgement["mutants"]:
            was, now = one["change"].strip().split("\n+ ", 1)
            yield Mutant(one["in"], was, f"+ {now}")


def _table(names: dict[str, Path], alive: set[str]) -> None:
    modules: dict[Path, Counter[bool]] = {}
    for name, path in names.items():
        modules.setdefault(path, Counter())[name in alive] += 1
    print(f"\n{'mutants':>8}  {'survive':>8}")
    for path, counts in modules.items():
        print(f"{counts.total():8,}  {counts[True]:8,}  {path}")


if __name__ == "__main__":
    sys.exit(main())
