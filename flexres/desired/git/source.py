"""A stack's files as a git revision has them: read from git's objects through one process, without a checkout."""

from __future__ import annotations

import os
import posixpath
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import IO, Final, Self

from flexres.desired.source import LARGEST_FILE, UnreadableFile, is_yaml, leaves_folder
from flexres.errors import SetupError

_PATIENCE: Final = 10.0
_MOST_LINKS: Final = 10
_FOLDER: Final = "40000"
_LINK: Final = "120000"
_SUBMODULE: Final = "160000"


class GitSource:
    """The stack in `folder` as `revision` has it; the folder itself needs not be there, only one above it.

    Use it as a context manager: what was read stays readable, and git's process ends.

    Raises:
        SetupError: git or the revision is not to be had, or the revision has no such stack.
    """

    def __init__(self, folder: Path, revision: str) -> None:
        self._revision = _checked(revision)
        self._shown = f"{self._revision}:{folder.as_posix()}"
        inside, shallow = _place_of(folder)
        self._objects = _Objects(inside)
        try:
            commit = self._objects.get(f"{self._revision}^{{commit}}")
            if commit is None:
                raise _no_commit(self._revision, shallow=shallow)
            self.commit = commit.name
            tree = self._objects.get(f"{commit.name}:{_path_in_git(folder, inside)}")
            if tree is None or tree.kind != "tree":
                raise SetupError(
                    f"{self._revision} has no stack at {folder.as_posix()}",
                    hint="all of it is new, so plan without --base; or name another revision",
                )
            self._entries = dict(self._walk(tree, ""))
        except BaseException:
            self.close()
            raise
        self._read: dict[str, bytes] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends git's process; what was not read by then cannot be had any more."""
        self._objects.close()

    def files(self) -> Sequence[str]:
        """The YAML files at the top and everything YAML below `users/`, sorted."""
        return sorted(
            name
            for name in self._entries
            if is_yaml(posixpath.basename(name)) and ("/" not in name or name.startswith("users/"))
        )

    def read(self, name: str) -> bytes:
        """The bytes of one file. Raises UnreadableFile."""
        if name not in self._read:
            self._read[name] = self._bytes(name)
        return self._read[name]

    def shown(self, name: str) -> str:
        """The file as git itself spells it: `main:stacks/prod/flex.yaml`."""
        return f"{self._shown}/{name}"

    def _bytes(self, name: str) -> bytes:
        leaves = leaves_folder(name)
        if leaves:
            raise UnreadableFile(leaves, "keep every file of a stack inside its folder")
        found = self._object_of(posixpath.normpath(name))
        if len(found) > LARGEST_FILE:
            raise UnreadableFile(
                f"has {len(found) / 1024 / 1024:.0f} MB, and {LARGEST_FILE // 1024 // 1024} MB is the most",
                "split it by team: each file in users/ is read",
            )
        return found

    def _object_of(self, name: str) -> bytes:
        for _ in range(_MOST_LINKS):
            if name not in self._entries:
                raise UnreadableFile(f"does not exist in {self._revision}", "check the spelling")
            mode, object_name = self._entries[name]
            found = self._objects.get(object_name)
            if found is None:
                raise UnreadableFile("is missing from this clone", "fetch it: git fetch --refetch")
            if mode != _LINK:
                return found.data
            target = os.fsdecode(found.data)
            name = posixpath.normpath(posixpath.join(posixpath.dirname(name), target))
            if target.startswith("/") or name.startswith(".."):
                raise UnreadableFile(
                    "is a link that leads out of the stack's folder", "replace the link by the file itself"
                )
        raise UnreadableFile("is a link that leads back to itself", "replace the link by the file itself")

    def _walk(self, tree: _Object, prefix: str) -> Iterator[tuple[str, tuple[str, str]]]:
        """Name within the stack → mode and object, for every file below a tree."""
        for mode, raw, object_name in _tree_entries(tree):
            name = prefix + os.fsdecode(raw)
            if mode == _FOLDER:
                below = self._objects.get(object_name)
                if below is not None:
                    yield from self._walk(below, f"{name}/")
            elif mode != _SUBMODULE:
                yield name, (mode, object_name)


class _Object:
    """One object of git: its name, its kind (`commit`, `tree`, `blob`) and its bytes."""

    __slots__ = ("data", "kind", "name")

    def __init__(self, name: str, kind: str, data: bytes) -> None:
        self.name = name
        self.kind = kind
        self.data = data


