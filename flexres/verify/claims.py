"""Experiments on claims: which values Provision takes for Worker attributes, and how they are stored."""

from __future__ import annotations

from typing import Any

from flexres.errors import FlexresError
from flexres.values import ABSENT, same
from flexres.verify.lab import Experiment, Finding, Lab


async def _typed_json(lab: Lab) -> Finding:
    return await _on_new_worker(lab, {"level.int": 3, "vip.boolean": True}, {"level": 3, "vip": True}, "a")


async def _typed_text(lab: Lab) -> Finding:
    sent = {"level.int": "3", "vip.boolean": "true", "tags.stringarray": "a,b", "ids.intarray": "1,2"}
    return await _on_new_worker(lab, sent, {"level": 3, "vip": True, "tags": ["a", "b"], "ids": [1, 2]}, "b")


async def _on_new_worker(lab: Lab, sent: dict[str, Any], meant: dict[str, Any], letter: str) -> Finding:
    seen = await lab.provision(lab.name(letter), attributes=sent)
    if not seen.ok:
        mind = "new users are provisioned without claims, and their Workers completed one by one"
        return Finding("refused", f"refused: {seen}", mind=mind)
    found = await lab.attributes(await lab.subject_of(seen))
    if all(same(found.get(name, ABSENT), value) for name, value in meant.items()):
        return Finding("as typed", "taken, and stored as the type says")
    stored = ", ".join(f"{name} as {_shown(found, name)}" for name in meant)
    return Finding("otherwise", f"taken, and stored otherwise: {stored}", mind="the read-back repairs each new user")


async def _untyped_json(lab: Lab) -> Finding:
    seen = await lab.provision(lab.name("c"), attributes={"plain": 5})
    if not seen.ok:
        return Finding("refused", f"refused: {seen}")
    found = (await lab.attributes(await lab.subject_of(seen))).get("plain", ABSENT)
    kind = {str: "text", int: "number"}.get(type(found), "otherwise")
    return Finding(kind, f"a number without a type is stored as {found!r}")


async def _empty_values(lab: Lab) -> Finding:
    sent = {"note": "", "tags.stringarray": ""}
    seen = await lab.provision(lab.name("d"), attributes=sent)
    if not seen.ok:
        return Finding("refused", f"refused: {seen}")
    found = await lab.attributes(await lab.subject_of(seen))
    note, tags = _shown(found, "note"), _shown(found, "tags")
    value = "stored" if found.get("note", ABSENT) == "" and found.get("tags", ABSENT) == [] else "otherwise"
    return Finding(value, f"an empty text is stored as {note}, an empty list as {tags}")


async def _wrong_value(lab: Lab) -> Finding:
    subject = await lab.subject({"before": "kept"})
    seen = await lab.provision(attributes={"level.int": "a", "sent": "now"})
    found = await lab.attributes(subject)
    if seen.ok:
        mind = "flexres checks every value before it sends it, so this is never met"
        return Finding("taken", f"taken: level is stored as {_shown(found, 'level')}", mind=mind)
    changed = found.get("before") != "kept" or "sent" in found
    if changed:
        return Finding("changed", f"refused ({seen}), and yet attributes changed", safe=False, mind="read back")
    return Finding("unchanged", f"refused ({seen}), and nothing changed")


async def _channels(lab: Lab) -> Finding:
    subject = await lab.subject({})
    before = await lab.workers.channels(subject.worker)
    name = "chat" if "chat" in before else next(iter(sorted(before)), None)
    if name is None:
        raise FlexresError("the Workspace has no task channel to try this on")
    capacity = (before[name].capacity or 0) + 1
    claim = f"channel.{name}.capacity"
    seen = await lab.provision(attributes={claim: capacity})
    if not seen.ok:
        return Finding("refused", f"refused: {seen}")
    after = (await lab.workers.channels(subject.worker))[name].capacity
    stays = claim in await lab.attributes(subject)
    effect = "sets" if after == capacity else "does not set"
    kept = "stays" if stays else "does not stay"
    return Finding(f"{effect}, {kept}", f"{claim} {effect} the channel, and {kept} among the attributes")


def _shown(found: dict[str, Any], name: str) -> str:
    return repr(found[name]) if name in found else "nothing"


EXPERIMENTS = (
    Experiment(
        "typed_text_values",
        "Does Provision type texts by the claim's suffix, as single sign-on does?",
        "New users' attributes are sent so; each is read back, and repaired through the Worker where it differs.",
        _typed_text,
    ),
    Experiment(
        "typed_json_values",
        "Does Provision take JSON numbers and booleans under a typed name?",
        "They are sent so, as Twilio's sample sends a channel's capacity. A value that is stored otherwise is repaired "
        "through the Worker; where they are refused, the user is provisioned without claims and the Worker completed.",
        _typed_json,
    ),
    Experiment(
        "untyped_json_values",
        "How does Provision store a JSON number under a name without a type?",
        "Never sent: only texts go without a type, and all else goes typed or through the Worker.",
        _untyped_json,
    ),
    Experiment(
        "empty_values",
        "How does Provision store an empty text and an empty list?",
        "Never sent as claims: empty values go through the Worker as JSON.",
        _empty_values,
    ),
    Experiment(
        "wrong_value",
        "Which status and code has a value of the wrong type, and does anything change?",
        "Every value is checked before anything is sent; a refusal counts as: nothing was written for this user.",
        _wrong_value,
    ),
    Experiment(
        "channel_claims",
        "Do `channel.*` claims set Worker channels, and do they stay among the attributes?",
        "Never sent: channels go through the Worker channels API.",
        _channels,
    ),
)
