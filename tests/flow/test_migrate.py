"""`flexres migrate`: nothing to do for version 1, a spelling on request, and the same plan before and after."""

from __future__ import annotations

from tests.flow.command_line import FLEX, Cli

TEAM = 'users:\n  ana@example.com: {full_name: Ana Ruiz, roles: [agent], attributes: {level.int: "3"}}\n'


def test_version_1_has_nothing_to_do(cli: Cli) -> None:
    """Both spellings are right, so none is touched unless somebody asks for it."""
    cli.write(team=TEAM)
    ran = cli.run("migrate", "--check")
    assert ran.code == 0
    assert ran.out.startswith("stacks/prod: version 1, the newest: nothing to do\n  1 attribute is spelled name.[type]")


def test_what_was_applied_is_still_in_sync_after_respelling(cli: Cli) -> None:
    """`--check` writes nothing and exits with 3; then the files are written, and Flex is as they say."""
    cli.write(team=TEAM)
    file = cli.folder / "stacks" / "prod" / "users" / "team.yaml"
    assert cli.run("apply", "--yes").code == 0
    assert cli.run("migrate", "--natural-types", "--check").code == 3
    assert file.read_text() == TEAM
    ran = cli.run("migrate", "--natural-types")
    assert (ran.code, file.read_text()) == (0, TEAM.replace('level.int: "3"', "level: 3"))
    assert "wrote stacks/prod/users/team.yaml\n    ana@example.com: level.int → level" in ran.out
    assert cli.run("plan", "--check").code == 0


def test_a_newer_version_says_what_to_do(cli: Cli) -> None:
    """Nothing is guessed of a format that is not known."""
    cli.write(flex=FLEX.replace("version: 1", "version: 2"))
    ran = cli.run("migrate")
    assert ran.code == 2
    assert "version 2 is newer than this flexres" in ran.err
