"""A report as one HTML page that needs nothing beside it: the verdict, charts, and a list to search and filter."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup

from flexres.report.drift.model import DriftReport
from flexres.report.html.content import Content, Past
from flexres.report.html.drift import drift_content
from flexres.report.html.plan import applied_content, plan_content
from flexres.report.html.rows import Person
from flexres.report.plan.model import AppliedReport, PlanReport

_TEMPLATES: Final = Path(__file__).with_name("templates")
_POLICY: Final = (
    "default-src 'none'; style-src '{style}'; script-src '{script}'; base-uri 'none'; form-action 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)


def page_html(
    report: PlanReport | AppliedReport | DriftReport, *, people: Iterable[Person] = (), past: Sequence[Past] = ()
) -> str:
    """The page of a plan, an outcome or drift.

    `people` are all whom the YAML declares, `past` what earlier reports of the stack found. The page loads nothing,
    sends nothing, and runs nothing but its own script.
    """
    everybody = tuple(people)
    if isinstance(report, DriftReport):
        return _rendered(drift_content(report, everybody, past))
    if isinstance(report, AppliedReport):
        return _rendered(applied_content(report, everybody, past))
    return _rendered(plan_content(report, everybody, past))


def _rendered(content: Content) -> str:
    style, script = _part("page.css"), _part("page.js")
    data = {**content.rows.data(), "all": content.all_words}
    return _template().render(
        page=content,
        charts=[chart for chart in content.charts if chart is not None],
        policy=_POLICY.format(style=_hash(style), script=_hash(script)),
        style=Markup(style),  # noqa: S704 - our own file
        script=Markup(script),  # noqa: S704 - our own file
        data=htmlsafe_json_dumps(data, dumps=_compact),
    )


def _compact(value: Any, **_: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


@cache
def _part(name: str) -> str:
    return (_TEMPLATES / name).read_text(encoding="utf-8")


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html")
