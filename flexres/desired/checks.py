"""What only the whole can show: names declared twice, users whom the stack's own policy refuses, stacks that clash."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import combinations
from typing import Final

from flexres.desired.model import MOST_DAYS_APPROVED, DesiredUser, Policy, Sso, StackConfig
from flexres.desired.schema.attributes import TYPES
from flexres.desired.source import Source, UnreadableFile
from flexres.desired.stack import Stack
from flexres.desired.users import Entry
from flexres.desired.yaml.problems import Locator, problem_at
from flexres.desired.yaml.tree import compose, decode
from flexres.desired.yaml.values import Unusual, read_values
from flexres.errors import Position, Problem
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


def policy_warnings(
    config: StackConfig, users: Mapping[str, DesiredUser], entries: Mapping[str, Entry], as_of: date | None
) -> Iterator[Problem]:
    """Warnings at the lines that the guards would be about, and errors at approvals that hold too long."""
    policy = config.policy
    yield from _addresses(policy, users, entries)
    yield from _admins(policy, users)
    yield from _protected(policy, users, entries, config.leavers)
    if as_of is not None:
        # Of a sandbox an approval may hold as long as it likes: nobody is harmed by it.
        yield from _approvals(policy, as_of, endless=config.endpoint is not None)


def _addresses(policy: Policy, users: Mapping[str, DesiredUser], entries: Mapping[str, Entry]) -> Iterator[Problem]:
    if policy.email_domains is None:
        return
    allowed = {name.lower() for name in policy.email_domains}
    for name, user in users.items():
        if user.email.rpartition("@")[2].lower() not in allowed:
            message = f"{user.email} is of no domain in policy.email_domains, so no plan may write it"
            hint = "add the domain there, or correct the address"
            yield entries[name].problem("email", message, hint, severity="warning")


def _admins(policy: Policy, users: Mapping[str, DesiredUser]) -> Iterator[Problem]:
    admins = sum("admin" in user.roles for user in users.values())
    # Who declares no admin leaves them to others.
    if 0 < admins < policy.min_admins:
        message = f"policy.min_admins is {policy.min_admins}, and the YAML declares {admins}"
        hint = "declare another admin: no plan may take one away otherwise"
        yield problem_at(_CONFIG, ("policy", "min_admins"), message, hint, severity="warning")


def _protected(
    policy: Policy, users: Mapping[str, DesiredUser], entries: Mapping[str, Entry], leavers: Sequence[str]
) -> Iterator[Problem]:
    named = {fold_case(name) for name in policy.protected}
    for number, name in enumerate(leavers):
        if fold_case(name) in named:
            message = f"{name} is a leaver and is protected, so no plan lets them leave"
            hint = "take the name out of one of the two"
            yield problem_at(_CONFIG, ("leavers", number), message, hint, severity="warning")
    for name, user in users.items():
        if user.previously is not None and fold_case(user.previously) in named:
            message = f"{user.previously} is protected, so no plan renames them"
            yield entries[name].problem("previously", message, "take the name off policy.protected", severity="warning")
        if user.until is not None and fold_case(name) in named:
            message = f"{name} is protected, and is to leave after {user.until.isoformat()}"
            yield entries[name].problem("until", message, "take out one of the two", severity="warning")


def _approvals(policy: Policy, as_of: date, *, endless: bool) -> Iterator[Problem]:
    latest = as_of + timedelta(days=MOST_DAYS_APPROVED)
    for number, entry in enumerate(policy.approved):
        place = ("policy", "approved", number)
        if entry.until < as_of:
            message = f"this approval ended on {entry.until.isoformat()}: {entry.purpose}"
            yield problem_at(_CONFIG, place, message, "take it out: flexres approve --prune", severity="warning")
        if entry.until > latest and not endless:
            message = f"an approval holds for {MOST_DAYS_APPROVED} days at most, and this one until {entry.until}"
            yield problem_at(_CONFIG, (*place, "until"), message, f"write {latest} or earlier")


_MOST: Final = 20


def clashes(stacks: Sequence[Stack]) -> tuple[Problem, ...]:
    """A problem for everything that two stacks both claim, each told at the later stack with the earlier one's place.

    Two stacks may share an instance as long as no user is declared in both, none of one is a leaver of the other,
    and at most one of them declares its single sign-on. An id belongs to one stack: it is on the Workers' markers.
    """
    return tuple(problem for earlier, later in combinations(stacks, 2) for problem in _between(earlier, later))


@dataclass(frozen=True, slots=True)
class Glance:
    """What flex.yaml says of whose a stack is, as it is written there: unchecked, and None where it does not say."""

    id: object = None
    account: object = None
    instance: object = None


def glance(source: Source) -> Glance:
    """A look at a stack's flex.yaml alone; of one that cannot be read nothing is known."""
    try:
        data = source.read(_CONFIG)
    except UnreadableFile:
        return Glance()
    try:
        values = read_values(data)
    except Unusual:
        text, problems = decode(data, _CONFIG)
        tree = compose(text, _CONFIG)[0] if not problems else None
        values = tree.value if tree is not None else None
    if not isinstance(values, dict):
        return Glance()
    return Glance(values.get("id"), values.get("account"), values.get("instance"))


