"""Experiments on Provision: its answers, what becomes of a Worker's attributes, and what it writes by itself."""

from __future__ import annotations

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
