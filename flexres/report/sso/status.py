"""Single sign-on as it stands, field by field, and what to enter in Console: text, Markdown and JSON."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from flexres.idp.service_provider import ServiceProvider
from flexres.reconcile.change import Answer, SettingChange, SettingState
from flexres.report.layout import Page, Row, shorten
from flexres.report.markdown import code, prose
from flexres.report.sso.settings import as_json
from flexres.report.wording import plural
from flexres.sso.checklist import PAGE_PATH, PAGE_URL, Step
from flexres.sso.difference import SignOn
from flexres.text import json_text, visible

FORMAT: Final = 1
_ANSWERS: Final = {Answer.YES: ("yes", "green"), Answer.NO: ("no", "bold red"), Answer.UNKNOWN: ("unknown", "dim")}
_WIDE: Final = 60
_FINGERPRINT: Final = re.compile(r"[0-9A-F]{2}(:[0-9A-F]{2}){31}")


@dataclass(frozen=True, slots=True)
class Status:
    """One stack's single sign-on: the settings, what else was seen, and what Flex expects of the provider."""

    stack: str
    kind: str
    writer: str
    settings: Sequence[SettingChange]
    seen: SignOn
    flex: ServiceProvider | None


def status_text(status: Status, *, width: int, colour: bool) -> str:
    """Declared beside observed, how it was seen, and the SAML request behind the login."""
    page = Page(width, colour)
    page.write((visible(status.stack), "bold"), (f"  {status.kind} SSO, written by {status.writer}", "dim"))
    page.blank()
    head = (("", ""), ("declared", "dim"), ("seen", "dim"), ("", ""))
    page.table([head, *(_row(setting) for setting in status.settings)])
    reasons = [each for each in status.settings if each.answer is Answer.UNKNOWN and each.why]
    if reasons:
        page.heading("Not seen")
        page.table([((visible(each.name), ""), (_reason(each), "dim")) for each in reasons])
    details = _details(status)
    if details:
        page.heading("The login, as Flex begins it")
        page.table([((name, ""), (visible(value), style)) for name, value, style in details])
    return page.text()


def status_markdown(status: Status) -> str:
    """The same as GitHub Markdown."""
    lines = [f"### Single sign-on · {code(status.stack)} · {status.kind}, written by {status.writer}", ""]
    lines += ["| setting | declared | observed | | state | how |", "| --- | --- | --- | --- | --- | --- |"]
    for each in status.settings:
        how = each.how if each.answer is not Answer.UNKNOWN else _reason(each)
        observed = code(_short(each.observed) or "not set") if each.answer is not Answer.UNKNOWN else ""
        cells = (each.field, code(_short(each.entry or each.declared)), observed, str(each.answer), str(each.state))
        lines.append(f"| {' | '.join(cells)} | {prose(how, 400)} |")
    for name, value, _ in _details(status):
        lines += ["", f"- {name}: {code(value, 400)}"]
    return "\n".join([*lines, ""])


def status_json(status: Status) -> str:
    """The same as JSON text; a key is left out where there is nothing."""
    said: dict[str, Any] = {
        "format": FORMAT,
        "report": "sso status",
        "stack": status.stack,
        "type": status.kind,
        "writer": status.writer,
        "settings": [as_json(each) for each in status.settings],
    }
    if status.seen.client_id:
        said["client_id"] = status.seen.client_id
    request = status.seen.request
    if request is not None:
        said["saml_request"] = {
            "issuer": request.issuer,
            "acs": request.acs,
            "destination": request.destination,
            "name_id_format": request.name_id_format,
        }
    return json_text(said)


def _row(setting: SettingChange) -> Row:
    says, style = _ANSWERS[setting.answer]
    if setting.answer is Answer.NO:
        says = f"no: {_short(setting.observed) or 'not set'}"
    if setting.answer is not Answer.UNKNOWN:
        says = f"{says} ({visible(setting.how)})"
    state_style = {SettingState.AS_DECLARED: "green", SettingState.DRIFT: "bold red"}.get(setting.state, "cyan")
    # What only an API would know is not as declared merely because it was not asked.
    unseen = setting.state is SettingState.AS_DECLARED and setting.answer is Answer.UNKNOWN and not setting.step
    return (
        (setting.field, ""),
        (_short(setting.entry or setting.declared), "strike" if setting.removal else ""),
        (says, style),
        ("not seen", "dim") if unseen else (str(setting.state), state_style),
    )


def _short(text: str) -> str:
    """A value in a column's width; a fingerprint by its ends, as people compare them."""
    if _FINGERPRINT.fullmatch(text):
        return f"SHA-256 {text[:11]}…{text[-5:]}"
    return shorten(visible(text), _WIDE)


