"""What only all users together can show: names declared twice, leavers that stay, former names in use, claims."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Final

from flexres.desired.model import DesiredUser, Sso
from flexres.desired.schema.attributes import TYPES
from flexres.desired.users import Entry
from flexres.desired.yaml.locate import Locator, problem_at
from flexres.errors import Problem
from flexres.values import fold_case

# https://www.twilio.com/docs/taskrouter/limits, "Registered Workers per Workspace"
MOST_WORKERS: Final = 15_000
_CONFIG: Final = "flex.yaml"


def unique_entries(entries: Sequence[Entry], locator: Locator, problems: list[Problem]) -> dict[str, Entry]:
    """The entries by username, each once; names that are declared twice, or differ only by case, go to `problems`."""
    unique: dict[str, Entry] = {}
    folded: dict[str, Entry] = {}
    for entry in entries:
        earlier = folded.setdefault(fold_case(entry.username), entry)
        if earlier is entry:
            unique[entry.username] = entry
            continue
        place = locator.position(earlier.file, earlier.path, at_key=True)
        if earlier.username == entry.username:
            message, hint = f"{entry.username} is declared a second time, first at {place}", "keep one of the two"
        else:
            message = f"{entry.username} differs only by case from {earlier.username} at {place}"
            hint = "Workers' names ignore case, so the two would be one: keep one of them"
        problems.append(problem_at(entry.file, entry.path, message, hint, at_key=True))
    return unique


def leaver_problems(leavers: Sequence[str], entries: Mapping[str, Entry]) -> Iterator[Problem]:
    """Leavers that are still declared, or named twice."""
    declared = {fold_case(name): name for name in entries}
    seen: set[str] = set()
    for index, name in enumerate(leavers):
        at = ("leavers", index)
        if fold_case(name) in declared:
            entry = entries[declared[fold_case(name)]]
            message = f"{name} is a leaver and is declared in {entry.shown}"
            yield problem_at(_CONFIG, at, message, "take the name out of one of the two")
        if fold_case(name) in seen:
            yield problem_at(_CONFIG, at, f"{name} stands twice among the leavers", "keep one")
        seen.add(fold_case(name))


def rename_problems(users: Mapping[str, DesiredUser], entries: Mapping[str, Entry]) -> Iterator[Problem]:
    """Former names that are still declared, that two users claim, or that are the user's own."""
    renamed = {name: user.previously for name, user in users.items() if user.previously is not None}
    if not renamed:
        return
    declared = {fold_case(name): name for name in users}
    claimed: dict[str, str] = {}
    for name, former in renamed.items():
        folded = fold_case(former)
        first = claimed.setdefault(folded, name)
        if folded == fold_case(name):
            hint = "take previously: out; Twilio cannot change only the case of a username either"
            yield entries[name].problem("previously", f"{former} is the user's own name", hint)
        elif folded in declared:
            message = f"{former} is declared as well, in {entries[declared[folded]].shown}"
            yield entries[name].problem("previously", message, "take the old entry out: this one takes over")
        elif first != name:
            yield entries[name].problem(
                "previously", f"{former} is also what {first} was called", "keep one of the two"
            )


def claim_problems(
    sso: Sso | None, entries: Mapping[str, Entry], users: Mapping[str, DesiredUser]
) -> Iterator[Problem]:
    """Attributes that users declare and the identity provider writes over at every login."""
    claims = {_bare(claim) for claim in sso.claims} if sso is not None else set()
    if not claims:
        return
    for name, user in users.items():
        for attribute in sorted(claims & user.attributes.keys()):
            entry = entries[name]
            message = f"the identity provider writes {attribute} at every login, so {name} cannot declare it"
            hint = f"take it out here, or take {attribute} out of sso: claims: and out of what the provider sends"
            yield problem_at(entry.file, _written_at(entry, attribute) or entry.path, message, hint, at_key=True)


def _bare(claim: str) -> str:
    name, _, kind = claim.rpartition(".")
    return name if kind in TYPES else claim


def _written_at(entry: Entry, attribute: str) -> tuple[str, ...] | None:
    for section in ("insights", "attributes"):
        if attribute in (entry.own.get(section) or {}):
            return ("users", entry.username, section, attribute)
    return ("users", entry.username, attribute) if attribute in entry.own else None


def persona_warnings(
    users: Mapping[str, DesiredUser], entries: Mapping[str, Entry], as_of: date | None
) -> Iterator[Problem]:
    """Two users with one e-mail address: Flex counts, and bills, two personas."""
    first: dict[str, str] = {}
    for name, user in users.items():
        if as_of is not None and user.until is not None and user.until < as_of:
            continue
        other = first.setdefault(fold_case(user.email), name)
        if other != name:
            message = f"{name} and {other} share the address {user.email}: two personas, each billed"
            yield entries[name].problem("email", message, "give each an address of their own", severity="warning")


def leaving_warnings(
    users: Mapping[str, DesiredUser], entries: Mapping[str, Entry], as_of: date | None
) -> Iterator[Problem]:
    """Users whose last day has passed: once they have left, their entries say nothing any more."""
    for name, user in users.items():
        if as_of is not None and user.until is not None and user.until < as_of:
            message = f"the last day of {name} was {user.until.isoformat()}"
            yield entries[name].problem("until", message, "take the entry out once they have left", severity="warning")


def team_file_problems(team_files: Sequence[str], problems: Sequence[Problem]) -> Iterator[Problem]:
    """No team file at all: what is absent by mistake must not read as: everybody leaves."""
    if not team_files and not problems:
        message = "this stack has no team file, so nobody would be declared"
        yield problem_at(_CONFIG, (), message, "put one into users/; with users: {} in it, if nobody is meant")


def workspace_warnings(users: Mapping[str, DesiredUser]) -> Iterator[Problem]:
    """More users than TaskRouter has room for in one Workspace."""
    if len(users) > MOST_WORKERS:
        message = f"{len(users):,} users, and a TaskRouter Workspace holds {MOST_WORKERS:,} Workers"
        yield problem_at(_CONFIG, (), message, "ask Twilio's support to raise the limit first", severity="warning")
