"""A webhook: one JSON message to somebody who listens, tried a few times, and its URL never told, for it is a key."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

import httpx
from tenacity import AsyncRetrying, RetryError, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

from flexres.errors import FlexresError, SetupError
from flexres.live.credentials import is_loopback
from flexres.live.http.retrying import Timing
from flexres.values import Json

ATTEMPTS: Final = 3
_TIMEOUT: Final = httpx.Timeout(5.0)
_WAIT_CAP: Final = 4.0
_SLACK: Final = ("hooks.slack.com", "hooks.slack-gov.com")


class NotDeliveredError(FlexresError):
    """The message did not get through; the text names the host alone."""


class _AgainError(Exception):
    """An attempt that another one may mend."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where messages go. `shown` is what of it may be told: a webhook's path is its password."""

    url: str = field(repr=False)

    @property
    def shown(self) -> str:
        """The URL's scheme and host."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.hostname}/…"

    @property
    def takes_only_text(self) -> bool:
        """Whether the listener is Slack itself, which refuses a message with keys that it does not know."""
        return urlsplit(self.url).hostname in _SLACK


def webhook(url: str) -> Webhook:
    """The webhook of a URL. Raises SetupError for what is none, or would send the key in the clear."""
    try:
        parts = urlsplit(url)
        usable = bool(parts.hostname) and parts.port != 0 and url.isprintable() and " " not in url
        usable = usable and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(url)))
    except ValueError:
        usable = False
    if not usable:
        raise SetupError(
            "the webhook is no https URL (it is not shown here, because it may hold a key)",
            hint="give the whole URL with --notify or in FLEXRES_NOTIFY_URL; http is for this machine alone",
        )
    return Webhook(url)


async def post(
    hook: Webhook,
    message: Mapping[str, Json],
    *,
    timing: Timing = Timing(),  # noqa: B008  frozen
    transport: httpx.AsyncBaseTransport | None = None,
) -> None:
    """Delivers a message: three attempts of five seconds each at most, a short wait between them.

    A redirect is not followed: it would take the message, and what it says of people, somewhere else.

    Raises:
        NotDeliveredError: nobody took it.
    """
    async with httpx.AsyncClient(timeout=_TIMEOUT, transport=transport, trust_env=transport is None) as client:

        async def attempt() -> None:
            try:
                response = await client.post(hook.url, json=dict(message))
            except (httpx.TransportError, httpx.InvalidURL) as error:
                raise _AgainError(_why(error)) from None
            if response.status_code == 429 or response.status_code >= 500:
                raise _AgainError(f"it answered {response.status_code}")
            if not response.is_success:
                raise NotDeliveredError(f"{hook.shown} did not take the message: it answered {response.status_code}")

        await _repeated(attempt, hook, timing.sleep)


async def _repeated(
    attempt: Callable[[], Awaitable[None]], hook: Webhook, sleep: Callable[[float], Awaitable[None]]
) -> None:
    retrying = AsyncRetrying(
        retry=retry_if_exception_type(_AgainError),
        stop=stop_after_attempt(ATTEMPTS),
        wait=wait_exponential_jitter(multiplier=0.5, max=_WAIT_CAP),
        sleep=sleep,
    )
    try:
        await retrying(attempt)
    except RetryError as error:
        last = error.last_attempt.exception()
        raise NotDeliveredError(f"{hook.shown} did not take the message in {ATTEMPTS} attempts: {last}") from None


def _why(error: Exception) -> str:
    if isinstance(error, httpx.TimeoutException):
        return f"it did not answer within {_TIMEOUT.read:g} s"
    return "it cannot be reached" if isinstance(error, httpx.ConnectError) else "the connection broke"
