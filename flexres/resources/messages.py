"""The provider's own words: a refusal, remarks on a plan, and lines of the engine's log, as the engine shows them."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Final, TypeAlias

import grpc  # type: ignore[import-untyped]
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

from flexres.apply.outcome import Outcome
from flexres.apply.pulumi.channel import Failure
from flexres.desired.stack import Stack
from flexres.errors import Exit, FlexresError, InvalidStack, Problem, TwilioError, few
from flexres.reconcile.change import Block, Change, Kind, SettingState
from flexres.reconcile.context import Wanted
from flexres.reconcile.guards.model import Rule
from flexres.reconcile.guards.watch import gained_roles
from flexres.reconcile.key import ROLES
from flexres.reconcile.plan import Plan
from flexres.resources.properties import team_of
from flexres.resources.settings import ALLOW_OLDER, APPROVE
from flexres.values import ABSENT, Absent, Json, Value, canonical, same

_NAMES: Final = 20
_LINES: Final = 50
DESTROY_AGAIN: Final = "in an activity or with tasks, and still active: run pulumi destroy again once they are offline"
_COUNTS: Final = frozenset({Rule.MAX_REMOVALS, Rule.MAX_CHANGES})
"""Rules whose message says how many, and not who."""


class NotDoneError(FlexresError):
    """Changes did not come out as wanted; what became of each was told where outcomes are told.

    One line each, that names who it is and, by `line_of`, the file and line that declare them.
    """

    def __init__(self, failed: Sequence[Outcome[Change]], line_of: Callable[[str], str | None]) -> None:
        lines = [_line(one, line_of(one.change.name)) for one in failed[:_NAMES]]
        if len(failed) > _NAMES:
            lines.append(f"and {len(failed) - _NAMES} more: the journal names them all")
        super().__init__("\n".join(lines))
        self.lines = tuple(lines)


def _line(outcome: Outcome[Change], place: str | None) -> str:
    line = f"{_shown(outcome.change.name)}{f' ({place})' if place else ''}: {outcome.message}"
    return " ".join(line.split())


def refusal(plan: Plan) -> str:
    """Why the guards refuse a plan, whom it is about and what lifts them; empty where they do not."""
    if not plan.violations:
        return ""
    found = "; ".join(
        f"{item.message} ({named(item.usernames)})" if item.rule in _COUNTS or len(item.usernames) > 1 else item.message
        for item in plan.violations
    )
    lifts = []
    if plan.digest:
        lifts.append(f"{APPROVE}={plan.digest}, or a commit made with flexres approve --stack {plan.stack}")
    if any(item.rule is Rule.UNMANAGED_ADMINS for item in plan.violations):
        lifts.append("declaring them, or taking their roles in Flex")
    if any(item.rule is Rule.CONSOLE_CHANGES for item in plan.violations):
        lifts.append(f"entering them in Console and flexres sso attest --all --stack {plan.stack}")
    return f"refused by a guard, nothing was sent: {found}. What lifts it for exactly these: {'; '.join(lifts)}"


def remarks(plan: Plan) -> Iterator[tuple[str, bool]]:
    """What the engine's own preview does not show of a plan, and whether it is a warning."""
    yield from _remark(plan, Kind.ADOPT, "in Flex already, to be adopted", warns=False)
    for one in plan.routing.changed if plan.routing else ():
        if one.loses:
            left = "nobody is left in it" if one.empties else f"{one.before:,} → {one.after:,}"
            yield f"the task queue {_shown(one.queue.name)} loses {named(one.loses)}: {left}", True
    for skill in plan.skills:
        yield f"the skill {_shown(skill.name)} ({named(skill.usernames)}): {skill.message}", True
    for change in plan.users:
        if gained := gained_roles(change):
            yield f"{_shown(change.username)} gains {', '.join(sorted(gained))}", True
    yield from _remark(plan, Kind.REACTIVATE, "deactivated, to be reactivated", warns=True)
    for change in plan.of_kind(Kind.BLOCKED):
        lifts = f" ({APPROVE}={change.digest} brings them back)" if change.digest else ""
        lifts = f" ({ALLOW_OLDER}=1 lifts it)" if change.block is Block.OLDER_CHECKOUT else lifts
        yield f"{_shown(change.username)} is blocked: {change.reason}{lifts}", True
    yield from _remark(plan, Kind.LET_GO, "let go, stays in Flex unmanaged", warns=False)
    overdue = [change.username for change in plan.of_kind(Kind.WAIT) if change.overdue]
    waiting = [change.username for change in plan.of_kind(Kind.WAIT) if not change.overdue]
    if overdue:
        yield f"waiting to leave for longer than policy.retire_within: {named(overdue)}", True
    if waiting:
        yield f"waiting to leave until offline: {named(waiting)}", False
    if plan.console:
        settings = named([setting.name for setting in plan.console])
        yield f"waiting for a person in Twilio Console (flexres sso checklist --stack {plan.stack}): {settings}", True
    for setting in plan.settings_in(SettingState.DRIFT):
        seen = setting.observed or "not set"
        yield f"{setting.name} is otherwise than attested, by the {setting.how}: {_shown(seen)}", True
    for change in plan.of_kind(Kind.AT_IDP):
        fields = ", ".join(field.key.text for field in change.fields)
        yield f"{_shown(change.username)}: {fields} to be changed at the identity provider", True


