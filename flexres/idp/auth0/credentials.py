"""Who we are to an Auth0 tenant, from the environment alone: a pull request must not send a secret elsewhere."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from flexres.errors import SetupError
from flexres.live.credentials import is_loopback, setting


@dataclass(frozen=True, slots=True)
class Tenant:
    """A tenant and a way to a token: `token` itself, or `client_id` and `client_secret` of a machine-to-machine one.

    `base` is the URL of the tenant without a slash at its end, `audience` what a token is asked for.
    """

    domain: str
    base: str
    token: str | None = field(default=None, repr=False)
    client_id: str | None = field(default=None, repr=False)
    client_secret: str | None = field(default=None, repr=False)

    @property
    def audience(self) -> str:
        """The Management API's identifier (https://auth0.com/docs/secure/tokens/access-tokens)."""
        return f"https://{self.domain}/api/v2/"


def from_environment(stack: str, domain: str, environ: Mapping[str, str]) -> Tenant:
    """The tenant `domain` with the credentials of the environment.

    Each variable may end in `__<STACK>`, which goes first. AUTH0_DOMAIN says where the credentials may be sent: it
    has to name the stack's own domain, or a port of this machine, which stands for it.

    Raises:
        SetupError: something is not set, or AUTH0_DOMAIN names another tenant.
    """
    suffix = "__" + re.sub(r"[^A-Z0-9]", "_", stack.upper())

    def found(name: str) -> str | None:
        value = setting(environ, name + suffix) or setting(environ, name)
        if not value.isascii():
            raise SetupError(f"{name} holds characters that no credential has", hint="set it again, as plain text")
        return value or None

    given = found("AUTH0_DOMAIN")
    if given is None:
        raise SetupError(
            "AUTH0_DOMAIN is not set: it says where Auth0's credentials may be sent", hint=f"set AUTH0_DOMAIN={domain}"
        )
    local = is_loopback(f"//{given}")
    if given != domain and not local:
        # A secret can have been pasted here: only what has the form of a domain is shown.
        shown = given if re.fullmatch(r"[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63}){1,4}", given) else "no domain"
        raise SetupError(
            f"AUTH0_DOMAIN is {shown}, but the stack's idp: domain: is {domain}: its credentials are not used",
            hint=f"set AUTH0_DOMAIN{suffix}={domain} and that tenant's credentials",
        )
    token, client_id, secret = found("AUTH0_MGMT_TOKEN"), found("AUTH0_CLIENT_ID"), found("AUTH0_CLIENT_SECRET")
    if token is None and (client_id is None or secret is None):
        lacking = [name for name, value in (("CLIENT_ID", client_id), ("CLIENT_SECRET", secret)) if value is None]
        raise SetupError(
            f"there are no credentials for {domain} in the environment: AUTH0_{' and AUTH0_'.join(lacking)} not set",
            hint="set AUTH0_CLIENT_ID and AUTH0_CLIENT_SECRET of a machine-to-machine application, or AUTH0_MGMT_TOKEN",
        )
    return Tenant(domain, f"http://{given}" if local else f"https://{domain}", token, client_id, secret)
