"""`flexres routing`: who gets which work, who does not and why, and what a team file being written would change."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from flexres.cli import options
from flexres.cli.open_stack import Opened, opened
from flexres.cli.output import busy, emit, look_of
from flexres.desired.load import Stack, load_stack
from flexres.desired.source import FolderSource
from flexres.errors import Exit, Problem, SetupError, UnreachableError
from flexres.live.model import LiveUser, Snapshot
from flexres.reconcile.ownership import Owner, owner_of
from flexres.report.routing import overview as told
from flexres.report.routing import queues as changes
from flexres.report.routing.overview import Section
from flexres.report.wording import names_of
from flexres.routing.catalogue import skill_troubles
from flexres.routing.coverage import coverage
from flexres.routing.explain import near_misses, standings
from flexres.routing.findings import findings, overview
from flexres.routing.queues import Person, RoutingMap, people_of, routing_map
from flexres.session import wanted_of
from flexres.text import json_text, nearest, visible
from flexres.values import fold_case

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(
    epilog="""\
\b
Examples:
  flexres routing -s prod                  every queue, and what looks wrong
  flexres routing -s prod --queue VIP      who is in it, and who nearly is
  flexres routing -s prod --user ana@example.com
  flexres routing -s prod --what-if support.yaml   a team file being written
