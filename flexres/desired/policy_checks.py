"""What a guard can tell without Flex: users whom the stack's own policy would refuse, and approvals that have ended."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Final

from flexres.desired.model import DesiredUser, Policy
from flexres.desired.users import Entry
from flexres.desired.yaml.locate import problem_at
from flexres.errors import Problem
from flexres.values import fold_case

_CONFIG: Final = "flex.yaml"


def policy_warnings(
    policy: Policy,
    users: Mapping[str, DesiredUser],
    entries: Mapping[str, Entry],
    leavers: Sequence[str],
    as_of: date | None,
) -> Iterator[Problem]:
    """Warnings at the lines that the guards would be about."""
    yield from _addresses(policy, users, entries)
    yield from _admins(policy, users)
    yield from _protected(policy, users, entries, leavers)
    yield from _approvals(policy, as_of)


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


def _approvals(policy: Policy, as_of: date | None) -> Iterator[Problem]:
    for number, entry in enumerate(policy.approved):
        if as_of is not None and entry.until < as_of:
            message = f"this approval ended on {entry.until.isoformat()}: {entry.purpose}"
            place = ("policy", "approved", number)
            yield problem_at(_CONFIG, place, message, "take it out", severity="warning")
