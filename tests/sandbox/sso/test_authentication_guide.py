"""The commands of docs/authentication.md do what it says: all of them, in order, in one shell."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

GUIDE = Path(__file__).parents[3] / "docs" / "authentication.md"
TOOLS = ("bash", "curl", "jq", "openssl")
MISSING = [tool for tool in TOOLS if shutil.which(tool) is None]


@pytest.mark.skipif(bool(MISSING), reason=f"not on PATH: {', '.join(MISSING)}")
def test_commands_of_the_guide_run(sandbox):
    """From the connection to a token, three ways; nothing fails on the way."""
    blocks = re.findall(r"```sh\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.S)
    script = "\n".join(blocks).replace("http://127.0.0.1:4010", sandbox.url)

    finished = subprocess.run(
        ["bash", "-euo", "pipefail"], input=script, capture_output=True, text=True, timeout=60, check=False
    )

    assert finished.returncode == 0, finished.stderr
    assert '"identity": "ana@example.com"' in finished.stdout
    assert '"identity": "user1"' in finished.stdout
    assert "null" not in finished.stdout
    assert [entry for entry in sandbox.requests() if entry.status >= 400] == []
    assert sandbox.worker_attributes("ana@example.com")["level"] == 3
    assert sandbox.channels("user1")["voice"]["configured_capacity"] == 10
