"""Export end to end: a Flex becomes a stack, and a stack follows its Flex, with nothing of the YAML lost."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flexres.cli import exporting
from flexres.cli.exporting import withheld
from flexres.desired.edit.team_files import rewritten
from flexres.sandbox.server import Sandbox
from flexres.sandbox.store.seed import SeedUser
from tests.flow.command_line import Cli, Ran
from tests.unit.reconcile.builders import SSO, config

ANA = "ana@example.com"


class Exporter:
    """The command line in a project, and the stack that it writes."""

    def __init__(self, cli: Cli, sandbox: Sandbox) -> None:
        self.cli, self.sandbox = cli, sandbox
        self.folder = cli.folder / "stacks" / "prod"

    def fresh(self, *options: str) -> Ran:
        """Export into a stack that does not exist yet."""
        identity = self.sandbox.identity
        sids = ("--account", identity.account_sid, "--instance", identity.instance_sid)
        return self.cli.run("export", "-s", "new", *sids, *options)

    def run(self, *options: str) -> Ran:
        """Export into the stack prod."""
        ran = self.cli.run("export", "-s", "prod", *options)
        assert ran.code == 0, ran.err
        return ran

    def report(self, *options: str) -> Any:
        return json.loads(self.run("-f", "json", *options).out)

    def plan(self, stack: str) -> Any:
        return json.loads(self.cli.run("plan", "-s", stack, "-f", "json").out)

    def files(self, stack: str = "prod") -> dict[str, str]:
        """The stack's files as they are, line ends and all."""
        folder = self.cli.folder / "stacks" / stack
        return {path.relative_to(folder).as_posix(): path.read_bytes().decode() for path in folder.rglob("*.y*ml")}

    def team(self, text: str) -> None:
        (self.folder / "users" / "team.yaml").write_bytes(text.encode())

    def seed(self, username: str = ANA, *, full_name: str = "Ana Ruiz", **attributes: Any) -> None:
        """Somebody in Flex, an agent."""
        self.sandbox.load([SeedUser(username, full_name, username, ["agent"], json.dumps(attributes))])

    def deactivated(self, username: str) -> None:
        """Somebody who left Flex."""
        self.sandbox.load([SeedUser(username, "Gone", username, ["agent"], deactivated=True)])


@pytest.fixture
def exporter(cli: Cli, sandbox: Sandbox) -> Exporter:
    return Exporter(cli, sandbox)


def test_a_plan_of_a_fresh_export_adopts_everybody_and_changes_nothing(exporter: Exporter) -> None:
    """200 plausible users, split by team; the export loads without a warning."""
    exporter.sandbox.seed(200)
    ran = exporter.fresh("--by", "team", "--channels")
    assert (ran.code, ran.err) == (0, "")
    assert "200 new" in ran.out
    assert "200 users in 6 files, no problems" in exporter.cli.run("validate", "-s", "new").out
    plan = exporter.plan("new")
    assert {change["kind"] for change in plan["changes"]} == {"adopt"}
    assert [change for change in plan["changes"] if change["fields"]] == []
    assert len(plan["changes"]) == 200


def test_an_export_only_reads_and_costs_no_request_per_user(exporter: Exporter) -> None:
    """Without --channels: the Configuration and a page of each list."""
    exporter.sandbox.seed(200)
    exporter.fresh()
    requests = exporter.sandbox.requests()
    assert {request.method for request in requests} == {"GET"}
    assert len(requests) == 3


def test_a_split_says_the_team_once(exporter: Exporter) -> None:
    """As a default of the file, and on nobody in it; who has no team goes to users.yaml."""
    exporter.seed(team_name="Tier 2: Billing", level=3)
    exporter.seed("ben@example.com", team_name="Tier 2: Billing")
    exporter.seed("cho@example.com")
    exporter.fresh("--by", "team")
    files = exporter.files("new")
    assert files["users/tier-2-billing.yaml"] == (
        "defaults:\n"
        "  insights:\n"
        '    team_name: "Tier 2: Billing"\n'
        "\n"
        "users:\n"
        "  ana@example.com:\n"
        "    full_name: Ana Ruiz\n"
        "    roles: [agent]\n"
        "    attributes:\n"
        "      level: 3\n"
        "  ben@example.com:\n"
        "    full_name: Ana Ruiz\n"
        "    roles: [agent]\n"
    )
    assert "cho@example.com" in files["users/users.yaml"]


