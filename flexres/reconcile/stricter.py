"""The stricter of two policies, key by key, and every difference of two configurations as loosened or tightened."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final

from flexres.desired.model import Limit, Policy, StackConfig


class Effect(StrEnum):
    """What a difference of configuration does to what judges a plan."""

    LOOSENED = "loosened"
    TIGHTENED = "tightened"
    CHANGED = "changed"
    """Neither: it cannot be said which is stricter, or it is no policy."""


@dataclass(frozen=True, slots=True)
class StackChange:
    """One difference of flex.yaml: `before` in force, `after` as this change has it, both as texts to show."""

    key: str
    before: str
    after: str
    effect: Effect


def stricter(one: Policy, other: Policy) -> Policy:
    """The policy of which each key is the stricter of both; what has no stricter one is as in `one`."""
    chosen = {key: choose(getattr(one, key), getattr(other, key)) for key, choose in STRICTER.items()}
    chosen["queues"] = _queues(one, other)
    return Policy(**{**{each.name: getattr(one, each.name) for each in fields(Policy)}, **chosen})


def stack_changes(before: StackConfig, after: StackConfig) -> tuple[StackChange, ...]:
    """Every difference of two configurations, the policy's first; users, leavers and approvals are told elsewhere."""
    return (*_of_policy(before.policy, after.policy), *_of_stack(before, after))


def _of_policy(before: Policy, after: Policy) -> Iterator[StackChange]:
    both = stricter(after, before)
    for key in (each.name for each in fields(Policy) if each.name != "approved"):
        old, new = getattr(before, key), getattr(after, key)
        if old == new:
            continue
        effect = Effect.CHANGED
        if key not in WITHOUT_ORDER:
            effect = Effect.TIGHTENED if getattr(both, key) == new else Effect.LOOSENED
        yield StackChange(f"policy.{key}", _shown(old), _shown(new), effect)


def _of_stack(before: StackConfig, after: StackConfig) -> Iterator[StackChange]:
    for key in ("id", "account", "instance", "engine", "endpoint", "sso", "idp", "resources"):
        old, new = getattr(before, key), getattr(after, key)
        if old == new:
            continue
        if is_dataclass(old) and is_dataclass(new):
            for each in fields(old):
                left, right = getattr(old, each.name), getattr(new, each.name)
                if left != right and each.name not in _TOLD_BY_ANOTHER:
                    yield StackChange(f"{key}.{each.name}", _shown(left), _shown(right), Effect.CHANGED)
        else:
            yield StackChange(_WRITTEN.get(key, key), _shown(old), _shown(new), Effect.CHANGED)


def _limit(one: Limit, other: Limit) -> Limit:
    return Limit(_least(one.count, other.count), _least(one.percent, other.percent))


def _least(one: Any, other: Any) -> Any:
    return min((each for each in (one, other) if each is not None), default=None)


def _domains(one: tuple[str, ...] | None, other: tuple[str, ...] | None) -> tuple[str, ...] | None:
    if one is None or other is None:
        return other if one is None else one
    allowed = {name.lower() for name in other}
    return tuple(name for name in one if name.lower() in allowed)


def _union(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*one, *other)))


def _queues(one: Policy, other: Policy) -> Mapping[str, int]:
    return {name: max(one.least_in(name), other.least_in(name)) for name in {**one.queues, **other.queues}}


def _either(strict: str) -> Callable[[str, str], str]:
    return lambda one, other: strict if strict in (one, other) else one


STRICTER: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "retire": _either("keep"),
    "retire_when": _either("offline"),
    "retire_within": min,
    "unmanaged": _either("report"),
    "max_removals": _limit,
    "max_changes": _limit,
    "min_admins": max,
    "protected": _union,
    "email_domains": _domains,
    "unmanaged_admins": _either("fail"),
    "console_changes": _either("fail"),
    "unknown_skills": lambda one, other: min(one, other, key=("fail", "warn", "ignore").index),
}
"""Key of the policy → the stricter of two values."""

WITHOUT_ORDER: Final = frozenset({"timezone"})
"""Keys of which neither value is stricter: users leave by the earlier day of the two, approvals end by the later."""

_WRITTEN: Final = {"resources": "pulumi.resources"}
"""Where a key stands in flex.yaml, if not at the top under its own name."""

_TOLD_BY_ANOTHER: Final = frozenset({"fingerprint", "expires", "certificate_file"})
"""What only follows from another field."""

_LONGEST: Final = 80


def _shown(value: Any) -> str:
    match value:
        case None | () | "":
            return "none"
        case timedelta():
            return f"{value.total_seconds() / 3600:g}h"
        case tuple():
            text = ", ".join(map(str, value))
        case Mapping():
            text = ", ".join(f"{name}: {least}" for name, least in value.items()) or "none"
        case _ if is_dataclass(value) and not isinstance(value, Limit):
            return "declared"
        case _:
            text = str(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
