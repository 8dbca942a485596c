"""The sandbox's dates, as Twilio writes them."""

from __future__ import annotations

import time


def now(ahead: float = 0) -> str:
    """The time, or that of `ahead` seconds later: ISO 8601 in UTC, whole seconds."""
    return at(time.time() + ahead)


def at(seconds: float) -> str:
    """A moment, given in seconds since 1970, in the same spelling."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