def dirty(wanted: Wanted) -> str:
    """That the YAML is not as committed: the commit in the journal would name other YAML."""
    return f"the YAML of {wanted.name} has uncommitted changes, on top of commit {(wanted.commit or '')[:7]}"


def moves(
    stack: Stack,
    alone: Collection[str],
    in_teams: Mapping[str, str],
    anew: Collection[str],
    unseen: Collection[str] = (),
) -> Iterator[str]:
    """Who stands elsewhere in Pulumi's state than before, while they stay in Flex as they are.

    `alone` had a resource each, `in_teams` are by the team whose resource they stood in. `anew` get a resource, and are
    in Flex already: where they had one of the same kind, it was called otherwise, or an older flexres made it. `unseen`
    are ours in Flex, and nobody has read where in the state they stood.
    """
    if where := sorted(unseen):
        yield (
            "moved in Pulumi's state alone, to where it had not had them; nobody leaves Flex or is made anew: "
            f"{named(where)}"
        )
    teams = {username: team_of(user) for username, user in stack.users.items()}
    by_team = stack.config.resources == "team"
    moved = [name for name in (alone if by_team else in_teams) if name in teams]
    if moved:
        now = "a resource each team" if by_team else "a resource each"
        yield f"moved in Pulumi's state alone, to {now}; nobody leaves Flex or is made anew: {named(sorted(moved))}"
    before = {name: team for name, team in in_teams.items() if teams.get(name) == team} if by_team else alone
    if again := sorted(name for name in before if name in anew):
        yield f"moved in Pulumi's state alone, to a new place in it; nobody leaves Flex or is made anew: {named(again)}"
    between: dict[tuple[str, str], list[str]] = {}
    for name, before in in_teams.items() if by_team else ():
        if teams.get(name, before) != before:
            between.setdefault((before, teams[name]), []).append(name)
    for (before, after), names in between.items():
        who = named(sorted(names))
        yield f"moved in Pulumi's state alone, from team {before} to {after}; nobody leaves Flex or is made anew: {who}"


Members: TypeAlias = Mapping[str, Mapping[str, Json]]
"""Username → properties."""


def differences(before: Members, after: Members, line_of: Callable[[str], str | None]) -> list[str]:
    """What changes in a team, a line a property: the engine names no more than `users`, or else everything there is.

    `line_of` gives the file and line that declare a user.
    """
    places = {name: place for name in after if (place := line_of(name))}
    lines = [f"{line} ({places[name]})" if name in places else line for name, line in _differences(before, after)]
    more = len(lines) - _LINES
    return lines if more <= 0 else [*lines[:_LINES], f"and {more:,} more, which flexres plan shows"]