def _reason(setting: SettingChange) -> str:
    return visible(f"{setting.how}: {setting.why}" if setting.how else setting.why)


def _details(status: Status) -> list[tuple[str, str, str]]:
    """What the probes saw besides the settings: name, value, and the style that says whether it fits."""
    found: list[tuple[str, str, str]] = []
    if status.seen.client_id:
        found.append(("client id", status.seen.client_id, ""))
    request = status.seen.request
    if request is None:
        return found
    flex = status.flex
    entity, acs = (flex.entity_id, flex.acs) if flex else (request.issuer, request.acs)
    found.append(("entity ID of Flex", *_against(request.issuer, entity)))
    found.append(("ACS of Flex", *_against(request.acs or "none in the request", acs if request.acs else "")))
    if request.destination:
        found.append(("destination", request.destination, ""))
    found.append(("NameID that Flex asks for", request.name_id_format or "any", ""))
    return found


def _against(value: str, expected: str) -> tuple[str, str]:
    return (value, "") if not expected or value == expected else (f"{value}, and {expected} was expected", "red")


def checklist_text(stack: str, steps: Sequence[Step], *, width: int, colour: bool) -> str:
    """Every step with its value on lines of its own, so that it can be copied as it stands."""
    page = Page(width, colour)
    to_do = [step for step in steps if step.to_do]
    page.write((visible(stack), "bold"), (f"  {PAGE_PATH}", ""))
    page.write((PAGE_URL, "dim"))
    for step in steps:
        page.blank()
        sign, style = ("☐", "bold") if step.to_do else ("✓", "green")
        says = "" if step.to_do else "entered and attested"
        says = ("take out" if step.remove else "enter") if step.to_do else says
        seen = ", seen so already" if step.to_do and step.seen else ""
        page.write((f"{sign} {step.number} of {len(steps)}  {step.label}", style), (f"  {says}{seen}", "dim"))
        if step.to_do:
            # As it is: a value that was wrapped or indented could not be copied.
            page.lines.extend(visible(line) for line in step.value.rstrip("\n").split("\n"))
    page.blank()
    page.write(*_closing(stack, steps, to_do))
    return page.text()


_NOTHING_DECLARED: Final = "Nothing is declared yet that could be entered: fill in sso: in flex.yaml."
_NOTHING_LEFT: Final = "Nothing is left to enter."


def _closing(stack: str, steps: Sequence[Step], to_do: Sequence[Step]) -> list[tuple[str, str]]:
    if not steps:
        return [(_NOTHING_DECLARED, "yellow")]
    if not to_do:
        return [(_NOTHING_LEFT, "green")]
    return [("When it is entered: ", ""), (_attest(stack), "bold")]


def _attest(stack: str) -> str:
    return f"flexres sso attest --all --stack {visible(stack)}"


def checklist_markdown(stack: str, steps: Sequence[Step]) -> str:
    """The same as a Markdown task list with a copyable block a value."""
    to_do = [step for step in steps if step.to_do]
    lines = [f"### Enter in Console · {code(stack)}", "", f"[{PAGE_PATH.replace('>', '›')}]({PAGE_URL})", ""]
    for step in steps:
        verb = "take out" if step.remove else "enter"
        says = f"{verb}" if step.to_do else "entered and attested"
        lines.append(f"- [{' ' if step.to_do else 'x'}] **{step.label}**: {says}")
        if step.to_do:
            block = [f"  {line}" for line in visible_lines(step.value)]
            lines += ["", "  ```text", *block, "  ```", ""]
    done = (_NOTHING_LEFT if steps else _NOTHING_DECLARED) if not to_do else f"When it is entered: `{_attest(stack)}`"
    return "\n".join([*lines, "", f"{plural(len(to_do), 'step')} to do. {done}", ""])


def visible_lines(text: str) -> list[str]:
    """The lines of a value, each safe to look at."""
    return [visible(line).replace("```", "'''") for line in text.rstrip("\n").split("\n")]


def checklist_json(stack: str, steps: Sequence[Step]) -> str:
    """The same as JSON text."""
    said = {
        "format": FORMAT,
        "report": "sso checklist",
        "stack": stack,
        "page": PAGE_URL,
        "steps": [
            {
                "step": step.number,
                "label": step.label,
                "name": step.name,
                "value": step.value,
                "to_do": step.to_do,
                "remove": step.remove,
                "seen": step.seen,
            }
            for step in steps
        ],
    }
    return json_text(said)
