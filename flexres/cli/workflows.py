"""The pipelines that a repository of stacks needs, for GitHub and GitLab, rendered from the templates beside this."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path, PurePosixPath
from textwrap import indent
from typing import Final, Literal, TypeAlias
from urllib.parse import urlsplit, urlunsplit

from flexres.desired.revision import remote

Host: TypeAlias = Literal["github", "gitlab"]
"""Where the repository is."""

FOLDER: Final = PurePosixPath(".github/workflows")
GITLAB: Final = PurePosixPath(".gitlab-ci.yml")

INSTALL_LOCKED: Final = """\
python -m venv .venv
.venv/bin/python -m pip install --quiet --no-deps --require-hashes --requirement requirements.lock
.venv/bin/python -m pip install --quiet --no-deps --no-build-isolation --requirement requirements.txt"""
"""For a repository that names flexres at a commit in requirements.txt, and its dependencies in requirements.lock."""

REQUIREMENTS: Final = PurePosixPath("requirements.txt")
LOCK: Final = PurePosixPath("requirements.lock")

_TEMPLATES: Final = Path(__file__).with_name("templates")
_PINS: Final[Mapping[str, str]] = {
    "@CHECKOUT@": "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1",
    "@PYTHON@": "actions/setup-python@5fda3b95a4ea91299a34e894583c3862153e4b97 # v7.0.0",
    "@UPLOAD@": "actions/upload-artifact@bbbca2ddaa5d8feaa63e36b76fdaad77386f024f # v7.0.0",
    "@DOWNLOAD@": "actions/download-artifact@3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c # v8.0.1",
    "@PULUMI@": "pulumi/actions@8e5e406f4007fca908480587cb9893c07090f58d # v7.0.0",
    "@AWS@": "aws-actions/configure-aws-credentials@e6de054238d6b7531b4efff3b6587d9aade6a06c # v6.2.3",
}
"""Actions by the commit of a release: a tag can be moved, a commit cannot."""

_FLEX: Final = """\
TWILIO_ACCOUNT_SID: ${{ vars.TWILIO_ACCOUNT_SID }}
TWILIO_API_KEY: ${{ secrets.TWILIO_API_KEY }}
TWILIO_API_SECRET: ${{ secrets.TWILIO_API_SECRET }}
AUTH0_DOMAIN: ${{ vars.AUTH0_DOMAIN }}
AUTH0_CLIENT_ID: ${{ secrets.AUTH0_CLIENT_ID }}
AUTH0_CLIENT_SECRET: ${{ secrets.AUTH0_CLIENT_SECRET }}"""

_FIND: Final = """\
names=()
shopt -s nullglob
for file in stacks/*/flex.yaml; do
  if grep -q '^endpoint:' "$file"; then continue; fi
  stack=$(basename "$(dirname "$file")")
  case "$stack" in
    *-preview|*-scheduled)
      echo "::error::stacks/$stack would take the environment of another stack: choose another name"
      exit 2 ;;
  esac
  names+=("\\"$stack\\"")
done
if test "${#names[@]}" -gt 0 && test "$PUBLIC" != true &&
  test "$(gh api "repos/$REPOSITORY" --jq .private)" = false; then
  echo "::error::this repository is public, and what is reported here names people: make it private," \\
    "or set the variable FLEXRES_PUBLIC to true where everybody may read them"
  exit 2
fi
echo "names=[$(IFS=,; echo "${names[*]}")]" >> "$GITHUB_OUTPUT\""""

_TAKE: Final = """\
# shellcheck disable=SC2016 # git runs it, with the token from its own environment
as_token='!f() { echo username=x-access-token; echo "password=$GH_TOKEN"; }; f'
git -c credential.helper= -c "credential.helper=$as_token" fetch --quiet --no-tags origin "$MERGE"
git sparse-checkout set --no-cone /stacks/
git -c core.symlinks=false -c filter.lfs.smudge= -c filter.lfs.process= -c filter.lfs.required=false \\
  checkout --quiet --detach "$MERGE\""""

_PARTS: Final[Mapping[str, str]] = {"@FLEX@": _FLEX, "@FIND@": _FIND, "@TAKE@": _TAKE}
"""What several jobs have in common, as lines."""


def repository_files(project: Path, host: Host) -> dict[Path, str]:
    """What the repository lacks of its pipelines, of who reviews what, and of what they install; with their texts."""
    files = workflow_files() if host == "github" else {GITLAB: gitlab_file()}
    owner = _owner(project)
    files[PurePosixPath(f".{host}/CODEOWNERS")] = _code_owners(owner)
    if not (project / "pyproject.toml").exists():
        files[REQUIREMENTS] = requirement()
        files[LOCK] = (_TEMPLATES / LOCK.name).read_text(encoding="utf-8")
    if any((project / name).exists() for name in ("CODEOWNERS", "docs/CODEOWNERS")):
        del files[PurePosixPath(f".{host}/CODEOWNERS")]
    return {project / name: text for name, text in files.items() if not (project / name).exists()}


def workflow_files(install: str = INSTALL_LOCKED) -> dict[PurePosixPath, str]:
    """Path in the repository → text of each workflow; `install` is the shell script that puts flexres into .venv."""
    return {
        FOLDER / f"{template.stem}.yml": _rendered(template.read_text(encoding="utf-8"), install)
        for template in sorted((_TEMPLATES / "workflows").glob("*.yaml"))
    }


def gitlab_file(install: str = INSTALL_LOCKED) -> str:
    """The pipeline for GitLab."""
    return _rendered((_TEMPLATES / "gitlab-ci.yaml").read_text(encoding="utf-8"), install)


def _code_owners(owner: str) -> str:
    return f"""\
{_CODE_OWNERS}
* @{owner}/flex-owners
/stacks/ @{owner}/flex-leads
/stacks/*/flex.yaml @{owner}/flex-owners
"""


_CODE_OWNERS: Final = """\
# Who has to review what: put in your own teams. It holds where the default branch is protected and asks for a review by
# code owners. The last line that fits a file counts: flex.yaml, the pipelines and what they install judge the teams'
# changes, so they belong to others."""


