"""Fields that several sections share, each with its rule: SIDs, lengths of time, digests, and the texts of a user.

Every check takes the text, returns its value and raises a pydantic error that carries message, hint and note;
`validation_messages` turns those into problems with a place.
"""

from __future__ import annotations

import re
from datetime import date, timedelta
from functools import lru_cache
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from annotated_types import BaseMetadata, GroupedMetadata
from pydantic import AfterValidator, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from flexres.desired.schema.attributes import shown
from flexres.errors import Problem
from flexres.text import nearest

_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days"}
_DURATION_PATTERN: Final = "^[1-9][0-9]{0,4}[mhd]$"


class _Sid(GroupedMetadata):
    def __init__(self, prefix: str, where: str) -> None:
        self._prefix = prefix
        self._where = where
        self._pattern = f"^{prefix}[0-9a-fA-F]{{32}}$"

    def __iter__(self) -> Any:
        yield AfterValidator(self._check)
        yield WithJsonSchema({"type": "string", "pattern": self._pattern})

    def _check(self, text: str) -> str:
        if re.fullmatch(self._pattern, text):
            return text
        raise wrong(f"{shown(text)} is not the SID of {self._where.partition(',')[0]}", self._hint(text))

    def _hint(self, text: str) -> str:
        if text[:2] != self._prefix:
            if text[:2].upper() == self._prefix:
                return f"it starts with {self._prefix}, in capital letters"
            return f"it starts with {self._prefix}; find {self._where}"
        rest = text[2:]
        if len(rest) != 32:
            return f"after {self._prefix} come 32 characters, and here are {len(rest)}"
        return "after the two letters come only the digits 0 to 9 and the letters a to f"


def sid(prefix: str, where: str) -> BaseMetadata | GroupedMetadata:
    """The rule of one kind of SID; `where` names the thing and says where to find it."""
    return _Sid(prefix, where)


def read_duration(value: Any) -> timedelta:
    """A whole number of minutes, hours or days. Raises a pydantic error for anything else."""
    if isinstance(value, str) and re.fullmatch(_DURATION_PATTERN, value):
        return timedelta(**{_UNITS[value[-1]]: int(value[:-1])})
    number = f"{value:g}" if isinstance(value, int | float) and not isinstance(value, bool) else "24"
    raise wrong(
        "a length of time is a number and a unit",
        f"write {number}h for hours, {number}m for minutes or {number}d for days",
    )


Duration = Annotated[
    timedelta, PlainValidator(read_duration), WithJsonSchema({"type": "string", "pattern": _DURATION_PATTERN})
]


USERNAME_LENGTH: Final = 64
TEXT_LENGTH: Final = 256
FLEX_ROLES: Final = ("admin", "agent", "supervisor")
# https://www.twilio.com/docs/flex/admin-guide/setup/sso-configuration/insights-user-roles
INSIGHTS_ROLES: Final = (
    "wfo.dashboard_viewer",
    "wfo.data_analyst",
    "wfo.data_auditor",
    "wfo.full_access",
    "wfo.quality_manager",
    "wfo.quality_process_manager",
    "wfo.team_leader",
)
_ATOM: Final = r"[^\s@<>,;:\\()\[\]'\x22.]"
EMAIL_PATTERN: Final = rf"^({_ATOM}|[.'])+@{_ATOM}+(\.{_ATOM}+)+$"
CLIENT_PATTERN: Final = r"client:[A-Za-z0-9_]+"
SIP_PATTERN: Final = r"sips?:[^\s@:]+@[A-Za-z0-9.\-\[\]:]+(;[^\s]+)?"
E164_PATTERN: Final = r"\+[1-9][0-9]{1,14}"
CONTACT_PATTERN: Final = f"^({CLIENT_PATTERN}|{SIP_PATTERN}|{E164_PATTERN})$"
# Letters and marks that Unicode calls printable and no screen shows.
_BLANKS: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
_ROLES: Final = frozenset((*FLEX_ROLES, *INSIGHTS_ROLES))


def wrong(message: str, hint: str, note: str = "") -> PydanticCustomError:
    """The error of a field: what is wrong, what to write instead, and what would happen otherwise."""
    return PydanticCustomError("flexres", "{problem}", {"problem": Problem(message, hint, note)})


