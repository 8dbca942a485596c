"""Where a sign-in and the YAML want different things of the same user."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from flexres.desired.model import DesiredUser, Sso
from flexres.idp.findings import Finding
from flexres.idp.saml.claims import MANDATORY, WorkerClaims
from flexres.values import Json, fold_case, same


def compare(name_id: str, worker: WorkerClaims, users: Mapping[str, DesiredUser], sso: Sso | None) -> Iterator[Finding]:
    """Who the YAML thinks this is, and which claims fight with what it declares of them."""
    user = users.get(name_id)
    if user is None:
        yield _unknown(name_id, worker, users)
        return
    yield Finding("ok", f"{name_id} is declared in {user.file}")
    yield from _profile(worker, user)
    claimed = sso.claims if sso is not None else ()
    declared = _declared(user)
    for name in sorted(worker.sent - set(MANDATORY)):
        if name in declared:
            yield _fight(name, worker, declared, user)
        elif name not in claimed and not name.startswith("channel."):
            yield Finding(
                "note",
                f"{name} is sent and not among sso.claims",
                "The identity provider owns it from this sign-in on.",
                f"add {name} to sso.claims, so that nobody declares it on users",
            )
    for name in claimed:
        if name not in worker.sent:
            yield Finding(
                "note",
                f"{name} is among sso.claims and not sent",
                "The Worker keeps what it has.",
                "map it, or drop it",
            )


def _unknown(name_id: str, worker: WorkerClaims, users: Mapping[str, DesiredUser]) -> Finding:
    twin = next((name for name in users if fold_case(name) == fold_case(name_id)), None)
    if twin is not None:
        return Finding(
            "error",
            f"NameID is {name_id}, and the YAML declares {twin}",
            "They differ only in case. To Flex they are two users, and two Workers cannot share the name.",
            "send it as the YAML has it, or declare it as it is sent",
        )
    email = worker.attributes.get("email")
    same_email = next((user.username for user in users.values() if email and user.email == email), None)
    if same_email is not None:
        return Finding(
            "warning",
            f"NameID is {name_id}, and the user with the address {email} is declared as {same_email}",
            "Flex would make a second user for the same person, and bill both.",
            f"send {same_email} as NameID, or rename the user with previously:",
        )
    return Finding(
        "warning",
        f"{name_id} is not declared",
        "Flex makes a user and a Worker at the first sign-in, and bills it; the YAML will call it unmanaged.",
        "declare the user, or do not assign them to the application",
    )


def _profile(worker: WorkerClaims, user: DesiredUser) -> Iterator[Finding]:
    roles = worker.attributes.get("roles")
    if isinstance(roles, list) and sorted(str(role) for role in roles) != sorted(user.roles):
        yield _differs("roles", ", ".join(str(role) for role in roles), ", ".join(user.roles), user)
    for name, declared in (("full_name", user.full_name), ("email", user.email)):
        sent = worker.attributes.get(name)
        if sent is not None and sent != declared:
            yield _differs(name, str(sent), declared, user)


def _differs(name: str, sent: str, declared: str, user: DesiredUser) -> Finding:
    return Finding(
        "warning",
        f"{name}: the sign-in says {sent[:120]}, and {user.file} says {declared[:120]}",
        "The identity provider wins at every sign-in.",
        "change it at the identity provider, or in the YAML",
    )


def _declared(user: DesiredUser) -> dict[str, Json]:
    """What the YAML declares of a user, by the names under which claims would write it."""
    declared: dict[str, Json] = dict(user.attributes)
    if user.skills is not None:
        declared["routing"] = None
    for name, channel in user.channels.items():
        if channel.capacity is not None:
            declared[f"channel.{name}.capacity"] = channel.capacity
        if channel.available is not None:
            declared[f"channel.{name}.availability"] = channel.available
    return declared


def _fight(name: str, worker: WorkerClaims, declared: Mapping[str, Json], user: DesiredUser) -> Finding:
    agree = name in worker.attributes and same(worker.attributes[name], declared[name])
    now = " They agree today." if agree else ""
    return Finding(
        "warning",
        f"{name} is sent by the identity provider and declared in {user.file}",
        f"Every sign-in writes the one, every apply the other.{now}",
        f"let one side own it: take {name} out of the YAML and add it to sso.claims, or stop sending it",
    )
