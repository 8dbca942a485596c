"""appconfig.js: what is written, and what a browser makes of one that exists."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexres.desired.model import Policy, Sso, StackConfig
from flexres.sso.appconfig import Active, appconfig, check_appconfig
from flexres.sso.javascript import Expression, UnreadableScript, read_assignments

ACCOUNT, CONNECTION = "AC" + "a" * 32, "JQ" + "1" * 32
URL = "https://flex.example.com"
SSO = Sso(
    "enhanced",
    "console",
    connection=CONNECTION,
    default_redirect_url=URL,
    trusted=(URL,),
    login_popup=True,
    login_popup_features="width=500,height=700",
    self_hosted=True,
)
ACTIVE = Active(CONNECTION, "client")


def config(**changes: object) -> StackConfig:
    sso = replace(SSO, **changes)  # type: ignore[arg-type]
    return StackConfig("k7m2q9", ACCOUNT, "GO" + "b" * 32, "direct", Policy(), sso=sso)


def test_an_active_connection_gets_oauth() -> None:
    """All three of its values are known then."""
    found = read_assignments(appconfig(config(), ACTIVE), "appConfig")

    assert found == {
        "sso": {"accountSid": ACCOUNT, "loginPopup": True, "loginPopupFeatures": "width=500,height=700"},
        "oauth": {"connection": CONNECTION, "clientId": "client", "redirectUrl": URL},
    }


@pytest.mark.parametrize(
    ("active", "changes", "why"),
    [
        (Active(""), {}, "no connection of enhanced SSO is active yet"),
        (Active(None, why="no network"), {}, "it is not known whether the connection is active (no network)"),
        (Active("JQ" + "2" * 32, "client"), {}, f"JQ{'2' * 32} is active, and {CONNECTION} is declared"),
        (ACTIVE, {"type": "legacy"}, "legacy SSO has none"),
        (Active(CONNECTION), {}, "Flex tells no client id"),
        (ACTIVE, {"default_redirect_url": None, "trusted": ()}, "neither default_redirect_url nor trusted says"),
    ],
)
def test_without_a_connection_seen_active_there_is_no_oauth(
    active: Active, changes: dict[str, object], why: str
) -> None:
    """With it Flex UI would sign in through enhanced SSO at once, and fail."""
    script = appconfig(config(**changes), active)

    assert set(read_assignments(script, "appConfig") or {}) == {"sso"}
    assert why in script


def test_no_value_can_end_the_script() -> None:
    """It may stand within a page."""
    script = appconfig(config(login_popup_features='</script>\u2028"'), ACTIVE)

    assert "</" not in script
    assert "\u2028" not in script


def levels(script: str, active: Active = ACTIVE, **changes: object) -> list[tuple[str, str]]:
    return [(one.level, one.title) for one in check_appconfig(script, config(**changes), active)]


def test_what_was_written_is_in_order() -> None:
    """With oauth and without."""
    for active in (ACTIVE, Active("")):
        found = levels(appconfig(config(), active), active)
        assert {level for level, _ in found} == {"ok"}


RIGHT = (
    f'var appConfig = {{ sso: {{ accountSid: "{ACCOUNT}", loginPopup: true, '
    'loginPopupFeatures: "width=500,height=700" }, '
)


@pytest.mark.parametrize(
    ("script", "active", "level", "title"),
    [
        ("var x = 1;", ACTIVE, "error", "The file never assigns appConfig"),
        (
            'var appConfig = { sso: { accountSid: "AC1 } };',
            ACTIVE,
            "error",
            "Line 1, column 38: this text has no closing quote",
        ),
        ("var appConfig = {};", Active(""), "error", "appConfig has no sso object"),
        ('appConfig = {sso: {accountSid: "AC2"}}', Active(""), "error", 'sso.accountSid is "AC2"'),
        (
            f'appConfig = {{sso: {{accountSid: "{ACCOUNT}", loginPopup: "false"}}}}',
            ACTIVE,
            "error",
            'sso.loginPopup is the text "false"',
        ),
        (
            f'appConfig = {{sso: {{accountSid: "{ACCOUNT}"}}}}',
            ACTIVE,
            "error",
            "The login replaces the page, and the YAML declares the opposite",
        ),
        (RIGHT + "oauth: {} };", Active(""), "error", "There is an oauth object already"),
        (RIGHT + "oauth: {} };", ACTIVE, "error", "oauth.redirectUrl is missing"),
        (
            RIGHT + f'oauth: {{connection: "{CONNECTION}", clientId: "other", redirectUrl: "{URL}"}} }};',
            ACTIVE,
            "error",
            'oauth.clientId is "other"',
        ),
        (
            RIGHT + 'oauth: {redirectUrl: "https://other.example.com"} };',
            ACTIVE,
            "error",
            "No trusted URL covers oauth.redirectUrl: https://other.example.com",
        ),
        (
            RIGHT + "oauth: {redirectUrl: window.location.origin} };",
            ACTIVE,
            "note",
            "oauth.redirectUrl is an expression: window.location.origin",
        ),
        (RIGHT + "};", ACTIVE, "warning", "There is no oauth object"),
    ],
)
def test_what_a_browser_would_stumble_over_is_told(script: str, active: Active, level: str, title: str) -> None:
    """Each with its reason."""
    assert (level, title) in levels(script, active)


@pytest.mark.parametrize(
    ("script", "value"),
    [
        (
            "var appConfig = {a: 1, 'b': [true, null,], /* c */ \"c\": `d`,}; // end",
            {"a": 1, "b": [True, None], "c": "d"},
        ),
        (
            "const appConfig = {a: 1}\nappConfig.b = {c: 2}\nwindow.appConfig.b.d = 'e'\nother = 3",
            {"a": 1, "b": {"c": 2, "d": "e"}},
        ),
        (
            "var appConfig = { a: f({x: 1}, '}') + 2, b: !0 }",
            {"a": Expression("f({x: 1}, '}') + 2"), "b": Expression("!0")},
        ),
        ("var appConfig = { a: `x${y}` }", {"a": Expression("`x${y}`")}),
        ('// appConfig = {a: 1}\n"appConfig = {}"\nfoo.appConfig = {}; appConfig == {}', None),
        ("appConfig = {a: '\\x41\\u0042\\u{43}\\n'}", {"a": "ABC\n"}),
    ],
)
def test_object_literals_are_read_as_javascript_has_them(script: str, value: object) -> None:
    """Comments, quotes, trailing commas, later assignments, and expressions that only a browser can tell."""
    assert read_assignments(script, "appConfig") == value


@given(st.text(alphabet="appConfig ={}[]:,'\"`\\\n/*$();1.x", max_size=60))
def test_no_script_makes_the_reader_fail(text: str) -> None:
    """It reads it, or says where it stopped."""
    try:
        read_assignments("appConfig = " + text, "appConfig")
    except UnreadableScript as error:
        assert error.line >= 1
        assert error.column >= 1