class _Objects:
    """`git cat-file --batch`: asked for one object after another, by name or expression."""

    def __init__(self, folder: Path) -> None:
        command = ["git", "--no-pager", "-c", "core.fsmonitor=false", "cat-file", "--batch"]
        self._process = subprocess.Popen(  # noqa: S603  no shell, and every argument is our own
            command,
            cwd=folder,
            env=_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )

    def get(self, expression: str) -> _Object | None:
        """The object that an expression names, None where there is none. Raises SetupError when git fails."""
        asked, answered = self._pipes()
        try:
            asked.write(os.fsencode(expression) + b"\n")
            asked.flush()
            head = answered.readline()
        except (OSError, ValueError):
            head = b""
        if not head:
            raise SetupError("git stopped while it was reading the revision", hint="try: git fsck")
        parts = head.split()
        if len(parts) != 3 or not parts[2].isdigit():
            return None  # "… missing", "… ambiguous"
        size = int(parts[2])
        data = answered.read(size + 1)
        if len(data) != size + 1:
            raise SetupError("git stopped while it was reading the revision", hint="try: git fsck")
        return _Object(parts[0].decode("ascii"), parts[1].decode("ascii"), data[:-1])

    def close(self) -> None:
        """Ends the process, which waits for nothing but its input."""
        for pipe in self._pipes():
            pipe.close()
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _pipes(self) -> tuple[IO[bytes], IO[bytes]]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        return self._process.stdin, self._process.stdout


def _tree_entries(tree: _Object) -> Iterator[tuple[str, bytes, str]]:
    """Mode, name and object of each entry: `<mode> <name>\\0<object>`, as git keeps a tree."""
    width, data, at = len(tree.name) // 2, tree.data, 0
    while at < len(data):
        space, end = data.index(b" ", at), data.index(b"\0", at)
        yield data[at:space].decode("ascii"), data[space + 1 : end], data[end + 1 : end + 1 + width].hex()
        at = end + 1 + width


def _checked(revision: str) -> str:
    if not revision.strip() or not revision.isprintable():
        raise SetupError(
            f"{revision!r} names no revision", hint="name a commit, a branch or a tag, such as origin/main"
        )
    return revision


def _place_of(folder: Path) -> tuple[Path, bool]:
    """The nearest folder that is there, and whether its repository is shallow. Raises SetupError without git."""
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.is_dir())
    told = _git(there, "rev-parse", "--is-shallow-repository")
    return there, told == "true"


def _path_in_git(folder: Path, there: Path) -> str:
    """The folder's path from the top of the repository, empty for the top itself."""
    prefix = _git(there, "rev-parse", "--show-prefix")
    path = posixpath.normpath(posixpath.join(prefix, folder.absolute().relative_to(there).as_posix()))
    return "" if path == "." else path


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", *arguments]
    try:
        done = subprocess.run(  # noqa: S603  as above
            command,
            cwd=folder,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE,
            check=False,
        )
    except FileNotFoundError:
        raise SetupError(
            "git is not installed, and --base reads from it", hint="install it, or leave --base out"
        ) from None
    except subprocess.TimeoutExpired:
        raise SetupError(f"git did not answer within {_PATIENCE:g} s", hint="try: git status") from None
    if done.returncode:
        raise _refused(os.fsdecode(done.stderr), folder)
    return os.fsdecode(done.stdout).rstrip("\n")


def _refused(complaint: str, folder: Path) -> SetupError:
    if "dubious ownership" in complaint:
        return SetupError(
            f"git does not trust {folder}, because somebody else owns it",
            hint=f"git config --global --add safe.directory {folder}",
        )
    if "/worktrees/" in complaint:
        return SetupError(
            f"{folder} is a worktree whose repository is gone", hint="git worktree repair, or clone it anew"
        )
    if "not a git repository" in complaint:
        return SetupError(f"{folder} is in no git repository, and --base reads from one", hint="leave --base out")
    first = complaint.strip().splitlines()
    return SetupError(f"git refused: {first[0] if first else 'it does not say why'}", hint="try: git status")


def _no_commit(revision: str, *, shallow: bool) -> SetupError:
    if shallow:
        return SetupError(
            f"{revision} is not in this shallow clone",
            hint=f"git fetch --depth=1 origin {revision}, or clone with history (actions/checkout: fetch-depth: 0)",
        )
    return SetupError(f"{revision} names no commit here", hint="git fetch origin, or name another with --base")


def _environment() -> Mapping[str, str]:
    # Neither a question nor a download: what the clone lacks is told instead.
    quiet = {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "GIT_NO_LAZY_FETCH": "1", "LC_ALL": "C"}
    return MappingProxyType({**os.environ, **quiet})