def test_hostile_names_are_visible_as_json_too(exporter: Exporter) -> None:
    """The same values: what is not to be seen is escaped as in each other output."""
    hostile = "evil\u202euser"
    exporter.sandbox.load([SeedUser(hostile, "Evil", "evil@example.com", ["agent"])])
    out = exporter.fresh("-f", "json", "--dry-run").out
    assert all(line.isprintable() for line in out.splitlines())
    assert r"evil\u202euser" in out
    assert hostile in [left["username"] for left in json.loads(out)["left_out"]]


def test_what_cannot_be_exported_is_named(exporter: Exporter) -> None:
    """Deactivated users by number, values and people by name, hostile names visibly."""
    exporter.seed(note=None)
    exporter.sandbox.load([SeedUser("evil\u202euser", "Evil", "evil@example.com", ["agent"])])
    exporter.sandbox.load([SeedUser("old@example.com", "Old", "old@example.com", ["agent"], deactivated=True)])
    out = exporter.fresh().out
    assert "1 user deactivated in Flex" in out
    assert "ana@example.com: attribute 'note': it is null" in out
    assert r"evil\u202euser: the invisible character U+202E" in out


def test_a_re_export_into_files_that_say_it_already_touches_none(exporter: Exporter) -> None:
    """Not even their times: nothing is written."""
    exporter.sandbox.seed(20)
    exporter.fresh("--by", "team")
    folder = exporter.cli.folder / "stacks" / "new"
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.rglob("*.yaml")}
    ran = exporter.cli.run("export", "-s", "new")
    assert "nothing was written" in ran.out
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.rglob("*.yaml")} == before


COMMENTED = """\
# Support, owned by Dana.
---
defaults: {roles: [agent], attributes: {country: GB}}   # all of London

users:
  # The boss
  'ben@example.com' :   # written oddly on purpose
    full_name:   Ben Okafor

  ana@example.com:
    # who she is
    full_name: "Ana Ruiz"      # as in her passport
    skills: {billing: 3, returns: true}                 # no fraud
    attributes:
      level: 3            # from HR
      languages:
      - en
      - de   # B2
      vip.boolean: true
    until: 2027-01-31

  # Leaves soon
  zoe@example.com: {full_name: Zoe Xu, attributes: {level.int: "1"}}
# The end.
"""


def test_a_re_export_changes_values_in_place(exporter: Exporter) -> None:
    """Comments, order, quotes, typed names, line ends and whatever is odd about others' entries all stay."""
    exporter.team(COMMENTED.replace("\n", "\r\n"))
    routing = {"skills": ["billing", "returns", "fraud"], "levels": {"billing": 4}}
    exporter.seed(country="GB", level=4, languages=["en", "de"], vip=False, routing=routing, full_name="Ana R. Ruiz")
    exporter.seed("ben@example.com", full_name="Ben Okafor", country="GB")
    exporter.seed("zoe@example.com", full_name="Zoe Xu", country="FR", level=1)
    exporter.run()
    expected = (
        COMMENTED.replace('"Ana Ruiz"   ', '"Ana R. Ruiz"')
        .replace("{billing: 3, returns: true}             ", "{billing: 4, returns: true, fraud: true}")
        .replace("level: 3 ", "level: 4 ")
        .replace("vip.boolean: true", "vip.boolean: false")
        .replace('{level.int: "1"}', '{level.int: "1", country: FR}')
    )
    assert exporter.files()["users/team.yaml"] == expected.replace("\n", "\r\n")


MANAGED = """\
defaults: {roles: [agent]}
users:
  ana@example.com: {full_name: Ana Ruiz, skills: {billing: 3}, attributes: {level: 1, city: Rome}}
  ben@example.com: {full_name: Ben Okafor}
"""
IN_GIT = MANAGED.replace("level: 1, city: Rome", "level: 2, city: Rome, team: A").replace("billing: 3", "returns: true")


@pytest.fixture
def ahead(exporter: Exporter) -> Exporter:
    """Applied once; since then git moved on, nobody has deployed it, and somebody moved Ana to Bari in Flex."""
    exporter.team(MANAGED)
    assert exporter.cli.run("apply", "--yes").code == 0
    exporter.team(IN_GIT)
    exporter.sandbox.edit_attributes(ANA, {"city": "Bari", "nick": "Annie"})
    return exporter


def test_an_export_keeps_what_git_says_and_nobody_has_applied(ahead: Exporter) -> None:
    """It takes what somebody changed in Flex, names what it kept, and the plan of it is what it was."""
    ran = ahead.run("--dry-run")
    assert "Kept as the YAML says, which nobody has applied yet\n" in ran.out
    for says in (
        "  ana@example.com: level: 2 in the YAML, 1 in Flex\n",
        "  ana@example.com: skill billing: – in the YAML, 3 in Flex\n",
        "--prefer flex takes what Flex has of all of them",
    ):
        assert says in ran.out
    ahead.run()
    assert ahead.files()["users/team.yaml"] == IN_GIT.replace("Rome, team: A", "Bari, team: A, nick: Annie")
    (change,) = ahead.plan("prod")["changes"]
    written = {field["key"] for field in change["fields"] if field["writes"]}
    assert written == {"attr:level", "attr:team", "skill:returns", "skill:billing"}


