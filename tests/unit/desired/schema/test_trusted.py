"""Trusted domains and trusted URLs: what is right, what each entry covers, and what to write instead."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexres.desired.schema.trusted import check_redirect, check_trusted, covered, covers
from flexres.desired.schema.urls import check_url
from tests.unit.desired.stacks import FLEX, problems_of

LABEL = st.from_regex(r"[a-z][a-z0-9]{0,10}", fullmatch=True)
DOMAIN = st.lists(LABEL, min_size=1, max_size=3).map(lambda labels: ".".join([*labels, "example"]))
"""Below a name that nobody registers: of some real ones a wildcard is not allowed."""


@pytest.mark.parametrize(
    ("pattern", "host", "allowed"),
    [
        ("example.com", "example.com", True),
        ("example.com", "email.example.com", False),
        ("flex.example.com", "flex.example.com", True),
        ("flex.example.com", "example.com", False),
        ("*.example.com", "one.example.com", True),
        ("*.example.com", "two.example.com", True),
        ("*.example.com", "example.com", False),
        ("*.example.com", "one.two.example.com", False),
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1", "127.0.0.2", False),
        ("::1", "::1", True),
        ("::1", "[::1]", True),
        ("localhost", "localhost", True),
        ("localhost", "flex.localhost", False),
        ("example.*.com", "example.a.com", False),
        ("example*.com", "example1.com", False),
        ("*.example.com", ".example.com", False),
        ("example.com", "EXAMPLE.com", True),
        ("*", "example.com", False),
        ("*.com", "example.com", False),
        ("*.co.uk", "example.co.uk", False),
        ("*.example.com", "evil.com/.example.com", False),
        ("*.example.com", "a b.example.com", False),
    ],
)
def test_patterns_cover_what_twilios_table_says(pattern: str, host: str, allowed: bool) -> None:
    """The table of the SSO documentation, and what surrounds it."""
    assert covers(pattern, host) is allowed


@pytest.mark.parametrize(
    "pattern", ["example.com", "flex.example.com", "*.example.com", "127.0.0.1", "::1", "localhost"]
)
def test_the_patterns_of_the_table_are_right(pattern: str) -> None:
    """Each form once."""
    assert check_trusted(pattern, "legacy") is None


@pytest.mark.parametrize(
    ("pattern", "suggestion"),
    [
        ("example.*.com", "*.example.com"),
        ("example*.com", "*.example.com"),
        ("**.example.com", "*.example.com"),
        ("*", "flex.example.com"),
        ("a*.*", "list the hosts"),
        ("*.com", "*.example.com"),
        ("*.co.uk", "*.example.co.uk"),
        ("*.github.io", "*.example.github.io"),
        ("", "flex.example.com"),
        ("https://flex.example.com", "write flex.example.com"),
        ("https://flex.example.com/agent", "write flex.example.com"),
        ("localhost:3000", "write localhost"),
        ("[::1]:3000", "write ::1"),
        ("10.0.0.1", "127.0.0.1"),
        ("127.0.0.2", "127.0.0.1"),
        ("Example.com", "write example.com"),
        ("*.Example.com", "write *.example.com"),
        ("example.com.", "write example.com"),
        ("exa_mple.com", "flex.example.com"),
        ("flex", "flex.example.com"),
        ("münchen.de", "xn--mnchen-3ya.de"),
        ("аpple.com", "apple.com"),
    ],
)
def test_wrong_patterns_are_refused_with_the_right_one(pattern: str, suggestion: str) -> None:
    """The hint shows what to write."""
    finding = check_trusted(pattern, "legacy")
    assert finding is not None
    assert suggestion in finding.hint


@pytest.mark.parametrize(
    "url",
    [
        "https://flex.example.com",
        "https://example.com/",
        "https://example.com/flex",
        "https://example.com:8443/flex",
        "http://localhost:3000",
        "http://127.0.0.1:3000",
        "http://[::1]:3000",
        "https://[::1]",
        "https://10.0.0.1/flex",
        "https://xn--mnchen-3ya.de",
    ],
)
def test_full_urls_are_right_for_enhanced(url: str) -> None:
    """https anywhere, http on this machine."""
    assert check_trusted(url, "enhanced") is None


@pytest.mark.parametrize(
    ("url", "suggestion"),
    [
        ("example.com", "write https://example.com"),
        ("localhost:3000", "write http://localhost:3000"),
        ("*.example.com", "https://agents.example.com and https://desk.example.com"),
        ("https://*.example.com/x", "list every URL"),
        ("http://example.com", "write https://example.com"),
        ("https://ana:secret@example.com/flex", "write https://example.com/flex"),
        ("https://example.com/#top", "write https://example.com"),
        ("https://example.com:99999", "https://example.com"),
        ("https://example.com:0", "https://example.com"),
        ("https://example.com:443/flex", "write https://example.com/flex"),
        ("http://localhost:80", "write http://localhost"),
        ("https://Example.com", "write https://example.com"),
        ("HTTPS://example.com", "write https://example.com"),
        ("ftp://example.com", "write https://example.com"),
        ("javascript:alert", "https://flex.example.com"),
        ("https:/example.com", "write https://example.com"),
        (" https://example.com", "write https://example.com"),
        ("https://exa mple.com", "address bar"),
        ("https://example.com\\@evil.com", "address bar"),
        ("https://example.com?x=1", "write https://example.com"),
        ("http://::1:3000", "write http://[::1]:3000"),
        ("https://[::1", "https://flex.example.com"),
        ("https://[0:0:0:0:0:0:0:1]", "write https://[::1]"),
        ("http://[fe80::1%25eth0]/", "address bar"),
        ("https://example.com/a/../b", "the path"),
        ("https://münchen.de", "write https://xn--mnchen-3ya.de"),
        ("https://аpple.com", "write https://apple.com"),
        ("https://xn--80ak6aa92e.com", "write https://apple.com"),
        ("https://gооgle-flex.com", "write https://google-flex.com"),
        ("https://127.1", "https://flex.example.com"),
        ("https://", "https://flex.example.com"),
        ("", "https://flex.example.com"),
        ("https://example.com/" + "a" * 3000, "2048"),
    ],
)
def test_wrong_urls_are_refused_with_the_right_one(url: str, suggestion: str) -> None:
    """The hint shows what to write, and never a password."""
    finding = check_trusted(url, "enhanced")
    assert finding is not None
    assert suggestion in finding.hint
    assert "secret" not in finding.hint + finding.message


def test_an_equal_entry_covers_a_url() -> None:
    """A root slash and a default port make no difference."""
    entries = ["https://flex.example.com", "https://example.com/flex"]
    assert covered("https://flex.example.com", entries, "enhanced") is True
    assert covered("https://flex.example.com:443/", entries, "enhanced") is True
    assert covered("https://example.com/flex", entries, "enhanced") is True


def test_a_slash_at_the_end_can_be_declared_both_ways() -> None:
    """Programs send either, and which of them Twilio takes for the other is not documented."""
    sso = "sso: {type: enhanced, writer: api, trusted: ['https://x.example.com/', 'https://x.example.com']}\n"
    assert not [problem for problem in problems_of(flex=FLEX + sso) if "trusted" in problem.message]


@pytest.mark.parametrize("url", ["https://example.com", "https://example.com/flex/agent", "https://example.com/other"])
def test_the_same_origin_is_unknown(url: str) -> None:
    """Twilio does not say how it matches."""
    assert covered(url, ["https://example.com/flex"], "enhanced") is None


@pytest.mark.parametrize("kind", ["enhanced", "legacy"])
def test_flex_at_twilios_own_address_needs_no_entry(kind: Any) -> None:
    """The login link of an instance is a right default redirect URL."""
    assert covered("https://flex.twilio.com/dancing-owl-1234", [], kind) is True
    assert check_redirect("https://flex.twilio.com/dancing-owl-1234", ["https://flex.example.com"], kind) is None
    assert covered("https://flex.twilio.com.example.com/", [], kind) is False
    assert covered("http://flex.twilio.com/x", [], kind) is False


@pytest.mark.parametrize(
    "url", ["https://flex.example.com", "http://example.com", "https://example.com:8443", "nonsense"]
)
def test_another_origin_is_not_covered(url: str) -> None:
    """Host, scheme and port count."""
    assert covered(url, ["https://example.com"], "enhanced") is False


def test_legacy_entries_cover_by_host() -> None:
    """Path and port do not count."""
    assert covered("https://one.example.com:8443/flex", ["*.example.com"], "legacy") is True
    assert covered("https://one.two.example.com", ["*.example.com"], "legacy") is False


def test_a_redirect_that_nothing_covers_is_an_error() -> None:
    """With the entry to add."""
    finding = check_redirect("https://desk.example.com", ["https://flex.example.com"], "enhanced")
    assert finding is not None
    assert (finding.severity, finding.hint) == ("error", "add https://desk.example.com to trusted:")
    legacy = check_redirect("https://desk.example.com/x", ["example.com"], "legacy")
    assert legacy is not None
    assert "add desk.example.com" in legacy.hint


def test_a_redirect_that_may_be_covered_is_a_warning() -> None:
    """By prefix or origin it would be, exactly it would not."""
    finding = check_redirect("https://flex.example.com/agent", ["https://flex.example.com"], "enhanced")
    assert finding is not None
    assert finding.severity == "warning"


def test_a_covered_redirect_is_fine_and_a_malformed_one_is_not() -> None:
    """Its own form is checked first."""
    assert check_redirect("https://flex.example.com", ["https://flex.example.com"], "enhanced") is None
    finding = check_redirect("flex.example.com", ["https://flex.example.com"], "enhanced")
    assert finding is not None
    assert "https://flex.example.com" in finding.hint


@given(DOMAIN, LABEL, LABEL)
def test_a_wildcard_covers_exactly_one_label_more(domain: str, one: str, two: str) -> None:
    """Never the domain itself, never two labels."""
    assert covers(f"*.{domain}", f"{one}.{domain}")
    assert not covers(f"*.{domain}", domain)
    assert not covers(f"*.{domain}", f"{one}.{two}.{domain}")


@given(DOMAIN, DOMAIN)
def test_a_plain_host_covers_itself_alone(pattern: str, host: str) -> None:
    """Equality, no suffixes."""
    assert covers(pattern, host) == (pattern == host)


@given(DOMAIN, st.one_of(st.just(""), st.integers(1, 65535).map(lambda port: f":{port}")), st.lists(LABEL, max_size=3))
def test_a_right_entry_covers_itself(domain: str, port: str, path: list[str]) -> None:
    """What may be entered is covered when it is asked for."""
    url = f"https://{domain}{port}" + "".join(f"/{part}" for part in path)
    if check_trusted(url, "enhanced") is None:
        assert covered(url, [url], "enhanced") is True


@given(st.text(max_size=60), st.sampled_from(["", "https://", "http://", "*.", "https://a.b/"]))
def test_nothing_that_can_be_typed_raises(text: str, start: str) -> None:
    """Neither as an entry, nor as a URL, nor as a host."""
    entry = start + text
    check_trusted(entry, "enhanced")
    check_trusted(entry, "legacy")
    check_redirect(entry, [entry], "enhanced")
    check_redirect(entry, [entry], "legacy")
    covers(entry, entry)


@given(st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), max_size=40))
def test_a_suggested_url_is_itself_right_or_an_example(text: str) -> None:
    """Following the hint does not lead to the same complaint again."""
    first = check_trusted(text, "enhanced")
    if first is not None and first.hint.startswith("write https://"):
        again = check_trusted(first.hint.removeprefix("write "), "enhanced")
        assert again is None or again.message != first.message


def test_a_host_of_several_scripts_is_not_suggested_with_a_scheme():
    """There is no host to suggest, so none begins with https://."""
    problem = check_url("https://flexф.example.com")
    assert problem is not None
    assert problem.hint == "write the host in one script"
