"""A state in S3, by one line of config: moto's server stands for Amazon, on this machine."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest

from tests.pulumi.conftest import TEAM, Project

pytestmark = pytest.mark.engine


@pytest.fixture
def bucket() -> Iterator[str]:
    """The URL of an empty bucket."""
    pytest.importorskip("moto", reason="moto's S3 server is not installed: pip install 'moto[server]'")
    command = [sys.executable, "-u", "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as server:
        assert server.stdout is not None
        try:
            said = ""
            while not (found := re.search(r"Running on http://127\.0\.0\.1:(\d+)", said)):
                line = server.stdout.readline()
                assert line, f"moto did not start: {said}"
                said += line
            httpx.put(f"http://127.0.0.1:{found[1]}/states").raise_for_status()
            where = f"endpoint=http://127.0.0.1:{found[1]}&use_path_style=true&disable_https=true&region=us-east-1"
            yield f"s3://states?{where}"
        finally:
            server.terminate()


def test_a_state_in_s3(project: Project, bucket: str, engine: str) -> None:
    """Made, found again and locked there; nothing of it is in the project, and CI may use it."""
    project.more |= {
        "PULUMI_BACKEND_URL": bucket,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "CI": "true",
    }
    first = project.flexres("apply", "--yes")
    assert first.code == 0, first.out
    project.write(TEAM.replace("city: London", "city: Leeds"))
    second = project.flexres("apply", "--yes")
    assert second.code == 0, second.out
    assert set(project.resources()) == set(project.in_flex())
    assert not (project.folder / ".pulumi-state").exists()
    keys = httpx.get(f"{re.search('http://[^&]+', bucket)[0]}/states").text  # type: ignore[index]
    assert ".pulumi/stacks/flexres/test.json.gz" in keys
