"""What an export did, for people and programs: files, users, and everything that was left out with its reason."""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from textwrap import TextWrapper
from typing import Final, Literal

from flexres.cli.exporting import Destination, Exported
from flexres.desired.edit.team_files import Rewritten
from flexres.reconcile.change import Cause
from flexres.reconcile.export.undeployed import Undeployed
from flexres.reconcile.export.users import LeftOut
from flexres.report.wording import field_label, short_sid, value_text
from flexres.text import json_text, visible
from flexres.values import ABSENT, normal

_FEW: Final = 8
_LINES: Final = 20
_WIDTH: Final = 100


def export_report(
    target: Destination,
    result: Exported,
    form: Literal["text", "json"],
    *,
    dry_run: bool,
    verbose: bool,
    says_next: bool = True,
) -> str:
    """The report; of a dry run with the lines that would change in existing files.

    `says_next`: as text it ends with what to type next.
    """
    if form == "json":
        return json_text(_as_json(target, result, written=not dry_run))
    parts = ["\n".join(_headline(target, result, dry_run=dry_run))]
    if dry_run:
        parts += [diff for file in result.files if (diff := _diff(target, file))]
    told = (
        _undeployed(result, verbose=verbose),
        _left_out(result, verbose=verbose),
        _not_active(result, verbose=verbose),
    )
    parts += ["\n".join(part) for part in told if part]
    if says_next and not dry_run and result.files:
        parts.append(f"Next: flexres plan --stack {target.stack.name}")
    return "\n\n".join(parts)


def _headline(target: Destination, result: Exported, *, dry_run: bool) -> Iterator[str]:
    files = result.files
    added, changed = (sum(len(getattr(file, kind)) for file in files) for kind in ("added", "changed"))
    count = len(result.found.users)
    config = target.stack.config
    others = len({item.username for item in result.found.left_out if not item.what})
    everybody = f"{count:,} of {_users(count + others)}" if others else _users(count)
    where = f"Flex instance {short_sid(config.instance)} of {short_sid(config.account)}"
    yield f"{target.stack.name}: {everybody} in {where}"
    written = {name for file in files for name in file.changed}
    kept = len({one.username for one in result.found.undeployed if one.kept} - written)
    otherwise = f"{kept:,} kept where Flex says otherwise, " if kept else ""
    same = count - added - changed - kept
    yield f"  {added:,} new, {changed:,} changed, {otherwise}{same:,} as the YAML says already"
    for file in files:
        verb = "would write" if dry_run else "wrote"
        yield f"  {verb} {target.folder / file.name}{_counts(file)}"
    if not files:
        yield "  every file is as it should be: nothing was written"


def _counts(file: Rewritten) -> str:
    signs = ((file.added, "+"), (file.changed, "~"), (file.removed, "−"))
    counts = " ".join(f"{sign}{len(names):,}" for names, sign in signs if names)
    state = "new" if file.before is None else ""
    return f"  ({', '.join(filter(None, (state, counts)))})" if state or counts else ""


def _diff(target: Destination, file: Rewritten) -> str:
    if file.before is None:
        return ""
    name = str(target.folder / file.name)
    before, after = (text.decode().splitlines() for text in (file.before, file.after))
    return "\n".join(visible(line) for line in difflib.unified_diff(before, after, name, name, lineterm="", n=2))


def _left_out(result: Exported, *, verbose: bool) -> list[str]:
    found = result.found
    lines = []
    if found.deactivated:
        lines.append(f"  {_users(found.deactivated)} deactivated in Flex")
    if found.orphans:
        lines.append(f"  {_workers(len(found.orphans))} without a Flex user: {_names(found.orphans, verbose=verbose)}")
    whole: defaultdict[str, list[str]] = defaultdict(list)
    for item in found.left_out:
        if not item.what:
            whole[item.why].append(item.username)
    for why, names in whole.items():
        listed = _names(names, verbose=verbose)
        told = f"{_users(len(names))}, each {visible(why)}: {listed}" if len(names) > 1 else f"{listed}: {visible(why)}"
        lines.append(_wrapped(told))
    partly = [item for item in found.left_out if item.what]
    lines += [_one(item) for item in (partly if verbose else partly[:_LINES])]
    if len(partly) > _LINES and not verbose:
        lines.append(f"  … and {len(partly) - _LINES:,} more such values; --verbose names them")
    return ["Left out", *lines] if lines else []


