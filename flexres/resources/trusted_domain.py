"""`TrustedDomain`: one trusted entry as a resource; entered by a person in Console, or written by an API."""

from __future__ import annotations

from collections.abc import Iterator

from pulumi import ResourceOptions
from pulumi.dynamic import Resource

from flexres.desired.stack import Stack
from flexres.reconcile.change import Answer, SettingChange, SettingState
from flexres.resources.properties import Properties
from flexres.resources.provider import Provider
from flexres.resources.run import Run
from flexres.sso.difference import SignOn, setting_changes

_STANDING = {
    SettingState.AS_DECLARED: "attested",
    SettingState.PENDING: "pending",
    SettingState.REMOVAL: "removal pending",
}


class TrustedDomainProvider(Provider):
    """Its end takes the entry away only where an API writes it and the YAML has another list."""

    kind = "TrustedDomain"
    key = "entry"
    looks = True
    leaves = True

    async def write(self, run: Run, inputs: Properties) -> Properties:
        await run.write_sign_on(lambda each: _is(each, inputs["entry"]))
        return inputs

    async def leave(self, run: Run, inputs: Properties) -> None:
        if run.judged:
            await run.write_sign_on(lambda each: each.entry == inputs["entry"] and each.removal)

    async def seen(self, run: Run, known: Properties) -> Properties | None:
        found = dict(known)
        for setting in await run.sign_on():
            if not _is(setting, str(known["entry"])) or setting.answer is not Answer.NO:
                continue
            if known.get("standing") == "trusted":
                return None
            if setting.state is SettingState.DRIFT:
                found["standing"] = "drift: not trusted"
        return found


class TrustedDomain(Resource, module="flexres", name="TrustedDomain"):
    """A URL, or under legacy SSO a domain pattern, to which a login may return."""

    def __init__(self, prefix: str, properties: Properties, opts: ResourceOptions) -> None:
        super().__init__(_PROVIDER, f"{prefix}{properties['entry']}", properties, opts)


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
