"""What error bodies say, whichever way they are written."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexres.errors import (
    Exit,
    FormatError,
    LostAnswerError,
    NotFoundError,
    PreconditionError,
    TwilioError,
    UnavailableError,
    UnreachableError,
)
from flexres.live.http.answers import ErrorBody, Response, error, lost

from .fake import ACCOUNT, CREDENTIALS, SECRET

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.sampled_from(["message", "code", "title", "detail", "errors", "status"]), inner)
    ),
)


@pytest.mark.parametrize(
    ("body", "message", "code"),
    [
        (
            {"status": 400, "message": "Error invalid attribute format", "code": 45004},
            "Error invalid attribute format",
            45004,
        ),
        ({"message": "bare"}, "bare", None),
        ({"message": "text code", "code": "20429"}, "text code", 20429),
        ({"message": "odd code", "code": True}, "odd code", None),
        (
            {"type": "about:blank", "title": "Bad Request", "detail": "roles is empty"},
            "Bad Request: roles is empty",
            None,
        ),
        (
            {"title": "Bad Request", "code": 45004, "errors": [{"detail": "a"}, {"message": "b"}, "c", 4]},
            "Bad Request (a; b; c)",
            45004,
        ),
        ({"errors": [{"detail": "only this"}]}, "only this", None),
        ({}, "Reason", None),
        (None, "Reason", None),
        ([1], "Reason", None),
        ({"message": {"nested": 1}}, "Reason", None),
    ],
)
def test_both_shapes_of_error_bodies_are_read(body: Any, message: str, code: int | None) -> None:
    assert ErrorBody.of(body, "Reason") == ErrorBody(message, code)


@given(ANYTHING)
def test_every_body_gives_one_printable_line(body: Any) -> None:
    """Nothing that a server sends can break a line, colour a terminal, or flood it."""
    message = ErrorBody.of(body, "").message
    assert message
    assert message.isprintable()


def test_a_long_message_is_cut() -> None:
    assert len(ErrorBody.of({"message": "x" * 10_000}, "").message) == 400


@pytest.mark.parametrize(
    ("status", "kind", "exit_code"),
    [
        (400, FormatError, Exit.FAILED),
        (404, NotFoundError, Exit.FAILED),
        (409, TwilioError, Exit.FAILED),
        (412, PreconditionError, Exit.FAILED),
        (422, FormatError, Exit.FAILED),
        (429, UnavailableError, Exit.UNREACHABLE),
        (503, UnavailableError, Exit.UNREACHABLE),
    ],
)
def test_each_status_is_its_exception(status: int, kind: type[TwilioError], exit_code: Exit) -> None:
    made = error(ErrorBody("No", 20001), CREDENTIALS, request="GET /x", status=status, request_id="RQ1")
    assert type(made) is kind
    assert made.exit is exit_code
    assert str(made) == f"No ({status}/20001 to GET /x, request RQ1)"


@pytest.mark.parametrize("status", [401, 403])
def test_refused_credentials_name_their_variables(status: int) -> None:
    made = error(ErrorBody("Authenticate", 20003), CREDENTIALS, request="GET /x", status=status, request_id=None)
    assert isinstance(made, UnreachableError)
    assert made.message == (
        "Twilio refused the credentials in TWILIO_API_KEY and TWILIO_API_SECRET: "
        f"Authenticate ({status}/20003 to GET /x)"
    )
    assert ACCOUNT in made.hint
    assert SECRET not in made.message + made.hint


def test_a_lost_answer_keeps_what_was_said() -> None:
    failed = TwilioError("Bad gateway", request="POST /x", status=502, code=None, request_id="RQ1")
    made = lost(failed, "POST /x")
    assert isinstance(made, LostAnswerError)
    assert str(made) == "Bad gateway (502 to POST /x, request RQ1)"
    silent = lost(UnreachableError("host did not answer in time"), "POST /x")
    assert str(silent) == "host did not answer in time (no answer to POST /x)"


def test_a_body_that_is_no_object_is_told() -> None:
    with pytest.raises(TwilioError, match="is no JSON object"):
        Response("GET /x", 200, [1], {}).object()
