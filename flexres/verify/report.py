"""What a verification found, as text, Markdown and JSON."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Literal

from flexres.text import json_text
from flexres.verify.lab import Settled, Verification


def told(found: Verification, form: Literal["text", "markdown", "json"], *, width: int = 100) -> str:
    """The whole report; texts are wrapped to `width` columns."""
    if form == "json":
        return json_text(_as_json(found))
    return "\n".join(_markdown(found) if form == "markdown" else _text(found, width))


def _text(found: Verification, width: int) -> Iterator[str]:
    yield f"What Twilio does, seen on Flex instance {found.instance} of {found.account}"
    for item in found.settled:
        yield ""
        yield from _wrapped(f"{_sign(item)} {item.experiment.question}", "  ", width)
        if item.finding is None:
            yield from _wrapped(f"  not settled: {item.problem}", "    ", width)
        else:
            yield from _wrapped(f"  {item.finding.answer}", "    ", width)
        yield from _wrapped(f"  flexres: {item.experiment.fallback}", "    ", width)
        if item.finding is not None and item.finding.mind:
            yield from _wrapped(f"  {'mind' if item.finding.safe else 'NOT SAFE'}: {item.finding.mind}", "    ", width)
    yield ""
    yield from _closing(found)


def _markdown(found: Verification) -> Iterator[str]:
    yield f"### What Twilio does, seen on Flex instance `{found.instance}`"
    yield ""
    yield "| | Unknown | Seen | What flexres does in either case |"
    yield "| --- | --- | --- | --- |"
    for item in found.settled:
        seen = f"not settled: {item.problem}" if item.finding is None else item.finding.answer
        if item.finding is not None and item.finding.mind:
            seen += f". {'Mind' if item.finding.safe else '**Not safe**'}: {item.finding.mind}"
        cells = (_sign(item), item.experiment.question, seen)
        yield "| " + " | ".join([*map(_cell, cells), item.experiment.fallback]) + " |"
    yield ""
    for line in _closing(found):
        yield f"{_cell(line)}  "


def _cell(text: str) -> str:
    """A text that cannot leave its cell, mention anybody or become HTML: some of it is what a server said."""
    escaped = "".join(f"\\{letter}" if letter in "\\|*_[]#~" else letter for letter in text)
    return escaped.replace("&", "&amp;").replace("<", "&lt;").replace("@", "&#64;").replace("\n", " ")


def _sign(item: Settled) -> str:
    if item.finding is None:
        return "?"
    return "✓" if item.finding.safe else "!"


def _wrapped(text: str, indent: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False) or [
        text
    ]


def _closing(found: Verification) -> Iterator[str]:
    settled = sum(item.finding is not None for item in found.settled)
    unsafe = sum(item.finding is not None and not item.finding.safe for item in found.settled)
    answers = "1 unknown" if settled == 1 else f"{settled} unknowns"
    yield f"{answers} settled, {len(found.settled) - settled} not; {unsafe or 'none'} unsafe; {found.requests} requests"
    if found.unreachable:
        yield f"Stopped: {found.unreachable}"
    if found.interrupted:
        yield "Stopped before the end"
    if found.removed:
        yield f"Removed what an earlier run had left: {', '.join(found.removed)}"
    if found.left:
        yield "NOT REMOVED; deactivate these in Flex, or run this again:"
        yield from (f"  {item}" for item in found.left)
    else:
        yield "Every throwaway user was deactivated again (Flex keeps listing them as deactivated; no call deletes one)"


def _as_json(found: Verification) -> dict[str, object]:
    return {
        "format": 1,
        "account": found.account,
        "instance": found.instance,
        "complete": found.complete,
        "safe": found.safe,
        "interrupted": found.interrupted,
        "requests": found.requests,
        "unknowns": [_item_as_json(item) for item in found.settled],
        "removed_from_earlier_runs": list(found.removed),
        "not_removed": list(found.left),
    }


def _item_as_json(item: Settled) -> dict[str, object]:
    described: dict[str, object] = {"key": item.experiment.key, "question": item.experiment.question}
    if item.finding is None:
        described |= {"settled": False, "problem": item.problem}
    else:
        finding = item.finding
        described |= {"settled": True, "value": finding.value, "answer": finding.answer, "safe": finding.safe}
        if finding.mind:
            described["mind"] = finding.mind
    return {**described, "fallback": item.experiment.fallback}
