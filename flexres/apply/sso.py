"""Writing single sign-on: the settings API and the Flex Configuration, each repeatable, one outcome a setting.

What is entered in Twilio Console is not written here, nor is anything when a stack lets its `sso:` go.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from flexres.apply.outcome import Outcome, Result
from flexres.desired.model import Sso, StackConfig
from flexres.desired.schema.certificate import normal_form
from flexres.errors import FlexresError, LostAnswerError, PreconditionError, TwilioError
from flexres.live.flex.configuration import ConfigurationApi
from flexres.live.http.transport import Transport
from flexres.reconcile.change import SettingChange, SettingState
from flexres.sso.difference import WRITTEN, SignOn, setting_changes
from flexres.sso.observe import SettingsApi, as_configured, check_endpoint
from flexres.values import Json

ATTEMPTS: Final = 4
"""How often settings are merged again because somebody else wrote in between."""

_ATTRIBUTES: Final = {"login_popup": "loginPopup", "login_popup_features": "loginPopupFeatures"}

Changes: TypeAlias = Sequence[SettingChange]


@dataclass(frozen=True, slots=True)
class SignOnWriter:
    """The operations on one stack's single sign-on."""

    config: StackConfig
    transport: Transport

    async def before_users(self, settings: Changes) -> list[Outcome[SettingChange]]:
        """What lets somebody in: trusted entries, then the connection, then how its login opens."""
        changes = to_write(settings)
        fields = [each for each in changes if each.field not in ("trusted", *WRITTEN)]
        popup = [each for each in changes if each.field in WRITTEN]
        # Entries are checked by the rules of the type of SSO, so a new type goes before them.
        first = fields if any(each.field == "type" for each in fields) else []
        outcomes = await _carry_out(first, self._write_fields)
        for each in changes:
            if each.field == "trusted" and not each.removal:
                outcomes += await _carry_out([each], self._trust)
        outcomes += await _carry_out([] if first else fields, self._write_fields)
        return outcomes + await _carry_out(popup, self._write_popup)

    async def after_users(self, settings: Changes) -> list[Outcome[SettingChange]]:
        """What keeps somebody out: entries that are trusted no longer."""
        removed = [each for each in to_write(settings) if each.removal]
        return [outcome for each in removed for outcome in await _carry_out([each], self._distrust)]

    async def read_back(self, outcomes: Sequence[Outcome[SettingChange]]) -> list[Outcome[SettingChange]]:
        """The outcomes, with those settings as NOT_TAKEN that still are otherwise."""
        if not any(outcome.result is Result.DONE for outcome in outcomes):
            return list(outcomes)
        try:
            left = {each.name for each in to_write(setting_changes(self.config, await self._seen()))}
        except FlexresError as error:
            message = f"written, but it could not be read back: {error.message}"
            return [_not_taken(outcome, message) for outcome in outcomes]
        message = "written, and otherwise when it was read back"
        return [_not_taken(outcome, message) if outcome.change.name in left else outcome for outcome in outcomes]

    async def _seen(self) -> SignOn:
        seen = (await self._api().fetch()).sign_on() if self._sso.writer == "api" else SignOn()
        return as_configured(seen, await self._configuration().fetch())

    async def _write_fields(self, fields: Changes) -> None:
        wanted: dict[str, Json] = {
            each.field: _value(self._sso, each.field) for each in fields if getattr(self._sso, each.field) is not None
        }
        if self._sso.login_popup is not None:
            wanted["login_popup"] = self._sso.login_popup
        api = self._api()
        for attempts_left in reversed(range(ATTEMPTS)):
            try:
                await api.write(wanted, before=await api.fetch())
            except PreconditionError:
                if not attempts_left:
                    raise
            else:
                return

    async def _write_popup(self, popup: Changes) -> None:
        """Read, merge and write: a property of the Configuration is replaced as a whole, and has no version."""
        configuration = self._configuration()
        wanted: dict[str, Json] = {_ATTRIBUTES[each.field]: getattr(self._sso, each.field) for each in popup}
        for _ in range(ATTEMPTS):
            before = (await configuration.fetch()).public_attributes
            if all(before.get(name) == value for name, value in wanted.items()):
                return
            try:
                await configuration.update({"public_attributes": {**before, **wanted}})
            except LostAnswerError:
                continue
            return
        raise FlexresError("the Flex Configuration answered none of several writes", hint="run it again")

    async def _trust(self, changes: Changes) -> None:
        api, (change,) = self._api(), changes
        if change.entry not in (await api.fetch()).trusted:
            await api.trust(change.entry)

    async def _distrust(self, changes: Changes) -> None:
        api, (change,) = self._api(), changes
        name = (await api.fetch()).trusted.get(change.entry)
        if name is not None:
            await api.distrust(change.entry, name)

    @property
    def _sso(self) -> Sso:
        assert self.config.sso is not None
        return self.config.sso

    def _api(self) -> SettingsApi:
        check_endpoint(self.transport)
        return SettingsApi(self.transport, account=self.config.account)

    def _configuration(self) -> ConfigurationApi:
        return ConfigurationApi(self.transport, account=self.config.account, instance=self.config.instance)


def to_write(settings: Changes) -> list[SettingChange]:
    """The settings that an API writes; those of Console are not among them."""
    return [each for each in settings if each.state is SettingState.CHANGE]


async def _carry_out(changes: Changes, operation: Callable[[Changes], Awaitable[None]]) -> list[Outcome[SettingChange]]:
    """What became of these settings, which are written together; a failure is an outcome, not an exception."""
    if not changes:
        return []
    try:
        await operation(changes)
    except TwilioError as error:
        return [Outcome(each, Result.FAILED, str(error), request_id=error.request_id) for each in changes]
    except FlexresError as error:
        message = f"{error.message}; {error.hint}" if error.hint else error.message
        return [Outcome(each, Result.FAILED, message) for each in changes]
    return [Outcome(each, Result.DONE) for each in changes]


def _value(sso: Sso, field: str) -> Json:
    """A field as the settings API takes it."""
    if field == "certificate":
        return normal_form(sso.certificate or "")
    value: Json = getattr(sso, field)
    return value


def _not_taken(outcome: Outcome[SettingChange], message: str) -> Outcome[SettingChange]:
    if outcome.result is not Result.DONE:
        return outcome
    return replace(outcome, result=Result.NOT_TAKEN, message=message)
