"""Where a stack's files come from: the one door through which `desired` reads, be it a folder or a git revision."""

from __future__ import annotations

import difflib
import errno
import stat
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Protocol

from flexres.errors import Problem, ProblemError, SetupError

LARGEST_FILE = 10 * 1024 * 1024


class Source(Protocol):
    """The files of one stack, by names relative to the stack's folder and with forward slashes."""

    def files(self) -> Sequence[str]:
        """The YAML files at the top and everything YAML below `users/`, sorted. Raises SetupError without a stack."""
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


class FolderSource:
    """A stack in a folder of the working tree; `shown_as` is how messages call that folder."""

    def __init__(self, folder: Path, shown_as: str | None = None) -> None:
        self._folder = folder
        self._shown = (shown_as if shown_as is not None else str(folder)).rstrip("/")

    def files(self) -> Sequence[str]:
        if not self._folder.is_dir():
            raise SetupError(f"there is no stack at {self._shown}", hint=self._others())
        found = [path.name for path in self._folder.iterdir() if is_yaml(path.name)]
        users = self._folder / "users"
        if users.is_dir():
            found += [path.relative_to(self._folder).as_posix() for path in users.rglob("*") if is_yaml(path.name)]
        return sorted(found)

    def read(self, name: str) -> bytes:
        leaves = leaves_folder(name)
        if leaves:
            raise UnreadableFile(leaves, "keep every file of a stack inside its folder")
        path = self._folder / name
        try:
            if not path.resolve(strict=True).is_relative_to(self._folder.resolve()):
                raise UnreadableFile(
                    "is a link that leads out of the stack's folder", "replace the link by the file itself"
                )
            return _bytes_of(path)
        except (OSError, RuntimeError) as error:
            raise _unreadable(error) from None

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
    status = path.stat()
    if stat.S_ISDIR(status.st_mode):
        raise UnreadableFile("is a folder, not a file", "rename the folder, or move what is in it")
    if not stat.S_ISREG(status.st_mode):
        raise UnreadableFile("is not a regular file", "replace it by a plain file")
    if status.st_size > LARGEST_FILE:
        raise UnreadableFile(
            f"has {status.st_size / 1024 / 1024:.0f} MB, and {LARGEST_FILE // 1024 // 1024} MB is the most",
            "split it by team: each file in users/ is read",
        )
    return path.read_bytes()


def _unreadable(error: OSError | RuntimeError) -> UnreadableFile:
    number = error.errno if isinstance(error, OSError) else errno.ELOOP
    if number == errno.ELOOP:
        return UnreadableFile("is a link that leads back to itself", "replace the link by the file itself")
    if number == errno.ENOENT:
        return UnreadableFile("does not exist", "check the spelling, or whether a link leads nowhere")
    if number in (errno.EACCES, errno.EPERM):
        return UnreadableFile("may not be read", "give yourself the permission: chmod u+r")
    reason = error.strerror if isinstance(error, OSError) else None
    return UnreadableFile(f"cannot be read ({reason or error})", "check the file")
