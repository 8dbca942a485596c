"""Approvals written into `policy.approved` of flex.yaml: those that are new, beside whatever is there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ruamel.yaml.comments import CommentedSeq

from flexres.desired.edit.section import Section
from flexres.desired.edit.style import in_flow, text
from flexres.desired.model import ApprovedEntry
from flexres.errors import SetupError


def with_approvals(data: bytes, shown: str, entries: Sequence[ApprovedEntry]) -> bytes:
    """The bytes of a flex.yaml that approves these too; every other line stays as it is.

    Raises SetupError where there is no `policy:`, or it is written in a way that cannot be edited.
    """
    section = Section(data, shown, "policy")
    if not section.entries:
        raise SetupError(f"{shown} has no policy: section", hint="begin one with min_admins: below policy:")
    # A date of its own for each: one that several shared would be written as an anchor and its aliases.
    new = [
        in_flow({"digest": text(one.digest), "for": text(one.purpose), "until": one.until.replace()}, flow=True)
        for one in entries
    ]

    def appended(block: Any) -> CommentedSeq:
        listed = block if isinstance(block, CommentedSeq) and block else CommentedSeq()
        listed.extend(new)
        return listed

    if "approved" in section.entries:
        section.change("approved", appended)
    else:
        section.put("approved", appended(None))
    return section.written()
