"""From the claims of an assertion to the Worker that Flex would write, by Twilio's typing rules.

Text by default, `roles` a list, `name.type` for the six types; names that are URLs are ignored
(https://www.twilio.com/docs/flex/admin-guide/setup/sso-configuration).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from flexres.desired.model import Channel, DesiredUser, Sso
from flexres.desired.schema.attributes import FLEX_ANSWER, TYPES, AttributeFormatError, parse_typed
from flexres.desired.schema.field_types import FLEX_ROLES, INSIGHTS_ROLES
from flexres.idp.findings import Finding
from flexres.idp.saml.parse import Claim
from flexres.values import Json, fold_case, same

MANDATORY: Final = ("roles", "full_name", "email")
_CHANNEL = re.compile(r"channel\.(?P<channel>.+)\.(?P<setting>capacity|availability)")
_NAMESPACED = re.compile(r"^[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_CONTACT = re.compile(r"client:[A-Za-z0-9_]+|sips?:[^\s@]+@\S+|\+[1-9][0-9]{1,14}")
_EMAIL = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")
_LIKELY: Final = {
    "email": ("emailaddress", "mail", "email", "upn"),
    "full_name": ("name", "displayname", "fullname"),
    "roles": ("role", "roles", "groups", "group"),
}


@dataclass(slots=True)
class WorkerClaims:
    """What the claims make of a Worker: attributes in natural JSON, channel settings, and findings on the way.

    `sent` has every claim by the name that the Worker gets, also those whose value could not be typed.
    """

    attributes: dict[str, Json] = field(default_factory=dict)
    channels: dict[str, Channel] = field(default_factory=dict)
    sent: set[str] = field(default_factory=set)
    findings: list[Finding] = field(default_factory=list)


def type_claims(claims: Sequence[Claim]) -> WorkerClaims:
    """Types all claims. Any error among the findings means that Flex changes nothing at all."""
    worker = WorkerClaims()
    ignored: list[str] = []
    for claim in claims:
        if _NAMESPACED.match(claim.name):
            ignored.append(claim.name)
            continue
        _type_claim(claim, worker)
    worker.findings += _ignored(ignored)
    worker.findings += _mandatory(worker, ignored)
    worker.findings += _roles(worker.attributes.get("roles"))
    worker.findings += _contact(worker.attributes.get("contact_uri"))
    return worker


def client_identity(username: str) -> str:
    """The Voice identity of a user name: letters and digits stay, every other byte becomes `_` and two hex digits."""
    kept = re.compile(r"[A-Za-z0-9]")
    return "".join(
        letter if kept.fullmatch(letter) else "".join(f"_{byte:02X}" for byte in letter.encode()) for letter in username
    )


def _type_claim(claim: Claim, worker: WorkerClaims) -> None:
    bare, dot, suffix = claim.name.rpartition(".")
    kind = suffix if dot and bare and suffix in TYPES else None
    name = bare if kind else claim.name
    if not name.strip():
        worker.findings.append(Finding("warning", "A claim has no name", "Flex has nowhere to put it.", "name it"))
        return
    if name in worker.sent:
        worker.findings.append(_twice(name))
    worker.sent.add(name)
    right = "stringarray" if name == "roles" else "string"
    if name in MANDATORY and kind not in (None, right):
        worker.findings.append(_mistyped(claim.name, name, right))
        return
    channel = _CHANNEL.fullmatch(name)
    try:
        if channel is not None:
            setting = _channel_value(claim, channel["setting"])
            before = worker.channels.get(channel["channel"], Channel())
            worker.channels[channel["channel"]] = (
                replace(before, available=setting) if isinstance(setting, bool) else replace(before, capacity=setting)
            )
            return
        kind = kind or ("stringarray" if name == "roles" else "string")
        worker.attributes[name] = _typed(claim, kind, worker.findings)
    except AttributeFormatError as error:
        shown = str(error).replace("claim.", f"{name}.", 1) if str(error).startswith("claim.") else str(error)
        worker.findings.append(Finding("error", f"{shown}", f"{FLEX_ANSWER}.", f"send {claim.name} as its type says"))
        return
    if kind == "string" and dot:
        worker.findings += _misnamed(claim.name, suffix)


def _twice(name: str) -> Finding:
    return Finding(
        "unknown",
        f"{name} is sent by more than one claim",
        "Which of them Flex keeps is not documented.",
        "send it once, by one name",
    )


def _mistyped(claim: str, name: str, right: str) -> Finding:
    kind = "a list of texts" if right == "stringarray" else "a text"
    return Finding("error", f"{claim} makes {name} no {right}", f"Flex needs it as {kind}.", f"name the claim {name}")


def _typed(claim: Claim, kind: str, findings: list[Finding]) -> Json:
    if kind == "stringarray":
        items = [item for value in claim.values for item in value.split(",")] if any(claim.values) else []
        if any(item != item.strip() or not item for item in items):
            findings.append(
                Finding(
                    "note",
                    f"{claim.name} has spaces or nothing between its commas",
                    "Whether Flex trims them is not documented.",
                    f"send {','.join(item.strip() for item in items if item.strip())}",
                )
            )
        return [item.strip() for item in items if item.strip()]
    if kind.endswith("array"):
        parts = [item.strip() for value in claim.values for item in value.split(",")] if any(claim.values) else []
        return parse_typed(f"claim.{kind}", parts)[1]
    if len(claim.values) > 1:
        findings.append(
            Finding(
                "warning",
                f"{claim.name} has {len(claim.values)} values and is no list",
                "Which of them Flex keeps is not documented; the first is shown here.",
                f"name it {claim.name.removesuffix(f'.{kind}')}.{kind}array, or send one value",
            )
        )
    return parse_typed(f"claim.{kind}", claim.values[0] if claim.values else "")[1]


def _channel_value(claim: Claim, setting: str) -> bool | int:
    kind = "boolean" if setting == "availability" else "int"
    value = parse_typed(f"claim.{kind}", claim.values[0] if claim.values else "")[1]
    if isinstance(value, int) and not isinstance(value, bool) and value < 0:
        raise AttributeFormatError(f"{claim.name}: a capacity is 0 or more", "")
    assert isinstance(value, bool | int)
    return value


def _misnamed(name: str, suffix: str) -> Iterator[Finding]:
    try:
        parse_typed(f"claim.{suffix}", "")
    except AttributeFormatError as error:
        if error.at_name:
            fix = f"name it {name.rpartition('.')[0]}.{error.meant}" if error.meant else error.problem.hint
            yield Finding("warning", f"{name} is taken for a text of that whole name", f".{suffix} is no type.", fix)


def _ignored(names: Sequence[str]) -> Iterator[Finding]:
    if names:
        shown = ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
        yield Finding(
            "warning",
            f"Flex ignores {len(names)} attribute{'s' if len(names) > 1 else ''} with a namespace",
            f"Names that are URLs never reach the Worker: {shown}.",
            "take the namespace off at the identity provider, and name them as the Worker needs them",
        )


def _mandatory(worker: WorkerClaims, ignored: Sequence[str]) -> Iterator[Finding]:
    for name in MANDATORY:
        value = worker.attributes.get(name)
        if name not in worker.sent or value in ("", []):
            lasts = {each.rstrip("/").rpartition("/")[2].lower(): each for each in ignored}
            meant = next((lasts[last] for last in _LIKELY[name] if last in lasts), None)
            detail = "Flex refuses the sign-in with 45050, missing user attributes."
            if meant:
                detail += f" It may be meant by {meant}, which has a namespace."
            state = "is missing" if name not in worker.sent else "is empty"
            yield Finding("error", f"{name} {state}", detail, f"send an attribute named exactly {name}")
    email = worker.attributes.get("email")
    if isinstance(email, str) and email and not _EMAIL.fullmatch(email):
        yield Finding("error", f'email is no address: "{email[:80]}"', "Flex answers 45050.", "send the user's address")


def _roles(roles: Json) -> Iterator[Finding]:
    if not isinstance(roles, list) or not roles:
        return
    unknown = [str(role) for role in roles if role not in (*FLEX_ROLES, *INSIGHTS_ROLES)]
    if not any(role in FLEX_ROLES for role in roles):
        yield Finding(
            "error",
            f"None of the roles is one of Flex's: {', '.join(unknown[:8]) or 'only those of Insights'}",
            "Flex knows agent, supervisor and admin, in lower case.",
            "map the identity provider's groups or roles to these names",
        )
    elif unknown:
        yield Finding(
            "unknown",
            f"Unknown roles: {', '.join(unknown[:8])}",
            "Flex knows agent, supervisor, admin and those of Insights; what it does with others is not published.",
            "send only Flex's own roles",
        )


def _contact(uri: Json) -> Iterator[Finding]:
    if isinstance(uri, str) and uri and not _CONTACT.fullmatch(uri):
        yield Finding(
            "warning",
            f'contact_uri "{uri[:80]}" is no place to send a call to',
            "TaskRouter dequeues calls to it: client:…, sip:…@… or +E.164.",
            "leave it out: Flex sets client:… itself",
        )


def with_contact(attributes: Mapping[str, Json], username: str) -> dict[str, Json]:
    """The attributes with the contact_uri that Flex sets where none is sent."""
    contact: dict[str, Json] = {"contact_uri": f"client:{client_identity(username)}"}
    return {**contact, **{name: value for name, value in attributes.items() if name != "contact_uri" or value}}


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
