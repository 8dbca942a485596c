"""Which stack a command is about: named, or the only one there is; its YAML, and that of a revision to compare with."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import Final

from flexres.desired.checks import Glance, clashes, glance, may_clash, unread_beside
from flexres.desired.git_objects import GitSource, NoStackError
from flexres.desired.load import CONFIG, Stack, load_config, load_stack
from flexres.desired.model import StackConfig
from flexres.desired.revision import former_folder
from flexres.desired.source import FolderSource
from flexres.errors import InvalidStack, Problem, SetupError
from flexres.reconcile.base import Base
from flexres.reconcile.context import Wanted

_PATTERN: Final = re.compile(r"[*?\[]")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")


@dataclass(frozen=True, slots=True)
class StackFolder:
    """A stack's name and its folder, `folder` spelled as the user would type it."""

    name: str
    folder: Path


def all_stacks(stacks: Path) -> list[StackFolder]:
    """Every folder in `stacks` that holds a flex.yaml, by name.

    Raises:
        SetupError: there is none.
    """
    try:
        found = sorted(path for path in stacks.iterdir() if _is_stack(path)) if stacks.is_dir() else []
    except OSError as error:
        raise SetupError(f"{stacks} cannot be read: {error.strerror}") from error
    if not found:
        there = "has no stack in it" if stacks.is_dir() else "is not there"
        raise SetupError(
            f"the folder {stacks} {there}",
            hint="go to the project's folder, name another with --stacks, or begin one: flexres init NAME --help",
        )
    return [StackFolder(folder.name, folder) for folder in found]


def _is_stack(path: Path) -> bool:
    """Whether a folder holds a flex.yaml; one that nobody may look into is taken for a stack, whose problem that is."""
    try:
        (path / CONFIG).lstat()
    except PermissionError:
        return True
    except OSError:
        return False
    return True


def choose_stack(name: str | None, stacks: Path) -> StackFolder:
    """The stack of this name, or the only one.

    Raises:
        SetupError: nothing was named and there are several or none, or the name cannot be a stack's.
    """
    if name is not None:
        return StackFolder(name, stacks / checked_name(name))
    there = all_stacks(stacks)
    if len(there) > 1:
        names = ", ".join(stack.name for stack in there)
        raise SetupError(f"which stack? There are {names}", hint="name one with --stack, or in FLEXRES_STACK")
    return there[0]


def choose_stacks(name: str | None, stacks: Path) -> list[StackFolder]:
    """The stacks that a name means: `all`, those that match a pattern such as `eu-*`, or one as `choose_stack` does.

    Raises:
        SetupError: as there; or no stack matches.
    """
    there = all_stacks(stacks) if name is not None and (name == "all" or _PATTERN.search(name)) else []
    if name is None or not there or (name == "all" and "all" in (stack.name for stack in there)):
        return [choose_stack(name, stacks)]
    found = [stack for stack in there if name == "all" or fnmatchcase(stack.name, name)]
    if not found:
        names = ", ".join(stack.name for stack in there)
        raise SetupError(f"no stack matches {name}", hint=f"there are {names}")
    return found


def glance_at(stack: StackFolder) -> Glance:
    """What the stack's flex.yaml says of whose it is, read once for as long as the file stays as it is.

    Of a hundred stacks each looks at all the others.
    """
    try:
        found = (stack.folder / CONFIG).stat()
    except OSError:
        return Glance()
    return _glance(stack.folder, found.st_ino, found.st_mtime_ns, found.st_size)


@lru_cache(maxsize=1000)
def _glance(folder: Path, _file: int, _changed: int, _size: int) -> Glance:
    return glance(FolderSource(folder, shown_as=str(folder)))


def refuse_clashes(stack: Stack, chosen: StackFolder) -> None:
    """Raises InvalidStack where another stack beside this one claims its id, or a user of its instance."""
    beside = [other for other in all_stacks(chosen.folder.parent) if other.folder.name != chosen.folder.name]
    for other in beside:
        found = clashes_with(stack, other)
        if found:
            raise InvalidStack(found, files=len(stack.files))


def clashes_with(mine: Stack, other: StackFolder) -> tuple[Problem, ...]:
    """What this stack and the one in another folder both claim, told at this one."""
    seen = glance_at(other)
    if not may_clash(mine, seen):
        return ()
    try:
        return clashes([load(other), mine])
    except InvalidStack:
        return unread_beside(mine, seen, other.name)  # its own validation says what is wrong with it


def checked_name(name: str) -> str:
    """The name, if it can be that of a stack's folder.

    Raises:
        SetupError: it cannot.
    """
    if not _NAME.fullmatch(name):
        raise SetupError(
            f"{name!r} cannot be the name of a stack",
            hint="use letters, digits, dots, hyphens and underscores, and begin with a letter or a digit",
        )
    return name


def load(chosen: StackFolder, *, unfinished_sso: bool = False) -> Stack:
    """The stack's YAML, checked; `unfinished_sso`: before single sign-on and users are filled in.

    Raises InvalidStack or SetupError.
    """
    source = FolderSource(chosen.folder, shown_as=str(chosen.folder))
    today = datetime.now(UTC).date()
    return load_stack(source, name=chosen.name, as_of=today, may_be_empty=unfinished_sso, unfinished_sso=unfinished_sso)


def base_of(stack: StackFolder, revision: str, now: StackConfig) -> Base:
    """The stack as `revision` has it, to compare `now` with: the very stack, or one that was moved here, or nobody.

    Raises:
        InvalidStack: its YAML is wrong there.
        SetupError: no git, or no such revision.
    """
    try:
        return recorded(stack, revision)[0]
    except NoStackError:
        before = former_folder(stack.folder, revision, now)
    if before is None:
        return Base(revision, Wanted(stack.name, now, {}), new=True)
    base, _ = recorded(StackFolder(before.name, before), revision)
    return replace(base, name=f"{revision}:{before.as_posix()}")


def recorded(stack: StackFolder, revision: str) -> tuple[Base, Stack]:
    """The stack as `revision` has it, to compare with and to tell of.

    Raises:
        InvalidStack: its YAML is wrong there.
        NoStackError: there is none.
        SetupError: no git, or no such revision.
    """
    source = GitSource(stack.folder, revision)
    found = load_stack(source, name=stack.name)
    return Base(revision, Wanted(found.name, found.config, found.users, source.commit)), found


def moved_to(stacks: Path, before: StackConfig) -> StackFolder | None:
    """The stack that goes on with the same id in the same Flex now, if one does."""
    for path in sorted(stacks.iterdir()) if stacks.is_dir() else ():
        try:
            if _is_stack(path) and _same(load_config(FolderSource(path, shown_as=str(path))), before):
                return StackFolder(path.name, path)
        except SetupError:
            continue  # its own validation says what is wrong with it
    return None


def _same(one: StackConfig, other: StackConfig) -> bool:
    return (one.id, one.account, one.instance) == (other.id, other.account, other.instance)


def is_deleted(stack: StackFolder) -> bool:
    """Whether there is no folder of this name any more."""
    return not stack.folder.is_symlink() and not stack.folder.exists()
