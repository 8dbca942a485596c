"""Stacks in memory for tests: a source of texts, a flex.yaml that is in order, and the corpus of bad stacks."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from flexres.desired.load import Stack, load_stack
from flexres.desired.source import UnreadableFile, is_yaml, leaves_folder
from flexres.errors import InvalidStack, Problem

BAD_STACKS: Final = Path(__file__).parents[2] / "bad_stacks"
FLEX: Final = f"""\
version: 1
id: k7m2q9
account: AC{"a" * 32}
instance: GO{"b" * 32}
engine: direct
"""
TEAM: Final = "users: {}\n"
PEM: Final = (Path(__file__).parent / "idp.pem").read_text(encoding="ascii")
"""A certificate in order, for the rest of the century."""


class TextSource:
    """A stack whose files are texts or bytes in memory, shown below stacks/test."""

    def __init__(self, files: Mapping[str, str | bytes]) -> None:
        self._files = files

    def files(self) -> Sequence[str]:
        return sorted(name for name in self._files if is_yaml(name))

    def problems(self) -> Sequence[Problem]:
        return ()

    def read(self, name: str) -> bytes:
        if reason := leaves_folder(name):
            raise UnreadableFile(reason, "keep every file of a stack inside its folder")
        if name not in self._files:
            raise UnreadableFile("does not exist", "check the spelling, or whether a link leads nowhere")
        content = self._files[name]
        return content if isinstance(content, bytes) else content.encode("utf-8")

    def shown(self, name: str) -> str:
        return f"stacks/test/{name}"


def load(
    team: str | bytes = TEAM, *, flex: str | bytes = FLEX, as_of: date | None = None, **more: str | bytes
) -> Stack:
    """The stack of one team file `users/team.yaml`; `more` are further team files by their bare names."""
    files = {"flex.yaml": flex, "users/team.yaml": team}
    files |= {f"users/{name}.yaml": content for name, content in more.items()}
    return load_stack(TextSource(files), name="test", as_of=as_of)


def problems_of(team: str | bytes = TEAM, *, flex: str | bytes = FLEX, **more: str | bytes) -> tuple[Problem, ...]:
    """What is wrong with such a stack; nothing where it loads."""
    try:
        load(team, flex=flex, **more)
    except InvalidStack as error:
        return error.problems
    return ()


@dataclass(frozen=True)
class BadStack:
    """One case of the corpus: the files of a stack, and the file that says what is told of it."""

    name: str
    files: Mapping[str, str]
    expectations: Path

    @property
    def source(self) -> TextSource:
        return TextSource(self.files)


def bad_stacks() -> list[BadStack]:
    """The whole corpus, by name."""
    return [read_bad_stack(path) for path in sorted(BAD_STACKS.glob("*/*.txt"))]


def read_bad_stack(path: Path) -> BadStack:
    """A case file: sections that begin with `=== name`, a file of the stack each.

    A stack without a flex.yaml or a team file gets one that is in order, and so does one that names certs/good.pem.
    """
    parts = re.split(r"(?m)^=== (.+)\n", path.read_bytes().decode("utf-8"))
    sections = dict(zip(parts[1::2], parts[2::2], strict=True))
    files = {"flex.yaml": FLEX, **sections}
    if "certs/good.pem" in files["flex.yaml"]:
        files["certs/good.pem"] = PEM
    if not any(name.startswith("users/") for name in files):
        files["users/team.yaml"] = TEAM
    return BadStack(f"{path.parent.name}-{path.stem}", files, path.with_suffix(".problems"))
