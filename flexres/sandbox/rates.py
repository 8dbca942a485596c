"""Requests per second by resource key, as TaskRouter counts them; and the contact centre next door that spends them."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from flexres.sandbox.errors import SandboxError

DOCUMENTED: Mapping[str, int] = {
    "Worker-List-TargetWorkersExpression": 3,
    "TaskQueue-List-EvaluateWorkerAttributes": 3,
}
"""The two limits that Twilio has published."""
_RESOURCES = ("Workspace", "Activity", "TaskChannel", "Worker", "WorkerChannel", "Reservation", "TaskQueue", "Workflow")
_ACTIONS = {"List": 20, "Fetch": 100, "Create": 60, "Update": 60, "Delete": 60}
_TWILIO = {f"{resource}-{action}": limit for resource in (*_RESOURCES, "Event") for action, limit in _ACTIONS.items()}
LIMITS: Mapping[str, Mapping[str, int]] = {
    "none": {},
    "documented": DOCUMENTED,
    "twilio": {**_TWILIO, **DOCUMENTED},
}
"""Requests a second. Beyond the documented ones each account has numbers of its own, which Console shows."""


@dataclass(frozen=True, slots=True)
class Spent:
    """What came of one request: `allowed` of it, `left` of the `limit` requests a second of its key."""

    key: str
    limit: int
    left: int
    allowed: bool

    def headers(self) -> dict[str, str]:
        """As TaskRouter tells it. How it writes the third one is not published: here, the key and the period."""
        return {
            "X-Rate-Limit-Limit": str(self.limit),
            "X-Rate-Limit-Remaining": str(self.left),
            "X-Rate-Limit-Config": f"{self.key};w=1",
        }


class Rates:
    """Counts requests over the last second. `kind` is none, documented or twilio, where every resource has some.

    Raises:
        SandboxError: there is no such kind.
    """

    def __init__(self, kind: str = "documented", clock: Callable[[], float] = time.monotonic) -> None:
        if kind not in LIMITS:
            raise SandboxError(f"limits {kind!r}: expected one of {', '.join(LIMITS)}")
        self.kind, self.limits = kind, LIMITS[kind]
        self.refused: Counter[str] = Counter()
        self._clock = clock
        self._moments: defaultdict[str, deque[float]] = defaultdict(deque)

    def spend(self, key: str, *, ours: bool = True) -> Spent | None:
        """Takes one request off a key; None where it has no limit. What is refused is not counted against it.

        `ours` is whether a client of the sandbox sent it.
        """
        limit = self.limits.get(key)
        if limit is None:
            return None
        moments, now = self._moments[key], self._clock()
        while moments and moments[0] <= now - 1:
            moments.popleft()
        if len(moments) >= limit:
            if ours:
                self.refused[key] += 1
            return Spent(key, limit, 0, allowed=False)
        moments.append(now)
        return Spent(key, limit, limit - len(moments), allowed=True)


_TICK = 0.05


class Neighbour:
    """Spends `share` of every limit, from 0 to 1, evenly over each second.

    It works by Workers, channels and reservations; expressions, with limits of their own, it does not use.

    Raises:
        SandboxError: the share is none, or there are no limits to spend from.
    """

    def __init__(self, rates: Rates, share: float) -> None:
        self._keys = {key: limit for key, limit in rates.limits.items() if key not in DOCUMENTED}
        if not 0 < share < 1:
            raise SandboxError("neighbour: expected a part of the limits, such as 40%")
        if not self._keys:
            raise SandboxError("neighbour: it spends from Twilio's limits, so it needs limits twilio")
        self.share, self.sent = share, 0
        self.refused: Counter[str] = Counter()
        self._rates = rates
        self._due = dict.fromkeys(self._keys, 0.0)

    async def live(self) -> None:
        """Spends until it is cancelled."""
        loop = asyncio.get_running_loop()
        before = loop.time()
        while True:
            await asyncio.sleep(_TICK)
            # A busy machine wakes us late: a contact centre would not make up for it in one go.
            now = loop.time()
            self.spend(min(now - before, 2 * _TICK))
            before = now

    def spend(self, seconds: float) -> None:
        """Sends what is due after so many seconds."""
        for key, limit in self._keys.items():
            self._due[key] += limit * self.share * seconds
            while self._due[key] >= 1:
                self._due[key] -= 1
                self.sent += 1
                spent = self._rates.spend(key, ours=False)
                if spent is not None and not spent.allowed:
                    self.refused[key] += 1


def parse_share(text: str) -> float:
    """`40%` or `0.4` as a number.

    Raises:
        SandboxError: it is neither.
    """
    try:
        return float(text.removesuffix("%")) / 100 if text.endswith("%") else float(text)
    except ValueError:
        raise SandboxError(f"neighbour {text!r}: expected a part of the limits, such as 40%") from None
