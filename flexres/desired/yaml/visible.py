"""Texts of the YAML within messages: nothing invisible in them, and no longer than a person reads."""

from __future__ import annotations

import unicodedata
from typing import Final

from flexres.text import code_escape

_LONGEST: Final = 400


def visible(text: str) -> str:
    r"""The text with control, zero-width and bidirectional characters as escapes such as \u202e.

    Tabs become one blank, so that carets stay below what they mean.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(mark if mark.isprintable() or unicodedata.category(mark) == "Zs" else _escape(mark) for mark in text)


def told(text: str) -> str:
    """A message or hint made visible, and cut where a value in it is beyond reading."""
    return visible(text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…")


def _escape(mark: str) -> str:
    return " " if mark == "\t" else code_escape(mark)
