"""`flexres sso attest`: records in flex.yaml what a person entered in Console, and looks whether it can be seen."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import typer

from flexres.cli import options
from flexres.cli.output import emit, note
from flexres.cli.sso_options import with_sso
from flexres.cli.stacks import choose_stack, load
from flexres.desired.edit.flex_file import with_attestations
from flexres.desired.model import Attested, Sso, StackConfig
from flexres.errors import SetupError
from flexres.files import write_file
from flexres.live.credentials import endpoint
from flexres.reconcile.change import Answer, SettingChange
from flexres.report.wording import plural
from flexres.sso.difference import SignOn, setting_changes
from flexres.sso.observe import probe
from flexres.text import visible

_TRUSTED: Final = "trusted"


def attest(
    fields: Annotated[
        list[str] | None,
        typer.Argument(metavar="[FIELD]...", help="Fields of sso:, trusted for all entries, or one entry."),
    ] = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="Everything that is declared.")] = False,
    stack: options.Stack = None,
    stacks: options.Stacks = options.STACKS_FOLDER,
) -> None:
    """Record that you entered these fields in Console, as they are declared now.

    A digest of each value goes into flex.yaml, comments and all other lines kept. An entry that is no longer
    declared leaves the list when you attest that you took it out. Then it is looked whether any of it can be seen.
    """
    loaded, sso = with_sso(stack, stacks)
    if sso.writer == "api":
        raise SetupError(f"{loaded.name} has sso.writer: api, so flexres apply writes the settings itself")
    if bool(fields) == every:
        raise SetupError("name the fields that you entered, or --all", hint="flexres sso checklist shows them")
    before = _steps(loaded.config, SignOn())
    chosen = before if every else _chosen(before, fields or ())
    file = stacks / loaded.name / "flex.yaml"
    _write(file, _attested(sso, chosen))
    after = load(choose_stack(loaded.name, stacks)).config
    recorded = [each.name for each in chosen if each.waits]
    emit(_said(file, recorded, waiting=[each.name for each in _steps(after, SignOn()) if each.waits]))
    _note_contradictions(after, {each.name for each in chosen})


def _steps(config: StackConfig, seen: SignOn) -> list[SettingChange]:
    return [each for each in setting_changes(config, seen) if each.step]


def _chosen(settings: Sequence[SettingChange], names: Sequence[str]) -> list[SettingChange]:
    """The settings that these names mean. Raises SetupError for a name that means none."""
    chosen = []
    for name in names:
        found = [each for each in settings if name in (each.field, each.entry)]
        if not found:
            known = ", ".join(dict.fromkeys(each.entry or each.field for each in settings))
            raise SetupError(f"{visible(name)} is nothing on the checklist", hint=f"there are {visible(known)}")
        chosen += [each for each in found if each not in chosen]
    return chosen


def _attested(sso: Sso, chosen: Sequence[SettingChange]) -> Attested:
    digests = dict(sso.attested.digests)
    trusted = list(sso.attested.trusted)
    for each in chosen:
        if each.field != _TRUSTED:
            digests[each.field] = each.digest
        elif each.removal:
            trusted.remove(each.entry)
        elif each.entry not in trusted:
            trusted.append(each.entry)
    order = {entry: place for place, entry in enumerate(sso.trusted)}
    trusted.sort(key=lambda entry: order.get(entry, len(order)))
    return Attested(digests, tuple(trusted))


def _write(file: Path, attested: Attested) -> None:
    try:
        data = file.read_bytes()
    except OSError as error:
        raise SetupError(f"{file} cannot be read: {error.strerror}") from error
    written = with_attestations(data, str(file), attested)
    if written != data:
        write_file(file, written)


def _said(file: Path, recorded: Sequence[str], *, waiting: Sequence[str]) -> str:
    if recorded:
        lines = [f"{file}: {plural(len(recorded), 'attestation')} recorded: {', '.join(map(visible, recorded))}"]
    else:
        lines = [f"{file}: attested already, nothing to record"]
    if waiting:
        lines.append(f"Still to enter: {', '.join(map(visible, waiting))}")
    elif recorded:
        lines.append("Nothing is left to enter. Commit the file.")
    return "\n".join(lines)


def _note_contradictions(config: StackConfig, names: set[str]) -> None:
    """Says on stderr what can be seen to be otherwise than was just attested; what cannot be seen says nothing."""
    sso = config.sso
    assert sso is not None
    seen = asyncio.run(probe(config, sso, endpoint(config.endpoint, os.environ)))
    for each in _steps(config, seen):
        if each.name in names and each.answer is Answer.NO:
            is_now = visible(each.observed) or "not set"
            note(f"note: {visible(each.name)} was attested, and the {each.how} still shows otherwise: {is_now}")
