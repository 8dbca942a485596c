"""The words of the reports: fields, values, causes, counts, times and commands, the same in every format."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from flexres.apply.outcome import Outcome, UserOutcome
from flexres.reconcile.change import Cause, Change, FieldChange, Kind, Route
from flexres.reconcile.idp.model import Stranger
from flexres.reconcile.key import LEAVING, UNTIL, Key
from flexres.report.layout import shorten
from flexres.report.terms import KINDS
from flexres.text import visible
from flexres.values import ABSENT, Json, Value, normal

NOTHING: Final = "–"
SHORT, LONG = 48, 400
"""How many cells a value may take, and how many where everything is asked for."""
LONG_LABEL: Final = 60
"""How many cells the name of a field may take."""

SSO_BRINGS_BACK: Final = "An SSO login brings a leaver back until the identity provider lets them go, too."
NAMES_OF_FEW: Final = 5
ELSEWHERE: Final = "not from this change"
"""Compared with a base: what Flex or an earlier change causes."""

_LOOKS_LIKE_ANOTHER_TYPE = re.compile(r"|\s.*|.*\s|true|false|null|-?\d+(\.\d+)?|\[.*|\{.*|.*[·→].*", re.DOTALL)
"""Or like what stands between two values of ours."""
_PLAIN_NAME = re.compile(r"[\w.@$+-]+")
_PLAIN_WORDS = re.compile(r"[\w.@$+-]+( [\w.@$+-]+)*")


def when(moment: datetime) -> str:
    """An aware time as `2026-11-21 09:14 UTC`."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def offline_words(base: str) -> str:
    """What a plan that has not looked at Flex cannot know; `base` is its name, as it is to be shown."""
    return (
        f"Compared with the YAML of {base} alone: Flex was not read, so drift, who is in a conversation, and "
        "whether all of it was ever deployed are not known."
    )


def as_set_words(users: int) -> str:
    """What a plan of so many users with channels has not looked at."""
    return (
        f"Whether channels are available was not read of {users:,} users: it is taken as flexres set it last "
        "(flexres drift reads all)."
    )


def plural(count: int, one: str, many: str = "") -> str:
    """A count and its noun: `1 user`, `2 users`."""
    return f"{count} {one if count == 1 else many or one + 's'}"


def names_of(names: Sequence[str], *, few: int = NAMES_OF_FEW) -> str:
    """Some names in one line, and how many more there are."""
    shown = ", ".join(visible(name) for name in names[:few])
    return f"{shown} and {len(names) - few} more" if len(names) > few else shown


def stranger_text(account: Stranger) -> str:
    """What an account at the provider would be in Flex, and why nobody wants that."""
    name = f" as {visible(account.name_id)}" if account.name_id else ""
    return f"signs in{name} with {names_of(account.roles)}, and {account.claim}"


def short_sid(sid: str) -> str:
    """A SID by its ends: `GO…9c41`."""
    return f"{visible(sid[:2])}…{visible(sid[-4:])}"


def short_place(stack: str, place: str | None) -> str:
    """A place in the YAML from the stack's folder on: `users/ops.yaml:14`."""
    return visible((place or "").partition(f"/{stack}/")[2] or place or "")


def field_label(key: Key) -> str:
    """A field as people call it: `level`, `skill billing`, `chat capacity`."""
    if key is UNTIL:
        return "last day"
    if key.space == "marker":
        return visible(key.name)
    if key.space == "skill":
        return shorten(f"skill {_name_text(key.name, _PLAIN_WORDS)}", LONG_LABEL)
    between = " " if key.space == "channel" else "."
    return shorten(between.join(_name_text(name, _PLAIN_NAME) for name in key.path), LONG_LABEL)


def _name_text(name: str, plain: re.Pattern[str]) -> str:
    """A name as it is, or quoted where it could be read as words of ours: agents can name their own attributes."""
    return visible(name if plain.fullmatch(name) else json.dumps(name, ensure_ascii=False))


def value_text(value: Value, limit: int = SHORT) -> str:
    """A value in one line: texts plain unless they look like another type, lists by commas, the rest as JSON."""
    return shorten(_value_text(value), limit)


