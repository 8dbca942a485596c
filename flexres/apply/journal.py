"""The audit journal: JSON lines that say when what was changed for whom, and what a Worker knew before."""

from __future__ import annotations

import errno
import json
import os
import stat
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from flexres.apply.outcome import Outcome
from flexres.errors import FlexresError, SetupError
from flexres.files import folder_above, write_file
from flexres.reconcile.change import Change, FieldChange, Route, UserChange
from flexres.reconcile.drift.findings import Finding
from flexres.reconcile.guards.model import Guarded
from flexres.values import ABSENT


@dataclass(frozen=True, slots=True)
class Run:
    """Who applies what: `by` is a person or a pipeline, `commit` the YAML's if it is one, `dirty`: it differs.

    `reviewed_by` are those who let the pipeline go on, as its platform tells.
    """

    stack: str
    by: str
    commit: str | None
    dirty: bool = False
    reviewed_by: tuple[str, ...] = ()


class JournalError(FlexresError):
    """The journal cannot be kept any more: the disk is full, or the file is gone from under it."""


class Journal(Protocol):
    """Where the operations write down what they do. Each method raises JournalError where that is not possible."""

    def before(self, username: str, attributes: str) -> None:
        """Keep a Worker's attributes, on disk before this returns: what follows could lose them."""

    def begins(self, change: Change) -> None:
        """Note that the writes of one change begin: a run that is cut short has left a line of all that it touched."""

    def outcome(self, outcome: Outcome[Change]) -> None:
        """Note what became of one change, whatever it is about."""

    def approvals(self, guarded: Iterable[Guarded]) -> None:
        """Note which guards were lifted for whom, and by what."""


class NoJournal:
    """Writes nothing down."""

    def before(self, username: str, attributes: str) -> None:
        """Nothing."""

    def begins(self, change: Change) -> None:
        """Nothing."""

    def outcome(self, outcome: Outcome[Change]) -> None:
        """Nothing."""

    def approvals(self, guarded: Iterable[Guarded]) -> None:
        """Nothing."""


