"""Where Pulumi's CLI is, which engine is meant, and what the engine's environment has to hold."""

from __future__ import annotations

import pytest

from flexres.apply.pulumi.cli import choose, find_pulumi, required
from flexres.apply.pulumi.project import backend_url, engine_environment
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
    assert backend_url(tmp_path, {}) == "file://.pulumi-state"
