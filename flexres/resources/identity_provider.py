"""`IdentityProvider`: the set-up at the identity provider as a resource; what users get there goes with each `User`."""

from __future__ import annotations

from pulumi import ResourceOptions
from pulumi.dynamic import Resource

from flexres.resources.properties import Properties
from flexres.resources.provider import Provider
from flexres.resources.run import Run

PENDING = "pending"
"""The property that names what is not as declared."""


class IdentityProviderProvider(Provider):
    """Its check fills in what is not as declared: that is at the provider, and in no state.

    Its end changes nothing there: other stacks, and people, may sign in by the same application.
    """

    kind = "IdentityProvider"
    name = "identity-provider"
    computed = frozenset({PENDING})

    async def checked(self, run: Run, inputs: Properties) -> Properties:
        pending = await run.at_idp()
        return {**self.given(inputs), **({PENDING: pending} if pending else {})}

    def differs(self, before: Properties, after: Properties) -> bool:
        return PENDING in after

    async def write(self, run: Run, inputs: Properties) -> Properties:
        await run.write_idp()
        return self.given(inputs)


class IdentityProvider(Resource, module="flexres", name="IdentityProvider"):
    """The application, the action and the login flow of a stack at its identity provider."""

    def __init__(self, prefix: str, stack: str, tenant: str, opts: ResourceOptions) -> None:
        name = f"{prefix}{IdentityProviderProvider.name}"
        super().__init__(_PROVIDER, name, {"stack": stack, "tenant": tenant}, opts)


_PROVIDER = IdentityProviderProvider()
