"""The one way in which flexres writes a file, whole or not at all, and reads one that is named on the command line."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

from flexres.errors import SetupError
from flexres.text import size

_PRIVATE: Final = 0o600


def read_file(path: Path, largest: int, *, hint: str = "") -> bytes:
    """The bytes of a plain file, at most `largest` of them. A device or a pipe is none: neither ends by itself.

    Raises:
        SetupError: it cannot be read, is no plain file or is larger; `hint` says what to do.
    """
    data = read_if_there(path, largest, hint=hint)
    if data is None:
        raise SetupError(f"{path} cannot be read: {os.strerror(errno.ENOENT)}", hint=hint)
    return data


def read_if_there(path: Path, largest: int, *, hint: str = "") -> bytes | None:
    """As `read_file`, and None where there is no such file."""
    try:
        # Without waiting: opening a pipe would otherwise last until somebody writes.
        with os.fdopen(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise SetupError(f"{path} is no file", hint=hint)
            data = file.read(largest + 1)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no path"
        raise SetupError(f"{path} cannot be read: {why}", hint=hint) from None
    if len(data) > largest:
        raise SetupError(f"{path} has more than {size(largest)}", hint=hint)
    return data


def write_file(
    path: Path, content: bytes | str, *, private: bool = False, personal: bool = False, hint: str = ""
) -> None:
    """Write a file with all folders above it; a reader, or a crash, meets the old content or the new one.

    What is there already keeps its mode, and a link stays one. `private`: the owner alone may read it afterwards;
    `personal`: so it is with a new file, and somebody who opened it to others once has decided that.
    A device or a pipe, such as /dev/stdout, is written to as it is.

    Raises:
        SetupError: it cannot be written; `hint` says what to do. What was there is still there.
    """
    data = content.encode() if isinstance(content, str) else content
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        target = Path(os.path.realpath(path))
        mode = _mode(target)
        if mode is not None and not stat.S_ISREG(mode):
            with target.open("wb", buffering=0) as file:
                file.write(data)
            return
        before = _PRIVATE if personal and mode is None else mode and stat.S_IMODE(mode)
        _replace(target, data, _PRIVATE if private else before)
    except OSError as error:
        raise SetupError(f"{path} cannot be written: {error.strerror}", hint=hint) from error


def check_writable(path: Path, *, hint: str = "") -> None:
    """Makes the folders above a file, and tries whether it could be written; what is there stays as it is.

    Raises:
        SetupError: it cannot be written; `hint` says what to do.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        target = Path(os.path.realpath(path))
        mode = _mode(target)
        if mode is None or stat.S_ISREG(mode):
            beside = _beside(target)
            os.close(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE))
            beside.unlink()
        elif stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        elif not os.access(target, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
    except OSError as error:
        raise SetupError(f"{path} cannot be written: {error.strerror}", hint=hint) from error


def _beside(target: Path) -> Path:
    # In the same folder, since a rename is one step only within a file system.
    return target.with_name(f".flexres-{secrets.token_hex(8)}")


def folder_above(path: Path) -> Path:
    """The folder that `path` stands in, also where it is given as `..`: beside a folder must not mean inside of it."""
    return Path(os.path.normpath(path.absolute())).parent


def _mode(path: Path) -> int | None:
    try:
        return path.stat().st_mode
    except FileNotFoundError:
        return None


def _replace(target: Path, data: bytes, mode: int | None) -> None:
    beside = _beside(target)
    opened = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE if mode == _PRIVATE else 0o666)
    try:
        with os.fdopen(opened, "wb") as file:
            if mode is not None:
                beside.chmod(mode)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(target)
    except BaseException:
        with suppress(OSError):
            beside.unlink()
        raise
    _sync_folder(target.parent)


def _sync_folder(folder: Path) -> None:
    """The rename itself on disk; some file systems know no such thing, and then there is nothing to wait for."""
    with suppress(OSError):
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)
