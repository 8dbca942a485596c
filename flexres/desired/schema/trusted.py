"""Trusted domains (legacy SSO) and trusted URLs (enhanced SSO): which entries are right, and what each one covers.

Legacy entries are the patterns of Twilio's SSO documentation: a host, `*.` before a host for exactly one label,
127.0.0.1, ::1 and localhost. Enhanced entries are full URLs without wildcards
(https://www.twilio.com/docs/flex/admin-guide/setup/sso-configuration).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, Literal
from urllib.parse import SplitResult, urlsplit

from flexres.desired.schema.urls import LABEL, check_url, host_problem, is_loopback, split_url
from flexres.errors import Problem

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList

TrustedKind = Literal["enhanced", "legacy"]
LEGACY_ADDRESSES = ("127.0.0.1", "::1")
_NO_LEADING_WILDCARD = "* stands only for one whole label in front, as in *.example.com"


def covers(pattern: str, host: str) -> bool:
    """Whether a legacy pattern lets `host` in: `*.example.com` covers one label more, and never example.com itself.

    A pattern that is not allowed covers nothing. Hosts compare without regard to case.
    """
    if _check_pattern(pattern) is not None:
        return False
    host = host.lower().removesuffix(".").removeprefix("[").removesuffix("]")
    if pattern.startswith("*."):
        label, dot, rest = host.partition(".")
        return bool(LABEL.fullmatch(label) and dot) and rest == pattern[2:]
    return host == pattern


def check_trusted(entry: str, kind: TrustedKind) -> Problem | None:
    """What is wrong with a trusted entry, with the right one suggested; None for one that Console takes."""
    return _check_pattern(entry) if kind == "legacy" else _check_enhanced(entry)


def covered(url: str, entries: Iterable[str], kind: TrustedKind) -> bool | None:
    """Whether some entry lets the browser return to `url`: yes, no, or None where Twilio does not say.

    Of enhanced entries it is unknown whether they match exactly, by prefix or by origin: an equal one is a yes, none
    of the same origin is a no, and anything between is None.
    """
    try:
        parts = split_url(url)
    except ValueError:
        return False
    if (parts.scheme, parts.hostname, parts.port) == ("https", "flex.twilio.com", None):
        return True  # Flex where Twilio hosts it: its login link is a right default redirect URL without any entry
    if kind == "legacy":
        return any(covers(entry, parts.hostname or "") for entry in entries)
    right = [split_url(entry) for entry in entries if _check_enhanced(entry) is None]
    if any(_comparable(parts) == _comparable(entry) for entry in right):
        return True
    return None if any(_origin(parts) == _origin(entry) for entry in right) else False


def check_redirect(url: str, entries: Iterable[str], kind: TrustedKind) -> Problem | None:
    """What is wrong with a redirect URL: its form first, then an error if no trusted entry covers it.

    One that is covered only if Twilio matches by prefix or origin, which it does not say, is a warning.
    """
    wrong = check_url(url)
    if wrong is not None:
        return wrong
    answer = covered(url, entries, kind)
    if answer:
        return None
    entry = url if kind == "enhanced" else (split_url(url).hostname or url)
    if answer is None:
        return Problem(
            f"{url} is trusted only by its host, not as it stands",
            f"add {entry} to trusted: too",
            note="whether Twilio also lets longer URLs of the same host through is not documented",
            severity="warning",
        )
    return Problem(
        f"no trusted entry covers {url}",
        f"add {entry} to trusted:",
        note="Flex refuses to send the browser there after sign-in",
    )


def _check_enhanced(entry: str) -> Problem | None:
    if "*" in entry:
        host = entry.partition("://")[2] or entry
        base = host.replace("*", "").strip(".").partition("/")[0] or "example.com"
        return Problem(
            "enhanced SSO knows no wildcards",
            f"list every URL, such as https://agents.{base} and https://desk.{base}",
        )
    wrong = check_url(entry)
    if wrong is not None:
        return wrong
    parts = urlsplit(entry)
    if parts.query:
        return Problem("a trusted URL has no query", f"write {entry.partition('?')[0]}")
    return None


def _check_pattern(pattern: str) -> Problem | None:
    wrong = _wrong_pattern(pattern)
    return None if wrong is None else wrong


def _wrong_pattern(pattern: str) -> Problem | None:
    if pattern in (*LEGACY_ADDRESSES, "localhost"):
        return None
    wrong = _not_a_host_alone(pattern)
    if wrong is not None:
        return wrong
    if is_loopback(pattern) or _is_address(pattern):
        return Problem("of IP addresses only 127.0.0.1 and ::1 can be trusted", "write a host name, or 127.0.0.1")
    return _wrong_wildcard(pattern) if "*" in pattern else host_problem(pattern)


def _not_a_host_alone(pattern: str) -> Problem | None:
    if not pattern.strip("*. "):
        return Problem("the entry names no host", "write flex.example.com, or *.example.com for one label in front")
    if "/" in pattern:
        host = _host_of(pattern)
        return Problem("a trusted domain is a host, not a URL", f"write {host}" if host else "write the host alone")
    if re.fullmatch(r"\[::1\](:\d+)?", pattern):
        return Problem("an IPv6 address stands without brackets and port here", "write ::1")
    name, colon, port = pattern.partition(":")
    if colon and port.isdigit():
        return Problem("a trusted domain has no port", f"write {name}: it covers every port")
    return None


def _wrong_wildcard(pattern: str) -> Problem | None:
    base = pattern[2:]
    if not pattern.startswith("*.") or "*" in base:
        known = [name for label in pattern.split(".") if (name := label.replace("*", ""))]
        suggestion = f"write *.{'.'.join(known)}, or list the hosts" if len(known) > 1 else "list the hosts"
        return Problem(_NO_LEADING_WILDCARD, suggestion)
    if "." not in base:
        return Problem(f"*.{base} would trust a whole top-level domain", "write the domain too: *.example.com")
    wrong = host_problem(base, "*.")
    if wrong is not None:
        return wrong
    if _public_suffixes().privatesuffix(base) is None:
        return Problem(
            f"anybody can register a name below {base}, and *.{base} would trust them all",
            f"write the domain too: *.example.{base}",
        )
    return None


@cache
def _public_suffixes() -> PublicSuffixList:
    """The list of https://publicsuffix.org that comes with the package, companies' own suffixes included."""
    from publicsuffixlist import PublicSuffixList  # noqa: PLC0415 - 35 ms that only a wildcard needs

    return PublicSuffixList()


def _host_of(entry: str) -> str:
    try:
        host = urlsplit(entry if "://" in entry else f"//{entry}").hostname
    except ValueError:
        return ""
    return host or ""


def _is_address(text: str) -> bool:
    return bool(re.fullmatch(r"[0-9.]+", text)) or text.count(":") > 1


def _comparable(parts: SplitResult) -> tuple[object, ...]:
    return (*_origin(parts), parts.path if parts.path != "/" else "", parts.query)


def _origin(parts: SplitResult) -> tuple[str, str, int | None]:
    default = {"https": 443, "http": 80}.get(parts.scheme)
    return parts.scheme, (parts.hostname or "").removesuffix("."), parts.port or default
