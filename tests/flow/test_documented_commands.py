"""Every command of flexres that README and docs show is one that works, typed in a project as the pages assume it."""

from __future__ import annotations

import importlib.util
import re
import shlex
import shutil
from pathlib import Path
from typing import Final

import pytest

from flexres.sandbox.server import Sandbox
from tests.documented import ROOT, commands
from tests.flow.command_line import Cli
from tests.flow.gitops import FLEX, TEAM, commit, git

ACCOUNT, INSTANCE = "AC00000000000000000000000000000001", "GO00000000000000000000000000000001"
NOT_RUN: Final = {
    "flexres sandbox serve": "serves until Ctrl-C: tests/sandbox/test_serving.py and the tutorial's test do that",
    "flexres sandbox serve --port 4010 --state .sandbox/flex.db": "as above",
    "flexres sandbox run -- flexres plan --stack sandbox": "runs a program of PATH: tests/flow/test_cli_terminal.py",
    "flexres sandbox run --fault 429:rate=0.2:retry_after=1 --latency 0.05 -- flexres plan --stack sandbox": "as above",
    "flexres init": "named as a command, without the stack: tests/flow/test_workflows.py, test_beginning.py",
    "flexres setup check": "of a repository with a remote and a token: tests/flow/test_setup_check.py",
    "flexres apply --engine … --switch-engine": "the engine of Pulumi: tests/pulumi/test_driver.py",
    "flexres plan --engine pulumi": "the engine of Pulumi: tests/pulumi/test_driver.py",
    "flexres saml lint": "named as a command, without the file that it reads: tests/unit/idp/saml",
    "flexres sso attest": "needs what a person entered in Twilio Console: tests/flow/test_sso_cli.py",
    "flexres sso appconfig": "of a stack with sso: tests/flow/test_sso_cli.py",
    "flexres sso appconfig --check": "named without the file that it reads: tests/flow/test_sso_cli.py",
    "flexres sso checklist": "of a stack with sso: tests/flow/test_sso_cli.py",
    "flexres sso migrate": "of a stack with the legacy connection: tests/flow/test_sso_cli.py",
    "flexres idp settings": "of a stack with sso: tests/flow/test_idp_cli.py",
    "flexres idp settings --idp auth0": "of a stack with sso: tests/flow/test_idp_cli.py",
    "flexres idp import-metadata": "named as a command, without the file that it reads: tests/flow/test_idp_cli.py",
    "flexres verify": "makes throwaway users in an account that says it is no production: tests/flow/test_verify.py",
    "flexres token user1 --stack sandbox --ttl 600": "of a user whom the page makes: tests/flow/test_live_sandbox.py",
}
"""What cannot be typed here as it stands, and why; the last words say where else it is run."""

PLACEHOLDERS: Final = {
    "flexres init NAME": "flexres init fresh",
    "flexres init <name>": "flexres init fresh",
    "flexres init --from-live": "flexres init fresh --from-live",
    "flexres init demo": "flexres init fresh",
    "--user NAME": "--user ana@example.com",
    "token USERNAME": "token ana@example.com",
    "AC…": ACCOUNT,
    "GO…": INSTANCE,
}
MORE: Final = {
    "flexres init fresh --from-live": f"--account {ACCOUNT}",
    "flexres init fresh": f"--account {ACCOUNT} --instance {INSTANCE}",
    "flexres init prod --instance": f"--account {ACCOUNT}",
    "flexres schema": "flex",
    "flexres token": "ana@example.com",
    "flexres apply --plan": "plan.json",
}
"""What a command needs besides, where a page names it without."""


def typed(shown: str) -> list[str]:
    """The command with what its placeholders stand for; nobody can be asked here, so it says yes."""
    text = shown
    for placeholder, meant in PLACEHOLDERS.items():
        text = text.replace(placeholder, meant)
    for begin, more in MORE.items():
        missing = [word for word in shlex.split(more) if word not in text and word.startswith("--")]
        if text.startswith(begin) and (missing or text == begin):
            text = f"{text} {more}"
            break
    words = shlex.split(text)[1:]
    asks = words[0] in {"apply", "approve", "adopt"} or "--fix" in words
    return [*words, "--yes"] if asks and "--yes" not in words else words


@pytest.fixture
def project(cli: Cli, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """A stack `prod` that main has and Flex too, the sandbox's stack beside it, a saved plan, and a branch."""
    monkeypatch.setenv("FLEXRES_STACK", "prod")
    monkeypatch.setenv("GITHUB_OUTPUT", str(cli.folder / "output"))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(cli.folder / "summary"))
    shutil.copytree(ROOT / "stacks" / "sandbox", cli.folder / "stacks" / "sandbox")
    config = cli.folder / "stacks" / "sandbox" / "flex.yaml"
    config.write_text(config.read_text().replace("engine: auto ", "engine: direct ", 1))
    cli.write(flex=FLEX, team=TEAM)
    commit(cli.folder)
    git(cli.folder, "update-ref", "refs/remotes/origin/main", "HEAD")
    assert cli.run("apply", "--yes").code == 0
    cli.write(flex=FLEX, team=TEAM.replace("level: 1", "level: 2"))
    commit(cli.folder, "Ana is promoted")
    assert cli.run("plan", "--save", "plan.json").code == 0
    (cli.folder / "reports").mkdir()
    assert cli.run("drift", "-f", "json", "-o", "reports/last.json").code == 3
    return cli


@pytest.mark.parametrize("shown", [command for command in commands("flexres") if command not in NOT_RUN])
def test_each_command_that_the_docs_show_works(project: Cli, shown: str) -> None:
    """It may find something (3, 4 or 5), but neither its line nor the set-up is wrong."""
    words = typed(shown)
    if words[:2] == ["init", "prod"]:
        shutil.rmtree(project.folder / "stacks" / "prod")
    ran = project.run(*words)
    assert ran.code in {0, 3, 4, 5}, f"{shlex.join(words)}\n{ran.out}{ran.err}"


def test_what_is_not_run_is_still_shown_and_has_its_reason() -> None:
    """An entry that no page shows any more has to go."""
    assert NOT_RUN.keys() <= set(commands("flexres"))
    named = {path for reason in NOT_RUN.values() for path in re.findall(r"tests/[\w/]+(?:\.py)?", reason)}
    assert [path for path in named if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("shown", commands("make"))
def test_each_target_that_the_docs_show_is_there(shown: str) -> None:
    """They take minutes, or are what runs this very test."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(rf"^{shown.split()[1]}:", makefile, re.MULTILINE)


@pytest.mark.parametrize("shown", commands("python -m"))
def test_each_module_that_the_docs_show_is_there(shown: str) -> None:
    name = shown.split()[2]
    assert importlib.util.find_spec(name) or (ROOT / Path(*name.split("."))).with_suffix(".py").exists()
