"""`flexres drift`: what differs from the YAML and why, for a person, a schedule or a CI; `--fix` puts it back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, TypeVar
from xml.etree.ElementTree import Element

import typer

from flexres.cli import options
from flexres.cli.applying import Manner, check_engine, check_manner, show_and_apply
from flexres.cli.each_stack import Told, each_stack, share_of
from flexres.cli.extra_outputs import ExtraOutputs
from flexres.cli.open_stack import Lifts, Opened, looking_through, note_oddities, opened, seen_through
from flexres.cli.output import busy, emit, note
from flexres.cli.reports import LARGEST_REPORT, drift_as
from flexres.cli.stacks import StackFolder, choose_stacks
from flexres.errors import Exit, SetupError
from flexres.files import read_if_there
from flexres.live.http.webhook import NotDeliveredError, Webhook, post, webhook
from flexres.reconcile.change import UserChange
from flexres.reconcile.drift.findings import Drift, compared_with, drift_of
from flexres.reconcile.drift.fix import as_deployed, drifted, left_by_fix
from flexres.reconcile.drift.named import named, workers_to_ask
from flexres.report.drift.json import drift_junit, drift_suite, earlier_of
from flexres.report.drift.model import drift_report_of
from flexres.report.drift.text import drift_message
from flexres.report.next_step import PlanRun

app = typer.Typer(rich_markup_mode=None, add_completion=False)

T = TypeVar("T")


@app.command(
    epilog="""\
\b
Examples:
  flexres drift -s prod
  flexres drift -s prod --since last.json -f json -o last.json
  flexres drift -s prod --notify https://hooks.slack.com/services/…
  flexres drift -s all -f junit -o drift.xml
  flexres drift -s prod -f html -o drift.html --reports reports/
  flexres drift -s prod --fix              asks, and deploys nothing from git
