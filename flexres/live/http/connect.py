"""A transport for one stack, from its configuration and the environment: how every command reaches Twilio."""

from __future__ import annotations

from collections.abc import Mapping

from flexres.live import credentials
from flexres.live.http.transport import Transport


def connect(
    *, stack: str, account: str, endpoint: str | None, environ: Mapping[str, str], read_only: bool
) -> Transport:
    """A transport with the environment's credentials for `account`; `endpoint` is the stack's own, or None.

    Raises:
        SetupError: the environment lacks credentials, or names another account, an endpoint not to be used, or a
            number that is none.
    """
    return Transport(
        credentials.from_environment(stack, account, environ),
        endpoint=credentials.endpoint(endpoint, environ),
        read_only=read_only,
        max_connections=credentials.max_connections(environ),
        share=credentials.api_share(environ),
    )
