"""From Flex to files: where an export goes, what it says, proof that it loads, and the writing to disk."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import typer

from flexres.cli.stacks import checked_name, choose_stack
from flexres.desired.edit.flex_file import FLEX_SCHEMA, USERS_SCHEMA, flex_template, mint_id
from flexres.desired.edit.team_files import USUAL_FILE, Overlay, Rewritten, new_file, rewritten, says_the_same
from flexres.desired.load import CONFIG, Stack, load_stack
from flexres.desired.model import StackConfig
from flexres.desired.schema.attributes import TYPES
from flexres.desired.source import FolderSource, Source
from flexres.errors import FlexresError, InvalidStack, SetupError
from flexres.files import write_file
from flexres.live.http.retrying import each
from flexres.live.model import LiveUser, Snapshot
from flexres.live.snapshot import reread
from flexres.reconcile.export.undeployed import Prefer
from flexres.reconcile.export.users import Export, Kept, LeftOut, export_users
from flexres.session import Session, open_session


@dataclass(frozen=True, slots=True)
class Choice:
    """What is exported: `by` is the attribute by which new users are split into files.

    `prefer` is the side that wins where nobody has applied yet what the YAML says, as in `Kept`.
    """

    by: str | None = None
    channels: bool = False
    prune: bool = False
    prefer: Prefer | None = None


@dataclass(frozen=True, slots=True)
class Destination:
    """The stack that is exported into; `fresh` is the flex.yaml of one that is only now begun."""

    folder: Path
    source: Source
    stack: Stack
    fresh: bytes | None


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export found (`found`), and the `files` that it changes."""

    found: Export
    files: tuple[Rewritten, ...]


def destination(
    name: str | None, stacks: Path, *, into: Path | None, account: str | None, instance: str | None
) -> Destination:
    """The stack to export into: one that is there, or a new one for this account and instance.

    Raises:
        SetupError: a new one without both SIDs, or SIDs that are not the existing one's; InvalidStack among them.
    """
    folder, name = _folder(name, stacks, into)
    if not (folder / CONFIG).exists():
        return _begun(folder, name, account, instance)
    source = FolderSource(folder, shown_as=str(folder))
    stack = load_stack(source, name=name, as_of=datetime.now(UTC).date(), may_be_empty=True)
    for given, have in ((account, stack.config.account), (instance, stack.config.instance)):
        if given is not None and given != have:
            raise SetupError(
                f"{folder / CONFIG} is of {have}, not of {given}",
                hint="leave the option out, or export into another folder with --into",
            )
    return Destination(folder, source, stack, None)


def _folder(name: str | None, stacks: Path, into: Path | None) -> tuple[Path, str]:
    if into is not None:
        return into, checked_name(name or into.resolve().name)
    chosen = choose_stack(name, stacks)
    return chosen.folder, chosen.name


def _begun(folder: Path, name: str, account: str | None, instance: str | None) -> Destination:
    if account is None or instance is None:
        raise SetupError(
            f"{folder} is no stack yet",
            hint="name the account and the Flex instance to begin it with: --account AC… --instance GO…",
        )
    if folder.exists() and any(folder.rglob("*.y*ml")):
        raise SetupError(f"{folder} holds YAML but no {CONFIG}", hint="choose another name, or add the file")
    schemas = schemas_beside(folder)
    text = flex_template(
        id=mint_id(),
        account=account,
        instance=instance,
        schema=schemas and f"{schemas}/{FLEX_SCHEMA}",
    )
    fresh = text.encode()
    source = Overlay(None, {CONFIG: fresh}, str(folder))
    return Destination(folder, source, load_stack(source, name=name, may_be_empty=True), fresh)


