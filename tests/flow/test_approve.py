"""`flexres approve`: what it shows, what it writes, and for what that holds."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta

import pytest

from flexres.sandbox.server import Sandbox
from tests.flow.command_line import Cli
from tests.flow.gitops import commit, git

ADMIN = "users:\n  ana@example.com: {full_name: Ana Ruiz, roles: [agent, admin]}\n"


@pytest.fixture
def refused(cli: Cli) -> Cli:
    """A stack in which Ana becomes admin."""
    text = (cli.folder / "stacks/prod/flex.yaml").read_text()
    head = text[: text.index("policy:")]
    cli.write(team=ADMIN, flex=f"{head}policy:\n  max_changes: 100%   # adopting\n  min_admins: 0\n")
    return cli


def test_it_writes_what_lifts_exactly_this(refused: Cli, sandbox: Sandbox) -> None:
    """Refused before, passed after, and every other line as it was."""
    file = refused.folder / "stacks/prod/flex.yaml"
    before = file.read_text()
    assert refused.run("plan", "--check").code == 4
    ran = refused.run("approve", "--yes")
    assert ran.code == 0
    assert "ana@example.com gains admin" in ran.out
    assert file.read_text().startswith(before)
    assert "until: " in file.read_text()
    assert refused.run("plan", "--check").code == 3
    assert refused.run("apply", "--yes").code == 0
    assert [user["username"] for user in sandbox.users()] == ["ana@example.com"]


def test_once_it_is_done_the_approval_is_used_up(refused: Cli) -> None:
    """It does not hold a second time, is one line of later plans, and is taken out by one command."""
    file = refused.folder / "stacks/prod/flex.yaml"
    before = file.read_text()
    refused.run("approve", "--yes")
    refused.run("apply", "--yes")
    plan = json.loads(refused.run("plan", "-f", "json").out)
    assert [one["standing"] for one in plan["approvals"]] == ["used up"]
    assert "old approvals  1 used up; flexres approve --stack prod --prune takes them out" in refused.run("plan").out
    assert "ana@example.com gains admin" in refused.run("approve", "--prune", "--yes").out
    assert file.read_text() == before
    assert "or there is none" in refused.run("approve", "--prune", "--yes").out


def top(ran: str) -> dict[str, str]:
    return {line["what"]: line["says"] for line in json.loads(ran)["top"]}


def test_after_the_merge_an_approval_is_used_up_and_so_many_are_taken_out(refused: Cli) -> None:
    """What the last commit added was merged and applied: it is as old as any other, and one number is told of all."""
    file = refused.folder / "stacks/prod/flex.yaml"
    commit(refused.folder)
    refused.run("approve", "--yes")
    ended = '    - {digest: aaaaaaaaaaaaaaaaaaaaaaaaaa, for: "long ago", until: 2026-01-01}\n'
    file.write_text(f"{file.read_text()}{ended}")
    commit(refused.folder, "approved")
    assert "added by the last commit" in top(refused.run("plan", "-f", "json").out)["approves itself"]
    assert refused.run("apply", "--yes").code == 0
    assert top(refused.run("plan", "-f", "json").out) == {
        "old approvals": "1 used up, 1 ended; flexres approve --stack prod --prune takes them out"
    }
    pruned = refused.run("approve", "--prune", "--yes").out.splitlines()
    assert [" ".join(line.split()) for line in pruned[:2]] == [
        f"used up ana@example.com gains admin (until {datetime.now(UTC).date() + timedelta(days=14)})",
        "ended long ago (until 2026-01-01)",
    ]
    assert "approved" not in file.read_text()


def test_a_proposed_approval_is_not_taken_out_before_its_change_comes(refused: Cli) -> None:
    """Until it is merged it is no old one, so it neither counts as one nor is it pruned."""
    commit(refused.folder)
    refused.run("approve", "--yes")
    file = refused.folder / "stacks/prod/flex.yaml"
    refused.write(team=ADMIN.replace("[agent, admin]", "[agent]"), flex=file.read_text())
    assert list(top(refused.run("plan", "-f", "json").out)) == ["approves nothing"]
    assert "each approval lifts something" in refused.run("approve", "--prune", "--yes").out


def test_an_approval_that_is_made_to_hold_longer_is_told_as_that(refused: Cli) -> None:
    """Somebody saw it before, and not for so long."""
    refused.run("approve", "--yes", "--days", "3")
    commit(refused.folder)
    file = refused.folder / "stacks/prod/flex.yaml"
    today = datetime.now(UTC).date()
    file.write_text(file.read_text().replace(str(today + timedelta(days=3)), str(today + timedelta(days=30))))
    assert top(refused.run("plan", "-f", "json").out)["approves itself"] == (
        f"made to hold longer by this very change: ana@example.com gains admin "
        f"(until {today + timedelta(days=30)}, {today + timedelta(days=3)} before)"
    )


def test_what_is_to_be_approved_is_told_once(refused: Cli) -> None:
    """A rule that refuses each change by itself says nothing that the change does not say."""
    shown = refused.run("approve", "--yes").out
    assert shown.count("ana@example.com") == 1
    assert "  ana@example.com gains admin\n" in shown


def test_an_approval_given_ahead_of_its_change_is_told(refused: Cli) -> None:
    """It would be nobody's own by the time that the change comes."""
    commit(refused.folder)
    git(refused.folder, "switch", "-qc", "ahead")
    refused.run("approve", "--yes")
    approved = (refused.folder / "stacks/prod/flex.yaml").read_text()
    refused.write(team=ADMIN.replace("[agent, admin]", "[agent]"), flex=approved)
    commit(refused.folder, "a typo")
    report = json.loads(refused.run("plan", "--base", "HEAD~1", "-f", "json").out)
    assert [(line["what"], line["care"]) for line in report["top"]] == [("approves nothing", True)]
    assert report["verdict"] == "needs care"


