"""XML from strangers: what is refused before anything reads it, and how soon."""

from __future__ import annotations

import time

import pytest

from flexres.idp.safe_xml import DEEPEST, MOST_ATTRIBUTES, MOST_NAMESPACES, MOST_NODES, UnsafeXmlError, parse_xml


def _named(count: int, spelling: str) -> bytes:
    return " ".join(spelling.format(each) for each in range(count)).encode()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"<a>" * (DEEPEST + 1) + b"</a>" * (DEEPEST + 1), "nests deeper"),
        (b"<a>" + b"<b/>" * MOST_NODES + b"</a>", "elements and comments"),
        (b"<a>" + b"<!---->" * MOST_NODES + b"</a>", "elements and comments"),
        (b"<a " + _named(MOST_ATTRIBUTES + 1, 'a{0}=""') + b"/>", "attributes"),
        (b"<a " + _named(MOST_NAMESPACES + 1, 'xmlns:n{0}="u"') + b"/>", "namespaces"),
        (b"".join(b'<a xmlns:n%d="u">' % each for each in range(60)) + b"</a>" * 60, "namespaces"),
    ],
    ids=["deep", "many elements", "many comments", "many attributes", "many namespaces", "namespaces of ancestors"],
)
def test_what_takes_quadratic_time_below_is_refused(data: bytes, reason: str) -> None:
    """Canonical forms and searches take time in the square of these."""
    began = time.perf_counter()
    with pytest.raises(UnsafeXmlError, match=reason):
        parse_xml(data)
    assert time.perf_counter() - began < 20


_NESTED = '<!ENTITY a0 "aaaaaaaaaa">' + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12))


@pytest.mark.parametrize(
    "data",
    [
        f'<!DOCTYPE x [{_NESTED}]><x y="&a11;"/>',
        f"<!DOCTYPE x [{_NESTED}]><x>&a11;</x>",
        '<!DOCTYPE x [<!ENTITY a "' + "a" * 100_000 + '">]><x>' + '<y z="&a;"/>' * 4000 + "</x>",
        '<!DOCTYPE x SYSTEM "file:///etc/passwd"><x/>',
        '<!DOCTYPE x [<!ENTITY % p SYSTEM "file:///etc/passwd"> %p;]><x/>',
        '<!DOCTYPE x [<!ENTITY p SYSTEM "file:///etc/passwd">]><x>&p;</x>',
        "<!DOCTYPE x><x/>",
    ],
    ids=["in an attribute", "in a text", "quadratic", "external", "parameter", "external entity", "empty"],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_document_type_is_refused_whatever_it_declares(data: str, encoding: str) -> None:
    """In every encoding, and at once."""
    began = time.perf_counter()
    with pytest.raises(UnsafeXmlError, match="DOCTYPE"):
        parse_xml(data.encode(encoding))
    assert time.perf_counter() - began < 20


def test_a_plain_document_is_read() -> None:
    """Comments are kept: what they split has to be seen."""
    assert len(parse_xml(b"<a>x<!-- y -->z</a>")) == 1
