"""What people capture: each container gives the response in it, or says what to capture instead."""

from __future__ import annotations

import base64
import json
import zlib
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexres.idp.saml import lint
from flexres.idp.saml.read import UnreadableCapture, read_captures
from tests.saml_responses import FLEX, NOW, KeyPair, Recipe, declared, response, xml

XML = xml(Recipe()).encode()
ENCODED = base64.b64encode(XML).decode()


def _deflated() -> str:
    compressor = zlib.compressobj(wbits=-15)
    return base64.b64encode(compressor.compress(XML) + compressor.flush()).decode()


def _har(*urls: str, params: bool = True) -> dict[str, object]:
    post = (
        {"params": [{"name": "SAMLResponse", "value": ENCODED}]}
        if params
        else {"text": f"SAMLResponse={quote(ENCODED, safe='')}&RelayState=x"}
    )
    entries = [
        {"startedDateTime": "2026-11-21T09:15:00.000Z", "request": {"method": "POST", "url": url, "postData": post}}
        for url in urls
    ]
    other = {"request": {"method": "GET", "url": "https://example.com/"}, "response": {}}
    return {"log": {"version": "1.2", "entries": [other, *entries]}}


def _tracer(**request: object) -> dict[str, object]:
    return {"requests": [{"method": "GET", "url": "https://example.com"}, {"url": FLEX.acs, **request}]}


@pytest.mark.parametrize(
    "data",
    [
        XML,
        b"\xef\xbb\xbf  " + XML,
        XML.decode().encode("utf-16"),
        ENCODED.encode(),
        "\n".join(ENCODED[i : i + 76] for i in range(0, len(ENCODED), 76)).encode(),
        ENCODED.rstrip("=").replace("+", "-").replace("/", "_").encode(),
        quote(ENCODED, safe="").encode(),
        f"SAMLResponse={quote(ENCODED, safe='')}&RelayState=abc".encode(),
        f"RelayState=abc&SAMLResponse={ENCODED}".encode(),
        f"curl https://x --data-raw 'SAMLResponse={quote(ENCODED, safe='')}'".encode(),
        _deflated().encode(),
        f'<html><form action="https://x"><input name="SAMLResponse" value="{ENCODED}"></form></html>'.encode(),
        json.dumps(_har(FLEX.acs)).encode(),
        json.dumps(_har(FLEX.acs, params=False)).encode(),
        json.dumps(_tracer(post=[["SAMLResponse", ENCODED], ["RelayState", "x"]])).encode(),
        json.dumps(_tracer(post={"SAMLResponse": [ENCODED]})).encode(),
        json.dumps(_tracer(postData=f"SAMLResponse={quote(ENCODED, safe='')}")).encode(),
        json.dumps(_tracer(post=[["SAMLResponse", "*****"]], saml=XML.decode())).encode(),
    ],
)
def test_every_container_gives_the_same_response(data: bytes) -> None:
    """Raw, Base64 in its spellings, forms, pages, HAR, SAML-tracer."""
    captured = read_captures(data)
    assert len(captured) == 1
    assert captured[0].xml.strip() == XML


def test_of_several_responses_the_one_for_flex_is_taken(pair: KeyPair) -> None:
    """A chain of identity providers leaves more than one in the log."""
    har = _har(FLEX.acs, "https://tenant.auth0.com/login/callback")
    report = lint(json.dumps(har).encode(), sso=declared(pair), now=NOW)
    assert report.origin == "entry 2 of the HAR"
    assert report.findings[0].title == "The file holds 2 SAML responses"


def test_the_time_in_the_file_counts_as_the_arrival(pair: KeyPair) -> None:
    """So an old HAR of a good sign-in has not expired, and a late arrival is an error."""
    text = json.dumps(_har(FLEX.acs)).replace(ENCODED, base64.b64encode(response(pair)).decode())
    later = NOW.replace(year=2027)
    assert lint(text.encode(), sso=declared(pair), now=later).verdict == "accepted"
    late = text.replace("T09:15:00", "T10:15:00")
    report = lint(late.encode(), sso=declared(pair), now=later)
    assert any("had expired 56 minutes before it arrived" in finding.title for finding in report.findings)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"  \n", "empty"),
        (b"hello, world", "neither XML"),
        (b"\x00\x01\x02", "neither XML"),
        (ENCODED[:101].encode(), "cut off"),
        (base64.b64encode(b"no xml in here"), "holds no XML"),
        (b"SAMLRequest=abc", "this is the request"),
        (b"SAMLResponse=&RelayState=x", "SAMLResponse is empty"),
        (b"<!DOCTYPE html><html><body>sign in</body></html>", "web page"),
        (b"{", "damaged"),
        (b"[" * 100_000, "damaged"),
        (b"{}", "no request"),
        (b'{"log": 3}', "no request"),
        (b'{"log": {"entries": [1, {"request": 2}, {"request": {"postData": 3, "url": 4}}]}}', "no request"),
        (b'{"requests": [{"post": [["SAMLResponse", "***"]]}]}', "no request"),
        (b'{"requests": [{"url": "https://x/?SAMLRequest=abc"}]}', "this is the request"),
        (b"A" * 10_000_000, "9.5 MB"),
    ],
)
def test_what_holds_no_response_says_what_to_capture(data: bytes, words: str) -> None:
    """One clear line with what to do."""
    with pytest.raises(UnreadableCapture) as caught:
        read_captures(data)
    assert words in caught.value.message
    assert caught.value.fix


def test_a_decompression_bomb_stays_bounded(pair: KeyPair) -> None:
    """Some kilobytes that unpack to many megabytes."""
    compressor = zlib.compressobj(9, wbits=-15)
    bomb = compressor.compress(b"<a>" + b" " * 30_000_000) + compressor.flush()
    report = lint(base64.b64encode(bomb), sso=declared(pair), now=NOW)
    assert "MB is the most" in report.findings[0].detail


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (b'<samlp:AuthnRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol"/>', "the request"),
        (b'<samlp:LogoutResponse xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol"/>', "a sign-out"),
        (b'<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata"/>', "metadata"),
        (b'<Assertion xmlns="urn:oasis:names:tc:SAML:2.0:assertion"/>', "without its response"),
        (b'<Response xmlns="urn:oasis:names:tc:SAML:1.0:protocol"/>', "SAML 1.1"),
        (b"<note/>", "an element named note"),
    ],
)
def test_another_saml_document_is_named(document: bytes, words: str) -> None:
    """And what to capture instead."""
    finding = lint(document, sso=None, now=NOW).findings[0]
    assert words in finding.title
    assert finding.fix


NAMES = ["log", "entries", "request", "postData", "params", "text", "url", "requests", "post", "saml", "name", "value"]
LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.sampled_from(["SAMLResponse", ENCODED])


@given(
    st.recursive(
        LEAVES,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
        max_leaves=15,
    )
)
def test_no_json_raises_anything_else(document: object) -> None:
    """Any shape under the names of HAR and SAML-tracer."""
    lint(json.dumps(document).encode(), sso=None, now=NOW)
