"""A webhook: one JSON message to somebody who listens, tried a few times, and its URL never told, for it is a key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

import httpx

from flexres.errors import FlexresError, SetupError
from flexres.live.credentials import is_loopback
from flexres.live.http.base import Answer, Call, HttpClient, NoAnswerError, Why
from flexres.live.http.limits import Limits
from flexres.live.http.retrying import REAL, FailedAttempt, Failure, RetryPolicy, Timing
from flexres.live.http.wire import proxy_for, shown_proxy
from flexres.text import MEGABYTE
from flexres.values import Json

ATTEMPTS: Final = 3
_LIMITS: Final = Limits(connect=5.0, read=5.0, attempt=5.0, answer=MEGABYTE)
_POLICY: Final = RetryPolicy(attempts=ATTEMPTS, first_contact=ATTEMPTS, total=30.0, wait_base=0.5, wait_cap=4.0)
_SLACK: Final = ("hooks.slack.com", "hooks.slack-gov.com")


class NotDeliveredError(FlexresError):
    """The message did not get through; the text names the host alone."""


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
    timing: Timing = REAL,
    limits: Limits = _LIMITS,
    wire: httpx.AsyncBaseTransport | None = None,
) -> None:
    """Delivers a message: three attempts of five seconds each at most, a short wait between them.

    A redirect is not followed: it would take the message, and what it says of people, somewhere else.

    Raises:
        NotDeliveredError: nobody took it.
    """
    try:
        async with _Poster(hook, limits, timing, wire) as poster:
            await poster.post(message)
    except SetupError as error:
        # A proxy that cannot be used, or a URL that httpx does not take: no reason to lose what else is to be done.
        raise NotDeliveredError(f"{hook.shown} was not asked: {error.message}") from None


class _Poster(HttpClient):
    """The HTTP base for one webhook: delivering a message twice harms nobody, so every attempt may be repeated."""

    def __init__(self, hook: Webhook, limits: Limits, timing: Timing, wire: httpx.AsyncBaseTransport | None) -> None:
        super().__init__(
            hook.url, max_connections=1, limits=limits, policy=_POLICY, timing=timing, wire=wire, accept="*/*"
        )
        self._hook = hook

    async def post(self, message: Mapping[str, Json]) -> None:
        """Raises NotDeliveredError."""
        call = self._call("POST", self._hook.url, name=f"POST {self._hook.shown}", idempotent=True, json=message)
        await self._perform(call, self._judge)

    def _judge(self, call: Call, answer: Answer) -> None:
        said = f"it answered {answer.status}"
        if answer.status == 429 or answer.status >= 500:
            raise FailedAttempt(Failure.SERVER, NotDeliveredError(said))
        if not 200 <= answer.status < 300:
            raise NotDeliveredError(f"{self._hook.shown} did not take the message: {said}")

    def _given_up(self, call: Call, failed: FailedAttempt) -> FlexresError:
        error = failed.error
        if failed.failure is Failure.NOT_SENT:
            # Not the error's own words, which could name the URL; whose fault it is can be told.
            proxy = proxy_for(self._hook.url)
            said = f"the proxy {shown_proxy(proxy)} lets nothing through" if proxy else "it cannot be reached"
        elif isinstance(error, NoAnswerError):
            late = f"it did not answer within {self.limits.attempt:g} s"
            said = {Why.LATE: late, Why.BROKEN_OFF: "the connection broke"}.get(error.why, "its answer is no answer")
        else:
            said = error.message
        return NotDeliveredError(f"{self._hook.shown} did not take the message in {ATTEMPTS} attempts: {said}")