def test_whose_yaml_was_kept_is_not_counted_as_the_same_on_both_sides(ahead: Exporter) -> None:
    """Nor twice: whoever also gets something of Flex counts as changed."""
    assert "  0 new, 1 changed, 1 as the YAML says already\n" in ahead.run().out
    assert "  0 new, 0 changed, 1 kept where Flex says otherwise, 1 as the YAML says already\n" in ahead.run().out


@pytest.mark.parametrize(
    ("applied", "declared"), [(None, "2027-01-01"), ("2027-01-01", None), ("2027-01-01", "2027-02-02")]
)
def test_a_last_day_that_nobody_has_applied_is_kept_and_told(
    exporter: Exporter, applied: str | None, declared: str | None
) -> None:
    """Given, taken out or moved, as any other field is; --prefer flex brings back the one that was applied."""

    def team(until: str | None) -> str:
        return MANAGED.replace("Ben Okafor}", f"Ben Okafor, until: {until}}}" if until else "Ben Okafor}")

    exporter.team(team(applied))
    assert exporter.cli.run("apply", "--yes").code == 0
    exporter.team(team(declared))
    told = f"ben@example.com: last day: {declared or '–'} in the YAML, {applied or '–'} in Flex"
    assert told in exporter.run().out
    assert exporter.files()["users/team.yaml"] == team(declared)
    day = {"username": "ben@example.com", "field": "until", "yaml": declared, "flex": applied}
    assert exporter.report()["undeployed"] == [{**day, "kept": True}]
    assert exporter.report("--prefer", "flex")["undeployed"] == [{**day, "kept": False}]
    assert exporter.files()["users/team.yaml"] == team(applied)
    assert exporter.plan("prod")["changes"] == []


def test_flex_is_preferred_where_somebody_says_so(ahead: Exporter) -> None:
    """And what the YAML said of it is named."""
    ran = ahead.run("--prefer", "flex")
    assert "Taken from Flex over what the YAML said, which nobody had applied yet\n" in ran.out
    assert "  ana@example.com: level: 2 in the YAML, 1 in Flex\n" in ran.out
    text = ahead.files()["users/team.yaml"]
    assert "level: 1, city: Bari" in text
    assert "billing: 3" in text


def test_who_was_taken_out_of_the_yaml_does_not_come_back_by_an_export(ahead: Exporter) -> None:
    """Nobody has retired them yet; where nobody at all is declared the YAML was lost, and everybody is exported."""
    without = IN_GIT.replace("  ben@example.com: {full_name: Ben Okafor}\n", "")
    ahead.team(without)
    out = " ".join(ahead.run().out.split())
    assert "ben@example.com: was taken out of the YAML, which nobody has applied yet" in out
    assert "--prefer flex takes them back, and all else that is not applied" in out
    assert "ben@" not in ahead.files()["users/team.yaml"]
    ahead.run("--prefer", "flex")
    assert "ben@" in ahead.files()["users/team.yaml"]
    ahead.team("users: {}\n")
    ahead.run()
    assert "ben@" in ahead.files()["users/team.yaml"]


def test_what_both_sides_changed_stays_as_the_yaml_says_and_is_told(ahead: Exporter) -> None:
    """Nobody's word is lost: git has the one, Flex the other."""
    ahead.sandbox.edit_attributes(ANA, {"level": 9})
    assert "ana@example.com: level: 2 in the YAML, 9 in Flex, changed on both sides" in ahead.run().out
    assert "level: 2" in ahead.files()["users/team.yaml"]


def test_of_users_whom_nobody_has_applied_flex_is_taken_and_told(exporter: Exporter) -> None:
    """Nobody knows which side is newer; who knows it says so."""
    exporter.team(MANAGED)
    exporter.seed(level=7, city="Rome", routing={"skills": ["billing"], "levels": {"billing": 3}})
    kept = exporter.run("--prefer", "yaml")
    assert "Kept as the YAML says" in kept.out
    assert exporter.files()["users/team.yaml"] == MANAGED
    ran = exporter.run()
    assert "ana@example.com: level: 1 in the YAML, 7 in Flex" in ran.out
    assert "--prefer yaml keeps what the YAML says" in ran.out
    assert "level: 7" in exporter.files()["users/team.yaml"]
    assert exporter.report()["undeployed"] == []


