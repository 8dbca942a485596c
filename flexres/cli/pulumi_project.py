"""The Pulumi project around the stacks, written by `flexres init --engine pulumi`: what a wheel does not bring."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path
from typing import Final

from flexres.errors import SetupError
from flexres.files import write_file

PROJECT: Final = """\
# The Pulumi project. What a stack holds is in stacks/<stack>/, as YAML; docs/pulumi.md says how the two go together.
name: flexres
description: The users and the single sign-on of Twilio Flex, as stacks/ has them.
runtime:
  name: python
  options:
    virtualenv: .venv
stackConfigDir: stacks
options:
  refresh: always           # what a person changed in Flex is shown as drift, and put right
# Where the state lives. This folder is for one person's machine; a team writes one of
#   s3://bucket?region=eu-west-1    azblob://container    gs://bucket    https://api.pulumi.com
backend:
  url: file://.pulumi-state?create_dir=true&dir_file_mode=448     # 448 is 0700
"""
PROGRAM: Final = '''\
"""The Pulumi program: the stack that `pulumi` has selected, as resources. docs/pulumi.md tells the rest."""

from __future__ import annotations

import pulumi

from flexres.pulumi import FlexStack

FlexStack(pulumi.get_stack()).export()
'''
IGNORED: Final = (".venv/", "__pycache__/", ".flexres/", ".pulumi-state/", ".tools/")
"""What never belongs into a commit: the environment, the journal, the state of one machine, a CLI of the project's."""


def write_project(project: Path) -> list[Path]:
    """Write the files that the project lacks, and say which.

    Raises:
        SetupError: one cannot be written, or the .gitignore that is there cannot be read.
    """
    files = project_files(project)
    for path, text in files.items():
        write_file(path, text)
    return list(files)


def project_files(project: Path) -> dict[Path, str]:
    """The files that the project lacks, with their texts; what is there already stays, but for lines of .gitignore.

    Raises:
        SetupError: the .gitignore that is there cannot be read.
    """
    files = {project / "Pulumi.yaml": PROJECT, project / "__main__.py": PROGRAM}
    if not any((project / name).exists() for name in ("requirements.txt", "pyproject.toml")):
        # `pulumi install` makes the virtual environment from it.
        files[project / "requirements.txt"] = f"flexres[pulumi]=={metadata.version('flexres')}\n"
    missing = {path: text for path, text in files.items() if not path.exists()}
    ignore = project / ".gitignore"
    try:
        before = ignore.read_text(encoding="utf-8") if ignore.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise SetupError(f"{ignore} cannot be read: {error}", hint="mend it, or move it away") from None
    lacking = [line for line in IGNORED if line not in before.splitlines()]
    if lacking:
        gap = "\n" if before and not before.endswith("\n") else ""
        missing[ignore] = before + gap + "".join(f"{line}\n" for line in lacking)
    return missing
