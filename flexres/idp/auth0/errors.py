"""What Auth0 answers when it refuses, as errors that say what to do: the transport raises them.

FlexresError
├── Auth0Error        Auth0 answered one request with an error
│   └── GoneError     404, 410
└── (SetupError, UnreachableError as everywhere)
"""

from __future__ import annotations

import re
from typing import Any

from flexres.errors import FlexresError, SetupError, UnreachableError
from flexres.text import one_line


class Auth0Error(FlexresError):
    """Auth0 answered one request with an error. `code` is Auth0's own, such as `too_many_entities`, or empty."""

    def __init__(self, message: str, *, request: str, status: int, code: str = "", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.request = request
        self.status = status
        self.code = code

    def __str__(self) -> str:
        answer = f"{self.status} {self.code}".strip()
        return f"{self.message} ({answer} to {self.request})"


class GoneError(Auth0Error):
    """Auth0 does not know the thing (404)."""


def refusal(request: str, status: int, body: Any, domain: str, secrets: tuple[str, ...] = ()) -> FlexresError:
    """The error that an answer of 400 or more stands for, without these secrets."""
    said = body if isinstance(body, dict) else {}
    code = one_line(said.get("errorCode") or said.get("error"), secrets, longest=80)
    message = one_line(said.get("message") or said.get("error_description"), secrets, longest=300) or "no reason given"
    if status == 401:
        return UnreachableError(
            f"Auth0 refused the credentials for {domain}: {message} (401 to {request})",
            hint="check AUTH0_MGMT_TOKEN, which lives for a day at most, or AUTH0_CLIENT_ID and AUTH0_CLIENT_SECRET",
        )
    if status == 403 and code == "insufficient_scope":
        scopes = _scopes(message)
        return SetupError(
            f"the token for {domain} lacks the scope {scopes} ({request})",
            hint=f"grant it: Applications > APIs > Auth0 Management API > Machine to Machine Applications > {scopes}",
        )
    kind = GoneError if status in {404, 410} else Auth0Error
    return kind(f"Auth0: {message}", request=request, status=status, code=code, hint=_hint(status, code))


def _scopes(message: str) -> str:
    found = re.findall(r"[a-z]+:[a-z_]+", message)
    return " or ".join(found) or "that it needs"


def _hint(status: int, code: str) -> str:
    if code == "too_many_entities":
        return "the tenant's plan allows no more of these: delete one that nobody needs, or ask for a larger plan"
    if status >= 500:
        return "Auth0 has trouble (https://status.auth0.com): run it again later"
    return ""
