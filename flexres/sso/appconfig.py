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
from flexres.idp.findings import Finding
from flexres.sso.script import read_script
from flexres.sso.script_syntax import Expression, NotFollowed, UnreadableScript, Value

LARGEST: Final = 128 * 1024
"""Bytes of a script that is read; one that people write has a few thousand."""


_MOST_NAMED: Final = 20
# These stand in a comment of the script, so none of them quotes anybody.
_REASONS: Final = {
    "legacy": "legacy SSO has none",
    "unknown": "it is not known whether the connection is active",
    "none": "no connection of enhanced SSO is active yet",
    "another": "another connection than the declared one is active",
    "no client": "Flex tells no client id",
    "no address": "neither default_redirect_url nor trusted says where a login returns to",
}


@dataclass(frozen=True, slots=True)
class Active:
    """What Flex was seen to answer for enhanced SSO: `connection` empty: none is active; None: it is not known.

    Both values are of their own form (JQ…, letters and digits), as whoever read the answer saw to. `why` may quote it.
    """

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
    if reason is None:
        said["oauth"] = {
            "connection": active.connection or "",
            "clientId": active.client_id or "",
            "redirectUrl": returns or "",
        }
    lines = ["// Written by flexres sso appconfig. Flex UI reads it before it starts."]
    if reason is not None:
        lines += [
            f"// There is no oauth object: {_REASONS[reason]}.",
            "// Once there is one, write this file again.",
        ]
    lines.append("var appConfig = {")
    for name, values in said.items():
        lines += [f"  {name}: {{", *(f"    {key}: {_literal(value)}," for key, value in values.items()), "  },"]
    return "\n".join([*lines, "};", ""])


def why_without_oauth(config: StackConfig, active: Active, redirect_url: str | None = None) -> str:
    """Why the script has no `oauth`, as half a sentence for a person, with what Flex said; empty where it has one."""
    sso = config.sso
    assert sso is not None
    returns = redirect_url or sso.default_redirect_url or next(iter(sso.trusted), None)
    reason = _without_oauth(sso, active, returns)
    if reason is None:
        return ""
    if reason == "unknown":
        return f"{_REASONS[reason]} ({active.why or 'nothing answered'})"
    return f"{active.connection} is active, and {sso.connection} declared" if reason == "another" else _REASONS[reason]


def check_appconfig(source: str, config: StackConfig, active: Active) -> tuple[Finding, ...]:
    """What a browser would do with an existing appconfig.js, held against the declared state."""
    sso = config.sso
    assert sso is not None
    try:
        script = read_script(source, "appConfig")
    except UnreadableScript as error:
        title = f"Line {error.line}, column {error.column}: {error.message}"
        return (Finding("error", title, "A browser stops reading here, and Flex UI does not start.", "mend the line"),)
    unknown = [_not_followed(each) for each in script.not_followed[:_MOST_NAMED]]
    if len(script.not_followed) > _MOST_NAMED:
        unknown.append(Finding("unknown", f"{len(script.not_followed) - _MOST_NAMED} more lines were not followed"))
    found = script.value
    if isinstance(found, dict):
        seen = (*_check_sso(found.get("sso"), config, sso, "oauth" in found), *_check_oauth(found, sso, active))
    elif isinstance(found, Expression):
        seen = (_not_told("appConfig", found),)
    elif unknown:
        seen = (Finding("unknown", "No line that was followed assigns appConfig"),)
    else:
        detail = "Flex UI then starts without a configuration."
        seen = (Finding("error", "The file never assigns appConfig", detail, "begin it with var appConfig = {"),)
    return (*seen, *unknown)


def _sso_object(account: str, sso: Sso) -> dict[str, str | bool]:
    said: dict[str, str | bool] = {"accountSid": account, "loginPopup": bool(sso.login_popup)}
    if sso.login_popup_features:
        said["loginPopupFeatures"] = sso.login_popup_features
    return said


def _without_oauth(sso: Sso, active: Active, returns: str | None) -> str | None:
    """The key of the reason; None where there is an oauth object."""
    if sso.type == "legacy":
        return "legacy"
    if active.connection is None:
        return "unknown"
    if not active.connection:
        return "none"
    if sso.connection and active.connection != sso.connection:
        return "another"
    if not active.client_id:
        return "no client"
    return None if returns else "no address"


def _literal(value: str | bool) -> str:
    """A value as a literal in ASCII, which ends neither its line nor a script element around it."""
    return json.dumps(value).replace("<", r"\u003c")


def _not_followed(part: NotFollowed) -> Finding:
    return Finding(
        "unknown",
        f"Line {part.line} was not followed: {part.source}",
        "Only a browser can tell what it leaves in appConfig.",
        "write plain values, or look at appConfig in the browser's console",
    )


def _check_sso(found: Value, config: StackConfig, sso: Sso, has_oauth: bool) -> Iterator[Finding]:
    if isinstance(found, Expression):
        yield _not_told("sso", found)
        return
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
    if isinstance(found, Expression):
        yield _not_told("oauth", found)
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
        yield Finding("unknown", f"oauth.{name} is {_shown(value)}", "Flex could not be asked what it should be.")
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
        "unknown", f"{name} is an expression: {value.source[:80]}", detail, "look at it in the browser's console"
    )


def _shown(value: Value) -> str:
    if value is None:
        return "missing"
    if isinstance(value, dict | list):
        return "no text"
    return value.source[:80] if isinstance(value, Expression) else json.dumps(value)[:120]
