"""A stack with one team file in place of its namesake: for asking what a file would do before it is put there."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from flexres.desired.load import Stack, load_stack
from flexres.desired.source import FolderSource
from flexres.errors import Problem, SetupError


def with_team_file(stack: Stack, folder: Path, path: Path) -> Stack:
    """The stack in `folder` as if the file at `path` stood in its users/.

    Raises:
        SetupError: there is no such file, or it is no YAML by its name.
        InvalidStack: the file is wrong, or the stack with it.
    """
    if not path.is_file() or path.suffix not in {".yaml", ".yml"}:
        raise SetupError(f"{path} is no team file", hint="name a file that ends in .yaml")
    return load_stack(_With(folder, path), name=stack.name, as_of=datetime.now(UTC).date())


class _With:
    """A stack's folder, with one file of users/ from elsewhere."""

    def __init__(self, folder: Path, path: Path) -> None:
        self._folder = FolderSource(folder, shown_as=str(folder))
        self._path = path
        self._name = f"users/{path.name}"

    def files(self) -> Sequence[str]:
        return sorted({*self._folder.files(), self._name})

    def problems(self) -> Sequence[Problem]:
        return self._folder.problems()

    def read(self, name: str) -> bytes:
        if name != self._name:
            return self._folder.read(name)
        return FolderSource(self._path.parent).read(self._path.name)

    def shown(self, name: str) -> str:
        return str(self._path) if name == self._name else self._folder.shown(name)
