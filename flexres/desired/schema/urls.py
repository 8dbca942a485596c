"""URLs that a browser is sent to: https, or http on this machine, written the one way that every match rule takes."""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from typing import Final
from urllib.parse import SplitResult, urlsplit

import idna

from flexres.errors import Problem

LONGEST_URL = 2048
LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_ODD = re.compile(r"[\s\\<>\"{}|^`]|[^\x20-\x7e]")
_ALIKE: Final = frozenset(("ARMENIAN", "CHEROKEE", "CYRILLIC", "GREEK"))
"""Scripts whose letters pass for Latin ones, so that a label that has both is meant to deceive."""
_OTHERWISE: Final = {"ӏ": "l"}
"""Unicode takes this one for an i; in the fonts of browsers it is the l of the аррӏе that everybody showed around."""
_BARE_IPV6 = re.compile(r"(?P<scheme>https?)://(?P<address>(?:[0-9a-f]*:){2,}[0-9a-f]*)(?P<path>/.*)?", re.IGNORECASE)


def split_url(url: str) -> SplitResult:
    """The parts of a URL; host and scheme come in lower case. Raises ValueError, also for a port out of range."""
    parts = urlsplit(url)
    if not 0 < (parts.port or 1) < 65536 or parts.port == 0:
        raise ValueError("the port is out of range")
    return parts


def is_loopback(host: str) -> bool:
    """Whether a host is this machine: localhost, 127.0.0.0/8 or ::1."""
    if host in ("localhost", "localhost."):
        return True
    try:
        return ipaddress.ip_address(host.removeprefix("[").removesuffix("]")).is_loopback
    except ValueError:
        return False


def check_url(url: str, *, as_given: bool = False) -> Problem | None:
    """What is wrong with the URL of a web page that a browser is sent to; None for a right one.

    `as_given`: somebody else chose the spelling, and compares it letter by letter.
    """
    if not url.strip():
        return Problem("the URL is empty", "write it as https://flex.example.com")
    if len(url) > LONGEST_URL:
        return Problem(f"the URL has {len(url)} characters", f"keep it below {LONGEST_URL}")
    return _wrong_form(url) or _wrong_parts(url, as_given=as_given)


def _wrong_form(url: str) -> Problem | None:
    if url != url.strip():
        return Problem("the URL has white space around it", f"write {url.strip()}")
    wrong = _wrong_scheme(url)
    if wrong is not None:
        return wrong
    bare = _BARE_IPV6.fullmatch(url)
    if bare is not None:
        right = f"{bare['scheme']}://{_in_brackets(bare['address'])}"
        return Problem("an IPv6 address stands in brackets", f"write {right}")
    authority = re.split(r"[/?#]", url.partition("://")[2], maxsplit=1)[0]
    odd = _ODD.search(url.replace(authority, "", 1))
    if odd is not None or re.search(r"[\s\\%\x00-\x1f\x7f]", authority):
        return Problem("the URL has characters that no URL has", "copy it again from the browser's address bar")
    return None


def _wrong_scheme(url: str) -> Problem | None:
    scheme, separator, rest = url.partition("://")
    if separator:
        if scheme.lower() in ("https", "http"):
            return None
        return Problem(f"{scheme}:// is nothing that a browser returns to", f"write https://{rest}")
    if re.match(r"[a-z][a-z0-9+.-]*:(?![\d/])", url, flags=re.IGNORECASE):
        name = url.partition(":")[0]
        return Problem(f"{name}: is nothing that a browser returns to", "write https://flex.example.com")
    host = re.sub(r"^(https?:?/*|//)", "", url, flags=re.IGNORECASE)
    return Problem("a full URL is needed, with https:// in front", f"write {_scheme_for(host)}://{host}")


def _wrong_parts(url: str, *, as_given: bool) -> Problem | None:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return Problem("the URL's host cannot be read", "write it as https://flex.example.com")
    try:
        split_url(url)
    except ValueError:
        return Problem("the port is out of range: 1 to 65535", f"write {parts.scheme}://{_bracketed(host)}:3000")
    if parts.username is not None or parts.password is not None:
        return Problem("a URL here has no user name and no password", f"write {_rebuilt(parts)}")
    if "#" in url:
        return Problem("a URL here has no fragment: the browser never sends it", f"write {_rebuilt(parts)}")
    return _wrong_host(parts, host) or (None if as_given else _wrong_spelling(url, parts, host))


def _wrong_host(parts: SplitResult, host: str) -> Problem | None:
    if not host:
        return Problem("the URL has no host", f"write {parts.scheme}://flex.example.com")
    before = f"{parts.scheme}://"
    wrong = _wrong_ipv6(host, before) if ":" in host else _wrong_name(host, before)
    if wrong is not None:
        return wrong
    if parts.scheme == "http" and not is_loopback(host):
        return Problem(
            "http:// is for this machine only: anybody on the way could read the sign-in",
            f"write https://{_rebuilt(parts).partition('://')[2]}",
        )
    return None


