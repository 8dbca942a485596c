"""Which commit a stack's YAML was read from, who approved what in it, and what was in force before it."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from flexres.desired.checks import Glance, glance
from flexres.desired.git_objects import AmbiguousRevisionError, GitSource, NoStackError, stacks_at
from flexres.desired.load import load_config
from flexres.desired.model import InForce, JudgedBy, StackConfig
from flexres.errors import InvalidStack, SetupError

_PATIENCE: Final = 10.0
_UNCOMMITTED: Final = "0" * 40


@dataclass(frozen=True, slots=True)
class Revision:
    """The checkout that a stack's folder belongs to.

    `commit` is the full hash of HEAD and `time` its commit time in seconds since 1970 UTC; both None where there
    is no commit to name, and `unknown` then says why. `dirty`: the folder differs from that commit. `author` is
    the commit's author. `shallow`: the history is cut off, so an old line's author cannot be told.
    """

    folder: Path
    commit: str | None = None
    time: int | None = None
    dirty: bool = False
    author: str | None = None
    shallow: bool = False
    unknown: str = ""


class _GitError(Exception):
    """The git command is not there, did not answer in time, or refused; the message says which."""


def read_revision(folder: Path) -> Revision:
    """The commit that `folder` is checked out from; never fails, whatever git says or lacks."""
    try:
        told = _git(folder, "log", "-1", "--format=%H%n%ct%n%an")
        commit, time, author = told.split("\n")[:3]
        status = _git(folder, "status", "--porcelain", "--untracked-files=all", "--", ".")
        shallow = _git(folder, "rev-parse", "--is-shallow-repository").strip() == "true"
    except _GitError as error:
        return Revision(folder, unknown=str(error))
    except ValueError:
        return Revision(folder, unknown="git tells no commit here")
    return Revision(folder, commit, int(time), bool(status.strip()), author or None, shallow)


def is_commit(folder: Path, name: str) -> bool:
    """Whether git knows a commit by this name here."""
    try:
        return bool(_git(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}").strip())
    except _GitError:
        return False


@dataclass(frozen=True, slots=True)
class Author:
    """Who git says changed a line last: `commit` is its full hash, and without one `unknown` says why.

    `name` is what the commit's author called themselves, which anybody can type; of a commit that is `signed`, with
    a signature that git can verify here, it is the signer.
    """

    name: str = ""
    commit: str = ""
    signed: bool = False
    unknown: str = ""


def authors_of(lines: Sequence[int], revision: Revision) -> dict[int, Author]:
    """Line of flex.yaml → who changed it last, by `git blame`; a line without a commit says why it has none."""
    if not lines:
        return {}
    nobody = Author(unknown=f"author unknown: {revision.unknown}" if revision.unknown else "not committed yet")
    found = _authors(revision, lines)
    signers = {commit: _signer(revision.folder, commit) for commit in {one.commit for one in found.values()} - {""}}
    return {line: _signed(found.get(line, nobody), signers) for line in lines}


def _signed(author: Author, signers: Mapping[str, str]) -> Author:
    signer = signers.get(author.commit, "")
    return replace(author, name=signer, signed=True) if signer else author


def _signer(folder: Path, commit: str) -> str:
    """Who signed a commit with a signature that is good and trusted here; empty where nobody did."""
    # Which program verifies is not the repository's to say.
    programs = ("-c", "gpg.program=gpg", "-c", "gpg.ssh.program=ssh-keygen", "-c", "gpg.x509.program=gpgsm")
    try:
        state, _, signer = _git(folder, *programs, "log", "-1", "--format=%G?%n%GS", commit).partition("\n")
    except _GitError:
        return ""
    return signer.strip() if state == "G" else ""


def operator(folder: Path, environ: Mapping[str, str]) -> str:
    """Who is running this: who started the CI job, git's user.name, or the name on this machine."""
    for variable in ("GITHUB_ACTOR", "GITLAB_USER_LOGIN"):
        if environ.get(variable):
            return environ[variable]
    try:
        name = _git(folder, "config", "--get", "user.name").strip()
    except _GitError:
        name = ""
    return name or environ.get("USER") or environ.get("USERNAME") or "an unnamed user"


