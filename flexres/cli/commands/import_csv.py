"""`flexres import`: a spreadsheet's users into the team files of a stack; nothing is sent."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import typer

from flexres.cli import options
from flexres.cli.exporting import Destination, header_of, write_files
from flexres.cli.output import emit, note, problems_text
from flexres.cli.stacks import StackFolder, choose_stack
from flexres.desired.edit.team_files import Overlay, Rewritten, rewritten
from flexres.desired.load import load_stack
from flexres.desired.model import DesiredUser
from flexres.desired.source import FolderSource
from flexres.desired.spreadsheet.columns import LARGEST, ColumnMap, Sheet, map_columns, read_sheet
from flexres.desired.spreadsheet.users import Taking, bases_of, stack_defaults
from flexres.errors import Exit, InvalidStack, SetupError, in_order
from flexres.files import read_file
from flexres.text import json_text, visible

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(
    epilog="""\
\b
Examples:
  flexres import -s prod --csv people.csv --dry-run
  flexres import -s prod --csv people.csv --by team
  flexres import -s prod --csv people.csv --map 'Squad=team_name' \\
      --map 'Level=attributes.level.int' --map 'Cost centre=-'
\b
Commas, semicolons and tabs, and what Excel writes, are read as they come. An
empty cell says nothing. Who is declared already keeps what the sheet does not
say; nobody is taken out.
\b
Exit codes: 0 done · 2 a row, a column or the stack is wrong; then nothing
is written"""
)
def import_csv(
    *,
    csv: Annotated[Path, typer.Option("--csv", metavar="FILE", help="The spreadsheet, saved as CSV.")],
    stack: options.Stack = None,
    stacks: options.Stacks = options.STACKS_FOLDER,
    told: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="COLUMN=FIELD", help="What a column is; FIELD - leaves it out. Repeatable."),
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(
            metavar="ATTRIBUTE", help="One file for each value of it, for new users: team, location or any attribute."
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write nothing; show what would change.")] = False,
    report_format: Annotated[
        Literal["text", "json"], typer.Option("--format", "-f", metavar="text|json", help="How the report is written.")
    ] = "text",
    out: options.Out = None,
) -> int:
    """Take a spreadsheet's users into the team files of a stack.

    Every row is checked as the YAML would be, and all that is wrong is told at once with its line. Nothing is sent.
    """
    sheet = read_sheet(read_file(csv, LARGEST, hint="name the CSV file with --csv"), str(csv))
    if sheet.guessed:
        note(f"note: {csv}: {sheet.guessed}")
    mapping = map_columns(sheet.columns, told or (), str(csv))
    target = _target(choose_stack(stack, stacks))
    files, wanted, taking = _files(target, sheet, mapping, csv, {"team": "team_name"}.get(by or "", by))
    if taking.problems:
        problems = in_order(taking.problems)
        sys.stderr.write(problems_text(problems, files=1, stream=sys.stderr))
        return Exit.SETUP
    _check(target, files)
    if not dry_run:
        write_files(target, files)
    if report_format == "json":
        emit(json_text(_as_json(target, files, wanted, mapping, written=not dry_run)), out)
    else:
        emit("\n".join(_as_text(target, files, wanted, sheet, mapping, dry_run=dry_run)), out)
    return Exit.DONE


def _target(chosen: StackFolder) -> Destination:
    source = FolderSource(chosen.folder, shown_as=str(chosen.folder))
    stack = load_stack(source, name=chosen.name, as_of=datetime.now(UTC).date(), may_be_empty=True)
    return Destination(chosen.folder, source, stack, None)


def _files(
    target: Destination, sheet: Sheet, mapping: ColumnMap, csv: Path, by: str | None
) -> tuple[tuple[Rewritten, ...], dict[str, DesiredUser], Taking]:
    """The files that change, in two steps: where new users go decides which defaults hold for them."""
    source, stack, header = target.source, target.stack, header_of(target.folder)
    defaults = stack_defaults(source)
    guessed = Taking(sheet, mapping, str(csv)).users(stack, {}, defaults)
    new = {name: user for name, user in guessed.items() if name not in stack.users}
    placed = rewritten(source, stack, new, by=by, header=header)
    taking = Taking(sheet, mapping, str(csv))
    taking.same_name_otherwise(stack)
    wanted = taking.users(stack, bases_of(placed, defaults), defaults)
    files = () if taking.problems else rewritten(source, stack, wanted, by=by, header=header)
    return files, wanted, taking


def _check(target: Destination, files: Sequence[Rewritten]) -> None:
    """Raises SetupError where the stack would not load any more, such as for an address that is taken."""
    after = Overlay(target.source, {file.name: file.after for file in files}, str(target.folder))
    try:
        load_stack(after, name=target.stack.name, may_be_empty=True)
    except InvalidStack as error:
        first = error.problems[0]
        raise SetupError(
            f"the stack would not load with it, so nothing was written: {first}", hint=first.hint
        ) from None


def _as_text(
    target: Destination,
    files: Sequence[Rewritten],
    wanted: dict[str, DesiredUser],
    sheet: Sheet,
    mapping: ColumnMap,
    *,
    dry_run: bool,
) -> list[str]:
    added, changed = _touched(files)
    same = len(wanted) - len(added) - len(changed)
    lines = [
        f"{target.stack.name}: {len(sheet.rows):,} rows: {len(added):,} new, {len(changed):,} changed, {same:,} same"
    ]
    lines += [f"  {visible(column.name)} → {column.field}" for column in mapping.taken]
    if mapping.left_out:
        names = ", ".join(visible(name) for name in mapping.left_out)
        lines.append(f"  left out: {names}  (--map 'COLUMN=attributes.NAME' takes one)")
    verb = "would write" if dry_run else "wrote"
    lines += [f"{verb} {target.folder / file.name}{_counts(file)}" for file in files]
    if not files:
        lines.append("every file says so already: nothing was written")
    elif not dry_run:
        lines.append(f"Next: flexres plan --stack {target.stack.name}")
    return lines


def _counts(file: Rewritten) -> str:
    said = [text for text, found in (("new", file.before is None),) if found]
    said += [f"{sign}{len(names):,}" for sign, names in (("+", file.added), ("~", file.changed)) if names]
    return f"  ({', '.join(said)})" if said else ""


def _touched(files: Sequence[Rewritten]) -> tuple[list[str], list[str]]:
    return [name for file in files for name in file.added], [name for file in files for name in file.changed]


def _as_json(
    target: Destination,
    files: Sequence[Rewritten],
    wanted: dict[str, DesiredUser],
    mapping: ColumnMap,
    *,
    written: bool,
) -> dict[str, object]:
    return {
        "format": 1,
        "stack": target.stack.name,
        "written": written,
        "users": len(wanted),
        "columns": {column.name: column.field for column in mapping.taken},
        "left_out": list(mapping.left_out),
        "files": [
            {
                "file": str(target.folder / file.name),
                "new": file.before is None,
                "added": list(file.added),
                "changed": list(file.changed),
            }
            for file in files
        ],
    }
