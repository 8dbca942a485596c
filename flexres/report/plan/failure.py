"""The comment of a plan that could not be made: what stopped it, in the place of what was said of an earlier commit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from flexres.errors import FlexresError, InvalidStack, Position
from flexres.report.comment import LIMIT, Comment, commit_name
from flexres.report.markdown_escape import code, hidden_line, prose
from flexres.report.wording import plural, when

_SAYS: Final = "No plan was made, so nothing is known of what this change would do in Flex."


def failure_markdown(stack: str, error: FlexresError, *, as_of: datetime, head: str = "") -> str:
    """One comment that takes the place of the plan's; `head` is the commit that proposes the YAML."""
    comment = Comment(LIMIT)
    comment.add(hidden_line("plan", stack))
    comment.add(f"### ⛔ flexres · {code(stack)} · not planned\n")
    if isinstance(error, InvalidStack):
        comment.add(f"**{plural(len(error.problems), 'problem')} in the YAML.** {_SAYS}\n")
    else:
        comment.add(f"**It failed.** {_SAYS}\n")
    comment.table(("where", "what", "what to do"), _rows(error), "problems", around=("", ""))
    comment.tell_left_out("; flexres validate shows all")
    said = [f"head commit {commit_name(head)}"] if head else []
    comment.add(f"<sub>{' · '.join([*said, f'tried at {when(as_of)}'])}</sub>")
    return comment.text()


def _rows(error: FlexresError) -> Iterator[Sequence[str]]:
    if not isinstance(error, InvalidStack):
        yield "", prose(error.message, 400), prose(error.hint, 400)
        return
    for problem in error.problems:
        place = problem.place
        where = code(f"{place.file}:{place.line}") if isinstance(place, Position) else ""
        yield where, prose(problem.message, 400), prose(problem.hint, 400)
