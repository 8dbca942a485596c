"""A plan kept for later: which changes were looked at, and what they assume of Flex; applied only while that holds.

What is kept of a Worker is hashes. Who is in a conversation does not matter: it is looked at again just before.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from flexres.errors import SetupError
from flexres.reconcile.diff import Scope, managed
from flexres.reconcile.model import FieldChange, Kind, Plan, SettingState, UserChange
from flexres.reconcile.ownership import Wanted
from flexres.values import ABSENT, Json, Value, canonical, short_hash

FORMAT: Final = 1
KIND: Final = "flexres saved plan"
_AGAIN: Final = "plan again with --save, and have that reviewed"


@dataclass(frozen=True, slots=True)
class Assumption:
    """One change as it was looked at: `state` is of the user's marker, `fields` key → hashes before and after."""

    username: str
    kind: str
    state: str
    fields: Mapping[str, tuple[str, str]]


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """What a file of a saved plan says. `yaml` is the digest of the YAML, `commit` where it came from.

    `settings` are those of single sign-on that would be written: name → a hash of what is replaced by what.
    """

    stack: str
    stack_id: str
    instance: str
    as_of: str
    commit: str
    yaml: str
    changes: Mapping[str, Assumption]
    settings: Mapping[str, str]

    def holds(self, change: UserChange) -> bool:
        """Whether the change is one that was looked at, and nothing it rests on has moved."""
        return self.changes.get(change.username) == _assumption(change)


@dataclass(frozen=True, slots=True)
class Moved:
    """A user of a saved plan about whom something else is true now; `keys` are the fields that it shows in."""

    username: str
    what: str
    keys: tuple[str, ...] = ()


def saved_json(plan: Plan, wanted: Wanted) -> dict[str, Any]:
    """The plan as the values of a JSON file, with a digest over all of them."""
    body = {
        "format": FORMAT,
        "kind": KIND,
        "stack": plan.stack,
        "stack_id": plan.stack_id,
        "instance": plan.instance.sid,
        "as_of": f"{plan.as_of.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "commit": plan.commit or "",
        "yaml": yaml_digest(wanted),
        "changes": [_as_json(_assumption(change)) for change in plan.changes if _matters(change)],
        "settings": _settings(plan),
    }
    return {**body, "digest": _digest(body)}


def read_saved(text: str, shown: str) -> SavedPlan:
    """The saved plan in a file's text; `shown` is the file's name. Raises SetupError for anything else."""
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        raise SetupError(
            f"{shown} is no saved plan: it is not JSON", hint="write one with flexres plan --save"
        ) from None
    if not isinstance(body, dict) or body.get("kind") != KIND:
        raise SetupError(f"{shown} is no saved plan", hint="write one with flexres plan --save")
    if body.get("format") != FORMAT:
        written = body.get("format")
        raise SetupError(f"{shown} is of version {written}, and this flexres reads version {FORMAT}", hint=_AGAIN)
    digest = body.pop("digest", None)
    if digest != _digest(body):
        raise SetupError(f"{shown} was edited: its digest does not fit what it says", hint=_AGAIN)
    try:
        return _saved(body)
    except (KeyError, TypeError, ValueError):
        raise SetupError(f"{shown} is no whole saved plan", hint=_AGAIN) from None


def check_belongs(saved: SavedPlan, wanted: Wanted, shown: str) -> None:
    """Raises SetupError where a saved plan is of another stack or was made from other YAML than this."""
    if (saved.stack_id, saved.instance) != (wanted.config.id, wanted.config.instance):
        raise SetupError(
            f"{shown} is a plan of stack {saved.stack} (id {saved.stack_id}, {saved.instance}), not of {wanted.name}",
            hint="name the stack that it was made for with --stack",
        )
    if saved.yaml != yaml_digest(wanted):
        made, here = (f"commit {commit[:7]}" if commit else "no commit" for commit in (saved.commit, wanted.commit))
        raise SetupError(f"{shown} was made from other YAML than this: it is of {made}, this is {here}", hint=_AGAIN)


def moved(saved: SavedPlan, plan: Plan) -> tuple[Moved, ...]:
    """What is no longer as a saved plan assumes, by the plan of everything now.

    A user of whom nothing is left to do has been seen to already: somebody applied the same before.
    """
    now = {change.username: change for change in plan.changes}
    users = (
        _moved(was, now[was.username])
        for was in saved.changes.values()
        if was.username in now and not saved.holds(now[was.username]) and _matters(now[was.username])
    )
    settings = (
        Moved(name, "is another change of single sign-on than was looked at")
        for name, hashed in _settings(plan).items()
        if saved.settings.get(name) != hashed
    )
    return (*users, *settings)


