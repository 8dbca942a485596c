"""Where a stack's files come from: the one door through which `desired` reads, be it a folder or a git revision."""

from __future__ import annotations

import difflib
import errno
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Final, Protocol

from flexres.errors import InvalidStack, Position, Problem, ProblemError, SetupError

LARGEST_FILE = 10 * 1024 * 1024


class Source(Protocol):
    """The files of one stack, by names relative to the stack's folder and with forward slashes."""

    def files(self) -> Sequence[str]:
        """The YAML files at the top and everything YAML below `users/`, sorted. Raises SetupError without a stack."""
        ...

    def problems(self) -> Sequence[Problem]:
        """What stands in the stack and is no plain file, and what cannot be listed: none of it is in `files`."""
        ...

    def read(self, name: str) -> bytes:
        """The bytes of one file. Raises UnreadableFile."""
        ...

    def shown(self, name: str) -> str:
        """The path of a file as the user would type it."""
        ...


class UnreadableFile(ProblemError):  # noqa: N818 - it names what was found
    """A file that cannot be had: `reason` completes "the file …", `hint` says what to do."""

    def __init__(self, reason: str, hint: str) -> None:
        super().__init__(Problem(f"the file {reason}", hint))
        self.reason = reason


LINK: Final = ("is a link, and a stack is plain files", "replace it by what it leads to")
SUBMODULE: Final = ("is a submodule, and a stack is plain files", "keep the stack's files in this repository")
_FOLDER: Final = ("is a folder, not a file", "rename the folder, or move what is in it")
_DEVICE: Final = ("is no regular file", "replace it by a plain file, or take it out")


def folder_is_a_link(shown: str) -> InvalidStack:
    """The error of a stack whose very folder is a link."""
    return InvalidStack((not_plain(shown, LINK),), files=0)


def not_plain(shown: str, reason: tuple[str, str]) -> Problem:
    """The problem of something that stands in a stack and is no plain file."""
    return Problem(f"this {reason[0]}", reason[1], place=Position(shown, 1, 1))


def belongs(name: str) -> bool:
    """Whether a stack reads a file of this name as YAML: at the top, or anywhere below `users/`."""
    return is_yaml(name.rpartition("/")[2]) and ("/" not in name or name.startswith("users/"))


def is_hidden(name: str) -> bool:
    """Whether a name, or a folder in it, begins with a dot: editors' lock files, .git; a stack reads none of them."""
    return any(part.startswith(".") for part in name.split("/"))


class FolderSource:
    """A stack in a folder of the working tree; `shown_as` is how messages call that folder."""

    def __init__(self, folder: Path, shown_as: str | None = None) -> None:
        self._folder = folder
        self._shown = (shown_as if shown_as is not None else str(folder)).rstrip("/")
        self._listed: tuple[list[str], list[Problem]] | None = None

    def files(self) -> Sequence[str]:
        return self._list()[0]

    def problems(self) -> Sequence[Problem]:
        return self._list()[1]

    def read(self, name: str) -> bytes:
        leaves = leaves_folder(name)
        if leaves:
            raise UnreadableFile(leaves, "keep every file of a stack inside its folder")
        path = self._folder / name
        try:
            if any((self._folder / above).is_symlink() for above in PurePosixPath(name).parents):
                raise UnreadableFile(*LINK)
            return _bytes_of(path)
        except OSError as error:
            raise _unreadable(error) from None

    def _list(self) -> tuple[list[str], list[Problem]]:
        if self._listed is None:
            if self._folder.is_symlink():
                raise folder_is_a_link(self._shown)
            if not self._folder.is_dir():
                raise SetupError(f"there is no stack at {self._shown}", hint=self._others())
            found: list[tuple[str, Problem | None]] = list(self._walk(self._folder, ""))
            self._listed = (
                sorted(name for name, problem in found if problem is None and belongs(name)),
                [problem for _, problem in found if problem is not None],
            )
        return self._listed

    def _walk(self, folder: Path, prefix: str) -> Iterator[tuple[str, Problem | None]]:
        """Every file below a folder by its name within the stack, and what is wrong with it as a file."""
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            shown = self.shown(prefix) if prefix else self._shown
            reason = _unreadable(error)
            yield (
                prefix,
                Problem(f"this folder {reason.reason}", "give yourself the permission: chmod u+rx").at(
                    Position(shown.rstrip("/"), 1, 1)
                ),
            )
            return
        for entry in entries:
            name = prefix + entry.name
            if is_hidden(entry.name):
                continue
            if entry.is_dir(follow_symlinks=False):
                if belongs(name):
                    yield name, not_plain(self.shown(name), _FOLDER)
                yield from self._walk(folder / entry.name, f"{name}/")
            elif entry.is_symlink():
                yield name, not_plain(self.shown(name), LINK)
            else:
                yield name, None if entry.is_file() else not_plain(self.shown(name), _DEVICE)

    def shown(self, name: str) -> str:
        return f"{self._shown}/{name}" if self._shown else name

    def _others(self) -> str:
        """What to do about a missing folder: the stacks that do exist beside it, nearest name first."""
        parent = self._folder.parent
        there = sorted(path.parent.name for path in parent.glob("*/flex.yaml")) if parent.is_dir() else []
        if not there:
            return "make one with: flexres init"
        near = difflib.get_close_matches(self._folder.name, there, n=1)
        return (f"did you mean {near[0]}? " if near else "") + f"stacks here: {', '.join(there)}"


def is_yaml(name: str) -> bool:
    """Whether a file's name claims YAML; editors' lock and backup files do not."""
    return name.lower().endswith((".yaml", ".yml")) and not name.startswith(".")


def leaves_folder(name: str) -> str:
    """Why the relative name `name` leads out of the stack's folder, or an empty text."""
    path = PurePosixPath(name)
    if path.is_absolute() or "\\" in name or (len(name) > 1 and name[1] == ":"):
        return "is not given relative to the stack's folder"
    return "lies outside of the stack's folder" if ".." in path.parts else ""


def _bytes_of(path: Path) -> bytes:
    # Neither through a link nor waiting for whoever would write into a pipe.
    opened = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    with os.fdopen(opened, "rb") as file:
        status = os.fstat(opened)
        if stat.S_ISDIR(status.st_mode):
            raise UnreadableFile(*_FOLDER)
        if not stat.S_ISREG(status.st_mode):
            raise UnreadableFile(*_DEVICE)
        refuse_large(status.st_size)
        return file.read()


def refuse_large(size: int) -> None:
    """Raises UnreadableFile for a file of more than `LARGEST_FILE` bytes."""
    if size > LARGEST_FILE:
        raise UnreadableFile(
            f"has {size / 1024 / 1024:.0f} MB, and {LARGEST_FILE // 1024 // 1024} MB is the most",
            "split it by team: each file in users/ is read",
        )


def _unreadable(error: OSError) -> UnreadableFile:
    if error.errno == errno.ELOOP:
        return UnreadableFile(*LINK)
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return UnreadableFile("does not exist", "check the spelling")
    if error.errno == errno.EISDIR:
        return UnreadableFile(*_FOLDER)
    if error.errno in (errno.EACCES, errno.EPERM):
        return UnreadableFile("may not be read", "give yourself the permission: chmod u+r")
    return UnreadableFile(f"cannot be read ({error.strerror})", "check the file")
