"""The sandbox's own reading of TaskRouter's expressions, and of what Twilio's documents leave open."""

from __future__ import annotations

import pytest

from flexres.sandbox.switches import Switches
from flexres.sandbox.taskrouter.expressions import ExpressionError, parse
from flexres.sandbox.taskrouter.matching import Subject, matches

ATTRIBUTES = {
    "name": "Ana Ruiz", "level": 3, "share": 1.5, "vip": True, "text": "3", "languages": ["en", "es"], "desks": [101],
    "routing": {"skills": ["billing"], "levels": {"billing": 4}}, "Team": "Care", "empty": [], "quote": 'say "hi"',
}  # fmt: skip


def holds(text: str, **switches: object) -> bool:
    turned = Switches().change(**switches)
    channels = {"chat": {"configured_capacity": 3, "assigned_tasks": 1, "available": True}}
    subject = Subject(ATTRIBUTES, {"sid": "WK1", "activity_name": "Offline"}, lambda: channels)
    return matches(parse(text, turned.expression_precedence, turned.expression_escapes), subject, turned)


@pytest.mark.parametrize(
    "text",
    [
        "1==1", "level == 3", "level = 3", "level >= 3.0", "level < 4", "share > 1", "vip == true", "vip != false",
        "name == 'Ana Ruiz'", 'name CONTAINS "Ruiz"', "name contains 'Ana'", "routing.skills HAS 'billing'",
        "routing.levels.billing >= 4", "languages[1] == 'es'", "level IN [1, 2, 3]", "level in [3]",
        "'en' IN languages",
        "level NOT IN [1, 2]", "level not in []", "(level == 3)", "((level == 3) AND (vip == true))",
        "level == 1 OR vip == true", "level == 3 and vip == true or 1 == 2", "worker.level == 3", "sid == 'WK1'",
        "worker.activity_name IN ['Offline', 'Break']", "worker.channel.chat.configured_capacity > 2",
        "channel.chat.available == true", "name > 'Ana'", "desks HAS 101", "level > -3",
    ],
)  # fmt: skip
def test_holds(text):
    """Each operator, on each kind of value that it is for."""
    assert holds(text)


@pytest.mark.parametrize(
    "text",
    [
        "level == 4", "languages == 'en'", "languages != 'en'", "languages CONTAINS 'en'", "name HAS 'Ana'",
        "level IN 3", "name NOT IN 'Ana'", "missing == 1", "missing > 1", "missing HAS 1", "missing IN [1]",
        "languages[7] == 'en'", "level.deeper == 3", "routing == 1", "languages NOT IN ['en']", "empty HAS 1",
        "worker.channel.fax.configured_capacity > 0", "level == 1 AND vip == true", "name > 3",
    ],
)  # fmt: skip
def test_does_not_hold(text):
    """Other values, operators on kinds of values that they are not for, and what is not there."""
    assert not holds(text)


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("", 1), ("level ==", 9), ("level", 6), ("level == 3 AND", 15), ("(level == 3", 1), ("level == 3)", 11),
        ("more-stuff == 3", 5), ("level == 'x", 10), ("level NOT 3", 7), ("level IN [1 2]", 13), ("AND == 1", 1),
        ("level == 3 level == 4", 12), ("level === 3", 9), ("level HAS", 10), ("1..2 == 3", 1), ("level == {}", 10),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_with_its_column(text, column):
    """A place that a person can find."""
    with pytest.raises(ExpressionError) as refused:
        parse(text)

    assert refused.value.column == column


@pytest.mark.parametrize("text", ["(" * 5000 + "1==1" + ")" * 5000, "(" * 100_000, "[" * 100_000])
def test_deep_nesting_is_refused(text):
    """A recursion bomb is an error, no crash."""
    with pytest.raises(ExpressionError):
        parse(text)


@pytest.mark.parametrize("precedence", ["and_first", "left_to_right"])
def test_a_long_expression_is_read(precedence):
    """A thousand conditions in a row."""
    assert holds(" OR ".join(["level == 9"] * 999 + ["level == 3"]), expression_precedence=precedence)


def test_precedence_is_as_the_switch_says():
    """AND before OR, or from left to right."""
    text = "level == 3 OR vip == true AND level == 9"
    assert holds(text)
    assert not holds(text, expression_precedence="left_to_right")


@pytest.mark.parametrize("text", ["missing != 1", "missing NOT IN [1]", "missing == gone", "1 != missing"])
def test_a_key_that_is_not_there_is_as_the_switch_says(text):
    """A value unlike the others, or unknown."""
    assert holds(text)
    assert not holds(text, expression_null="unknown")


@pytest.mark.parametrize("text", ["text == 3", "level == '3'", "text >= 2", "vip == 'true'", "level CONTAINS '3'"])
def test_values_of_two_kinds_are_as_the_switch_says(text):
    """Never equal, or read alike."""
    assert not holds(text)
    assert holds(text, expression_types="convert")


def test_the_case_of_keys_is_as_the_switch_says():
    """Exact, or any."""
    assert not holds("team == 'Care'")
    assert holds("team == 'Care'", expression_key_case="any")


def test_escapes_in_texts_are_as_the_switch_says():
    """A backslash is a character, or makes the next one plain."""
    text = r'quote == "say \"hi\""'
    with pytest.raises(ExpressionError):
        holds(text)
    assert holds(text, expression_escapes="backslash")
