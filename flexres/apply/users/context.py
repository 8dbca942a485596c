"""What every operation of one run needs: the clients, whose users are ours, the policy, the journal."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flexres.apply.idp import UserWriter
from flexres.apply.journal import Journal
from flexres.apply.users.clients import Users, Workers
from flexres.apply.users.gate import ProvisionGate
from flexres.apply.users.newcomers import Newcomers
from flexres.desired.model import Policy
from flexres.reconcile.diff import Scope


@dataclass(frozen=True, slots=True)
class Context:
    """One run. `commit_time` is in seconds since 1970 UTC; `offline_activity` is an activity SID.

    `idp` writes users at the identity provider; None where that is not managed.
    """

    users: Users
    workers: Workers
    scope: Scope
    policy: Policy
    offline_activity: str | None
    as_of: datetime
    commit_time: int | None
    allow_older: bool
    journal: Journal
    gate: ProvisionGate
    newcomers: Newcomers
    idp: UserWriter | None = None
