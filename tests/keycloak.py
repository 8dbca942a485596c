"""A real Keycloak for tests: from Maven Central into the virtual environment, built once, run while a test needs it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

VERSION = "26.0.8"
_ARTIFACT = f"org.keycloak:keycloak-quarkus-dist:{VERSION}:zip"
_CACHE = Path(sys.prefix) / "keycloak"
_HOME = _CACHE / f"keycloak-{VERSION}"
_BUILT = _HOME / "built-for-tests"
_FEATURES = "authorization,device-flow,ciba,par,kerberos,impersonation,web-authn,organization,persistent-user-sessions"
_PATIENCE = 240
PASSWORD = "keycloak-for-tests"


class CannotBeInstalledError(Exception):
    """Why there is no Keycloak here."""


def install() -> Path:
    """The folder of a Keycloak that can be started. Raises CannotBeInstalledError."""
    for program in ("java", "mvn"):
        if shutil.which(program) is None:
            raise CannotBeInstalledError(f"no {program} on PATH")
    if _BUILT.exists():
        return _HOME
    _CACHE.mkdir(exist_ok=True)
    fetched = _CACHE / f"keycloak-quarkus-dist-{VERSION}.zip"
    _run("mvn", "-q", "-B", "dependency:copy", f"-Dartifact={_ARTIFACT}", f"-DoutputDirectory={_CACHE}")
    with zipfile.ZipFile(fetched) as archive:
        archive.extractall(_CACHE)
    fetched.unlink()
    (_HOME / "bin/kc.sh").chmod(0o755)
    _run(str(_HOME / "bin/kc.sh"), "build", "--db=dev-mem", f"--features-disabled={_FEATURES}")
    _BUILT.touch()
    return _HOME


def _run(*command: str) -> None:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_PATIENCE, env=_environment(), check=False
        )
    except subprocess.TimeoutExpired:
        raise CannotBeInstalledError(f"{Path(command[0]).name} took longer than {_PATIENCE} s") from None
    if done.returncode:
        last = (done.stdout + done.stderr).strip().splitlines()[-1:]
        raise CannotBeInstalledError(f"{Path(command[0]).name} failed: {' '.join(last)}")


def _environment() -> dict[str, str]:
    return {
        **os.environ,
        "JAVA_OPTS_APPEND": "-XX:TieredStopAtLevel=1",
        "KC_BOOTSTRAP_ADMIN_USERNAME": "admin",
        "KC_BOOTSTRAP_ADMIN_PASSWORD": PASSWORD,
    }


@contextmanager
def running(home: Path) -> Iterator[Keycloak]:
    """A Keycloak that forgets everything at the end."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ("--optimized", "--cache=local", "--http-enabled=true", "--hostname-strict=false")
    command = [str(home / "bin/kc.sh"), "start", *options, "--http-host=127.0.0.1", f"--http-port={port}"]
    log = home / "for-tests.log"
    with log.open("w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=_environment())
    try:
        _wait(process, f"http://127.0.0.1:{port}/realms/master", log)
        with Keycloak(f"http://127.0.0.1:{port}") as keycloak:
            yield keycloak
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    ends = time.monotonic() + _PATIENCE
    while time.monotonic() < ends:
        if process.poll() is not None:
            break
        try:
            if httpx.get(url, trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.25)
    raise AssertionError(f"Keycloak did not start: {log.read_text()[-2000:]}")


class Keycloak:
    """The admin API of a running Keycloak."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.client = httpx.Client(base_url=url, trust_env=False, timeout=60)

    def __enter__(self) -> Keycloak:
        form = {"grant_type": "password", "client_id": "admin-cli", "username": "admin", "password": PASSWORD}
        token = self.client.post("/realms/master/protocol/openid-connect/token", data=form).json()["access_token"]
        self.client.headers["Authorization"] = f"Bearer {token}"
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()

    def send(self, method: str, path: str, json: object = None) -> httpx.Response:
        """One request of the admin API, that has to go well."""
        response = self.client.request(method, f"/admin/realms{path}", json=json)
        assert response.is_success, f"{method} {path}: {response.status_code} {response.text}"
        return response
