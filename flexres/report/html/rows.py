"""The people of a report as compact rows, the data that the HTML page searches and filters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from flexres.apply.outcome import UserOutcome
from flexres.reconcile.change import Kind
from flexres.report.plan.model import PlanReport, Undeclared, Where, where_of
from flexres.report.plan.risks import RiskItem
from flexres.report.plan.user import UserReport
from flexres.report.routing.queues import shown as shown_queues
from flexres.report.terms import KINDS, RISKS
from flexres.report.wording import missed_because, names_of, short_place
from flexres.text import visible

AS_DECLARED: Final = "as declared"
NOTED: Final = "noted"
NO_TEAM: Final = "in no file here"
_MOST_QUEUES: Final = 20
_LIMIT: Final = 200


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody whom the YAML declares: who is not in the report is as declared."""

    username: str
    full_name: str
    roles: tuple[str, ...]
    file: str


@dataclass
class _Words:
    """Texts that many rows share, each told once; a row names them by number."""

    numbers: dict[str, int] = field(default_factory=dict)

    def number(self, text: str) -> int:
        return self.numbers.setdefault(text, len(self.numbers))

    def texts(self) -> list[str]:
        return list(self.numbers)


@dataclass
class Rows:
    """Rows for the page's script, as values that JSON can carry.

    A row is [username, full name, team, roles, kind, place, said, lines, risks, result, elsewhere]; team, roles,
    kind and result are places in the lists beside it; what is empty at its end is left out. A line is
    [label, before, after, why]: without `before` it is new, without `after` one text tells both.
    """

    kinds: _Words = field(default_factory=_Words)
    teams: _Words = field(default_factory=_Words)
    roles: _Words = field(default_factory=_Words)
    results: _Words = field(default_factory=_Words)
    rows: list[list[Any]] = field(default_factory=list)

    def add(self, username: str, kind: str, *, file: str = "", **more: Any) -> None:
        row = [
            visible(username),
            visible(more.get("full_name", "")),
            self.teams.number(team_name(file)),
            self.roles.number(visible(", ".join(more.get("roles", ())))),
            self.kinds.number(kind),
            more.get("place", ""),
            more.get("said", ""),
            more.get("lines", []),
            more.get("risks", []),
            self.results.number(more.get("result", "")),
            int(more.get("elsewhere", False)),
        ]
        while row[-1] in ("", [], 0) and len(row) > 5:
            row.pop()
        self.rows.append(row)

    def data(self) -> dict[str, Any]:
        """Everything, ready for JSON."""
        signs = {one.name: one.sign for one in KINDS.values()}
        return {
            "kinds": [[kind, signs.get(kind, "")] for kind in self.kinds.texts()],
            "teams": self.teams.texts(),
            "roles": self.roles.texts(),
            "results": self.results.texts(),
            "rows": self.rows,
        }


def team_name(file: str) -> str:
    """A team file as a team: `stacks/prod/users/support.yaml` is `support`."""
    stem = file.rpartition("/")[2].removesuffix(".yaml").removesuffix(".yml")
    return visible(stem) or NO_TEAM


def rows_of(report: PlanReport, people: Iterable[Person], outcomes: Iterable[UserOutcome] = ()) -> Rows:
    """The rows of a plan: who changes first, then who is not declared, then all the others."""
    rows, by_name = Rows(), {person.username: person for person in people}
    # The page offers kinds in this order; the empty result has number 0, so that most rows can leave it out.
    for name in (*(one.name for one in KINDS.values()), NOTED, AS_DECLARED):
        rows.kinds.number(name)
    rows.results.number("")
    risks: dict[str, list[RiskItem]] = {}
    for risk in report.risks:
        risks.setdefault(risk.username, []).append(risk)
    results = {outcome.change.username: outcome for outcome in outcomes}
    queues = _queues_of(report)
    for one in report.users:
        name = one.change.username
        rows.add(
            name,
            kind_name(one),
            **about(by_name.pop(name, None)) | {"file": one.change.file or ""},
            **_said(one, risks.get(name, []), results.get(name), queues.get(name, "")),
            place=short_place(report.plan.stack, where_of(report, one.change)),
        )
    for other in report.undeclared:
        in_queues = queues.get(other.name, "") if other.what is not Where.PERSON else ""
        said = "; ".join(filter(None, (_undeclared(other), in_queues)))
        rows.add(other.name, KINDS[Kind.UNMANAGED].name, said=said)
    for person in by_name.values():
        rows.add(person.username, AS_DECLARED, **about(person), said=queues.get(person.username, ""))
    return rows


def about(person: Person | None) -> dict[str, Any]:
    """What the row of somebody says besides what changes."""
    return {"file": person.file, "full_name": person.full_name, "roles": person.roles} if person else {}


def _undeclared(one: Undeclared) -> str:
    match one.what:
        case Where.USER:
            return ""
        case Where.OTHER_STACK:
            return f"managed by stack id {visible(one.stack_id)}"
        case Where.WORKER:
            return "Worker without a user"
        case Where.PERSON:
            return f"billed more than once: {visible(', '.join(one.names))}"


def _queues_of(report: PlanReport) -> dict[str, str]:
    """Username → the queues that change and that they are in afterwards, so that the list finds them by either."""
    found: dict[str, list[str]] = {}
    for one in shown_queues(report.plan):
        for username in one.eligible:
            found.setdefault(username, []).append(one.queue.name)
    return {username: f"in {names_of(names, few=_MOST_QUEUES)}" for username, names in found.items()}


def _said(one: UserReport, risks: Sequence[RiskItem], outcome: UserOutcome | None, queues: str) -> dict[str, Any]:
    details = [risk.detail for risk in risks if RISKS[risk.kind].says_why]
    reason = "; ".join(details) or visible(one.change.reason or str(one.change.why or ""))
    missed = missed_because(outcome) if outcome else ""
    return {
        "said": "; ".join(dict.fromkeys(filter(None, (reason, one.provider, missed, queues)))),
        "lines": list(_lines(one)),
        "risks": [str(risk.kind) for risk in risks if not RISKS[risk.kind].as_kind],
        "result": str(outcome.result) if outcome and outcome.result != kind_name(one) else "",
        "elsewhere": one.change.elsewhere,
    }


def kind_name(one: UserReport) -> str:
    """What a change is called; an update that only our marker notes is not called a change."""
    return NOTED if one.noted else KINDS[one.change.kind].name


def _lines(one: UserReport) -> Iterator[list[str]]:
    new = KINDS[one.change.kind].arrives
    for line in one.changed:
        before, after = (*line.sides(_LIMIT), "")[:2]
        if new and line.added:
            yield [line.label, "", after or before]
        else:
            yield [line.label, before, after, "" if new else line.why]
    if one.kept:
        yield [", ".join(line.label for line in one.kept), "", "", "noted or let go; Flex stays as it is"]
