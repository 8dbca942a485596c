"""The table of commands, and that everything in it says the same in every place."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from flexres import __version__
from flexres.cli.main import COMMANDS


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_and_the_list_of_commands_say_the_same(name: str) -> None:
    """The list is made without importing the command, so its line is written twice."""
    command = COMMANDS[name].load(name)
    assert (command.help or "").splitlines()[0] == COMMANDS[name].summary


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_help_with_an_example_that_fits_80_columns(
    run: Callable[..., Any], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    shown = run(name, "--help")
    listed = shown.out.partition("Commands:")[2].partition("\n\n")[0]
    groups = [line.split()[0] for line in listed.splitlines() if line.startswith("  ")]
    pages = [run(name, sub, "--help").out for sub in groups] if groups else [shown.out]
    assert shown.code == 0
    for page in pages:
        assert not re.search(r"<(str|int|Path|path|list)\b", page)
        assert re.search(r"^  Examples?:$", page, re.MULTILINE)
        assert max(map(len, page.splitlines())) <= 80


def test_the_list_fits_80_columns_one_line_each(run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    listed = run("--help").out.partition("Commands:\n")[2].partition("\n\n")[0].splitlines()
    assert len(listed) == sum(not entry.hidden for entry in COMMANDS.values())


def test_version(run: Callable[..., Any]) -> None:
    assert run("--version").out == f"flexres {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("plann",), "Did you mean 'plan'?"),
        (("plan", "--chekc"), "--check"),
        (("plan", "--format", "yaml"), "yaml"),
        (("token",), "USERNAME"),
        (("sandbox", "serve", "--port", "x"), "--port"),
    ],
)
def test_a_wrong_command_line_exits_2_and_says_what(
    run: Callable[..., Any], arguments: tuple[str, ...], says: str
) -> None:
    ran = run(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("error: ")
    assert says in ran.err
    assert "--help" in ran.err


@pytest.mark.parametrize("arguments", [(), ("sandbox",)])
def test_nothing_typed_shows_help_and_is_still_wrong(run: Callable[..., Any], arguments: tuple[str, ...]) -> None:
    ran = run(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("Usage:")
