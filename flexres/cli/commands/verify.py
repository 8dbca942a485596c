"""`flexres verify`: what Twilio leaves undocumented, tried on throwaway users of an account named as non-production."""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated

import typer

from flexres.cli import options
from flexres.cli.applying import stopping
from flexres.cli.open_stack import opened
from flexres.cli.output import after_writes, check_destinations, deliver, look_of, note
from flexres.errors import Exit, SetupError
from flexres.live.flex.configuration import ConfigurationApi
from flexres.verify.lab import Experiment, Verification
from flexres.verify.report import told
from flexres.verify.run import verify as settle

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(
    epilog="""\
\b
Examples:
  flexres verify -s test --non-production AC…
  flexres verify -s test --non-production AC… -f markdown -o answers.md
\b
It makes a few users named flexres-verify-…@example.invalid, tries what Flex
does with them, and deactivates them again, also after Ctrl-C or an error;
what an earlier run left behind is removed first. Flex goes on listing them
as deactivated: no call deletes a user. Nobody else is touched.
\b
Exit codes: 0 settled · 1 something seen is not safe · 2 the set-up is wrong,
or another account was named · 5 not everything settled or removed
6 Twilio is unreachable or refused the credentials"""
)
def verify(
    *,
    non_production: Annotated[
        str,
        typer.Option("--non-production", metavar="AC…", help="The stack's account: you say that nobody works there."),
    ],
    stack: options.Stack = None,
    stacks: options.Stacks = options.STACKS_FOLDER,
    report_format: options.Format = "text",
    out: options.Out = None,
    log: options.Log = "none",
) -> int:
    """Settle what Twilio leaves undocumented, on throwaway users.

    For each unknown it tells what was seen, what flexres does in either case, and whether that is safe.
    """

    check_destinations(out)

    async def run() -> Exit:
        async with opened(stack, stacks, read_only=False, log=log) as it:
            config = it.stack.config
            if config.account != non_production:
                raise SetupError(
                    f"--non-production names {non_production}, and the stack {it.stack.name} is of {config.account}",
                    hint="name a stack of a test account, and that account",
                )
            transport = it.session.transport
            instance = await ConfigurationApi(transport, account=config.account, instance=config.instance).fetch()
            stop = asyncio.Event()
            with stopping(stop):
                found = await settle(transport, instance, stop=stop, told=_tell)
        width = look_of(sys.stdout, out).width
        with after_writes(lambda: f"{len(found.settled)} unknowns were looked at"):
            deliver(told(found, report_format, width=width), out)
        return _exit(found)

    return asyncio.run(run())


def _tell(experiment: Experiment) -> None:
    if sys.stderr.isatty():
        note(f"… {experiment.question}")


def _exit(found: Verification) -> Exit:
    if found.unreachable:
        return Exit.UNREACHABLE
    if not found.complete:
        return Exit.PARTIAL
    return Exit.DONE if found.safe else Exit.FAILED
