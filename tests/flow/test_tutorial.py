"""docs/tutorial.md, typed word for word by somebody who has nothing but the wheel; what it shows is what is printed."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.flow.wheel import ROOT, Installed, built, installed

__all__ = ["built", "installed"]

BLOCK = re.compile(r"^```(sh|text|console)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TYPED_BEFORE = (
    "$ python3 -m venv .venv && . .venv/bin/activate\n"
    "$ pip install 'flexres[sandbox] @ git+https://github.com/flexres/flexres@COMMIT'\n"
)
IN_THE_OTHER_TERMINAL = "$ flexres sandbox serve\n"
PORT = "4010"
VARYING = (
    (re.compile(r"read \d+\.\d s"), "read 0.0 s"),
    (re.compile(r"\d+ requests?( in \d+\.\d s)?"), "0 requests"),
    (re.compile(r" +"), " "),
)
NEEDED = [name for name in ("bash", "git", "curl") if shutil.which(name) is None]


def steps() -> list[tuple[str, str]]:
    """Kind and text of each block, in order."""
    return BLOCK.findall((ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8"))


def plain(text: str) -> str:
    """Without what differs from run to run, and however columns were padded."""
    for varying, instead in VARYING:
        text = varying.sub(instead, text)
    return "\n".join(line.rstrip() for line in text.splitlines())


def shows(shown: str, printed: str) -> str:
    """Empty where `shown` is what was printed, `…` standing for whatever is left out; else what is not there."""
    left = plain(printed)
    for part in (part.strip("\n") for part in plain(shown).split("…") if part.strip("\n")):
        before, found, left = left.partition(part)
        if not found:
            return f"{part!r} is not in {before!r}"
    return ""


@contextmanager
def served(installed: Installed) -> Iterator[str]:
    """`flexres sandbox serve` in another terminal, at a free port; its URL."""
    program = [str(installed.environment / "bin" / "flexres"), "sandbox", "serve", "--port", "0"]
    with subprocess.Popen(
        program, cwd=installed.work, env=installed.variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().removeprefix("ready ").strip()
        finally:
            process.terminate()
            process.communicate(timeout=30)


@pytest.mark.skipif(bool(NEEDED), reason=f"not on PATH: {', '.join(NEEDED)}")
def test_the_tutorial_works_word_for_word(installed: Installed) -> None:
    """From an empty folder to a refused accident, with the wheel alone and an empty home."""
    assert [text for kind, text in steps() if kind == "console"] == [TYPED_BEFORE, IN_THE_OTHER_TERMINAL]
    scripts = [text for kind, text in steps() if kind == "sh"]
    seeded, *rest = scripts
    assert installed.run("flexres", *seeded.split()[1:]).returncode == 0
    with served(installed) as url:
        typed = "".join(f"{text}printf '\\n<%s>\\n' after\n" for text in rest).replace(f"http://127.0.0.1:{PORT}", url)
        done = subprocess.run(
            ["bash"],
            input=typed,
            cwd=installed.work,
            env={**installed.variables, **AUTHOR, "COLUMNS": "100"},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
    printed = dict(zip(rest, done.stdout.split("\n<after>\n"), strict=False))
    assert len(printed) == len(rest)
    pairs = [(one, other) for one, other in zip(steps(), steps()[1:], strict=False) if other[0] == "text"]
    assert len(pairs) > 7
    for (_, script), (_, shown) in pairs:
        assert shows(shown, printed[script]) == "", done.stderr


AUTHOR = {
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_AUTHOR_NAME": "You",
    "GIT_AUTHOR_EMAIL": "you@example.com",
    "GIT_COMMITTER_NAME": "You",
    "GIT_COMMITTER_EMAIL": "you@example.com",
}


@pytest.mark.parametrize(
    ("shown", "printed", "there"),
    [
        ("a\nb\n", "a\nb\n", True),
        ("a\n…\nc\n", "a\nb\nc\n", True),
        ("…b…\n", "a b c\n", True),
        ("b\n…\na\n", "a\nb\n", False),
        ("read 0.1 s", "read 2.0 s", True),
    ],
)
def test_what_is_left_out_is_all_that_may_differ(shown: str, printed: str, there: bool) -> None:
    """In order, and nothing that was not printed."""
    assert (shows(shown, printed) == "") is there
