"""The workflows: safe by their text, right by actionlint, and run step by step by hand against the sandbox."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from typer.testing import CliRunner

from flexres.cli.main import COMMANDS, app
from flexres.cli.workflows import gitlab_file, requirement, workflow_files
from flexres.sandbox.server import Sandbox
from tests.flow import github, pull_request
from tests.flow.pull_request import ROOT
from tests.platform_api import platform

WORKFLOWS = ROOT / ".github" / "workflows"
NAMES = ("preview.yml", "deploy.yml", "drift.yml")
OURS = ("ci.yml", "release.yml", "fuzz.yml")
"""Those of this repository alone, which `flexres init` does not write."""
INSTALL_HERE = """\
python -m venv .venv
.venv/bin/python -m pip install --quiet --no-deps --require-hashes --requirement flexres/cli/templates/requirements.lock
.venv/bin/python -m pip install --quiet --no-deps --no-build-isolation ."""


@pytest.mark.parametrize("name", NAMES)
def test_the_workflows_are_rendered_from_the_templates(name: str) -> None:
    """A repository that `flexres init` sets up gets the same: `make workflows` renders them anew."""
    rendered = {path.name: text for path, text in workflow_files(INSTALL_HERE).items()}
    if os.environ.get("FLEXRES_WRITE_WORKFLOWS"):
        (WORKFLOWS / name).write_text(rendered[name])
    assert set(rendered) == set(NAMES)
    assert (WORKFLOWS / name).read_text() == rendered[name]


def test_the_pipeline_for_gitlab_is_the_one_that_init_writes() -> None:
    """To read before anything is installed."""
    if os.environ.get("FLEXRES_WRITE_WORKFLOWS"):
        (ROOT / "docs" / "gitlab-ci.yml").write_text(gitlab_file())
    assert (ROOT / "docs" / "gitlab-ci.yml").read_text() == gitlab_file()


def test_what_is_installed_has_hashes_and_is_all_that_flexres_needs() -> None:
    """The lock that init writes holds each dependency of what it installs, and of building it."""
    lock = (ROOT / "flexres" / "cli" / "templates" / "requirements.lock").read_text()
    pinned = dict(re.findall(r"^([a-z0-9-]+)==(\S+)", lock, re.MULTILINE))
    blocks = re.split(r"^(?=[a-z0-9])", lock, flags=re.MULTILINE)[1:]
    assert [block.split("==")[0] for block in blocks if "--hash=sha256:" not in block] == []
    needed = [Requirement(text) for text in metadata.requires("flexres") or ()]
    wanted = [one for one in needed if one.marker is None or any(one.marker.evaluate({"extra": e}) for e in EXTRAS)]
    lacking = [str(one) for one in wanted if not one.specifier.contains(pinned.get(canonicalize_name(one.name), "0"))]
    assert (lacking, "setuptools" in pinned) == ([], True), "make requirements"


EXTRAS = ("pulumi", "sso")


@pytest.mark.parametrize("ci", ["github", "gitlab"])
def test_init_writes_the_pipelines_of_a_new_stack_too(ci: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With who reviews what, and flexres by a commit; what is there already stays."""
    monkeypatch.chdir(tmp_path)
    pull_request.run(tmp_path, "git", "init", "--quiet")
    pull_request.run(tmp_path, "git", "remote", "add", "origin", "git@example.com:acme/flex.git")
    (tmp_path / "requirements.txt").write_text("mine\n")
    options = ["--account", "AC" + "0" * 32, "--instance", "GO" + "0" * 32, "--ci", ci]
    ran = CliRunner().invoke(app, ["init", "prod", *options])
    assert ran.exit_code == 0, ran.output
    pipelines = {"github": [f".github/workflows/{name}" for name in NAMES], "gitlab": [".gitlab-ci.yml"]}[ci]
    for name in (*pipelines, f".{ci}/CODEOWNERS", "requirements.lock"):
        assert (tmp_path / name).exists(), name
        assert f"wrote {name}" in ran.output
    assert (tmp_path / "requirements.txt").read_text() == "mine\n"
    assert "/stacks/*/flex.yaml @acme/flex-owners" in (tmp_path / f".{ci}" / "CODEOWNERS").read_text()
    assert f"put your teams into .{ci}/CODEOWNERS" in ran.output


