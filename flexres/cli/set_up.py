"""How a repository is set up around its stacks: what its files and the platform's API tell: right, wrong or unknown."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from flexres.errors import SetupError
from flexres.files import read_if_there
from flexres.live.http.hosting import HostingApi, NotToldError, Platform
from flexres.text import MEGABYTE


class Standing(StrEnum):
    """How one thing stands."""

    RIGHT = "right"
    WRONG = "wrong"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: what it is, and what to do about it, or why nobody could look."""

    standing: Standing
    what: str
    says: str = ""


def _found(right: bool, what: str, otherwise: str) -> Finding:
    return Finding(Standing.RIGHT, what) if right else Finding(Standing.WRONG, what, otherwise)


OWNERS: Final = {
    "GitHub": (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"),
    "GitLab": ("CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS"),
}
"""Where each platform looks for the file, the first that is there counts."""

_USES = re.compile(r"^\s*(?:- )?uses:\s*(\S+)", re.MULTILINE)
_PINNED = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}|\./\S*|docker://\S+@sha256:[0-9a-f]{64}")


def of_files(project: Path, platform: Platform, stacks: Sequence[str]) -> Iterator[Finding]:
    """What the files of the checkout tell. Raises SetupError for one that cannot be read."""
    yield from _pins(project)
    name = next((name for name in OWNERS[platform] if (project / name).is_file()), None)
    if name is None:
        yield Finding(
            Standing.WRONG, "CODEOWNERS", f"there is none: flexres init writes one; put it at {OWNERS[platform][0]}"
        )
        return
    rules = _rules(_text(project / name))
    unnamed = sorted({owner for _, owners in rules for owner in owners if owner.startswith("@OWNER/")})
    if unnamed:
        yield Finding(Standing.WRONG, f"{name} names no real owners", f"put teams of yours for {', '.join(unnamed)}")
    pipeline = ".github/workflows/deploy.yml" if platform == "GitHub" else ".gitlab-ci.yml"
    for path in (pipeline, name, "requirements.txt", "requirements.lock"):
        yield _found(bool(owners_of(path, rules)), f"{path} has owners", f"add a line for it to {name}")
    for stack in stacks:
        judging, teams = (owners_of(f"stacks/{stack}/{path}", rules) for path in ("flex.yaml", "users/team.yaml"))
        yield _found(bool(teams), f"stacks/{stack}/users/ has owners", f"add a line for /stacks/ to {name}")
        yield _found(
            bool(judging) and not judging & teams,
            f"stacks/{stack}/flex.yaml is owned by others than its teams",
            f"it holds the policy by which their changes are judged: add a line for /stacks/*/flex.yaml to {name}",
        )


def _pins(project: Path) -> Iterator[Finding]:
    workflows = sorted((project / ".github" / "workflows").glob("*.y*ml"))
    for path in workflows:
        loose = [use for use in _USES.findall(_text(path)) if not _PINNED.fullmatch(use)]
        yield _found(
            not loose,
            f"{path.relative_to(project)} pins every action to a commit",
            f"a tag can be moved: {', '.join(loose)}",
        )
    requirements = project / "requirements.txt"
    lines = [line for line in _text(requirements).splitlines() if re.match(r"flexres\b", line, re.IGNORECASE)]
    for line in lines:
        pinned = (
            re.search(r"@ git\+(?:https|ssh)://\S+@[0-9a-f]{40}\b", line) or "--hash=" in line or line.endswith("\\")
        )
        yield _found(
            bool(pinned), "requirements.txt names flexres at a commit", f"{line} is whatever that name is tomorrow"
        )


def _text(path: Path) -> str:
    return (read_if_there(path, MEGABYTE) or b"").decode("utf-8", "replace")


def _rules(text: str) -> list[tuple[re.Pattern[str], frozenset[str]]]:
    rules = []
    for line in text.splitlines():
        words = line.split("#")[0].split()
        if words and not words[0].startswith(("[", "^[")):
            rules.append((_pattern(words[0]), frozenset(words[1:])))
    return rules


