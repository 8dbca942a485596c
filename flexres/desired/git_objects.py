"""A stack's files as a git revision has them: listed and read by git itself from its objects, without a checkout."""

from __future__ import annotations

import glob
import os
import posixpath
import re
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Final

from flexres.desired.source import (
    LARGEST_FILE,
    LINK,
    SUBMODULE,
    UnreadableFile,
    belongs,
    is_hidden,
    leaves_folder,
    not_plain,
    refuse_large,
)
from flexres.errors import InvalidStack, Problem, SetupError

_PATIENCE: Final = 10.0
_NOT_PLAIN: Final = {"120000": LINK, "160000": SUBMODULE}


@dataclass(frozen=True, slots=True)
class _Entry:
    """What a tree says of a file: its mode, its object, and how many bytes that has (None: not in this clone)."""

    mode: str
    object: str
    size: int | None


class NoStackError(SetupError):
    """The revision has no stack in this folder: all of it is new."""


class AmbiguousRevisionError(SetupError):
    """A name that is a branch and a tag, of different commits: whoever can push a tag would decide which is meant."""


def stacks_at(stacks: Path, revision: str) -> Mapping[str, str]:
    """The folders in `stacks` as `revision` has them, by name: git's hash of all that is in each.

    Empty where it has no such folder.

    Raises:
        SetupError: git or the revision is not to be had.
    """
    inside, shallow = _place_of(stacks)
    commit = _commit(inside, _checked(revision), shallow=shallow)
    path = _path_in_git(stacks, inside)
    listed = _git(inside, "ls-tree", "-dz", "--full-tree", f"{commit}:{path}", may_fail=True)
    facts = (line.partition(b"\t") for line in (listed or b"").split(b"\0")[:-1])
    return {os.fsdecode(name): fact.split()[2].decode("ascii") for fact, _, name in sorted(facts, key=itemgetter(2))}


class GitSource:
    """The stack in `folder` as `revision` has it; the folder itself needs not be there, only one above it.

    Raises:
        NoStackError: the revision has no such stack.
        SetupError: git or the revision is not to be had.
    """

    def __init__(self, folder: Path, revision: str) -> None:
        self._revision = _checked(revision)
        self._shown = f"{self._revision}:{folder.as_posix()}"
        self._inside, shallow = _place_of(folder)
        self.commit = _commit(self._inside, self._revision, shallow=shallow)
        path = _path_in_git(folder, self._inside)
        listed = _git(self._inside, "ls-tree", "-rlz", "--full-tree", f"{self.commit}:{path}", may_fail=True)
        if listed is None:
            raise self._no_stack(folder, path)
        self._entries = dict(map(_entry, listed.split(b"\0")[:-1]))
        self._read: dict[str, bytes] | None = None

    def files(self) -> Sequence[str]:
        """The YAML files at the top and everything YAML below `users/`, sorted."""
        return sorted(name for name, entry in self._entries.items() if entry.mode not in _NOT_PLAIN and belongs(name))

    def problems(self) -> Sequence[Problem]:
        """Links and submodules."""
        return [
            not_plain(self.shown(name), _NOT_PLAIN[entry.mode])
            for name, entry in self._entries.items()
            if entry.mode in _NOT_PLAIN and not is_hidden(name)
        ]

    def read(self, name: str) -> bytes:
        """The bytes of one file. Raises UnreadableFile."""
        if self._read is None:
            small = [each for each in self.files() if (self._entries[each].size or 0) <= LARGEST_FILE]
            self._read = self._contents(small)
        if name not in self._read:
            self._check(name)
            self._read.update(self._contents([name]))
        if name not in self._read:
            raise UnreadableFile("is missing from this clone", "fetch it: git fetch --refetch")
        return self._read[name]

    def shown(self, name: str) -> str:
        """The file as git itself spells it: `main:stacks/prod/flex.yaml`."""
        return f"{self._shown}/{name}"

    def _check(self, name: str) -> None:
        leaves = leaves_folder(name)
        if leaves:
            raise UnreadableFile(leaves, "keep every file of a stack inside its folder")
        for above in (name, *(str(path) for path in PurePosixPath(name).parents)):
            if above in self._entries and self._entries[above].mode in _NOT_PLAIN:
                raise UnreadableFile(*_NOT_PLAIN[self._entries[above].mode])
        if name not in self._entries:
            raise UnreadableFile(f"does not exist in {self._revision}", "check the spelling")
        refuse_large(self._entries[name].size or 0)

    def _contents(self, names: Iterable[str]) -> dict[str, bytes]:
        """The bytes of all these files by one process; those that this clone lacks are left out."""
        asked = {name: self._entries[name].object for name in names}
        objects = "".join(f"{each}\n" for each in asked.values())
        answer = _git(self._inside, "cat-file", "--batch", given=objects.encode()) or b""
        contents, at = {}, 0
        for name in asked:
            end = answer.index(b"\n", at)
            head, at = answer[at:end].split(), end + 1
            if head[1:2] == [b"blob"]:
                size = int(head[2])
                contents[name], at = answer[at : at + size], at + size + 1
        return contents

    def _no_stack(self, folder: Path, path: str) -> SetupError:
        """Why the revision has no such tree: a link is in its place, or nothing."""
        parts = PurePosixPath(path).parts
        above = ["/".join(parts[: count + 1]) for count in range(len(parts))]
        listed = _git(self._inside, "ls-tree", "-tlz", "--full-tree", self.commit, "--", *above) or b""
        modes = [_entry(line)[1].mode for line in listed.split(b"\0")[:-1]]
        odd = next((mode for mode in modes if mode in _NOT_PLAIN), None)
        if odd is not None:
            return InvalidStack((not_plain(self._shown, _NOT_PLAIN[odd]),), files=0)
        return NoStackError(f"{self._revision} has no stack at {folder.as_posix()}", hint="name a revision that has it")


