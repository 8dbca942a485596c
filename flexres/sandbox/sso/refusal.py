"""A login that cannot go on: the reason, as the browser shows it."""

from __future__ import annotations

from aiohttp import web

from flexres.sandbox.pages.render import page


class LoginError(Exception):
    """Why a login ended. `fix` is what a person can do about it; `status` the HTTP status of the page."""

    def __init__(self, reason: str, *, detail: str = "", fix: str = "", status: int = 400) -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail
        self.fix = fix
        self.status = status


def refusal_page(refusal: LoginError, *, step: str) -> web.Response:
    """A login that ended: where, why, and what to do."""
    return page("refused.html", {"refusal": refusal, "step": step}, refusal.status)