@lru_cache(maxsize=65536)
def username(text: str) -> str:
    """A username: it becomes the friendly name of the Worker, hence 64 characters and nothing invisible."""
    if not text:
        raise wrong("a username is empty", "write the user's address, such as ana@example.com")
    if len(text) > USERNAME_LENGTH:
        raise wrong(
            f"a username of {len(text)} characters",
            f"{USERNAME_LENGTH} is the most: it becomes the friendly name of the TaskRouter Worker",
        )
    if text != text.strip():
        raise wrong("white space around a username", f'write "{text.strip()}"')
    if text.isascii() and text.isprintable():
        return text
    hidden = next((mark for mark in text if not mark.isprintable() or _BLANKS.match(mark)), None)
    if hidden is not None:
        raise wrong(f"the invisible character U+{ord(hidden):04X} in a username", "take it out, typing the name anew")
    return text


def full_name(text: str) -> str:
    """A full name: 1 to 256 characters on one line."""
    if not text.strip():
        raise wrong("full_name is empty", "write the name that supervisors see")
    if len(text) > TEXT_LENGTH:
        raise wrong(f"full_name has {len(text)} characters", f"{TEXT_LENGTH} is the most that Flex takes")
    if any(ord(mark) < 32 or ord(mark) == 127 for mark in text):
        raise wrong("full_name holds a line break or a control character", "write it on one line")
    return text


def is_address(text: str) -> bool:
    """Whether a text can be an e-mail address."""
    return len(text) <= TEXT_LENGTH and re.fullmatch(EMAIL_PATTERN, text) is not None and text.isprintable()


def email(text: str) -> str:
    """An e-mail address of at most 256 characters."""
    if is_address(text):
        return text
    if len(text) > TEXT_LENGTH:
        raise wrong(f"email has {len(text)} characters", f"{TEXT_LENGTH} is the most that Flex takes")
    raise wrong(f"{shown(text)} is no e-mail address", "write it as name@example.com, without spaces or brackets")


@lru_cache(maxsize=1024)
def role(text: str) -> str:
    """A role of Flex, or one of Flex Insights."""
    if text in _ROLES:
        return text
    squeezed = re.sub(r"[^a-z]", "", text.lower())
    meant = next((known for known in _ROLES if re.sub(r"[^a-z]", "", known) == squeezed), None)
    if "," in text:
        raise wrong(f"{shown(text)} is not a role", f"write a list: [{', '.join(text.replace(' ', '').split(','))}]")
    near = meant or nearest(text.lower(), sorted(_ROLES))
    hint = f"did you mean {near}?" if near else _known_roles(text)
    raise wrong(f"{shown(text)} is not a role", hint)


def _known_roles(text: str) -> str:
    if text.lower().startswith("wfo"):
        return f"the roles of Flex Insights are {', '.join(INSIGHTS_ROLES)}"
    return "the roles are agent, supervisor, admin, and wfo.… of Flex Insights"


def contact_uri(text: str) -> str:
    """Where calls reach the Worker: client:, sip: or an E.164 number."""
    if re.fullmatch(CONTACT_PATTERN, text):
        return text
    raise wrong(f"{shown(text)} is no contact address", _contact_hint(text))


def _contact_hint(text: str) -> str:
    scheme, _, rest = text.partition(":")
    if scheme.lower() == "client":
        escaped = "".join(c if c.isascii() and c.isalnum() else "".join(f"_{b:02X}" for b in c.encode()) for c in rest)
        return f"letters, digits and _ only: write client:{escaped}" if rest else "write client:name"
    if scheme.lower() in ("sip", "sips"):
        return "write sip:user@host, in lowercase and without spaces"
    digits = re.sub(r"[\s().\-]", "", text)
    if re.fullmatch(r"(\+|00)[1-9][0-9]{4,14}", digits):
        return f'write it with + and digits only: "+{digits.removeprefix("00").removeprefix("+")}"'
    if re.fullmatch(r"[0-9]{5,15}", digits):
        return 'begin with + and the country code, digits only, such as "+14155550123"'
    return "write client:name, sip:user@host, or a number such as +14155550123"


def web_address(text: str) -> str:
    """An http or https URL."""
    try:
        parts = urlsplit(text)
        fine = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        fine = False
    if not fine or any(mark.isspace() for mark in text):
        raise wrong(f"{shown(text)} is no web address", "write it in full, such as https://example.com/…")
    return text


@lru_cache(maxsize=4096)
def day(text: str) -> date:
    """A day as YYYY-MM-DD."""
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        raise wrong(f"{shown(text)} is no date", "write year-month-day, such as 2027-01-31")
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise wrong(f"{text} is a day that does not exist", "check the month and the day") from None


def line(text: str) -> str:
    """A text that is not empty and stays on one line."""
    if not text.strip():
        raise wrong("an empty text", "write something, or leave the field out")
    if not text.replace(" ", "").isprintable():
        raise wrong("a line break or an invisible character in a name", "take it out")
    return text
