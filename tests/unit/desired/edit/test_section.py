"""The one in-place editor: an entry changes, the rest of the file stays byte for byte."""

from __future__ import annotations

import pytest

from flexres.desired.edit.section import Section
from flexres.errors import InvalidStack

BEFORE = """\
version: 1   # one
policy:
    # how
    max_removals: 10%

    # who
    protected: [a@example.com]   # the owner
# behind
leavers: []
"""


def section(text: str = BEFORE, name: str = "policy") -> Section:
    return Section(text.encode(), "flex.yaml", name)


def test_a_new_entry_comes_last_and_indents_like_the_others() -> None:
    edited = section()
    edited.put("approved", ["x1"])
    new = BEFORE.replace("the owner\n", "the owner\n\n    approved:\n      - x1\n")
    assert edited.written().decode() == new


def test_an_entry_is_replaced_and_its_comment_stays() -> None:
    edited = section()
    edited.put("max_removals", 3)
    assert edited.written().decode() == BEFORE.replace("10%", "3")


def test_an_entry_is_taken_out_with_its_own_lines_alone() -> None:
    edited = section()
    edited.remove("protected")
    assert edited.written().decode() == BEFORE.replace("    protected: [a@example.com]   # the owner\n", "")


def test_a_section_that_is_missing_is_begun() -> None:
    """At the end of the file."""
    edited = section("version: 1   # one\n")
    edited.put("approved", 1)
    assert edited.written() == b"version: 1   # one\npolicy:\n  approved: 1\n"


def test_entries_that_share_an_anchor_are_told_apart() -> None:
    """What changes in one must not change in the other."""
    edited = section("policy:\n  a: &x {n: 1}\n  b: *x\n")
    edited.change("a", lambda value: {**value, "n": 2})
    assert b"n: 2" in edited.written()
    assert b"n: 1" in edited.written()


def test_a_file_that_is_no_yaml_is_told_with_its_line() -> None:
    with pytest.raises(InvalidStack) as caught:
        section("policy: [\n")
    assert caught.value.problems[0].position.line == 2
