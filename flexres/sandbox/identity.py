"""Who the sandbox says it is: the account, instance, Workspace and credentials that every service compares with."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from dataclasses import dataclass, fields

from flexres.sandbox.errors import SandboxError

_SID = re.compile(r"[A-Z]{2}[0-9a-fA-F]{32}")
_PREFIXES = {
    "account_sid": "AC",
    "instance_sid": "GO",
    "workspace_sid": "WS",
    "api_key": "SK",
    "team_sid": "QO",
    "service_sid": "IS",
    "connection_sid": "JQ",
    "realm_sid": "JB",
}


@dataclass(frozen=True, slots=True)
class Identity:
    """The SIDs and credentials of one sandbox. All values are made up; none opens anything at Twilio.

    The default ones are constants, so that a committed stack can name its account and its instance.

    Raises:
        SandboxError: a SID has the wrong prefix or is not followed by 32 hexadecimal digits.
    """

    account_sid: str = "AC00000000000000000000000000000001"
    instance_sid: str = "GO00000000000000000000000000000001"
    workspace_sid: str = "WS00000000000000000000000000000001"
    team_sid: str = "QO00000000000000000000000000000001"
    service_sid: str = "IS00000000000000000000000000000001"
    connection_sid: str = "JQ00000000000000000000000000000001"
    realm_sid: str = "JB00000000000000000000000000000001"
    client_id: str = "SandboxOfFlexClientId00000000001"
    api_key: str = "SK00000000000000000000000000000001"
    api_secret: str = "sandbox-api-secret"  # noqa: S105  made up, and accepted by the sandbox alone
    auth_token: str = "sandbox-auth-token"  # noqa: S105  as above
    runtime_domain: str = "sandbox-flex-0001.twil.io"

    def __post_init__(self) -> None:
        for field in fields(self):
            prefix = _PREFIXES.get(field.name)
            value: str = getattr(self, field.name)
            if prefix and not (value.startswith(prefix) and _SID.fullmatch(value)):
                raise SandboxError(f"{field.name} is {value!r}: expected {prefix} and 32 hexadecimal digits")

    def credentials(self) -> dict[str, str]:
        """What may follow `Basic ` in an Authorization header, and the kind of credentials that it is."""
        return {
            _basic(self.account_sid, self.auth_token): "account",
            _basic(self.api_key, self.api_secret): "key",
        }

    def derived_sid(self, prefix: str, name: str) -> str:
        """The SID of a fixed resource of this Workspace, the same in every run."""
        digest = hashlib.sha256(f"{self.workspace_sid}/{prefix}/{name}".encode())
        return prefix + digest.hexdigest()[:32]


def _basic(user: str, password: str) -> str:
    return base64.b64encode(f"{user}:{password}".encode()).decode()


def new_sid(prefix: str) -> str:
    """A SID for something new: the prefix and 32 random hexadecimal digits."""
    return prefix + secrets.token_hex(16)


DEFAULT = Identity()
