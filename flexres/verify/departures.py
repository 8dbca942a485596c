"""Experiments on leaving: what Deprovision answers, what is left to be seen, and who comes back."""

from __future__ import annotations

import secrets

from flexres.errors import FlexresError
from flexres.verify.lab import Experiment, Finding, Lab, Subject


async def _gone(lab: Lab) -> Subject:
    """A throwaway user who was just deactivated."""
    subject = await lab.subject({})
    seen = await lab.deprovision(subject.sid)
    if not seen.ok:
        raise FlexresError(f"Deprovision answered {seen}")
    return subject


async def _get(lab: Lab) -> Finding:
    subject = await _gone(lab)
    seen = await lab.ask("GET", "flex-api", lab.user_path(subject.sid))
    if not seen.ok:
        return Finding(str(seen.status), f"reading a deactivated user by SID answers {seen}")
    deactivated, worker = seen.body.get("deactivated"), seen.body.get("worker_sid")
    return Finding(str(seen.status), f"{seen.status}, with deactivated {deactivated} and Worker {worker}")


async def _repeat(lab: Lab) -> Finding:
    subject = await _gone(lab)
    seen = await lab.deprovision(subject.sid)
    return Finding(str(seen.status), f"a second Deprovision answers {seen}")


async def _unknown_sid(lab: Lab) -> Finding:
    seen = await lab.deprovision("FU" + secrets.token_hex(16))
    return Finding(str(seen.status), f"Deprovision of a user who never was answers {seen}")


async def _lookup(lab: Lab) -> Finding:
    await _gone(lab)
    seen = await lab.ask("GET", "flex-api", lab.user_path(), params={"Username": lab.name()})
    users = seen.body.get("users") if isinstance(seen.body, dict) else None
    if not isinstance(users, list):
        raise FlexresError(f"the lookup answered {seen}")
    if not users:
        return Finding("not found", "a deactivated user is not found by username")
    said = "says so" if "deactivated" in users[0] else "does not say so"
    return Finding("found", f"a deactivated user is found by username, and the answer {said}")


async def _reactivation(lab: Lab) -> Finding:
    subject = await _gone(lab)
    again = await lab.subject_of(await lab.provision())
    worker = "another Worker" if again.worker != subject.worker else "the same Worker SID"
    if again.sid == subject.sid:
        return Finding("same user", f"the same Flex user comes back, with {worker}")
    return Finding("another user", f"another Flex user is made beside the deactivated one, with {worker}")


EXPERIMENTS = (
    Experiment(
        "deactivated_get",
        "What does reading a user by SID answer after Deprovision?",
        "200 with `deactivated` and 404 both mean: gone.",
        _get,
    ),
    Experiment(
        "deprovision_repeat",
        "What does a second Deprovision answer?",
        "Any success and 404 mean: gone. After a lost answer the user is read first.",
        _repeat,
    ),
    Experiment(
        "deprovision_unknown",
        "What does Deprovision answer for a SID that nobody has?",
        "404 means gone; any other refusal is reported with Twilio's message.",
        _unknown_sid,
    ),
    Experiment(
        "lookup_deactivated",
        "Does the lookup by username find deactivated users?",
        "What it does not show as active is looked for in the whole list before it counts as absent.",
        _lookup,
    ),
    Experiment(
        "reactivation",
        "Does Provision of a deactivated username bring back the same Flex user?",
        "Users are told apart by username, and an active one counts before a deactivated one of the same name. "
        "Nobody is brought back without approval.",
        _reactivation,
    ),
)