def test_no_line_is_wider_than_a_terminal_of_a_hundred_columns(ahead: Exporter) -> None:
    """Long names and values break between words."""
    ahead.team(IN_GIT.replace("level: 2", f"a_name_of_some_length: '{'long words ' * 9}'"))
    ahead.sandbox.edit_attributes(ANA, {"another_name_of_some_length_x1": None, "a_name_of_some_length": "words " * 20})
    out = ahead.run("--verbose").out
    assert 'a_name_of_some_length: "long words' in out
    assert [line for line in out.splitlines() if len(line) > 100] == []


def test_programs_get_what_was_kept(ahead: Exporter) -> None:
    """By key, with both values."""
    found = {one["field"]: one for one in ahead.report("--dry-run")["undeployed"]}
    assert found["attr:level"] == {"username": ANA, "field": "attr:level", "yaml": 2, "flex": 1, "kept": True}
    assert found.keys() == {"attr:level", "attr:team", "skill:returns", "skill:billing"}


def test_new_users_come_to_their_team_in_order(exporter: Exporter) -> None:
    """Where a file is sorted, at their place in it; spaced as the others are."""
    exporter.team(
        "defaults: {roles: [agent]}\nusers:\n  a@example.com: {full_name: A}\n\n"
        "  c@example.com: {full_name: C}\n# end\n"
    )
    for name in ("a", "b", "c", "d"):
        exporter.seed(f"{name}@example.com", full_name=name.upper())
    exporter.run()
    assert exporter.files()["users/team.yaml"] == (
        "defaults: {roles: [agent]}\nusers:\n  a@example.com: {full_name: A}\n\n  b@example.com:\n    full_name: B\n\n"
        "  c@example.com: {full_name: C}\n\n  d@example.com:\n    full_name: D\n# end\n"
    )


def test_new_users_find_the_file_of_their_team(exporter: Exporter) -> None:
    """Also where several files exist and nobody says how they are split."""
    users = exporter.folder / "users"
    (users / "team.yaml").unlink()
    for team in ("sales", "support"):
        head = f"defaults: {{roles: [agent], insights: {{team_name: {team.title()}}}}}"
        (users / f"{team}.yaml").write_text(f"{head}\nusers:\n  {team}@example.com: {{full_name: X}}\n")
        exporter.seed(f"{team}@example.com", full_name="X", team_name=team.title())
    exporter.seed("new@example.com", team_name="Support")
    exporter.seed("lone@example.com", team_name="Other")
    files = {file["file"]: file["added"] for file in exporter.report()["files"]}
    assert files == {
        "stacks/prod/users/support.yaml": ["new@example.com"],
        "stacks/prod/users/users.yaml": ["lone@example.com"],
    }


def test_users_who_are_gone_stay_until_pruned(exporter: Exporter) -> None:
    """And comments above the next one stay with it."""
    exporter.team(
        "users:\n  ana@example.com: {full_name: Ana Ruiz, roles: [agent]}\n"
        "  # next\n  ben@example.com: {full_name: B, roles: [agent]}\n"
    )
    exporter.seed()
    exporter.deactivated("ben@example.com")
    kept = exporter.run()
    assert "Declared and no longer active in Flex: ben@example.com" in kept.out
    assert "ben@" in exporter.files()["users/team.yaml"]
    assert "taken out: ben@example.com" in exporter.run("--prune").out
    assert (
        exporter.files()["users/team.yaml"]
        == "users:\n  ana@example.com: {full_name: Ana Ruiz, roles: [agent]}\n  # next\n"
    )


@pytest.mark.parametrize("prefer", [(), ("--prefer", "flex"), ("--prefer", "yaml")])
def test_pruning_leaves_newcomers_and_renames_that_nobody_has_applied(ahead: Exporter, prefer: tuple[str, ...]) -> None:
    """They were never in Flex; taken out, the next apply would retire whom the YAML renames."""
    ahead.team(
        MANAGED.replace(
            "  ben@example.com: {full_name: Ben Okafor}",
            "  bo@example.com: {full_name: Bo, "
            "previously: ben@example.com}\n  new@example.com: {full_name: New}\n  old@example.com: {full_name: Old}",
        )
    )
    ahead.deactivated("old@example.com")
    ran = ahead.run("--prune", *prefer)
    assert "No longer in Flex, taken out: old@example.com\n" in ran.out
    assert "Declared and yet to come into Flex, kept: bo@example.com, new@example.com" in ran.out
    assert {change["username"]: change["kind"] for change in ahead.plan("prod")["changes"]} | {ANA: ""} == {
        ANA: "",
        "bo@example.com": "rename",
        "new@example.com": "create",
    }
    again = ahead.report("--prune", *prefer)
    assert (again["not_in_flex"], again["to_come"]) == (["bo@example.com", "new@example.com"],) * 2


