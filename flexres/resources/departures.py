"""`Departures`: who leaves without a resource of their own, because they wait or because the state forgot them."""

from __future__ import annotations

from collections.abc import Awaitable

from pulumi import ResourceOptions
from pulumi.dynamic import Resource

from flexres.resources.properties import Properties
from flexres.resources.provider import Provider
from flexres.resources.run import Run

LEAVING = "leaving"
"""The property that names who is to leave."""


class DeparturesProvider(Provider):
    """Its check fills in who is to leave: that is in the markers in Flex, and in no YAML and no state."""

    kind = "Departures"
    name = "departures"
    computed = frozenset({LEAVING})
    leaves = True

    async def checked(self, run: Run, inputs: Properties) -> Properties:
        await run.say_who_moved()
        leaving = sorted(change.username for change in await run.departing() if change.pending)
        return {**self.given(inputs), **({LEAVING: leaving} if leaving else {})}

    def differs(self, before: Properties, after: Properties) -> bool:
        return LEAVING in after

    async def write(self, run: Run, inputs: Properties) -> Properties:
        await run.retire_forgotten()
        return self.given(inputs)

    async def leave(self, run: Run, inputs: Properties) -> None:
        run.check_destroy()


class Departures(Resource, module="flexres", name="Departures"):
    """Registered after all users. `stack` may be awaited: it is ready when they are through, be it with errors."""

    def __init__(self, prefix: str, stack: str | Awaitable[str], opts: ResourceOptions) -> None:
        super().__init__(_PROVIDER, f"{prefix}{DeparturesProvider.name}", {"stack": stack}, opts)


_PROVIDER = DeparturesProvider()
