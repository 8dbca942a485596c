r"""Characters written as \x1b, \u202e or \U0001f600: beneath the messages of `desired` and the reports alike."""

from __future__ import annotations


def code_escape(char: str) -> str:
    """One character by its code, in the shortest of the three forms."""
    code = ord(char)
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
