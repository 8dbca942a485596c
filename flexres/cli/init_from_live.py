"""`flexres init --from-live`: an account that exists as a stack, with rules that fit it, its plan, and workflows."""

from __future__ import annotations

import asyncio
import os
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Final

from flexres.cli.export_report import export_report
from flexres.cli.exporting import Choice, Destination, Exported, destination, exported, schemas_beside, write_files
from flexres.cli.open_stack import opened
from flexres.cli.output import busy, emit, look_of
from flexres.cli.workflows import REQUIREMENTS, Host, commit_is_known, repository_files, requirement
from flexres.desired.edit.flex_file import FLEX_SCHEMA, Proposal, flex_template
from flexres.desired.load import CONFIG
from flexres.desired.model import DAYS_APPROVED, ApprovedEntry, DesiredUser, Engine
from flexres.errors import SetupError
from flexres.files import folder_above, write_file
from flexres.live.flex.configuration import ConfigurationApi
from flexres.live.http.transport import connect
from flexres.reconcile.change import Kind
from flexres.reconcile.guards.model import Rule
from flexres.reconcile.plan import Plan
from flexres.report.next_step import PlanRun
from flexres.report.plan.model import report_of
from flexres.report.plan.text import plan_text
from flexres.report.wording import plural

_MOST_DOMAINS = 5
_TEAMS_FROM = 300
"""From so many users on a resource each costs Pulumi more time than its preview of one is worth."""
_LEAST_SHARE = 0.01
"""A domain of fewer addresses than this share of all is more likely a mistake than a rule."""


def begin_from_live(
    name: str,
    stacks: Path,
    *,
    account: str,
    instance: str | None,
    by: str,
    engine: Engine = "direct",
    ci: Host | None = "github",
) -> None:
    """Writes the stack and tells what it would do: nothing but to mark as ours whoever is there.

    Raises:
        SetupError: the instance cannot be found, or a file cannot be written.
        FlexresError: what would be written does not load; nothing was written.
    """
    by = {"team": "team_name"}.get(by, by)
    asyncio.run(_begin(name, stacks, account=account, instance=instance, by=by, engine=engine))
    written = write_around(folder_above(stacks), engine=engine, ci=ci)
    lines = [f"wrote {path}" for path in written]
    emit("\n".join(["", *lines, "", _next_steps(name, stacks, written)]))


def write_around(project: Path, *, engine: Engine, ci: Host | None) -> list[Path]:
    """Write what the repository lacks around its stacks, and say which: pipelines, .gitignore, with Pulumi its project.

    Raises:
        SetupError: a file cannot be written.
    """
    files = repository_files(project, ci) if ci is not None else {}
    for path, text in files.items():
        write_file(path, text)
    return [Path(os.path.relpath(path)) for path in (*files, *write_project(project, engine))]


async def _begin(name: str, stacks: Path, *, account: str, instance: str | None, by: str, engine: Engine) -> None:
    with busy("Reading Flex"):
        found_instance = instance or await _instance_of(name, account)
        target = destination(name, stacks, into=None, account=account, instance=found_instance)
        result = await exported(target, Choice(by=by))
    proposal = _proposal(result.found.users)
    write_files(target, _with_policy(target, result, proposal, engine).files)
    emit(export_report(target, result, "text", dry_run=False, verbose=False, says_next=False))
    plan, run = await _plan(name, stacks)
    if _only_adopts(plan) and plan.digest:
        # Whoever merges this adopts everybody, exactly as they are: the review is of this very file.
        last_day = plan.as_of.date() + timedelta(days=DAYS_APPROVED)
        entry = ApprovedEntry({plan.digest: ""}, "adopting everybody as they are", last_day)
        _rewrite_config(target, _config(target, replace(proposal, approved=(entry,)), engine))
        plan, run = await _plan(name, stacks)
    emit(_told(plan, run))


async def _instance_of(name: str, account: str) -> str:
    async with connect(stack=name, account=account, endpoint=None, environ=os.environ, read_only=True) as transport:
        return await ConfigurationApi.instance_of(transport, account)


async def _plan(name: str, stacks: Path) -> tuple[Plan, PlanRun]:
    async with opened(name, stacks, read_only=True, log="none") as it:
        return await it.plan()


def _proposal(users: Mapping[str, DesiredUser]) -> Proposal:
    """As many admins as there are, up to two; the only one protected; the domains that people have."""
    admins = sorted(name for name, user in users.items() if "admin" in user.roles)
    domains = Counter(user.email.rpartition("@")[2].lower() for user in users.values())
    all_usual = len(domains) <= _MOST_DOMAINS and all(
        count >= max(1, len(users) * _LEAST_SHARE) for count in domains.values()
    )
    return Proposal(
        min_admins=max(min(len(admins), 2), 1),
        protected=tuple(admins) if len(admins) == 1 else (),
        email_domains=tuple(sorted(domains)) if users and all_usual else (),
        resources="team" if len(users) >= _TEAMS_FROM else "user",
    )


def _with_policy(target: Destination, result: Exported, proposal: Proposal, engine: Engine) -> Exported:
    text = _config(target, proposal, engine)
    files = tuple(replace(file, after=text) if file.name == CONFIG else file for file in result.files)
    return replace(result, files=files)


def _config(target: Destination, proposal: Proposal, engine: Engine) -> bytes:
    schemas, config = schemas_beside(target.folder), target.stack.config
    return flex_template(
        id=config.id,
        account=config.account,
        instance=config.instance,
        schema=schemas and f"{schemas}/{FLEX_SCHEMA}",
        proposal=proposal,
        engine=engine,
    ).encode()