def test_pruning_everybody_leaves_a_file_that_loads(exporter: Exporter) -> None:
    """Users: {} says that nobody is left."""
    for username in (ANA, "bob@example.com"):
        exporter.deactivated(username)
    exporter.run("--prune")
    assert exporter.files()["users/team.yaml"] == "defaults: {roles: [agent]}\nusers: {}\n"
    assert exporter.cli.run("validate").code == 0


def test_a_dry_run_shows_the_lines_and_writes_nothing(exporter: Exporter) -> None:
    """As a unified diff."""
    exporter.seed(routing={"skills": ["billing"], "levels": {"billing": 5}})
    before = exporter.files()
    out = exporter.run("--dry-run").out
    assert "would write stacks/prod/users/team.yaml  (~1)" in out
    assert re.search(r"^-  ana@example.com: .*billing: 3", out, re.MULTILINE)
    assert re.search(r"^\+  ana@example.com: .*billing: 5", out, re.MULTILINE)
    assert exporter.files() == before


def test_files_with_anchors_are_edited_without_touching_who_shares_them(exporter: Exporter) -> None:
    """An anchor ties two entries together; only one of them changed."""
    exporter.team(
        "users:\n  ana@example.com:\n    full_name: Ana Ruiz\n    roles: [agent]\n"
        "    attributes: &shared {level: 1}  # both\n"
        "  ben@example.com: {full_name: B, roles: [agent], attributes: *shared}\n"
    )
    exporter.seed(level=2)
    exporter.seed("ben@example.com", full_name="B", level=1)
    report = exporter.report()
    assert [file["changed"] for file in report["files"]] == [[ANA]]
    assert exporter.report()["files"] == []
    assert "# both" in exporter.files()["users/team.yaml"]


def test_attributes_of_the_identity_provider_are_withheld() -> None:
    """Those that claims: names, typed or not, unless the provider is managed here too."""
    sso = replace(SSO, claims=("department", "level.int", "dotted.name"))
    assert withheld(config(sso=sso)) == {"department", "level", "dotted.name"}
    assert withheld(config(sso=sso, idp={"auth0": {}})) == set()
    assert withheld(config()) == set()


def test_a_new_stack_needs_both_sids(exporter: Exporter) -> None:
    """And an existing one refuses those of another account; nothing is sent."""
    ran = exporter.cli.run("export", "-s", "other")
    assert (ran.code, "--account AC… --instance GO…" in ran.err) == (2, True)
    wrong = exporter.cli.run("export", "-s", "prod", "--account", "AC" + "9" * 32)
    assert (wrong.code, "is of AC0" in wrong.err) == (2, True)
    assert exporter.cli.run("export", "-s", "prod", "--account", "nonsense").code == 2
    assert exporter.sandbox.requests() == []


def test_an_export_can_go_to_a_folder_of_its_own(exporter: Exporter, tmp_path: Path) -> None:
    """The stack in stacks stays as it is."""
    exporter.seed()
    before = exporter.files()
    ran = exporter.fresh("--into", str(tmp_path / "elsewhere"))
    assert ran.code == 0, ran.err
    assert (tmp_path / "elsewhere" / "flex.yaml").exists()
    assert exporter.files() == before


def test_a_file_that_cannot_be_written_is_named(exporter: Exporter) -> None:
    """One line, exit 2, and nothing half written beside it."""
    (exporter.cli.folder / "blocked").write_text("a file where a folder would have to be")
    exporter.seed()
    ran = exporter.fresh("--into", "blocked/new")
    assert ran.code == 2
    assert re.search(r"blocked/new/flex.yaml cannot be written", ran.err)


def test_a_file_that_somebody_changes_meanwhile_is_not_overwritten(
    exporter: Exporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An editor that saved between our reading and our writing keeps what it saved."""
    exporter.seed(level=7)

    def saved_after(*arguments: Any, **options: Any) -> Any:
        files = rewritten(*arguments, **options)
        exporter.team("users: {}  # saved meanwhile\n")
        return files

    monkeypatch.setattr(exporting, "rewritten", saved_after)
    ran = exporter.cli.run("export", "-s", "prod")
    assert (ran.code, "changed meanwhile" in ran.err) == (2, True)
    assert exporter.files()["users/team.yaml"] == "users: {}  # saved meanwhile\n"
