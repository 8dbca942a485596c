"""`flexres migrate`: the YAML of stacks in the newest version of its format; nothing is sent."""

from __future__ import annotations

from typing import Annotated

import typer

from flexres.cli import options
from flexres.cli.output import emit
from flexres.cli.stacks import StackFolder, all_stacks, choose_stacks
from flexres.desired.edit.migrate import NEWEST, Respelled, with_natural_types
from flexres.desired.load import load_stack
from flexres.desired.source import FolderSource
from flexres.errors import Exit
from flexres.files import write_file
from flexres.text import visible

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(
    epilog="""\
\b
Examples:
  flexres migrate                     all stacks
  flexres migrate -s prod --natural-types    level.int: "3" becomes level: 3
  flexres migrate --natural-types --check    in CI, which writes nothing
\b
Exit codes: 0 done, or nothing to do · 2 the YAML is wrong, and nothing is
written · only with --check: 3 something is to be rewritten"""
)
def migrate(
    *,
    stack: options.Several = None,
    stacks: options.Stacks = options.STACKS_FOLDER,
    natural_types: Annotated[
        bool, typer.Option("--natural-types", help="Spell attributes as YAML does, instead of by name.[type].")
    ] = False,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; let the exit code say what is to do.")] = False,
) -> int:
    """Bring the YAML to the newest version of its format.

    Version 1 is the newest, so of itself nothing is to do. What is rewritten keeps its comments and its order, and
    says the same: every user is compared before a file is written.
    """
    chosen = choose_stacks(stack, stacks) if stack is not None else all_stacks(stacks)
    found = [(one, _respelled(one)) for one in chosen]
    lines: list[str] = []
    for one, files in found:
        lines += _told(one, files, rewrite=natural_types, check=check)
        for file in files if natural_types and not check else ():
            write_file(one.folder / file.name, file.after)
    emit("\n".join(lines))
    return Exit.PENDING if check and natural_types and any(files for _, files in found) else Exit.DONE


def _respelled(one: StackFolder) -> tuple[Respelled, ...]:
    source = FolderSource(one.folder, shown_as=str(one.folder))
    return with_natural_types(source, load_stack(source, name=one.name, may_be_empty=True))


def _told(one: StackFolder, files: tuple[Respelled, ...], *, rewrite: bool, check: bool) -> list[str]:
    head = f"{one.folder}: version {NEWEST}, the newest"
    count = sum(len(file.changes) for file in files)
    if not count:
        return [f"{head}: nothing to do"]
    if not rewrite:
        spelled = "1 attribute is" if count == 1 else f"{count:,} attributes are"
        return [
            f"{head}: nothing to do",
            f"  {spelled} spelled name.[type], which stays right; --natural-types respells",
        ]
    lines = [head]
    for file in files:
        lines.append(f"  {'would write' if check else 'wrote'} {one.folder / file.name}")
        lines += (f"    {visible(change)}" for change in file.changes)
    return lines
