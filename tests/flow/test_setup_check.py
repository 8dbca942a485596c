"""`flexres setup check`: what guards the stacks, of a repository as init writes it and a platform of this machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from flexres.cli.main import app
from tests.flow import pull_request
from tests.platform_api import Platform, platform

TOKEN = "ghp_" + "s3cr3t" * 6
REVIEWED = {
    "type": "pull_request",
    "parameters": {
        "required_approving_review_count": 1,
        "require_code_owner_review": True,
        "dismiss_stale_reviews_on_push": True,
    },
}


def environment(name: str, *rules: str) -> dict[str, Any]:
    policy = {"protected_branches": False, "custom_branch_policies": True}
    return {
        "name": name,
        "protection_rules": [{"type": rule} for rule in ("branch_policy", *rules)],
        "deployment_branch_policy": policy,
    }


def well_guarded() -> dict[str, Any]:
    there = [environment("prod-preview"), environment("prod", "required_reviewers"), environment("prod-scheduled")]
    answers: dict[str, Any] = {
        "": {"private": True, "default_branch": "main"},
        "rules/branches/main": [REVIEWED],
        "branches/main": {"protected": False},
        "environments": {"environments": there},
        "actions/secrets": {"secrets": [{"name": "SLACK"}]},
        "codeowners/errors": {"errors": []},
    }
    for one in there:
        answers[f"environments/{one['name']}/deployment-branch-policies"] = {"branch_policies": [{"name": "main"}]}
    return {f"repos/acme/flex/{path}".rstrip("/"): answer for path, answer in answers.items()}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What `flexres init` writes, in a clone of acme/flex, installed from a commit."""
    monkeypatch.chdir(tmp_path)
    # Wide enough that no sentence is broken, whatever terminal the tests run in.
    monkeypatch.setenv("COLUMNS", "200")
    pull_request.run(tmp_path, "git", "init", "--quiet")
    pull_request.run(tmp_path, "git", "remote", "add", "origin", "git@github.com:acme/flex.git")
    options = ["--account", "AC" + "0" * 32, "--instance", "GO" + "0" * 32]
    assert CliRunner().invoke(app, ["init", "prod", *options]).exit_code == 0
    requirements = tmp_path / "requirements.txt"
    requirements.write_text(requirements.read_text().replace("COMMIT", "1a2b3c4d" * 5))
    return tmp_path


@pytest.fixture
def there(project: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Platform]:
    with platform(well_guarded()) as running:
        monkeypatch.setenv("GITHUB_API_URL", running.url)
        monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
        yield running


def check() -> Result:
    ran = CliRunner().invoke(app, ["setup", "check"], standalone_mode=False)
    assert TOKEN not in ran.output
    return ran


def test_a_guarded_repository_has_nothing_wrong(there: Platform) -> None:
    """And all that was asked was a GET with the token."""
    ran = check()
    assert (ran.return_value, "0 wrong, 0 unknown" in ran.output) == (0, True), ran.output
    assert {(method, token) for method, _, token in there.asked} == {("GET", f"Bearer {TOKEN}")}


@pytest.mark.parametrize(
    ("path", "answer", "says"),
    [
        ("", {"private": False, "default_branch": "main"}, "the repository is private"),
        ("rules/branches/main", [], "main is protected"),
        (
            "rules/branches/main",
            [{**REVIEWED, "parameters": {**REVIEWED["parameters"], "required_approving_review_count": 0}}],
            "main takes a review by somebody else",
        ),
        (
            "rules/branches/main",
            [{**REVIEWED, "parameters": {**REVIEWED["parameters"], "require_code_owner_review": False}}],
            "main takes a review by code owners",
        ),
        ("environments", {"environments": []}, "there is none: the first run would make one for everybody"),
        ("environments", {"environments": [environment("prod")]}, "nobody is asked before an apply"),
        (
            "environments",
            {"environments": [{**environment("prod-preview"), "deployment_branch_policy": None}]},
            "a workflow elsewhere can read its secrets (all branches)",
        ),
        (
            "environments/prod/deployment-branch-policies",
            {"branch_policies": [{"name": "main"}, {"name": "*"}]},
            "a workflow elsewhere can read its secrets (main, *)",
        ),
        ("actions/secrets", {"secrets": [{"name": "TWILIO_API_SECRET"}]}, "can read TWILIO_API_SECRET"),
        ("codeowners/errors", {"errors": [{"line": 4, "kind": "Unknown owner"}]}, "line 4: Unknown owner"),
    ],
)
def test_what_guards_nothing_is_named(there: Platform, path: str, answer: Any, says: str) -> None:
    """With what it leaves open, and exit 2."""
    there.answers[f"repos/acme/flex/{path}".rstrip("/")] = answer
    ran = check()
    assert (ran.return_value, says in " ".join(ran.output.split())) == (2, True), ran.output


