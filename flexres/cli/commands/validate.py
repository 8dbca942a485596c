"""`flexres validate`: every problem of every file of all stacks, or of one; nothing is sent."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Annotated, Any, Literal

import typer

from flexres.cli import options
from flexres.cli.output import emit, problems_text
from flexres.cli.stacks import StackFolder, all_stacks, choose_stacks, clashes_with, glance_at, load
from flexres.desired.checks import clashes, may_clash
from flexres.desired.model import StackConfig
from flexres.desired.stack import Stack
from flexres.desired.yaml.problems import render_github
from flexres.errors import Exit, InvalidStack, Problem
from flexres.report.ci import sarif
from flexres.text import json_text

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@dataclass(frozen=True, slots=True)
class _Checked:
    """What the YAML of one stack came to; `users` is None where it is too wrong to be a stack.

    `loaded` is the stack where another one may claim what it does: of a hundred stacks not all are held at once.
    """

    stack: StackFolder
    files: int
    problems: tuple[Problem, ...]
    users: int | None = None
    who_writes: tuple[str, ...] = ()
    loaded: Stack | None = None

    @property
    def wrong(self) -> bool:
        return any(problem.severity == "error" for problem in self.problems)


@app.command(
    epilog="""\
\b
Examples:
  flexres validate                    all stacks
  flexres validate -s prod            or a pattern: 'eu-*'
  flexres validate --format github    annotations on a pull request
  flexres validate -f sarif -o flexres.sarif
\b
Exit codes: 0 no problems (warnings are none) · 2 problems"""
)
def validate(
    *,
    stack: options.Several = None,
    stacks: options.Stacks = options.STACKS_FOLDER,
    report_format: Annotated[
        Literal["text", "github", "json", "sarif"],
        typer.Option(
            "--format",
            "-f",
            metavar="text|github|json|sarif",
            help="How the problems are written; sarif: for code scanning.",
        ),
    ] = "text",
    out: options.Out = None,
) -> int:
    """Check the YAML of all stacks, or of one; nothing is sent.

    Tells all problems of all files at once: where each is, what Flex would say to it, and what to write instead.
    """
    chosen = choose_stacks(stack, stacks) if stack is not None else all_stacks(stacks)
    there = all_stacks(stacks)
    checked = _apart([_check(folder, there) for folder in chosen], there)
    problems = [problem for one in checked for problem in one.problems]
    if report_format == "github":
        text = render_github(problems)
        if text:
            emit(text, out)
    elif report_format == "sarif":
        emit(json_text(sarif(problems, "stack")), out)
    elif report_format == "json":
        emit(json_text(_as_json(checked)), out)
    else:
        emit(_as_text(checked), out)
    return Exit.SETUP if any(one.wrong for one in checked) else Exit.DONE


def _check(folder: StackFolder, there: Sequence[StackFolder]) -> _Checked:
    try:
        stack = load(folder)
    except InvalidStack as error:
        return _Checked(folder, error.files, error.problems)
    near = any(may_clash(stack, glance_at(other)) for other in there if other.name != folder.name)
    return _Checked(
        folder, len(stack.files), stack.warnings, len(stack.users), _who_writes(stack.config), stack if near else None
    )


def _apart(checked: Sequence[_Checked], there: Sequence[StackFolder]) -> list[_Checked]:
    """Each stack with what it and another one both claim, also where that other one was not asked about."""
    known = {one.stack.name: one.loaded for one in checked}
    result = []
    for one in checked:
        problems = one.problems
        for other in there:
            if one.loaded is None or other.name == one.stack.name:
                continue
            beside = known.get(other.name)
            if beside is None:
                problems = (*problems, *clashes_with(one.loaded, other))
            elif other.name < one.stack.name:  # of two stacks that are both told here, the later one tells it
                problems = (*problems, *clashes([beside, one.loaded]))
        result.append(replace(one, problems=problems))
    return result


def _as_text(checked: Sequence[_Checked]) -> str:
    parts = []
    for one in checked:
        if one.users is not None:
            word = "warning" if len(one.problems) == 1 else "warnings"
            found = f"{len(one.problems)} {word}" if one.problems else "no problems"
            users = "1 user" if one.users == 1 else f"{one.users:,} users"
            files = "1 file" if one.files == 1 else f"{one.files} files"
            parts.append(f"{one.stack.folder}: {users} in {files}, {found}")
            parts += one.who_writes
        if one.problems:
            parts.append(problems_text(one.problems, files=one.files, stream=sys.stdout).rstrip("\n"))
    return "\n".join(parts)


def _who_writes(config: StackConfig) -> tuple[str, ...]:
    """Whose word counts where users sign in through an identity provider that is not managed."""
    if config.sso is None or config.idp is not None:
        return ()
    claims = f", and what it sends besides ({', '.join(config.sso.claims)})" if config.sso.claims else ""
    return (
        "  roles, full_name and email are written when a user is made; every login then brings what the identity",
        f"  provider says{claims}. A difference is told as a change to make there,",
        "  unless idp: lets flexres make it.",
    )


def _as_json(checked: Sequence[_Checked]) -> dict[str, Any]:
    return {
        "format": 1,
        "stacks": [
            {
                "stack": one.stack.name,
                "folder": str(one.stack.folder),
                "valid": not one.wrong,
                "users": one.users,
                "files": one.files,
                "problems": [_problem_as_json(problem) for problem in one.problems],
            }
            for one in checked
        ],
    }


def _problem_as_json(problem: Problem) -> dict[str, Any]:
    place = asdict(problem.position)
    told = {"message": problem.message, "hint": problem.hint, "note": problem.note}
    length = place.pop("length")
    return {**place, **told, "length": length, "severity": problem.severity}