def _owner(project: Path) -> str:
    """The organisation, or group, of the repository, by its remote; OWNER where none is known."""
    found = re.match(r"(?:(?:https?|ssh)://[^/]+/|[\w.-]+@[\w.-]+:)([\w./-]+)/[^/]+/?$", remote(project))
    return found[1] if found else "OWNER"


def requirement() -> str:
    """A requirements.txt that names flexres at the commit that runs now."""
    url, commit = _installed_from()
    return f"""\
# flexres at one commit, never by its name alone, which anybody could register. For another version put in its commit,
# and its flexres/cli/templates/requirements.lock in the place of requirements.lock: what it depends on, with hashes.
flexres[pulumi,sso] @ git+{url}@{commit}
"""


def commit_is_known() -> bool:
    """Whether `requirement` names a commit; otherwise COMMIT stands for it, to be put in by hand."""
    return _installed_from()[1] != _UNKNOWN


_UNKNOWN: Final = "COMMIT"


def _installed_from() -> tuple[str, str]:
    """The repository and the commit that this flexres was installed from; COMMIT where nobody knows."""
    source = next((link.split(", ", 1)[1] for link in _links() if link.startswith("Source, ")), "")
    try:
        told = json.loads(metadata.distribution("flexres").read_text("direct_url.json") or "{}")
    except (metadata.PackageNotFoundError, ValueError):
        told = {}
    if told.get("vcs_info", {}).get("vcs") == "git":
        return _without_credentials(told["url"]), told["vcs_info"]["commit_id"]
    return source or "https://github.com/OWNER/flexres", _UNKNOWN


def _links() -> list[str]:
    try:
        return metadata.metadata("flexres").get_all("Project-URL") or []
    except metadata.PackageNotFoundError:
        return []


def _without_credentials(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _rendered(text: str, install: str) -> str:
    parts = {**_PARTS, "@INSTALL@": install}
    text = re.sub(r"^( *)(@[A-Z]+@)$", lambda found: indent(parts[found[2]], found[1]), text, flags=re.MULTILINE)
    for name, value in _PINS.items():
        text = text.replace(name, value)
    return text