def team_of(count: int, roles: str) -> str:
    return "users:\n" + "".join(
        f"  u{n:03}@example.com: {{full_name: U {n}, roles: [{roles}]}}\n" for n in range(count)
    )


def test_each_of_many_new_admins_is_approved_by_name(refused: Cli) -> None:
    """So that a reviewer reads who, and that each holds by itself after a run that was cut short."""
    refused.write(team=team_of(60, "admin"), flex=(refused.folder / "stacks/prod/flex.yaml").read_text())
    assert refused.run("approve", "--yes").code == 0
    text = (refused.folder / "stacks/prod/flex.yaml").read_text()
    assert (text.count("gains admin"), text.count("digest:"), text.count("digests: {u0")) == (60, 0, 60)
    refused.write(team=team_of(40, "admin"), flex=text)
    assert refused.run("apply", "--yes").code == 0


def test_a_rule_of_counts_is_approved_by_one_entry_that_names_everybody(cli: Cli) -> None:
    """It holds for whoever of them is left, and for nobody else."""
    cli.write(team=team_of(16, "agent"))
    assert cli.run("apply", "--yes").code == 0
    flex = (cli.folder / "stacks/prod/flex.yaml").read_text()
    flex = f"{flex[: flex.index('policy:')]}policy:\n  max_changes: 2\n  min_admins: 0\n"

    def with_level(*numbers: int) -> str:
        return "".join(
            line.replace("}", ", attributes: {level: 2}}") if line[2:6] in {f"u{n:03}" for n in numbers} else line
            for line in team_of(16, "agent").splitlines(keepends=True)
        )

    cli.write(team=with_level(*range(12)), flex=flex)
    assert "    u011@example.com\n" in cli.run("approve", "--yes").out
    text = (cli.folder / "stacks/prod/flex.yaml").read_text()
    assert text.count("until:") == 1
    assert '- for: "12 are adopted or changed (max_changes)"\n' in text
    cli.write(team=with_level(*range(8)), flex=text)
    assert cli.run("plan", "--check").code == 3
    cli.write(team=with_level(*range(8), 12, 13, 14), flex=text)
    assert cli.run("plan", "--check").code == 4


def test_with_nothing_refused_nothing_is_written(cli: Cli) -> None:
    """And it says so."""
    file = cli.folder / "stacks/prod/flex.yaml"
    before = file.read_bytes()
    assert "nothing to approve" in cli.run("approve", "--yes").out
    assert file.read_bytes() == before


def test_without_a_terminal_somebody_has_to_say_yes(refused: Cli, sandbox: Sandbox) -> None:
    """Nothing is read before."""
    assert refused.run("approve").code == 2
    assert sandbox.requests() == []


def test_an_entry_that_another_commit_added_to_is_no_longer_the_first_ones(refused: Cli) -> None:
    """Who slips a digest, or a later day, into an entry that was reviewed does not hide behind the reviewer."""
    file = refused.folder / "stacks/prod/flex.yaml"
    refused.run("approve", "--yes")
    written = re.sub(
        r"- {digests: {(\S+): (\w+)}, for: ([^,]+), until: (\S+)}",
        r"- for: \3\n      until: \4\n      digests:\n        \1: \2",
        file.read_text(),
    )
    file.write_text(written)
    commit(refused.folder, "reviewed")
    assert "whose author git gives as Ana Ruiz" in refused.run("plan").out
    file.write_text(re.sub(r"until: \S+", f"until: {datetime.now(UTC).date() + timedelta(days=80)}", written))
    commit(refused.folder, "a typo")
    assert "its lines are of several commits: " in refused.run("plan").out