def _differences(before: Members, after: Members) -> Iterator[tuple[str, str]]:
    for name in sorted({*before, *after}):
        old, new = before.get(name), after.get(name)
        at = f"users[{_quoted(name)}]"
        if old is None:
            roles = (new or {}).get(ROLES.text)
            yield name, f"+ {at}: {', '.join(map(str, roles))}" if isinstance(roles, list) and roles else f"+ {at}"
            continue
        if new is None:
            yield name, f"- {at}"
            continue
        for key in sorted({*old, *new}):
            was, becomes = old.get(key, ABSENT), new.get(key, ABSENT)
            if not same(was, becomes):
                yield name, f"~ {at}[{_quoted(key)}]: {_value(was)} => {_value(becomes)}"


def _value(value: Value) -> str:
    return "unset" if isinstance(value, Absent) else canonical(value)


def _quoted(name: str) -> str:
    return json.dumps(name, ensure_ascii=not name.isprintable())


def _remark(plan: Plan, kind: Kind, says: str, *, warns: bool) -> Iterator[tuple[str, bool]]:
    found = [change.username for change in plan.of_kind(kind)]
    if found:
        yield f"{says}: {named(found)}", warns


def named(usernames: Sequence[str]) -> str:
    """Some names in one line, and how many more there are."""
    shown = ", ".join(_shown(name) for name in usernames[:_NAMES])
    return f"{shown} and {len(usernames) - _NAMES} more" if len(usernames) > _NAMES else shown


def _shown(name: str) -> str:
    return name if name.isprintable() else ascii(name)


def problem(found: Problem) -> str:
    """One problem of the YAML: where it is, what it is, and what to write instead."""
    said = (found.message, found.note, found.hint)
    return f"{found.position}: {'; '.join(part for part in said if part)}"


def failure(error: BaseException, kind: str, name: str) -> Failure:
    """An error as it is told to whoever drives the engine: `kind` and `name` are those of the resource, if of one."""
    match error:
        case InvalidStack():
            found = "\n".join([error.message, *map(problem, few(error.problems))])
            return Failure(kind, name, error.exit, Problem(found))
        case TwilioError():
            return Failure(kind, name, error.exit, Problem(str(error), error.hint))
        case FlexresError():
            return Failure(kind, name, error.exit, Problem(error.message, error.hint))
        case _:
            return Failure(kind, name, Exit.FAILED, Problem(f"flexres itself failed: {type(error).__name__}: {error}"))


def one_line(error: BaseException) -> str:
    """An error as one line that says what to do, too; a stack's problems and those who failed have one each."""
    said = failure(error, "", "").problem
    if isinstance(error, InvalidStack | NotDoneError):
        return said.message
    return " ".join((f"{said.message}; {said.hint}" if said.hint else said.message).split())


_PATIENCE: Final = 5.0


class Teller:
    """Says lines to the engine that started this process, or to nobody where none did."""

    def __init__(self, engine: str | None) -> None:
        self._engine = engine_pb2_grpc.EngineStub(grpc.insecure_channel(engine)) if engine else None

    def note(self, text: str) -> None:
        """A line that informs."""
        self._say(engine_pb2.INFO, text)

    def warn(self, text: str) -> None:
        """A line that somebody should read."""
        self._say(engine_pb2.WARNING, text)

    def _say(self, severity: engine_pb2.LogSeverity.ValueType, text: str) -> None:
        if self._engine is None:
            return
        try:
            self._engine.Log(engine_pb2.LogRequest(severity=severity, message=text), timeout=_PATIENCE)
        except grpc.RpcError:
            # The engine is gone or ending; what was to be said is in the journal, too.
            self._engine = None


def engine_address(arguments: Sequence[str] = tuple(sys.argv)) -> str | None:
    """The address that the engine passes to the plugins it starts, as their first argument."""
    return arguments[1] if len(arguments) > 1 and ":" in arguments[1] else None
