"""Texts as people read them, beneath the messages of `desired` and the reports: escapes, length, "did you mean"."""

from __future__ import annotations

import base64
import difflib
import json
import re
from collections.abc import Iterable
from itertools import pairwise
from typing import Final
from urllib.parse import quote, quote_plus

MEGABYTE: Final = 1024 * 1024
_LONGEST: Final = 400
"""Characters of a message: a value within it may be of any length."""
_LONGEST_LINE: Final = 4000
_LONGEST_WORD: Final = 64
HIDDEN: Final = "•••"
"""What stands in the place of a secret."""
_SECRET_WORDS: Final = frozenset((
    "password", "passwd", "pwd", "passphrase", "secret", "secrets", "token", "credential", "credentials", "apikey",
    "authtoken", "accesskey", "privatekey", "signingkey", "secretkey",
))  # fmt: skip
# A password before a host's @; Twilio's auth token, which no SID's two letters precede; a JSON Web Token.
_SECRET_FORMS: Final = re.compile(
    r"(?<=://)[^\s/@]*:[^\s/@]*(?=@)|(?<![0-9A-Za-z])[0-9a-f]{32}(?![0-9A-Za-z])|(?<![\w-])eyJ[\w-]{8,}\.[\w-]+\.[\w-]*"
)
_BLANK_LETTERS: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
"""Characters that Unicode calls printable although nothing is to be seen: two names may differ by one alone."""
_SHORT_ESCAPES: Final = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}


def size(count: int) -> str:
    """A number of bytes as a person reads it."""
    return f"{count // MEGABYTE} MB" if count >= MEGABYTE else f"{max(1, count // 1024)} KB"


def visible(text: str) -> str:
    r"""The text with each control, bidirectional, zero-width or otherwise unseen character as its escape (\u202e).

    A terminal obeys control characters, and a reviewer cannot see the others.
    """
    if text.isprintable() and (text.isascii() or not _BLANK_LETTERS.search(text)):
        return text
    shown = "".join(char if char.isprintable() else _escape(char) for char in text)
    return _BLANK_LETTERS.sub(lambda found: _escape(found[0]), shown)


def json_text(value: object, *, indent: int = 2) -> str:
    r"""The value as JSON for a person or a program: the same value, with whatever `visible` escapes as \u202e."""
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    return "\n".join(line if visible(line) == line else _json_visible(line) for line in text.split("\n"))


def _json_visible(line: str) -> str:
    return "".join(json.dumps(char)[1:-1] if visible(char) != char else char for char in line)


def for_message(text: str) -> str:
    """A message or hint without secrets, made visible, and cut where a value in it is beyond reading."""
    text = without_secrets(text)
    return visible(text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…")


def lines_visible(text: str) -> str:
    """A text of several lines, each made visible, and cut where it is beyond any screen."""
    return "\n".join(_cut(visible(line)) for line in text.split("\n"))


def _cut(line: str) -> str:
    return line if len(line) <= _LONGEST_LINE else line[: _LONGEST_LINE - 1] + "…"


def is_credential(key: str) -> bool:
    """Whether a key is called like something secret: auth_token, clientSecret, DB-PASSWORD, api_key."""
    words = re.findall(r"[a-z0-9]+", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", key).lower())
    return not _SECRET_WORDS.isdisjoint((*words, *map("".join, pairwise(words))))


def without_secrets(text: str) -> str:
    """The text with whatever is secret by its form hidden: passwords in URLs, and what looks like an auth token."""
    return _SECRET_FORMS.sub(HIDDEN, text)


def nearest(word: str, known: Iterable[str], *, cutoff: float = 0.7) -> str | None:
    """Did you mean …? The known word most like `word`, None where none is; one beyond any slip is not compared."""
    if len(word) > _LONGEST_WORD:
        return None
    return next(iter(difflib.get_close_matches(word, known, n=1, cutoff=cutoff)), None)


def _escape(char: str) -> str:
    return _SHORT_ESCAPES.get(char) or code_escape(char)


def code_escape(char: str) -> str:
    r"""One character by its code, in the shortest of the forms \x1b, \u202e and \U0001f600."""
    code = ord(char)
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


REDACTED: Final = "[redacted]"
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
