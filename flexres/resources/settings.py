"""What a run through Pulumi is told besides the YAML: all of it from the environment, nothing from Pulumi's config."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from flexres.desired.model import DIGEST_LENGTH, DIGEST_PATTERN
from flexres.errors import SetupError

APPROVE: Final = "FLEXRES_APPROVE"
ALLOW_ADMIN: Final = "FLEXRES_ALLOW_ADMIN"
ALLOW_OLDER: Final = "FLEXRES_ALLOW_OLDER"
ALLOW_DIRTY: Final = "FLEXRES_ALLOW_DIRTY"
ALLOW_DESTROY: Final = "FLEXRES_ALLOW_DESTROY"
SWITCH_ENGINE: Final = "FLEXRES_SWITCH_ENGINE"
STACKS: Final = "FLEXRES_STACKS"
JOURNAL: Final = "FLEXRES_JOURNAL"
PLAN: Final = "FLEXRES_PLAN"
BASE: Final = "FLEXRES_BASE"


@dataclass(frozen=True, slots=True)
class Settings:
    """`stacks` is the folder of all stacks. `destroy` and `switch` name the stack that they hold for, if any.

    `base` is the revision whose policy judges, too; empty: the commit before. `approve` are digests that lift guards,
    `plan` a stack and the fingerprint of the one plan of it that may be applied (None: any).
    """

    stacks: Path
    approve: tuple[str, ...] = ()
    allow_admin: tuple[str, ...] = ()
    allow_older: bool = False
    allow_dirty: bool = False
    destroy: str = ""
    switch: str = ""
    journal: Path | None = None
    plan: tuple[str, str] | None = None
    base: str = ""

    def may_apply(self, stack: str, fingerprint: str) -> bool:
        """Whether this plan of a stack may be applied; of a stack of which no plan is named, each may."""
        return self.plan is None or self.plan[0] != stack or self.plan[1] == fingerprint


def settings(environ: Mapping[str, str], project: Path) -> Settings:
    """The environment's settings for the project in this folder.

    Raises:
        SetupError: a digest is none.
    """
    approve = _words(environ.get(APPROVE, ""))
    for digest in approve:
        if not re.fullmatch(DIGEST_PATTERN, digest):
            raise SetupError(
                f"{APPROVE} holds {digest}: a digest is {DIGEST_LENGTH} characters of a-z and 2-7",
                hint="copy it from the preview; several are separated by commas",
            )
    journal = environ.get(JOURNAL)
    stack, _, plan = environ.get(PLAN, "").rpartition(":")
    return Settings(
        stacks=project / environ.get(STACKS, "stacks"),
        approve=approve,
        allow_admin=_words(environ.get(ALLOW_ADMIN, "")),
        allow_older=environ.get(ALLOW_OLDER, "") not in {"", "0", "false"},
        allow_dirty=environ.get(ALLOW_DIRTY, "") not in {"", "0", "false"},
        destroy=environ.get(ALLOW_DESTROY, ""),
        switch=environ.get(SWITCH_ENGINE, ""),
        journal=Path(journal) if journal else None,
        plan=(stack, plan) if plan else None,
        base=environ.get(BASE, ""),
    )


def _words(text: str) -> tuple[str, ...]:
    return tuple(word for word in re.split(r"[\s,]+", text) if word)
