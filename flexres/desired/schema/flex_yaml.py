"""The shape of flex.yaml: whose Flex this is, how it may change, and how its users sign in."""

from __future__ import annotations

import ipaddress
import re
import zoneinfo
from typing import Annotated, Any, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    WithJsonSchema,
    model_validator,
)

from flexres.desired.model import DIGEST_LENGTH, DIGEST_PATTERN, ApprovedEntry, Limit, Policy
from flexres.desired.schema.attributes import shown
from flexres.desired.schema.field_types import Duration, sid, wrong
from flexres.desired.schema.idp import IdpSection
from flexres.desired.schema.sso import SsoSection
from flexres.desired.schema.users_yaml import Day, Shared, Username
from flexres.text import nearest

ID_PATTERN: Final = "^[a-z0-9]{6,12}$"
_DOMAIN_PATTERN: Final = r"^[a-z0-9]([a-z0-9\-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9\-]*[a-z0-9])?)+$"
_ENDPOINT_PATTERN: Final = r"^https?://(127(\.[0-9]{1,3}){3}|\[::1\]|localhost)(:[0-9]{1,5})?/?$"

MISSING: Final = {
    "version": "add version: 1",
    "id": "add id: with 6 to 12 lowercase letters and digits of your own, as flexres init mints them",
    "account": "add account: with the Account SID (AC…), from Console's first page",
    "instance": "add instance: with the Flex Instance SID (GO…), from Console > Flex > Overview",
    "engine": "add engine: direct, or engine: pulumi for teams",
    "type": "add type: enhanced",
    "writer": "add writer: console",
    "provider": "add provider: auth0",
    "domain": "add domain: with the tenant's own domain, such as acme.eu.auth0.com",
}


def _version(value: Any) -> int:
    if value == 1 and type(value) is int:
        return 1
    if isinstance(value, int) and value > 1:
        raise wrong(f"version {value} is newer than this flexres", "update flexres, or write version: 1")
    raise wrong("the version is the number 1", "write version: 1")


def _id(text: str) -> str:
    if re.fullmatch(ID_PATTERN, text):
        return text
    raise wrong(f"{shown(text)} is no id", "write 6 to 12 lowercase letters and digits, as flexres init mints them")


def _endpoint(text: str) -> str:
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port = "", 0
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not host or port == 0:
        raise wrong(f"{shown(text)} is no web address", "write it as http://127.0.0.1:4010")
    if not _is_loopback(host):
        raise wrong(
            f"endpoint leads to {host}, and only this machine may stand here",
            "a pull request must not send credentials elsewhere: set FLEXRES_ENDPOINT in the environment instead",
        )
    if parts.username or parts.query or parts.fragment or parts.path not in ("", "/"):
        raise wrong(
            "endpoint is more than scheme, host and port", f"write {parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        )
    if not re.fullmatch(_ENDPOINT_PATTERN, text):
        raise wrong(f"{shown(text)} is spelled in an unusual way", "write it as http://127.0.0.1:4010")
    return text.rstrip("/")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _timezone(text: str) -> str:
    known = zoneinfo.available_timezones()
    if text in known:
        return text
    near = nearest(text, sorted(known), cutoff=0.6)
    raise wrong(
        f"{shown(text)} is no time zone", f"did you mean {near}?" if near else "write one such as Europe/London"
    )


def _limit(value: Any) -> Limit:
    if type(value) is int and value >= 0:
        return Limit(count=value)
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,3})?%", value):
        percent = float(value[:-1])
        if percent <= 100:
            return Limit(percent=percent)
    if isinstance(value, float) and 0 < value < 1:
        raise wrong(f"{value} is neither a number of users nor a percentage", f"write {value * 100:g}%")
    raise wrong("a limit is a number of users, or a percentage up to 100%", "write it as 5 or as 10%")


def _domain(text: str) -> str:
    if re.fullmatch(_DOMAIN_PATTERN, text):
        return text
    raise wrong(
        f"{shown(text)} is no domain", f"write it as {text.lower().rpartition('@')[2].strip('. ') or 'example.com'}"
    )


def _digest(text: str) -> str:
    if re.fullmatch(DIGEST_PATTERN, text):
        return text
    form = f"{DIGEST_LENGTH} characters of a-z and 2-7"
    raise wrong(f"{shown(text)} is no digest", f"{form}: let flexres approve write it")


Domain = Annotated[str, AfterValidator(_domain), WithJsonSchema({"type": "string", "pattern": _DOMAIN_PATTERN})]
Digest = Annotated[str, AfterValidator(_digest), WithJsonSchema({"type": "string", "pattern": DIGEST_PATTERN})]
Endpoint = Annotated[str, AfterValidator(_endpoint), WithJsonSchema({"type": "string", "pattern": _ENDPOINT_PATTERN})]
LimitField = Annotated[
    Limit,
    PlainValidator(_limit),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 0},
                {
                    "type": "string",
                    "pattern": r"^(100(\.0{1,3})?|[0-9]{1,2}(\.[0-9]{1,3})?|0[0-9]{2}(\.[0-9]{1,3})?)%$",
                },
            ]
        }
    ),
]


def _no_bare_digest(value: Any) -> Any:
    if isinstance(value, dict):
        return value
    raise wrong(
        f"{shown(str(value))} approves nothing: an approval says what it is for, and ends",
        "take it out, and type: flexres approve",
    )


