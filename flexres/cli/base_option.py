"""The base that a plan is compared with: a revision's YAML, read from git beside the stack that is planned."""

from __future__ import annotations

from flexres.cli.stacks import StackFolder
from flexres.desired.git.source import GitSource
from flexres.desired.load import load_stack
from flexres.errors import InvalidStack, SetupError
from flexres.reconcile.base import Base
from flexres.reconcile.context import Wanted


def base_of(stack: StackFolder, revision: str) -> Base:
    """The stack as `revision` has it.

    Raises:
        SetupError: no git, no such revision, no such stack in it, or one that does not load.
    """
    try:
        source = GitSource(stack.folder, revision)
        found = load_stack(source, name=stack.name)
    except InvalidStack as error:
        first = error.problems[0]
        raise SetupError(
            f"the YAML of {revision} is wrong itself, so nothing can be compared with it: {first}",
            hint="plan without --base, or name a revision that validates",
        ) from error
    return Base(revision, Wanted(found.name, found.config, found.users, source.commit))