def _wrong_name(host: str, before: str) -> Problem | None:
    return None if is_loopback(host) or _is_ipv4(host) else host_problem(host, before)


def _wrong_ipv6(host: str, before: str) -> Problem | None:
    try:
        address = ipaddress.IPv6Address(host)
    except ValueError:
        return Problem(f"[{host}] is no IPv6 address", f"write {before}[::1]")
    if address.compressed != host:
        return Problem("the IPv6 address has a shorter form", f"write {before}[{address.compressed}]")
    return None


def _wrong_spelling(url: str, parts: SplitResult, host: str) -> Problem | None:
    default = {"https": 443, "http": 80}[parts.scheme]
    if parts.port == default:
        return Problem(f"browsers leave the port {default} out", f"write {_rebuilt(parts, port=False)}")
    if any(segment in (".", "..") for segment in parts.path.split("/")):
        return Problem("the path goes back on itself with . or ..", "write the path that the browser shows")
    authority = url.partition("://")[2].partition("/")[0].partition("?")[0]
    if authority != authority.lower() or not url.startswith(parts.scheme):
        return Problem("scheme and host are lower case", f"write {_rebuilt(parts)}")
    return None


def host_problem(host: str, before: str = "") -> Problem | None:
    """What is wrong with a host name; None for a right one. `before` stands before the host that is suggested."""
    readable = ".".join(map(_decoded, host.split(".")))
    twin = None if readable.isascii() else _latin_twin(readable)
    if twin is not None or any(map(_mixes_scripts, readable.split("."))):
        shown = f"{readable} is not what it looks like: " + (
            f"it passes for {twin}" if twin else "it mixes the letters of several scripts"
        )
        return Problem(shown, f"write {before}{twin}" if twin else "write the host in one script")
    if not host.isascii():
        encoded = _encoded(host)
        return Problem(
            "a host with letters beyond ASCII is written as DNS has it",
            f"write {before}{encoded or 'flex.example.com'}",
        )
    tidy = "".join(host.split()).rstrip(".").lower()
    if host != tidy:
        return Problem("a host is lower case, without spaces and without a dot at its end", f"write {before}{tidy}")
    return _bad_labels(host, before)


def _decoded(label: str) -> str:
    """A label as people read it: `xn--…` decoded where it can be."""
    if not label.lower().startswith("xn--"):
        return label
    try:
        return idna.decode(label)
    except (idna.IDNAError, UnicodeError):
        return label


def _encoded(host: str) -> str | None:
    try:
        return idna.encode(host, uts46=True).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        return None


def _latin_twin(host: str) -> str | None:
    """The all-Latin host that this one looks like, or None: `аpple.com` (Cyrillic а) passes for `apple.com`."""
    latin = "".join(map(_latin, unicodedata.normalize("NFKC", host).lower()))
    return latin if latin.isascii() else None


def _latin(letter: str) -> str:
    # 60 ms that few stacks need, and the package ships no types.
    from confusable_homoglyphs.confusables import confusables_data  # type: ignore[import-untyped] # noqa: PLC0415

    if letter.isascii() or letter in _OTHERWISE:
        return _OTHERWISE.get(letter, letter)
    twins = [twin["c"] for twin in confusables_data.get(letter, ())]
    return next((twin for twin in twins if len(twin) == 1 and twin.isascii()), letter)


def _mixes_scripts(label: str) -> bool:
    if label.isascii():
        return False
    from confusable_homoglyphs.categories import unique_aliases  # type: ignore[import-untyped] # noqa: PLC0415

    scripts = unique_aliases(label)
    return "LATIN" in scripts and not scripts.isdisjoint(_ALIKE)


def _bad_labels(host: str, before: str) -> Problem | None:
    bad = next((label for label in host.split(".") if not LABEL.fullmatch(label)), None)
    if bad is not None or len(host) > 253 or host.rpartition(".")[2].isdigit():
        return Problem(f"{host[:80]} is no host name", f"write {before}flex.example.com")
    if "." not in host and host != "localhost":
        return Problem(f"{host} has no domain", f"write {before}{host}.example.com")
    return None


def _scheme_for(host: str) -> str:
    return "http" if is_loopback(re.split(r"[:/]", host, maxsplit=1)[0]) or host.startswith("[::1]") else "https"


def _is_ipv4(host: str) -> bool:
    try:
        ipaddress.IPv4Address(host)
    except ValueError:
        return False
    return True


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _in_brackets(address: str) -> str:
    """A bare IPv6 address as a URL has it; what follows ::1 is taken for a port, which is what it mostly is."""
    loopback, _, port = address.partition("::1:")
    return f"[::1]:{port}" if not loopback and port.isdigit() else f"[{address}]"


def _rebuilt(parts: SplitResult, *, port: bool = True) -> str:
    """The URL of scheme, host, port and path, without what does not belong into it."""
    number = f":{parts.port}" if port and parts.port else ""
    path = parts.path if parts.path != "/" else ""
    query = f"?{parts.query}" if parts.query else ""
    return f"{parts.scheme}://{_bracketed(parts.hostname or '')}{number}{path}{query}"
