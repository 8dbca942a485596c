"""What is a web address, what a domain pattern, and what each covers."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flexres.sandbox.sso.settings import (
    address_problem,
    origin_of,
    pattern_covers,
    pattern_problem,
    url_covers,
)

LABEL = st.from_regex(r"[a-z][a-z0-9]{0,8}", fullmatch=True)
DOMAIN = st.lists(LABEL, min_size=2, max_size=4).map(".".join)


@pytest.mark.parametrize(
    ("pattern", "covered", "not_covered"),
    [
        ("example.com", ["example.com"], ["email.example.com"]),
        ("flex.example.com", ["flex.example.com"], ["example.com"]),
        ("*.example.com", ["one.example.com", "two.example.com"], ["example.com", "one.two.example.com"]),
        ("127.0.0.1", ["127.0.0.1"], ["127.0.0.2", "localhost"]),
        ("::1", ["[::1]"], ["[::2]"]),
        ("localhost", ["localhost"], ["localhost.example.com"]),
    ],
)
def test_patterns_cover_what_twilio_says(pattern, covered, not_covered):
    """The table of Twilio's SSO FAQ."""
    assert all(pattern_covers(pattern, f"https://{host}/x") for host in covered)
    assert not any(pattern_covers(pattern, f"https://{host}/x") for host in not_covered)


@pytest.mark.parametrize(
    "pattern", ["example.*.com", "example*.com", "*", "*.*.com", "*.localhost", "", "a b.com", "-a.com"]
)
def test_wrong_pattern_is_refused(pattern):
    """And covers nothing."""
    assert pattern_problem(pattern)
    assert not pattern_covers(pattern, "https://example.com")


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com",
        "https://example.com:8443/flex?a=b",
        "http://localhost:3000",
        "http://127.0.0.1",
        "http://[::1]:80",
    ],
)
def test_full_url_is_an_address(url):
    """http on this machine only."""
    assert address_problem(url) is None


@pytest.mark.parametrize(
    "url",
    [
        "", "example.com", "//example.com", "https://", "https:///path", "http://example.com", "ftp://example.com",
        "https://a b.com", "https://exämple.com", "https://example.com#x", "https://example.com#", "https://u:p@example.com",
        "https://*.example.com", "https://example.com:0", "https://example.com:65536", "https://example.com:x",
        "https://[::1", "https://-a.com", "javascript:alert(1)", "https://example.com\n.evil.org",
    ],
)  # fmt: skip
def test_anything_else_is_none(url):
    """And covers nothing, nor is covered."""
    assert address_problem(url)
    assert not url_covers(url, url, "origin")


@settings(deadline=None)  # the machine may be busy
@given(DOMAIN, LABEL)
def test_star_stands_for_one_label(domain, label):
    """Neither for none nor for two."""
    assert pattern_covers(f"*.{domain}", f"https://{label}.{domain}")
    assert not pattern_covers(f"*.{domain}", f"https://{domain}")
    assert not pattern_covers(f"*.{domain}", f"https://{label}.{label}.{domain}")


@settings(deadline=None)  # the machine may be busy
@given(st.text(max_size=40))
def test_any_text_is_judged(text):
    """Never an exception."""
    address_problem(text)
    pattern_problem(text)
    url_covers(text, text, "prefix")
    pattern_covers(text, text)


@pytest.mark.parametrize("match", ["prefix", "origin", "exact"])
@settings(deadline=None)  # the machine may be busy
@given(domain=DOMAIN)
def test_url_covers_itself_and_no_other_host(match, domain):
    """Whatever the switch says."""
    url = f"https://{domain}/flex"
    assert url_covers(url, url, match)
    assert not url_covers(url, f"https://x{domain}/flex", match)
    assert not url_covers(url, f"https://{domain}.evil.org/flex", match)


def test_origin_is_spelled_as_browsers_do():
    """Without the usual port, in small letters."""
    assert origin_of("HTTPS://Example.COM:443/x") == "https://example.com"
    assert origin_of("http://[::1]:3000") == "http://[::1]:3000"
