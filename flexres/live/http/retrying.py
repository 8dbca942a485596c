"""When a request may be sent again and how long to wait first; and many requests side by side, failing as one."""

from __future__ import annotations

import asyncio
import math
import random
import time
from asyncio import sleep
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum
from typing import Any, Final, TypeVar

from tenacity import AsyncRetrying, RetryCallState

from flexres.errors import FlexresError


class Failure(Enum):
    """How an attempt failed, by what Twilio may have done with it."""

    THROTTLED = "throttled"  # 429: never processed, so always safe to repeat (Twilio's docs)
    NOT_SENT = "not sent"  # no connection came about
    NO_ANSWER = "no answer"  # sent, and then a reset, a timeout or an answer that cannot be read
    SERVER = "server"  # 5xx: may have taken effect

    @property
    def may_have_taken_effect(self) -> bool:
        return self in {Failure.NO_ANSWER, Failure.SERVER}


class FailedAttempt(Exception):  # noqa: N818 - it names what happened, and never leaves the transport
    """One attempt that failed in a way that another may mend. `error` is what to raise if none does.

    `retry_after` is in seconds, None where Twilio did not say.
    """

    def __init__(self, failure: Failure, error: FlexresError, retry_after: float | None = None) -> None:
        super().__init__(failure.value)
        self.failure = failure
        self.error = error
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Timing:
    """Time and chance as the transport meets them; the tests bring their own."""

    monotonic: Callable[[], float] = time.monotonic
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    sleep: Callable[[float], Awaitable[None]] = sleep
    random: Callable[[], float] = random.random


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Limits of repetition, in seconds where not attempts; `total` is for all attempts and the waits between them.

    `first_contact` is the number of attempts while nothing was ever answered: then it is a wrong name or no
    network, which a person wants to hear at once, and not a blip.
    """

    attempts: int = 10
    first_contact: int = 3
    total: float = 120.0
    wait_base: float = 0.25
    wait_cap: float = 8.0
    retry_after_cap: float = 30.0

    def wait(self, attempt: int, retry_after: float | None, chance: float) -> float:
        """Seconds before the attempt after number `attempt` (from 1), for a `chance` of 0 to 1.

        Full jitter: anything between nothing and a doubling bound. Where Twilio names a time, that time, and a
        little more, so that all who heard it do not come back in the same instant.
        """
        if retry_after is not None:
            return min(retry_after, self.retry_after_cap) + chance * self.wait_base
        bound: float = min(self.wait_cap, self.wait_base * 2.0 ** min(attempt - 1, 30))
        return chance * bound


REAL: Final = Timing()
PATIENT: Final = RetryPolicy()
ONCE: Final = RetryPolicy(attempts=1)


def may_repeat(failure: Failure, *, idempotent: bool) -> bool:
    """Whether the same request may be sent again without doing anything twice."""
    return idempotent or not failure.may_have_taken_effect


def retry_after(header: str | None, now: datetime) -> float | None:
    """Seconds to wait by a Retry-After header: a number or an HTTP date; None where it is neither."""
    if header is None:
        return None
    try:
        seconds = float(header)
    except ValueError:
        try:
            date = parsedate_to_datetime(header)
            seconds = (date.replace(tzinfo=date.tzinfo or UTC) - now).total_seconds()
        except (ValueError, OverflowError, TypeError):
            return None
    return max(0.0, seconds) if math.isfinite(seconds) else None


def retrying(
    policy: RetryPolicy,
    timing: Timing,
    *,
    idempotent: bool,
    answered_before: Callable[[], bool],
    under_way: Callable[[], float],
) -> AsyncRetrying:
    """The loop around one request's attempts. When it gives up, the last FailedAttempt is raised.

    `under_way` gives the seconds that the attempts took by themselves. Waiting for the limiter's slots does not
    count towards the total: with ten thousand requests in a queue it says nothing about this one.
    """

    def again(state: RetryCallState) -> bool:
        failed = _failed(state)
        return failed is not None and may_repeat(failed.failure, idempotent=idempotent)

    def wait(state: RetryCallState) -> float:
        failed = _failed(state)
        named = failed.retry_after if failed else None
        return policy.wait(state.attempt_number, named, timing.random())

    def stop(state: RetryCallState) -> bool:
        failed = _failed(state)
        unheard = failed is not None and failed.failure is Failure.NOT_SENT and not answered_before()
        limit = policy.first_contact if unheard else policy.attempts
        spent = under_way() + state.idle_for + state.upcoming_sleep
        return state.attempt_number >= limit or spent > policy.total

    return AsyncRetrying(sleep=timing.sleep, retry=again, wait=wait, stop=stop, reraise=True)


def _failed(state: RetryCallState) -> FailedAttempt | None:
    outcome = state.outcome
    error = outcome.exception() if outcome is not None and outcome.failed else None
    return error if isinstance(error, FailedAttempt) else None


Item = TypeVar("Item")
Result = TypeVar("Result")

# More than the transport ever lets through at once, and few enough that ten thousand items are no ten thousand tasks.
WIDTH: Final = 512


async def each(function: Callable[[Item], Awaitable[Result]], items: Iterable[Item]) -> list[Result]:
    """`function` of every item, in the items' order. The first failure cancels the rest and is raised as it is."""
    numbered = list(items)
    results: dict[int, Result] = {}
    remaining = iter(enumerate(numbered))

    async def work() -> None:
        for number, item in remaining:
            results[number] = await function(item)

    await together(*(work() for _ in range(min(WIDTH, len(numbered)))))
    return [results[number] for number in range(len(numbered))]


async def together(*work: Coroutine[Any, Any, None]) -> None:
    """Run all of them; the first failure cancels the rest and is raised as it is, not in a group."""
    try:
        async with asyncio.TaskGroup() as group:
            for each_work in work:
                group.create_task(each_work)
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from failures.exceptions[0].__cause__