def may_clash(mine: Stack, other: Glance) -> bool:
    """Whether another stack seems to have the same id or instance."""
    return mine.config.id == other.id or mine.config.instance == other.instance


def unread_beside(mine: Stack, other: Glance, at: str) -> tuple[Problem, ...]:
    """What a stack may not say while another one that it may clash with cannot be loaded.

    By that one's id all of its users would be taken for one's own; and a leaver leaves whatever the marker says, so
    nobody may be named as one while nobody can tell whom the other stack declares.
    """
    found = [_same_id(mine, at)] if mine.config.id == other.id else []
    if mine.config.leavers:
        found.append(
            Problem(
                f"who leaves here may be declared in stack {at} of the same instance, which cannot be read",
                f"mend that one first: flexres validate --stack {at}",
                place=mine.position("leavers"),
            )
        )
    return tuple(found)


def _same_id(later: Stack, at: str) -> Problem:
    return Problem(
        f"the id {later.config.id} is also that of {at}",
        "give each stack an id of its own: it says on a Worker's marker whose the user is",
        place=later.position("id"),
    )


def _between(earlier: Stack, later: Stack) -> Iterator[Problem]:
    if earlier.config.id == later.config.id:
        yield _same_id(later, f"{earlier.name}, at {_place(earlier.position('id'))}")
    if earlier.config.instance == later.config.instance:
        yield from _of_one_instance(earlier, later)


def _of_one_instance(earlier: Stack, later: Stack) -> Iterator[Problem]:
    if earlier.config.sso is not None and later.config.sso is not None:
        yield Problem(
            f"{earlier.name} declares the single sign-on of this instance, too, at {_place(earlier.position('sso'))}",
            "keep it in one of the two stacks",
            place=later.position("sso"),
        )
    yield from _common_users(earlier, later)
    yield from _leavers_of(earlier, later)
    yield from _leavers_of(later, earlier)
    yield from _former_names_of(earlier, later)
    yield from _former_names_of(later, earlier)


def _common_users(earlier: Stack, later: Stack) -> Iterator[Problem]:
    there = {fold_case(name): name for name in earlier.users}
    common = [name for name in later.users if fold_case(name) in there]
    for name in common[:_MOST]:
        place = _place(earlier.position_of(there[fold_case(name)]))
        more = f", and so are {len(common) - _MOST} others" if len(common) > _MOST and name == common[_MOST - 1] else ""
        yield Problem(
            f"{name} is declared in stack {earlier.name} of the same instance, too, at {place}{more}",
            "keep one of the two: a Worker's marker can name one stack alone",
            place=replace(later.position_of(name), length=len(name)),
        )


def _leavers_of(one: Stack, other: Stack) -> Iterator[Problem]:
    declared = {fold_case(name): name for name in other.users}
    for index, name in enumerate(one.config.leavers):
        if fold_case(name) in declared:
            place = _place(other.position_of(declared[fold_case(name)]))
            yield Problem(
                f"{name} is a leaver here, and is declared in stack {other.name} of the same instance, at {place}",
                "take the name out of one of the two",
                place=one.position("leavers", index),
            )


def _former_names_of(one: Stack, other: Stack) -> Iterator[Problem]:
    """Names that a rename in `one` would take from `other`; what both claim is told at the later of the two."""
    declared = {fold_case(name): name for name in other.users}
    both = {fold_case(user.previously): name for name, user in other.users.items() if user.previously is not None}
    claimed = both if one.name > other.name else {}
    for name, user in one.users.items():
        old = fold_case(user.previously or "")
        who = declared.get(old) or claimed.get(old)
        if user.previously is None or who is None:
            continue
        what = "is declared" if old in declared else "is claimed as a former name"
        at = f"in stack {other.name} of the same instance, at {_place(other.position_of(who))}"
        yield Problem(
            f"{name} was previously {user.previously}, who {what} {at}",
            "a rename takes a Worker of this stack's own: leave previously out",
            place=one.position_of(name, "previously"),
        )


def _place(position: Position) -> str:
    return f"{position.file}:{position.line}"
