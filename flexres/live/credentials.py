"""Who we are to Twilio and where Twilio is, read once from the environment; the transport gets both as values."""

from __future__ import annotations

import base64
import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from flexres.errors import SetupError

DEFAULT_CONNECTIONS: Final = 16
DEFAULT_SHARE: Final = 0.5
MOST_CONNECTIONS: Final = 256


@dataclass(frozen=True, slots=True)
class Credentials:
    """HTTP Basic credentials of one account. `variables` names where they came from; the secret is never shown.

    `username` is an API key's SID, or the account's SID where `password` is the account's auth token.
    """

    account: str
    username: str = field(repr=False)
    password: str = field(repr=False)
    variables: tuple[str, ...] = ()

    @property
    def authorization(self) -> str:
        """The value of the Authorization header."""
        pair = f"{self.username}:{self.password}".encode()
        return "Basic " + base64.b64encode(pair).decode("ascii")


def from_environment(stack: str, account: str, environ: Mapping[str, str], *, local: bool = False) -> Credentials:
    """The credentials of `account`, from the variables that Twilio's own tools use.

    Each may carry the suffix `__<STACK>`; what is set with it goes before what is set without. An API key goes
    before an auth token. `local`: the stack is of a sandbox on this machine.

    Raises:
        SetupError: nothing is set, half a pair is set, or TWILIO_ACCOUNT_SID names another account.
    """
    suffix = "__" + re.sub(r"[^A-Z0-9]", "_", stack.upper())
    _refuse_other_account(account, suffix, environ)
    for end in (suffix, ""):
        found = _api_key(account, end, environ) or _auth_token(account, end, environ)
        if found:
            return found
    raise SetupError(
        f"there are no credentials for account {account} in the environment",
        hint="set TWILIO_ACCOUNT_SID with TWILIO_API_KEY and TWILIO_API_SECRET, or with TWILIO_AUTH_TOKEN "
        f"(each may end in {suffix}, which goes first)"
        + ("; flexres sandbox serve prints a sandbox's" if local else ""),
    )


def setting(environ: Mapping[str, str], name: str) -> str:
    """A variable of the environment, empty where it is not set.

    Raises:
        SetupError: it holds characters that nothing sent can carry.
    """
    # Secrets pasted into a CI's settings often end in a line break, which no header can carry.
    text = environ.get(name, "").strip()
    if not text.isprintable():
        raise SetupError(f"{name} holds invisible or broken characters", hint="set it again, as plain text")
    return text


def _refuse_other_account(account: str, suffix: str, environ: Mapping[str, str]) -> None:
    for name in (f"TWILIO_ACCOUNT_SID{suffix}", "TWILIO_ACCOUNT_SID"):
        named = setting(environ, name)
        if named and named != account:
            # A secret can have been pasted here: only what has the form of a SID is shown.
            shown = named if re.fullmatch(r"AC[0-9a-fA-F]{32}", named) else "no account SID"
            raise SetupError(
                f"{name} is {shown}, but the stack is of account {account}: its credentials are not used",
                hint=f"set TWILIO_ACCOUNT_SID{suffix}={account} and that account's credentials",
            )
        if named:
            return


def _api_key(account: str, end: str, environ: Mapping[str, str]) -> Credentials | None:
    names = (f"TWILIO_API_KEY{end}", f"TWILIO_API_SECRET{end}")
    key, secret = (setting(environ, name) for name in names)
    if not key and not secret:
        return None
    if not key or not secret:
        given, lacking = names if key else reversed(names)
        raise SetupError(f"{given} is set, but {lacking} is not", hint=f"set {lacking} too, or neither")
    if not key.startswith("SK"):
        raise SetupError(f"{names[0]} is not the SID of an API key", hint="the SID of an API key begins with SK")
    return Credentials(account, key, secret, names)


def _auth_token(account: str, end: str, environ: Mapping[str, str]) -> Credentials | None:
    name = f"TWILIO_AUTH_TOKEN{end}"
    token = setting(environ, name)
    return Credentials(account, account, token, (name,)) if token else None


def endpoint(config_endpoint: str | None, environ: Mapping[str, str]) -> str | None:
    """The one base URL that stands for all of Twilio's hosts, without a slash at its end; None: Twilio itself.

    FLEXRES_ENDPOINT goes before the stack's own `endpoint:`, which may only be this machine, so that a change
    to the YAML cannot send credentials elsewhere.

    Raises:
        SetupError: no http or https URL, plain http to another machine, a YAML endpoint on another machine, or a
            variable that is set and empty: who meant a sandbox must not meet Twilio.
    """
    from_environ = setting(environ, "FLEXRES_ENDPOINT")
    if from_environ:
        return _checked(from_environ, "FLEXRES_ENDPOINT")
    if "FLEXRES_ENDPOINT" in environ:
        raise SetupError(
            "FLEXRES_ENDPOINT is set and empty", hint="give it the endpoint's URL, or unset it to work with Twilio"
        )
    if config_endpoint is None:
        return None
    if not is_loopback(config_endpoint):
        raise SetupError(
            f"endpoint: {config_endpoint} is not on this machine",
            hint="an endpoint elsewhere is named by FLEXRES_ENDPOINT in the environment only",
        )
    return _checked(config_endpoint, "endpoint:")


def _checked(url: str, name: str) -> str:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or parts.username is not None or parts.query or parts.fragment:
        raise SetupError(
            f"{name} is not the base URL of a server",
            hint="write http://127.0.0.1:8465 or https://host, without a user, a query or a fragment",
        )
    if parts.scheme == "http" and not is_loopback(url):
        raise SetupError(
            f"{name} is plain http to {parts.hostname}: credentials would travel in the clear",
            hint="use https, or an address of this machine",
        )
    return url.rstrip("/")


def is_loopback(url: str) -> bool:
    """Whether the URL's host is this machine by its name or address alone; nothing is looked up."""
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def max_connections(environ: Mapping[str, str]) -> int:
    """How many requests may be under way at once: FLEXRES_MAX_CONNECTIONS, or 16.

    Raises:
        SetupError: it is not a whole number of 1 to 256.
    """
    text = setting(environ, "FLEXRES_MAX_CONNECTIONS")
    if not text:
        return DEFAULT_CONNECTIONS
    if not re.fullmatch(r"[0-9]{1,3}", text) or not 1 <= int(text) <= MOST_CONNECTIONS:
        raise SetupError(
            "FLEXRES_MAX_CONNECTIONS is not a number of connections",
            hint=f"write a whole number from 1 to {MOST_CONNECTIONS}, or leave it out for {DEFAULT_CONNECTIONS}",
        )
    return int(text)


def api_share(environ: Mapping[str, str]) -> float:
    """How much of each of Twilio's rate limits is ours to use: FLEXRES_API_SHARE, or half.

    Raises:
        SetupError: it is not a number above 0, up to 1, nor a percentage.
    """
    text = setting(environ, "FLEXRES_API_SHARE")
    if not text:
        return DEFAULT_SHARE
    found = re.fullmatch(r"([0-9]{1,3}(?:\.[0-9]{1,6})?)(%?)", text)
    share = float(found[1]) / (100 if found[2] else 1) if found else 0.0
    if not 0.01 <= share <= 1:
        raise SetupError(
            "FLEXRES_API_SHARE is not a share of Twilio's rate limits",
            hint="write a number from 0.01 to 1, or a percentage such as 30%, or leave it out for half",
        )
    return share
