"""One command over several stacks, none stopped by another's failure, and one summary of all.

Those that write go one after another; those that only read go side by side as far as they are of different accounts,
for each account has rate limits of its own.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

from flexres.cli.output import after_writes, deliver, emit, note
from flexres.cli.stacks import StackFolder, glance_at
from flexres.errors import Exit, FlexresError, InvalidStack
from flexres.report.markdown import LEAST_LIMIT, LIMIT, code, hidden_line, prose
from flexres.text import json_text, visible

_AT_ONCE: Final = 4
"""Stacks that are read at once: each holds its users in memory until its report is written."""
_RESERVED: Final = 400
_ROW: Final = 500
_PLURALS: Final = {"plan": "plans", "apply": "applies", "drift": "drifts"}
_GRAVE: Final = (Exit.UNREACHABLE, Exit.SETUP, Exit.FAILED, Exit.REFUSED, Exit.PARTIAL, Exit.PENDING)


@dataclass(frozen=True, slots=True)
class Told:
    """What one stack came to: its report in the format that was asked for, one line for the summary, and an exit.

    `text` is empty where it was shown already; after `last` no other stack is begun.
    """

    text: str
    line: str
    exit: Exit
    last: bool = False


_Command: TypeAlias = Callable[[StackFolder], Awaitable[Told]]


@dataclass(frozen=True, slots=True)
class _Of:
    stack: str
    told: Told
    error: str = ""


async def each_stack(
    chosen: Sequence[StackFolder],
    run: _Command,
    *,
    report: str,
    report_format: str,
    out: Path | None,
    combine: Callable[[Sequence[tuple[str, str]]], str] | None = None,
    writes: bool = False,
) -> Exit:
    """Runs a command for each stack and writes their reports as one; the exit is the gravest of all.

    A stack that fails is told and the next one goes on. `report` names what is made, such as `plan`. `combine` makes
    the one report in a format that is not known here, given the stacks that failed and why. `writes`: the command
    writes to Flex, so that nothing about the report may change what it exits with, and that only one goes at a time.
    """
    if len(chosen) == 1:
        told = await run(chosen[0])
        if told.text:
            (deliver if writes else emit)(told.text, out)
        return told.exit
    found = await (_in_turn if writes else _side_by_side)(chosen, run)
    found += [_Of(stack.name, Told("", "not begun", Exit.PARTIAL), "not begun") for stack in chosen[len(found) :]]
    if combine is not None:
        emit(combine([(one.stack, one.error) for one in found if one.error]), out)
    elif writes:
        with after_writes(lambda: "; ".join(f"{visible(one.stack)} {visible(one.told.line)}" for one in found)):
            deliver(_combined(found, report, report_format), out)
    else:
        emit(_combined(found, report, report_format), out)
    return gravest([one.told.exit for one in found])


async def _in_turn(chosen: Sequence[StackFolder], run: _Command) -> list[_Of]:
    found: list[_Of] = []
    for stack in chosen:
        found.append(await _one(stack, run))
        if found[-1].told.last:
            break
    return found


async def _side_by_side(chosen: Sequence[StackFolder], run: _Command) -> list[_Of]:
    """In the order of `chosen`, whichever was done first."""
    found: dict[str, _Of] = {}
    slots = asyncio.Semaphore(_AT_ONCE)

    async def lane(stacks: Sequence[StackFolder]) -> None:
        for stack in stacks:
            async with slots:
                found[stack.name] = await _one(stack, run)

    lanes: dict[object, list[StackFolder]] = {}
    for stack in chosen:
        account = glance_at(stack).account
        # What a malformed file says need not be a text.
        lanes.setdefault(account if isinstance(account, str) else stack.name, []).append(stack)
    await asyncio.gather(*map(lane, lanes.values()))
    return [found[stack.name] for stack in chosen]


def gravest(exits: Sequence[Exit]) -> Exit:
    """The exit of several: unreachable before wrong, failed, refused, in part, pending, and done only if all are."""
    return next((exit for exit in _GRAVE if exit in exits), Exit.DONE)


async def _one(stack: StackFolder, run: _Command) -> _Of:
    try:
        return _Of(stack.name, await run(stack))
    except FlexresError as error:
        said = "; ".join(map(str, error.problems[:3])) if isinstance(error, InvalidStack) else str(error)
        note(f"error: {visible(stack.name)}: {visible(said)}")
        if error.hint:
            note(f"  {error.hint}")
        # Only a person who stops a run raises PARTIAL: then nothing else is to be begun.
        return _Of(stack.name, Told("", f"error: {said}", error.exit, error.exit is Exit.PARTIAL), said)


def _combined(found: Sequence[_Of], report: str, report_format: str) -> str:
    if report_format == "json":
        return json_text(_as_json(found, report))
    if report_format == "markdown":
        return _as_markdown(found, report)
    width = max(len(visible(one.stack)) for one in found)
    summary = [f"  {visible(one.stack):{width}}  {visible(one.told.line)}" for one in found]
    reports = [one.told.text.rstrip("\n") for one in found if one.told.text]
    return "\n\n".join([*reports, "\n".join([f"{len(found)} stacks", *summary])])


def _as_json(found: Sequence[_Of], report: str) -> dict[str, Any]:
    return {
        "format": 1,
        "report": _PLURALS[report],
        "exit": int(gravest([one.told.exit for one in found])),
        "stacks": [
            json.loads(one.told.text)
            if one.told.text
            else {
                "report": "error",
                "stack": one.stack,
                "exit": int(one.told.exit),
                "message": one.error or one.told.line,
            }
            for one in found
        ],
    }


def _as_markdown(found: Sequence[_Of], report: str) -> str:
    """All reports as one comment, as many as GitHub takes; the table at its top is of all."""
    rows = "\n".join(f"| {code(one.stack)} | {prose(one.told.line, 400)} |" for one in found)
    hidden, title = hidden_line(_PLURALS[report], "all"), f"### flexres · {len(found)} stacks"
    parts, left_out = [f"{hidden}\n{title}\n\n| stack | |\n| --- | --- |\n{rows}\n"], 0
    room = LIMIT - len(parts[0]) - _RESERVED
    for one in found:
        room -= len(one.told.text) + 1
        if room < 0:
            left_out += 1
        elif one.told.text:
            parts.append(one.told.text)
    if left_out:
        parts.append(f"**Left out, because a comment may not be longer:** {left_out} stacks.\n")
    return "\n".join(parts)


def share_of(stacks: int) -> int:
    """How many characters each of so many Markdown reports may have, so that all fit into one comment."""
    return LIMIT if stacks == 1 else max((LIMIT - _RESERVED) // stacks - _ROW, LEAST_LIMIT)
