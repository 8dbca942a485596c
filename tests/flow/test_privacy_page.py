"""docs/privacy.md: every file with data of people is its owner's alone, and each place that it names is there."""

from __future__ import annotations

import re
import stat
from pathlib import Path

from tests.flow.command_line import Cli

PAGE = Path(__file__).parents[2] / "docs" / "privacy.md"
PUBLIC = {"appconfig.js", "flex.schema.json"}
LINES = (
    "plan --save saved.json --also plan.md --also plan.html --format json --out plan.json",
    "plan --format sarif --out plan.sarif",
    "validate --format json --out validate.json",
    "apply --yes --also applied.json --format markdown --out applied.md",
    "drift --out drift.txt --also drift.xml",
    "routing --out routing.txt",
    "export --out export.yaml --dry-run",
    "schema flex --out flex.schema.json",
)
MADE_BY_A_TEST = "stacks"
"""YAML that is committed: Git gives it the mode that a checkout has."""


def modes(folder: Path) -> dict[str, int]:
    files = (path for path in folder.rglob("*") if path.is_file() and MADE_BY_A_TEST not in path.parts)
    return {str(path.relative_to(folder)): stat.S_IMODE(path.stat().st_mode) for path in files}


def test_only_its_owner_may_read_a_file_that_names_people(cli: Cli) -> None:
    """Reports in every format, saved plans and the journal; not what is meant to be served."""
    for line in LINES:
        ran = cli.run(*line.split())
        assert ran.code == 0, (line, ran.err)
    found = modes(cli.folder)
    assert ".flexres/journal/prod.jsonl" in found
    open_to_others = {name for name, mode in found.items() if mode & 0o077}
    assert {name for name in open_to_others if Path(name).name not in {*PUBLIC, ".gitignore"}} == set()
    assert len(found) > len(LINES)


def test_the_page_names_every_place() -> None:
    """Each file that a run leaves, by the name that a person meets."""
    page = PAGE.read_text(encoding="utf-8")
    for place in (".flexres/journal/", "plan.json", "`--out`", "`--also`", ".pulumi-state/", ".sandbox/", "stacks/"):
        assert place in page, place
    assert not re.search(r"[A-Z]{2}[0-9a-f]{32}", page)


def test_the_page_names_every_permission_of_the_workflows() -> None:
    """What a job may do beyond reading the repository."""
    page = PAGE.read_text(encoding="utf-8")
    folder = PAGE.parents[1] / ".github" / "workflows"
    for name in ("preview", "deploy", "drift"):
        text = (folder / f"{name}.yml").read_text(encoding="utf-8")
        for permission in re.findall(r"^ +((?:[a-z]+-)?[a-z]+: (?:read|write))(?: #.*)?$", text, re.MULTILINE):
            assert f"`{permission}`" in page, (name, permission)
