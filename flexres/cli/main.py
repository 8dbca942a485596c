"""The command line's entry: the table of commands, each loaded only when it is called, and the way out of it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup

from flexres import __version__
from flexres.cli.errors import guarded


@dataclass(frozen=True, slots=True)
class Entry:
    """A command: the module that holds it as `app`, and the line that the list of commands shows."""

    module: str
    summary: str
    hidden: bool = False

    def load(self, name: str) -> Any:
        """The command itself, ready to be called."""
        command = typer.main.get_command(import_module(self.module).app)
        command.name = name
        _without_types(command)
        return command


def _without_types(command: Any) -> None:
    """Let the help call an argument by its name alone: typer adds the type that Python has for it."""
    for parameter in command.params:
        if isinstance(parameter, TyperArgument):
            setattr(parameter, "display_type_rich", _no_type)  # noqa: B010 - it is a method
    for below in getattr(command, "commands", {}).values():
        _without_types(below)


def _no_type(ctx: Any) -> None:
    return None


def group_of(entries: Mapping[str, Entry]) -> type[TyperGroup]:
    """A group class of these commands, listed in their order."""

    class LazyGroup(TyperGroup):
        def __init__(self, **attributes: Any) -> None:
            super().__init__(**attributes)
            for name, entry in entries.items():
                self.add_command(TyperCommand(name, short_help=entry.summary, hidden=entry.hidden))

        def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
            name, command, rest = super().resolve_command(ctx, args)
            return name, entries[name].load(name) if name else command, rest

    return LazyGroup


# One line a command; its text is the first line of the command's own help.
COMMANDS = {
    "init": Entry("flexres.cli.commands.init", "Start a stack: write a commented flex.yaml and a first team file."),
    "validate": Entry("flexres.cli.commands.validate", "Check the YAML of all stacks, or of one; nothing is sent."),
    "plan": Entry("flexres.cli.commands.plan", "Show what would change in Flex, why, and whether it is safe."),
    "apply": Entry("flexres.cli.commands.apply", "Make Flex as the YAML says: plan, ask, apply, tell the outcome."),
    "approve": Entry("flexres.cli.commands.approve", "Approve what the guards refuse, in flex.yaml, for so many days."),
    "drift": Entry("flexres.cli.commands.drift", "Tell what differs from the YAML, why, and since when."),
    "routing": Entry("flexres.cli.commands.routing", "Show who gets which work, who does not, and why."),
    "export": Entry("flexres.cli.commands.export", "Write what Flex says as YAML: begin a stack, or update one."),
    "import": Entry("flexres.cli.commands.import_csv", "Take a spreadsheet's users into the team files of a stack."),
    "adopt": Entry("flexres.cli.commands.adopt", "Take over declared users who are in Flex already, and nobody else."),
    "sso": Entry("flexres.cli.commands.sso", "Single sign-on: how it stands, and what to enter in Console."),
    "saml": Entry("flexres.cli.commands.saml", "Look into what the identity provider sends to Flex."),
    "token": Entry("flexres.cli.commands.token", "Mint a Flex token for a user; prints only the token."),
    "verify": Entry("flexres.cli.commands.verify", "Settle what Twilio leaves undocumented, on throwaway users."),
    "idp": Entry("flexres.cli.commands.idp", "The identity provider: settings to enter, Auth0 kept as declared."),
    "setup": Entry("flexres.cli.commands.setup", "How the repository guards its stacks: reviews, owners, pins."),
    "schema": Entry("flexres.cli.commands.schema", "Print the JSON Schema of flex.yaml or of team files, for editors."),
    "migrate": Entry("flexres.cli.commands.migrate", "Bring the YAML to the newest version of its format."),
    "sandbox": Entry("flexres.cli.commands.sandbox", "A local Flex to try things on: serve, run, seed, reset."),
    "demo": Entry("flexres.cli.commands.demo", "Plan, apply and plan again: what `make up` shows.", hidden=True),
}

app = typer.Typer(
    cls=group_of(COMMANDS),
    add_completion=True,
    no_args_is_help=True,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="""\
\b
A stack is a folder in stacks/, such as stacks/prod. Begin with:
  flexres init prod --account AC… --instance GO…
  flexres validate
  flexres plan --stack prod
\b
Exit codes: 0 done or in sync · 1 failed · 2 the command line, the YAML or
the set-up is wrong · 3 changes are pending · 4 refused by a guard
5 applied in part · 6 Twilio is unreachable or refused the credentials""",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"flexres {__version__}")
        raise typer.Exit


@app.callback()
def flexres(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    """Keep the users and the single sign-on of Twilio Flex equal to YAML that lives in git."""


def run() -> NoReturn:
    """The console script: runs the command and exits with its code, whatever happens in between."""
    sys.exit(guarded(typer.main.get_command(app), sys.argv[1:]))