class ApprovedSection(BaseModel):
    """One approval: the digests bind, `for` says to people what it is, `until` is its last day."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    digest: Digest | None = Field(None, description="Of a whole plan, or of one change.")
    digests: dict[Username, Digest] | None = Field(
        None, description="Of changes one by one, each beside the user whom it is about. Written by flexres approve."
    )
    purpose: str = Field(alias="for", description="What it approves.", examples=["ana@example.com gains admin"])
    until: Day = Field(description="The last day on which it holds.", examples=["2027-02-14"])

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.digest is None) == (not self.digests):
            raise wrong("an approval has either digest or digests", "let flexres approve write it")
        return self

    @property
    def by_digest(self) -> dict[str, str]:
        """Each digest, and the user whom it is about; the empty name where it is of no single one."""
        if self.digest is not None:
            return {self.digest: ""}
        return {digest: username for username, digest in (self.digests or {}).items()}


class PolicySection(BaseModel):
    """How changes may happen. Every field has a default."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    timezone: Annotated[str, AfterValidator(_timezone)] | None = Field(
        None, description="The time zone in which until: ends a day. UTC if left out.", examples=["Europe/London"]
    )
    retire: Literal["deprovision", "keep"] | None = Field(
        None, description="keep: let go of a user who leaves, and change nothing but our marker."
    )
    retire_when: Literal["offline", "now"] | None = Field(
        None, description="offline: only in an offline activity and without an assigned task."
    )
    retire_within: Duration | None = Field(None, description="How long waiting for that is normal.", examples=["24h"])
    unmanaged: Literal["report", "ignore"] | None = Field(None, description="Users in Flex that no file here names.")
    max_removals: LimitField | None = Field(
        None, description="Retirements and losses of admin or supervisor: a number, or a percentage.", examples=["10%"]
    )
    max_changes: LimitField | None = Field(None, description="Adoptions and updates.", examples=["30%", 50])
    min_admins: Annotated[int, Field(ge=0)] | None = Field(None, description="Never fewer admins than this.")
    protected: list[Username] | None = Field(None, description="Usernames that never leave nor lose a role.")
    email_domains: list[Domain] | None = Field(
        None, description="Domains that users' addresses may have.", examples=[["example.com"]]
    )
    unmanaged_admins: Literal["report", "fail"] | None = Field(
        None, description="fail: refuse every plan while somebody whom no file names has admin or supervisor."
    )
    approved: list[Annotated[ApprovedSection, BeforeValidator(_no_bare_digest)]] | None = Field(
        None, description="What a reviewer has seen of guarded changes. Written by flexres approve."
    )
    unknown_skills: Literal["warn", "fail", "ignore"] | None = Field(
        None, description="fail: a plan may not write a skill, or a level, that Flex's skills catalogue does not have."
    )
    console_changes: Literal["warn", "fail"] | None = Field(
        None, description="fail: a change that waits for a person in Twilio Console fails the run."
    )
    queues: dict[Annotated[str, Field(min_length=1)], Annotated[int, Field(ge=0)]] | None = Field(
        None,
        description="How many people a plan has to leave in a task queue, by its name; * is for all the others.",
        examples=[{"*": 1, "Billing EN": 3}],
    )


class PulumiSection(BaseModel):
    """How the stack stands in Pulumi's state, where the engine is pulumi."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    resources: Literal["user", "team"] = Field(
        "user",
        description="What is one resource. user: each user, named by username. team: each team file, with its users "
        "as a map, which is many times faster from some hundreds of users on.",
    )


class FlexFile(BaseModel):
    """A stack: one Flex instance, and how flexres may change it."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    version: Annotated[int, PlainValidator(_version), WithJsonSchema({"const": 1})] = Field(
        description="Version of this format."
    )
    id: Annotated[str, AfterValidator(_id), WithJsonSchema({"type": "string", "pattern": ID_PATTERN})] = Field(
        description="Who we are on a Worker's marker. Minted once by flexres init; never change it."
    )
    account: Annotated[str, sid("AC", "the account, on Console's first page")] = Field(description="Account SID.")
    instance: Annotated[str, sid("GO", "the Flex instance, in Console > Flex > Overview")] = Field(
        description="Flex Instance SID."
    )
    engine: Literal["direct", "pulumi", "auto"] = Field(
        description="What applies the plan. auto only together with a loopback endpoint."
    )
    pulumi: PulumiSection | None = Field(None, description="How the stack stands in Pulumi's state.")
    endpoint: Endpoint | None = Field(
        None, description="A local sandbox instead of Twilio.", examples=["http://127.0.0.1:4010"]
    )
    defaults: Shared | None = Field(None, description="What holds for every user of the stack.")
    policy: PolicySection | None = Field(None, description="How changes may happen.")
    leavers: list[Username] | None = Field(None, description="Usernames that leave whatever their marker says.")
    sso: SsoSection | None = Field(None, description="How users sign in.")
    idp: IdpSection | None = Field(None, description="The identity provider, where flexres manages it too.")


FIELDS: Final = tuple(FlexFile.model_fields)
POLICY_FIELDS: Final = tuple(PolicySection.model_fields)
PULUMI_FIELDS: Final = tuple(PulumiSection.model_fields)


def policy_of(section: PolicySection | None) -> Policy:
    """The policy with the default of whatever the section leaves out."""
    if section is None:
        return Policy()
    given = {name: getattr(section, name) for name in POLICY_FIELDS}
    fields: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in given.items() if value is not None
    }
    # An empty list of domains is no limit.
    fields["email_domains"] = fields.get("email_domains") or None
    entries = section.approved or ()
    fields["approved"] = tuple(ApprovedEntry(entry.by_digest, entry.purpose, entry.until) for entry in entries)
    return Policy(**fields)
