"""Host names that look like another: non-ASCII letters that pass for Latin ones, and scripts mixed in one label."""

from __future__ import annotations

import unicodedata

import idna

# Letters of other scripts that print like a Latin one in common fonts: enough to name what a host passes for.
_LATIN_TWINS = {
    "а": "a", "в": "b", "е": "e", "ѕ": "s", "і": "i", "ј": "j", "к": "k", "м": "m", "н": "h", "о": "o", "р": "p",
    "с": "c", "т": "t", "у": "y", "х": "x", "ԁ": "d", "ԛ": "q", "ԝ": "w", "һ": "h", "ӏ": "l", "ɡ": "g", "ı": "i",
    "ο": "o", "ν": "v", "α": "a", "ι": "i", "κ": "k", "ρ": "p", "τ": "t", "υ": "u", "χ": "x", "ε": "e", "η": "n",
    "օ": "o", "ո": "n", "ս": "u", "ց": "g", "հ": "h", "ⅼ": "l", "ꓲ": "l",
}  # fmt: skip


def to_unicode(host: str) -> str:
    """The host as people read it: every `xn--` label decoded where it can be."""
    return ".".join(_decoded(label) for label in host.split("."))


def to_ascii(host: str) -> str | None:
    """The host as DNS has it (`xn--…`), or None where it is no host name."""
    try:
        return idna.encode(host, uts46=True).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        return None


def passes_for(host: str) -> str | None:
    """The all-Latin host that this one looks like, or None: `аpple.com` (Cyrillic а) passes for `apple.com`."""
    readable = to_unicode(host).lower()
    latin = _latin(readable)
    return latin if latin != readable and latin.isascii() else None


def mixes_scripts(host: str) -> bool:
    """Whether one label holds letters of Latin and of Cyrillic, Greek, Armenian or Cherokee."""
    return any(_mixed(label) for label in to_unicode(host).split("."))


def _decoded(label: str) -> str:
    if not label.lower().startswith("xn--"):
        return label
    try:
        return idna.decode(label)
    except (idna.IDNAError, UnicodeError):
        return label


def _latin(host: str) -> str:
    return "".join(_LATIN_TWINS.get(letter, letter) for letter in unicodedata.normalize("NFKC", host).lower())


def _mixed(label: str) -> bool:
    scripts = {unicodedata.name(letter, "?").split()[0] for letter in label if letter.isalpha()}
    return "LATIN" in scripts and bool(scripts & {"CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE"})
