"""The difference of single sign-on: each declared setting beside what was attested, and what was seen of it.

With `writer: api` a setting is what the API says. With `writer: console` it is what a person attested to have
entered: an observation can contradict that, which is drift; where nothing could be seen nothing changes.
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from flexres.desired.model import Sso, StackConfig
from flexres.reconcile.change import Answer, SettingChange, SettingState
from flexres.values import canonical

PAGE: Final = ("certificate", "issuer", "sso_url", "default_redirect_url", "trusted", "connection")
"""The fields of Console's single sign-on page in its order; the connection is activated last."""

_API: Final = ("type", *PAGE)
WRITTEN: Final = ("login_popup", "login_popup_features")
"""What the Flex Configuration API can write, whoever writes the rest."""


def setting_changes(config: StackConfig, sign_on: SignOn) -> tuple[SettingChange, ...]:
    """Every declared setting and how it stands, in the order of Console's page."""
    sso = config.sso
    if sso is None:
        return ()
    if sso.writer == "api":
        found = [*_api_fields(sso, sign_on), *_api_trusted(sso, sign_on)]
        found.sort(key=lambda setting: _API.index(setting.field))
    else:
        on_page = [*_console(config, sso, sign_on)]
        found = [replace(each, step=step, steps=len(on_page)) for step, each in enumerate(on_page, 1)]
    return (*found, *(_written(name, sso, sign_on) for name in WRITTEN if getattr(sso, name) is not None))


def setting_digest(config: StackConfig, field: str, value: str) -> str:
    """What an attestation of one field records: eight hexadecimal digits of SHA-256.

    The connection is part of it: what was entered for one connection says nothing about another.
    """
    sso = config.sso
    where = [config.id, config.account, sso.type if sso else "", (sso.connection if sso else None) or ""]
    return hashlib.sha256(canonical([*where, field, value]).encode("utf-8", "surrogatepass")).hexdigest()[:8]


def declared_value(sso: Sso, field: str) -> str | None:
    """A field's declared value as it is compared and shown; None where it is not declared."""
    value = sso.fingerprint if field == "certificate" else getattr(sso, field)
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else None


def _console(config: StackConfig, sso: Sso, sign_on: SignOn) -> Iterator[SettingChange]:
    for field in PAGE:
        if field == "trusted":
            yield from _console_trusted(sso, sign_on)
            continue
        declared = declared_value(sso, field)
        if declared is None:
            continue
        digest = setting_digest(config, field, declared)
        attested = sso.attested.digests.get(field)
        seen = _compared(field, declared, sign_on.fields.get(field))
        if attested == digest:
            state = SettingState.DRIFT if seen.answer is Answer.NO else SettingState.AS_DECLARED
        else:
            state = SettingState.PENDING if attested is None else SettingState.STALE
        yield replace(seen, state=state, digest=digest)


def _console_trusted(sso: Sso, sign_on: SignOn) -> Iterator[SettingChange]:
    for entry in sso.trusted:
        seen = _trust(entry, sign_on, wanted=True)
        if entry not in sso.attested.trusted:
            yield replace(seen, state=SettingState.PENDING)
        elif seen.answer is Answer.NO:
            yield replace(seen, state=SettingState.DRIFT)
        else:
            yield seen
    if sso.owns_trusted:
        for entry in sso.attested.trusted:
            if entry not in sso.trusted:
                yield replace(_trust(entry, sign_on, wanted=False), state=SettingState.REMOVAL, removal=True)


def _api_fields(sso: Sso, sign_on: SignOn) -> Iterator[SettingChange]:
    for field in _API:
        declared = declared_value(sso, field) if field != "trusted" else None
        seen = sign_on.fields.get(field)
        if declared is not None:
            yield _changed(_compared(field, declared, seen))
        elif field == "connection" and seen is not None and seen.value == "":
            # Whichever it is, nobody can sign in while it is not active.
            yield _changed(_compared(field, "active", seen))