\b
Where Twilio's documents leave open how an expression is read, both readings
are tried; what depends on the choice is called uncertain.
\b
Exit codes: 0 shown · 2 the command line, the YAML or the set-up is wrong
6 Twilio is unreachable, refused the credentials, or lets them read no queues"""
)
def routing(
    *,
    stack: options.Stack = None,
    stacks: options.Stacks = options.STACKS_FOLDER,
    queue: Annotated[
        str | None, typer.Option("--queue", metavar="NAME", help="Who is in this queue, and what keeps others out.")
    ] = None,
    user: Annotated[
        str | None, typer.Option("--user", metavar="NAME", help="Which queues somebody is in, which not, and why.")
    ] = None,
    what_if: Annotated[
        Path | None,
        typer.Option("--what-if", metavar="FILE", help="What this team file would change, in place of its namesake."),
    ] = None,
    verbose: options.Verbose = False,
    report_format: options.Format = "text",
    out: options.Out = None,
    log: options.Log = "none",
) -> int:
    """Show who gets which work, who does not, and why.

    Tells the task queues and the people in them as Flex is now. Reads task queues, Workflows and Workers; nothing is
    written to Flex.
    """
    if sum(option is not None for option in (queue, user, what_if)) > 1:
        raise SetupError("--queue, --user and --what-if are three questions", hint="ask one at a time")
    asked = _Asked(queue, user, what_if, verbose)

    async def run() -> Exit:
        async with opened(stack, stacks, read_only=True, log=log) as it:
            with busy(f"Reading {it.stack.name} from Flex"):
                answer = await (_what_if(it, what_if) if what_if is not None else _answered(it, asked))
        emit(_written(answer, report_format, out), out)
        return Exit.DONE

    return asyncio.run(run())


@dataclass(frozen=True, slots=True)
class _Asked:
    queue: str | None
    user: str | None
    what_if: Path | None
    verbose: bool


@dataclass(frozen=True, slots=True)
class _Answer:
    """What was found: as sections under a title for people, as values for programs."""

    title: str
    sections: Sequence[Section]
    values: dict[str, Any]


def _written(answer: _Answer, report_format: options.ReportFormat, out: Path | None) -> str:
    if report_format == "json":
        return json_text({"format": 1, "report": "routing", **answer.values})
    if report_format == "markdown":
        return told.markdown_of(answer.title, answer.sections)
    look = look_of(sys.stdout, out)
    return told.text_of(answer.title, answer.sections, width=look.width, colour=look.colour)


async def _answered(it: Opened, asked: _Asked) -> _Answer:
    snapshot = await it.session.snapshot(routing=True, every_channel=False)
    assert snapshot.routing is not None
    found, people = routing_map(snapshot.routing), people_of(snapshot)
    if found.unread:
        raise UnreachableError(f"the task queues cannot be read: {found.unread}")
    if asked.queue is not None:
        return _of_queue(it, found, people, asked)
    if asked.user is not None:
        return _of_user(it, found, people, asked.user)
    return _of_all(it, found, people, snapshot, verbose=asked.verbose)


def _of_all(it: Opened, found: RoutingMap, people: dict[str, Person], snapshot: Snapshot, *, verbose: bool) -> _Answer:
    def team_of(username: str) -> str:
        user = it.stack.users.get(username)
        return Path(user.file).stem if user else _undeclared_team(it.stack, snapshot.users.get(username))

    queues = overview(found.queues, people, team_of)
    declared = ((user.username, user.skills or {}) for user in it.stack.users.values())
    looks = replace(
        findings(found.queues, list(people.values())), uncatalogued=skill_troubles(declared, snapshot.instance.skills)
    )
    title = told.title_of(it.stack.name, len(found.queues), len(people))
    sections = told.queue_sections(queues, looks, found.problems, verbose=verbose)
    return _Answer(title, sections, {"stack": it.stack.name, **told.overview_json(queues, looks, found.problems)})


def _undeclared_team(stack: Stack, live: LiveUser | None) -> str:
    """What stands for the team of somebody whom no file declares."""
    if live is None:
        return "without a user"
    if fold_case(live.username) in {fold_case(name) for name in stack.config.leavers}:
        return "leaving"
    owner = owner_of(live.worker, stack.config.id).owner
    return _TEAMS.get(owner, "unmanaged")


_TEAMS: Final = {Owner.OURS: "leaving", Owner.FOREIGN: "of another stack"}


def _of_queue(it: Opened, found: RoutingMap, people: dict[str, Person], asked: _Asked) -> _Answer:
    assert asked.queue is not None
    named = found.named(asked.queue)
    if len(named) != 1:
        names = [queue.name for queue in found.queues]
        raise SetupError(f"no task queue is called {visible(asked.queue)}", hint=_meant(asked.queue, names))
    queue = named[0]
    if queue.problem:
        raise SetupError(
            f"nobody can tell who is in {visible(queue.name)}: {queue.problem}", hint=f"it says: {visible(queue.text)}"
        )
    everybody = sorted(standings(queue, list(people.values())), key=lambda one: one.name)
    near = near_misses(everybody)
    by_targets = [way for way in found.ways if way.sid == queue.sid]
    ways = coverage(by_targets, people, people, wanted=lambda _: True)
    title = f"{it.stack.name}  {queue.name}: {sum(one.is_in for one in everybody):,} of {len(everybody):,}"
    sections = told.members_sections(queue, ways, everybody, near, verbose=asked.verbose)
    return _Answer(title, sections, {"stack": it.stack.name, **told.members_json(queue, ways, everybody, near)})


def _of_user(it: Opened, found: RoutingMap, people: dict[str, Person], name: str) -> _Answer:
    person = people.get(name)
    if person is None:
        raise SetupError(f"no Worker in Flex belongs to {visible(name)}", hint=_meant(name, list(people)))
    told_queues = [queue for queue in found.queues if queue.is_told]
    stands = [(queue, standings(queue, [person])[0]) for queue in told_queues]
    title = f"{it.stack.name}  {name}: in {sum(one.is_in for _, one in stands):,} of {len(stands):,} queues"
    return _Answer(title, told.person_sections(stands), {"stack": it.stack.name, **told.person_json(name, stands)})


def _meant(word: str, known: Sequence[str]) -> str:
    near = nearest(word, known)
    return f"did you mean {visible(near)}?" if near else f"there are {names_of(known)}"


async def _what_if(it: Opened, path: Path) -> _Answer:
    """The queues that would change if this file stood in the stack in place of the one of its name."""
    stack = with_team_file(it.stack, it.revision.folder, path)
    session = replace(it.session, stack=stack, wanted=wanted_of(stack, it.revision))
    plan, _ = await replace(it, stack=stack, session=session).plan()
    if plan.routing is not None and plan.routing.unread:
        raise UnreachableError(f"the task queues cannot be read: {plan.routing.unread}")
    rows = [
        (one.queue.name, changes.people(one), changes.who(one, plan), changes.led_by(one.queue))
        for one in changes.shown(plan)
    ]
    sections = [
        Section("Queues", changes.COLUMNS, rows or [("no queue changes", "", "", "")]),
        Section("Cannot tell", ("what",), [(line,) for line in changes.remarks(plan)]),
    ]
    return _Answer(f"{stack.name}  with {path}", sections, {"stack": stack.name, **changes.as_json(plan)})


def with_team_file(stack: Stack, folder: Path, path: Path) -> Stack:
    """The stack in `folder` as if the file at `path` stood in its users/.

    Raises:
        SetupError: there is no such file, or it is no YAML by its name.
        InvalidStack: the file is wrong, or the stack with it.
    """
    if not path.is_file() or path.suffix not in {".yaml", ".yml"}:
        raise SetupError(f"{path} is no team file", hint="name a file that ends in .yaml")
    return load_stack(_With(folder, path), name=stack.name, as_of=datetime.now(UTC).date())


class _With:
    """A stack's folder, with one file of users/ from elsewhere."""

    def __init__(self, folder: Path, path: Path) -> None:
        self._folder = FolderSource(folder, shown_as=str(folder))
        self._path = path
        self._name = f"users/{path.name}"

    def files(self) -> Sequence[str]:
        return sorted({*self._folder.files(), self._name})

    def problems(self) -> Sequence[Problem]:
        return self._folder.problems()

    def read(self, name: str) -> bytes:
        if name != self._name:
            return self._folder.read(name)
        return FolderSource(self._path.parent).read(self._path.name)

    def shown(self, name: str) -> str:
        return str(self._path) if name == self._name else self._folder.shown(name)
