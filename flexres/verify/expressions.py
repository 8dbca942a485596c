"""Experiments on task queues' expressions and on Events: what the documents leave open about who gets which work."""

from __future__ import annotations

from typing import Final

from flexres.errors import FlexresError
from flexres.live.http.transport import path
from flexres.live.model import ATTRIBUTES
from flexres.values import Json
from flexres.verify.lab import Experiment, Finding, Lab

_ATTRIBUTES: Final[dict[str, Json]] = {"one": 1, "text": "3", "Languages": "en", "quoted": "azb"}


async def _read(lab: Lab, expression: str, *, holds: tuple[str, str], fails: tuple[str, str]) -> Finding:
    """The finding of whether an expression holds for the throwaway Worker: a word and a sentence for either."""
    subject = await lab.subject(_ATTRIBUTES)
    held = await lab.holds(expression, subject)
    if held is None:
        return Finding("refused", f"a task queue with {expression} is refused")
    return Finding(*(holds if held else fails))


async def _precedence(lab: Lab) -> Finding:
    return await _read(
        lab,
        "one == 1 OR one == 1 AND one == 2",
        holds=("and first", "AND binds tighter than OR"),
        fails=("left to right", "AND and OR bind alike, from left to right"),
    )


async def _missing(lab: Lab) -> Finding:
    return await _read(
        lab,
        "nothing != 1",
        holds=("value", "a key that is not there differs from every value: != holds"),
        fails=("unknown", "no comparison with a key that is not there holds"),
    )


async def _key_case(lab: Lab) -> Finding:
    return await _read(
        lab,
        'languages == "en"',
        holds=("any", "upper and lower case do not matter in keys"),
        fails=("exact", "upper and lower case matter in keys"),
    )


async def _types(lab: Lab) -> Finding:
    return await _read(
        lab,
        "text == 3",
        holds=("convert", 'values of different types are made alike: "3" equals 3'),
        fails=("strict", "values of different types are never equal"),
    )


async def _escapes(lab: Lab) -> Finding:
    return await _read(
        lab,
        r'quoted == "a\zb"',
        holds=("backslash", "a backslash in a string makes the next character plain"),
        fails=("none", "a backslash in a string is a character like any other"),
    )


async def _actor(lab: Lab) -> Finding:
    subject = await lab.subject({"level": 1})
    where = path("v1", "Workspaces", lab.instance.workspace, "Events")
    seen = await lab.ask("GET", "taskrouter", where, params={"WorkerSid": subject.worker, "Minutes": "15"})
    events = seen.body.get("events") if isinstance(seen.body, dict) else None
    mine = [event for event in events or () if event.get("event_type") == ATTRIBUTES]
    if not mine:
        raise FlexresError(f"no Event tells of a write of a Worker's attributes yet ({seen})")
    actor, kind = mine[0].get("actor_sid"), mine[0].get("actor_type")
    if actor == lab.instance.account:
        return Finding("account", f"a write with the account's credentials names the account, as {kind}")
    if actor == lab.instance.workspace:
        mind = "drift cannot say who changed a Worker"
        return Finding("workspace", "a write with the account's credentials names the Workspace", mind=mind)
    return Finding("other" if actor else "nobody", f"a write with the account's credentials names {actor}, as {kind}")


_BOTH: Final = "Both readings are evaluated; where they differ, the person is called uncertain in that queue."

EXPERIMENTS = (
    Experiment("expression_precedence", "Does AND bind tighter than OR in a queue's expression?", _BOTH, _precedence),
    Experiment("expression_missing", "What does a comparison with a key that is not there say?", _BOTH, _missing),
    Experiment("expression_key_case", "Do upper and lower case matter in an expression's keys?", _BOTH, _key_case),
    Experiment("expression_types", 'How do values of different types compare, such as `"3" == 3`?', _BOTH, _types),
    Experiment("expression_escapes", "What does a backslash in an expression's string mean?", _BOTH, _escapes),
    Experiment(
        "event_actor",
        "Whom does an Event name as having changed a Worker?",
        "A SID that Flex knows is told as a person, the account's and the instance's as what they are, and the "
        "Workspace's as nobody; what is not known is said.",
        _actor,
    ),
)
