"""The gate before Provision on existing users: the first of a run shows whether attributes survive it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from flexres.errors import FlexresError


class ProvisionGate:
    """Lets the first Provision of an existing user go alone; a loss there stops all others of the run.

    Nobody says whether Provision with an empty `worker` keeps the attributes of an existing Worker. The first
    one shows it.
    """

    def __init__(self) -> None:
        self._first = asyncio.Lock()
        self._shown = False
        self._lost: str | None = None

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Hold this around one Provision and its check. Raises FlexresError after a loss."""
        if not self._shown:
            async with self._first:
                self._check()
                if not self._shown:
                    yield
                    self._shown = True
                    return
        self._check()
        yield

    def lost(self, username: str) -> None:
        """Say that attributes were lost (and restored): no further Provision of an existing user in this run."""
        self._lost = username

    def _check(self) -> None:
        if self._lost is not None:
            raise FlexresError(
                f"not provisioned: Provision lost Worker attributes of {self._lost} (they were restored)",
                hint="change the profile at the identity provider or in Console, then run again",
            )
