"""Several stacks: who is meant, and one exit for all."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from flexres.cli.each_stack import Told, each_stack, gravest
from flexres.cli.stacks import StackFolder, choose_stacks
from flexres.errors import Exit, SetupError, UnreachableError

NAMES = ["eu-live", "eu-test", "us"]


@pytest.fixture
def stacks(tmp_path: Path) -> Path:
    for name in NAMES:
        (tmp_path / name).mkdir()
        (tmp_path / name / "flex.yaml").write_text("version: 1\n")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "found"), [("all", NAMES), ("eu-*", NAMES[:2]), ("*t", ["eu-test"]), ("us", ["us"]), ("[e]*", NAMES[:2])]
)
def test_all_and_patterns_mean_several(stacks: Path, name: str, found: list[str]) -> None:
    assert [stack.name for stack in choose_stacks(name, stacks)] == found


def test_a_stack_that_is_called_all_is_meant_by_its_name(stacks: Path) -> None:
    (stacks / "all").mkdir()
    (stacks / "all" / "flex.yaml").write_text("version: 1\n")
    assert [stack.name for stack in choose_stacks("all", stacks)] == ["all"]


def test_a_pattern_that_matches_nothing_names_what_there_is(stacks: Path) -> None:
    with pytest.raises(SetupError, match=r"no stack matches ap-\*") as caught:
        choose_stacks("ap-*", stacks)
    assert "eu-live, eu-test, us" in caught.value.hint


@pytest.mark.parametrize(
    ("exits", "one"),
    [
        ([], Exit.DONE),
        ([Exit.DONE, Exit.PENDING], Exit.PENDING),
        ([Exit.PENDING, Exit.PARTIAL], Exit.PARTIAL),
        ([Exit.REFUSED, Exit.PARTIAL], Exit.REFUSED),
        ([Exit.SETUP, Exit.REFUSED], Exit.SETUP),
        ([Exit.SETUP, Exit.UNREACHABLE, Exit.DONE], Exit.UNREACHABLE),
    ],
)
def test_the_exit_is_the_gravest(exits: list[Exit], one: Exit) -> None:
    assert gravest(exits) is one


def run(
    results: dict[str, Told | Exception], out: Path, report_format: str, *, writes: bool = False
) -> tuple[Exit, str, list[str]]:
    begun: list[str] = []

    async def one(stack: StackFolder) -> Told:
        begun.append(stack.name)
        result = results[stack.name]
        if isinstance(result, Exception):
            raise result
        return result

    chosen = [StackFolder(name, Path(name)) for name in results]
    code = asyncio.run(each_stack(chosen, one, report="plan", report_format=report_format, out=out, writes=writes))
    return code, out.read_text(), begun


def test_one_that_fails_stops_no_other_and_the_summary_names_each(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results: dict[str, Told | Exception] = {
        "eu": UnreachableError("Twilio cannot be reached", hint="check the network"),
        "us": Told("the report of us\n", "safe: 1 to add", Exit.DONE),
    }
    code, text, begun = run(results, tmp_path / "out.txt", "text")
    assert (code, begun) == (Exit.UNREACHABLE, ["eu", "us"])
    assert "the report of us" in text
    assert text.endswith("2 stacks\n  eu  error: Twilio cannot be reached\n  us  safe: 1 to add\n")
    said = capsys.readouterr().err
    assert said.startswith("error: eu: Twilio cannot be reached\n  check the network\n")
    assert said.endswith(f"wrote {tmp_path / 'out.txt'}\n")


@pytest.mark.parametrize(("writes", "most"), [(False, 3), (True, 1)])
def test_reading_goes_side_by_side_as_far_as_accounts_differ(
    stacks: Path, tmp_path: Path, writes: bool, most: int
) -> None:
    """An account has one set of rate limits, and a run that writes is watched: these go one after another."""
    accounts = {"eu-live": "AC1", "eu-test": "AC1", "us": "AC2", "zz": "AC3"}
    (stacks / "zz").mkdir()
    for name, account in accounts.items():
        (stacks / name / "flex.yaml").write_text(f"version: 1\naccount: {account}\n")
    under_way: list[str] = []
    seen: list[list[str]] = []

    async def one(stack: StackFolder) -> Told:
        under_way.append(accounts[stack.name])
        seen.append(list(under_way))
        for _ in range(5):
            await asyncio.sleep(0)
        under_way.remove(accounts[stack.name])
        return Told(stack.name, "", Exit.DONE)

    out = tmp_path / "out.txt"
    asyncio.run(
        each_stack(choose_stacks("all", stacks), one, report="plan", report_format="text", out=out, writes=writes)
    )
    assert max(map(len, seen)) == most
    assert all(len(set(accounts)) == len(accounts) for accounts in seen)
    assert [line for line in out.read_text().split("\n\n") if line in accounts] == ["eu-live", "eu-test", "us", "zz"]


def test_nothing_is_begun_after_somebody_stopped_it(tmp_path: Path) -> None:
    results: dict[str, Told | Exception] = {
        "eu": Told("x", "stopped", Exit.PARTIAL, last=True),
        "us": Told("y", "fine", Exit.DONE),
    }
    code, text, begun = run(results, tmp_path / "out.txt", "text", writes=True)
    assert (code, begun) == (Exit.PARTIAL, ["eu"])
    assert "us  not begun" in text


def test_json_is_one_document(tmp_path: Path) -> None:
    results: dict[str, Told | Exception] = {
        "eu": Told('{"report": "plan"}', "", Exit.PENDING),
        "us": SetupError("wrong"),
    }
    code, text, _ = run(results, tmp_path / "out.json", "json")
    report = json.loads(text)
    assert (code, report["report"], report["exit"]) == (Exit.SETUP, "plans", 2)
    assert report["stacks"] == [
        {"report": "plan"},
        {"report": "error", "stack": "us", "exit": 2, "message": "wrong"},
    ]


def test_markdown_of_many_stacks_fits_into_one_comment(tmp_path: Path) -> None:
    """The table at the top is of all; the reports as far as there is room."""
    results: dict[str, Told | Exception] = {
        f"stack{number}": Told("x" * 4_000, "safe: 0 to add", Exit.DONE) for number in range(40)
    }
    _, text, _ = run(results, tmp_path / "out.md", "markdown")
    assert len(text) <= 65_536
    assert text.startswith("<!-- flexres:plans:all -->\n")
    assert "| `stack39` |" in text
    assert "25 stacks" in text or "Left out" in text
