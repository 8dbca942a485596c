"""What a sandbox begins with, put straight into the database: users in bulk, task queues and Workflows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from flexres.sandbox.flex.user_table import NewUser
from flexres.sandbox.identity import DEFAULT, Identity
from flexres.sandbox.store.database import Store
from flexres.sandbox.taskrouter.named_table import Value
from flexres.sandbox.taskrouter.new_workers import ChannelSettings, escaped_identity
from flexres.sandbox.taskrouter.worker_rows import NewChannel, NewWorker, Workspace

_DATE = "2025-01-15T09:00:00Z"
_BATCH = 2_000
_FIRST = ("Ana", "Ben", "Chiara", "David", "Elif", "Farid", "Grace", "Hiro", "Ines", "Jonas", "Kemi", "Lena", "Marek")
_LAST = ("Ruiz", "Okafor", "Rossi", "Novak", "Yilmaz", "Haddad", "Murphy", "Tanaka", "Costa", "Weber", "Silva")
_TEAMS = ("Support", "Billing", "Retention", "Sales", "Technical")
_CITIES = (("London", "GB", 44), ("Madrid", "ES", 34), ("Berlin", "DE", 49), ("Lisbon", "PT", 351))
_SKILLS = ("billing", "returns", "onboarding", "technical", "retention", "complaints", "sales", "fraud")
_LANGUAGES = ("en", "es", "de", "pt", "fr", "it")


@dataclass(frozen=True, slots=True)
class SeedUser:
    """A user to put in place. `attributes` becomes the Worker's text as it stands, marker and all.

    A `deactivated` user gets no Worker. Channels that are not named have a capacity of 1 and are available.
    """

    username: str
    full_name: str
    email: str
    roles: Sequence[str]
    attributes: str = "{}"
    channels: Mapping[str, ChannelSettings] = field(default_factory=dict)
    deactivated: bool = False


def load(store: Store, users: Iterable[SeedUser]) -> int:
    """Puts users in place whose username is not there yet, and gives how many these were. SIDs follow from names."""
    workspace = store.workspace
    known = store.users.usernames()
    remaining = (user for user in users if user.username not in known)
    loaded = 0
    while batch := list(islice(remaining, _BATCH)):
        with store.transaction():
            workers = [user for user in batch if not user.deactivated]
            store.users.insert(_user_row(user, store.identity) for user in batch)
            store.workers.insert(
                (_worker_row(user, store.identity, workspace) for user in workers),
                (row for user in workers for row in _channel_rows(user, store.identity, workspace)),
            )
        loaded += len(batch)
    return loaded


def seed(store: Store, n: int, *, marker: Callable[[SeedUser], SeedUser] | None = None) -> int:
    """Sees to it that the first `n` plausible users exist, the same in every run; gives how many were added.

    `marker` may change each before it is loaded, such as to give its attributes an owner's mark.
    """
    users: Iterable[SeedUser] = plausible_users(n)
    return load(store, users if marker is None else map(marker, users))


def seed_state(state: Path, n: int, *, identity: Identity = DEFAULT) -> int:
    """`seed` for a state file, with the demo's task queues and Workflows; a sandbox may be serving it.

    Raises:
        SandboxError: the file cannot be used.
    """
    store = Store(state, identity)
    try:
        begin_routing(store)
        return seed(store, n)
    finally:
        store.close()


def plausible_users(n: int) -> Iterator[SeedUser]:
    """`n` contact-centre users: teams with supervisors, an admin here and there, skills, languages, about 700 bytes."""
    for number in range(n):
        first, last = _FIRST[number % len(_FIRST)], _LAST[number // len(_FIRST) % len(_LAST)]
        username = f"{first}.{last}{number}@example.com".lower()
        roles = ["agent"]
        if number % 20 == 0:
            roles.append("supervisor")
        if number % 100 == 0:
            roles.append("admin")
        attributes = _attributes(number, username, f"{first} {last}", roles)
        yield SeedUser(
            username=username,
            full_name=f"{first} {last}",
            email=username,
            roles=roles,
            attributes=json.dumps(attributes, ensure_ascii=False, separators=(",", ":")),
            channels={"chat": ChannelSettings(1 + number % 3), "voice": ChannelSettings(1, number % 7 != 0)},
        )


def _attributes(number: int, username: str, full_name: str, roles: list[str]) -> dict[str, object]:
    team = _TEAMS[number % len(_TEAMS)]
    city, country, prefix = _CITIES[number % len(_CITIES)]
    skills = [_SKILLS[(number + step) % len(_SKILLS)] for step in range(1 + number % 4)]
    return {
        "full_name": full_name,
        "email": username,
        "roles": roles,
        "contact_uri": f"client:{escaped_identity(username)}",
        "image_url": f"https://images.example.com/staff/{number}.png",
        "team_id": str(number % len(_TEAMS) + 1),
        "team_name": team,
        "team_name_in_hierarchy": f"{city},{team}",
        "department": team,
        "location": city,
        "country": country,
        "manager": f"{_FIRST[(number + 5) % len(_FIRST)]} {_LAST[(number + 3) % len(_LAST)]}",
        "phone": f"+{prefix}{700000000 + number}",
        "languages": [_LANGUAGES[(number + step) % len(_LANGUAGES)] for step in range(1 + number % 3)],
        "level": 1 + number % 5,
        "vip": number % 9 == 0,
        "shift": ("early", "late", "night")[number % 3],
        "site": f"{city} Contact Centre, floor {1 + number % 9}",
        "start_date": f"20{18 + number % 8}/0{1 + number % 9}/15",
        "certifications": ["data protection", "payment handling", "first aid"][: 1 + number % 3],
        "routing": {
            "skills": skills,
            "levels": {skill: 1 + (number + place) % 5 for place, skill in enumerate(skills)},
        },
    }


def _sid(prefix: str, name: str, identity: Identity) -> str:
    return prefix + hashlib.md5(f"{identity.instance_sid}/{prefix}/{name}".encode(), usedforsecurity=False).hexdigest()


def _user_row(user: SeedUser, identity: Identity) -> NewUser:
    return NewUser(
        sid=_sid("FU", user.username, identity),
        username=user.username,
        full_name=user.full_name,
        email=user.email,
        roles=json.dumps(list(user.roles)),
        version=1,
        created_date=_DATE,
        updated_date=_DATE,
        deactivated_date=_DATE if user.deactivated else None,
        worker_sid=None if user.deactivated else _sid("WK", user.username, identity),
        username_key=user.username.casefold(),
    )


def _worker_row(user: SeedUser, identity: Identity, workspace: Workspace) -> NewWorker:
    return NewWorker(
        sid=_sid("WK", user.username, identity),
        friendly_name=user.username,
        activity_sid=workspace.offline.sid,
        attributes=user.attributes,
        date_created=_DATE,
        date_updated=_DATE,
        date_status_changed=_DATE,
        name_key=user.username.casefold(),
    )


def _channel_rows(user: SeedUser, identity: Identity, workspace: Workspace) -> Iterator[NewChannel]:
    plain, worker_sid = ChannelSettings(), _sid("WK", user.username, identity)
    for name in workspace.task_channels:
        settings = user.channels.get(name, plain)
        yield NewChannel(
            _sid("WC", f"{user.username}/{name}", identity),
            worker_sid,
            name,
            settings.capacity,
            settings.available,
            _DATE,
            _DATE,
        )


_BEGUN = "routing"
_QUEUES: Mapping[str, str] = {
    "Everyone": "1==1",
    "Billing EN": 'routing.skills HAS "billing" AND languages HAS "en"',
    "Billing Senior": 'routing.skills HAS "billing" AND routing.levels.billing >= 4',
    "Billing Evenings": "routing.skills HAS 'billing' AND shift.pattern == 'evenings'",
    "Returns": 'routing.skills HAS "returns"',
    "Technical": 'routing.skills HAS "technical" AND routing.levels.technical >= 3',
    "VIP": 'vip_desk == true AND (routing.skills HAS "billing" OR routing.skills HAS "technical")',
    "Escalations": 'routing.skills HAS "escalations"',
    "Sales": 'routing.skills HAS "sales"',
    "Sales ES": 'routing.skills HAS "sales" AND languages HAS "es"',
    "Casework": 'routing.skills HAS "casework" AND routing.levels.casework >= 2',
    "Fraud": 'routing.skills HAS "fraud" AND location IN ["London", "Vienna"]',
    "Supervisors": 'roles HAS "supervisor"',
}
_CARE = (
    ("VIP", 'task.vip == true AND task.topic == "billing"', ("VIP", "Billing Senior", "Supervisors")),
    ("Billing after six", 'task.topic == "billing" AND task.hour >= 18', ("Billing Evenings",)),
    ("Billing", 'task.topic == "billing"', ("Billing EN", "Billing Senior")),
    ("Returns", 'task.topic == "returns"', ("Returns",)),
    ("Technical", 'task.topic == "technical"', ("Technical", "Escalations")),
    ("Complaints", 'task.topic == "complaint"', ("Escalations", "Supervisors")),
)
_SALES = (
    ("Spanish", 'task.language == "es"', ("Sales ES", "Sales")),
    ("Anything else", "1==1", ("Sales",)),
)
_BACK_OFFICE = (
    ("Fraud", 'task.kind == "fraud"', ("Fraud", "Supervisors")),
    ("Cases", 'task.kind == "case"', ("Casework",)),
)
_WORKFLOWS = {"Assign to Anyone": (), "Customer Care": _CARE, "Sales": _SALES, "Back Office": _BACK_OFFICE}


def begin_routing(store: Store) -> None:
    """Puts the queues and Workflows in place, once in the life of a state: what people change or remove stays so."""
    with store.transaction():
        if store.setting(_BEGUN) is not None:
            return
        store.set_setting(_BEGUN, "demo")
        sids = {name: store.identity.derived_sid("WQ", name) for name in _QUEUES}
        for name, expression in _QUEUES.items():
            if store.task_queues.by_name(name) is None:
                queue = {"friendly_name": name, "target_workers": expression}
                store.task_queues.insert(
                    sids[name], {"task_order": "FIFO", "max_reserved_workers": 1, **queue}, noted=False
                )
        for name, filters in _WORKFLOWS.items():
            if store.workflows.by_name(name) is None:
                configuration = json.dumps(_configuration(filters, sids))
                values: dict[str, Value] = {
                    "friendly_name": name,
                    "configuration": configuration,
                    "task_reservation_timeout": 120,
                }
                store.workflows.insert(store.identity.derived_sid("WW", name), values, noted=False)


def _configuration(filters: tuple[tuple[str, str, tuple[str, ...]], ...], sids: Mapping[str, str]) -> object:
    """Each filter tries its queues in turn, half a minute each, and ends in the last."""
    listed = [
        {
            "filter_friendly_name": name,
            "expression": expression,
            "targets": [{"queue": sids[queue], "timeout": 30} for queue in queues[:-1]] + [{"queue": sids[queues[-1]]}],
        }
        for name, expression, queues in filters
    ]
    return {"task_routing": {"filters": listed, "default_filter": {"queue": sids["Everyone"]}}}