def _api_trusted(sso: Sso, sign_on: SignOn) -> Iterator[SettingChange]:
    if not sso.owns_trusted:
        return
    for entry in sso.trusted:
        yield _changed(_trust(entry, sign_on, wanted=True))
    for entry in sign_on.trusted:
        if entry not in sso.trusted:
            yield replace(_changed(_trust(entry, sign_on, wanted=False)), removal=True)


def _written(field: str, sso: Sso, sign_on: SignOn) -> SettingChange:
    return _changed(_compared(field, declared_value(sso, field) or "", sign_on.fields.get(field)))


def _changed(seen: SettingChange) -> SettingChange:
    """What is written by an API and seen otherwise changes; what could not be seen is left alone."""
    return replace(seen, state=SettingState.CHANGE) if seen.answer is Answer.NO else seen


def _compared(field: str, declared: str, sighting: Sighting | None) -> SettingChange:
    """A field beside what was seen of it, with the state that an observation alone gives: none."""
    as_declared = SettingState.AS_DECLARED
    if sighting is None:
        return SettingChange(field, as_declared, declared, Answer.UNKNOWN, why="cannot be seen from outside")
    how, value = sighting.how, sighting.value
    if value is None:
        return SettingChange(field, as_declared, declared, Answer.UNKNOWN, how=how, why=sighting.why)
    observed = ("true" if value else "false") if isinstance(value, bool) else value
    equal = _same_url(declared, observed) if field == "sso_url" else declared == observed
    return SettingChange(field, as_declared, declared, Answer.YES if equal else Answer.NO, observed, how)


def _trust(entry: str, sign_on: SignOn, *, wanted: bool) -> SettingChange:
    found = sign_on.trusts(entry)
    declared = "trusted" if wanted else "not trusted"
    seen = SettingChange("trusted", SettingState.AS_DECLARED, declared, Answer.UNKNOWN, entry=entry)
    if found is None:
        return replace(seen, why="was not looked at")
    if found.value is None:
        return replace(seen, how=found.how, why=found.why)
    answer = Answer.YES if bool(found.value) is wanted else Answer.NO
    return replace(seen, answer=answer, observed="trusted" if found.value else "not trusted", how=found.how)


def _same_url(declared: str, observed: str) -> bool:
    """Whether two URLs are one: a browser's redirect may have encoded the query otherwise."""
    if declared == observed:
        return True
    try:
        left, right = urlsplit(declared), urlsplit(observed)
        host = (left.scheme, left.hostname, left.port) == (right.scheme, right.hostname, right.port)
    except ValueError:
        return False
    return host and left.path == right.path and sorted(parse_qsl(left.query)) == sorted(parse_qsl(right.query))


CONNECTION: Final = re.compile(r"JQ[0-9a-fA-F]{32}")
"""A connection of enhanced SSO. Only what has this form is taken over from an answer."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """One setting as it was seen: `value` None means unknown, and `why` then says why; `how` says where it was seen.

    A text of no characters means that nothing is set. Whether a URL is trusted is True or False.
    """

    value: str | bool | None
    how: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class AuthnRequest:
    """What Flex asks of the identity provider: the SAML request behind a login redirect."""

    issuer: str
    acs: str
    destination: str
    name_id_format: str
    id: str = ""


@dataclass(frozen=True, slots=True)
class SignOn:
    """Settings by field of `sso:`, and trusted entries by the entry itself; what is not in a map was not looked at.

    `client_id` and `request` are what the active connection and its login redirect told. `complete` says that
    `trusted` holds every entry there is, so that others are known to be absent.
    """

    fields: Mapping[str, Sighting] = dataclasses.field(default_factory=dict)
    trusted: Mapping[str, Sighting] = dataclasses.field(default_factory=dict)
    client_id: str | None = None
    request: AuthnRequest | None = None
    complete: bool = False

    def trusts(self, entry: str) -> Sighting | None:
        """What is known of one trusted entry; None: it was not looked at."""
        found = self.trusted.get(entry)
        if found is None and self.complete:
            return Sighting(False, next((each.how for each in self.fields.values()), ""))
        return found
