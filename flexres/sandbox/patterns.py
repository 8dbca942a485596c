"""Patterns that people send us, searched in time proportional to the text: no pattern can hold the sandbox up."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Protocol

from flexres.sandbox.errors import SandboxError

_LONGEST = 500
_PLAIN = re.compile(r"[^\\^$.|?*+()\[\]{}]*")


class _Searches(Protocol):
    def search(self, text: str, /) -> object: ...


@dataclass(frozen=True, slots=True)
class Pattern:
    """A regular expression of RE2's syntax: Python's, without looking around and going back.

    Raises:
        SandboxError: it is none.
    """

    text: str
    _compiled: _Searches | None = field(init=False, compare=False, repr=False, default=None)

    def __post_init__(self) -> None:
        if len(self.text) > _LONGEST:
            raise SandboxError(f"a pattern has at most {_LONGEST} characters")
        if not _PLAIN.fullmatch(self.text):
            object.__setattr__(self, "_compiled", _compile(self.text))

    def found_in(self, text: str) -> bool:
        """Whether it occurs anywhere."""
        return self.text in text if self._compiled is None else self._compiled.search(text) is not None


def _compile(text: str) -> _Searches:
    import re2  # type: ignore[import-untyped]  # noqa: PLC0415  most patterns are plain text and need no engine

    options = re2.Options()
    options.log_errors = False
    try:
        compiled: _Searches = re2.compile(text, options)
    except re2.error as error:
        reason = error.args[0].decode() if error.args and isinstance(error.args[0], bytes) else str(error)
        raise SandboxError(f"{text!r} is no regular expression: {reason}") from None
    return compiled
