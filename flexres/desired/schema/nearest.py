"""Did you mean …? The nearest of a few known words, for whatever a person typed."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_LONGEST = 64


def nearest(word: str, known: Iterable[str], *, cutoff: float = 0.7) -> str | None:
    """The known word that is most like `word`, None where none is; a word beyond any slip is not compared."""
    if len(word) > _LONGEST:
        return None
    return next(iter(difflib.get_close_matches(word, known, n=1, cutoff=cutoff)), None)
