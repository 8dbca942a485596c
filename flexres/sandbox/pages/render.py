"""Pages that people see: our own templates, styles and scripts, under a policy that lets nothing else in."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from flexres.sandbox.errors import not_found

_HERE = Path(__file__).parent
_POLICY = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; "
_POLICY += "base-uri 'none'; frame-ancestors 'none'"
_TYPES = {".css": "text/css", ".js": "text/javascript"}
_HEADERS = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}


def page(template: str, values: Mapping[str, object], status: int = 200) -> web.Response:
    """A page made from one of the templates and what it names."""
    # No form-action in the policy: a login's form leads, through redirects, to whatever address is trusted.
    headers = {**_HEADERS, "Content-Security-Policy": _POLICY, "Cache-Control": "no-store"}
    html = _environment().get_template(template).render(values)
    return web.Response(text=html, status=status, content_type="text/html", headers=headers)


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


async def _static(request: web.Request) -> web.Response:
    files = _files()
    name = request.match_info["name"]
    if name not in files:
        raise not_found(request.path)
    headers = {**_HEADERS, "Cache-Control": "no-cache"}
    return web.Response(text=files[name], content_type=_TYPES[Path(name).suffix], headers=headers)


@cache
def _files() -> dict[str, str]:
    return {
        path.name: path.read_text(encoding="utf-8") for path in (_HERE / "static").iterdir() if path.suffix in _TYPES
    }


OPEN = [web.get("/_sandbox/static/{name}", _static, allow_head=False)]
