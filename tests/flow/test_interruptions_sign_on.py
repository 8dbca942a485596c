"""Runs cut short at each write to single sign-on or the identity provider: run again, and it ends the same."""

from __future__ import annotations

import itertools
from collections.abc import Callable
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
USERS_AFTER = """
ana@example.com: {full_name: Ana Maria Ruiz, roles: [agent, supervisor], attributes: {department: Support}}
cho@example.com: {full_name: Cho Lee, roles: [agent], attributes: {level: 1}}
"""
SETTINGS_AFTER = '  trusted: ["https://other.example.com"]\n  login_popup: false\n  default_redirect_url: https://other.example.com\n'
SETTINGS = '  trusted: ["https://flex.example.com"]\n  login_popup: true\n'


def _made(sandbox: Sandbox, folder: Path) -> IdpFlow:
    """Everything from the beginning."""
    flow = IdpFlow(sandbox, folder)
    sandbox.auth0.seed([("ana@example.com", "Ana R.", {"flex": {"theme": "dark"}, "crm": 7})])
    flow.write(USERS, more=SIGN_ON + SETTINGS + IDP)
    return flow


def _changed(sandbox: Sandbox, folder: Path) -> IdpFlow:
    """Fields change and go, an entry is trusted no longer, somebody leaves and comes; others broke the set-up."""
    flow = _made(sandbox, folder)
    flow.apply()
    sandbox.sso(default_redirect_url="https://elsewhere.example.com", active=False)
    (action,) = sandbox.auth0.actions()
    sandbox.auth0.edit_action(action["name"], action["code"] + "\n// tinkered")
    flow.write(USERS_AFTER, more=SIGN_ON + SETTINGS_AFTER + IDP)
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
    settings = flow.sandbox.sso()
    assert settings is not None
    url = str(settings.default_redirect_url).replace(flow.sandbox.url, "")
    signs = (settings.active, url, settings.issuer)
    return state(flow.sandbox), people, len(tenant.clients()), len(tenant.actions()), signs


@pytest.mark.parametrize("story", [_made, _changed])
def test_a_run_killed_at_any_write_to_either_side_is_finished_by_the_next_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, story: Callable[[Sandbox, Path], IdpFlow]
) -> None:
    """Users in Flex, settings and trusted entries, the provider's set-up and its people: made, changed, taken away."""
    with Sandbox() as sandbox:
        flow = story(sandbox, tmp_path / "unharmed")
        assert flow.apply().exit is Exit.DONE
        assert flow.plan().pending == ()
        unharmed = _all(flow)
    for number in itertools.count():
        for after in (False, True):
            with Sandbox() as sandbox:
                flow = story(sandbox, tmp_path / f"{number}{after}")
                killed = _killed(flow, monkeypatch, number, after=after)
                assert flow.apply().exit is Exit.DONE, f"killed at write {number}, {after=}"
                assert flow.plan().pending == (), f"killed at write {number}, {after=}"
                assert _all(flow) == unharmed, f"killed at write {number}, {after=}"
        if not killed:
            assert number >= 8
            return
