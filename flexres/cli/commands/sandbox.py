"""`flexres sandbox`: a local Flex, served until stopped or while one command runs; its state filled or emptied."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Annotated, Final, TypeAlias

import typer

from flexres.cli.output import emit, note
from flexres.errors import SetupError
from flexres.sandbox.auth0.manual_actions import environment as auth0_environment
from flexres.sandbox.identity import DEFAULT
from flexres.sandbox.rates import parse_share
from flexres.sandbox.server import Sandbox, Setup, reset, serve
from flexres.sandbox.store.seed import seed_state
from flexres.sandbox.switches import parse_switches

STATE: Final = Path(".sandbox/flex.db")
PORT: Final = 4010

app = typer.Typer(rich_markup_mode=None, add_completion=False, no_args_is_help=True)

State: TypeAlias = Annotated[Path, typer.Option("--state", metavar="FILE", help="The file that keeps its users.")]
Latency: TypeAlias = Annotated[
    float, typer.Option("--latency", metavar="SECONDS", min=0, help="How long each answer takes, such as 0.05.")
]
Faults: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--fault", metavar="FAULT", help="What goes wrong, such as 429:rate=0.2 or reset:after; repeatable."),
]
Switch: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--switch", metavar="NAME=VALUE", help="How to behave where Twilio's documents are silent; repeatable."
    ),
]
Sso: TypeAlias = Annotated[
    str,
    typer.Option(
        "--sso",
        metavar="active|inactive|none",
        help="How single sign-on is set up at first; active is with its own IdP.",
    ),
]
Limits: TypeAlias = Annotated[
    str,
    typer.Option(
        "--limits",
        metavar="documented|twilio|none",
        help="Requests per second: those Twilio has published, some for every resource of TaskRouter, or none.",
    ),
]
Neighbour: TypeAlias = Annotated[
    str | None,
    typer.Option("--neighbour", metavar="SHARE", help="What a live contact centre spends of the limits, such as 40%."),
]


@app.callback(
    epilog="""\
While it runs: what people do by hand, faults, and what was asked, each a line
of curl: docs/sandbox.md"""
)
def sandbox() -> None:
    """A local Flex to try things on: serve, run, seed, reset.

    It answers on this machine alone, as Twilio's Flex and TaskRouter would, and keeps its users in one file.
    """


@app.command(
    "serve",
    epilog="""\
\b
Examples:
  flexres sandbox serve
  flexres sandbox serve --latency 0.05 --fault 429:rate=0.1
  flexres sandbox serve --limits twilio --neighbour 40%
  flexres sandbox serve --fault '503:after:match=Provision:times=1'
\b
Prints one line, ready http://127.0.0.1:PORT, once it answers, and on stderr
the lines to paste into the shell that is to use it. Ctrl-C stops it.
docs/sandbox.md has every fault, and what can be done to it while it runs.""",
)
def serve_command(
    *,
    port: Annotated[int, typer.Option("--port", metavar="PORT", min=0, max=65535, help="0: any that is free.")] = PORT,
    state: State = STATE,
    latency: Latency = 0,
    fault: Faults = None,
    switch: Switch = None,
    sso: Sso = "active",
    limits: Limits = "documented",
    neighbour: Neighbour = None,
) -> None:
    """Serve until Ctrl-C."""

    def ready(url: str) -> None:
        note("# for the shell in which flexres is to find this Flex; AUTH0_* are for stacks with idp: alone")
        for name, value in _environment(url).items():
            note(f"export {name}={value}")
        emit(f"ready {url}")

    serve(
        Setup(
            state=state,
            latency=latency,
            faults=fault or (),
            switches=parse_switches(switch or ()),
            sso=sso,
            limits=limits,
            neighbour=parse_share(neighbour) if neighbour is not None else None,
            routing=True,
        ),
        port=port,
        ready=ready,
    )


@app.command(
    "run",
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
    epilog="""\
\b
Examples:
  flexres sandbox run -- flexres plan --stack sandbox
  flexres sandbox run --state /tmp/flex.db --fault 429:rate=0.2 -- make demo
\b
Exits with what the command exits with.""",
)
def run_command(
    command: Annotated[list[str], typer.Argument(metavar="COMMAND", help="What to run, after two dashes.")],
    *,
    port: Annotated[int, typer.Option("--port", metavar="PORT", min=0, max=65535, help="0: any that is free.")] = 0,
    state: State = STATE,
    latency: Latency = 0,
    fault: Faults = None,
    switch: Switch = None,
    sso: Sso = "active",
    limits: Limits = "documented",
    neighbour: Neighbour = None,
) -> int:
    """Serve while one command runs, then stop.

    The command finds the sandbox by its environment, and no other credentials of Twilio's in it.
    """
    switches = parse_switches(switch or ())
    with Sandbox(
        port=port,
        state=state,
        latency=latency,
        faults=fault or (),
        switches=switches,
        sso=sso,
        limits=limits,
        neighbour=parse_share(neighbour) if neighbour is not None else None,
        routing=True,
    ) as running:
        return _run(command, {**running.environment(), **running.auth0.environment()})


@app.command(
    "seed",
    epilog="""\
\b
Examples:
  flexres sandbox seed --users 300
  flexres sandbox seed --users 10000 --state /tmp/large.db""",
)
def seed_command(
    users: Annotated[int, typer.Option("--users", metavar="N", min=0, help="How many there are to be.")],
    state: State = STATE,
) -> None:
    """Put plausible users in place, the same ones every time."""
    added = seed_state(state, users)
    emit(f"{state}: {added:,} user{'' if added == 1 else 's'} added, {users - added:,} there already")


@app.command(
    "reset",
    epilog="""\
\b
Example:
  flexres sandbox reset""",
)
def reset_command(state: State = STATE) -> None:
    """Forget everybody: remove the state file."""
    there = state.exists()
    reset(state)
    emit(f"{state}: {'removed' if there else 'was not there'}")


def _environment(url: str) -> dict[str, str]:
    """What a shell has to set to use the sandbox at `url`."""
    return {
        "TWILIO_ACCOUNT_SID": DEFAULT.account_sid,
        "TWILIO_API_KEY": DEFAULT.api_key,
        "TWILIO_API_SECRET": DEFAULT.api_secret,
        "FLEXRES_ENDPOINT": url,
        **auth0_environment(url),
    }


def _run(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Runs the command with the sandbox's credentials and no others, and gives its exit code."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("TWILIO_", "AUTH0_"))}
    try:
        child = subprocess.Popen([*command], env={**inherited, **environment})  # noqa: S603 - it is what was asked for
    except OSError as error:
        raise SetupError(f"{command[0]} cannot be run: {error.strerror}", hint="name a command after --") from error

    def forward(number: int, _frame: FrameType | None) -> None:
        child.send_signal(number)

    # A terminal sends Ctrl-C to the command as well, which is to end by itself while the sandbox still answers.
    kept = {signal.SIGINT: signal.signal(signal.SIGINT, signal.SIG_IGN)}
    kept[signal.SIGTERM] = signal.signal(signal.SIGTERM, forward)
    try:
        code = child.wait()
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)
    return code if code >= 0 else 128 - code
