"""The pipelines that a repository of stacks needs, for GitHub and GitLab, rendered from the templates beside this."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from textwrap import indent
from typing import Final

FOLDER: Final = PurePosixPath(".github/workflows")
GITLAB: Final = PurePosixPath(".gitlab-ci.yml")

INSTALL_LOCKED: Final = """\
python -m venv .venv
.venv/bin/python -m pip install --quiet --no-deps --require-hashes --requirement requirements.lock
.venv/bin/python -m pip install --quiet --no-deps --no-build-isolation --requirement requirements.txt"""
"""For a repository that names flexres at a commit in requirements.txt, and its dependencies in requirements.lock."""

_TEMPLATES: Final = Path(__file__).with_name("templates") / "workflows"
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


def workflow_files(install: str = INSTALL_LOCKED) -> dict[PurePosixPath, str]:
    """Path in the repository → text of each workflow; `install` is the shell script that puts flexres into .venv."""
    return {
        FOLDER / f"{template.stem}.yml": _rendered(template.read_text(encoding="utf-8"), install)
        for template in sorted(_TEMPLATES.glob("*.yaml"))
    }


def _rendered(text: str, install: str) -> str:
    parts = {**_PARTS, "@INSTALL@": install}
    text = re.sub(r"^( *)(@[A-Z]+@)$", lambda found: indent(parts[found[2]], found[1]), text, flags=re.MULTILINE)
    for name, value in _PINS.items():
        text = text.replace(name, value)
    return text
