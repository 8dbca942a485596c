"""A plan kept for later, applied only while what it assumes of Flex holds; and the fingerprint that tells plans apart.

What is kept of a Worker is hashes. Who is in a conversation does not matter: it is looked at again just before.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from flexres.errors import SetupError
from flexres.reconcile.change import Change, FieldChange, Kind, UserChange
from flexres.reconcile.context import Wanted
from flexres.reconcile.diff import Scope, managed
from flexres.reconcile.guards.watch import roles_of_person_before
from flexres.reconcile.plan import Plan
from flexres.values import ABSENT, Json, Value, canonical, short_hash

FORMAT: Final = 2
KIND: Final = "flexres saved plan"
_AGAIN: Final = "plan again with --save, and have that reviewed"


@dataclass(frozen=True, slots=True)
class Assumption:
    """One change as it was looked at: `state` is of the user's marker, `fields` key → hashes before and after."""

    about: str
    name: str
    kind: str
    state: str
    fields: Mapping[str, tuple[str, str]]


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """What a file of a saved plan says. `yaml` is the digest of the YAML, `commit` where it came from.

    `changes` are by what they are about and its name.
    """

    stack: str
    stack_id: str
    instance: str
    as_of: str
    commit: str
    yaml: str
    changes: Mapping[tuple[str, str], Assumption]

    def holds(self, change: Change) -> bool:
        """Whether the change is one that was looked at, and nothing it rests on has moved."""
        return self.changes.get((change.about, change.name)) == _assumption(change)


@dataclass(frozen=True, slots=True)
class Moved:
    """A change of a saved plan for which something else is true now; `fields` are those that show it, as they are."""

    name: str
    what: str
    fields: tuple[FieldChange, ...] = ()


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
        "changes": [asdict(_assumption(change)) for change in plan.changes if _matters(change)],
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

    Only what is as wanted by now counts as done: somebody applied the same before. Who cannot be written, or was
    to leave and is there although we may not retire them any more, is not.
    """
    now = {(str(change.about), change.name): change for change in plan.changes}
    live = plan.evidence.snapshot.users
    still_there = {name for name, one in live.items() if not one.user.deactivated}
    found = (_moved(was, now.get(key), still_there) for key, was in saved.changes.items())
    return tuple(one for one in found if one is not None)


def came_up(saved: SavedPlan, plan: Plan) -> tuple[Moved, ...]:
    """What is to do besides the saved plan."""
    return tuple(
        Moved(change.name, "is to do, too")
        for change in plan.pending
        if (change.about, change.name) not in saved.changes
    )


def yaml_digest(wanted: Wanted) -> str:
    """Sixteen hexadecimal digits over everything that a stack's YAML means; comments and order are no part of it."""
    scope = Scope(wanted.config.id)
    config = json.dumps(asdict(wanted.config), sort_keys=True, default=str)
    hashed = hashlib.sha256(config.encode())
    for username in sorted(wanted.users):
        user = wanted.users[username]
        until = user.until.isoformat() if user.until else None
        fields = {key.text: value for key, value in managed(user, scope).items()}
        line = canonical([username, fields, user.skills_exact, user.skills == {}, until, user.previously])
        hashed.update(line.encode("utf-8", "surrogatepass"))
    return hashed.hexdigest()[:16]


def _matters(change: Change) -> bool:
    return change.pending or (isinstance(change, UserChange) and change.leaves)


def _assumption(change: Change) -> Assumption:
    if not isinstance(change, UserChange):
        return Assumption(str(change.about), change.name, "change", "", dict(map(_hashed, change.written)))
    kind = Kind.RETIRE if change.kind is Kind.WAIT else change.kind
    fields = dict(map(_hashed, change.fields))
    if roles := _roles_at_stake(change):
        fields[_ROLES_BEFORE] = (_hash(roles), "")
    for item in change.idp.fields if change.idp else ():
        key, hashes = _hashed(item)
        fields[f"idp:{key}"] = hashes
    return Assumption(str(change.about), change.name, str(kind), _state(change), fields)


_ROLES_BEFORE: Final = "was:roles"


def _roles_at_stake(change: UserChange) -> list[Json]:
    """The roles in Flex of whoever leaves, or leaves a name behind: what they lose stands in no field of the change."""
    return [*sorted(roles_of_person_before(change))] if change.leaves or change.old else []


