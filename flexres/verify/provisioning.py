"""Experiments on Provision: its answers, the claims it takes, and what becomes of a Worker's attributes."""

from __future__ import annotations

from typing import Any

from flexres.errors import FlexresError
from flexres.values import ABSENT, same
from flexres.verify.lab import Experiment, Finding, Lab

_PROFILE = ("full_name", "email", "roles", "contact_uri")


async def _status(lab: Lab) -> Finding:
    created = (await lab.beginning()).seen
    updated = await lab.provision()
    value = f"{created.status}/{updated.status}"
    return Finding(value, f"{created.status} for a new user, {updated.status} for one who is there")


async def _answer(lab: Lab) -> Finding:
    seen = (await lab.beginning()).seen
    nested = isinstance(seen.body.get("worker"), dict)
    shape = "nested" if nested else "flat"
    where = "inside of worker" if nested else "beside the user's fields"
    return Finding(shape, f"the Worker's SID stands {where}, and a new user's version is {seen.body.get('version')}")


async def _empty(lab: Lab) -> Finding:
    subject = await lab.subject({"before": "kept"})
    await lab.provision()
    if (await lab.attributes(subject)).get("before") == "kept":
        return Finding("kept", "the attributes of the Worker stay")
    mind = "profiles of existing users change one at a time: the first loss, which is restored, stops the others"
    return Finding("emptied", "the attributes of the Worker are lost", mind=mind)


async def _some(lab: Lab) -> Finding:
    subject = await lab.subject({"before": "kept"})
    await lab.provision(attributes={"sent": "now"})
    found = await lab.attributes(subject)
    if found.get("sent") != "now":
        return Finding("ignored", "what is sent for a Worker who is there is ignored")
    if found.get("before") == "kept":
        return Finding("merged", "what is sent joins the attributes that are there")
    return Finding("replaced", "what is sent takes the place of all attributes")


async def _profile(lab: Lab) -> Finding:
    found = (await lab.beginning()).attributes
    written = [name for name in _PROFILE if name in found]
    if not written:
        return Finding("none", "Provision writes none of full_name, email, roles and contact_uri into the attributes")
    return Finding(",".join(written), f"Provision writes {', '.join(written)} into the Worker's attributes")


async def _insights_roles(lab: Lab) -> Finding:
    subject = await lab.subject({})
    seen = await lab.provision(roles=("supervisor", "wfo.team_leader"))
    if not seen.ok:
        return Finding("refused", f"refused: {seen}")
    roles = (await lab.users.by_sid(subject.sid)).roles
    if "wfo.team_leader" in roles:
        return Finding("taken", "taken, and shown among the user's roles")
    return Finding("dropped", f"accepted and dropped: the user has {', '.join(roles) or 'no role'}")


async def _username_case(lab: Lab) -> Finding:
    subject = await lab.subject({})
    other = lab.name().replace("flexres", "Flexres")
    seen = await lab.provision(other)
    if not seen.ok:
        return Finding("refused", f"the other spelling is refused: {seen}")
    if seen.body.get("flex_user_sid") == subject.sid:
        return Finding("same user", "the other spelling is the same user")
    return Finding("another user", "the other spelling is another user, who is billed by itself")


async def _configuration(lab: Lab) -> Finding:
    seen = await lab.ask("GET", "flex-api", "/v1/Configuration")
    if isinstance(seen.body, dict) and seen.body.get("flex_instance_sid"):
        return Finding("named", "the Configuration names the Flex instance")
    mind = "a wrong instance in flex.yaml is noticed only when its users are read"
    return Finding("not named", "the Configuration does not name the Flex instance", mind=mind)


EXPERIMENTS = (
    Experiment(
        "provision_status",
        "Which status does Provision answer for a user who is there already?",
        "Any status below 400 is taken for done, and the body is read.",
        _status,
    ),
    Experiment(
        "provision_answer",
        "Does Provision answer with the Worker's SID nested or flat?",
        "Both are read; where neither is there, the user is fetched by SID. `version` is never compared.",
        _answer,
    ),
    Experiment(
        "provision_empty_worker",
        "Does Provision with an empty `worker` keep the attributes of a Worker who is there?",
        "Attributes are journalled before, read again after, and restored under If-Match if they were lost; the first "
        "such call of a run goes alone, and a loss stops the others.",
        _empty,
    ),
    Experiment(
        "provision_some_attributes",
        "Does Provision with some attributes merge, replace or ignore them on a Worker who is there?",
        "Attributes of existing users are never sent by Provision: they go through the Worker, read, merged and "
        "written under If-Match.",
        _some,
    ),
    Experiment(
        "provision_profile",
        "Does Provision write full_name, email, roles and contact_uri into the Worker's attributes?",
        "The first three cannot be declared as attributes; contact_uri can, and is then kept as declared. Where they "
        "are not declared, nothing touches them, and a rename does not carry them over.",
        _profile,
    ),
    Experiment(
        "insights_roles",
        "Does Provision take `wfo.*` roles?",
        "They are sent; where that is refused, the user is provisioned without them, and what is missing is reported "
        "as a change to make at the identity provider, once.",
        _insights_roles,
    ),
    Experiment(
        "username_case",
        "Are two usernames that differ only by case two users?",
        "Such a pair is refused in YAML, and a user whom Flex spells otherwise is blocked until the YAML says so too.",
        _username_case,
    ),
    Experiment(
        "configuration_instance",
        "Does the Configuration name the Flex instance?",
        "Compared where it is named; otherwise the first list of users shows a wrong one, before any write.",
        _configuration,
    ),
)


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


CLAIMS = (
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
