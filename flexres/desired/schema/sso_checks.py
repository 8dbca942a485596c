"""What makes an `sso:` section right as a whole, and the part of it that an identity provider has to be told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Literal

from pydantic import ValidationError

from flexres.desired.model import Attested, Sso
from flexres.desired.schema.certificate import CertificateError, check_certificate, fingerprint, read_certificate
from flexres.desired.schema.sso import DIGESTED, SsoSection
from flexres.desired.schema.trusted import check_redirect, check_trusted
from flexres.desired.schema.urls import check_url
from flexres.desired.schema.validation_messages import problems_of
from flexres.desired.source import Source, UnreadableFile
from flexres.desired.yaml.problems import Locator, problem_at
from flexres.desired.yaml.tree import compose, decode
from flexres.errors import InvalidStack, KeyPath, Position, Problem, SetupError

_FILE: Final = "flex.yaml"
# The default life of a Flex token, below which the session ends before the token is renewed, and an agent's shift.
# https://www.twilio.com/docs/flex/admin-guide/setup/sso-configuration
_TOKEN_LIFE: Final = timedelta(hours=1)
_SHIFT: Final = timedelta(hours=8)
_LEGACY_ENDED: Final = date(2026, 3, 31)


def read_sso(
    section: SsoSection, source: Source, as_of: date | None, *, offered: bool = False, unfinished: bool = False
) -> tuple[Sso, list[Problem]]:
    """The declared sign-on with its certificate, and what is wrong with the section and with the certificate's file.

    `as_of` is today; None: nothing is said about what has expired. `offered`: the identity provider is managed, so it
    can tell its own values, which nobody knows before its application is made. `unfinished`: what is missing is no
    problem, since whoever asks says what there is to say so far.
    """
    missing = () if unfinished else _missing(section, offered=offered)
    problems = [*missing, *_urls(section), *_trusted(section), *_others(section, as_of)]
    pem, wrong = _certificate(section, source, as_of)
    readable = pem is not None and not any(problem.severity == "error" for problem in wrong)
    attested = section.attested
    digests = {name: digest for name in DIGESTED if attested and (digest := getattr(attested, name)) is not None}
    return (
        Sso(
            type=section.type,
            writer=section.writer,
            connection=section.connection,
            issuer=section.issuer,
            sso_url=section.sso_url,
            certificate=pem,
            certificate_file=section.certificate,
            fingerprint=fingerprint(pem) if pem is not None and readable else None,
            expires=_last_day(pem) if pem is not None and readable else None,
            default_redirect_url=section.default_redirect_url,
            trusted=tuple(section.trusted or ()),
            owns_trusted=section.trusted is not None,
            login_popup=section.login_popup,
            login_popup_features=section.login_popup_features,
            session_not_on_or_after=section.session_not_on_or_after,
            self_hosted=section.self_hosted,
            claims=tuple(section.claims),
            attested=Attested(digests, tuple(attested.trusted) if attested else ()),
        ),
        [*problems, *wrong],
    )


def _missing(section: SsoSection, *, offered: bool) -> Iterator[Problem]:
    needed = [] if offered else ["issuer", "sso_url", "certificate"]
    if section.type == "enhanced" and section.writer == "console":
        needed.append("connection")
    for name in needed:
        if getattr(section, name) is None:
            yield problem_at(_FILE, ("sso",), f"{name} is missing from sso", f"add {name}:", at_key=True)
    if section.self_hosted:
        for name in ("trusted", "default_redirect_url"):
            if not getattr(section, name):
                hint = f"add {name}: with the URL of your Flex UI, or take self_hosted: out"
                yield problem_at(_FILE, ("sso",), f"a self-hosted Flex UI needs {name} too", hint, at_key=True)


def _urls(section: SsoSection) -> Iterator[Problem]:
    if section.sso_url is not None:
        wrong = check_url(section.sso_url, as_given=True)
        if wrong is not None:
            yield wrong.at(KeyPath(_FILE, ("sso", "sso_url")))
    redirect = section.default_redirect_url
    if redirect is None:
        return
    wrong = check_url(redirect)
    if wrong is not None:
        yield wrong.at(KeyPath(_FILE, ("sso", "default_redirect_url")))
    elif section.trusted is not None:
        found = check_redirect(redirect, section.trusted, section.type)
        if found is not None:
            yield found.at(KeyPath(_FILE, ("sso", "default_redirect_url")))


def _trusted(section: SsoSection) -> Iterator[Problem]:
    seen: set[str] = set()
    for place, entry in enumerate(section.trusted or ()):
        found = check_trusted(entry, section.type)
        if found is not None:
            yield found.at(KeyPath(_FILE, ("sso", "trusted", place)))
        elif entry in seen:
            yield problem_at(_FILE, ("sso", "trusted", place), f"{entry} stands twice among the trusted", "keep one")
        seen.add(entry)


def _others(section: SsoSection, as_of: date | None) -> Iterator[Problem]:
    yield from _session(section.session_not_on_or_after)
    if section.login_popup_features is not None and section.login_popup is not True:
        message = "login_popup_features has no effect without login_popup: true"
        yield problem_at(_FILE, ("sso", "login_popup_features"), message, "add login_popup: true", severity="warning")
    if section.type == "legacy" and as_of is not None and as_of > _LEGACY_ENDED:
        message = f"legacy SSO ended on {_LEGACY_ENDED}"
        yield problem_at(_FILE, ("sso", "type"), message, "flexres sso migrate says what is next", severity="warning")


def _session(length: timedelta | None) -> Iterator[Problem]:
    where = ("sso", "session_not_on_or_after")
    if length is not None and length <= _TOKEN_LIFE:
        note = "the session would end before Flex renews its token, and conversations with it"
        yield problem_at(_FILE, where, "the IdP's session has to be longer than 1 hour", "write 10h", note)
    elif length is not None and length < _SHIFT:
        message = "the IdP's session is shorter than a shift: agents are signed out while they work"
        yield problem_at(
            _FILE, where, message, "write 10h, or leave SessionNotOnOrAfter out at the IdP", severity="warning"
        )


def _certificate(section: SsoSection, source: Source, as_of: date | None) -> tuple[str | None, list[Problem]]:
    name = section.certificate
    if name is None:
        return None, []
    try:
        data = source.read(name)
    except UnreadableFile as error:
        where = KeyPath(_FILE, ("sso", "certificate"))
        return None, [Problem(f"the file {name} {error.reason}", error.problem.hint, place=where)]
    start = Position(source.shown(name), 1, 1)
    problems = [problem.at(problem.position.within(start)) for problem in _of_certificate(data, as_of)]
    return data.decode("utf-8", "replace"), problems


def _of_certificate(data: bytes, as_of: date | None) -> list[Problem]:
    if as_of is not None:
        return check_certificate(data, as_of=as_of)
    try:
        first = read_certificate(data).not_valid_before_utc.date()
    except CertificateError:
        first = date.min
    return check_certificate(data, as_of=first, expiring_within=timedelta(0))


def _last_day(pem: str) -> date:
    return read_certificate(pem).not_valid_after_utc.date()


@dataclass(frozen=True, slots=True)
class SignOnFacts:
    """Whose Flex it is and how its users sign in; `claims` as they are spelled."""

    account: str
    type: Literal["enhanced", "legacy"]
    connection: str | None
    claims: tuple[str, ...]


def sign_on_facts(source: Source) -> SignOnFacts:
    """What flex.yaml says of `account:` and `sso:`, whatever else is missing.

    Raises InvalidStack for problems of these two, SetupError where they are not there.
    """
    try:
        data = source.read(_FILE)
    except UnreadableFile as error:
        raise SetupError(f"the file {source.shown(_FILE)} {error.reason}", hint=error.problem.hint) from None
    text, problems = decode(data, source.shown(_FILE))
    root = None
    if not problems:
        root, problems = compose(text, source.shown(_FILE))
    if problems:
        raise InvalidStack(tuple(problems), files=1)
    values = root.value if root is not None and isinstance(root.value, dict) else {}
    if values.get("sso") is None:
        raise SetupError(
            f"{source.shown(_FILE)} has no sso: section", hint="begin one with type: and writer: below sso:"
        )
    try:
        section = SsoSection.model_validate(values["sso"])
    except ValidationError as error:
        locator = Locator(source)
        found = tuple(locator.located(problem) for problem in problems_of(error, _FILE, ("sso",)))
        raise InvalidStack(found, files=1) from None
    return SignOnFacts(str(values.get("account", "")), section.type, section.connection, tuple(section.claims))