def _undeployed(result: Exported, *, verbose: bool) -> list[str]:
    """What the YAML says and nobody has applied yet: kept, or taken from Flex, each by user and field."""
    found, lines = result.found.undeployed, []
    for kept in (True, False):
        ones = [one for one in found if one.kept is kept]
        if ones:
            lines += [_KEPT if kept else _TAKEN, *map(_field, ones if verbose else ones[:_LINES])]
        if len(ones) > _LINES and not verbose:
            lines.append(f"  … and {len(ones) - _LINES:,} more such fields; --verbose names them")
        if ones and kept and any(one.managed for one in ones):
            lines.append("  flexres plan shows them; --prefer flex takes what Flex has of all of them")
        elif ones and not kept and not all(one.managed for one in ones):
            lines.append("  none of these users is managed yet; --prefer yaml keeps what the YAML says")
    return lines


_KEPT: Final = "Kept as the YAML says, which nobody has applied yet"
_TAKEN: Final = "Taken from Flex over what the YAML said, which nobody had applied yet"


def _field(one: Undeployed) -> str:
    field = one.field
    says = f"{value_text(field.after)} in the YAML, {value_text(field.before)} in Flex"
    both = ", changed on both sides" if field.cause is Cause.BOTH else ""
    return _wrapped(f"{visible(one.username)}: {field_label(field.key)}: {says}{both}")


def _one(item: LeftOut) -> str:
    return _wrapped(f"{visible(item.username)}: {visible(item.what)}: {visible(item.why)}")


def _wrapped(text: str) -> str:
    """A line of the lists, broken between words where a terminal of usual width would break it anywhere."""
    wrapper = TextWrapper(
        _WIDTH, initial_indent="  ", subsequent_indent="    ", break_long_words=False, break_on_hyphens=False
    )
    return wrapper.fill(text)


def _not_active(result: Exported, *, verbose: bool) -> list[str]:
    """Who is declared without an active user in Flex: those who left, and those who are yet to come."""
    gone, to_come, lines = result.found.gone, result.found.to_come, []
    removed = {name for file in result.files for name in file.removed}
    if removed:
        lines.append(f"No longer in Flex, taken out: {_names(sorted(removed), verbose=verbose)}")
    elif gone:
        lines += [
            f"Declared and no longer active in Flex: {_names(gone, verbose=verbose)}",
            "  --prune takes them out of the YAML",
        ]
    if to_come:
        lines += [
            f"Declared and yet to come into Flex, kept: {_names(to_come, verbose=verbose)}",
            "  nobody has applied them: flexres plan shows them, and --prune leaves them",
        ]
    return lines


def _names(names: Sequence[str], *, verbose: bool) -> str:
    shown = names if verbose else names[:_FEW]
    more = f" and {len(names) - len(shown):,} more" if len(names) > len(shown) else ""
    return ", ".join(visible(name) or '""' for name in shown) + more


def _users(count: int) -> str:
    return "1 user" if count == 1 else f"{count:,} users"


def _workers(count: int) -> str:
    return "1 Worker" if count == 1 else f"{count:,} Workers"


def _as_json(target: Destination, result: Exported, *, written: bool) -> dict[str, object]:
    found = result.found
    return {
        "format": 1,
        "stack": target.stack.name,
        "account": target.stack.config.account,
        "instance": target.stack.config.instance,
        "written": written,
        "users": len(found.users),
        "files": [
            {
                "file": str(target.folder / file.name),
                "new": file.before is None,
                "added": list(file.added),
                "changed": list(file.changed),
                "removed": list(file.removed),
            }
            for file in result.files
        ],
        "left_out": [{"username": item.username, "what": item.what, "why": item.why} for item in found.left_out],
        "deactivated": found.deactivated,
        "orphans": list(found.orphans),
        "not_in_flex": sorted((*found.gone, *found.to_come)),
        "to_come": list(found.to_come),
        "undeployed": [
            {
                "username": one.username,
                "field": one.field.key.text,
                "yaml": normal(one.field.after) if one.field.after is not ABSENT else None,
                "flex": normal(one.field.before) if one.field.before is not ABSENT else None,
                "kept": one.kept,
            }
            for one in found.undeployed
        ],
    }