def _rewrite_config(target: Destination, text: bytes) -> None:
    write_file(target.folder / CONFIG, text)


def _only_adopts(plan: Plan) -> bool:
    """Whether the plan writes nothing that anybody sees: it marks as ours whoever is there, as they are."""
    untouched = all(not any(field.writes for field in change.fields) for change in plan.users)
    others = {violation.rule for violation in plan.violations} - {Rule.MAX_CHANGES}
    return untouched and all(change.kind is Kind.ADOPT for change in plan.users) and not others


def _told(plan: Plan, run: PlanRun) -> str:
    if not _only_adopts(plan) or plan.violations:
        look = look_of(sys.stdout)
        return "\n" + plan_text(report_of(plan, run), width=look.width, colour=look.colour)
    if not plan.declared:
        return "\nNobody is declared yet: the stack is empty, and so is its plan."
    if not plan.users:
        return f"\nThe plan is empty: all {plural(plan.in_sync, 'user')} are managed as they are."
    adopted = plural(len(plan.users), "user")
    return f"\nThe plan changes nothing that anybody sees: it marks {adopted} as managed here, exactly as they are."


def _next_steps(name: str, stacks: Path, written: Sequence[Path]) -> str:
    # A file of the project's own folder goes by its name: `git add .` would take what nobody wrote for it.
    more = {path.parent if path.parent.name else path for path in written}
    paths = " ".join(str(path) for path in (stacks / name, *sorted(more)))
    return numbered(
        f"read {stacks / name}/{CONFIG}: the rules in policy: are a proposal",
        *commit_to_name(written),
        f"git switch -c adopt-{name} && git add {paths} && git commit",
        f"open a pull request; merging it adopts everybody as they are\n(or by hand: flexres adopt --stack {name})",
    )


def numbered(*steps: str) -> str:
    """What to do next, step by step; further lines of a step stand below its first."""
    lines = (f"  {number}. {step}".replace("\n", "\n     ") for number, step in enumerate(steps, start=1))
    return "\n".join(["Next:", *lines])


def commit_to_name(written: Sequence[Path]) -> list[str]:
    """The step that names flexres's commit, where a requirements.txt was written by one that does not know its own."""
    path = next((path for path in written if path.name == REQUIREMENTS.name), None)
    if path is None or commit_is_known():
        return []
    return [
        f"{path}: put the commit of flexres in the place of COMMIT;\nfrom which one this was installed is not known"
    ]


PROJECT: Final = """\
# The Pulumi project. What a stack holds is in stacks/<stack>/, as YAML; docs/pulumi.md says how the two go together.
name: flexres
description: The users and the single sign-on of Twilio Flex, as stacks/ has them.
runtime:
  name: python
  options:
    virtualenv: .venv
stackConfigDir: stacks
options:
  refresh: always           # what a person changed in Flex is shown as drift, and put right
# Where the state lives. This folder is for one person's machine; a team writes one of
#   s3://bucket?region=eu-west-1    azblob://container    gs://bucket    https://api.pulumi.com
backend:
  url: file://.pulumi-state?create_dir=true&dir_file_mode=448     # 448 is 0700
"""
PROGRAM: Final = '''\
"""The Pulumi program: the stack that `pulumi` has selected, as resources. docs/pulumi.md tells the rest."""

from __future__ import annotations

import pulumi

from flexres.pulumi import FlexStack

FlexStack(pulumi.get_stack()).export()
'''
IGNORED: Final = (".flexres/", ".sandbox/", ".venv/", "plan.json", "plan.html")
"""What never belongs into a commit: the journal, a local Flex, the environment, a saved plan and its page."""
IGNORED_OF_PULUMI: Final = ("__pycache__/", ".pulumi-state/", ".tools/")
"""The state of one machine, a CLI of the project's."""


def write_project(project: Path, engine: Engine) -> list[Path]:
    """Write the files that the project lacks for this engine, and say which.

    Raises:
        SetupError: one cannot be written, or the .gitignore that is there cannot be read.
    """
    files = project_files(project) if engine == "pulumi" else _ignoring(project, IGNORED)
    for path, text in files.items():
        write_file(path, text)
    return list(files)


def project_files(project: Path) -> dict[Path, str]:
    """The files that the project lacks, with their texts; what is there already stays, but for lines of .gitignore.

    Raises:
        SetupError: the .gitignore that is there cannot be read.
    """
    files = {project / "Pulumi.yaml": PROJECT, project / "__main__.py": PROGRAM}
    if not any((project / name).exists() for name in ("requirements.txt", "pyproject.toml")):
        # `pulumi install` makes the virtual environment from it.
        files[project / REQUIREMENTS] = requirement()
    missing = {path: text for path, text in files.items() if not path.exists()}
    return missing | _ignoring(project, (*IGNORED, *IGNORED_OF_PULUMI))


def _ignoring(project: Path, names: Sequence[str]) -> dict[Path, str]:
    """The .gitignore with these names in it; nothing where it has them all."""
    ignore = project / ".gitignore"
    try:
        before = ignore.read_text(encoding="utf-8") if ignore.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise SetupError(f"{ignore} cannot be read: {error}", hint="mend it, or move it away") from None
    lacking = [line for line in names if line not in before.splitlines()]
    gap = "\n" if before and not before.endswith("\n") else ""
    return {ignore: before + gap + "".join(f"{line}\n" for line in lacking)} if lacking else {}
