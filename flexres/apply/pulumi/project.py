"""The Pulumi project around a stack, which engine a stack runs through, and where Pulumi's CLI is."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from flexres.desired.model import Engine
from flexres.desired.revision import is_pipeline
from flexres.errors import SetupError
from flexres.files import folder_above

if TYPE_CHECKING:
    from pulumi.automation import PulumiCommand
    from semver import Version


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
    if not is_pipeline(environ) or environ.get(BACKEND):
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
    passphrase and none is stored elsewhere, it is the empty one. The engine asks pip at every start what is installed,
    and pip would ask its index for a newer pip.
    """
    added = {
        "PULUMI_SKIP_CHECKPOINTS": "true",
        "PULUMI_SELF_MANAGED_STATE_GZIP": "true",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
    if not any(name in environ for name in _PASSPHRASES) and not backend_url(project, environ).startswith("http"):
        added["PULUMI_CONFIG_PASSPHRASE"] = ""
    return {name: value for name, value in added.items() if name not in environ}


Chosen = Literal["direct", "pulumi"]

TOOLS: Final = Path(".tools") / "pulumi"
"""Where the project keeps a CLI of its own, out of git's sight."""

OLDEST: Final = "3.260.0"
"""The oldest CLI that flexres was tried with."""

SKIP_CHECK: Final = "PULUMI_AUTOMATION_API_SKIP_VERSION_CHECK"
"""The SDK's own variable for those who know better."""


def find_pulumi(project: Path, environ: Mapping[str, str]) -> Path | None:
    """The `pulumi` command, None where there is none."""
    home = Path(environ.get("PULUMI_HOME") or Path.home() / ".pulumi")
    on_path = shutil.which("pulumi", path=environ.get("PATH"))
    places = [Path(on_path)] if on_path else []
    places += [home / "bin" / "pulumi", project / TOOLS / "bin" / "pulumi"]
    return next((place for place in places if os.access(place, os.X_OK)), None)


def choose(committed: Engine, asked: Chosen | None, found: Path | None) -> Chosen:
    """The engine to use: the one asked for, the committed one, or for `auto` pulumi where it is installed."""
    if asked is not None:
        return asked
    if committed == "auto":
        return "direct" if found is None else "pulumi"
    return committed


def required(found: Path | None) -> Path:
    """The CLI, which there has to be.

    Raises:
        SetupError: there is none.
    """
    if found is None:
        raise SetupError(
            "Pulumi's CLI is not installed, neither on PATH nor in ~/.pulumi/bin nor in .tools/pulumi/bin",
            hint="install it (https://www.pulumi.com/docs/install/), or look through --engine direct",
        )
    return found


def command_of(found: Path, environ: Mapping[str, str]) -> PulumiCommand:
    """The CLI that was found, for the Automation API, whatever its folder is called.

    Raises:
        SetupError: it does not run, or its version is none that goes with the SDK.
    """
    from pulumi.automation import PulumiCommand  # noqa: PLC0415 - slow to import, and rarely needed

    class Found(PulumiCommand):
        # The SDK's own constructor looks for bin/pulumi beneath a root, and checks its version with a traceback.
        def __init__(self) -> None:
            self.command = str(found.absolute())
            self.version = checked_version(found, _said_version(found, environ), environ)

    return Found()


def checked_version(found: Path, said: str, environ: Mapping[str, str]) -> Version | None:
    """The CLI's version from what it says of itself; None where it says none and nobody wants to know.

    Raises:
        SetupError: it is none that goes with the SDK, in one line.
    """
    from semver import Version  # noqa: PLC0415 - comes with the SDK, which the direct engine does without

    oldest = Version.parse(OLDEST)
    try:
        version = Version.parse(said.strip().removeprefix("v"))
    except ValueError:
        version = None
    if SKIP_CHECK in environ or (version is not None and version.major == oldest.major and version >= oldest):
        return version
    raise SetupError(
        f"Pulumi's CLI at {found} is {version or 'of no version'}, and flexres needs {OLDEST} or newer of "
        f"{oldest.major}.x (its SDK is {metadata.version('pulumi')})",
        hint=f"install one that fits (https://www.pulumi.com/docs/install/), or set {SKIP_CHECK}=true to try this one",
    )


def _said_version(found: Path, environ: Mapping[str, str]) -> str:
    try:
        return subprocess.run(  # noqa: S603 - it was looked for in the places where Pulumi installs it
            [found, "version"],
            env={**environ, "PULUMI_SKIP_UPDATE_CHECK": "true"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    except (OSError, subprocess.SubprocessError) as error:
        hint = "install it again (https://www.pulumi.com/docs/install/), or use --engine direct"
        raise SetupError(f"Pulumi's CLI at {found} does not run: {error}", hint=hint) from None


def install(project: Path) -> Path:
    """Install the CLI that fits the SDK into the project's tools, by Pulumi's official installer (get.pulumi.com).

    Raises:
        SetupError: the installer could not be had, or failed.
    """
    from pulumi.automation import PulumiCommand  # noqa: PLC0415 - slow to import, and rarely needed

    try:
        PulumiCommand.install(root=str(project / TOOLS))
    except (OSError, subprocess.SubprocessError) as error:
        raise SetupError(
            f"Pulumi's installer failed: {error}",
            hint="install it by hand (https://www.pulumi.com/docs/install/), or use --engine direct",
        ) from None
    return project / TOOLS / "bin" / "pulumi"