def _entry(line: bytes) -> tuple[str, _Entry]:
    """A line of `git ls-tree -l`: mode, kind, object, size and, behind a tab, the name."""
    facts, _, name = line.partition(b"\t")
    mode, _, object_name, size = facts.decode("ascii").split()
    return os.fsdecode(name), _Entry(mode, object_name, int(size) if size.isdigit() else None)


def _checked(revision: str) -> str:
    if not revision.strip() or not revision.isprintable():
        raise SetupError(
            f"{revision!r} names no revision", hint="name a commit, a branch or a tag, such as origin/main"
        )
    return revision


def _place_of(folder: Path) -> tuple[Path, bool]:
    """The nearest folder that is there, and whether its repository is shallow. Raises SetupError without git."""
    nearest = (folder.absolute(), *folder.absolute().parents)
    # A link would lead git elsewhere: what the revision has in its place is what counts.
    there = next(path for path in nearest[folder.is_symlink() :] if path.is_dir())
    return there, _text(there, "rev-parse", "--is-shallow-repository") == "true"


def _path_in_git(folder: Path, there: Path) -> str:
    """The folder's path from the top of the repository, empty for the top itself."""
    prefix = _text(there, "rev-parse", "--show-prefix")
    path = posixpath.normpath(posixpath.join(prefix, folder.absolute().relative_to(there).as_posix()))
    return "" if path == "." else path


def _commit(folder: Path, revision: str, *, shallow: bool) -> str:
    named = _meant(folder, revision)
    found = _git(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{named}^{{commit}}", may_fail=True)
    if found is None:
        raise _no_commit(revision, shallow=shallow)
    return found.decode("ascii").strip()


def _meant(folder: Path, revision: str) -> str:
    """The revision with its branch or tag in full. Raises AmbiguousRevisionError: git alone would take the tag."""
    end = _STEPS.search(revision)
    name, steps = (revision[: end.start()], revision[end.start() :]) if end else (revision, "")
    if name == "HEAD" or _COMMIT.fullmatch(name):
        return revision
    places = [f"refs/{kind}{name}" for kind in ("remotes/", "heads/", "", "tags/")]
    listed = _text(
        folder, "for-each-ref", "--format=%(refname) %(objectname) %(*objectname)", *map(glob.escape, places)
    )
    there = {line.split()[0]: line.split()[-1] for line in listed.splitlines()}
    commits = {place: there[place] for place in places if place in there}
    if not commits:
        return revision
    if len(set(commits.values())) > 1:
        said = " and ".join(f"{place} ({commit[:7]})" for place, commit in commits.items())
        raise AmbiguousRevisionError(
            f"{name} means different commits here: {said}",
            hint=f"write which is meant: --base {next(iter(commits))}{steps}",
        )
    return next(iter(commits)) + steps


_COMMIT: Final = re.compile(r"[0-9a-f]{40}")
_STEPS: Final = re.compile(r"[~^:]|@\{")


def _text(folder: Path, *arguments: str) -> str:
    return os.fsdecode(_git(folder, *arguments) or b"").rstrip("\n")


def _git(folder: Path, *arguments: str, given: bytes = b"", may_fail: bool = False) -> bytes | None:
    """What a git command prints; None where it refuses and that `may_fail`. Raises SetupError otherwise."""
    command = ["git", "--no-pager", "-c", "core.fsmonitor=false", *arguments]
    try:
        done = subprocess.run(  # noqa: S603  no shell, and every argument is our own or behind --end-of-options
            command, cwd=folder, env=_environment(), input=given, capture_output=True, timeout=_PATIENCE, check=False
        )
    except FileNotFoundError:
        raise SetupError(
            "git is not installed, and --base reads from it", hint="install it, or leave --base out"
        ) from None
    except subprocess.TimeoutExpired:
        raise SetupError(f"git did not answer within {_PATIENCE:g} s", hint="try: git status") from None
    if done.returncode and not may_fail:
        raise _refused(os.fsdecode(done.stderr), folder)
    return None if done.returncode else done.stdout


def _refused(complaint: str, folder: Path) -> SetupError:
    if "dubious ownership" in complaint:
        return SetupError(
            f"git does not trust {folder}, because somebody else owns it",
            hint=f"git config --global --add safe.directory {folder}",
        )
    if _is_worktree_of_nothing(folder):
        return SetupError(
            f"{folder} is a worktree whose repository is gone", hint="git worktree repair, or clone it anew"
        )
    if "not a git repository" in complaint:
        return SetupError(f"{folder} is in no git repository, and --base reads from one", hint="leave --base out")
    first = complaint.strip().splitlines()
    return SetupError(f"git refused: {first[0] if first else 'it does not say why'}", hint="try: git status")


def _is_worktree_of_nothing(folder: Path) -> bool:
    """Whether the nearest .git is a file that names a repository which is not there; git's words for it vary."""
    pointer = next((found for above in (folder, *folder.parents) if (found := above / ".git").exists()), None)
    if pointer is None or not pointer.is_file():
        return False
    named = pointer.read_text(errors="surrogateescape").removeprefix("gitdir:").strip()
    return not (pointer.parent / named).exists()


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
