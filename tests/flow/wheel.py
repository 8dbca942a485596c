"""The wheel as a registry would serve it, and an environment that has flexres by that wheel alone."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = ("flexres", "pyproject.toml", "README.md", "LICENSE", "MANIFEST.in")


@dataclass(frozen=True)
class Built:
    """What `python -m build` made: the source distribution, and the wheel that was built from it."""

    sdist: Path
    wheel: Path


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Built once a run, whichever of its processes asks first; nothing is downloaded."""
    folder = _shared(tmp_path_factory) / "built"
    with Path(f"{folder}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            _build(folder)
    (sdist,), (wheel,) = folder.glob("*.tar.gz"), folder.glob("*.whl")
    return Built(sdist, wheel)


def _shared(factory: pytest.TempPathFactory) -> Path:
    """A folder that all processes of one run know, and no other run."""
    own = factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


def _build(folder: Path) -> None:
    """From a copy, so that a checkout stays as it is."""
    copy = folder.with_name("sources")
    copy.mkdir()
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, copy / name)
    made = folder.with_name("made")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(made), str(copy)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    made.rename(folder)


@dataclass(frozen=True)
class Installed:
    """An environment without pip, an empty home and a folder to work in, none of them near the checkout."""

    environment: Path
    home: Path
    work: Path

    @property
    def variables(self) -> dict[str, str]:
        """What a shell of a new account has, with the environment activated."""
        path = f"{self.environment / 'bin'}{os.pathsep}/usr/local/bin{os.pathsep}/usr/bin{os.pathsep}/bin"
        return {"PATH": path, "HOME": str(self.home), "LANG": "C.UTF-8", "NO_COLOR": "1"}

    def run(self, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Runs a command of the environment, in the folder to work in."""
        program = [str(self.environment / "bin" / command[0]), *command[1:]]
        return subprocess.run(
            program,
            cwd=self.work,
            env={**self.variables, **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )


@pytest.fixture
def installed(built: Built, tmp_path: Path) -> Installed:
    """flexres from the wheel; what it depends on from the environment of the tests, and nothing else of that."""
    folders = Installed(tmp_path / "environment", tmp_path / "home", tmp_path / "work")
    folders.home.mkdir()
    folders.work.mkdir()
    venv.create(folders.environment, with_pip=False, symlinks=True)
    pip(folders.environment, "install", "--no-deps", "--no-index", "--no-compile", str(built.wheel))
    # A path file adds the packages, and reads no other path file there: the checkout itself stays out of sight.
    packages = folders.environment / "lib" / f"python{sysconfig.get_python_version()}" / "site-packages"
    (packages / "dependencies.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    return folders


def pip(environment: Path, *arguments: str | Path) -> None:
    """Runs the tests' own pip for another environment."""
    words: Sequence[str] = [str(word) for word in arguments]
    command = [sys.executable, "-m", "pip", "--python", str(environment / "bin" / "python"), "--quiet", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
