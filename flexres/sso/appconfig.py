"""`appconfig.js` of a self-hosted Flex UI: written from the declared state, and one that exists read as browsers do.

As soon as `oauth` is in the file, Flex UI signs in through enhanced SSO, so it is written only once that is active.
Source: https://www.twilio.com/docs/flex/admin-guide/setup/sso-configuration/self-hosted-sso
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from flexres.desired.model import Sso, StackConfig
from flexres.desired.schema.trusted import covered
from flexres.idp.saml.report import Finding
from flexres.sso.javascript import Expression, UnreadableScript, Value, read_assignments

LARGEST: Final = 1024 * 1024
_LINE_SEPARATORS: Final = {"\u2028": r"\u2028", "\u2029": r"\u2029", "</": r"<\/"}


@dataclass(frozen=True, slots=True)
class Active:
    """What Flex was seen to answer for enhanced SSO: `connection` empty: none is active; None: it is not known."""

    connection: str | None
    client_id: str | None = None
    why: str = ""


def appconfig(config: StackConfig, active: Active, redirect_url: str | None = None) -> str:
    """The script, with `oauth` exactly where the declared connection is seen active.

    `redirect_url` is where a login returns to, instead of the default redirect URL or the first trusted one.
    """
    sso = config.sso
    assert sso is not None
    returns = redirect_url or sso.default_redirect_url or next(iter(sso.trusted), None)
    said: dict[str, Mapping[str, str | bool]] = {"sso": _sso_object(config.account, sso)}
    reason = _without_oauth(sso, active, returns)
    if not reason:
        said["oauth"] = {
            "connection": active.connection or "",
            "clientId": active.client_id or "",
            "redirectUrl": returns or "",
        }
    lines = ["// Written by flexres sso appconfig. Flex UI reads it before it starts."]
    if reason:
        lines += [f"// There is no oauth object: {reason}.", "// Once the connection is active, write this file again."]
    lines.append("var appConfig = {")
    for name, values in said.items():
        lines += [f"  {name}: {{", *(f"    {key}: {_literal(value)}," for key, value in values.items()), "  },"]
    return "\n".join([*lines, "};", ""])


def why_without_oauth(config: StackConfig, active: Active, redirect_url: str | None = None) -> str:
    """Why the script has no `oauth`, as half a sentence; empty where it has one."""
    sso = config.sso
    assert sso is not None
    returns = redirect_url or sso.default_redirect_url or next(iter(sso.trusted), None)
    return _without_oauth(sso, active, returns)


def check_appconfig(source: str, config: StackConfig, active: Active) -> tuple[Finding, ...]:
    """What a browser would do with an existing appconfig.js, held against the declared state."""
    sso = config.sso
    assert sso is not None
    try:
        found = read_assignments(source, "appConfig")
    except UnreadableScript as error:
        title = f"Line {error.line}, column {error.column}: {error.message}"
        return (Finding("error", title, "A browser stops reading here, and Flex UI does not start.", "mend the line"),)
    if found is None:
        detail = "Flex UI then starts without a configuration."
        return (Finding("error", "The file never assigns appConfig", detail, "begin it with var appConfig = {"),)
    return (*_check_sso(found.get("sso"), config, sso, "oauth" in found), *_check_oauth(found, sso, active))


def _sso_object(account: str, sso: Sso) -> dict[str, str | bool]:
    said: dict[str, str | bool] = {"accountSid": account, "loginPopup": bool(sso.login_popup)}
    if sso.login_popup_features:
        said["loginPopupFeatures"] = sso.login_popup_features
    return said


def _without_oauth(sso: Sso, active: Active, returns: str | None) -> str:
    if sso.type == "legacy":
        return "legacy SSO has none"
    if active.connection is None:
        return f"it is not known whether the connection is active ({active.why or 'nothing answered'})"
    if not active.connection:
        return "no connection of enhanced SSO is active yet"
    if sso.connection and active.connection != sso.connection:
        return f"{active.connection} is active, and {sso.connection} is declared"
    if not active.client_id:
        return "Flex tells no client id"
    return "" if returns else "neither default_redirect_url nor trusted says where a login returns to"


def _literal(value: str | bool) -> str:
    text = json.dumps(value, ensure_ascii=False)
    for mark, escaped in _LINE_SEPARATORS.items():
        text = text.replace(mark, escaped)
    return text


def _check_sso(found: Value, config: StackConfig, sso: Sso, has_oauth: bool) -> Iterator[Finding]:
    if not isinstance(found, dict):
        if not has_oauth:
            detail = "Flex UI shows its login view with the Twilio login instead of beginning single sign-on."
            yield Finding(
                "error", "appConfig has no sso object", detail, f'add sso: {{ accountSid: "{config.account}" }}'
            )
        else:
            detail = "Twilio's guide configures it besides oauth."
            yield Finding("warning", "appConfig has no sso object", detail, f'add accountSid: "{config.account}"')
        return
    account = found.get("accountSid")
    if account == config.account:
        yield Finding("ok", f"sso.accountSid is the stack's account: {config.account}")
    elif isinstance(account, Expression):
        yield _not_told("sso.accountSid", account)
    else:
        yield Finding(
            "error",
            f"sso.accountSid is {_shown(account)}",
            "A browser would begin the login of another account, or none.",
            f'write accountSid: "{config.account}"',
        )
    yield from _check_popup(found, sso)
    for name in found:
        if name not in ("accountSid", "loginPopup", "loginPopupFeatures", "redirectUrl", "loginUrl", "tokenRefreshUrl"):
            yield Finding("note", f"sso.{name} is nothing that Twilio's guide knows")


def _check_popup(found: Mapping[str, Value], sso: Sso) -> Iterator[Finding]:
    popup = found.get("loginPopup")
    if isinstance(popup, Expression):
        yield _not_told("sso.loginPopup", popup)
        return
    opens = popup not in (None, False, 0, "")
    if isinstance(popup, str) and popup:
        detail = "To JavaScript every text but the empty one is true, so the login opens in a window."
        yield Finding(
            "error" if popup == "false" else "warning", f'sso.loginPopup is the text "{popup}"', detail, "unquote it"
        )
    if sso.login_popup is not None and opens != sso.login_popup:
        does = "opens in a window of its own" if opens else "replaces the page"
        fix = f"write loginPopup: {'true' if sso.login_popup else 'false'}"
        yield Finding("error", f"The login {does}, and the YAML declares the opposite", "", fix)
    else:
        yield Finding("ok", "The login opens in a window of its own" if opens else "The login replaces the page")
    features = found.get("loginPopupFeatures")
    if sso.login_popup_features and features != sso.login_popup_features and opens:
        fix = f'write loginPopupFeatures: "{sso.login_popup_features}"'
        yield Finding("warning", f"sso.loginPopupFeatures is {_shown(features)}", "", fix)


def _check_oauth(config: Mapping[str, Value], sso: Sso, active: Active) -> Iterator[Finding]:
    found = config.get("oauth")
    if "oauth" not in config:
        if sso.type == "enhanced" and active.connection:
            detail = "Flex UI signs in through legacy SSO, though enhanced SSO is active."
            yield Finding(
                "warning", "There is no oauth object", detail, "write the file again with flexres sso appconfig"
            )
        else:
            yield Finding("ok", "There is no oauth object, as long as enhanced SSO is not in use")
        return
    if sso.type == "legacy" or active.connection == "":
        why = "the YAML declares legacy SSO" if sso.type == "legacy" else "no connection of enhanced SSO is active"
        detail = f"As soon as it exists, Flex UI signs in through enhanced SSO, and {why}: nobody gets in."
        yield Finding("error", "There is an oauth object already", detail, "take it out until the connection is active")
        return
    if not isinstance(found, dict):
        yield Finding("error", f"oauth is {_shown(found)}", "Flex UI reads three texts of it.", "write it as an object")
        return
    yield from _check_value(found, "connection", sso.connection or active.connection)
    yield from _check_value(found, "clientId", active.client_id)
    yield from _check_redirect(found.get("redirectUrl"), sso)


def _check_value(found: Mapping[str, Value], name: str, wanted: str | None) -> Iterator[Finding]:
    value = found.get(name)
    if isinstance(value, Expression):
        yield _not_told(f"oauth.{name}", value)
    elif wanted is None:
        yield Finding("note", f"oauth.{name} is {_shown(value)}", "Flex could not be asked what it should be.")
    elif value == wanted:
        yield Finding("ok", f"oauth.{name} is right: {wanted}")
    else:
        detail = "The login begins with it, and Flex refuses any other."
        yield Finding("error", f"oauth.{name} is {_shown(value)}", detail, f'write {name}: "{wanted}"')


def _check_redirect(value: Value, sso: Sso) -> Iterator[Finding]:
    if isinstance(value, Expression):
        yield _not_told("oauth.redirectUrl", value)
        return
    if not isinstance(value, str) or not value:
        fix = f'write redirectUrl: "{sso.default_redirect_url or "https://flex.example.com"}"'
        yield Finding("error", f"oauth.redirectUrl is {_shown(value)}", "The login has nowhere to return to.", fix)
        return
    answer = covered(value, sso.trusted, "enhanced")
    if answer:
        yield Finding("ok", f"oauth.redirectUrl is trusted: {value}")
    elif answer is None:
        detail = "Whether Twilio also lets longer URLs of the same host through is not documented."
        yield Finding("warning", f"oauth.redirectUrl is trusted only by its host: {value}", detail, "add it to trusted")
    else:
        detail = "Flex refuses to send the browser there after sign-in."
        yield Finding(
            "error", f"No trusted URL covers oauth.redirectUrl: {value}", detail, f"add {value} to sso.trusted"
        )


def _not_told(name: str, value: Expression) -> Finding:
    detail = "Only a browser can evaluate it."
    return Finding(
        "note", f"{name} is an expression: {value.source[:80]}", detail, "look at it in the browser's console"
    )


def _shown(value: Value) -> str:
    if value is None:
        return "missing"
    if isinstance(value, dict | list):
        return "no text"
    return value.source[:80] if isinstance(value, Expression) else json.dumps(value)[:120]