\b
A message is sent when there is drift, with --since only when some of it is
new. Whether it got through does not change the exit code: a message that
does not is told on stderr.
\b
Exit codes: 0 no drift, or with --since nothing new · 2 the YAML or the
set-up is wrong · 3 drift · 5 only people who are blocked or wait too long
6 Twilio is unreachable or refused the credentials. With --fix as apply has,
and 3 where git changed, too, what somebody changed: that is for an apply"""
)
def drift(
    *,
    stack: options.Several = None,
    stacks: options.Stacks = options.STACKS_FOLDER,
    since: Annotated[
        Path | None, typer.Option(metavar="FILE", help="An earlier JSON report: speak only of what is new.")
    ] = None,
    notify: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            envvar="FLEXRES_NOTIFY_URL",
            show_envvar=True,
            help="Post what was found to a webhook: Slack, or anything that takes JSON.",
        ),
    ] = None,
    fix: Annotated[
        bool, typer.Option("--fix", help="Put back what others changed; what is in git alone stays undeployed.")
    ] = False,
    who: Annotated[
        int, typer.Option(metavar="NUMBER", min=0, help="Ask who made it so, of this many Workers: a request each.")
    ] = 50,
    addresses: Annotated[
        bool, typer.Option("--addresses", help="With the IP address from which somebody did it.")
    ] = False,
    yes: options.Yes = False,
    approve: options.Approve = None,
    allow_admin: options.AllowAdmin = None,
    allow_dirty: options.AllowDirty = False,
    engine: options.Engine = None,
    switch_engine: options.SwitchEngine = False,
    journal: options.Journal = None,
    verbose: options.Verbose = False,
    report_format: options.FormatOfDrift = "text",
    out: options.Out = None,
    also: options.Also = None,
    reports: options.Reports = None,
    ci: options.Ci = "none",
    log: options.Log = "none",
) -> int:
    """Tell what differs from the YAML, why, and since when.

    Somebody in Flex, a login, git not deployed, a last day that has passed, people nobody declares, a certificate
    that expires: each with what would put it right. Without --fix, nothing is written to Flex.
    """
    chosen = choose_stacks(stack, stacks)
    extra = ExtraOutputs(tuple(also or ()), reports, ci)
    extra.check(chosen, report_format, out, junit=True)
    asked = _Asked(
        stacks, report_format, out, verbose, log, Lifts(approve or (), allow_admin or ()), extra, engine, who
    )
    if fix:
        if since is not None or engine is not None or notify is not None or report_format == "junit" or len(chosen) > 1:
            raise SetupError(
                "--fix is of one stack, and goes with none of --since, --notify, --engine and --format junit",
                hint="look first, then fix",
            )
        manner = Manner(yes, journal, report_format, out, log, verbose, extra=extra, allow_dirty=allow_dirty)
        return asyncio.run(_fix(chosen[0], asked, manner, switch=switch_engine))
    hook = webhook(notify) if notify is not None else None
    earlier = _earlier_report(since) if since is not None else None
    # Of each stack what is still to be said: its whole report has all of its users.
    suites: dict[str, Element] = {}
    messages: dict[str, Mapping[str, Any]] = {}

    async def one(folder: StackFolder) -> Told:
        seen, run, it = await _seen(folder, asked)
        note_oddities(seen.plan, it)
        if since is not None:
            seen = _compared(seen, earlier, since)
        report = drift_report_of(seen, run, it.stack.line_of, addresses=addresses)
        if report_format == "junit":
            suites[folder.name] = drift_suite(report)
        if hook is not None and _worth_telling(seen):
            messages[folder.name] = drift_message(report, text_alone=hook.takes_only_text)
        limit = share_of(len(chosen))
        text = drift_as(report, it.stack, report_format, out, verbose=verbose, limit=limit, reports=reports)
        extra.tell_drift(report, it.stack)
        return Told(text, report.headline, seen.exit)

    def all_suites(errors: Sequence[tuple[str, str]]) -> str:
        return drift_junit(_in_order(chosen, suites), errors=errors)

    combine = all_suites if report_format == "junit" else None

    async def tell_all() -> Exit:
        try:
            return await each_stack(chosen, one, report="drift", report_format=report_format, out=out, combine=combine)
        finally:
            # The report first: nothing that a webhook does may cost it.
            if hook is not None:
                for message in _in_order(chosen, messages):
                    await _notify(hook, message)

    return asyncio.run(tell_all())


def _in_order(chosen: Sequence[StackFolder], found: Mapping[str, T]) -> list[T]:
    return [found[each.name] for each in chosen if each.name in found]


def _worth_telling(seen: Drift) -> bool:
    return not seen.quiet and (seen.exit is not Exit.DONE or bool(seen.new))


@dataclass(frozen=True, slots=True)
class _Asked:
    """How drift is looked for and told."""

    stacks: Path
    report_format: options.DriftFormat
    out: Path | None
    verbose: bool
    log: options.LogFormat
    lifts: Lifts
    extra: ExtraOutputs
    engine: options.EngineName | None
    who: int


async def _seen(folder: StackFolder, asked: _Asked) -> tuple[Drift, PlanRun, Opened]:
    async with opened(folder.name, asked.stacks, read_only=True, log=asked.log, every_channel=True) as it:
        with busy(f"Reading {it.stack.name} from Flex"):
            plan, run = await it.plan()
            plan = await seen_through(looking_through(it, asked.stacks, asked.engine), plan)
            return await _named(drift_of(plan, it.stack.config.sso), it, asked.who), run, it


async def _named(seen: Drift, it: Opened, most: int) -> Drift:
    """The drift with who made it so, asked of at most so many Workers."""
    workers = workers_to_ask(seen)
    plan = seen.plan
    histories = await it.session.histories(plan.instance, workers[:most], until=plan.as_of)
    return named(seen, histories, unasked=len(workers[most:]))


def _earlier_report(path: Path) -> object | None:
    """The values of an earlier report, None where there is none yet. Raises SetupError for what is no JSON."""
    data = read_if_there(path, LARGEST_REPORT, hint="name an earlier JSON report")
    if data is None:
        note(f"note: {path} is not there yet: everything counts as new")
        return None
    try:
        # Looked at by earlier_of, for which null is no report either.
        return json.loads(data) or []
    except (ValueError, RecursionError):
        raise SetupError(
            f"{path} is no report of flexres drift: it is not JSON",
            hint="make one with flexres drift --format json --out FILE",
        ) from None


def _compared(seen: Drift, earlier: object | None, path: Path) -> Drift:
    """The drift beside the earlier report; without one, all of it is new."""
    part = earlier_of(earlier, seen.plan.stack_id, str(path)) if earlier is not None else None
    return compared_with(seen, part.found, part.made) if part is not None else compared_with(seen, (), "the beginning")


async def _notify(hook: Webhook, message: Mapping[str, Any]) -> None:
    """Sends a message; that it does not get through is a line, and no failure."""
    try:
        await post(hook, message)
    except NotDeliveredError as error:
        note(f"note: nobody was notified: {error.message}")
    except Exception as error:
        # A proxy or an answer beyond anything foreseen: the exit code is that of the drift all the same.
        note(f"note: nobody was notified: {type(error).__name__}")


async def _fix(folder: StackFolder, asked: _Asked, manner: Manner, *, switch: bool) -> Exit:
    """Puts back what others changed, by the direct engine, with the guards and the question that apply has."""
    check_manner(manner)
    async with opened(
        folder.name, asked.stacks, read_only=False, log=asked.log, lifts=asked.lifts, every_channel=True
    ) as it:
        check_engine(it, switch=switch)
        with busy(f"Reading {it.stack.name} from Flex"):
            everything, planned = await it.plan()
        seen = await _named(drift_of(everything, it.stack.config.sso), it, asked.who)
        left = left_by_fix(seen)
        if not any(map(drifted, everything.users)):
            tell = emit if manner.in_words else note
            more = "" if left.findings else "; flexres drift says what else differs"
            tell(f"{everything.stack}: nothing to put back{more}")
            return _tell_left(left, planned, it, manner)
        # From here on the YAML is what it was when it was last applied: also for the reading back.
        session = replace(it.session, wanted=as_deployed(it.session.wanted, everything), provider=None)
        before = replace(it, session=session)
        names = {change.username for change in everything.users if drifted(change)}
        found, run = await before.plan()
        plan = found.narrowed(lambda one: isinstance(one, UserChange) and one.username in names)
        run = replace(run, apply=("drift", "--fix"))
        manner = replace(manner, found=tuple(finding for finding in seen.findings if finding.fixed))
        question = f"Put back {_people(len(plan.users))} of {plan.stack}?"
        ended = await show_and_apply(plan, run, before, manner, question=question)
        remains = _tell_left(left, planned, it, manner)
    return remains if ended.exit is Exit.DONE else ended.exit


def _tell_left(left: Drift, run: PlanRun, it: Opened, manner: Manner) -> Exit:
    """Names the drift that is not for --fix to put right, beside a report that a program reads; what it exits with."""
    if left.exit is Exit.DONE:
        return Exit.DONE
    report = drift_report_of(left, run, it.stack.line_of)
    tell = emit if manner.in_words else note
    text = drift_as(report, it.stack, verbose=manner.verbose).rstrip()
    tell(f"\nLeft as it is, not for --fix to put right:\n\n{text}\nexit {int(left.exit)}: drift remains")
    return left.exit


def _people(count: int) -> str:
    return "1 user" if count == 1 else f"{count} users"