def is_pipeline(environ: Mapping[str, str]) -> bool:
    """Whether this runs in CI: all of them set CI, and a person may unset it by 0 or false."""
    return environ.get("CI", "").lower() not in {"", "0", "false"}


def remote(folder: Path) -> str:
    """The URL of the repository's remote `origin`, empty where git tells none."""
    try:
        return _git(folder, "config", "--get", "remote.origin.url").strip()
    except _GitError:
        return ""


def _authors(revision: Revision, lines: Sequence[int]) -> dict[int, Author]:
    """Line of flex.yaml → the author of its newest change; lines that are not committed are left out."""
    if revision.commit is None:
        return {}
    ranges = [f"-L{line},{line}" for line in lines]
    try:
        told = _git(revision.folder, "blame", "--line-porcelain", *ranges, "--", "flex.yaml")
    except _GitError:
        return {}
    authors: dict[int, Author] = {}
    for entry in re.split(r"^\t.*\n?", told, flags=re.MULTILINE):
        head = re.match(r"([0-9a-f]{40}) \d+ (\d+)", entry)
        author = re.search(r"^author (.*)$", entry, re.MULTILINE)
        if head is None or author is None or head[1] == _UNCOMMITTED:
            continue
        cut_off = revision.shallow and re.search(r"^boundary$", entry, re.MULTILINE)
        told = f"in or before {head[1][:7]} (a shallow clone)"
        authors[int(head[2])] = Author(unknown=told) if cut_off else Author(author[1], head[1])
    return authors


def _git(folder: Path, *arguments: str) -> str:
    """What a git command prints; it may not ask, lock, page, or run what the repository's configuration names."""
    environ = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    command = ["git", "--no-pager", "-c", "core.fsmonitor=false", *arguments]
    try:
        done = subprocess.run(  # noqa: S603  no shell, and no argument but our own and line numbers
            command,
            cwd=folder,
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE,
            check=False,
        )
    except FileNotFoundError:
        raise _GitError("git is not installed" if folder.is_dir() else f"{folder} is not there") from None
    except subprocess.TimeoutExpired:
        raise _GitError(f"git did not answer within {_PATIENCE:g} s") from None
    except OSError as error:
        raise _GitError(f"git cannot be run ({error.strerror})") from None
    if done.returncode:
        raise _GitError(_reason(done.stderr.decode("utf-8", "replace")))
    return done.stdout.decode("utf-8", "replace")


def _reason(complaint: str) -> str:
    """Git's complaint in our words where it is a usual one."""
    if "not a git repository" in complaint:
        return "this is not a git repository"
    if "dubious ownership" in complaint:
        return "git does not trust this folder, because somebody else owns it (git config safe.directory)"
    if "does not have any commits yet" in complaint or "unknown revision" in complaint:
        return "nothing is committed here yet"
    first = complaint.strip().splitlines()
    return f"git says: {first[0]}" if first else "git refused"


_MOST_STEPS: Final = 10
"""So many first parents are tried while their flex.yaml cannot be read: breaking it must not end the comparison."""

_FIRST: Final = "this is the first commit"
_CUT_OFF: Final = "this clone is shallow and lacks the commit before: git fetch --deepen=1 brings it"


