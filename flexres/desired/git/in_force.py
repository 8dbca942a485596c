"""The configuration in force: flex.yaml as it was before the change that is planned, by which that is judged too."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from flexres.desired.git.revision import Revision, is_commit
from flexres.desired.git.source import GitSource
from flexres.desired.load import load_config
from flexres.desired.model import InForce, JudgedBy
from flexres.errors import InvalidStack, SetupError

_MOST_STEPS: Final = 10
"""So many first parents are tried while their flex.yaml cannot be read: breaking it must not end the comparison."""

_FIRST: Final = "this is the first commit"
_CUT_OFF: Final = "this clone is shallow and lacks the commit before: git fetch --deepen=1 brings it"


def config_in_force(folder: Path, revision: Revision) -> InForce:
    """What was in force before HEAD, or with uncommitted changes in the stack's folder, at HEAD; never fails."""
    if revision.commit is None:
        return InForce(JudgedBy.NOTHING, why=revision.unknown or "git tells no commit here")
    by, first = (JudgedBy.HEAD, 0) if revision.dirty else (JudgedBy.FIRST_PARENT, 1)
    unreadable = ""
    for step in range(first, first + _MOST_STEPS):
        try:
            source = GitSource(folder, f"HEAD~{step}" if step else "HEAD")
            return InForce(by, source.commit[:7], load_config(source))
        except InvalidStack:
            unreadable = unreadable or f"the flex.yaml of HEAD~{step} cannot be read"
        except SetupError as error:
            missing = error.message if is_commit(folder, f"HEAD~{step}") else _CUT_OFF if revision.shallow else _FIRST
            return InForce(JudgedBy.NOTHING, why=unreadable or missing)
    return InForce(JudgedBy.NOTHING, why=unreadable)
