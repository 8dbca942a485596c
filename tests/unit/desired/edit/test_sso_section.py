"""Attestations and offered values are written into flex.yaml and nothing else of it changes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexres.desired.edit.flex_file import with_attestations, with_offered
from flexres.desired.model import Attested
from flexres.desired.yaml.tree import compose
from flexres.desired.yaml.values import read_values
from flexres.errors import SetupError

BEFORE = """\
# A stack.
version: 1
sso:
  type: enhanced     # the new one
  # from the IdP
  issuer: urn:acme

  trusted:
    - "https://flex.example.com"
    # staging next

# who left
leavers: []   # nobody
"""
ATTESTED = Attested({"issuer": "12345678", "certificate": "1e234567"}, ("https://flex.example.com",))
BLOCK = """\
  attested:
    certificate: "1e234567"
    issuer: "12345678"
    trusted:
      - "https://flex.example.com"
"""


def written(text: str, attested: Attested = ATTESTED) -> str:
    return with_attestations(text.encode(), "flex.yaml", attested).decode()


def test_the_block_is_added_at_the_end_of_the_section() -> None:
    """All other lines, comments and empty ones, stay as they are."""
    assert written(BEFORE) == BEFORE.replace("    # staging next\n", f"    # staging next\n{BLOCK}")


def test_it_is_replaced_where_it_stands() -> None:
    """With what people wrote beside it."""
    before = BEFORE.replace(
        "  # from the IdP", '  attested:\n    # by ana\n    issuer: "00000000"   # last week\n  # from the IdP'
    )

    after = written(before)

    assert '    # by ana\n    issuer: "12345678" # last week' in after.replace("   #", " #") or "# by ana" in after
    assert read_values(after.encode())["sso"]["attested"] == {
        "issuer": "12345678",
        "certificate": "1e234567",
        "trusted": ["https://flex.example.com"],
    }
    assert after.startswith("# A stack.\nversion: 1\nsso:\n  type: enhanced     # the new one\n  attested:\n")
    assert after.endswith("\n# who left\nleavers: []   # nobody\n")


def test_writing_twice_changes_nothing() -> None:
    """The second run has nothing to record."""
    once = written(BEFORE)

    assert written(once) == once


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_line_ends_and_a_byte_order_mark_stay(end: str) -> None:
    """Whatever editor wrote the file."""
    data = b"\xef\xbb\xbf" + BEFORE.replace("\n", end).encode()

    after = with_attestations(data, "flex.yaml", ATTESTED)

    assert after.startswith(b"\xef\xbb\xbf#")
    assert after.count(b"\n") == after.count(end.encode())


def test_a_section_at_the_end_without_a_line_break_gets_one() -> None:
    """The block begins on a line of its own."""
    assert written("sso:\n  type: enhanced") == f"sso:\n  type: enhanced\n{BLOCK}"


def test_a_section_in_braces_is_written_as_a_whole() -> None:
    """Comments stay here too."""
    after = written("version: 1 # one\nsso: {type: enhanced, issuer: a}\n")

    assert "# one" in after
    assert read_values(after.encode())["sso"]["attested"]["issuer"] == "12345678"


def test_a_file_without_the_section_is_refused() -> None:
    """There is nothing to attest."""
    with pytest.raises(SetupError, match="no sso: section"):
        written("version: 1\n")


digests = st.from_regex(r"[0-9a-f]{8}", fullmatch=True)
entries = st.lists(
    st.from_regex(r"https://[a-z]{1,5}\.example\.com(:[1-9]{2})?", fullmatch=True), unique=True, max_size=3
)


@given(st.dictionaries(st.sampled_from(["issuer", "sso_url", "certificate", "connection"]), digests), entries)
def test_what_is_written_is_read_back_and_the_rest_stays(fields: dict[str, str], trusted: list[str]) -> None:
    """For any digests, be they like numbers, and after any attestations before."""
    before = written(BEFORE)

    after = read_values(written(before, Attested(fields, tuple(trusted))).encode())

    attested = after["sso"].pop("attested") or {}
    assert attested == {**fields, **({"trusted": trusted} if trusted else {})}
    assert after == read_values(BEFORE.encode())


YAML = """\
# ours
sso:   # how agents sign in
  type: enhanced
  writer: console
  issuer: 'urn:old'   # from the provider

  # below: who may ask
  trusted: ["https://flex.example.com"]
idp: {provider: auth0}
"""


def test_offered_values_leave_every_other_line_alone() -> None:
    """Comments, quotes of others and empty lines stay; a new key stands behind writer."""
    offered = {"issuer": "urn:new", "sso_url": "https://x.example.com/?a=1#b", "certificate": "certs/idp.pem"}

    after = with_offered(YAML.encode(), "flex.yaml", offered).decode()

    assert after.splitlines() == [
        "# ours",
        "sso:   # how agents sign in",
        "  type: enhanced",
        "  writer: console",
        '  sso_url: "https://x.example.com/?a=1#b"',
        "  certificate: certs/idp.pem",
        '  issuer: "urn:new"   # from the provider',
        "",
        "  # below: who may ask",
        '  trusted: ["https://flex.example.com"]',
        "idp: {provider: auth0}",
    ]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_offered_values_keep_line_ends_and_are_written_once(end: str) -> None:
    data = YAML.replace("\n", end).encode()
    once = with_offered(data, "flex.yaml", {"issuer": "urn:a", "sso_url": "https://x"})
    assert with_offered(once, "flex.yaml", {"issuer": "urn:a", "sso_url": "https://x"}) == once
    assert once.count(b"\r\n") == (once.count(b"\n") if end == "\r\n" else 0)
    root, _ = compose(once, "flex.yaml")
    assert root is not None
    assert root.value["sso"]["sso_url"] == "https://x"


def test_a_section_in_braces_gets_offered_values_into_the_braces() -> None:
    """Such a file is written as a whole, comments and order kept."""
    text = "# ours\nsso: {type: enhanced, writer: console, trusted: []} # one\nleavers: []\n"
    after = with_offered(text.encode(), "flex.yaml", {"issuer": "urn:a", "sso_url": "https://x"}).decode()
    assert after == text.replace("writer: console", 'writer: console, issuer: "urn:a", sso_url: "https://x"')


def test_an_empty_value_is_filled_in() -> None:
    after = with_offered(b"sso:\n  type: enhanced\n  issuer:   # later\n", "flex.yaml", {"issuer": "urn:a"}).decode()
    assert '  issuer: "urn:a" # later\n' in after


@pytest.mark.parametrize("text", ["a: 1\n", "", "sso:\n"])
def test_what_cannot_be_edited_is_said_and_left(text: str) -> None:
    with pytest.raises(SetupError, match=r"sso: section|cannot be edited"):
        with_offered(text.encode(), "flex.yaml", {"issuer": "urn:a"})
