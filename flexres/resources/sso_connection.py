"""`SsoConnection`: the settings of single sign-on as a resource: attested digests, or the values an API is given."""

from __future__ import annotations

from pulumi import ResourceOptions
from pulumi.dynamic import Resource

from flexres.desired.stack import Stack
from flexres.reconcile.change import Answer, SettingState
from flexres.resources.properties import Properties
from flexres.resources.provider import Provider
from flexres.resources.run import Run
from flexres.sso.difference import WRITTEN, SignOn, setting_changes

PENDING = "pending"
"""In place of a digest: the value waits for a person in Console."""

_OTHERS = "trusted_others"


class SsoConnectionProvider(Provider):
    """In console mode it writes nothing but how the login opens. Nobody's sign-in ends with it."""

    kind = "SsoConnection"
    name = "sso"
    looks = True

    async def write(self, run: Run, inputs: Properties) -> Properties:
        await run.write_sign_on(lambda each: not each.entry or each.removal)
        return inputs

    async def seen(self, run: Run, known: Properties) -> Properties:
        return await _seen(run, known)


class SsoConnection(Resource, module="flexres", name="SsoConnection"):
    """How users sign in, apart from the trusted entries."""

    def __init__(self, prefix: str, stack: Stack, opts: ResourceOptions) -> None:
        super().__init__(_PROVIDER, f"{prefix}{SsoConnectionProvider.name}", connection_properties(stack), opts)


_PROVIDER = SsoConnectionProvider()


def connection_properties(stack: Stack) -> Properties:
    """A property a field: its value where an API writes it, else the digest of what was attested, or `pending`."""
    sso = stack.config.sso
    assert sso is not None
    properties: Properties = {"stack": stack.name, "writer": sso.writer}
    for setting in setting_changes(stack.config, SignOn()):
        if setting.entry:
            continue
        by_api = sso.writer == "api" or setting.field in WRITTEN
        attested = setting.digest if setting.state is SettingState.AS_DECLARED else PENDING
        properties[setting.field] = setting.declared if by_api else attested
    if sso.writer == "api" and sso.owns_trusted:
        properties[_OTHERS] = []
    return properties


async def _seen(run: Run, known: Properties) -> Properties:
    """The properties as they are now: what could not be seen stays, and what is otherwise than attested says so."""
    found = dict(known)
    others = []
    for setting in await run.sign_on():
        if setting.entry:
            others += [setting.entry] if setting.removal else []
        elif setting.answer is Answer.UNKNOWN:
            continue
        elif setting.field not in known:
            # Whichever connection it is, it has to be active.
            found |= {setting.field: "not active"} if setting.field == "connection" and not setting.observed else {}
        elif known.get("writer") == "api" or setting.field in WRITTEN:
            found[setting.field] = setting.observed
        elif setting.state is SettingState.DRIFT:
            found[setting.field] = f"drift: {setting.observed or 'not set'}"
    if _OTHERS in known:
        found[_OTHERS] = others
    return found