@pytest.mark.parametrize("path", ["rules/branches/main", "environments", "actions/secrets", "codeowners/errors"])
@pytest.mark.parametrize("answer", [403, 500, "no JSON", [1]])
def test_what_could_not_be_asked_is_unknown(there: Platform, path: str, answer: Any) -> None:
    """It is never taken for right, nor for wrong, and the rest is told."""
    there.answers[f"repos/acme/flex/{path}"] = answer
    ran = check()
    assert (ran.return_value, "0 wrong, 1 unknown" in ran.output) == (0, True), ran.output


@pytest.mark.parametrize("answer", [403, 404, "no JSON", [1]])
def test_a_repository_that_nobody_tells_of_is_unknown(there: Platform, answer: Any) -> None:
    """Whatever comes back, the files are looked at."""
    there.answers["repos/acme/flex"] = answer
    ran = check()
    assert (ran.return_value, "the repository on GitHub" in ran.output) == (0, True), ran.output


def test_without_a_token_the_files_are_looked_at(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_TOKEN", raising=False)
    monkeypatch.delenv("GH_TOKEN", raising=False)
    ran = check()
    assert (ran.return_value, "GITHUB_TOKEN is not set" in ran.output) == (0, True), ran.output


CHECKOUT = "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1"
OWNERS = ".github/CODEOWNERS"


@pytest.mark.parametrize(
    ("file", "old", "new", "says"),
    [
        (".github/workflows/deploy.yml", CHECKOUT, "actions/checkout@v7", "a tag can be moved"),
        ("requirements.txt", "@ git+", "# ", "whatever that name is tomorrow"),
        (OWNERS, "/stacks/*/flex.yaml @acme/flex-owners\n", "", "is owned by others than its teams"),
        (OWNERS, "/stacks/ @acme/flex-leads\n", "", "stacks/prod/users/ has owners"),
        (OWNERS, "* @acme/flex-owners\n", "", ".github/CODEOWNERS has owners"),
        (OWNERS, "* @acme/flex-owners\n", "* @OWNER/flex-owners\n", "put teams of yours for @OWNER/flex-owners"),
    ],
)
def test_a_file_that_guards_nothing_is_named(
    there: Platform, project: Path, file: str, old: str, new: str, says: str
) -> None:
    """Pins, and who owns what judges the others."""
    path = project / file
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    ran = check()
    assert (ran.return_value, says in " ".join(ran.output.split())) == (2, True), ran.output


def test_on_gitlab_the_branch_and_the_environments_are_looked_at(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No variable is asked for: the API would hand out its value."""
    pull_request.run(project, "git", "remote", "set-url", "origin", "https://gitlab.com/acme/apps/flex.git")
    place = "projects/acme%2Fapps%2Fflex"
    answers = {
        place: {"visibility": "private", "default_branch": "main"},
        f"{place}/protected_branches/main": {"push_access_levels": [{"access_level": 40}], "allow_force_push": False},
        f"{place}/protected_environments": [{"name": "prod"}],
        f"{place}/approvals": {"reset_approvals_on_push": True, "merge_requests_author_approval": False},
    }
    with platform(answers) as running:
        monkeypatch.setenv("CI_API_V4_URL", running.url)
        monkeypatch.setenv("FLEXRES_GITLAB_TOKEN", TOKEN)
        ran = check()
        assert not [path for _, path, _ in running.asked if "variables" in path]
    assert ran.return_value == 2
    assert "nobody pushes to main past a merge request" in ran.output
    assert "environment prod is protected" in ran.output
