"""Twilio's answers as values and its error bodies as exceptions: the transport makes them, the clients read them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from flexres.errors import (
    FlexresError,
    FormatError,
    LostAnswerError,
    NotFoundError,
    PreconditionError,
    TwilioError,
    UnavailableError,
    UnreachableError,
)
from flexres.live.credentials import Credentials
from flexres.live.http.base import NoAnswerError
from flexres.text import one_line

JsonObject: TypeAlias = dict[str, Any]

_MOST_DETAILS: Final = 20


@dataclass(frozen=True, slots=True)
class Response:
    """One answer below 400. `json` is its decoded body (None where it has none), `headers` have lower-case names.

    `request` is the method and path that it answers, for messages; `secrets` never stand in one.
    """

    request: str
    status: int
    json: Any
    headers: Mapping[str, str]
    secrets: tuple[str, ...] = field(default=(), repr=False)

    @property
    def etag(self) -> str | None:
        """The version; None also for what no If-Match could carry."""
        etag = self.headers.get("etag", "")
        return etag if etag.isascii() and etag.isprintable() and etag else None

    @property
    def request_id(self) -> str | None:
        return request_id(self.headers, self.secrets)

    def said(self, text: object) -> str:
        """Something of the answer as it may stand in a message: one line without our secrets."""
        return one_line(text, self.secrets)

    def object(self) -> JsonObject:
        """The body as a JSON object.

        Raises:
            TwilioError: it is something else.
        """
        if isinstance(self.json, dict):
            return self.json
        raise self.unexpected("is no JSON object")

    def unexpected(self, what: str) -> TwilioError:
        """The error that says what about this answer is not as Twilio documents it."""
        return TwilioError(
            f"Twilio's answer {self.said(what)}",
            request=self.request,
            status=self.status,
            request_id=self.request_id,
        )


@dataclass(frozen=True, slots=True)
class ErrorBody:
    """What an error body says: Twilio's own shape, RFC 9457, or nothing that can be read."""

    message: str
    code: int | None = None

    @classmethod
    def of(cls, json: Any, reason: str, secrets: tuple[str, ...] = ()) -> ErrorBody:
        """The body's message and code; `reason` (the status line's words) where it has no message.

        Twilio's documented body is `{status, message, code?, more_info?}`; its Python library also reads
        `{type, title, status, code, detail?, errors?}`.
        """
        reason = one_line(reason, secrets) or "no reason given"
        if not isinstance(json, dict):
            return cls(reason)

        def said(value: Any) -> str:
            return one_line(value, secrets)

        def detail(item: Any) -> str:
            return said(item.get("detail") or item.get("message")) if isinstance(item, dict) else said(item)

        message = said(json.get("message"))
        if not message:
            message = ": ".join(filter(None, (said(json.get("title")), said(json.get("detail")))))
        errors = json.get("errors")
        details = "; ".join(filter(None, map(detail, errors[:_MOST_DETAILS] if isinstance(errors, list) else ())))
        message = f"{message} ({details})" if message and details else message or details
        return cls(one_line(message) or reason, _code(json.get("code")))


def error(body: ErrorBody, credentials: Credentials, **answer: Any) -> FlexresError:
    """The exception for one answer of 400 or more. `answer`: the request, status and request_id of TwilioError."""
    status: int = answer["status"]
    answer["code"] = body.code
    if status in {401, 403}:
        return _refused(body, credentials, answer["request"], status)
    kind = {400: FormatError, 404: NotFoundError, 412: PreconditionError, 422: FormatError}.get(status, TwilioError)
    if status == 429 or status >= 500:
        kind = UnavailableError
    return kind(body.message, hint=_hint(status, body.code), **answer)


def lost(failed: FlexresError, request: str) -> LostAnswerError:
    """The exception for a write that may have taken effect, though the answer says otherwise or never came."""
    answer = failed if isinstance(failed, TwilioError) else None
    return LostAnswerError(
        failed.said if isinstance(failed, NoAnswerError) else failed.message,
        request=request,
        status=answer.status if answer else 0,
        code=answer.code if answer else None,
        request_id=answer.request_id if answer else None,
        hint="it may have taken effect: run it again, which repeats only what is still missing",
    )


def _refused(body: ErrorBody, credentials: Credentials, request: str, status: int) -> UnreachableError:
    named = " and ".join(credentials.variables) or "the environment"
    answer = f"{status}/{body.code}" if body.code else f"{status}"
    return UnreachableError(
        f"Twilio refused the credentials in {named}: {body.message} ({answer} to {request})",
        hint=f"check that {named} belong to account {credentials.account} and were not revoked",
    )


def _hint(status: int, code: int | None) -> str:
    if status == 429:
        return "something else uses the account's concurrency: lower FLEXRES_MAX_CONNECTIONS, or wait"
    if status >= 500:
        return "Twilio's side has trouble (https://status.twilio.com): run it again later"
    return f"see https://www.twilio.com/docs/errors/{code}" if code else ""


def request_id(headers: Mapping[str, str], secrets: tuple[str, ...]) -> str | None:
    """What Twilio calls a request in its own logs; None where it does not say."""
    return one_line(headers.get("twilio-request-id"), secrets, longest=80) or None


def _code(value: Any) -> int | None:
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,9}", value):
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None