def config_in_force(folder: Path, revision: Revision, base: str = "", *, now: StackConfig | None = None) -> InForce:
    """What was in force at `base`; without one before HEAD, or with uncommitted changes in the stack's folder, at HEAD.

    Raises SetupError where `base` names no commit here; whatever else is amiss is told instead of a configuration.
    `now` is the configuration that is judged: where the commit has no such stack, the one of its id or instance counts.
    """
    if base:
        return _first_readable(folder, JudgedBy.BASE, base, 0, now, shallow=revision.shallow)
    if revision.commit is None:
        return InForce(JudgedBy.NOTHING, why=revision.unknown or "git tells no commit here")
    if revision.dirty:
        return _first_readable(folder, JudgedBy.HEAD, "HEAD", 0, now, shallow=revision.shallow)
    return _first_readable(folder, JudgedBy.FIRST_PARENT, "HEAD", 1, now, shallow=revision.shallow)


_Seen = dict[tuple[str, str], StackConfig | tuple[InvalidStack, Glance] | None]
"""What each stack that was looked at says, by its name and git's hash of it: broken, with what can be seen, or none."""


def former_folder(folder: Path, revision: str, now: StackConfig, seen: _Seen | None = None) -> Path | None:
    """The folder that this stack had in `revision`, by its id, else by its instance; None: it had none.

    A new name for a stack is no new policy. `seen` keeps what was read for the next revision.

    Raises:
        InvalidStack: it may be one there that cannot be read.
        SetupError: git or the revision is not to be had.
    """
    seen = {} if seen is None else seen
    there = stacks_at(folder.parent, revision)
    for name, tree in there.items():
        if (name, tree) not in seen:
            seen[name, tree] = _look(GitSource(folder.parent / name, revision))
    found = {folder.parent / name: seen[name, tree] for name, tree in there.items()}
    configs = {path: one for path, one in found.items() if isinstance(one, StackConfig)}
    same_id = next((path for path, config in configs.items() if config.id == now.id), None)
    if same_id is not None:
        return same_id
    for one in found.values():
        # No looser neighbour may judge in its place.
        if isinstance(one, tuple) and _may_be(one[1], now):
            raise one[0]
    return next((path for path, config in configs.items() if config.instance == now.instance), None)


def _may_be(broken: Glance, now: StackConfig) -> bool:
    return not isinstance(broken.id, str) or broken.id == now.id or broken.instance == now.instance


def _look(source: GitSource) -> StackConfig | tuple[InvalidStack, Glance] | None:
    try:
        return load_config(source)
    except InvalidStack as error:
        return error, glance(source)
    except SetupError:
        return None


def _source(folder: Path, revision: str, now: StackConfig | None, seen: _Seen) -> GitSource:
    """The stack in a revision, or the one there that became it."""
    try:
        return GitSource(folder, revision)
    except NoStackError:
        former = former_folder(folder, revision, now, seen) if now is not None else None
        if former is None:
            raise
        return GitSource(former, revision)


def _first_readable(
    folder: Path, by: JudgedBy, start: str, first: int, now: StackConfig | None, *, shallow: bool
) -> InForce:
    """The configuration of the commit that is `first` steps before `start`, or of the next before it that has one."""
    unreadable = new = ""
    seen: _Seen = {}
    for step in range(first, first + _MOST_STEPS):
        name = f"{start}~{step}" if step else start
        try:
            source = _source(folder, name, now, seen)
            config = load_config(source)
        except InvalidStack:
            unreadable = unreadable or f"the flex.yaml of {name} cannot be read"
        except NoStackError as error:
            new = new or error.message  # deleted, or another stack's for a while: what it was before still counts
        except AmbiguousRevisionError:
            raise
        except SetupError as error:
            there = is_commit(folder, name)
            if by is JudgedBy.BASE and step == 0 and not there:
                raise
            missing = error.message if there else _CUT_OFF if shallow else _FIRST
            lost = bool(unreadable) or (shallow and not there and not new)
            return InForce(JudgedBy.NOTHING, why=unreadable or new or missing, lost=lost)
        else:
            named = by is JudgedBy.BASE and name == start
            return InForce(by, start if named else source.commit[:7], config, unreadable or new)
    return InForce(JudgedBy.NOTHING, why=unreadable or new, lost=bool(unreadable))
