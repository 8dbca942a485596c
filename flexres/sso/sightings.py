"""What is known of an instance's single sign-on, as values: what probes saw from outside, or what an API answered."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

CONNECTION: Final = re.compile(r"JQ[0-9a-fA-F]{32}")
"""A connection of enhanced SSO. Only what has this form is taken over from an answer."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """One setting as it was seen: `value` None means unknown, and `why` then says why; `how` says where it was seen.

    A text of no characters means that nothing is set. Whether a URL is trusted is True or False.
    """

    value: str | bool | None
    how: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class AuthnRequest:
    """What Flex asks of the identity provider: the SAML request behind a login redirect."""

    issuer: str
    acs: str
    destination: str
    name_id_format: str
    id: str = ""


@dataclass(frozen=True, slots=True)
class SignOn:
    """Settings by field of `sso:`, and trusted entries by the entry itself; what is not in a map was not looked at.

    `client_id` and `request` are what the active connection and its login redirect told. `complete` says that
    `trusted` holds every entry there is, so that others are known to be absent.
    """

    fields: Mapping[str, Sighting] = field(default_factory=dict)
    trusted: Mapping[str, Sighting] = field(default_factory=dict)
    client_id: str | None = None
    request: AuthnRequest | None = None
    complete: bool = False

    def trusts(self, entry: str) -> Sighting | None:
        """What is known of one trusted entry; None: it was not looked at."""
        found = self.trusted.get(entry)
        if found is None and self.complete:
            return Sighting(False, next((each.how for each in self.fields.values()), ""))
        return found
