"""One whole story of a team under every answer that Twilio may give to what it does not document."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import pytest

from flexres.errors import Exit
from flexres.reconcile.marker import ATTRIBUTE
from flexres.sandbox.switches import Switches, choices

from .conftest import Flow, kinds

ANA = """
ana@example.com:
  full_name: Ana Ruiz
  roles: [agent]
  skills: {billing: 3, returns: true}
  attributes: {level: 3, vip: true, codes: [1, 2], home: {city: London}}
  channels: {voice: {available: false}, chat: {capacity: 3}}
"""
BOB = "bob@example.com: {full_name: Bob Byrne, roles: [agent, supervisor], attributes: {level: 1}}\n"
ROBERT = (
    BOB.replace("bob@", "robert@")
    .replace("Bob Byrne", "Robert Byrne")
    .replace("roles:", "previously: bob@example.com, roles:")
)
NUMBERS = {"tokens_max_ttl": 60, "page_size_cap": 2, "event_days": 1}
SINGLE_SIGN_ON = {"trusted_url_match", "login_claims_applied", "login_failure"}
THEIRS = {"plugin": {"deep": [1, None]}, "desk": 7}


def _others() -> Iterator[Any]:
    for field in fields(Switches):
        if field.name in SINGLE_SIGN_ON:
            continue
        default = getattr(Switches(), field.name)
        for value in choices(field.name) or (NUMBERS[field.name],):
            if value != default:
                yield pytest.param({field.name: value}, id=f"{field.name}={value}")


def settle(flow: Flow) -> None:
    """Apply until all is done: a Provision that loses attributes lets one more through at each run."""
    for _ in range(3):
        if flow.apply().exit is Exit.DONE:
            break
    assert not flow.plan().pending


def stranger(flow: Flow) -> tuple[object, ...]:
    """All that Flex has of somebody who is not declared."""
    (name,) = (str(user["username"]) for user in flow.sandbox.users() if str(user["username"]) not in _OURS)
    return flow.sandbox.user(name), flow.sandbox.worker_attributes_text(name), flow.sandbox.channels(name)


_OURS = {"ana@example.com", "bob@example.com", "robert@example.com"}


@pytest.mark.parametrize("switches", [pytest.param({}, id="default"), *_others()])
def test_a_team_lives_through_everything(flow: Flow, switches: dict[str, object]) -> None:
    """Created, changed, renamed, gone and back again: each step converges, and nothing of others is lost."""
    flow.sandbox.seed(1)
    flow.sandbox.switches(**switches)
    before = stranger(flow)

    flow.write(ANA + BOB)
    settle(flow)
    flow.sandbox.edit_attributes("ana@example.com", THEIRS)
    flow.sandbox.edit_attributes("bob@example.com", THEIRS)
    changed = ANA.replace("level: 3", "level: 4").replace("returns: true", "returns: null").replace("voice:", "sms:")
    flow.write(changed + BOB)
    settle(flow)
    promoted = changed.replace("Ana Ruiz", "Ana Maria Ruiz").replace("[agent]", "[agent, supervisor]")
    flow.write(promoted + BOB.replace("Bob Byrne", "Robert Byrne"))
    settle(flow)
    flow.write(promoted + ROBERT)
    settle(flow)

    ana, robert = (flow.sandbox.worker_attributes(f"{name}@example.com") for name in ("ana", "robert"))
    assert {name: ana[name] for name in THEIRS} == {name: robert[name] for name in THEIRS} == THEIRS
    assert (ana["level"], ana["vip"], ana["codes"], ana["home"]) == (4, True, [1, 2], {"city": "London"})
    assert ana["routing"] == {"skills": ["billing"], "levels": {"billing": 3}}
    assert flow.sandbox.user("ana@example.com")["roles"] == ["agent", "supervisor"]
    assert flow.sandbox.channels("ana@example.com")["chat"]["configured_capacity"] == 3

    flow.write(promoted)
    settle(flow)
    assert flow.sandbox.user("bob@example.com")["deactivated"]
    flow.write(promoted + ROBERT.replace("previously: bob@example.com, ", ""))
    plan = flow.plan()
    assert kinds(plan) == {"robert@example.com": "blocked"}
    assert flow.apply(approve=[plan.changes[0].digest]).exit is Exit.DONE

    assert flow.plan().changes == ()
    assert ATTRIBUTE in flow.sandbox.worker_attributes("robert@example.com")
    assert stranger(flow) == before
