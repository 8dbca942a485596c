"""`Roster`: the whole stack as one resource, on which all users depend: its check is where the guards speak."""

from __future__ import annotations

from collections import Counter
from dataclasses import fields
from typing import Any

from pulumi import Output, ResourceOptions
from pulumi.dynamic import Resource

from flexres.desired.model import ApprovedEntry
from flexres.desired.stack import Stack
from flexres.errors import RefusedError
from flexres.resources.properties import Properties, team_of
from flexres.resources.provider import Provider
from flexres.resources.run import Run
from flexres.values import same


class RosterProvider(Provider):
    """Writes nothing to Flex. What its check found stays in the process for the users that follow."""

    kind = "Roster"
    name = "roster"
    computed = frozenset({"workspace"})
    leaves = True

    async def checked(self, run: Run, inputs: Properties) -> Properties:
        """Whether the program and this process read the same YAML, and the guards' word on it."""
        if not same(inputs["users"], roster_properties(run.session.stack)["users"]):
            name = run.session.stack.name
            raise RefusedError(f"the YAML of {name} has changed since the program read it: run it again")
        return await super().checked(run, inputs)

    async def write(self, run: Run, inputs: Properties) -> Properties:
        return {**inputs, "workspace": (await run.verdict()).plan.instance.workspace}

    async def leave(self, run: Run, inputs: Properties) -> None:
        """All others depend on it, so in a destroy it is the last: whoever is left then has no other end."""
        run.check_destroy()
        if not run.judged:
            await run.retire_the_rest()


class Roster(Resource, module="flexres", name="Roster"):
    """Who is declared, with which roles, under which policy. `workspace` is the SID of the TaskRouter Workspace."""

    workspace: Output[str]

    def __init__(self, prefix: str, stack: Stack, opts: ResourceOptions) -> None:
        properties = {**roster_properties(stack), "workspace": None}
        super().__init__(_PROVIDER, f"{prefix}{RosterProvider.name}", properties, opts)


_PROVIDER = RosterProvider()


def roster_properties(stack: Stack) -> Properties:
    """Username → roles, or by team how many users it has, and the policy in the words of the YAML."""
    policy = stack.config.policy
    rules = {field.name: _rule(getattr(policy, field.name)) for field in fields(policy)}
    users: Properties = {username: ", ".join(user.roles) for username, user in stack.users.items()}
    if stack.config.resources == "team":
        users = dict(Counter(map(team_of, stack.users.values())))
    return {"stack": stack.name, "policy": rules, "users": users}


def _rule(value: object) -> Any:
    match value:
        case None:
            return []
        case tuple():
            return [_rule(item) for item in value]
        case ApprovedEntry():
            return f"{' '.join(value.digests)} until {value.until}: {value.purpose}"
        case int():
            return value
    return str(value)
