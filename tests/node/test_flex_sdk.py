"""Twilio's browser SDK, as it is on npm, signs in to the sandbox: getAuthenticationConfig to createClient."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from flexres.sandbox.server import Sandbox

HERE = Path(__file__).parent
SDK = HERE / "node_modules" / "@twilio" / "flex-sdk"
NODE = shutil.which("node")
ANA = "ana@example.com"


def _missing() -> str | None:
    if NODE is None:
        return "node is not on PATH"
    if not SDK.is_dir():
        return "@twilio/flex-sdk is not installed: npm ci --prefix tests/node"
    return None


pytestmark = pytest.mark.skipif(_missing() is not None, reason=str(_missing()))


def node(program, sandbox, text=""):
    """What a program of this folder prints, as JSON."""
    finished = subprocess.run(
        [NODE, program, sandbox.url, sandbox.identity.account_sid, ANA], cwd=HERE, env={"PATH": os.environ["PATH"]},
        input=text, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert finished.returncode == 0, finished.stderr
    return json.loads(finished.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def run():
    """The login's result, and the sandbox after it; one run for all tests."""
    with Sandbox() as sandbox:
        yield node("sign_in.cjs", sandbox), sandbox


def test_sdk_is_the_pinned_one():
    """Unmodified, 3.0.0."""
    assert json.loads((SDK / "package.json").read_text())["version"] == "3.0.0"


def test_sdk_signs_in(run):
    """Its state comes back, its exchange gives who it is, and a client stands."""
    result, sandbox = run
    assert result["stateIsOurs"]
    assert (result["identity"], result["roles"], result["client"]) == (ANA, ["agent"], "function")
    assert sandbox.user(ANA)["worker_sid"].startswith("WK")


def test_sdk_surfaces_the_sandboxs_refusal(run):
    """An integer code is what it needs of an error."""
    result, _ = run
    assert result["secondExchange"]["code"] == 45002


def test_sdk_asked_what_was_expected(run):
    """The paths of the contract, all answered: nothing met a 404."""
    result, sandbox = run
    assert [line.replace("https://", "") for line in result["asked"]][:4] == [
        "GET services.twilio.com/v1/Flex/Authentication/Config",
        "POST services.twilio.com/v1/Flex/OAuth/Tokens",
        "GET flex-api.twilio.com/v1/Configuration",
        "GET flex.twilio.com/api/v1/Session",
    ]
    assert sandbox.requests(status=404) == []
    assert [entry.credentials for entry in sandbox.requests(path="^/v1/Configuration$")] == ["token"]


def test_sample_of_the_documentation_signs_in():
    """Away without a code, a client with one; and a code that is reloaded is not sent again."""
    guide = (HERE.parents[1] / "docs" / "authentication.md").read_text(encoding="utf-8")
    sample = next(block for block in re.findall(r"```js\n(.*?)```", guide, re.S) if "getLoginDetails" in block)

    with Sandbox() as sandbox:
        result = node("run_sample.cjs", sandbox, sample)
        exchanges = sandbox.requests(path="OAuth/Tokens")

    assert result == {"before": None, "client": "function", "again": "This login was not begun here."}
    assert [entry.status for entry in exchanges] == [200]


def test_lock_names_no_registry():
    """It pins versions and digests; where they come from is the machine's business."""
    assert '"resolved"' not in (HERE / "package-lock.json").read_text()
