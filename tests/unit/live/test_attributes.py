"""An edit of Worker attributes changes its own members, and not a byte of what others wrote."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexres.live.exact_json import Number, decode, dumps, edited, length, loads
from flexres.values import same

NUMBERS = st.sampled_from(["1e400", "-1E-400", "0.10000000000000000000001", "1.50", "-0", "12345678901234567890", "7"])
TEXTS = st.sampled_from(['"plain"', '"\\u00e9\\/"', '"é"', '"\\ud800"', '"a,}]{"', '""'])
BLANKS = st.sampled_from(["", " ", "\n\t ", "  "])


@st.composite
def texts(draw: st.DrawFn, depth: int = 2) -> str:
    """A JSON text as somebody else may have written it, odd numbers, escapes and white space included."""
    if depth == 0 or draw(st.booleans()):
        return draw(NUMBERS | TEXTS | st.sampled_from(["true", "null", "[]", "{}", "{ }"]))
    if draw(st.booleans()):
        items = draw(st.lists(texts(depth=depth - 1), max_size=3))
        return "[" + ",".join(draw(BLANKS) + item + draw(BLANKS) for item in items) + "]"
    return draw(objects(depth=depth))


@st.composite
def objects(draw: st.DrawFn, depth: int = 2) -> str:
    keys = draw(st.lists(st.sampled_from(["theirs", "ours", "a b", "\\u0061", "level", "é"]), max_size=5))
    members = [
        f'{draw(BLANKS)}"{key}"{draw(BLANKS)}:{draw(BLANKS)}{draw(texts(depth=depth - 1))}{draw(BLANKS)}'
        for key in keys
    ]
    return draw(BLANKS) + "{" + ",".join(members) + "}" + draw(BLANKS)


@given(objects(depth=3))
def test_an_edit_of_nothing_leaves_the_text_as_it_is(text: str) -> None:
    assert edited(text, lambda attributes: None) == text


@given(objects(depth=3), st.sampled_from([3, "x", ["é"], {"deep": 1.5}, None, True]))
def test_an_added_member_leaves_all_else_as_it_is(text: str, value: Any) -> None:
    """What was there is the beginning of what is sent."""
    after = edited(text, lambda attributes: attributes.update(marker=value))
    stripped = text.strip()
    kept = after.strip()[: len(stripped) - 1]
    assert kept == stripped[:-1] or not decode(text)
    assert same(decode(after)["marker"], value)
    assert {key: dumps(item) for key, item in decode(after).items() if key != "marker"} == {
        key: dumps(item) for key, item in decode(text).items()
    }


@given(objects(depth=3), st.data())
def test_any_edit_comes_out_as_it_was_meant(text: str, data: st.DataObject) -> None:
    """Whatever is set, nested, or removed: decoded, the text is what the edit made of it, and still JSON."""
    made: list[dict[str, Any]] = []

    def edit(attributes: dict[str, Any]) -> None:
        target = attributes
        while True:
            inner = [value for value in target.values() if isinstance(value, dict)]
            if not inner or data.draw(st.booleans()):
                break
            target = inner[0]
        for key in list(target):
            match data.draw(st.sampled_from(["keep", "remove", "set"])):
                case "remove":
                    del target[key]
                case "set":
                    target[key] = data.draw(st.sampled_from([1, "y", ["z"], {"new": None}]))
        made.append(attributes)

    after = edited(text, edit)
    assert same(json.loads(json.dumps(decode(after))), json.loads(json.dumps(made[0])))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('{"theirs": 1e400, "ours": 1}', '{"theirs": 1e400, "ours": 2}'),
        (
            '{ "pi": 3.14159265358979323846264338 ,"ours":{"a":0.1000,"b":[1.10]} }',
            '{ "pi": 3.14159265358979323846264338 ,"ours":2 }',
        ),
        ('{"ours": 1, "ours": 3}', '{ "ours": 2}'),
        ("{}", '{"ours":2}'),
        (" {\n} ", ' {"ours":2} '),
    ],
)
def test_others_members_are_written_back_byte_for_byte(before: str, after: str) -> None:
    assert edited(before, lambda attributes: attributes.update(ours=2)) == after


def test_within_a_map_only_the_changed_member_changes() -> None:
    text = '{"routing": {"skills": ["a"], "levels": {"a": 1.00, "theirs": 2.500}}, "x": 1E2}'

    def edit(attributes: dict[str, Any]) -> None:
        attributes["routing"]["levels"]["a"] = 4
        attributes["routing"]["skills"].append("b")

    assert edited(text, edit) == '{"routing": {"skills": ["a","b"], "levels": {"a": 4, "theirs": 2.500}}, "x": 1E2}'


def test_a_number_handed_over_to_another_worker_keeps_its_digits() -> None:
    """As with a rename, which carries over what nobody declares."""
    old = decode('{"theirs": [1e400, {"x": 0.10000000000000000000001}]}')
    assert edited("{}", lambda attributes: attributes.update(old)) == (
        '{"theirs":[1e400,{"x":0.10000000000000000000001}]}'
    )


@pytest.mark.parametrize("text", ["NaN", '{"a": NaN}', '{"a": [-Infinity]}', "[]", "", "{", '{"a":1}x', "[" * 99999])
def test_what_is_no_json_object_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        edited(text, lambda attributes: None)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), [float("-inf")]])
def test_what_no_json_can_say_is_never_sent(value: Any) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        edited("{}", lambda attributes: attributes.update(a=value))


def test_half_a_surrogate_pair_is_sent_as_an_escape_and_all_else_as_it_is() -> None:
    assert edited('{"a":"\ud800é"}', lambda attributes: attributes.update(b=1)) == '{"a":"\\ud800é","b":1}'


@pytest.mark.parametrize(("text", "count"), [("{}", 2), ('{ "a": "é" }', 12), ('"😀"', 4)])
def test_the_length_counts_every_character_that_is_sent(text: str, count: int) -> None:
    """White space included, and as two what takes two in UTF-16: never less than Twilio may count."""
    assert length(text) == count


@given(texts(depth=3))
def test_exact_json_gives_back_every_number(text: str) -> None:
    value = loads(text)
    assert loads(dumps(value)) == value
    assert dumps(loads(dumps(value))) == dumps(value)


def test_a_number_is_a_float_that_remembers_its_text() -> None:
    assert loads("2.50") == 2.5
    assert dumps({"a": Number("2.50"), "b": 2.5}) == '{"a":2.50,"b":2.5}'
