"""`TrustedDomain`: one trusted entry as a resource; entered by a person in Console, or written by an API."""

from __future__ import annotations

from collections.abc import Iterator
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

from flexres.desired.stack import Stack
from flexres.reconcile.change import Answer, SettingChange, SettingState
from flexres.resources import process
from flexres.resources.properties import Properties, plain
from flexres.resources.provider import Provider
from flexres.resources.run import Run
from flexres.sso.difference import setting_changes
from flexres.sso.sightings import SignOn
from flexres.values import same

_STANDING = {
    SettingState.AS_DECLARED: "attested",
    SettingState.PENDING: "pending",
    SettingState.REMOVAL: "removal pending",
}


class TrustedDomainProvider(Provider):
    """Its end takes the entry away only where an API writes it and the YAML has another list."""

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        return CheckResult(plain(news), [])

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        return DiffResult(changes=not same(plain(olds), plain(news)))

    def create(self, props: dict[str, Any]) -> CreateResult:
        inputs = plain(props)
        return CreateResult(inputs["entry"], self._write(inputs))

    def update(self, _id: str, _olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        return UpdateResult(self._write(plain(news)))

    def delete(self, id_: str, props: dict[str, Any]) -> None:
        inputs = plain(props)
        process.process().call(inputs, lambda run: _distrust(run, str(inputs.get("entry", id_))))

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        known = plain(props)
        found = process.process().read(known, lambda run: _read(run, id_, known))
        return found or ReadResult(id_, dict(known), dict(known))

    def _write(self, inputs: Properties) -> Properties:
        process.process().call(inputs, lambda run: run.write_sign_on(lambda each: _is(each, inputs["entry"])))
        return inputs


class TrustedDomain(Resource, module="flexres", name="TrustedDomain"):
    """A URL, or under legacy SSO a domain pattern, to which a login may return."""

    def __init__(self, properties: Properties, opts: ResourceOptions) -> None:
        super().__init__(_PROVIDER, properties["entry"], properties, opts)


_PROVIDER = TrustedDomainProvider()


def trusted_properties(stack: Stack) -> Iterator[Properties]:
    """The entries of a stack: those declared, and in console mode those whose removal nobody attested yet."""
    assert stack.config.sso is not None
    by_api = stack.config.sso.writer == "api"
    for setting in setting_changes(stack.config, SignOn()):
        if setting.entry:
            standing = "trusted" if by_api else _STANDING[setting.state]
            yield {"stack": stack.name, "entry": setting.entry, "standing": standing}


def _is(setting: SettingChange, entry: str) -> bool:
    return setting.entry == entry and not setting.removal


async def _read(run: Run, id_: str, known: Properties) -> ReadResult:
    found = dict(known)
    for setting in await run.sign_on():
        if not _is(setting, str(known.get("entry", id_))) or setting.answer is not Answer.NO:
            continue
        if known.get("standing") == "trusted":
            return ReadResult("", {})
        if setting.state is SettingState.DRIFT:
            found["standing"] = "drift: not trusted"
    return ReadResult(id_, dict(found), found)


async def _distrust(run: Run, entry: str) -> None:
    if run.judged:
        await run.write_sign_on(lambda each: each.entry == entry and each.removal)