def _hashed(item: FieldChange) -> tuple[str, tuple[str, str]]:
    return item.key.text, (_hash(item.before), _hash(item.after))


def _state(change: UserChange) -> str:
    """A hash of what a change rests on besides its fields: the marker, the old name, and being deactivated."""
    marker = change.marker
    if marker and change.leaves:
        marker = replace(marker, leaving=None)
    deactivated = change.live is not None and change.live.user.deactivated
    old = change.old.user.sid if change.old else ""
    return short_hash([marker.text() if marker else "", old, deactivated, str(change.why or "")])


def _hash(value: Value) -> str:
    return "" if value is ABSENT else short_hash(value)


def _saved(body: Mapping[str, Any]) -> SavedPlan:
    texts = {name: _text(body[name]) for name in ("stack", "stack_id", "instance", "as_of", "commit", "yaml")}
    datetime.strptime(texts["as_of"], "%Y-%m-%dT%H:%M:%SZ")
    read = [
        Assumption(
            **{name: _text(one[name]) for name in ("about", "name", "kind", "state")},
            fields={_text(key): (_text(before), _text(after)) for key, (before, after) in one["fields"].items()},
        )
        for one in body["changes"]
    ]
    return SavedPlan(**texts, changes={(one.about, one.name): one for one in read})


def _text(value: Json) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _digest(body: Mapping[str, Any]) -> str:
    return hashlib.sha256(canonical(dict(body)).encode("utf-8", "surrogatepass")).hexdigest()


def _moved(was: Assumption, change: Change | None, still_there: Collection[str]) -> Moved | None:
    if change is None:
        gone = was.kind not in _DEPARTURES or was.name not in still_there
        return None if gone else Moved(was.name, "was to leave, and our marker is gone")
    now = _assumption(change)
    if was == now or _is_as_wanted(change):
        return None
    if was.kind != now.kind:
        return Moved(change.name, f"was to be: {was.kind}, is now: {now.kind}")
    keys = {key for key in {*was.fields, *now.fields} if was.fields.get(key) != now.fields.get(key)}
    if _ROLES_BEFORE in keys and isinstance(change, UserChange):
        roles = ", ".join(sorted(roles_of_person_before(change))) or "none"
        return Moved(change.name, f"has other roles in Flex than when the plan was made: {roles}")
    if keys:
        return Moved(
            change.name, "is not as it was", tuple(field for field in _fields(change) if field.key.text in keys)
        )
    return Moved(change.name, "was written to by another run")


def _fields(change: Change) -> tuple[FieldChange, ...]:
    return change.fields if isinstance(change, UserChange) else change.written


def _is_as_wanted(change: Change) -> bool:
    """Whether nothing of it is left to do in Flex, and nothing stands in the way."""
    return isinstance(change, UserChange) and change.kind is Kind.AT_IDP


_DEPARTURES: Final = frozenset(map(str, (Kind.RETIRE, Kind.LET_GO)))


def fingerprint(plan: Plan) -> str:
    """Sixteen hexadecimal digits over all that is pending, whoever approved it and whatever it was counted among.

    A leaver counts alike whether busy or not: the operation reads that again just before.
    """
    described = [_described(change) for change in plan.changes if change.pending or _leaves(change)]
    text = canonical([plan.stack_id, plan.instance.sid, sorted(described, key=canonical)])
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _leaves(change: Change) -> bool:
    return isinstance(change, UserChange) and change.leaves


def _described(change: Change) -> Json:
    if not isinstance(change, UserChange):
        return [change.about, change.name, _sides(change.written)]
    kind = Kind.RETIRE if change.kind is Kind.WAIT else change.kind
    at_idp = change.idp.fields if change.idp else ()
    old = change.old.username if change.old else ""
    return [change.about, change.name, kind, old, _roles_at_stake(change), _sides(change.fields), _sides(at_idp)]


def _sides(fields: tuple[FieldChange, ...]) -> Json:
    return sorted(([item.key.text, _side(item.before), _side(item.after)] for item in fields), key=canonical)


def _side(value: Value) -> Json:
    return [] if value is ABSENT else [value]
