"""What somebody else says (a server, a proxy, a status line) as one printable line without any secret of ours."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import Final
from urllib.parse import quote, quote_plus

REDACTED: Final = "[redacted]"
_LONGEST: Final = 400
_READ: Final = 16 * 1024
"""Characters of a text that are looked at: secrets are taken out before it is cut to what a person reads."""

_SHORTEST_SECRET: Final = 6
"""Nothing shorter is a credential, and taking out every "a" would leave no message."""


def one_line(text: object, secrets: Iterable[str] = (), *, longest: int = _LONGEST) -> str:
    """The text without control, bidirectional and other invisible characters, and without these secrets.

    What is no text gives an empty line: nothing that a server sends may break a line, steer a terminal or flood it.
    """
    if not isinstance(text, str):
        return ""
    said = text[:_READ]
    for secret in secrets:
        said = said.replace(secret, REDACTED)
    line = " ".join("".join(mark if mark.isprintable() else " " for mark in said).split())
    return line if len(line) <= longest else line[: longest - 1] + "…"


def spellings(*secrets: str | None) -> tuple[str, ...]:
    """Every spelling in which a server may send these secrets back, the longest first."""
    found: set[str] = set()
    for secret in secrets:
        if secret and len(secret) >= _SHORTEST_SECRET:
            found |= {secret, quote(secret, safe=""), quote_plus(secret)}
            found.add(base64.b64encode(secret.encode("utf-8", "surrogatepass")).decode("ascii"))
    return tuple(sorted(found, key=lambda spelling: (-len(spelling), spelling)))
