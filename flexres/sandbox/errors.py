"""Refusals: as the error body that Twilio's wire carries, or as a sentence for the person who runs the sandbox."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

ErrorStyle = Literal["twilio", "rfc9457"]


class SandboxError(Exception):
    """Something that whoever starts the sandbox can put right; the message says how."""


class WireError(Exception):
    """A refusal that a client gets to see.

    `code` is Twilio's own number, None where Twilio publishes none.
    """

    def __init__(
        self, status: int, message: str, *, code: int | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.headers = dict(headers or {})

    def body(self, style: ErrorStyle = "twilio") -> dict[str, object]:
        """The JSON object of the answer: `{status, message, code, more_info}`, or that of RFC 9457."""
        more_info = f"https://www.twilio.com/docs/errors/{self.code}"
        if style == "rfc9457":
            kind = more_info if self.code else "about:blank"
            return {"type": kind, "title": self.message, "status": self.status, "code": self.code or self.status}
        body: dict[str, object] = {"status": self.status, "message": self.message}
        if self.code:
            body |= {"code": self.code, "more_info": more_info}
        return body


def unauthenticated() -> WireError:
    """401/20003, seen by real clients."""
    return WireError(401, "Authenticate", code=20003, headers={"WWW-Authenticate": 'Basic realm="Twilio API"'})


def not_found(path: str) -> WireError:
    """404/20404, seen by real clients."""
    return WireError(404, f"The requested resource {path} was not found", code=20404)


def method_not_allowed() -> WireError:
    """405/20004."""
    return WireError(405, "Method not allowed", code=20004)


def precondition_failed() -> WireError:
    """412/20412: documented for Tasks, and here for Workers alike."""
    return WireError(412, "Precondition failed: the resource has changed since it was read", code=20412)


def too_many_requests(headers: Mapping[str, str]) -> WireError:
    """429/20429. Twilio documents no Retry-After for Flex."""
    return WireError(429, "Too Many Requests", code=20429, headers=headers)


def bad_page_token() -> WireError:
    """400/21481, documented."""
    return WireError(400, "Invalid PageToken", code=21481)


def invalid_parameter(message: str) -> WireError:
    """400/20001: a form or query parameter that TaskRouter does not accept."""
    return WireError(400, message, code=20001)


def invalid_body(message: str) -> WireError:
    """400/45004: the Flex service's validation error."""
    return WireError(400, message, code=45004)


def invalid_attribute_format() -> WireError:
    """The message is Twilio's documented one; 45004 is inferred from it being a validation error."""
    return invalid_body("Error invalid attribute format")
