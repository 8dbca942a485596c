"""What flexres writes into flex.yaml: approvals in `policy.approved`, and what is attested or offered in `sso:`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from ruamel.yaml.comments import CommentedMap, CommentedSeq

from flexres.desired.edit.section import Section
from flexres.desired.edit.style import in_flow, text
from flexres.desired.model import ApprovedEntry, Attested
from flexres.desired.schema.sso import DIGESTED
from flexres.errors import SetupError


def with_approvals(data: bytes, shown: str, entries: Sequence[ApprovedEntry]) -> bytes:
    """The bytes of a flex.yaml that approves these too; every other line stays as it is.

    Raises SetupError where there is no `policy:`, or it is written in a way that cannot be edited.
    """
    section = Section(data, shown, "policy")
    if not section.entries:
        raise SetupError(f"{shown} has no policy: section", hint="begin one with min_admins: below policy:")
    new = [_written(one) for one in entries]

    def appended(block: Any) -> CommentedSeq:
        listed = block if isinstance(block, CommentedSeq) and block else CommentedSeq()
        listed.extend(new)
        return listed

    if "approved" in section.entries:
        section.change("approved", appended)
    else:
        section.put("approved", appended(None))
    return section.written()


def without_approvals(data: bytes, shown: str, numbers: Collection[int]) -> bytes:
    """The bytes of a flex.yaml without these entries of `policy.approved`, by their place in the list.

    Raises SetupError where it is written in a way that cannot be edited.
    """
    section = Section(data, shown, "policy")

    def pruned(block: Any) -> CommentedSeq:
        for number in sorted(numbers, reverse=True):
            del block[number]
        return block  # type: ignore[no-any-return]

    if len(section.entries["approved"].items) == len(numbers) and len(section.entries) > 1:
        section.remove("approved")
    else:
        section.change("approved", pruned)
    return section.written()


def _written(entry: ApprovedEntry) -> CommentedMap:
    """One entry: on a line where it is of one change, else a line for each."""
    of_one = len(entry.digests) == 1
    if "" in entry.digests.values():
        (digest,) = entry.digests
        bound: dict[str, Any] = {"digest": text(digest)}
    else:
        listed = {text(username): text(digest) for digest, username in entry.digests.items()}
        bound = {"digests": in_flow(listed, flow=of_one)}
    # A date of its own for each: one that several shared would be written as an anchor and its aliases.
    said = {"for": text(entry.purpose), "until": entry.until.replace()}
    return in_flow({**bound, **said} if of_one else {**said, **bound}, flow=of_one)


_FIRST: Final = ("writer", "type")


def with_attestations(data: bytes, shown: str, attested: Attested) -> bytes:
    """The bytes of a flex.yaml that has `sso:`, with these attestations and no others; comments among them stay.

    Raises SetupError where there is no `sso:`, or it is written in a way that cannot be edited.
    """
    section = _sso(data, shown, "add one, and attest what a person entered in Console")

    def edited(block: Any) -> CommentedMap:
        return _attest(block if isinstance(block, CommentedMap) else CommentedMap(), attested)

    if "attested" in section.entries:
        section.change("attested", edited)
    else:
        section.put("attested", edited(None))
    return section.written()


def with_offered(data: bytes, shown: str, offered: Mapping[str, str]) -> bytes:
    """The bytes of a flex.yaml with these values in its `sso:`, comments kept; new keys stand behind `writer:`.

    Raises SetupError where there is no `sso:`, or it is written in a way that cannot be edited, InvalidStack where
    the file is no YAML.
    """
    section = _sso(data, shown, "begin one with type: and writer: below sso:, then run again")
    before = next((name for name in _FIRST if name in section.entries), None)
    for name, value in offered.items():
        if name in section.entries:
            section.put(name, text(value))
        else:
            section.add(name, text(value), after=before)
    return section.written()


def _sso(data: bytes, shown: str, hint: str) -> Section:
    section = Section(data, shown, "sso")
    if not section.entries:
        raise SetupError(f"{shown} has no sso: section", hint=hint)
    return section


def _attest(block: CommentedMap, attested: Attested) -> CommentedMap:
    wanted: dict[str, Any] = {name: text(attested.digests[name]) for name in DIGESTED if name in attested.digests}
    if attested.trusted:
        old = block.get("trusted")
        same = isinstance(old, CommentedSeq) and list(old) == list(attested.trusted)
        wanted["trusted"] = old if same else CommentedSeq(text(each) for each in attested.trusted)
    for name in [name for name in block if name not in wanted]:
        del block[name]
    for name, value in wanted.items():
        if block.get(name) != value:
            block[name] = value
    return block
