"""`flexres idp import-metadata`: fills `sso:` in from what an identity provider says of itself."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import typer

from flexres.cli import options
from flexres.cli.output import busy, emit, note
from flexres.cli.stacks import StackFolder, choose_stack, load
from flexres.desired.edit.flex_file import with_offered
from flexres.desired.schema.certificate import fingerprint
from flexres.desired.source import FolderSource, UnreadableFile
from flexres.desired.yaml.tree import compose, decode
from flexres.errors import SetupError
from flexres.files import write_file
from flexres.idp.auth0.state import open_provider
from flexres.idp.metadata import read_metadata, read_source
from flexres.text import visible

_PEM: Final = "certs/idp.pem"


@dataclass(frozen=True, slots=True)
class _Offer:
    issuer: str
    sso_url: str
    certificate: str
    others: int = 0


def import_metadata(
    source: Annotated[
        str | None, typer.Argument(metavar="[FILE|URL]", help="SAML metadata; left out: from Auth0, by idp:.")
    ] = None,
    *,
    stack: options.Stack = None,
    stacks: options.Stacks = options.STACKS_FOLDER,
) -> None:
    """Write the provider's issuer, sign-on URL and certificate into sso: of flex.yaml, keeping comments."""
    chosen = choose_stack(stack, stacks)
    offer = _from_auth0(chosen) if source is None else _from_metadata(source)
    if offer.others:
        note(f"note: the metadata has {offer.others} more signing certificates: the provider is changing its key")
    changed = _write(chosen, offer)
    emit("\n".join(changed) if changed else f"{chosen.folder / 'flex.yaml'}: sso: has these values already")


def _from_metadata(source: str) -> _Offer:
    with busy(f"Reading {source}"):
        found = read_metadata(read_source(source))
    return _Offer(found.issuer, found.sso_url, found.certificates[0], len(found.certificates) - 1)


def _from_auth0(chosen: StackFolder) -> _Offer:
    config = load(chosen).config
    if config.idp is None:
        raise SetupError(
            f"whose metadata? {chosen.name} has no idp: section", hint="name the metadata's file or https address"
        )

    async def read() -> _Offer:
        async with open_provider(chosen.name, config, environ=os.environ, read_only=True) as provider:
            assert provider is not None
            signing = await provider.signing()
        if signing is None:
            raise SetupError(
                f"{provider.wanted.tenant} has no application {provider.wanted.application} with a SAML2 add-on",
                hint=f"flexres idp apply --stack {chosen.name} makes it",
            )
        return _Offer(signing.issuer, signing.sso_url, signing.certificate)

    with busy(f"Reading {config.idp.domain}"):
        return asyncio.run(read())


def _write(chosen: StackFolder, offer: _Offer) -> list[str]:
    """What was changed, a line each."""
    source = FolderSource(chosen.folder, shown_as=str(chosen.folder))
    path = chosen.folder / "flex.yaml"
    try:
        before = source.read("flex.yaml")
    except UnreadableFile as error:
        raise SetupError(f"the file {path} {error.reason}", hint=error.problem.hint) from None
    pem = _certificate_file(before, str(path))
    values = {"issuer": offer.issuer, "sso_url": offer.sso_url, "certificate": pem}
    after = with_offered(before, str(path), values)
    changed = []
    if _replaced(chosen.folder / pem, offer.certificate.encode("ascii")):
        changed.append(f"{chosen.folder / pem}: {fingerprint(offer.certificate)}")
    if _replaced(path, after):
        changed += [f"{path}: {name}: {visible(value)}" for name, value in values.items()]
    return changed


def _certificate_file(data: bytes, shown: str) -> str:
    """Where the certificate is kept: where it is, or a usual place. Raises SetupError for a place that is none."""
    plain, problems = decode(data, shown)
    root = compose(plain, shown)[0] if not problems else None
    sso = root.value.get("sso") if root is not None and isinstance(root.value, dict) else None
    name = sso.get("certificate") if isinstance(sso, dict) else None
    if not isinstance(name, str) or not name:
        return _PEM
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise SetupError(f"sso: certificate: {name} leads out of the stack's folder", hint=f"write {_PEM}")
    return name


def _replaced(path: Path, data: bytes) -> bool:
    """Whether the file was another one before."""
    try:
        if path.exists() and path.read_bytes() == data:
            return False
    except OSError as error:
        raise SetupError(f"{path} cannot be read: {error.strerror}") from error
    write_file(path, data)
    return True
