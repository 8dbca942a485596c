"""Makes texts from YAML and Flex safe and plain to look at; every report passes names and values through here."""

from __future__ import annotations

import re
from typing import Final

from rich.cells import cell_len, set_cell_size

from flexres.text import code_escape

_BLANK_LETTERS: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
"""Characters that Unicode calls printable although nothing is to be seen: two names may differ by one alone."""


def visible(text: str) -> str:
    r"""The text with each control, bidirectional, zero-width or otherwise unseen character as its escape (\u202e).

    A terminal obeys control characters, and a reviewer cannot see the others.
    """
    if text.isprintable() and (text.isascii() or not _BLANK_LETTERS.search(text)):
        return text
    shown = "".join(char if char.isprintable() else _escape(char) for char in text)
    return _BLANK_LETTERS.sub(lambda found: _escape(found[0]), shown)


def shorten(text: str, cells: int) -> str:
    """The text in at most `cells` terminal cells; an ellipsis marks that something is missing."""
    if cell_len(text) <= cells:
        return text
    return set_cell_size(text, cells - 1).rstrip() + "…"


def _escape(char: str) -> str:
    return {"\n": r"\n", "\r": r"\r", "\t": r"\t"}.get(char) or code_escape(char)