def test_flexres_is_named_by_the_commit_that_it_was_installed_from(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the credentials of its URL, and never by its bare name."""
    commit = "1a2b3c4d" * 5
    told = {"url": "https://me:key@git.example/a/flexres.git", "vcs_info": {"vcs": "git", "commit_id": commit}}
    installed = SimpleNamespace(read_text=lambda name: json.dumps(told))
    monkeypatch.setattr(metadata, "distribution", lambda name: installed)
    assert requirement().splitlines()[-1] == f"flexres[pulumi,sso] @ git+https://git.example/a/flexres.git@{commit}"


def test_init_writes_no_pipeline_where_none_is_wanted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    options = ["--account", "AC" + "0" * 32, "--instance", "GO" + "0" * 32, "--ci", "none"]
    assert CliRunner().invoke(app, ["init", "prod", *options]).exit_code == 0
    assert {path.name for path in tmp_path.iterdir()} == {"stacks", ".gitignore"}


def find_actionlint() -> str | None:
    """On PATH, or where `go install` puts it."""
    go = Path(os.environ.get("GOBIN") or Path(os.environ.get("GOPATH", Path.home() / "go")) / "bin")
    return shutil.which("actionlint") or shutil.which("actionlint", path=str(go))


def every_pipeline(folder: Path) -> list[Path]:
    """The workflows of this repository, and those that `flexres init` writes, in a folder as GitHub expects them."""
    there = folder / ".github" / "workflows"
    there.mkdir(parents=True)
    for path in WORKFLOWS.glob("*.yml"):
        shutil.copy(path, there / path.name)
    for path, text in workflow_files().items():
        (there / f"written-{path.name}").write_text(text)
    return sorted(there.iterdir())


def test_actionlint_finds_nothing(tmp_path: Path) -> None:
    """Expressions, contexts, permissions and shell scripts; it does not know `queue` yet."""
    written = every_pipeline(tmp_path)
    actionlint = find_actionlint()
    if actionlint is None:
        pytest.skip("no actionlint: go install github.com/rhysd/actionlint/cmd/actionlint@v1.7.12")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        [actionlint, "-ignore", 'unexpected key "queue" for "concurrency" section', *map(str, written)],
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout + done.stderr == ""


def test_zizmor_finds_nothing(tmp_path: Path) -> None:
    """Triggers, credentials that stay behind, injections and permissions; nothing is looked up."""
    written = every_pipeline(tmp_path)
    shutil.copy(ROOT / "action.yml", tmp_path / "action.yml")
    zizmor = Path(sys.executable).with_name("zizmor")
    done = subprocess.run(
        [zizmor, "--offline", "--no-progress", "--no-config", "--format", "plain", tmp_path],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, "No findings to report" in done.stdout + done.stderr) == (0, True), done.stdout
    assert len(written) > len(NAMES)


def test_what_zizmor_is_told_to_ignore_is_one_trigger() -> None:
    """Which is argued beside it."""
    told = [line.strip() for path in WORKFLOWS.glob("*.yml") for line in path.read_text().splitlines()]
    assert [line for line in told if "zizmor:" in line] == ["pull_request_target: # zizmor: ignore[dangerous-triggers]"]


USES = re.compile(r"uses: (\S+)(?: # (v\d+\.\d+\.\d+))?$", re.MULTILINE)


@pytest.mark.parametrize("name", [*(f".github/workflows/{name}" for name in (*NAMES, *OURS)), "action.yml"])
def test_every_action_is_pinned_to_a_commit(name: str) -> None:
    """With the release beside it, for a person and for the bot that proposes newer ones."""
    found = USES.findall((ROOT / name).read_text())
    assert found
    assert [use for use, version in found if not re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", use) or not version] == []


def commands() -> list[list[str]]:
    """Every call of flexres in the workflows, the action and the pipeline for GitLab, as words."""
    texts = [(ROOT / ".github" / "workflows" / name).read_text() for name in NAMES]
    texts += [(ROOT / "docs" / "gitlab-ci.yml").read_text(), (ROOT / "docs" / "gitops.md").read_text()]
    joined = "\n".join(texts).replace("\\\n", " ")
    found = re.findall(r"^[ -]*(?:run: |>-\n *)?(?:\.venv/bin/)?flexres ((?:.*\n)(?: +--.*\n)*)", joined, re.MULTILINE)
    return [re.split(r"\|\||#", call)[0].split() for call in found]


def test_every_call_of_flexres_is_one_that_it_knows() -> None:
    """Command and options, wherever somebody may copy them from."""
    calls = commands()
    assert len(calls) > 12
    for name, *words in calls:
        known = {option for param in COMMANDS[name].load(name).params for option in param.opts}
        options = [word for word in words if word.startswith("-")]
        assert [option for option in options if option not in known] == [], (name, words)


def every_job() -> list[tuple[str, str, dict[str, Any]]]:
    return [(name, job, body) for name in NAMES for job, body in github.jobs(WORKFLOWS / name).items()]


@pytest.mark.parametrize(
    ("name", "job", "body"), every_job(), ids=lambda value: value if isinstance(value, str) else ""
)
def test_every_job_has_the_least_that_it_needs(name: str, job: str, body: dict[str, Any]) -> None:
    """No permission but its own, a time limit, and nothing foreign inside a script."""
    assert github.read(WORKFLOWS / name)["permissions"] == {}
    writes = {scope for scope, level in body["permissions"].items() if level == "write"}
    assert writes == {"comment": {"pull-requests"}, "issue": {"issues"}, "apply": {"id-token"}}.get(job, set())
    assert all(
        step["with"]["persist-credentials"] is False for step in body["steps"] if "checkout@" in step.get("uses", "")
    )
    assert body["timeout-minutes"] <= 60
    for step in body["steps"]:
        assert "${{" not in step.get("run", ""), step


WITH_SECRETS = {
    ("preview.yml", "live"),
    ("drift.yml", "drift"),
    *(("deploy.yml", job) for job in ("plan", "apply", "due")),
}


def test_credentials_are_only_where_flex_is_talked_to() -> None:
    """In an environment's secrets, in one step of each such job; never where somebody else's text is written."""
    with_secrets = {(name, job) for name, job, body in every_job() if "secrets." in json.dumps(body)}
    assert with_secrets == WITH_SECRETS
    for name, job in with_secrets:
        body = github.jobs(WORKFLOWS / name)[job]
        assert re.fullmatch(r"\$\{\{ matrix\.stack \}\}(-preview|-scheduled)?", body["environment"])
        assert sum("secrets." in json.dumps(step) for step in body["steps"]) == 1


def test_an_apply_and_the_hourly_run_neither_cancel_nor_hold_up_each_other() -> None:
    """Each has a group of its own, and every approved apply has its turn."""
    apply, due = (github.jobs(WORKFLOWS / "deploy.yml")[name]["concurrency"] for name in ("apply", "due"))
    assert apply == {"group": "flexres-apply-${{ matrix.stack }}", "cancel-in-progress": False, "queue": "max"}
    assert due == {"group": "flexres-due-${{ matrix.stack }}", "cancel-in-progress": False}


def test_a_stack_with_an_identity_provider_gets_its_credentials_wherever_flex_is_read() -> None:
    """And no other job gets them."""
    found = {
        (name, job)
        for name, job, body in every_job()
        if {"AUTH0_DOMAIN", "AUTH0_CLIENT_ID", "AUTH0_CLIENT_SECRET"}
        <= {variable for step in body["steps"] for variable in step.get("env", {})}
    }
    assert found == WITH_SECRETS


def test_no_report_goes_into_a_cache() -> None:
    """Whatever a branch's workflow runs can read the default branch's caches."""
    assert [name for name in NAMES if "actions/cache" in (WORKFLOWS / name).read_text()] == []


def test_no_branch_runs_with_credentials() -> None:
    """Flexres is installed before anything of the pull request is there, and then there is nothing but stacks/."""
    for name in ("live", "offline"):
        job = github.jobs(WORKFLOWS / "preview.yml")[name]
        assert "head.ref" not in json.dumps(job)
        names = [step.get("name", "") for step in job["steps"]]
        taking = names.index("Take the stacks of the merge, and nothing else of it")
        assert names.index("Install flexres") < taking
        assert "git sparse-checkout set --no-cone /stacks/" in job["steps"][taking]["run"]
        assert "core.symlinks=false" in job["steps"][taking]["run"]
    outputs = github.jobs(WORKFLOWS / "preview.yml")["stacks"]["outputs"]
    assert "head.repo.full_name == github.repository" in outputs["live"]
    assert "outputs.live == 'true'" in github.jobs(WORKFLOWS / "preview.yml")["live"]["if"]
    assert "environment" not in github.jobs(WORKFLOWS / "preview.yml")["offline"]


NEEDED = [name for name in ("bash", "git", "jq") if shutil.which(name) is None]
by_hand = pytest.mark.skipif(bool(NEEDED), reason=f"not on PATH: {', '.join(NEEDED)}")


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.fixture
def clone(sandbox: Sandbox, tmp_path: Path) -> Path:
    """A clone of a repository with the stacks sandbox and prod, and pull request 7; Flex is as its main branch says."""
    origin = tmp_path / "origin"
    pull_request.make_repository(origin)
    prod, other = origin / "stacks" / "prod", origin / "stacks" / "sandbox"
    other.rename(prod)
    text = (prod / "flex.yaml").read_text()
    without_endpoint = re.sub(r"^endpoint:.*\n", "", text, flags=re.MULTILINE)
    # Approvals of ten years are the sandbox's alone.
    soon = datetime.now(UTC).date() + timedelta(days=30)
    without_endpoint = without_endpoint.replace("until: 2036-12-31", f"until: {soon}")
    (prod / "flex.yaml").write_text(without_endpoint.replace("engine: auto ", "engine: direct "))
    (other / "users").mkdir(parents=True)
    (other / "users" / "team.yaml").write_text("users: {}\n")
    (other / "flex.yaml").write_text(text.replace("id: sandbox1", "id: sandbox9").replace("GO0", "GO9"))
    pull_request.commit(origin, "Another stack")
    pull_request.run(origin, "git", "commit", "--quiet", "--allow-empty", "--message", "Later")
    pull_request.flexres(origin, sandbox, "apply", "--stack", "prod", "--yes")
    pull_request.make_branch(origin, "prod")
    pull_request.run(origin, "git", "switch", "--quiet", "--detach", "main")
    pull_request.run(origin, "git", "merge", "--quiet", "--no-ff", "--no-edit", "retention")
    pull_request.run(origin, "git", "update-ref", "refs/pull/7/merge", "HEAD")
    pull_request.run(origin, "git", "switch", "--quiet", "main")
    pull_request.run(tmp_path, "git", "clone", "--quiet", origin.as_uri(), "clone")
    return tmp_path / "clone"


def runner(clone: Path, sandbox: Sandbox, work: str, **values: str) -> github.Runner:
    head, base, merge = (
        pull_request.run(clone.parent / "origin", "git", "rev-parse", name).strip()
        for name in ("retention", "refs/pull/7/merge^1", "refs/pull/7/merge")
    )
    known = {
        "needs.stacks.outputs.base": base,
        "needs.stacks.outputs.merge": merge,
        "steps.merge.outputs.base": base,
        "steps.merge.outputs.merge": merge,
        "needs.stacks.result": "success",
        "needs.stacks.outputs.names": '["prod"]',
        "github.event.pull_request.number": "7",
        "github.event.pull_request.head.sha": head,
        "matrix.stack": "prod",
        "github.repository": "acme/flex",
        "github.server_url": "https://github.example",
        "github.run_id": "1",
        **values,
    }
    return github.Runner(clone, clone.parent / work, sandbox.environment(), known)


def exits(ran: list[github.Ran]) -> list[int]:
    return [step.exit for step in ran]


def collect(clone: Path, source: str, target: str) -> None:
    """What uploading an artifact and downloading it in another job amounts to, for one artifact alone."""
    shutil.rmtree(clone / target, ignore_errors=True)
    shutil.copytree(clone / source, clone / target)


@by_hand
def test_the_preview_finds_the_stacks_that_the_pull_request_touches(clone: Path, sandbox: Sandbox) -> None:
    """And leaves out those of a sandbox."""
    steps = runner(clone, sandbox, "stacks")
    assert exits(steps.run("preview.yml", "stacks")) == [0, 0]
    assert steps.outputs["names"] == '["prod"]'
    assert steps.outputs["merge"] == steps.values["needs.stacks.outputs.merge"]
    assert steps.outputs["base"] == steps.values["needs.stacks.outputs.base"]


@by_hand
def test_the_live_preview_plans_the_merge_and_is_red_where_a_guard_refuses(clone: Path, sandbox: Sandbox) -> None:
    """Plan, page, summary and outputs are there before it fails; the comment is written once, then edited."""
    live = runner(clone, sandbox, "live")

    ran = live.run("preview.yml", "live")

    assert [(step.name, step.exit) for step in ran] == [
        ("Take the stacks of the merge, and nothing else of it", 0),
        ("Plan", 0),
        ("A guard refuses it until somebody approves", 4),
    ]
    assert live.outputs["verdict"] == "refused"
    assert re.fullmatch(r"[a-z2-7]{26}", live.outputs["digest"])
    assert "::error file=stacks/prod/users/ops.yaml,line=" in ran[1].output
    assert "gains admin" in live.file("GITHUB_STEP_SUMMARY").read_text()
    assert (clone / "preview" / "plan.html").read_text().startswith("<!doctype html>")
    assert sorted(path.name for path in clone.iterdir()) == [".git", ".venv", "preview", "stacks"]

    comment = runner(clone, sandbox, "comment")
    for _ in range(2):
        collect(clone, "preview", "previews")
        assert exits(comment.run("preview.yml", "comment")) == [0]
    assert len(comment.kept) == 1
    assert comment.kept[0]["body"].startswith("<!-- flexres:plan:prod -->")
    assert "https://github.example/acme/flex/actions/runs/1" in comment.kept[0]["body"]
    assert f"head commit {live.values['github.event.pull_request.head.sha'][:7]}" in comment.kept[0]["body"]


@by_hand
def test_a_merge_that_does_not_come_says_what_it_waited_for(clone: Path, sandbox: Sandbox) -> None:
    """A conflict, or a push in between that has a run of its own."""
    stale = runner(clone, sandbox, "stale", **{"github.event.pull_request.head.sha": "0" * 40})
    (ran,) = stale.run("preview.yml", "stacks")
    assert ran.exit == 1
    assert f"GitHub has not merged {'0' * 40} yet (12 of 12)" in ran.output
    assert "::error::GitHub has no merge of" in ran.output


@by_hand
@pytest.mark.parametrize(
    ("values", "says"),
    [
        (
            {"needs.stacks.result": "failure", "needs.stacks.outputs.names": ""},
            "The run failed before there was a plan",
        ),
        ({}, "The run failed before there was a plan"),
        ({"needs.stacks.outputs.names": '["eu"]'}, "This pull request does not touch the stack any more."),
    ],
    ids=["no merge", "no plan", "not touched any more"],
)
def test_no_comment_stands_that_is_of_an_earlier_commit(
    clone: Path, sandbox: Sandbox, values: dict[str, str], says: str
) -> None:
    """Where nothing is known of the newest one, the comment says that."""
    comment = runner(clone, sandbox, "comment", **values)
    comment.file("github.json").write_text(
        json.dumps(
            [
                {"id": 1, "user": {"login": "mallory"}, "body": "<!-- flexres:plan:prod -->\nsafe"},
                {"id": 2, "user": {"login": "github-actions[bot]"}, "body": "<!-- flexres:plan:prod -->\nsafe"},
            ]
        )
    )
    assert exits(comment.run("preview.yml", "comment")) == [0]
    assert comment.kept[0]["body"].endswith("safe")
    assert says in comment.kept[1]["body"]
    assert "safe" not in comment.kept[1]["body"]
    assert comment.kept[1]["body"].startswith("<!-- flexres:plan:prod -->\n")
    assert f"head commit {comment.values['github.event.pull_request.head.sha'][:7]}" in comment.kept[1]["body"]


@by_hand
@pytest.mark.parametrize("bad", ["[agent]", "not a list"])
def test_the_comment_of_broken_yaml_says_what_is_wrong(clone: Path, sandbox: Sandbox, bad: str) -> None:
    """In the place of the plan, and the job is red."""
    origin = clone.parent / "origin"
    pull_request.run(origin, "git", "switch", "--quiet", "retention")
    ops = origin / "stacks" / "prod" / "users" / "ops.yaml"
    ops.write_text(ops.read_text().replace("roles: [admin, supervisor]", f"roles: [admin, {bad}]"))
    propose(origin)
    live = runner(clone, sandbox, "live")
    assert exits(live.run("preview.yml", "live")) == [0, 2]
    comment = runner(clone, sandbox, "comment")
    collect(clone, "preview", "previews")
    assert exits(comment.run("preview.yml", "comment")) == [0]
    assert "not planned" in comment.kept[0]["body"]
    assert "stacks/prod/users/ops.yaml:" in comment.kept[0]["body"]


@by_hand
def test_a_stack_that_the_pull_request_deletes_is_shown(clone: Path, sandbox: Sandbox) -> None:
    """With who would be left behind, and nobody asks Flex."""
    origin = clone.parent / "origin"
    pull_request.run(origin, "git", "switch", "--quiet", "retention")
    shutil.rmtree(origin / "stacks" / "prod")
    propose(origin)
    found = runner(clone, sandbox, "stacks")
    assert exits(found.run("preview.yml", "stacks")) == [0, 0]
    assert found.outputs["names"] == '["prod"]'
    live = runner(clone, sandbox, "live")
    assert exits(live.run("preview.yml", "live")) == [0, 0]
    assert live.outputs["verdict"] == "needs care"
    assert "managed by nobody" in (clone / "preview" / "plan.md").read_text()


@by_hand
def test_a_stack_may_not_take_the_environment_of_another(clone: Path, sandbox: Sandbox) -> None:
    """prod-scheduled is where the hourly run of prod has its credentials, and nobody is asked there."""
    origin = clone.parent / "origin"
    pull_request.run(origin, "git", "switch", "--quiet", "retention")
    shutil.copytree(origin / "stacks" / "prod", origin / "stacks" / "prod-scheduled")
    propose(origin)
    ran = runner(clone, sandbox, "stacks").run("preview.yml", "stacks")
    assert exits(ran) == [0, 2]
    assert "environment of another stack" in ran[1].output
    shutil.copytree(clone / "stacks" / "prod", clone / "stacks" / "prod-preview")
    for workflow in ("deploy.yml", "drift.yml"):
        assert exits(runner(clone, sandbox, "found").run(workflow, "stacks")) == [2]


@by_hand
def test_nothing_that_names_people_is_made_in_a_public_repository(clone: Path, sandbox: Sandbox) -> None:
    """Artifacts, summaries and comments are everybody's to read there."""
    public = runner(clone, sandbox, "public")
    public.environ = {**public.environ, "FAKE_PUBLIC": "1"}
    for workflow in ("deploy.yml", "drift.yml"):
        (ran,) = public.run(workflow, "stacks")
        assert ran.exit == 2
        assert "this repository is public" in ran.output
    public.values = {**public.values, "vars.FLEXRES_PUBLIC": "true"}
    assert exits(public.run("deploy.yml", "stacks")) == [0]


def propose(origin: Path) -> None:
    """What is in the folder becomes the head of pull request 7, and GitHub merges it."""
    pull_request.commit(origin, "Another step")
    pull_request.run(origin, "git", "switch", "--quiet", "--detach", "main")
    pull_request.run(origin, "git", "merge", "--quiet", "--no-ff", "--no-edit", "retention")
    pull_request.run(origin, "git", "update-ref", "refs/pull/7/merge", "HEAD")
    pull_request.run(origin, "git", "switch", "--quiet", "main")


@by_hand
def test_the_preview_of_a_fork_needs_no_credentials(clone: Path, sandbox: Sandbox) -> None:
    """YAML against YAML; nothing is sent anywhere."""
    before = len(sandbox.requests())
    offline = runner(clone, sandbox, "offline")
    offline.environ = {}

    assert exits(offline.run("preview.yml", "offline")) == [0, 0, 4]

    assert "Flex was not read" in (clone / "preview" / "plan.md").read_text()
    assert len(sandbox.requests()) == before


@by_hand
def test_deploy_plans_asks_and_applies_exactly_that(clone: Path, sandbox: Sandbox) -> None:
    """The plan is handed over as a file; where nothing is to do, nobody is asked."""
    pull_request.run(clone, "git", "merge", "--quiet", "--ff-only", "origin/retention")
    approve(clone, sandbox)

    found = runner(clone, sandbox, "found")
    assert exits(found.run("deploy.yml", "stacks")) == [0]
    assert found.outputs == {"names": '["prod"]'}

    plan = runner(clone, sandbox, "plan")
    assert exits(plan.run("deploy.yml", "plan")) == [0]
    assert int(plan.outputs["changes"]) > 0

    pending = runner(clone, sandbox, "pending")
    collect(clone, "plan", "plans")
    assert exits(pending.run("deploy.yml", "pending")) == [0]
    assert pending.outputs == {"names": '["prod"]'}

    apply = runner(clone, sandbox, "apply")
    assert exits(apply.run("deploy.yml", "apply")) == [0]
    assert apply.outputs["verdict"] == "done"

    again = runner(clone, sandbox, "again")
    assert exits(again.run("deploy.yml", "plan")) == [0]
    # Nothing is left to do: the approvals that this commit added have been used.
    assert (again.outputs["changes"], again.outputs["verdict"]) == ("0", "in sync")


def approve(clone: Path, sandbox: Sandbox) -> None:
    """What a reviewer commits: what `flexres approve` wrote."""
    pull_request.flexres(clone, sandbox, "approve", "--stack", "prod", "--yes")
    pull_request.commit(clone, "Approve")


@by_hand
def test_the_schedule_lets_leave_who_had_to_wait_and_nobody_else(clone: Path, sandbox: Sandbox) -> None:
    """What was merged and not applied yet stays so, and what others changed in Flex is not put back."""
    support = clone / "stacks" / "prod" / "users" / "support.yaml"
    sandbox.set_activity("kim.sorensen@example.com", "Available")
    support.write_text(re.sub(r"  kim\.sorensen@example\.com:\n(?:    .*\n)+", "", support.read_text()))
    pull_request.flexres(clone, sandbox, "apply", "--stack", "prod", "--yes")
    sandbox.set_activity("kim.sorensen@example.com", "Offline")
    sandbox.edit_attributes("cho.tanaka@example.com", {"location": "Leeds"})
    support.write_text(re.sub(r"  jamal\.carter@example\.com:\n(?:    .*\n)+", "", support.read_text()))
    sandbox.clear_requests()

    steps = runner(clone, sandbox, "due")
    assert exits(steps.run("deploy.yml", "due")) == [0]

    assert steps.outputs["changes"] == "1"
    written = [request.path for request in sandbox.requests(method="POST")]
    assert len([path for path in written if path.endswith("/Deprovision")]) == 1
    assert sandbox.user("kim.sorensen@example.com")["deactivated"]
    assert not sandbox.user("jamal.carter@example.com")["deactivated"]
    assert sandbox.worker_attributes("cho.tanaka@example.com")["location"] == "Leeds"


@by_hand
def test_a_plan_that_flex_outran_is_refused(clone: Path, sandbox: Sandbox) -> None:
    """While somebody thought about approving it, what it assumes changed."""
    sandbox.edit_attributes("cho.tanaka@example.com", {"location": "Leeds"})
    assert exits(runner(clone, sandbox, "plan").run("deploy.yml", "plan")) == [0]
    sandbox.edit_attributes("cho.tanaka@example.com", {"location": "Rome"})

    ran = runner(clone, sandbox, "apply").run("deploy.yml", "apply")

    assert exits(ran) == [4]
    assert "cho.tanaka" in ran[0].output


@by_hand
def test_drift_keeps_one_issue_open_and_closes_it(clone: Path, sandbox: Sandbox) -> None:
    """While it lasts the issue is edited, and when it is gone it is closed."""
    drift, issue = runner(clone, sandbox, "drift"), runner(clone, sandbox, "issue")

    def look() -> list[dict[str, Any]]:
        assert exits(drift.run("drift.yml", "drift")) == [0, 0]
        collect(clone, "drift", "drifts")
        assert exits(issue.run("drift.yml", "issue")) == [0]
        return issue.kept

    assert look() == []
    sandbox.edit_attributes("cho.tanaka@example.com", {"location": "Leeds"})
    assert [one["title"] for one in look()] == ["Drift in prod"]
    assert drift.outputs["verdict"] == "drift"
    assert len(look()) == 1
    pull_request.flexres(clone, sandbox, "drift", "--stack", "prod", "--fix", "--yes")
    assert [one["state"] for one in look()] == ["closed"]
    assert len(look()) == 1


@by_hand
@pytest.mark.parametrize(
    ("inputs", "code", "outputs"),
    [
        ({"command": "plan", "base": "HEAD"}, 0, {"changes": "0", "verdict": "in sync", "digest": ""}),
        ({"command": "plan", "engine": "direct"}, 0, {"changes": "0", "verdict": "in sync", "digest": ""}),
        ({"command": "apply"}, 0, {"changes": "0", "verdict": "in sync", "digest": ""}),
        ({"command": "drift", "engine": "pulumi"}, 0, {"changes": "0", "verdict": "no drift", "digest": ""}),
        ({"command": "token"}, 2, {}),
    ],
    ids=["plan", "plan through an engine", "apply", "drift", "another command"],
)
def test_the_action_runs_a_command_and_gives_its_outputs(
    clone: Path, sandbox: Sandbox, inputs: dict[str, str], code: int, outputs: dict[str, str]
) -> None:
    """Only the commands that it knows, with what they take."""
    values = {f"inputs.{name}": value for name, value in {"stack": "prod", **inputs}.items()}
    action = runner(clone, sandbox, "action", **values)

    ran = action.run_steps(github.read(ROOT / "action.yml")["runs"]["steps"], ("Install flexres",))

    assert exits(ran) == [code], ran[-1].output
    assert action.outputs == outputs


@by_hand
def test_the_action_applies_exactly_a_plan_that_it_kept(clone: Path, sandbox: Sandbox) -> None:
    """With digests that approve it, and then the hourly run, which has nothing to do."""
    pull_request.run(clone, "git", "merge", "--quiet", "--ff-only", "origin/retention")

    def act(work: str, **inputs: str) -> github.Runner:
        values = {f"inputs.{name.replace('_', '-')}": value for name, value in {"stack": "prod", **inputs}.items()}
        action = runner(clone, sandbox, work, **values)
        (ran,) = action.run_steps(github.read(ROOT / "action.yml")["runs"]["steps"], ("Install flexres",))
        assert ran.exit == 0, ran.output
        return action

    digest = act("look", command="plan").outputs["digest"]
    kept = act("keep", command="plan", approve=digest, plan_file="plan.json", report="plan.html")
    assert kept.outputs["verdict"] != "refused"
    assert (clone / "plan.html").exists()
    applied = act("apply", command="apply", approve=digest, plan_file="plan.json")
    assert applied.outputs["verdict"] == "done"
    due = act("due", command="apply", due="true", engine="direct")
    assert due.outputs["changes"] == "0"


@by_hand
def test_who_reviewed_and_who_let_the_run_go_on_is_told_and_kept(clone: Path, sandbox: Sandbox) -> None:
    """In the plan, in what became of it, and in the journal; the token is nowhere."""
    pull_request.run(clone, "git", "merge", "--quiet", "--ff-only", "origin/retention")
    approve(clone, sandbox)
    commit = pull_request.run(clone, "git", "rev-parse", "HEAD").strip()
    pull = {"number": 7, "merged_at": "now", "user": {"login": "mallory"}, "head": {"sha": commit}}
    answers = {
        f"repos/acme/flex/commits/{commit}/pulls": [pull],
        "repos/acme/flex/pulls/7/reviews": [{"user": {"login": "ana"}, "state": "APPROVED", "commit_id": commit}],
        "repos/acme/flex/actions/runs/1/approvals": [{"state": "approved", "user": {"login": "olga"}}],
    }
    with platform(answers) as there:
        told = {
            "GITHUB_ACTIONS": "true",
            "GITHUB_API_URL": there.url,
            "GITHUB_REPOSITORY": "acme/flex",
            "GITHUB_RUN_ID": "1",
        }
        environ = {**sandbox.environment(), **told}
        plan = runner(clone, sandbox, "plan", **{"github.token": "ghs_s3cr3t"})
        plan.environ = environ
        assert exits(plan.run("deploy.yml", "plan")) == [0]
        apply = runner(clone, sandbox, "apply", **{"github.token": "ghs_s3cr3t"})
        apply.environ = environ
        assert exits(apply.run("deploy.yml", "apply")) == [0]
    by = f"by commit {commit[:7]}, reviewed by ana"
    assert by in " ".join((clone / "plan" / "plan.txt").read_text().split())
    assert "run approved by olga" in (clone / "applied" / "applied.txt").read_text()
    assert json.loads((clone / "applied" / "applied.json").read_text())["reviewed_by"] == ["olga"]
    lines = [json.loads(line) for line in (clone / ".flexres/journal/prod.jsonl").read_text().splitlines()]
    assert {tuple(line["reviewed_by"]) for line in lines} == {("olga",)}
    assert any(by in line["by"] for line in lines if line["event"] == "approval")
    everything = "".join(path.read_text() for folder in ("plan", "applied") for path in (clone / folder).iterdir())
    assert "s3cr3t" not in everything + json.dumps(lines)


def gitlab(clone: Path, sandbox: Sandbox, job: str, **variables: str) -> tuple[int, str]:
    """How a job's script ends that a shell runs as GitLab's runner does, and what it prints."""
    pipeline = github.read(ROOT / "docs" / "gitlab-ci.yml")
    runner(clone, sandbox, "gitlab")
    done = subprocess.run(
        ["bash", "-eo", "pipefail", "-c", "\n".join(pipeline[job]["script"])],
        cwd=clone,
        env={**os.environ, **sandbox.environment(), "STACK": "prod", **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


@by_hand
def test_in_gitlab_a_refused_merge_request_is_red(clone: Path, sandbox: Sandbox) -> None:
    """And one whose YAML is wrong, each after its comment is written."""
    base = pull_request.run(clone, "git", "rev-parse", "origin/main").strip()
    pull_request.run(clone, "git", "switch", "--quiet", "--detach", "origin/retention")
    head = pull_request.run(clone, "git", "rev-parse", "HEAD").strip()
    variables = {"CI_MERGE_REQUEST_DIFF_BASE_SHA": base, "CI_COMMIT_SHA": head}
    assert gitlab(clone, sandbox, "preview", **variables)[0] == 4
    assert f"head commit {head[:7]}" in (clone / "preview" / "plan.md").read_text()
    (clone / "stacks" / "prod" / "users" / "ops.yaml").write_text("users: [\n")
    assert gitlab(clone, sandbox, "preview", **variables)[0] == 2
    assert "not planned" in (clone / "preview" / "plan.md").read_text()


@by_hand
def test_in_gitlab_exactly_the_plan_is_applied(clone: Path, sandbox: Sandbox) -> None:
    """Judged by what was in force before the push."""
    before = pull_request.run(clone, "git", "rev-parse", "origin/main").strip()
    pull_request.run(clone, "git", "merge", "--quiet", "--ff-only", "origin/retention")
    assert gitlab(clone, sandbox, "plan", CI_COMMIT_BEFORE_SHA=before)[0] == 4
    approve(clone, sandbox)
    assert gitlab(clone, sandbox, "plan", CI_COMMIT_BEFORE_SHA=before)[0] == 0
    code, output = gitlab(clone, sandbox, "apply", CI_COMMIT_BEFORE_SHA=before)
    assert code == 0, output
    assert not sandbox.user("hana.kim@example.com")["deactivated"]
