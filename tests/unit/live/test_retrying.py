"""When a request may be repeated, and how long to wait."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexres.live.http.retrying import Failure, RetryPolicy, may_repeat, retry_after

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("failure", "idempotent", "repeats"),
    [
        (Failure.THROTTLED, True, True),
        (Failure.THROTTLED, False, True),
        (Failure.NOT_SENT, True, True),
        (Failure.NOT_SENT, False, True),
        (Failure.NO_ANSWER, True, True),
        (Failure.NO_ANSWER, False, False),
        (Failure.SERVER, True, True),
        (Failure.SERVER, False, False),
    ],
)
def test_only_what_cannot_happen_twice_is_repeated(failure: Failure, idempotent: bool, repeats: bool) -> None:
    assert may_repeat(failure, idempotent=idempotent) is repeats


@given(attempt=st.integers(1, 1000), chance=st.floats(0, 1))
def test_jitter_is_full_and_capped(attempt: int, chance: float) -> None:
    """From nothing up to a bound that doubles and then stays."""
    policy = RetryPolicy(wait_base=0.5, wait_cap=4.0)
    bound = policy.wait(attempt, None, 1.0)
    assert bound == min(4.0, 0.5 * 2 ** min(attempt - 1, 10))
    assert policy.wait(attempt, None, chance) == pytest.approx(chance * bound)


@given(named=st.floats(0, 1e6), chance=st.floats(0, 1))
def test_a_named_wait_is_kept_up_to_a_cap(named: float, chance: float) -> None:
    policy = RetryPolicy(retry_after_cap=30.0, wait_base=0.25)
    wait = policy.wait(1, named, chance)
    assert min(named, 30.0) <= wait <= min(named, 30.0) + 0.25


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("3", 3.0),
        ("0.5", 0.5),
        ("-4", 0.0),
        ("nan", None),
        ("inf", None),
        ("soon", None),
        ("", None),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90.0),
        (format_datetime(NOW - timedelta(seconds=90), usegmt=True), 0.0),
        ("Thu, 01 Jan 2026 00:00:05 -0000", 5.0),
        ("Thu, 99 Jan 2026 00:00:05 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str | None, seconds: float | None) -> None:
    assert retry_after(header, NOW) == seconds


@given(st.text())
def test_no_retry_after_header_breaks_us(header: str) -> None:
    """Whatever stands there, it is a wait of no less than nothing, or no wait."""
    seconds = retry_after(header, NOW)
    assert seconds is None or seconds >= 0
