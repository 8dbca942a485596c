"""The sandbox's database: one SQLite file (or memory), opened here, read and written through its tables' modules."""

from __future__ import annotations

import json
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flexres.sandbox.errors import SandboxError
from flexres.sandbox.flex.user_table import UserTable
from flexres.sandbox.identity import DEFAULT, Identity
from flexres.sandbox.taskrouter.event_table import EventTable, WorkerEvents
from flexres.sandbox.taskrouter.named_table import NamedTable, TaskQueue, Workflow
from flexres.sandbox.taskrouter.worker_rows import TaskChannel, Workspace
from flexres.sandbox.taskrouter.worker_table import WorkerTable

_APPLICATION = 0x464C5852  # tells our files from any other SQLite file
_TASK_CHANNELS = "task_channels"
_PRIVATE = 0o600
_SCHEMA = Path(__file__).with_name("schema.sql")


class Store:
    """The state of one sandbox. Belongs to the thread that opened it.

    Every write outside `transaction` is committed by itself, so a killed process loses nothing that it answered.

    Raises:
        SandboxError: the file is no sandbox's state, is another account's, or cannot be opened.
    """

    def __init__(self, path: Path | None, identity: Identity = DEFAULT) -> None:
        self.identity = identity
        self.connection = _open(path)
        self.users = UserTable(self.connection)
        self.events = EventTable(self.connection, identity)
        self.workspace = Workspace(identity)
        for name, friendly_name in json.loads(self.setting(_TASK_CHANNELS) or "[]"):
            self.workspace.add_task_channel(name, friendly_name)
        self.workers = WorkerTable(self.connection, WorkerEvents(self.events, self.workspace))
        self.task_queues = NamedTable(self.connection, self.events, TaskQueue)
        self.workflows = NamedTable(self.connection, self.events, Workflow)
        try:
            self._claim(path)
        except SandboxError:
            self.close()
            raise

    def close(self) -> None:
        """Closes the file; the store is of no use afterwards."""
        self.connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of what is written inside, or, when an exception leaves it, nothing of it."""
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.connection.execute("ROLLBACK")
            raise
        self.connection.execute("COMMIT")

    def setting(self, name: str) -> str | None:
        """A value kept under a name, such as the changes to the Configuration."""
        row = self.connection.execute("SELECT value FROM settings WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def set_setting(self, name: str, value: str) -> None:
        """Keeps a value under a name."""
        self.connection.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (name, value))

    def add_task_channel(self, unique_name: str, friendly_name: str) -> TaskChannel:
        """One more task channel of the Workspace, and of each Worker that is there."""
        with self.transaction():
            added = json.loads(self.setting(_TASK_CHANNELS) or "[]")
            self.set_setting(_TASK_CHANNELS, json.dumps([*added, [unique_name, friendly_name]]))
            self.workers.add_channel(unique_name)
        return self.workspace.add_task_channel(unique_name, friendly_name)

    def _claim(self, path: Path | None) -> None:
        """Makes the file this identity's; one state never serves two accounts."""
        mine = [self.identity.account_sid, self.identity.instance_sid, self.identity.workspace_sid]
        found = self.setting("identity")
        if found is None:
            self.set_setting("identity", json.dumps(mine))
        elif json.loads(found) != mine:
            raise SandboxError(
                f"{path} holds the state of account {json.loads(found)[0]}, not of {mine[0]}: name another file"
            )


def _open(path: Path | None) -> sqlite3.Connection:
    if path is not None:
        check_is_ours(path)
    try:
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            _keep_private(path)
        connection = sqlite3.connect(path or ":memory:", isolation_level=None, timeout=10)
        if connection.execute("PRAGMA application_id").fetchone()[0] != _APPLICATION:
            # Before WAL, so that it is in the file itself even if the process is killed at once.
            connection.execute(f"PRAGMA application_id = {_APPLICATION}")
        connection.execute("PRAGMA journal_mode = WAL")
        # With WAL, NORMAL loses nothing when the process dies; only a machine that loses power could.
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.executescript(_SCHEMA.read_text(encoding="utf-8"))
    except (sqlite3.Error, OSError) as error:
        raise SandboxError(f"{path} cannot be used as the sandbox's state: {error}") from error
    return connection


def _keep_private(path: Path) -> None:
    """The file holds people's data and the identity provider's key; what SQLite keeps beside it takes its mode."""
    path.touch(mode=_PRIVATE)
    for name in (path.name, path.name + "-wal", path.name + "-shm"):
        beside = path.with_name(name)
        if beside.exists() and stat.S_IMODE(beside.stat().st_mode) != _PRIVATE:
            beside.chmod(_PRIVATE)


def check_is_ours(path: Path) -> None:
    """Says no to a file that no sandbox wrote.

    Raises:
        SandboxError: the path is a folder, or a file with something else in it.
    """
    if path.is_dir():
        raise SandboxError(f"{path} is a folder: name a file in it")
    try:
        if not path.exists() or path.stat().st_size == 0:
            return
        with path.open("rb") as file:
            header = file.read(72)
    except OSError as error:
        raise SandboxError(f"{path} cannot be read: {error.strerror}") from error
    # SQLite's file format keeps the application's id in bytes 68 to 71.
    if not header.startswith(b"SQLite format 3\0") or header[68:72] != _APPLICATION.to_bytes(4, "big"):
        raise SandboxError(f"{path} is not a sandbox's state: it was left alone; name another file")


def reset(state: Path) -> None:
    """Forgets everything: removes the state file and what SQLite keeps beside it. No file, nothing to do.

    Raises:
        SandboxError: the file is no sandbox's state.
    """
    check_is_ours(state)
    for name in (state.name, state.name + "-wal", state.name + "-shm"):
        state.with_name(name).unlink(missing_ok=True)
