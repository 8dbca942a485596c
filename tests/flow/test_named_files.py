"""Files named on the command line: what is no plain file, or too large a one, is one line and never waited for."""

from __future__ import annotations

import os

import pytest

from flexres.sandbox.server import Sandbox
from tests.flow.command_line import FLEX, Cli

COMMANDS = [
    ("saml", "lint", "NAME"),
    ("sso", "appconfig", "--check", "NAME"),
    ("idp", "import-metadata", "NAME"),
    ("import", "--csv", "NAME"),
    ("drift", "--since", "NAME"),
    ("apply", "--yes", "--plan", "NAME"),
]


@pytest.fixture(autouse=True)
def _single_sign_on(cli: Cli, sandbox: Sandbox) -> None:
    """Some of the commands are about it."""
    settings = sandbox.sso()
    assert settings is not None
    lines = ("type: enhanced", "writer: console", f"issuer: {settings.issuer}", f"sso_url: {settings.sso_url}")
    more = ("connection: JQ00000000000000000000000000000001", "certificate: idp.pem", "trusted: []")
    cli.write(flex=FLEX + "sso:\n" + "".join(f"  {line}\n" for line in (*lines, *more)))
    (cli.folder / "stacks/prod/idp.pem").write_text(settings.certificate)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("named", ["pipe", "/dev/zero"])
def test_neither_a_pipe_nor_a_device_is_waited_for(cli: Cli, command: tuple[str, ...], named: str) -> None:
    """Opening a pipe would last until somebody writes, and a device never ends."""
    os.mkfifo(cli.folder / "pipe")
    ran = cli.run(*(named if word == "NAME" else word for word in command))
    assert ran.code == 2
    assert ran.err.splitlines()[0] == f"error: {named} is no file"


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_file_beyond_any_measure_is_not_read_into_memory(cli: Cli, command: tuple[str, ...]) -> None:
    """A sparse file of a terabyte is no more than its first megabytes."""
    with (cli.folder / "huge").open("wb") as file:
        file.truncate(2**40)
    ran = cli.run(*("huge" if word == "NAME" else word for word in command))
    assert ran.code == 2
    assert ran.err.startswith("error: huge has more than ")
