"""The live contact centre next door: spends a steady part of each rate limit, and counts how often it was refused."""

from __future__ import annotations

import asyncio
from collections import Counter

from flexres.sandbox.errors import SandboxError
from flexres.sandbox.limits.rates import DOCUMENTED, Rates

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
