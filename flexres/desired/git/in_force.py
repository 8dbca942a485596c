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


def config_in_force(folder: Path, revision: Revision, base: str = "") -> InForce:
    """What was in force at `base`; without one before HEAD, or with uncommitted changes in the stack's folder, at HEAD.

    Raises SetupError where `base` names no commit here; whatever else is amiss is told instead of a configuration.
    """
    if base:
        return _first_readable(folder, JudgedBy.BASE, base, 0, shallow=revision.shallow)
    if revision.commit is None:
        return InForce(JudgedBy.NOTHING, why=revision.unknown or "git tells no commit here")
    if revision.dirty:
        return _first_readable(folder, JudgedBy.HEAD, "HEAD", 0, shallow=revision.shallow)
    return _first_readable(folder, JudgedBy.FIRST_PARENT, "HEAD", 1, shallow=revision.shallow)


def _first_readable(folder: Path, by: JudgedBy, start: str, first: int, *, shallow: bool) -> InForce:
    """The configuration of the commit that is `first` steps before `start`, or of the next before it that has one."""
    unreadable = ""
    for step in range(first, first + _MOST_STEPS):
        name = f"{start}~{step}" if step else start
        try:
            source = GitSource(folder, name)
            config = load_config(source)
        except InvalidStack:
            unreadable = unreadable or f"the flex.yaml of {name} cannot be read"
        except SetupError as error:
            there = is_commit(folder, name)
            if by is JudgedBy.BASE and step == 0 and not there:
                raise
            missing = error.message if there else _CUT_OFF if shallow else _FIRST
            return InForce(JudgedBy.NOTHING, why=unreadable or missing)
        else:
            named = by is JudgedBy.BASE and name == start
            return InForce(by, start if named else source.commit[:7], config, unreadable)
    return InForce(JudgedBy.NOTHING, why=unreadable)
