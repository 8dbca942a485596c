"""Texts from YAML and Flex in a report: safe to look at, and no wider than their place."""

from __future__ import annotations

from rich.cells import cell_len, set_cell_size

from flexres.text import visible

__all__ = ["shorten", "visible"]


def shorten(text: str, cells: int) -> str:
    """The text in at most `cells` terminal cells; an ellipsis marks that something is missing."""
    if cell_len(text) <= cells:
        return text
    return set_cell_size(text, cells - 1).rstrip() + "…"
