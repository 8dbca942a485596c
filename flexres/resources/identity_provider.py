"""`IdentityProvider`: the set-up at the identity provider as a resource; what users get there goes with each `User`."""

from __future__ import annotations

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


class IdentityProviderProvider(Provider):
    """Its check fills in what is not as declared: that is at the provider, and in no state."""

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        inputs = plain(news)
        return process.process().call(inputs, lambda run: _check(run, inputs))

    def diff(self, _id: str, _olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        return DiffResult(changes="pending" in plain(news))

    def create(self, props: dict[str, Any]) -> CreateResult:
        inputs = plain(props)
        return CreateResult("identity-provider", process.process().call(inputs, lambda run: _write(run, inputs)))

    def update(self, _id: str, _olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        inputs = plain(news)
        return UpdateResult(process.process().call(inputs, lambda run: _write(run, inputs)))

    def delete(self, _id: str, props: dict[str, Any]) -> None:
        # Letting go changes nothing there: other stacks, and people, may sign in by the same application.
        del props

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        known: Properties = {name: props[name] for name in ("stack", "tenant") if name in props}
        return ReadResult(id_, dict(known), known)


class IdentityProvider(Resource, module="flexres", name="IdentityProvider"):
    """The application, the action and the login flow of a stack at its identity provider."""

    def __init__(self, stack: str, tenant: str, opts: ResourceOptions) -> None:
        super().__init__(_PROVIDER, "identity-provider", {"stack": stack, "tenant": tenant}, opts)


_PROVIDER = IdentityProviderProvider()


async def _check(run: Run, inputs: Properties) -> CheckResult:
    found: Properties = {"stack": inputs["stack"], "tenant": inputs["tenant"]}
    pending = await run.at_idp()
    if pending:
        found["pending"] = pending
    return CheckResult(found, [])


async def _write(run: Run, inputs: Properties) -> Properties:
    await run.write_idp()
    return {"stack": inputs["stack"], "tenant": inputs["tenant"]}
