"""The commands that README and docs show, as they stand there: those of code blocks, and those within sentences."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
PAGES: Final = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
PROGRAMS: Final = ("flexres", "pulumi", "make", "python -m")
_BLOCK: Final = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_SPAN: Final = re.compile(r"`([^`]+)`")
_COMMAND: Final = re.compile(rf"(?:[A-Z_]+=\S+ )?(?:{'|'.join(PROGRAMS)}) \S.*")


def commands(program: str) -> list[str]:
    """The commands of one program, each once, in the order of the pages."""
    found = (command for page in PAGES for command in _of_page(page.read_text(encoding="utf-8")))
    return [command for command in dict.fromkeys(found) if f" {command}".find(f" {program} ") in {0, command.find(" ")}]


def _of_page(text: str) -> list[str]:
    found = []
    for kind, body in _BLOCK.findall(text):
        if kind in {"sh", "console", "bash"}:
            lines = body.replace("\\\n", " ").splitlines()
            typed = (re.split(r"\s+#|;\s|\s\|", line.removeprefix("$ ").strip())[0] for line in lines)
            found += [line for line in typed if _COMMAND.fullmatch(line)]
    within = (" ".join(span.split()) for span in _SPAN.findall(_BLOCK.sub("", text)))
    return [*found, *(span for span in within if _COMMAND.fullmatch(span))]