class FileJournal:
    """Appends to a file that only its owner may read: it holds personal data, but never a credential."""

    def __init__(
        self, path: Path, run: Run, *, now: Callable[[], datetime] = lambda: datetime.now(UTC), follow: bool = True
    ) -> None:
        """Opens the file, and unless `follow` no link. Raises SetupError when that is not possible."""
        self._path = path
        self._run = run
        self._now = now
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            how = os.O_WRONLY | os.O_APPEND | os.O_CREAT | (0 if follow else getattr(os, "O_NOFOLLOW", 0))
            self._file = os.open(path, how, 0o600)
            found = os.fstat(self._file).st_mode
            if stat.S_ISREG(found) and found & 0o077:
                os.fchmod(self._file, 0o600)
        except OSError as error:
            hint = "name another file with --journal"
            raise SetupError(f"the journal {path} cannot be written: {error.strerror}", hint=hint) from error

    def before(self, username: str, attributes: str) -> None:
        """Keep a Worker's attributes, on disk before this returns."""
        self._write({"event": "before", "username": username, "attributes": attributes})
        self._sync()

    def begins(self, change: Change) -> None:
        """Note that the writes of one change begin."""
        self._write({"event": "begin", **_described(change)})

    def outcome(self, outcome: Outcome[Change]) -> None:
        """Note what became of one change, whatever it is about."""
        line = {"event": "outcome", **_described(outcome.change), "result": outcome.result}
        if outcome.message:
            line["message"] = outcome.message
        if outcome.not_taken:
            line["not_taken"] = list(outcome.not_taken)
        if outcome.request_id:
            line["request_id"] = outcome.request_id
        self._write(line)

    def approvals(self, guarded: Iterable[Guarded]) -> None:
        """Note which guards were lifted for whom, and by what."""
        for item in guarded:
            if item.approved_by:
                self._write(
                    {
                        "event": "approval",
                        "rule": item.rule,
                        "username": item.username,
                        "detail": item.detail,
                        "digest": item.digest,
                        "by": item.approved_by,
                    }
                )

    def drift(self, found: Iterable[Finding]) -> None:
        """Note whose changes in Flex are put back, each by the SID of TaskRouter's Event that tells of it."""
        for finding in found:
            for one in finding.made:
                said = {"whose": one.whose, "who": one.name, "source": one.source, "exact": one.exact}
                keys = [key.text for key in one.keys]
                line = {"event": "drift", "username": finding.subject, "keys": keys, **said}
                self._write(
                    {**line, "changed_at": one.at.isoformat(timespec="seconds"), "task_router_event": one.event}
                )

    def close(self) -> None:
        """Everything on disk as far as that is possible, the file closed."""
        with suppress(JournalError):
            self._sync()
        os.close(self._file)

    def _sync(self) -> None:
        try:
            os.fsync(self._file)
        except OSError as error:
            # A pipe or a device has no disk to wait for.
            if error.errno not in {errno.EINVAL, errno.ENOTSUP, errno.EROFS}:
                raise self._broken(error) from error

    def _broken(self, error: OSError) -> JournalError:
        hint = "make room, or name another file with --journal, and run it again"
        return JournalError(f"the journal {self._path} cannot be written: {error.strerror}", hint=hint)

    def _write(self, line: dict[str, Any]) -> None:
        run = self._run
        at = self._now().isoformat(timespec="milliseconds")
        dirty = {"dirty": True} if run.dirty else {}
        reviewed = {"reviewed_by": list(run.reviewed_by)} if run.reviewed_by else {}
        full = {"at": at, "stack": run.stack, "commit": run.commit, **dirty, "by": run.by, **reviewed, **line}
        # One write of one line: two runs that share the file never mix within a line.
        data = (json.dumps(full, ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace")
        try:
            if os.write(self._file, data) < len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            raise self._broken(error) from error


def open_journal(named: Path | None, stacks: Path, run: Run) -> FileJournal:
    """The journal in the file that somebody named, else in the stack's own beside the folder `stacks` of all.

    The named one may be a link, a pipe or a device; the stack's own stands in a repository, which may hold anybody's.

    Raises:
        SetupError: it cannot be written, or is a link where it may be none.
    """
    return FileJournal(named or _own_file(stacks, run.stack), run, follow=named is not None)


def _own_file(stacks: Path, stack: str) -> Path:
    """The file of a stack's own journal; its folder is out of git's sight."""
    folder = folder_above(stacks) / ".flexres"
    ignore, file = folder / ".gitignore", folder / "journal" / f"{stack}.jsonl"
    for path in (folder, ignore, file.parent, file):
        if path.is_symlink():
            hint = "find out who made it, and remove it; or name a file with --journal"
            raise SetupError(f"{path} is a link, and a journal goes nowhere else than where it stands", hint=hint)
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        # It holds what people's Workers knew, which belongs into no commit.
        write_file(ignore, "*\n")
    except OSError as error:
        raise SetupError(
            f"the journal's folder {folder} cannot be written: {error.strerror}", hint="name a file with --journal"
        ) from error
    return file


def _described(change: Change) -> dict[str, Any]:
    described: dict[str, Any] = {"about": change.about, "name": change.name}
    if isinstance(change, UserChange):
        described |= {"username": change.username, "kind": change.kind}
        if change.old is not None:
            described["previously"] = change.old.username
    described["fields"] = [_field(item) for item in change.written]
    if isinstance(change, UserChange) and change.reason:
        described["reason"] = change.reason
    return described


def _field(item: FieldChange) -> dict[str, Any]:
    sides = {name: side for name, side in (("before", item.before), ("after", item.after)) if side is not ABSENT}
    where = {"at": "identity provider"} if item.route is Route.IDP else {}
    return {"key": item.key.text, **sides, "cause": item.cause, **where}
