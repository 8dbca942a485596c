"""The shape of users/*.yaml: what one entry, and the defaults of a file or a stack, may hold.

TypedDicts rather than models: absent (unmanaged) and null (opts out of a default) must stay apart, and ten
thousand entries should cost no more than their YAML. Attributes have rules of their own, in `attributes`.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Final

from pydantic import AfterValidator, ConfigDict, Field, PlainValidator, Strict, TypeAdapter, WithJsonSchema
from typing_extensions import TypedDict

from flexres.desired.schema import field_types as texts
from flexres.desired.schema.attributes import shown
from flexres.desired.schema.field_types import wrong

LARGEST_LEVEL: Final = 2**53
# https://www.twilio.com/docs/taskrouter/limits, "Channel Capacity per Worker"
LARGEST_CAPACITY: Final = 50

_CONFIG: Final = ConfigDict(extra="forbid", strict=True)
# Editors get a coarser rule than `texts.username`: ranges of what no screen shows.
_HIDDEN: Final = r"\x00-\x1f\x7f-\xa0\xad\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff"
_USERNAME_PATTERN: Final = rf"^[^\s{_HIDDEN}]([^{_HIDDEN}]*[^\s{_HIDDEN}])?$"


def _level(value: Any) -> int | bool:
    if value is True or (type(value) is int and 0 <= value <= LARGEST_LEVEL):
        return value
    if value is False:
        raise wrong("a skill that is false", "leave it out, or write null to opt out of a default")
    if isinstance(value, str):
        raise wrong(
            f"{shown(value)} is no level", "write a whole number without quotes, or true for a skill without levels"
        )
    raise wrong("a level is a whole number from 0, or true", "write a level such as 3, or true for no levels")


Text = Annotated[str, Strict()]
Username = Annotated[
    str,
    AfterValidator(texts.username),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 64, "pattern": _USERNAME_PATTERN}),
]
Role = Annotated[
    str,
    AfterValidator(texts.role),
    WithJsonSchema({"enum": [*texts.FLEX_ROLES, *texts.INSIGHTS_ROLES]}),
]
Address = Annotated[
    str,
    AfterValidator(texts.email),
    WithJsonSchema({"type": "string", "pattern": texts.EMAIL_PATTERN, "maxLength": 256}),
]
Level = Annotated[
    int | bool,
    PlainValidator(_level),
    WithJsonSchema({"anyOf": [{"const": True}, {"type": "integer", "minimum": 0, "maximum": LARGEST_LEVEL}]}),
]
Name = Annotated[str, AfterValidator(texts.line), WithJsonSchema({"type": "string", "minLength": 1, "pattern": r"\S"})]
Day = Annotated[
    date,
    PlainValidator(lambda value: texts.day(value) if isinstance(value, str) else _not_a_day(value)),
    WithJsonSchema({"type": "string", "pattern": "^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$"}),
]
FullName = Annotated[
    str,
    AfterValidator(texts.full_name),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 256, "pattern": r"\S"}),
]
ContactUri = Annotated[
    str, AfterValidator(texts.contact_uri), WithJsonSchema({"type": "string", "pattern": texts.CONTACT_PATTERN})
]
WebAddress = Annotated[
    str, AfterValidator(texts.web_address), WithJsonSchema({"type": "string", "pattern": r"^https?://[^\s/]+"})
]
# The name of the schema that `schema` puts here: pydantic knows nothing of typed attribute names.
Attributes = Annotated[dict[str, Any], WithJsonSchema({"x-schema": "Attributes"})]


def _not_a_day(value: Any) -> date:
    raise wrong(f"{value} is no date", "write year-month-day, such as 2027-01-31")


class ChannelEntry(TypedDict, total=False):
    """What the Worker may take on one task channel."""

    __pydantic_config__ = _CONFIG  # type: ignore[misc]

    available: Annotated[bool | None, Field(description="Whether tasks of this channel reach the Worker at all.")]
    capacity: Annotated[
        Annotated[int, Field(ge=0, le=LARGEST_CAPACITY)] | None,
        Field(description="How many tasks of this channel at once: 0 to 50. Voice is 1.", examples=[1, 3]),
    ]


class Insights(TypedDict, total=False):
    """What Flex Insights shows of a user. Each becomes a Worker attribute of the same name."""

    __pydantic_config__ = _CONFIG  # type: ignore[misc]

    department: Annotated[Text | None, Field(description="Department.", examples=["Sales"])]
    location: Annotated[Text | None, Field(description="Where the user works.", examples=["London"])]
    manager: Annotated[Text | None, Field(description="Full name of the manager.", examples=["Adam Shepherd"])]
    phone: Annotated[Text | None, Field(description="Telephone number, quoted.", examples=["+15555555555"])]
    team_id: Annotated[Text | None, Field(description="Id of the team: a text, so quote a number.", examples=["1"])]
    team_name: Annotated[Text | None, Field(description="Name of the team.", examples=["Sales VIP"])]
    team_name_in_hierarchy: Annotated[
        Text | None,
        Field(description="The team's place, from the top, separated by commas.", examples=["London,Sales,VIP"]),
    ]


class Shared(TypedDict, total=False):
    """What both an entry and defaults may hold."""

    __pydantic_config__ = _CONFIG  # type: ignore[misc]

    roles: Annotated[
        list[Role] | None,
        Field(
            description="At least one of agent, supervisor and admin, and any wfo.… roles of Flex Insights. "
            "A list replaces the default's.",
            examples=[["agent"], ["agent", "supervisor", "wfo.team_leader"]],
        ),
    ]
    skills: Annotated[
        dict[Name, Level | None] | None,
        Field(
            description="Flex skills: a level, or true for a skill without levels. They merge with the defaults "
            "skill by skill, and null takes one away. Without this field skills are not managed.",
            examples=[{"billing": 3, "returns": True}],
        ),
    ]
    skills_exact: Annotated[
        bool | None,
        Field(description="true: skills that are not named here are removed, also those that a supervisor gave."),
    ]
    attributes: Annotated[
        Attributes | None,
        Field(
            description="Worker attributes. Natural YAML types, or Twilio's name.[type] spelling. "
            "They merge with the defaults leaf by leaf; lists replace; null opts out of a default.",
            examples=[{"languages": ["en", "de"], "level": 3, "vip": True}],
        ),
    ]
    channels: Annotated[
        dict[Name, ChannelEntry | None] | None,
        Field(
            description="Task channels by their unique names.",
            examples=[{"voice": {"available": True}, "chat": {"capacity": 3}}],
        ),
    ]
    insights: Annotated[Insights | None, Field(description="What Flex Insights shows of the user.")]
    image_url: Annotated[
        WebAddress | None, Field(description="The user's picture.", examples=["https://example.com/ana.png"])
    ]
    until: Annotated[
        Day | None,
        Field(description="The last day, inclusive; the user leaves the day after.", examples=["2027-01-31"]),
    ]


class UserEntry(Shared, total=False):
    """One user. Fields that are left out come from the defaults; null opts out of a default."""

    __pydantic_config__ = _CONFIG  # type: ignore[misc]

    full_name: Annotated[FullName | None, Field(description="The name that supervisors see.", examples=["Ana Ruiz"])]
    email: Annotated[
        Address | None, Field(description="E-mail address. Left out, it is the username.", examples=["ana@example.com"])
    ]
    contact_uri: Annotated[
        ContactUri | None,
        Field(
            description="Where calls reach the user: client:name, sip:user@host or an E.164 number. "
            "Left out, Flex keeps its own.",
            examples=["sip:ana@pbx.example.com", "+14155550123"],
        ),
    ]
    previously: Annotated[
        Username | None,
        Field(
            description="The username that this user had before: what its Worker knew moves over, then it leaves.",
            examples=["a.ruiz@example.com"],
        ),
    ]


class TeamFile(TypedDict, total=False):
    """One team's users."""

    __pydantic_config__ = _CONFIG  # type: ignore[misc]

    defaults: Annotated[Shared | None, Field(description="What holds for every user of this file.")]
    users: Annotated[
        dict[Username, UserEntry | None] | None,
        Field(description="The users, by username. The username is the Worker's friendly name, 64 characters at most."),
    ]


INSIGHTS: Final = tuple(Insights.__annotations__)
DEFAULT_FIELDS: Final = tuple(Shared.__annotations__)
USER_FIELDS: Final = tuple(UserEntry.__annotations__)
OWN_FIELDS: Final = tuple(name for name in USER_FIELDS if name not in DEFAULT_FIELDS)

team_file: Final[TypeAdapter[TeamFile]] = TypeAdapter(TeamFile)
entry: Final[TypeAdapter[UserEntry]] = TypeAdapter(UserEntry)
username: Final[TypeAdapter[str]] = TypeAdapter(Username)
shared: Final[TypeAdapter[Shared]] = TypeAdapter(Shared)
