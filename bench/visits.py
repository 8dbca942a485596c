"""`python -m bench.visits`: which files of flexres run while one changed skill is planned and shown.

What is visited is what a reader has to understand: files in which a function was called, from reading the YAML to
printing the plan. Loading the modules, the sandbox and this script do not count.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from types import FrameType

import flexres
from flexres.cli.main import run
from flexres.sandbox.server import Sandbox

_FLEX = """\
version: 1
id: k7m2q9
account: AC00000000000000000000000000000001
instance: GO00000000000000000000000000000001
engine: direct
"""
_TEAM = "users:\n  ana@example.com: {full_name: Ana Ruiz, roles: [agent], skills: {billing: 3}}\n"
_MARK = "visited "


def main() -> int:
    """Print the files by room, and their number."""
    with tempfile.TemporaryDirectory() as folder, Sandbox() as sandbox:
        environ = {**os.environ, **sandbox.environment()}
        users = Path(folder, "stacks", "prod", "users")
        users.mkdir(parents=True)
        (users.parent / "flex.yaml").write_text(_FLEX)
        (users / "team.yaml").write_text(_TEAM)
        flexres = [sys.executable, "-m", "flexres"]
        subprocess.run([*flexres, "apply", "--yes"], cwd=folder, env=environ, check=True, capture_output=True)
        (users / "team.yaml").write_text(_TEAM.replace("billing: 3", "billing: 4"))
        ran = subprocess.run(
            [sys.executable, __file__, "plan"], cwd=folder, env=environ, capture_output=True, text=True, check=False
        )
    print(ran.stdout, end="")
    files = sorted(line.removeprefix(_MARK) for line in ran.stderr.splitlines() if line.startswith(_MARK))
    rooms = Counter(file.split("/")[0] if "/" in file else "" for file in files)
    print("\n".join(files))
    print(f"\n{len(files)} files: " + ", ".join(f"{room or 'flexres'} {count}" for room, count in rooms.items()))
    return ran.returncode


def child() -> None:
    """Plan in this process, and name on stderr each file whose functions were called."""
    root = f"{Path(flexres.__file__).parent}{os.sep}"
    seen: set[str] = set()

    def look(frame: FrameType, event: str, _argument: object) -> None:
        code = frame.f_code
        if event != "call" or code.co_name in {"<module>", "<lambda>"} or not code.co_filename.startswith(root):
            return
        if not any(above.f_code.co_name == "<module>" for above in _callers(frame)):
            seen.add(code.co_filename.removeprefix(root))

    sys.argv = ["flexres", *sys.argv[1:]]
    sys.setprofile(look)
    try:
        run()
    finally:
        sys.setprofile(None)
        for file in seen:
            print(_MARK + file, file=sys.stderr)


def _callers(frame: FrameType) -> list[FrameType]:
    """The frames above one, up to where this script began: what a module does while it is loaded does not count."""
    found: list[FrameType] = []
    above = frame.f_back
    while above is not None and above.f_code.co_filename != __file__:
        found.append(above)
        above = above.f_back
    return found


if __name__ == "__main__":
    if len(sys.argv) == 1:
        sys.exit(main())
    child()
