"""What libyaml says of broken syntax, in the words of somebody who writes YAML, at the place that is at fault."""

from __future__ import annotations

import re
from typing import Final

from yaml import MarkedYAMLError

from flexres.errors import Position, Problem

LINE_END: Final = re.compile(r"\r\n|\r|\n")
_MEANINGS: Final = (
    (
        "mapping values are not allowed",
        "a colon and a space stand where no key can be",
        "check the indentation of this line and the one above; quote a text that holds a colon",
    ),
    ("did not find expected ',' or ']'", "a list is not closed", "close it with ], with commas between its items"),
    ("did not find expected ',' or '}'", "a map is not closed", "close it with }, with commas between its entries"),
    ("could not find expected ':'", "a key without a colon", "write key: value, with a space after the colon"),
    ("unknown escape character", "an unknown escape in a double-quoted text", "use single quotes, or write \\\\"),
    ("found unexpected ':'", "a colon in the middle of a value", "quote the text that holds it"),
    ("unexpected end of stream", "a quoted text is not closed", "close the quote"),
    ("did not find expected '-' indicator", "a key among list items", "indent it, or start the line with a dash"),
    ("did not find expected key", "this line does not fit the map above", "check its indentation and brackets"),
    ("document start", "what follows does not belong to the document", "check the brackets and quotes before it"),
    ("cannot start any token", "this character cannot start a value", "quote the text: names with @, ` or % need it"),
    ("expected node content", "a value is missing", "check the brackets and commas before it"),
)


# Where these are noticed says nothing; where the bracket or quote stands does.
_OPENED = ("',' or ']'", "',' or '}'", "unexpected end of stream")


def syntax_problem(error: MarkedYAMLError, data: bytes, shown: str) -> Problem:
    """The error of a UTF-8 document as a problem of the file that is shown as `shown`."""
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line, mark.column) if mark is not None else (0, 0)
    lines = LINE_END.split(data.decode("utf-8"))
    if line >= len(lines):
        line, column = len(lines) - 1, len(lines[-1])
    said = str(error.problem or "it cannot be read")
    began = error.context_mark
    started = f", in what starts in line {began.line + 1}" if began is not None and began.line != line else ""
    if began is not None and any(sign in said for sign in _OPENED):
        line, column, started = began.line, began.column, ""
    place = Position(shown, line + 1, column + 1)
    before = lines[line][: column + 1]
    if "\t" in before and not before.strip():
        column = before.index("\t")
        return Problem(
            "a tab indents this line",
            "indent with spaces: YAML allows no tabs",
            place=Position(shown, line + 1, column + 1),
        )
    for sign, message, hint in _MEANINGS:
        if sign in said:
            return Problem(f"{message}{started}", hint, said, place=place)
    return Problem(f"{said}{started}", "check the syntax of this line and the one above", place=place)
