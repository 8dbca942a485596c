"""appconfig.js: what is written, and what a browser makes of one that exists."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flexres.desired.model import Policy, Sso, StackConfig
from flexres.idp.findings import verdict
from flexres.sso.appconfig import Active, appconfig, check_appconfig
from flexres.sso.script import read_script

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
    found = read_script(appconfig(config(), ACTIVE), "appConfig").value

    assert found == {
        "sso": {"accountSid": ACCOUNT, "loginPopup": True, "loginPopupFeatures": "width=500,height=700"},
        "oauth": {"connection": CONNECTION, "clientId": "client", "redirectUrl": URL},
    }


@pytest.mark.parametrize(
    ("active", "changes", "why"),
    [
        (Active(""), {}, "no connection of enhanced SSO is active yet"),
        (Active(None, why="no network"), {}, "it is not known whether the connection is active"),
        (Active("JQ" + "2" * 32, "client"), {}, "another connection than the declared one is active"),
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

    assert set(read_script(script, "appConfig").config or {}) == {"sso"}
    assert why in script


HOSTILE = "</script><!--\u2028\u2029\r\n\"'`${alert(1)}\\*/ alert(1) //"


def test_no_value_can_end_its_literal() -> None:
    """Nor the script element that it may stand in, nor a line."""
    script = appconfig(config(login_popup_features=HOSTILE, default_redirect_url=HOSTILE), ACTIVE)

    found = read_script(script, "appConfig")
    assert found.config is not None
    assert found.not_followed == ()
    assert found.config["sso"] == {"accountSid": ACCOUNT, "loginPopup": True, "loginPopupFeatures": HOSTILE}
    assert script.isascii()
    assert "<" not in script


@pytest.mark.parametrize(
    "active",
    [Active(None, why=HOSTILE), Active(f"{CONNECTION}\nalert(1)//", "client"), Active("")],
    ids=["reason", "name", "none"],
)
def test_comments_hold_nothing_that_anybody_else_said(active: Active) -> None:
    """A line break in an answer ended the comment, and what followed it ran."""
    script = appconfig(config(), active)

    assert "alert" not in script
    assert set(read_script(script, "appConfig").config or {}) == {"sso"}


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
            "Line 1, column 1: this is no JavaScript",
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
            "unknown",
            "oauth.redirectUrl is an expression: window.location.origin",
        ),
        (RIGHT + "};", ACTIVE, "warning", "There is no oauth object"),
    ],
)
def test_what_a_browser_would_stumble_over_is_told(script: str, active: Active, level: str, title: str) -> None:
    """Each with its reason."""
    assert (level, title) in levels(script, active)


WHOLE = RIGHT + f'oauth: {{connection: "{CONNECTION}", clientId: "client", redirectUrl: "{URL}"}} }};'


@pytest.mark.parametrize(
    "script",
    [
        WHOLE.replace("var appConfig", 'window["appConfig"]'),
        f"(function () {{ {WHOLE.replace('var appConfig', 'window.appConfig')} }})();",
        WHOLE.replace("var appConfig = ", "var own = ") + "var appConfig = {}; Object.assign(appConfig, own);",
        WHOLE.replace("var appConfig = ", "const own = ") + "var appConfig = { ...own, pattern: /[/}]/g };",
        WHOLE + f'appConfig.sso.accountSid = "{ACCOUNT[:9]}"; appConfig.sso.accountSid += "{ACCOUNT[9:]}";',
    ],
    ids=["by its name as text", "in a function", "Object.assign", "spread and a regular expression", "+="],
)
def test_every_plain_way_of_writing_it_is_followed(script: str) -> None:
    """What a browser would have afterwards is what is judged."""
    assert verdict(check_appconfig(script, config(), ACTIVE)) == "accepted"


@pytest.mark.parametrize("name", [r"\u0061ppConfig", r"window.app\u{43}onfig", r"w\u{69}ndow.appConfig"])
def test_a_name_spelled_with_escapes_is_the_same_name(name: str) -> None:
    """A browser takes it so, and a reviewer may not."""
    assert verdict(check_appconfig(f"{WHOLE}\n{name} = {{}};", config(), ACTIVE)) == "refused"


@pytest.mark.parametrize(
    "more",
    [
        'window["app" + suffix].sso.accountSid = "AC2";',
        "Object.assign(appConfig.sso, other());",
        "change(appConfig);",
        "if (location.port) { appConfig.oauth = undefined; }",
        "for (const key in appConfig) delete appConfig[key];",
        'eval("appConfig = {}");',
        "appConfig = { ...appConfig, ...theirs };",
        "appConfig.sso.__proto__ = x;",
        "const { a } = appConfig;",
        "class A { static { appConfig.sso = {}; } }",
        "location.port ? (appConfig = {}) : 0;",
        "location.port && (appConfig = {});",
        "appConfig.sso[key] = 1;",
    ],
)
def test_what_is_not_followed_is_named_and_never_in_order(more: str) -> None:
    """Silence about a line would say that it changes nothing."""
    found = check_appconfig(f"{WHOLE}\n{more}", config(), ACTIVE)

    assert verdict(found) == "cannot know"
    assert [one.title for one in found if one.title.startswith("Line 2 was not followed: ")]


@pytest.mark.parametrize("doubled", ["a += a;", "a = `${a}${a}`;", "a = [...a, ...a];"])
def test_what_doubles_itself_is_not_followed_for_ever(doubled: str) -> None:
    """Forty lines of it would be terabytes."""
    begun = '["x"]' if "[" in doubled else '"x"'
    found = check_appconfig(
        f"let a = {begun}; {doubled * 40} var appConfig = {{sso: {{accountSid: a}}}};", config(), ACTIVE
    )
    assert verdict(found) != "accepted"


def test_a_variable_of_a_function_is_not_the_windows() -> None:
    """Flex UI would find nothing."""
    titles = levels(f"(function () {{ {WHOLE} }})();")

    assert titles == [("error", "The file never assigns appConfig")]
