"""Stories end to end: a stack written as a user writes it, a sandbox, plan and apply as the commands call them."""

from __future__ import annotations

import asyncio
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from flexres import session
from flexres.apply.direct import Silent, apply_plan
from flexres.apply.journal import Journal, NoJournal
from flexres.apply.outcome import Applied
from flexres.desired.load import Stack, load_stack
from flexres.desired.revision import Revision
from flexres.desired.source import FolderSource
from flexres.live.http.retrying import REAL
from flexres.live.http.transport import Transport, connect
from flexres.reconcile.change import Kind, UserChange
from flexres.reconcile.guards.approvals import Approval, Source
from flexres.reconcile.plan import Plan
from flexres.sandbox.server import Sandbox
from flexres.session import open_session
from tests.flow.command_line import cli

__all__ = ["cli"]

NOW = datetime(2026, 11, 21, 9, 14, tzinfo=UTC)
CONFIG = """
version: 1
id: k7m2q9
account: AC00000000000000000000000000000001
instance: GO00000000000000000000000000000001
engine: direct
"""
LENIENT = "policy: {max_changes: 100%, max_removals: 100%, min_admins: 0"


class Flow:
    """One sandbox and one stack, whose YAML a test writes and writes again."""

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        self.sandbox = sandbox
        self.folder = folder
        self.now = NOW
        self.commit_time: int | None = None

    def write(self, users: str, *, policy: str = "", more: str = "") -> None:
        """The whole stack: `users` is the YAML below `users:`, `policy` items of a flow mapping."""
        (self.folder / "users").mkdir(parents=True, exist_ok=True)
        rules = f"{LENIENT}, {policy}}}" if policy else f"{LENIENT}}}"
        (self.folder / "flex.yaml").write_text(f"{CONFIG}{rules}\n{textwrap.dedent(more)}")
        body = textwrap.indent(textwrap.dedent(users).strip("\n"), "  ")
        (self.folder / "users" / "team.yaml").write_text(f"users:\n{body}\n" if body.strip() else "users: {}\n")

    def stack(self) -> Stack:
        return load_stack(FolderSource(self.folder, "stacks/test"), name="test")

    def plan(self, **options: Any) -> Plan:
        """Plan with a transport that can only read."""

        async def run() -> Plan:
            async with self._session(read_only=True) as session:
                return await session.plan(as_of=self.now, **options)

        return asyncio.run(run())

    def approved_plan(self, *, rounds: int) -> Plan:
        """The plan with everything approved that it asks for, one after another."""
        digests: list[str] = []
        for _ in range(rounds):
            plan = self.plan(approvals=[Approval(digest, Source.COMMAND_LINE, "a test") for digest in digests])
            asked = {plan.digest, *(change.digest for change in plan.of_kind(Kind.BLOCKED))} - {"", *digests}
            if not asked:
                break
            digests += sorted(asked)
        return plan

    def apply(
        self,
        *,
        journal: Journal | None = None,
        plan: Plan | None = None,
        allow_older: bool = False,
        approve: Sequence[str] = (),
        **options: Any,
    ) -> Applied:
        """Plan and apply; with `plan`, apply that one although Flex may have moved."""

        async def run() -> Applied:
            approvals = [Approval(digest, Source.COMMAND_LINE, "a test") for digest in approve]
            async with self._session(read_only=False) as session:
                made = plan or await session.plan(
                    as_of=self.now, allow_older=allow_older, approvals=approvals, **options
                )
                return await apply_plan(
                    made,
                    session,
                    journal=journal or NoJournal(),
                    progress=Silent(),
                    stop=asyncio.Event(),
                    allow_older=allow_older,
                )

        return asyncio.run(run())

    def apply_both(self, first: Plan, second: Plan) -> tuple[Applied, Applied]:
        """Two runs at once, each with a session of its own."""

        async def one(plan: Plan) -> Applied:
            async with self._session(read_only=False) as session:
                return await apply_plan(plan, session, journal=NoJournal(), progress=Silent(), stop=asyncio.Event())

        async def run() -> tuple[Applied, Applied]:
            return tuple(await asyncio.gather(one(first), one(second)))  # type: ignore[return-value]

        return asyncio.run(run())

    def _session(self, *, read_only: bool) -> Any:
        revision = Revision(self.folder, "c0ffee" * 6 + "abcd", self.commit_time) if self.commit_time else None
        return open_session(self.stack(), environ=self.sandbox.environment(), revision=revision, read_only=read_only)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def flow(sandbox: Sandbox, tmp_path: Path) -> Flow:
    return Flow(sandbox, tmp_path / "stack")


def without_waiting(patch: pytest.MonkeyPatch) -> None:
    """Repetitions and read-backs come at once: nothing that a test looks at changes by waiting."""

    def connected(**options: Any) -> Transport:
        transport = connect(**options)
        transport.timing = replace(REAL, sleep=lambda _seconds: asyncio.sleep(0))
        return transport

    patch.setattr(session, "connect", connected)


def kinds(plan: Plan) -> dict[str, str]:
    """Username → kind, of every user that the plan lists."""
    return {change.username: str(change.kind) for change in plan.users}


def fields(change: UserChange) -> dict[str, tuple[Any, Any]]:
    """Key → (before, after) of one change."""
    return {item.key.text: (item.before, item.after) for item in change.fields}


def results(applied: Applied) -> dict[str, str]:
    """Username → result."""
    return {outcome.change.username: str(outcome.result) for outcome in applied.users}
