"""A page of aligned, coloured lines for the terminal; the text reports are written on it, the CLI prints it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import Final, TypeAlias

from rich.cells import cell_len, chop_cells, set_cell_size
from rich.color import ColorSystem
from rich.style import Style

Cell: TypeAlias = tuple[str, str]
"""A text without unseen characters, and the name of its style: a rich style definition, empty for plain."""

Row: TypeAlias = "Sequence[Cell]"

_GAP: Final = 2
_NARROWEST: Final = 40
_HANGING: Final = 4
_EASY: Final = 32
"""So many cells a column keeps as long as others have more."""


@dataclass
class Page:
    """Lines of at most `width` terminal cells, with or without ANSI colours: the words are the same."""

    width: int
    colour: bool
    lines: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.width = max(self.width, _NARROWEST)

    def text(self) -> str:
        """Everything written so far; ends with a newline."""
        return "\n".join(self.lines).strip("\n") + "\n"

    def blank(self) -> None:
        """An empty line, never two in a row."""
        if self.lines and self.lines[-1]:
            self.lines.append("")

    def heading(self, title: str) -> None:
        """The title of a section, after an empty line."""
        self.blank()
        self.write((title, "bold"))

    def write(self, *cells: Cell, indent: int = 0) -> None:
        """Cells one after another; lines break between cells, and between words of a cell longer than a line."""
        line: list[Cell] = [(" " * indent, "")]
        used = indent
        for text, style in cells:
            pieces = [text]
            if used + cell_len(text) > self.width:
                if used > indent:
                    self._emit(line)
                line, used = [(" " * indent, "")], indent
                pieces = wrap(text.lstrip(), self.width - indent)
            for number, piece in enumerate(pieces):
                if number:
                    self._emit(line)
                    line, used = [(" " * indent, "")], indent
                line.append((piece, style))
                used += cell_len(piece)
        self._emit(line)

    def ends(self, left: Sequence[Cell], right: Cell) -> None:
        """A line with something at its right end; on the next line where both do not fit."""
        room = self.width - sum(cell_len(text) for text, _ in left) - cell_len(right[0])
        if room >= _GAP:
            self._emit([*left, (" " * room, ""), right])
        else:
            self.write(*left)
            self.write(right, indent=_GAP)

    def table(self, rows: Iterable[Row], *, indent: int = 2, beneath: Mapping[int, Row] = MappingProxyType({})) -> None:
        """Rows with aligned columns, each wrapped in its own; a last column that finds no room goes below its row.

        `beneath` are cells that have a line of their own, by the number of the row above them.
        """
        rows = [_without_empty_end(row) for row in rows]
        widths = _widths(rows, self.width - indent)
        for number, row in enumerate(rows):
            self._row(row[: len(widths)], widths, indent)
            for cell in (*row[len(widths) :], *beneath.get(number, ())):
                if cell[0]:
                    self.write(cell, indent=indent + _HANGING)

    def _row(self, row: Row, widths: Sequence[int], indent: int) -> None:
        columns = [wrap(text, width) for (text, _), width in zip(row, widths, strict=False)]
        # The last cell of a short row may use all that is left of the line.
        used = sum(widths[: len(row) - 1]) + _GAP * (len(row) - 1)
        columns[-1] = wrap(row[-1][0], max(self.width - indent - used, widths[len(row) - 1]))
        for number in range(max(len(lines) for lines in columns)):
            line: list[Cell] = [(" " * indent, "")]
            for (_, style), lines, width in zip(row, columns, widths, strict=False):
                text = lines[number] if number < len(lines) else ""
                line += [(text, style), (" " * (width - cell_len(text) + _GAP), "")]
            self._emit(line)

    def _emit(self, cells: Sequence[Cell]) -> None:
        cells = [(text.replace(_TIED, " "), style) for text, style in cells]
        while cells and not cells[-1][0].strip():
            cells.pop()
        if cells:
            cells[-1] = cells[-1][0].rstrip(), cells[-1][1]
        if self.colour:
            self.lines.append("".join(_styled(text, style) for text, style in cells))
        else:
            self.lines.append("".join(text for text, _ in cells))


def whole(text: str) -> str:
    """A text within which no line is to break, such as a command to be copied."""
    return text.replace(" ", _TIED)


_TIED: Final = "\N{NO-BREAK SPACE}"


def wrap(text: str, width: int) -> list[str]:
    """The text in lines of at most `width` cells, broken between words, within a word only where it is longer."""
    if cell_len(text) <= width:
        return [text]
    lines = [""]
    for word in text.split(" "):
        joined = f"{lines[-1]} {word}" if lines[-1] else word
        if cell_len(joined) <= width:
            lines[-1] = joined
            continue
        if lines[-1]:
            lines.append("")
        *full, rest = chop_cells(word, width) if word else [""]
        lines[-1:] = [*full, rest]
    return lines


def _without_empty_end(row: Row) -> Row:
    end = len(row)
    while end > 1 and not row[end - 1][0]:
        end -= 1
    return row[:end]


def _widths(rows: Sequence[Row], room: int) -> list[int]:
    """The cells of each column; one column less than the rows have where even narrow ones do not fit."""
    count = max((len(row) for row in rows), default=0)
    natural, least = [0] * count, [0] * count
    for row in rows:
        for column, (text, _) in enumerate(row):
            # The last cell of a row that ends early runs on to the right: it asks for no width of its own.
            if column < len(row) - 1 or len(row) == count:
                natural[column] = max(natural[column], cell_len(text))
    for column in range(count):
        words = (len(word) for row in rows if len(row) > column for word in row[column][0].split(" "))
        least[column] = min(natural[column], max(words, default=0), room // 2)
    if sum(least) + _GAP * (count - 1) > room and count > 2:
        return _widths([row[: count - 1] for row in rows], room)
    over = sum(natural) + _GAP * (count - 1) - room
    # The last columns give first, as long as they stay easy to read; then each down to its longest word.
    for floor in (_EASY, 1):
        for column in reversed(range(count)):
            less = max(min(over, natural[column] - max(least[column], floor)), 0)
            natural[column] -= less
            over -= less
    if over > 0:
        column = max(range(count), key=lambda index: natural[index])
        natural[column] = max(natural[column] - over, 1)
    return natural


@lru_cache(maxsize=64)
def _style(name: str) -> Style:
    return Style.parse(name)


def _styled(text: str, style: str) -> str:
    return _style(style).render(text, color_system=ColorSystem.STANDARD) if style and text.strip() else text


def shorten(text: str, cells: int) -> str:
    """The text in at most `cells` terminal cells; an ellipsis marks that something is missing."""
    if cell_len(text) <= cells:
        return text
    return set_cell_size(text, cells - 1).rstrip() + "…"
