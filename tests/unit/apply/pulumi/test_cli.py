"""Where Pulumi's CLI is, which engine is meant, and what the engine's environment has to hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from flexres.apply.pulumi.project import (
    SKIP_CHECK,
    backend_url,
    choose,
    command_of,
    engine_environment,
    find_pulumi,
    required,
)
from flexres.errors import SetupError


def test_auto_is_pulumi_where_it_is_installed(tmp_path) -> None:
    (tools := tmp_path / ".tools" / "pulumi" / "bin").mkdir(parents=True)
    environ = {"PATH": "", "PULUMI_HOME": str(tmp_path / "home")}
    assert find_pulumi(tmp_path, environ) is None
    assert choose("auto", None, None) == "direct"
    with pytest.raises(SetupError, match="not installed"):
        required(None)
    (tools / "pulumi").write_text("#!/bin/sh\n")
    (tools / "pulumi").chmod(0o755)
    assert find_pulumi(tmp_path, environ) == tools / "pulumi"
    assert choose("auto", None, tools / "pulumi") == "pulumi"
    assert choose("auto", "direct", tools / "pulumi") == "direct"
    assert choose("direct", None, tools / "pulumi") == "direct"


def test_the_empty_passphrase_is_set_only_where_nobody_set_one_and_pulumi_keeps_none(tmp_path) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: flexres\nbackend:\n  url: file://.pulumi-state\n")
    assert engine_environment(tmp_path, {})["PULUMI_CONFIG_PASSPHRASE"] == ""
    assert "PULUMI_CONFIG_PASSPHRASE" not in engine_environment(tmp_path, {"PULUMI_CONFIG_PASSPHRASE_FILE": "x"})
    cloud = {"PULUMI_BACKEND_URL": "https://api.pulumi.com"}
    assert "PULUMI_CONFIG_PASSPHRASE" not in engine_environment(tmp_path, cloud)
    assert engine_environment(tmp_path, {})["PULUMI_SKIP_CHECKPOINTS"] == "true"
    assert "PULUMI_SKIP_CHECKPOINTS" not in engine_environment(tmp_path, {"PULUMI_SKIP_CHECKPOINTS": "false"})
    assert engine_environment(tmp_path, {})["PIP_DISABLE_PIP_VERSION_CHECK"] == "1"
    assert backend_url(tmp_path, {}) == "file://.pulumi-state"


def cli(folder: Path, script: str) -> Path:
    """A stand-in for the CLI."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pulumi").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "pulumi").chmod(0o755)
    return folder / "pulumi"


def test_the_cli_that_was_found_is_the_one_that_runs_whatever_its_folder_is_called(tmp_path: Path) -> None:
    """The official tarball unpacks to pulumi/pulumi; the version is asked of that very file."""
    found = cli(tmp_path / "pulumi", "echo v3.999.1")
    assert find_pulumi(tmp_path, {"PATH": str(found.parent)}) == found
    command = command_of(found, {})
    assert (command.command, str(command.version)) == (str(found), "3.999.1")
    assert command.run(["version"], str(tmp_path), {}).stdout == "v3.999.1"


def test_a_shim_is_run_as_it_is(tmp_path: Path) -> None:
    """mise and asdf have links that do by their name what is wanted: what they lead to is nothing by itself."""
    cli(tmp_path / "tool", 'case "$0" in */pulumi) echo v3.999.1;; esac').rename(tmp_path / "tool" / "mise")
    (tmp_path / "shims").mkdir()
    (tmp_path / "shims" / "pulumi").symlink_to(tmp_path / "tool" / "mise")
    assert str(command_of(tmp_path / "shims" / "pulumi", {}).version) == "3.999.1"


@pytest.mark.parametrize("said", ["v2.1.0", "v4.0.0", "v3.10.0", "(development)"])
def test_a_version_that_does_not_go_with_the_sdk_is_one_line(tmp_path: Path, said: str) -> None:
    found = cli(tmp_path / "pulumi", f"echo '{said}'")
    with pytest.raises(SetupError, match=r"flexres needs 3\.\d+\.0 or newer of 3\.x") as caught:
        command_of(found, {})
    assert "\n" not in caught.value.message
    assert command_of(found, {SKIP_CHECK: "true"}).command == str(found)


@pytest.mark.parametrize("script", ["exit 3", None])
def test_a_cli_that_does_not_run_is_one_line(tmp_path: Path, script: str | None) -> None:
    """It fails, or is gone since it was looked for."""
    found = cli(tmp_path, script) if script else tmp_path / "gone"
    with pytest.raises(SetupError, match="does not run"):
        command_of(found, {})
