"""What Twilio leaves undocumented, as switches: the services read them, tests and `verify` turn them."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from functools import cache
from itertools import pairwise
from typing import Literal, get_args, get_origin, get_type_hints

from flexres.sandbox.errors import ErrorStyle, SandboxError


@dataclass(frozen=True, slots=True)
class Switches:
    """One field for each fact that nobody has published. Each default is the likeliest answer."""

    provision_on_existing: Literal["merge", "replace", "ignore_empty"] = "merge"
    """What Provision does to the attributes of a Worker that is there: adds to them; makes them what was sent,
    so that an empty `worker` empties them; or replaces them only when some were sent."""
    provision_writes_profile: bool = True
    """Whether Provision writes full_name, email, roles and contact_uri into the Worker's attributes."""
    provision_update_status: Literal[200, 201, 202] = 200
    """The status of a Provision that found the user. That of a creation is 201."""
    provision_json_values: Literal["convert", "keep", "refuse"] = "convert"
    """A JSON number or boolean in `worker.attributes`: made what the name says (text without a suffix); stored as
    it came when the name has no suffix, lists and objects too; or refused. Twilio's one sample sends a number,
    for a channel's capacity: those pass always."""
    provision_wfo_roles: bool = True
    """Whether Provision takes Insights roles (`wfo.…`) beside agent, supervisor and admin, the documented ones."""
    provision_body_shape: Literal["nested", "flat"] = "nested"
    """Whether Provision answers with `worker: {worker_sid, workspace_sid}` or with the two fields themselves."""
    first_version: Literal[0, 1] = 0
    """`version` of a new user: one sample says 0, another 1."""
    channel_claims_stay_in_attributes: bool = False
    """Whether `channel.voice.capacity` and its like are also kept as attributes of the Worker."""
    reprovision_same_user: bool = True
    """Whether provisioning a deactivated username revives that Flex user or makes a new one beside it."""
    deprovision_repeat: Literal[204, 404] = 204
    """The answer to deprovisioning a user who is deactivated already."""
    deprovision_reserved: Literal["refuse", "allow"] = "refuse"
    """Deprovision of a user whose Worker has active reservations: 400, or done."""
    deprovisioned_get: Literal[200, 404] = 200
    """A deactivated user, read by SID."""
    username_case_sensitive: bool = True
    """Whether `Ana` and `ana` are two users. Their Workers' names collide in either case."""
    v4_finds_deactivated: bool = True
    """Whether the v4 list finds deactivated users by Username."""
    v4_item_shape: Literal["newer", "older"] = "newer"
    """Items of the v4 list: with `deactivated` and page_size 50, or without, with `user_sid` and page_size 1."""
    list_attributes: Literal["text", "null", "empty"] = "text"
    """`attributes` of Workers in a list: there, null (as the specification says) or `"{}"` (as its sample has)."""
    worker_etag: Literal["bare", "quoted", "absent"] = "bare"
    """The ETag of a Worker: `1` (as documented for Tasks), `"1"`, or none, where If-Match is ignored as well."""
    expression_precedence: Literal["and_first", "left_to_right"] = "and_first"
    """Whether AND binds more tightly than OR in a queue's expression, or both alike from left to right."""
    expression_null: Literal["value", "unknown"] = "value"
    """A key that is not there: a value unlike every other, so that `!=` and `NOT IN` hold and two such are equal;
    or unknown, so that no comparison with it holds."""
    expression_types: Literal["strict", "convert"] = "strict"
    """`"3" == 3` in an expression: values of two kinds are never equal; or both are read as numbers, else as text."""
    expression_key_case: Literal["exact", "any"] = "exact"
    """Whether `Languages` in an expression finds the attribute `languages`."""
    expression_escapes: Literal["none", "backslash"] = "none"
    """Whether a backslash in a text of an expression makes the next character plain."""
    event_actors: Literal["full", "unnamed", "workspace"] = "full"
    """Who did it, in an Event: SID and kind of the actor; kind alone; or always the Workspace, as one sample has it."""
    event_days: int = 30
    """For how many days Events are kept; 0 is for ever."""
    event_order: Literal["newest", "oldest"] = "newest"
    """Which Events come first in a list."""
    tokens_status: Literal[200, 201] = 201
    """The status of a minted token."""
    tokens_max_ttl: int = 0
    """The longest `ttl` of a token in seconds; 0 is no limit."""
    page_size_cap: int = 1000
    """The largest page."""
    page_size_over_cap: Literal["cap", "refuse"] = "cap"
    """A PageSize above it: lowered to it, or 400."""
    configuration_names_instance: bool = True
    """Whether the Configuration has `flex_instance_sid`: the specification does, the sample in the docs does not."""
    trusted_url_match: Literal["prefix", "origin", "exact"] = "prefix"
    """What a trusted URL of enhanced SSO covers: itself and what lies below its path, its whole origin, or itself."""
    login_claims_applied: Literal["exchange", "callback"] = "exchange"
    """When a login's claims reach the Worker: as the code is exchanged, where Flex UI shows the error's message, or
    in the browser before it comes back with a code."""
    login_failure: Literal["page", "redirect"] = "page"
    """How a login that failed in the browser ends: on a page with the reason, or at the redirect URL with `error`."""
    error_bodies: ErrorStyle = "twilio"
    """Error bodies as they are documented, or those of RFC 9457, which Twilio's own Python client accepts too."""

    def change(self, **changes: object) -> Switches:
        """These switches with some turned.

        Raises:
            SandboxError: a name or a value that does not exist; the message lists those that do.
        """
        for name, value in changes.items():
            _check(name, value)
        return replace(self, **changes)  # type: ignore[arg-type]  # each value was checked against its field


def parse_switches(settings: Iterable[str]) -> Switches:
    """Switches from `name=value` texts, as a command line has them.

    Raises:
        SandboxError: a text without `=`, or a name or a value that does not exist.
    """
    changes: dict[str, object] = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals:
            raise SandboxError(f"switch {setting!r}: expected name=value")
        changes[name] = _from_text(name, text)
    return Switches().change(**changes)


def choices(name: str) -> tuple[object, ...] | None:
    """The values a switch can have; None where any whole number will do.

    Raises:
        SandboxError: there is no such switch.
    """
    hints = get_type_hints(Switches)
    if name not in hints:
        names = ", ".join(sorted(field.name for field in fields(Switches)))
        raise SandboxError(f"no switch is called {name!r}; there are {names}")
    hint = hints[name]
    if get_origin(hint) is Literal:
        return get_args(hint)
    return (True, False) if hint is bool else None


@cache
def explanations() -> dict[str, str]:
    """What each switch decides, as it is written beside it."""
    body = ast.parse(inspect.cleandoc(inspect.getsource(Switches))).body[0]
    assert isinstance(body, ast.ClassDef)
    found: dict[str, str] = {}
    for field, text in pairwise(body.body):
        match field, text:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(why))):
                found[name] = " ".join(why.split())
    return found


def _check(name: str, value: object) -> None:
    allowed = choices(name)
    if allowed is None:
        if type(value) is not int or value < 0:
            raise SandboxError(f"switch {name}: expected a whole number, not {value!r}")
    elif not any(value == choice and type(value) is type(choice) for choice in allowed):
        raise SandboxError(f"switch {name}: {value!r} is none of {', '.join(map(_as_text, allowed))}")


def _from_text(name: str, text: str) -> object:
    allowed = choices(name)
    if allowed is None:
        return int(text) if text.isascii() and text.isdigit() else text
    return next((choice for choice in allowed if _as_text(choice) == text), text)


def _as_text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
