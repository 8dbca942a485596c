"""A spreadsheet that was saved as CSV: bytes into rows with their line numbers, whatever program wrote them."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from flexres.errors import SetupError

LARGEST: Final = 32 * 1024 * 1024
_DELIMITERS: Final = ",;\t|"
_MARKS: Final = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


@dataclass(frozen=True, slots=True)
class Row:
    """One row: the `line` of the file that it begins on (from 1), and a cell for each column."""

    line: int
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """The rows beneath the header. `columns` are its cells; `guessed` tells of an encoding that had to be assumed."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    lines: tuple[str, ...]
    guessed: str = ""

    def column_of(self, row: Row, cell: str) -> int:
        """Where in its line a cell stands, from 1; 1 as well where the file has it in other words."""
        between = r'["\s,;|]'
        found = (
            re.search(rf"(?:^|{between}){re.escape(cell)}(?=$|{between})", self.lines[row.line - 1]) if cell else None
        )
        return found.end() - len(cell) + 1 if found else 1


def read_sheet(data: bytes, shown: str) -> Sheet:
    """The sheet in a file's bytes: UTF-8, UTF-16 or what Excel calls ANSI; commas, semicolons, tabs or bars.

    Raises:
        SetupError: no text, no header, columns of one name, or a quote that is never closed.
    """
    text, guessed = _decoded(data, shown)
    delimiter = _delimiter(text)
    lines = [(line, row) for line, row in _rows(text, delimiter, shown) if any(cell.strip() for cell in row)]
    if lines and delimiter.join(lines[0][1]).strip().lower() == f"sep={delimiter}":
        lines = lines[1:]  # Excel's own hint to itself
    if not lines:
        raise SetupError(f"{shown} is empty", hint="its first line names the columns, such as username,full_name,roles")
    columns = tuple(cell.strip() for cell in lines[0][1])
    while columns and not columns[-1]:
        columns = columns[:-1]
    named = Counter(column.lower() for column in columns)
    twice = next((column for column in columns if column and named[column.lower()] > 1), None)
    if twice is not None:
        raise SetupError(f"{shown}:{lines[0][0]}: two columns are called {twice}", hint="rename one of them")
    rows = tuple(Row(line, _of_width(row, len(columns))) for line, row in lines[1:])
    return Sheet(columns, rows, tuple(re.split(r"\r\n|\r|\n", text)), guessed)


def _decoded(data: bytes, shown: str) -> tuple[str, str]:
    if len(data) > LARGEST:
        raise SetupError(f"{shown} has {len(data) / 1024 / 1024:.0f} MB, and 32 MB is the most", hint="split it")
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            try:
                return data.decode(encoding), ""
            except UnicodeDecodeError:
                raise _no_text(shown) from None
    if b"\0" in data:
        raise _no_text(shown)
    try:
        return data.decode("utf-8"), ""
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return data.decode("cp1252", "replace"), f"line {line} is no UTF-8, so it was read as Windows-1252"


def _no_text(shown: str) -> SetupError:
    return SetupError(f"{shown} is no CSV text", hint="save it from the spreadsheet as CSV, UTF-8")


def _delimiter(text: str) -> str:
    """The delimiter that splits the header most; what stands in quotes counts for none."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    if first.strip().lower().startswith("sep=") and len(first.strip()) == 5:
        return first.strip()[4]
    outside = "".join(part for index, part in enumerate(first.split('"')) if index % 2 == 0)
    return max(_DELIMITERS, key=lambda mark: (outside.count(mark), -_DELIMITERS.index(mark)))


def _rows(text: str, delimiter: str, shown: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    try:
        for row in reader:
            yield line, row
            line = reader.line_num + 1
    except csv.Error as error:
        reason = "a quote is never closed" if "end of data" in str(error) else f"it is no CSV ({error})"
        raise SetupError(f"{shown}:{line}: {reason}", hint="save the file anew from the spreadsheet as CSV") from None


def _of_width(row: list[str], width: int) -> tuple[str, ...]:
    """The row's cells, as many as there are columns, and those beyond the last one that hold something."""
    cells = [cell.strip() for cell in row]
    while len(cells) > width and not cells[-1]:
        cells.pop()
    return (*cells, *[""] * (width - len(cells)))
