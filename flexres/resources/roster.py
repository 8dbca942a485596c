"""`Roster`: the whole stack as one resource, on which all users depend: its check is where the guards speak."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from pulumi import Output, ResourceOptions
from pulumi.dynamic import (
    CheckFailure,
    CheckResult,
    CreateResult,
    DiffResult,
    ReadResult,
    Resource,
    UpdateResult,
)

from flexres.desired.stack import Stack
from flexres.resources import process
from flexres.resources.properties import Properties, plain
from flexres.resources.provider import Provider
from flexres.resources.run import Run
from flexres.values import same


class RosterProvider(Provider):
    """Writes nothing to Flex. What its check found stays in the process for the users that follow."""

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        inputs = plain(news)
        return process.process().call(inputs, lambda run: _check(run, inputs))

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        return DiffResult(changes=not same(_inputs(olds), _inputs(news)))

    def create(self, props: dict[str, Any]) -> CreateResult:
        return CreateResult("roster", process.process().call(plain(props), lambda run: _outputs(run, plain(props))))

    def update(self, _id: str, _olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        return UpdateResult(process.process().call(plain(news), lambda run: _outputs(run, plain(news))))

    def delete(self, _id: str, props: dict[str, Any]) -> None:
        process.process().call(plain(props), _delete)

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        return ReadResult(id_, plain(props), _inputs(props))


class Roster(Resource, module="flexres", name="Roster"):
    """Who is declared, with which roles, under which policy. `workspace` is the SID of the TaskRouter Workspace."""

    workspace: Output[str]

    def __init__(self, stack: Stack) -> None:
        super().__init__(_PROVIDER, "roster", {**roster_properties(stack), "workspace": None}, ResourceOptions())


_PROVIDER = RosterProvider()


def roster_properties(stack: Stack) -> Properties:
    """Username → roles, and the policy in the words of the YAML."""
    policy = stack.config.policy
    rules = {field.name: _rule(getattr(policy, field.name)) for field in fields(policy)}
    users = {username: ", ".join(user.roles) for username, user in stack.users.items()}
    return {"stack": stack.name, "policy": rules, "users": users}


def _rule(value: object) -> Any:
    return list(value) if isinstance(value, tuple) else value if isinstance(value, int) else str(value)


def _inputs(properties: dict[str, Any]) -> Properties:
    return {key: value for key, value in plain(properties).items() if key != "workspace"}


async def _check(run: Run, inputs: Properties) -> CheckResult:
    refusal = (await run.verdict()).refusal
    return CheckResult(inputs, [CheckFailure("", refusal)] if refusal else [])


async def _outputs(run: Run, inputs: Properties) -> Properties:
    return {**inputs, "workspace": (await run.verdict()).plan.instance.workspace}


async def _delete(run: Run) -> None:
    run.check_destroy()
