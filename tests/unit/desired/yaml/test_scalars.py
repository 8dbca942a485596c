"""The core schema of YAML 1.2: what a plain text means."""

from __future__ import annotations

import math

import pytest

from flexres.desired.yaml.values import resolve

TEXTS = ["yes", "no", "on", "off", "y", "N", "2027-01-31", "1_000", "0b1", "12:30", "+", "-", ".", "1.2.3", "0x", "0o8"]
TEXTS += ["nUll", "tRue", "+0x1", "1e", "en,de"]


@pytest.mark.parametrize("text", TEXTS)
def test_what_only_older_yaml_reads_otherwise_stays_a_text(text: str) -> None:
    """No country code becomes false, and no date a date."""
    assert resolve(text) == text


@pytest.mark.parametrize(
    ("text", "value"),
    [("012", 12), ("-3", -3), ("+3", 3), ("0x1F", 31), ("0o17", 15), ("1.", 1.0), (".5", 0.5), ("1e3", 1000.0)],
)
def test_numbers(text: str, value: float) -> None:
    """Octal needs 0o, and a leading zero means nothing."""
    resolved = resolve(text)

    assert resolved == value
    assert type(resolved) is type(value)


@pytest.mark.parametrize("text", ["", "~", "null", "Null", "NULL"])
def test_nothing(text: str) -> None:
    """An empty value is null."""
    assert resolve(text) is None


@pytest.mark.parametrize(("text", "value"), [("true", True), ("True", True), ("FALSE", False)])
def test_truth(text: str, value: bool) -> None:
    """Three spellings of each."""
    assert resolve(text) is value


def test_what_is_no_finite_number() -> None:
    """They are numbers to YAML; validation refuses them."""
    nan, infinite = resolve(".nan"), resolve("-.INF")

    assert isinstance(nan, float) and math.isnan(nan)
    assert infinite == -math.inf


def test_a_number_of_ten_thousand_digits_costs_nothing() -> None:
    """Python itself refuses to convert so many."""
    number = resolve("9" * 10_000)

    assert isinstance(number, int)
    assert number > 2**53
