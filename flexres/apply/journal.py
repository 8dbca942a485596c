"""The audit journal: JSON lines that say when what was changed for whom, and what a Worker knew before."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from flexres.apply.outcome import Outcome, SettingOutcome
from flexres.errors import FlexresError, SetupError
from flexres.files import write_file
from flexres.reconcile.model import UserChange
from flexres.values import ABSENT


@dataclass(frozen=True, slots=True)
class Run:
    """Who applies what: `by` is a person or a pipeline, `commit` the YAML's commit if it is one."""

    stack: str
    by: str
    commit: str | None


class JournalError(FlexresError):
    """The journal cannot be kept any more: the disk is full, or the file is gone from under it."""


class Journal(Protocol):
    """Where the operations write down what they do. Each method raises JournalError where that is not possible."""

    def before(self, username: str, attributes: str) -> None:
        """Keep a Worker's attributes, on disk before this returns: what follows could lose them."""

    def outcome(self, outcome: Outcome) -> None:
        """Note what became of one change."""

    def setting(self, outcome: SettingOutcome) -> None:
        """Note what became of one setting of single sign-on."""


class NoJournal:
    """Writes nothing down."""

    def before(self, username: str, attributes: str) -> None:
        """Nothing."""

    def outcome(self, outcome: Outcome) -> None:
        """Nothing."""

    def setting(self, outcome: SettingOutcome) -> None:
        """Nothing."""


class FileJournal:
    """Appends to a file that only its owner may read: it holds personal data, but never a credential."""

    def __init__(self, path: Path, run: Run, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        """Opens the file. Raises SetupError when that is not possible."""
        self._path = path
        self._run = run
        self._now = now
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        except OSError as error:
            hint = "name another file with --journal"
            raise SetupError(f"the journal {path} cannot be written: {error.strerror}", hint=hint) from error

    def before(self, username: str, attributes: str) -> None:
        """Keep a Worker's attributes, on disk before this returns."""
        self._write({"event": "before", "username": username, "attributes": attributes})
        self._sync()

    def outcome(self, outcome: Outcome) -> None:
        """Note what became of one change."""
        line = {"event": "outcome", **_described(outcome.change), "result": outcome.result}
        if outcome.message:
            line["message"] = outcome.message
        if outcome.not_taken:
            line["not_taken"] = list(outcome.not_taken)
        self._write(line)

    def setting(self, outcome: SettingOutcome) -> None:
        """Note what became of one setting of single sign-on."""
        change = outcome.change
        line = {"event": "setting", "setting": change.name, "before": change.observed, "after": change.declared}
        self._write({**line, "result": outcome.result, **({"message": outcome.message} if outcome.message else {})})

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
        full = {"at": at, "stack": run.stack, "commit": run.commit, "by": run.by, **line}
        # One write of one line: two runs that share the file never mix within a line.
        data = (json.dumps(full, ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace")
        try:
            if os.write(self._file, data) < len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            raise self._broken(error) from error


def own_journal(project: Path, stack: str) -> Path:
    """Where a stack's journal is kept unless told otherwise: beside the folder of the stacks, out of git's sight.

    Raises:
        SetupError: the folder cannot be written.
    """
    folder = project / ".flexres"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        # It holds what people's Workers knew, which belongs into no commit.
        write_file(folder / ".gitignore", "*\n")
    except OSError as error:
        raise SetupError(
            f"the journal's folder {folder} cannot be written: {error.strerror}", hint="name a file with --journal"
        ) from error
    return folder / "journal" / f"{stack}.jsonl"


def _described(change: UserChange) -> dict[str, Any]:
    fields = [
        {
            "key": item.key,
            **({} if item.before is ABSENT else {"before": item.before}),
            **({} if item.after is ABSENT else {"after": item.after}),
            "cause": item.cause,
        }
        for item in change.fields
        if item.writes
    ]
    described: dict[str, Any] = {"username": change.username, "kind": change.kind, "fields": fields}
    if change.reason:
        described["reason"] = change.reason
    return described
