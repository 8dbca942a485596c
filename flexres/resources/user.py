"""`User`: one declared user as a resource, named by username; each call is a few lines over the run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pulumi import ResourceOptions

from flexres.errors import RefusedError
from flexres.resources.properties import Properties, desired_properties, live_properties
from flexres.resources.provider import OneOfMany, Provider
from flexres.resources.run import Run
from flexres.values import same


class UserProvider(Provider):
    """A declared user: written by the operation that the plan has for them, gone only by leaving."""

    kind = "User"
    key = "username"
    looks = True
    leaves = True

    async def checked(self, run: Run, inputs: Properties) -> Properties:
        """Whether the program and this process read the same YAML; a guard's refusal holds for a target alone, too."""
        declared = run.session.wanted.users.get(inputs["username"])
        if not same(inputs, desired_properties(inputs["stack"], declared) if declared else {}):
            raise RefusedError(f"{inputs['username']} has changed in the YAML since the program read it: run it again")
        return await super().checked(run, inputs)

    def people(self, inputs: Properties) -> Iterable[str]:
        return (inputs["username"],)

    def differs(self, before: Properties, after: Properties) -> bool:
        """Before the program has spoken this is a refresh, which asks what differs; then it asks what is to be done."""
        if not self.declared(after):
            return super().differs(before, after)
        return self.call(after, lambda run: run.any_pending({after["username"]}))

    async def write(self, run: Run, inputs: Properties) -> Properties:
        await run.make_so(inputs["username"])
        return inputs

    async def leave(self, run: Run, inputs: Properties) -> None:
        await run.retire(inputs["username"])

    async def left(self, run: Run, inputs: Properties) -> Properties | None:
        await run.look_again([inputs["username"]])
        return await self._now(run, inputs)

    async def seen(self, run: Run, known: Properties) -> Properties | None:
        run.looked = True
        run.refreshed.add(known["username"])
        return await self._now(run, known)

    async def _now(self, run: Run, known: Properties) -> Properties | None:
        username = known["username"]
        live = await run.reading.user(username)
        if live is None:
            return None
        wanted = run.session.wanted
        return live_properties(known, live, wanted.users.get(username), wanted.scope, wanted.config.id)


class User(OneOfMany, module="flexres", name="User"):
    """A user of the stack."""

    def __init__(self, name: str, properties: Mapping[str, Any], opts: ResourceOptions) -> None:
        super().__init__(_PROVIDER, name, dict(properties), opts)


_PROVIDER = UserProvider()
