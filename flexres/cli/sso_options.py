"""From the options of `flexres sso` to a stack's single sign-on: what it declares, and what can be seen of it now."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path

from flexres.cli.open_stack import opened
from flexres.cli.options import LogFormat
from flexres.cli.output import busy, configure_logs, note
from flexres.cli.stacks import choose_stack, load
from flexres.desired.model import Sso
from flexres.desired.stack import Stack
from flexres.errors import SetupError
from flexres.live.credentials import endpoint
from flexres.reconcile.change import SettingChange
from flexres.sso.difference import SignOn, setting_changes
from flexres.sso.observe import probe


@dataclass(frozen=True, slots=True)
class Seen:
    """A stack that declares single sign-on, where its Flex is (None: Twilio), and what was seen of it."""

    stack: Stack
    sso: Sso
    endpoint: str | None
    sign_on: SignOn

    @property
    def settings(self) -> tuple[SettingChange, ...]:
        """Every declared setting and how it stands."""
        return setting_changes(self.stack.config, self.sign_on)

    @property
    def login(self) -> str | None:
        """Where responses are posted to, if that is not Twilio."""
        return self.endpoint


def with_sso(name: str | None, stacks: Path, *, unfinished: bool = False) -> tuple[Stack, Sso]:
    """The chosen stack and its `sso:`; `unfinished`: what it still lacks is noted, and no error.

    Raises:
        SetupError: no such stack, wrong YAML, or it declares no single sign-on.
    """
    stack = load(choose_stack(name, stacks), unfinished_sso=unfinished)
    if stack.config.sso is None:
        raise SetupError(
            f"{stack.name} declares no single sign-on", hint=f"add sso: to {stack.files[0]}; docs/sso.md has an example"
        )
    lacking = _lacking(stack.config.sso)
    if unfinished and lacking and stack.config.idp is None:
        named = ", ".join(lacking)
        note(f"note: not declared yet: {named}; flexres idp import-metadata fills in what the identity provider knows")
    return stack, stack.config.sso


def _lacking(sso: Sso) -> list[str]:
    """What single sign-on still needs before it can be entered in Console as a whole."""
    connection = ["connection"] if sso.type == "enhanced" and sso.writer == "console" else []
    return [name for name in (*connection, "issuer", "sso_url", "certificate") if getattr(sso, name) is None]


def look(name: str | None, stacks: Path, *, log: LogFormat) -> Seen:
    """The stack's single sign-on as it is now; only `writer: api` needs credentials.

    Raises:
        SetupError: no such stack, wrong YAML, no single sign-on, wrong or missing credentials.
    """
    configure_logs(log)
    stack, sso = with_sso(name, stacks, unfinished=True)
    where = endpoint(stack.config.endpoint, os.environ)
    with busy(f"Looking at the single sign-on of {stack.name}"):
        sign_on = asyncio.run(_seen(stack, sso, where, stacks, log))
    return Seen(stack, sso, where, sign_on)


async def _seen(stack: Stack, sso: Sso, where: str | None, stacks: Path, log: LogFormat) -> SignOn:
    if sso.writer == "console":
        return await probe(stack.config, sso, where)
    async with opened(stack.name, stacks, read_only=True, log=log) as it:
        return await it.session.sign_on() or SignOn()
