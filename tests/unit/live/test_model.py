"""A Worker's attributes as a value: what nests too deep is not taken apart, and what it says at the top is read."""

from __future__ import annotations

import json

import pytest

from flexres.live.model import Worker

DEEP = "[" * 300 + "]" * 300


def worker(text: str) -> Worker:
    """A Worker with these attributes."""
    return Worker("WK1", "ana@example.com", "WA1", "Offline", False, text)


def test_brackets_within_a_text_nest_nothing() -> None:
    """Whatever an agent types into a note."""
    attributes = {"note": "[" * 101 + '"{' * 200, "a": [{"b": 1}] * 200}
    assert worker(json.dumps(attributes)).attributes() == attributes


@pytest.mark.parametrize("depth", [101, 300, 2_000])
def test_what_nests_too_deep_is_not_taken_apart(depth: int) -> None:
    """Whoever walks it by recursion would be stopped half-way."""
    assert worker(f'{{"a": {"[" * depth}{"]" * depth}}}').attributes() is None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f'{{"x": {DEEP}, "m": "v1", "y": 1}}', "v1"),
        (f'{{"m" : "v1", "x": {DEEP}}}', "v1"),
        (f'{{"\\u006d":"a\\"b", "x": {DEEP}}}', 'a"b'),
        (f'{{"x": {{"m": "no"}}, "y": ["m", "m"], "z": "m", "deep": {DEEP}}}', None),
        (f'{{"x": "\\"m\\": \\"no\\"", "deep": {DEEP}}}', None),
        (f'{{"m": 5, "x": {DEEP}}}', None),
        ("[]", None),
        ('{"m": "cut', None),
    ],
)
def test_a_text_at_the_top_is_read_beside_what_nests_too_deep(text: str, found: str | None) -> None:
    """At the top alone: neither within a value nor within a text."""
    assert worker(text).top_text("m") == found