async def exported(target: Destination, choice: Choice) -> Exported:
    """Read Flex and work out the files.

    Raises:
        FlexresError: what would be written does not load; nothing was written.
    """
    stack = target.stack
    async with open_session(stack, environ=os.environ, revision=None, read_only=True) as session:
        snapshot = await _read(session, choice)
        scope = session.wanted.scope
    withheld_ones = withheld(stack.config)
    kept = Kept(scope.stack_id, stack.users, stack.config.leavers, withheld_ones, scope.idp_owns, choice.prefer)
    found = export_users(snapshot, kept, channels=choice.channels)
    files = rewritten(
        target.source,
        stack,
        found.users,
        by=choice.by,
        prune=found.gone if choice.prune else (),
        header=header_of(target.folder),
    )
    if target.fresh is not None:
        # Nobody is in Flex yet: a stack says so, since a missing file is taken for a mistake.
        files = files or (Rewritten(USUAL_FILE, None, new_file(header_of(target.folder), {}, {}, {})),)
        files = (Rewritten(CONFIG, None, target.fresh), *files)
    return Exported(_checked(target, found, files), files)


async def _read(session: Session, choice: Choice) -> Snapshot:
    snapshot = await session.snapshot()
    # A list proves presence only: who seems gone is read once more, by name.
    missing = session.wanted.users.keys() - snapshot.users.keys()
    if missing:
        snapshot = await reread(session.transport, snapshot, missing)
    if not choice.channels:
        return snapshot
    workers = session.workers(snapshot.instance)

    async def with_channels(live: LiveUser) -> LiveUser:
        if live.worker is None or live.channels is not None:
            return live
        return replace(live, channels=await workers.channels(live.worker.sid))

    users = await each(with_channels, snapshot.users.values())
    return replace(snapshot, users={live.username: live for live in users})


_TYPED: Final = tuple(f".{kind}" for kind in TYPES)


def withheld(config: StackConfig) -> frozenset[str]:
    """Attributes that may not be declared: the identity provider writes them at every login."""
    if config.sso is None or config.idp is not None:
        return frozenset()
    return frozenset(claim.rpartition(".")[0] if claim.endswith(_TYPED) else claim for claim in config.sso.claims)


def header_of(folder: Path) -> str:
    """How a new team file begins: with the way to its JSON Schema, where the project has it."""
    schemas = schemas_beside(folder)
    return f"# yaml-language-server: $schema=../{schemas}/{USERS_SCHEMA}\n" if schemas else ""


def _checked(target: Destination, found: Export, files: Iterable[Rewritten]) -> Export:
    """The export, once what would be written was loaded; users whom the YAML says otherwise are named."""
    after = Overlay(target.source, {file.name: file.after for file in files}, str(target.folder))
    try:
        stack = load_stack(after, name=target.stack.name, may_be_empty=True)
    except InvalidStack as error:
        first = error.problems[0]
        raise FlexresError(
            f"the export would not load, so nothing was written: {first}",
            hint=first.hint or "please report this as a bug of flexres",
        ) from error
    otherwise = [
        LeftOut(name, "something", "its entry and the defaults together say otherwise: see flexres plan")
        for name, user in found.users.items()
        if not says_the_same(stack.users[name], user)
    ]
    return replace(found, left_out=(*found.left_out, *otherwise))


def write_files(target: Destination, files: Sequence[Rewritten]) -> None:
    """Write each file in one step, so that none is ever half written.

    Raises:
        SetupError: a file cannot be written, or somebody changed it meanwhile.
    """
    now: Mapping[str, bytes | None] = {file.name: _bytes(target.folder / file.name) for file in files}
    for file in files:
        if now[file.name] != file.before:
            raise SetupError(f"{target.folder / file.name} changed meanwhile: nothing was written", hint="export again")
    for file in files:
        write_file(target.folder / file.name, file.after)


def _bytes(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def checked_sid(prefix: str, value: str) -> str:
    """The SID that an option, or its variable, gives. Raises typer.BadParameter for what can be none of this prefix.

    The error does not repeat what was given: a secret may stand in the wrong variable.
    """
    if not re.fullmatch(f"{prefix}[0-9a-fA-F]{{32}}", value):
        raise typer.BadParameter(f"it is not {prefix} and 32 digits of 0-9 and a-f")
    return value


def schemas_beside(folder: Path) -> str | None:
    """The way from the stack's folder to the project's JSON Schemas, where it has them."""
    schemas = folder.parent.parent / "docs" / "schema"
    if not all((schemas / name).is_file() for name in (FLEX_SCHEMA, USERS_SCHEMA)):
        return None
    return Path(os.path.relpath(schemas, folder)).as_posix()