def yaml_digest(wanted: Wanted) -> str:
    """Sixteen hexadecimal digits over everything that a stack's YAML means; comments and order are no part of it."""
    scope = Scope(wanted.config.id)
    config = json.dumps(asdict(wanted.config), sort_keys=True, default=str)
    hashed = hashlib.sha256(config.encode())
    for username in sorted(wanted.users):
        user = wanted.users[username]
        until = user.until.isoformat() if user.until else None
        line = canonical([username, managed(user, scope), user.skills_exact, user.skills == {}, until, user.previously])
        hashed.update(line.encode("utf-8", "surrogatepass"))
    return hashed.hexdigest()[:16]


def _matters(change: UserChange) -> bool:
    return change.pending or change.leaves


def _assumption(change: UserChange) -> Assumption:
    kind = Kind.RETIRE if change.kind is Kind.WAIT else change.kind
    fields = {field.key: (_hash(field.before), _hash(field.after)) for field in change.fields}
    for field in change.idp.fields if change.idp else ():
        fields[f"idp:{field.key}"] = (_hash(field.before), _hash(field.after))
    return Assumption(change.username, str(kind), _state(change), fields)


def _state(change: UserChange) -> str:
    """A hash of what a change rests on besides its fields: the marker, the old name, and being deactivated."""
    marker = change.marker
    if marker and change.leaves:
        marker = replace(marker, leaving=None)
    deactivated = change.live is not None and change.live.user.deactivated
    old = change.old.user.sid if change.old else ""
    return short_hash([marker.text() if marker else "", old, deactivated, str(change.why or "")])


def _settings(plan: Plan) -> dict[str, str]:
    """What of single sign-on and of the identity provider would be written, with a hash of what is replaced by what."""
    found = plan.settings_in(SettingState.CHANGE)
    settings = {one.name: short_hash([one.observed, one.declared, one.removal]) for one in found}
    for change in plan.idp.changes if plan.idp else ():
        settings[f"{change.part} {change.key}"] = short_hash([_hash(change.before), _hash(change.after)])
    return settings


def _hash(value: Value) -> str:
    return "" if value is ABSENT else short_hash(value)


def _as_json(one: Assumption) -> dict[str, Any]:
    fields = {key: list(hashes) for key, hashes in one.fields.items()}
    return {"username": one.username, "kind": one.kind, "state": one.state, "fields": fields}


def _saved(body: Mapping[str, Any]) -> SavedPlan:
    changes: Sequence[Mapping[str, Any]] = body["changes"]
    texts = {name: _text(body[name]) for name in ("stack", "stack_id", "instance", "as_of", "commit", "yaml")}
    datetime.strptime(texts["as_of"], "%Y-%m-%dT%H:%M:%SZ")
    read = [
        Assumption(
            _text(one["username"]),
            _text(one["kind"]),
            _text(one["state"]),
            {_text(key): (_text(before), _text(after)) for key, (before, after) in one["fields"].items()},
        )
        for one in changes
    ]
    settings = {_text(name): _text(hashed) for name, hashed in body["settings"].items()}
    return SavedPlan(**texts, changes={one.username: one for one in read}, settings=settings)


def _text(value: Json) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _digest(body: Mapping[str, Any]) -> str:
    return hashlib.sha256(canonical(dict(body)).encode("utf-8", "surrogatepass")).hexdigest()


def _moved(was: Assumption, change: UserChange) -> Moved:
    now = _assumption(change)
    if was.kind != now.kind:
        return Moved(change.username, f"was to be: {was.kind}, is now: {now.kind}")
    keys = tuple(_differing(was, now))
    if keys:
        return Moved(change.username, "is not as it was", keys)
    return Moved(change.username, "was written to by another run")


def _differing(was: Assumption, now: Assumption) -> Iterator[str]:
    for key in sorted({*was.fields, *now.fields}):
        if was.fields.get(key) != now.fields.get(key):
            yield key


def fields_of(plan: Plan, found: Moved) -> tuple[FieldChange, ...]:
    """The fields of a moved user as they are now, those in which it shows."""
    changes = (change for change in plan.changes if change.username == found.username)
    return tuple(field for change in changes for field in change.fields if field.key in found.keys)
