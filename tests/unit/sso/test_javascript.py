"""What a script leaves in a variable, as source alone can tell."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexres.sso.script import read_script
from flexres.sso.script_syntax import Expression, UnreadableScript


@pytest.mark.parametrize(
    ("script", "value"),
    [
        (
            "var appConfig = {a: 1, 'b': [true, null,], /* c */ \"c\": `d`,}; // end",
            {"a": 1, "b": [True, None], "c": "d"},
        ),
        (
            "const appConfig = {a: 1}\nappConfig.b = {c: 2}\nappConfig.b.d = 'e'\nother = 3",
            {"a": 1, "b": {"c": 2, "d": "e"}},
        ),
        ("var appConfig = { a: !0, b: /x/g }", {"a": True, "b": Expression("/x/g")}),
        ("var appConfig = { c: (x) => x }", {"c": Expression("(x) => x")}),
        ("var appConfig = { a: `x${y}` }", {"a": Expression("`x${y}`")}),
        ("var y = 'z', appConfig = { a: `x${y}\\n` }", {"a": "xz\n"}),
        ('// appConfig = {a: 1}\n"appConfig = {}"\nappConfig == {}', None),
        ("appConfig = {a: '\\x41\\u0042\\u{43}\\n'}", {"a": "ABC\n"}),
        ("appConfig = {a: 0x10, b: 1_000, c: -1.5, d: 010}", {"a": 16, "b": 1000, "c": -1.5, "d": Expression("010")}),
        ("appConfig = {}; const c = appConfig; c.a = 1", {"a": 1}),
        ("appConfig = {a: 1, b: 2}; delete appConfig.a", {"b": 2}),
        ("appConfig = {a: undefined ?? 'x', b: '' || 'y', c: 'z' && false}", {"a": "x", "b": "y", "c": False}),
        ("(() => { appConfig = {a: 1} })()", {"a": 1}),
        ("(() => { let appConfig = {a: 1} })()", None),
        ("{ let appConfig = {a: 1} }", None),
        ("let k = 'a'; appConfig = {[k]: 1}; appConfig[k + 'b'] = 2", {"a": 1, "ab": 2}),
    ],
)  # fmt: skip
def test_plain_values_are_read_as_javascript_has_them(script: str, value: object) -> None:
    """Comments, quotes, trailing commas, later assignments, scopes, and expressions that only a browser can tell."""
    assert read_script(script, "appConfig").value == value


@pytest.mark.parametrize(
    "script",
    [
        "appConfig = window.appConfig || {}",
        "'use strict'; appConfig = {}",
        "const appConfig = {}; appConfig = 1",
        "let appConfig = {}; window.appConfig = 1",
        "appConfig = {get a() { return 1 }}; appConfig.a.b = 1",
        "appConfig = {}; appConfig.a.b = 1",
        "var Object = x; appConfig = {}; Object.assign(appConfig, {a: 1})",
        "appConfig = {}; (function (a) { a.b = 1 })(appConfig)",
        "appConfig = " + "[" * 200 + "]" * 200,
        "appConfig = '" + "' + '".join("ab" * 100) + "'",
    ],
)
def test_what_source_alone_does_not_tell_is_named(script: str) -> None:
    """Another script's object, a failing assignment, a call, what nests too deep."""
    assert read_script(script, "appConfig").not_followed


@pytest.mark.parametrize(
    ("script", "line", "column"),
    [
        ("var a = 1;\nvar b = {c: };", 2, 12),
        ("a = 1\n}", 2, 1),
        ("/* open", 1, 1),
        ("let a;\nlet a;", 2, 5),
        ("export default {}", 1, 1),
    ],
)
def test_no_javascript_is_told_with_its_place(script: str, line: int, column: int) -> None:
    """There a browser stops, too."""
    with pytest.raises(UnreadableScript) as caught:
        read_script(script, "a")
    assert (caught.value.line, caught.value.column) == (line, column)


@given(st.text(alphabet="appConfig ={}[]:,'\"`\\\n/*$();1.x", max_size=60))
def test_no_script_makes_the_reader_fail(text: str) -> None:
    """It reads it, or says where it stopped."""
    try:
        read_script("appConfig = " + text, "appConfig")
    except UnreadableScript as error:
        assert error.line >= 1
        assert error.column >= 1
