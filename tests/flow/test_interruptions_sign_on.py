"""Runs cut short at each write to single sign-on or the identity provider: run again, and it ends the same."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest

from flexres.errors import Exit
from flexres.live.http.base import HttpClient
from flexres.sandbox.server import Sandbox
from tests.flow.auth0 import IDP, SIGN_ON, IdpFlow
from tests.flow.test_interruptions import Killed, state

USERS = """
ana@example.com: {full_name: Ana Ruiz, roles: [agent], attributes: {department: Sales, level: 3}}
bob@example.com: {full_name: Bob Byrne, roles: [agent]}
"""
SETTINGS = '  trusted: ["https://flex.example.com"]\n  login_popup: true\n'


def _flow(sandbox: Sandbox, folder: Path) -> IdpFlow:
    flow = IdpFlow(sandbox, folder)
    sandbox.auth0.seed([("ana@example.com", "Ana R.", {"flex": {"theme": "dark"}, "crm": 7})])
    flow.write(USERS, more=SIGN_ON + SETTINGS + IDP)
    return flow


def _killed(flow: IdpFlow, patch: pytest.MonkeyPatch, number: int, *, after: bool) -> bool:
    """Applies, and dies before or after the write of this number, or not at all where there are fewer."""
    send, writes = HttpClient._send, itertools.count()

    async def dying(self: Any, call: Any) -> Any:
        dies = call.request.method != "GET" and next(writes) == number
        if dies and not after:
            raise Killed
        answer = await send(self, call)
        if dies:
            raise Killed
        return answer

    with patch.context() as patched:
        patched.setattr(HttpClient, "_send", dying)
        try:
            flow.apply()
        except BaseException as error:
            if isinstance(error, Killed) or (isinstance(error, BaseExceptionGroup) and error.subgroup(Killed)):
                return True
            raise
    return False


def _all(flow: IdpFlow) -> tuple[Any, ...]:
    tenant = flow.sandbox.auth0
    people = {name: tenant.app_metadata(name) for name in ("ana@example.com",)}
    return state(flow.sandbox), people, len(tenant.clients()), len(tenant.actions())


def test_a_run_killed_at_any_write_to_either_side_is_finished_by_the_next_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Users in Flex, settings and trusted entries, the provider's set-up and its people."""
    with Sandbox() as sandbox:
        flow = _flow(sandbox, tmp_path / "unharmed")
        assert flow.apply().exit is Exit.DONE
        unharmed = _all(flow)
    for number in itertools.count():
        for after in (False, True):
            with Sandbox() as sandbox:
                flow = _flow(sandbox, tmp_path / f"{number}{after}")
                killed = _killed(flow, monkeypatch, number, after=after)
                assert flow.apply().exit is Exit.DONE, f"killed at write {number}, {after=}"
                assert flow.plan().pending == (), f"killed at write {number}, {after=}"
                assert _all(flow) == unharmed, f"killed at write {number}, {after=}"
        if not killed:
            assert number >= 10
            return