def _pattern(glob: str) -> re.Pattern[str]:
    """A line's pattern as both platforms read it, like one of .gitignore."""
    anchored = "/" in glob.rstrip("/")
    pieces = re.split(r"(\*\*/|\*\*|\*|\?)", glob.strip("/"))
    kinds = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    body = "".join(kinds.get(piece, re.escape(piece)) for piece in pieces)
    # A folder's line is of all that is in it; `folder/*` is not of what lies deeper.
    below = "" if glob.endswith("/*") else "(?:/.*)?"
    return re.compile(("" if anchored else "(?:.*/)?") + body + ("/.*" if glob.endswith("/") else below))


def owners_of(path: str, rules: Sequence[tuple[re.Pattern[str], frozenset[str]]]) -> frozenset[str]:
    """Who owns a file: the last line that fits."""
    return next((owners for pattern, owners in reversed(rules) if pattern.fullmatch(path)), frozenset())


_ODD: Final = "the answer has another shape"


async def of_platform(api: HostingApi, stacks: Sequence[str]) -> list[Finding]:
    """What the platform tells of the repository; what the token may not read is unknown, and why."""
    github = api.hosting.platform == "GitHub"
    try:
        repository = await api.get()
    except NotToldError as error:
        return [Finding(Standing.UNKNOWN, f"the repository on {api.hosting.platform}", error.message)]
    if repository is None:
        return [Finding(Standing.UNKNOWN, f"the repository on {api.hosting.platform}", "the token sees none there")]
    if not isinstance(repository, dict):
        return [Finding(Standing.UNKNOWN, f"the repository on {api.hosting.platform}", _ODD)]
    private = repository.get("private") if github else repository.get("visibility") == "private"
    found = [_found(bool(private), "the repository is private", "reports and comments name people: make it private")]
    branch = str(repository.get("default_branch") or "main")
    checks = (
        (_github_branch, _github_environments, _github_secrets, _github_owners)
        if github
        else (_gitlab_branch, _gitlab_rest)
    )
    for check in checks:
        try:
            found += [one async for one in check(api, branch, stacks)]
        except NotToldError as error:
            found.append(Finding(Standing.UNKNOWN, _ABOUT[check.__name__], error.message))
        except (KeyError, TypeError, AttributeError):
            found.append(Finding(Standing.UNKNOWN, _ABOUT[check.__name__], _ODD))
    return found


_ABOUT: Final = {
    "_github_branch": "the default branch's protection",
    "_github_environments": "the environments",
    "_github_secrets": "secrets of the whole repository",
    "_github_owners": "whether GitHub knows the owners",
    "_gitlab_branch": "the default branch's protection",
    "_gitlab_rest": "approvals of merge requests",
}


async def _github_branch(api: HostingApi, branch: str, stacks: Sequence[str]) -> AsyncIterator[Finding]:
    rules = await api.get(f"rules/branches/{quote(branch, safe='')}") or []
    reviews = [one["parameters"] for one in rules if one["type"] == "pull_request"]
    told = await api.get(f"branches/{quote(branch, safe='')}") or {}
    if not reviews and not told.get("protected"):
        yield Finding(Standing.WRONG, f"{branch} is protected", "whoever can push deploys alone: require pull requests")
        return
    if told.get("protected"):
        classic = (await api.get(f"branches/{quote(branch, safe='')}/protection") or {}).get(
            "required_pull_request_reviews"
        )
        reviews += [classic] if classic else []
    count = max((one.get("required_approving_review_count") or 0 for one in reviews), default=0)
    yield _found(count > 0, f"{branch} takes a review by somebody else", "require at least one approving review")
    owners = any(one.get("require_code_owner_review") or one.get("require_code_owner_reviews") for one in reviews)
    yield _found(owners, f"{branch} takes a review by code owners", "without it CODEOWNERS asks, and holds nobody up")
    stale = any(one.get("dismiss_stale_reviews_on_push") or one.get("dismiss_stale_reviews") for one in reviews)
    yield _found(
        stale, "a push takes earlier reviews back", "dismiss stale approvals, or what is pushed after one is unseen"
    )


