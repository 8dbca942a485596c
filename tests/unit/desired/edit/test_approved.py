"""Approvals written into flex.yaml read like something that a person typed."""

from __future__ import annotations

from datetime import date

from flexres.desired.edit.flex_file import with_approvals
from flexres.desired.model import ApprovedEntry


def test_entries_that_end_on_one_day_share_no_anchor() -> None:
    until = date(2027, 2, 14)
    entries = [ApprovedEntry({"a" * 26: ""}, "Ana", until), ApprovedEntry({"b" * 26: ""}, "Bob", until)]
    written = with_approvals(b"version: 1\npolicy:\n  min_admins: 1\n", "flex.yaml", entries).decode()
    assert [line for line in written.splitlines() if "until" in line] == [
        f"    - {{digest: {'a' * 26}, for: Ana, until: 2027-02-14}}",
        f"    - {{digest: {'b' * 26}, for: Bob, until: 2027-02-14}}",
    ]
