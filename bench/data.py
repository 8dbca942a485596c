"""The users that the bench measures with: as YAML files, and as a Flex that already is as the YAML says."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

from flexres.desired.load import load_stack
from flexres.desired.model import DesiredUser
from flexres.desired.source import FolderSource
from flexres.reconcile.diff import Scope, marker_for
from flexres.reconcile.fields import desired_fields, write_fields
from flexres.reconcile.marker import ATTRIBUTE
from flexres.sandbox.identity import DEFAULT, Identity
from flexres.sandbox.server import Sandbox
from flexres.sandbox.store.seed import SeedUser

ID = "bench1"
_TEAMS = ("Support", "Billing", "Retention", "Sales", "Technical")
_CITIES = ("London", "Madrid", "Berlin", "Lisbon", "Leeds")
_SKILLS = ("billing", "returns", "onboarding", "technical", "retention", "fraud")


def write_stack(
    folder: Path, users: int, files: int, *, skills: bool = True, stack_id: str = ID, identity: Identity = DEFAULT
) -> Path:
    """A stack of realistic users in so many files; without `skills`, users whom claims can describe."""
    (folder / "users").mkdir(parents=True, exist_ok=True)
    (folder / "flex.yaml").write_text(
        f"version: 1\nid: {stack_id}\naccount: {identity.account_sid}\ninstance: {identity.instance_sid}\n"
        "engine: direct\n"
        "defaults: {attributes: {company: Example}}\n"
        "policy: {max_removals: 10%, max_changes: 30%, email_domains: [example.com]}\n"
    )
    each = -(-users // files)
    for number in range(files):
        numbers = range(number * each, min(users, (number + 1) * each))
        text = "".join(_user(n, skills=skills) for n in numbers)
        team = _TEAMS[number % len(_TEAMS)]
        (folder / "users" / f"team{number:02}.yaml").write_text(
            f"defaults:\n  roles: [agent]\n  attributes: {{team_name: {team}}}\nusers:\n{text or '  {}'}\n"
        )
    return folder


def _user(n: int, *, skills: bool) -> str:
    city, level = _CITIES[n % 5], n % 4 + 1
    lines = [
        f"  agent{n:05}@example.com:",
        f"    full_name: Agent Number {n}",
        *(["    roles: [agent, supervisor]"] if n % 20 == 0 else []),
        *([f"    skills: {{{_SKILLS[n % 6]}: {level}, {_SKILLS[(n + 1) % 6]}: true}}"] if skills else []),
        "    attributes:",
        f"      location: {city}",
        f"      level: {level}",
        f"      vip: {'true' if n % 7 == 0 else 'false'}",
        "      languages: [en, de]",
        f"      badge: 'B{n:06}'",
        f"    insights: {{department: Care, manager: Lead {n // 20}}}",
    ]
    return "\n".join(lines) + "\n"


def equal_flex(folder: Path, state: Path) -> None:
    """A sandbox state that already is as the stack in `folder` says."""
    stack = load_stack(FolderSource(folder), name="bench")
    with Sandbox(state=state) as sandbox:
        sandbox.load(seed_users(stack.users.values()))


def seed_users(users: Iterable[DesiredUser], stack_id: str = ID) -> Iterator[SeedUser]:
    """Users in Flex as their stack says, with its marker."""
    for user in users:
        attributes = json.dumps(_attributes(user, stack_id))
        yield SeedUser(user.username, user.full_name, user.email, user.roles, attributes)


def _attributes(user: DesiredUser, stack_id: str) -> dict[str, Any]:
    attributes: dict[str, Any] = {
        "contact_uri": f"client:{user.username}",
        "full_name": user.full_name,
        "email": user.email,
        "roles": list(user.roles),
        "image_url": f"https://example.com/faces/{user.username}.png",
        "plugin": {"last_seen": date(2026, 11, 21).isoformat(), "panel": ["notes", "history", "crm"]},
    }
    written = [(k, v) for k, v in desired_fields(user).items() if k.space in {"attr", "skill"}]
    write_fields(attributes, written)
    attributes[ATTRIBUTE] = marker_for(user, Scope(stack_id), 0).text()
    return attributes
