"""Web addresses as the SSO settings know them: what is one, what may be trusted, and what a trusted one covers."""

from __future__ import annotations

import ipaddress
import re
from typing import Literal
from urllib.parse import SplitResult, urlsplit

Match = Literal["prefix", "origin", "exact"]

_DEFAULT_PORTS = {"http": 80, "https": 443}
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*", re.I)
_VISIBLE = re.compile(r"[!-~]+")


def address_problem(text: str) -> str | None:
    """Why this is no full web address, as a predicate; None for one that is.

    Full means http or https (http on this machine only), a host, no credentials, no fragment, no wildcard.
    """
    if not _VISIBLE.fullmatch(text):
        return "must be an address without spaces, control characters or letters beyond ASCII"
    try:
        parts = urlsplit(text)
        rules = _address_rules(text, parts, parts.port)
    except ValueError as error:
        return f"is no address: {error}"
    return next((problem for wrong, problem in rules if wrong), None)


def _address_rules(text: str, parts: SplitResult, port: int | None) -> list[tuple[bool, str]]:
    """Each rule as whether it is broken, and how to say so."""
    host = parts.hostname or ""
    return [
        (parts.scheme not in _DEFAULT_PORTS or not host, "must be a full URL that begins with https://"),
        ("*" in text, "must not contain a wildcard: enhanced SSO takes full URLs"),
        (parts.username is not None or parts.password is not None, "must not contain credentials"),
        ("#" in text, "must not contain a fragment"),
        (port == 0, "must not name port 0"),
        (not (_is_ip(host) or _DOMAIN.fullmatch(host)), f"names a host that cannot exist: {host}"),
        (parts.scheme == "http" and not is_loopback(host), "must use https: http is for this machine only"),
    ]


def pattern_problem(text: str) -> str | None:
    """Why this is no domain pattern of legacy SSO, as a predicate; None for one that is. (Twilio's SSO FAQ.)"""
    if "://" in text or "/" in text:
        return "must be a domain without scheme or path: legacy SSO takes domains"
    domain = text.removeprefix("*.")
    if "*" in domain:
        return "may have * only as its whole first label, such as *.example.com"
    if text != domain and ("." not in domain or _is_ip(domain)):
        return "needs a domain with a dot behind *."
    return None if _is_ip(domain) or _DOMAIN.fullmatch(domain) else "is no domain"


def url_covers(entry: str, url: str, match: Match) -> bool:
    """Whether a trusted URL of enhanced SSO covers a redirect URL."""
    if address_problem(entry) or address_problem(url):
        return False
    trusted, wanted = urlsplit(entry), urlsplit(url)
    if origin_of(entry) != origin_of(url):
        return False
    if match == "origin":
        return True
    if match == "exact":
        return (trusted.path or "/", trusted.query) == (wanted.path or "/", wanted.query)
    below = trusted.path.rstrip("/")
    # A browser resolves dots itself, so a path that has them is not where it seems to be.
    return (wanted.path == below or wanted.path.startswith(f"{below}/")) and not _has_dots(wanted)


def pattern_covers(pattern: str, url: str) -> bool:
    """Whether a domain pattern of legacy SSO covers the host of a URL; `*.` stands for exactly one label."""
    if pattern_problem(pattern) or address_problem(url):
        return False
    host = urlsplit(url).hostname or ""
    pattern = pattern.lower()
    if pattern.startswith("*."):
        return host.partition(".")[2] == pattern[2:]
    return host == pattern


def origin_of(url: str) -> str:
    """Scheme, host and port of an address, spelled as browsers spell origins."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    port = parts.port
    return f"{parts.scheme}://{host}" + (f":{port}" if port and port != _DEFAULT_PORTS.get(parts.scheme) else "")


def is_loopback(host: str) -> bool:
    """Whether a host is this machine."""
    return host.lower() == "localhost" or (_is_ip(host) and ipaddress.ip_address(host).is_loopback)


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _has_dots(parts: SplitResult) -> bool:
    segments = parts.path.lower().replace("%2e", ".").replace("\\", "/").split("/")
    return "." in segments or ".." in segments
