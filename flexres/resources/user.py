"""`User`: one declared user as a resource, named by username; each call is a few lines over the run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pulumi import ResourceOptions
from pulumi.dynamic import (
    CheckFailure,
    CheckResult,
    CreateResult,
    DiffResult,
    ReadResult,
    Resource,
    UpdateResult,
)

from flexres.resources import process
from flexres.resources.properties import Properties, desired_properties, live_properties, plain
from flexres.resources.provider import Provider
from flexres.resources.run import Run
from flexres.values import same


class UserProvider(Provider):
    """Holds nothing: it is pickled by reference into the state of every user."""

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        inputs = plain(news)
        process.process().checked.add(inputs.get("username"))
        return process.process().call(inputs, lambda run: _check(run, inputs))

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        """Before the program has spoken this is a refresh, which asks what differs; then it asks what is to be done."""
        before, after = plain(olds), plain(news)
        username = after.get("username")
        if username not in process.process().checked:
            return DiffResult(changes=not same(before, after))
        return DiffResult(changes=process.process().call(after, lambda run: run.pending(str(username))))

    def create(self, props: dict[str, Any]) -> CreateResult:
        inputs = plain(props)
        process.process().call(inputs, lambda run: run.make_so(inputs["username"]))
        return CreateResult(inputs["username"], inputs)

    def update(self, _id: str, _olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        inputs = plain(news)
        process.process().call(inputs, lambda run: run.make_so(inputs["username"]))
        return UpdateResult(inputs)

    def delete(self, id_: str, props: dict[str, Any]) -> None:
        inputs = plain(props)
        process.process().call(inputs, lambda run: run.retire(inputs.get("username", id_)))

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        known = plain(props)
        found = process.process().read(known, lambda run: _read(run, id_, known))
        return found or ReadResult(id_, dict(known), dict(known))


class User(Resource, module="flexres", name="User"):
    """A user of the stack."""

    def __init__(self, name: str, properties: Mapping[str, Any], opts: ResourceOptions) -> None:
        super().__init__(_PROVIDER, name, dict(properties), opts)


_PROVIDER = UserProvider()


async def _check(run: Run, inputs: Properties) -> CheckResult:
    """Whether the program and this process read the same YAML; a guard's refusal holds for a target alone, too."""
    username = inputs["username"]
    declared = run.session.wanted.users.get(username)
    wanted = desired_properties(inputs["stack"], declared) if declared else {}
    if not same(inputs, wanted):
        reason = f"{username} has changed in the YAML since the program read it: run it again"
        return CheckResult(inputs, [CheckFailure("", reason)])
    refusal = (await run.verdict()).refusal
    return CheckResult(inputs, [CheckFailure("", refusal)] if refusal else [])


async def _read(run: Run, id_: str, known: Properties) -> ReadResult:
    username = known.get("username", id_)
    run.refreshed.add(username)
    live = await run.reading.user(username)
    if live is None:
        return ReadResult("", {})
    wanted = run.session.wanted
    found = live_properties(known, live, wanted.users.get(username), wanted.scope, wanted.config.id)
    return ReadResult(username, dict(found), found)