def _value_text(value: Value) -> str:
    if value is ABSENT:
        return NOTHING
    if isinstance(value, str):
        return _json_text(value) if _LOOKS_LIKE_ANOTHER_TYPE.fullmatch(value) or value == NOTHING else visible(value)
    if isinstance(value, Sequence):
        if not value:
            return "[]"
        if all(isinstance(item, str) and item and "," not in item and item == item.strip() for item in value):
            return visible(", ".join(str(item) for item in value))
        return _json_text(value)
    return _json_text(value)


def _json_text(value: Json) -> str:
    spaced = isinstance(value, Mapping) or (isinstance(value, Sequence) and not isinstance(value, str))
    return visible(json.dumps(normal(value), ensure_ascii=False, separators=(", ", ": ") if spaced else None))


def values_text(change: FieldChange, limit: int = SHORT) -> str:
    """Before → after of one field."""
    return " → ".join(fitted(sides(change), limit))


def sides(change: FieldChange) -> tuple[str, ...]:
    """Before and after of one field in full; one text alone where both are told at once."""
    if change.key is LEAVING:
        return ("stays: leaving is called off",)
    if change.key.space == "skill":
        if change.before is ABSENT and change.after is True:
            return ("added",)
        if change.before is True and change.after is ABSENT:
            return ("removed",)
        return tuple("no level" if side is True else _value_text(side) for side in (change.before, change.after))
    before, after = _value_text(change.before), _value_text(change.after)
    return (after,) if before == after else (before, after)


def fitted(texts: tuple[str, ...], limit: int) -> tuple[str, ...]:
    """One text, or before and after, in at most so many cells each: two that begin alike from their difference on."""
    if len(texts) == 2:
        texts = _from_the_difference(*texts, limit)
    return tuple(shorten(text, limit) for text in texts)


def _from_the_difference(before: str, after: str, limit: int) -> tuple[str, str]:
    """Two long texts that begin alike, without what they share: the difference would be cut off otherwise."""
    if min(len(before), len(after)) < limit - 8:
        return before, after
    shared = next((at for at, pair in enumerate(zip(before, after, strict=False)) if len(set(pair)) > 1), None)
    if shared is None:
        shared = min(len(before), len(after)) if len(before) != len(after) else 0
    if shared < limit - 8:
        return before, after
    start = shared - 8
    return "…" + before[start:], "…" + after[start:]


def cause_text(change: FieldChange) -> str:
    """Why one field is in the plan."""
    if change.route is Route.IDP:
        return "at the IdP"
    if change.let_go:
        return "let go, as changed in Flex" if change.cause is Cause.FLEX else "let go, no longer declared"
    if not change.writes:
        return "noted, already so"
    if change.cause is Cause.FLEX:
        return _flex_text(change)
    if change.cause is Cause.LOGIN:
        return "written at a login, put back"
    return _CAUSES[change.cause] + (", an earlier change" if change.elsewhere else "")


_CAUSES: Final = {
    Cause.GIT: "git",
    Cause.BOTH: "git, and changed in Flex",
    Cause.IDP: "changed at the IdP, put back",
}


def _flex_text(change: FieldChange) -> str:
    if change.after is ABSENT:
        return "added in Flex, removed"
    return "removed in Flex, put back" if change.before is ABSENT else "changed in Flex, put back"


def missed_because(outcome: Outcome[Change]) -> str:
    """Why one change is not plainly done: which fields, what was answered, and Twilio's request to ask about."""
    fields = ", ".join(field_label(Key.parse(key)) for key in outcome.not_taken)
    said = "; ".join(filter(None, (fields, visible(outcome.message))))
    if outcome.request_id and outcome.request_id not in said:
        said = f"{said} (request {visible(outcome.request_id)})".lstrip()
    return said


def outcome_message(outcome: UserOutcome) -> str:
    """What became of one user's change, in one line."""
    change = outcome.change
    if missed := missed_because(outcome):
        return missed
    name, why = KINDS[change.kind].name, visible(change.reason)
    if change.kind is Kind.LET_GO:
        return f"{name}: {why}" if why else name
    return why if change.leaves and why else name
