"""The people of a report as compact rows, the data that the HTML page searches and filters: from the JSON shape."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from flexres.reconcile.change import Cause, FieldChange, Kind, Route
from flexres.reconcile.key import Key
from flexres.report.plan.json import Report
from flexres.report.terms import KINDS, RISKS, Risk
from flexres.report.wording import cause_text, field_label, names_of, quiet, short_place, sides
from flexres.text import visible
from flexres.values import ABSENT

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


def rows_of(plan: Report, people: Iterable[Person], outcomes: Iterable[Mapping[str, Any]] = ()) -> Rows:
    """The rows of a plan in the JSON shape: who changes first, then who is not declared, then all the others."""
    rows, by_name = Rows(), {person.username: person for person in people}
    # The page offers kinds in this order; the empty result has number 0, so that most rows can leave it out.
    for name in (*(one.name for one in KINDS.values()), NOTED, AS_DECLARED):
        rows.kinds.number(name)
    rows.results.number("")
    risks: dict[str, list[Mapping[str, Any]]] = {}
    for risk in plan["risks"]:
        risks.setdefault(risk["username"], []).append(risk)
    results = {outcome["username"]: outcome for outcome in outcomes}
    queues = _queues_of(plan)
    for change in plan["changes"]:
        person = by_name.pop(change["username"], None)
        name = change["username"]
        _add_change(
            rows,
            plan["stack"],
            change=change,
            person=person,
            risks=risks.get(name, []),
            outcome=results.get(name, {}),
            queues=queues.get(name, ""),
        )
    for user in plan["unmanaged"]:
        said = f"managed by stack id {visible(user['stack_id'])}" if user.get("stack_id") else ""
        said = "; ".join(filter(None, (said, queues.get(user["username"]))))
        rows.add(user["username"], KINDS[Kind.UNMANAGED].name, said=said)
    for worker in plan["orphans"]:
        said = "; ".join(filter(None, ("Worker without a user", queues.get(worker["friendly_name"]))))
        rows.add(worker["friendly_name"], KINDS[Kind.UNMANAGED].name, said=said)
    for email, names in plan["personas"].items():
        said = f"billed more than once: {visible(', '.join(names))}"
        rows.add(email, KINDS[Kind.UNMANAGED].name, said=said)
    for person in by_name.values():
        said = queues.get(person.username, "")
        rows.add(
            person.username, AS_DECLARED, file=person.file, full_name=person.full_name, roles=person.roles, said=said
        )
    return rows


def _queues_of(plan: Report) -> dict[str, str]:
    """Username → the queues that change and that they are in afterwards, so that the list finds them by either."""
    found: dict[str, list[str]] = {}
    for queue in plan.get("queues", ()):
        for username in queue["eligible"]:
            found.setdefault(username, []).append(queue["name"])
    return {username: f"in {names_of(names, few=_MOST_QUEUES)}" for username, names in found.items()}


def _add_change(
    rows: Rows,
    stack: str,
    *,
    change: Mapping[str, Any],
    person: Person | None,
    risks: list[Mapping[str, Any]],
    outcome: Mapping[str, Any],
    queues: str,
) -> None:
    fields = [field_of(one) for one in change["fields"]]
    details = [risk.get("detail", "") for risk in risks if RISKS[Risk(risk["kind"])].says_why]
    reason = "; ".join(details) or visible(change.get("reason", "") or change.get("why", ""))
    kind = kind_name(change, fields)
    rows.add(
        change["username"],
        kind,
        file=change.get("file", ""),
        full_name=person.full_name if person else "",
        roles=person.roles if person else (),
        place=short_place(stack, change.get("position", "")),
        said="; ".join(dict.fromkeys(filter(None, (reason, missed_because(outcome), queues)))),
        lines=list(_lines(change, fields)),
        risks=[risk["kind"] for risk in risks if not RISKS[Risk(risk["kind"])].as_kind],
        result="" if outcome.get("result") == kind else outcome.get("result", ""),
        elsewhere=change.get("elsewhere", False),
    )


def missed_because(outcome: Mapping[str, Any]) -> str:
    """Why one outcome of the JSON shape is not plainly done, and Twilio's request to ask about; empty if it is."""
    said = [
        ", ".join(field_label(Key.parse(key)) for key in outcome.get("not_taken", ())),
        visible(outcome.get("message", "")),
    ]
    request = visible(outcome.get("request_id", ""))
    if request and request not in said[1]:
        said.append(f"request {request}")
    return "; ".join(filter(None, said))


def field_of(described: Mapping[str, Any]) -> FieldChange:
    """A field of the JSON shape as the value that it was made from."""
    return FieldChange(
        key=Key.parse(described["key"]),
        before=described.get("before", ABSENT),
        after=described.get("after", ABSENT),
        cause=Cause(described["cause"]),
        route=Route(described["route"]),
        let_go=described["let_go"],
    )


def kind_name(change: Mapping[str, Any], fields: Iterable[FieldChange]) -> str:
    """What a change of the JSON shape is called; an update that only our marker notes is not called a change."""
    kind = Kind(change["kind"])
    if kind is Kind.UPDATE and not change.get("reason") and not any(one.writes for one in fields):
        return NOTED
    return KINDS[kind].name


def _lines(change: Mapping[str, Any], fields: Iterable[FieldChange]) -> Iterator[list[str]]:
    new = KINDS[Kind(change["kind"])].arrives
    kept = []
    for one in fields:
        if quiet(one):
            kept.append(field_label(one.key))
            continue
        before, *after = sides(one, _LIMIT)
        if new and one.before is ABSENT:
            yield [field_label(one.key), "", after[0] if after else before]
        else:
            yield [field_label(one.key), before, after[0] if after else "", "" if new else cause_text(one)]
    if kept:
        yield [", ".join(kept), "", "", "noted or let go; Flex stays as it is"]
