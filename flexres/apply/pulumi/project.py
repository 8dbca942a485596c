"""The Pulumi project around a stack: where its state lives, and what the engine's environment has to hold."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from flexres.errors import SetupError
from flexres.files import folder_above

FILE: Final = "Pulumi.yaml"
BACKEND: Final = "PULUMI_BACKEND_URL"
_PASSPHRASES: Final = ("PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE")


def project_of(stacks: Path) -> Path:
    """The folder of the Pulumi project whose stacks these are.

    Raises:
        SetupError: it has no Pulumi.yaml.
    """
    project = folder_above(stacks)
    if not (project / FILE).is_file():
        raise SetupError(
            f"{project} has no {FILE}, so the pulumi engine cannot run there",
            hint="go to the project's folder, or use --engine direct",
        )
    return project


def backend_url(project: Path, environ: Mapping[str, str]) -> str:
    """Where the state is kept: PULUMI_BACKEND_URL, or what the project says; empty: wherever Pulumi is logged in."""
    if environ.get(BACKEND):
        return environ[BACKEND]
    try:
        found: Any = YAML(typ="safe").load((project / FILE).read_text(encoding="utf-8"))
    except (OSError, YAMLError) as error:
        raise SetupError(f"{project / FILE} cannot be read: {error}".splitlines()[0]) from None
    backend = found.get("backend") if isinstance(found, dict) else None
    url = backend.get("url") if isinstance(backend, dict) else None
    return url if isinstance(url, str) else ""


def refuse_forgetful_backend(project: Path, environ: Mapping[str, str]) -> None:
    """Raises SetupError in CI when the state would be a folder of the checkout: it would be empty each time."""
    if environ.get("CI", "") in {"", "0", "false"} or environ.get(BACKEND):
        return
    if backend_url(project, environ).startswith("file:"):
        raise SetupError(
            f"in CI the state would be a folder of this checkout ({FILE}, backend.url), and empty each time",
            hint=f"set {BACKEND}, or backend.url, to s3://…, azblob://…, gs://… or https://api.pulumi.com",
        )


def engine_environment(project: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """The variables that a run of the engine gets besides those there are.

    Checkpoints are skipped: the engine saves its whole state after every step otherwise, and nothing is gained by
    it, for every operation may be repeated. There is nothing secret in config or state, so where nobody set a
    passphrase and none is stored elsewhere, it is the empty one.
    """
    added = {
        "PULUMI_SKIP_CHECKPOINTS": "true",
        "PULUMI_SELF_MANAGED_STATE_GZIP": "true",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }
    if not any(name in environ for name in _PASSPHRASES) and not backend_url(project, environ).startswith("http"):
        added["PULUMI_CONFIG_PASSPHRASE"] = ""
    return {name: value for name, value in added.items() if name not in environ}
