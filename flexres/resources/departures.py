"""`Departures`: who leaves without a resource of their own, because they wait or because the state forgot them."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from pulumi import ResourceOptions
from pulumi.dynamic import (
    CheckResult,
    CreateResult,
    DiffResult,
    ReadResult,
    Resource,
    UpdateResult,
)

from flexres.resources import process
from flexres.resources.properties import Properties, plain
from flexres.resources.provider import Provider
from flexres.resources.run import Run


class DeparturesProvider(Provider):
    """Its check fills in who is to leave: that is in the markers in Flex, and in no YAML and no state."""

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        inputs = plain(news)
        return process.process().call(inputs, lambda run: _check(run, inputs))

    def diff(self, _id: str, _olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        return DiffResult(changes="leaving" in plain(news))

    def create(self, props: dict[str, Any]) -> CreateResult:
        return CreateResult("departures", process.process().call(plain(props), lambda run: _retire(run, plain(props))))

    def update(self, _id: str, _olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        return UpdateResult(process.process().call(plain(news), lambda run: _retire(run, plain(news))))

    def delete(self, _id: str, props: dict[str, Any]) -> None:
        process.process().call(plain(props), _delete)

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        # Who left is no state: the next check says who is to leave then.
        known = {"stack": props["stack"]} if "stack" in props else {}
        return ReadResult(id_, dict(known), known)


class Departures(Resource, module="flexres", name="Departures"):
    """Registered after all users. `stack` may be awaited: it is ready when they are through, be it with errors."""

    def __init__(self, stack: str | Awaitable[str], opts: ResourceOptions) -> None:
        super().__init__(_PROVIDER, "departures", {"stack": stack}, opts)


_PROVIDER = DeparturesProvider()


async def _check(run: Run, inputs: Properties) -> CheckResult:
    leaving = sorted(change.username for change in await run.departing() if change.pending)
    found: Properties = {"stack": inputs["stack"]}
    if leaving:
        found["leaving"] = leaving
    return CheckResult(found, [])


async def _retire(run: Run, inputs: Properties) -> Properties:
    await run.retire_forgotten()
    return {"stack": inputs["stack"]}


async def _delete(run: Run) -> None:
    run.check_destroy()
