"""Settings of single sign-on in words: what waits for a person, what is written, what was seen to differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from flexres.apply.outcome import Applied, Outcome, Result
from flexres.reconcile.change import Answer, SettingChange, SettingState
from flexres.reconcile.plan import Plan
from flexres.report.layout import Page, Row, shorten
from flexres.report.markdown import code, prose
from flexres.report.next_step import checklist_command
from flexres.report.wording import LONG, SHORT, plural
from flexres.text import visible

_SIGNS: Final = {
    SettingState.AS_DECLARED: "✓",
    SettingState.PENDING: "…",
    SettingState.STALE: "…",
    SettingState.REMOVAL: "…",
    SettingState.CHANGE: "~",
    SettingState.DRIFT: "!",
}
_STYLES: Final = {
    SettingState.AS_DECLARED: "green",
    SettingState.PENDING: "cyan",
    SettingState.STALE: "cyan",
    SettingState.REMOVAL: "cyan",
    SettingState.CHANGE: "yellow",
    SettingState.DRIFT: "bold red",
}


@dataclass(frozen=True, slots=True)
class ToldSetting:
    """One setting as every format tells it."""

    sign: str
    name: str
    says: str
    how: str
    style: str


def settings_to_tell(plan: Plan) -> list[SettingChange]:
    """The settings that are not simply as declared."""
    return [each for each in plan.settings if each.state is not SettingState.AS_DECLARED]


def tell(setting: SettingChange, limit: int = SHORT) -> ToldSetting:
    """A setting in words: what is to be done about it, or what was seen."""
    sign = _SIGNS[setting.state]
    if setting.state is SettingState.CHANGE and setting.field == "trusted":
        sign = "-" if setting.removal else "+"
    return ToldSetting(sign, visible(setting.name), _says(setting, limit), _how(setting), _STYLES[setting.state])


_STEPS: Final = {
    SettingState.PENDING: "enter in Console",
    SettingState.STALE: "changed since it was attested: enter in Console",
    SettingState.REMOVAL: "remove in Console",
}


def _says(setting: SettingChange, limit: int) -> str:
    if setting.waits:
        return f"{_STEPS[setting.state]}, step {setting.step} of {setting.steps}"
    if setting.state is SettingState.AS_DECLARED:
        return str(setting.state)
    drift = setting.state is SettingState.DRIFT
    if setting.entry:
        change = "is trusted no longer" if setting.removal else "becomes trusted"
        return f"is {setting.observed}, though it was attested" if drift else change
    observed, declared = _value(setting.observed, limit), _value(setting.declared, limit)
    if observed == declared:  # they differ only in what was cut off
        observed, declared = visible(setting.observed), visible(setting.declared)
    return f"is {observed}, declared {declared}" if drift else f"{observed} → {declared}"


def _how(setting: SettingChange) -> str:
    if setting.waits and setting.answer is Answer.YES:
        return "is seen as declared: attest it"
    drift = setting.state is SettingState.DRIFT
    return f"seen by the {visible(setting.how)}" if drift and setting.how else ""


def _value(text: str, limit: int) -> str:
    return shorten(visible(text), limit) if text else "not set"


def in_text(page: Page, plan: Plan, *, verbose: bool) -> None:
    """The section of a text report; nothing where every setting is as declared, unless everything is asked for."""
    shown = plan.settings if verbose else settings_to_tell(plan)
    if not shown:
        return
    page.heading("Single sign-on")
    rows: list[Row] = []
    for setting in shown:
        said = tell(setting, LONG if verbose else SHORT)
        rows.append(((f"{said.sign} {said.name}", said.style), (said.says, ""), (said.how, "dim")))
    page.table(rows)
    if plan.console:
        page.write(("what to enter where: ", "dim"), (checklist_command(plan), "bold"), indent=2)


def counted(plan: Plan) -> str:
    """The settings that need something, counted: `2 settings to enter in Console, 1 setting to change`."""
    states = Counter("console" if each.waits else each.state for each in settings_to_tell(plan))
    words = {
        SettingState.CHANGE: "to change",
        "console": "to enter in Console",
        SettingState.DRIFT: "otherwise than attested",
    }
    return ", ".join(f"{plural(states[state], 'setting')} {says}" for state, says in words.items() if states[state])


def markdown_rows(settings: Sequence[SettingChange]) -> Iterator[Sequence[str]]:
    """The cells of a table of settings: sign, name, what, how."""
    for setting in settings:
        said = tell(setting, LONG)
        yield f"`{said.sign}`", code(said.name), prose(said.says, 600), prose(said.how)


def as_json(setting: SettingChange) -> dict[str, Any]:
    """A setting as JSON values; a key is left out where there is nothing."""
    said: dict[str, Any] = {
        "field": setting.field,
        "state": str(setting.state),
        "declared": setting.declared,
        "answer": str(setting.answer),
    }
    texts = {"entry": setting.entry, "observed": setting.observed, "how": setting.how, "why": setting.why}
    said |= {name: text for name, text in texts.items() if text}
    if setting.digest:
        said["digest"] = setting.digest
    if setting.step:
        said |= {"step": setting.step, "steps": setting.steps}
    return said | ({"removal": True} if setting.removal else {})


def outcomes_in_text(page: Page, applied: Applied) -> None:
    """What became of the settings of a run, and what still waits for a person."""
    if applied.settings:
        page.heading("Single sign-on")
        page.table(_outcome_row(outcome) for outcome in applied.settings)
    if applied.plan.console:
        page.blank()
        waiting = plural(len(applied.plan.console), "setting")
        page.write((f"{waiting} to enter in Console: ", "cyan"), (checklist_command(applied.plan), "bold"))


def _outcome_row(outcome: Outcome[SettingChange]) -> Row:
    done = outcome.result is Result.DONE
    style = "green" if done else "bold red"
    return (
        (f"{'✓' if done else '✗'} {visible(outcome.change.name)}", style),
        (tell(outcome.change).says if done else f"{outcome.result}: {visible(outcome.message)}", ""),
    )


def outcome_rows(applied: Applied) -> Iterator[Sequence[str]]:
    """The cells of a table of what became of the settings."""
    for outcome in applied.settings:
        said = tell(outcome.change, LONG)
        done = outcome.result is Result.DONE
        what = prose(said.says, 600) if done else f"**{outcome.result}**: {prose(visible(outcome.message), 400)}"
        yield f"`{said.sign}`", code(said.name), what


def outcome_json(outcome: Outcome[SettingChange]) -> dict[str, Any]:
    """What became of one setting, as JSON values."""
    said: dict[str, Any] = {"field": outcome.change.field, "result": str(outcome.result)}
    texts = {"entry": outcome.change.entry, "message": outcome.message, "request_id": outcome.request_id}
    return said | {name: text for name, text in texts.items() if text}
