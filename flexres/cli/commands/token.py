"""`flexres token`: mints a Flex token for a user, and prints that alone, so that a script can take it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from flexres.cli import options
from flexres.cli.open_stack import opened
from flexres.cli.output import emit
from flexres.errors import FlexresError
from flexres.live.flex.configuration import ConfigurationApi

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(
    epilog="""\
\b
Examples:
  flexres token ana@example.com -s prod
  flexres token ana@example.com -s prod --ttl 600 | pbcopy
\b
Whoever has the token is that user until it expires: pipe it, do not paste it.
\b
Exit codes: 0 printed · 1 there is no such user · 2 the set-up is wrong
6 Twilio is unreachable or refused the credentials"""
)
def token(
    username: Annotated[str, typer.Argument(metavar="USERNAME", help="The user, exactly as Flex spells the name.")],
    *,
    stack: options.Stack = None,
    stacks: options.Stacks = options.STACKS_FOLDER,
    ttl: Annotated[int, typer.Option("--ttl", metavar="SECONDS", min=1, help="How long it is valid.")] = 3600,
    log: options.Log = "none",
) -> None:
    """Mint a Flex token for a user; prints only the token.

    The user has to be in Flex already, whether the YAML declares them or not.
    """
    emit(asyncio.run(_mint(username, stack, stacks, ttl=ttl, log=log)))


async def _mint(username: str, stack: str | None, stacks: Path, *, ttl: int, log: options.LogFormat) -> str:
    async with opened(stack, stacks, read_only=False, log=log) as it:
        config = it.stack.config
        # Read first: it tells whether this is the stack's own account and instance, in words.
        await ConfigurationApi(it.session.transport, account=config.account, instance=config.instance).fetch()
        user = await it.session.users.by_username(username)
        if user is None or user.deactivated:
            state = "is not in" if user is None else "is deactivated in"
            raise FlexresError(
                f"{username} {state} Flex instance {config.instance}",
                hint="check the spelling, case included; flexres plan shows who is in Flex",
            )
        minted = await it.session.users.mint_token(user.sid, ttl=ttl)
        return minted.value