async def _github_environments(api: HostingApi, branch: str, stacks: Sequence[str]) -> AsyncIterator[Finding]:
    told = await api.get("environments?per_page=100") or {"environments": []}
    there = {one["name"]: one for one in told["environments"]}
    for stack in stacks:
        for name in (f"{stack}-preview", stack, f"{stack}-scheduled"):
            if name not in there:
                yield Finding(
                    Standing.WRONG, f"environment {name}", "there is none: the first run would make one for everybody"
                )
                continue
            rules = {one["type"]: one for one in there[name]["protection_rules"]}
            if name == stack:
                yield _found(
                    "required_reviewers" in rules,
                    f"environment {name} asks its reviewers",
                    "nobody is asked before an apply",
                )
            else:
                yield _found(
                    "required_reviewers" not in rules, f"environment {name} asks nobody", "its runs would wait for ever"
                )
            allowed = await _allowed_branches(api, there[name])
            yield _found(
                allowed == (branch,),
                f"environment {name} is for {branch} alone",
                f"a workflow elsewhere can read its secrets ({', '.join(allowed)}): choose Selected branches, {branch}",
            )


async def _allowed_branches(api: HostingApi, environment: dict[str, Any]) -> tuple[str, ...]:
    policy = environment.get("deployment_branch_policy")
    if policy is None:
        return ("all branches",)
    if not policy.get("custom_branch_policies"):
        return ("every protected branch",)
    path = f"environments/{quote(environment['name'], safe='')}/deployment-branch-policies"
    told = await api.get(path) or {"branch_policies": []}
    return tuple(one["name"] for one in told["branch_policies"])


async def _github_secrets(api: HostingApi, branch: str, stacks: Sequence[str]) -> AsyncIterator[Finding]:
    told = await api.get("actions/secrets?per_page=100") or {"secrets": []}
    names = [one["name"] for one in told["secrets"] if re.match(r"TWILIO_|AUTH0_|PULUMI_", one["name"])]
    yield _found(
        not names,
        "no credential is a secret of the whole repository",
        f"any branch's workflow can read {', '.join(names)}",
    )


async def _github_owners(api: HostingApi, branch: str, stacks: Sequence[str]) -> AsyncIterator[Finding]:
    told = await api.get("codeowners/errors") or {"errors": []}
    lines = [f"line {one['line']}: {one['kind']}" for one in told["errors"]]
    yield _found(not lines, "GitHub knows every owner", f"such a line holds for nobody: {', '.join(lines)}")


async def _gitlab_branch(api: HostingApi, branch: str, stacks: Sequence[str]) -> AsyncIterator[Finding]:
    told = await api.get(f"protected_branches/{quote(branch, safe='')}")
    if told is None:
        yield Finding(Standing.WRONG, f"{branch} is protected", "whoever can push deploys alone: protect it")
        return
    pushes = [one["access_level"] for one in told["push_access_levels"]]
    yield _found(
        not any(pushes), f"nobody pushes to {branch} past a merge request", "let no one push: Allowed to push: No one"
    )
    yield _found(not told["allow_force_push"], f"{branch} cannot be rewritten", "forbid force pushes")
    if "code_owner_approval_required" in told:
        yield _found(bool(told["code_owner_approval_required"]), f"{branch} takes code owners' approval", "require it")


async def _gitlab_rest(api: HostingApi, branch: str, stacks: Sequence[str]) -> AsyncIterator[Finding]:
    hand = "its variables are protected, masked and of one environment"
    yield Finding(
        Standing.UNKNOWN, hand, "look at Settings > CI/CD > Variables: the API would hand out their values, too"
    )
    environments = await api.get("protected_environments?per_page=100")
    names = {one["name"] for one in environments or ()}
    for stack in stacks:
        yield _found(
            stack in names,
            f"environment {stack} is protected",
            "whoever may push starts its apply (Premium protects it)",
        )
    told = await api.get("approvals") or {}
    yield _found(
        bool(told.get("reset_approvals_on_push")), "a push takes earlier approvals back", "Settings > Merge requests"
    )
    yield _found(
        not told.get("merge_requests_author_approval"), "nobody approves their own", "Settings > Merge requests"
    )


def stacks_of(folder: Path) -> list[str]:
    """The stacks that deploy: those without the endpoint of a sandbox. Raises SetupError where there is no folder."""
    if not folder.is_dir():
        raise SetupError(
            f"the folder {folder} is not there", hint="go to the project's folder, or name another with --stacks"
        )
    found = sorted(path.parent.name for path in folder.glob("*/flex.yaml"))
    return [name for name in found if not re.search(r"^endpoint:", _text(folder / name / "flex.yaml"), re.MULTILINE)]
