"""One run of `verify`: every unknown, one experiment after another, everything removed again, whatever happens."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Final

from flexres.errors import FlexresError, UnreachableError
from flexres.live.http.transport import Transport
from flexres.live.model import Instance
from flexres.verify import expressions, provisioning, reading
from flexres.verify.lab import Experiment, Lab, Settled, Unknown, Verification

EXPERIMENTS: Final[tuple[Experiment, ...]] = (
    *provisioning.EXPERIMENTS,
    *provisioning.CLAIMS,
    *reading.EXPERIMENTS,
    *expressions.EXPERIMENTS,
    *reading.LEAVING,
)

NOT_TRIED: Final = (
    Unknown(
        "deprovision_with_tasks",
        "What does Deprovision of somebody with open reservations answer?",
        "Busy users wait; a refusal with tasks assigned counts as waiting, and any other is reported.",
    ),
    Unknown(
        "retry_after",
        "Does Flex send Retry-After with a 429?",
        "Honoured where it is sent; otherwise waits grow at random, and fewer requests go out at once.",
    ),
    Unknown(
        "rate_limit_headers",
        "Which window and key do X-Rate-Limit-Limit and -Remaining count, and what does -Config say?",
        "-Limit is taken for requests a second of that method and path, as TaskRouter's limits are given; where less "
        "than a tenth remains, a second passes; -Config is not read. "
        "Where one is missing or unreadable, nothing changes.",
    ),
    Unknown(
        "error_form",
        "Which services answer with error bodies of RFC 9457?",
        "Twilio's own form, RFC 9457, HTML and no body at all are read.",
    ),
    Unknown(
        "delayed_lists",
        "How soon do lists show what was just written?",
        "A list proves presence only: what it lacks is read by itself before it counts as gone.",
    ),
    Unknown(
        "role_change",
        "When does a change of roles reach somebody who is signed in?",
        "Nothing waits for it; a role that the identity provider sends wins at the next login.",
    ),
    Unknown(
        "sso_writing",
        "Is there an API that writes single sign-on settings or trusted URLs?",
        "None is published: flexres says what to enter in Console, and checks what can be seen from outside.",
    ),
    Unknown(
        "trusted_match",
        "How is a redirect URL compared with the trusted ones, and does a slash at its end matter?",
        "Full URLs are written, one for each place that a login returns to; none relies on a prefix or wildcard. "
        "A slash at the end counts: both spellings can be declared, and what a login sends is what is asked about.",
    ),
    Unknown(
        "trusted_when",
        "When does a login look at its redirect URL: as it begins, or as it comes back?",
        "A login is also begun for a URL that nobody can have trusted; only where that is refused do others count.",
    ),
    Unknown(
        "popup_features",
        "Does Flex UI read the features of the login window from public_attributes, as it reads loginPopup?",
        "They are kept there as declared, and written into appconfig.js too, where Twilio documents them.",
    ),
)
"""Unknowns that an experiment would harm, or could not settle."""


def table() -> str:
    """All unknowns as the Markdown tables of the documentation."""
    tried = _rows("Settled by `flexres verify`", EXPERIMENTS)
    return "\n".join([*tried, "", *_rows("Not tried on anybody's account", NOT_TRIED)])


def _rows(title: str, unknowns: Iterable[Unknown]) -> list[str]:
    rows = [f"| `{item.key}` | {item.question} | {item.fallback} |" for item in unknowns]
    return [f"## {title}", "", "| | Unknown | What flexres does in either case |", "| --- | --- | --- |", *rows]


Told = Callable[[Experiment], None]


async def verify(
    transport: Transport,
    instance: Instance,
    *,
    stop: asyncio.Event,
    experiments: Iterable[Experiment] = EXPERIMENTS,
    told: Told = lambda _: None,
) -> Verification:
    """Settle the unknowns on throwaway users of this instance, and remove them.

    `told` hears of each experiment as it begins. When `stop` is set, the experiment under way is given up and the
    users are removed. Raises UnreachableError when not even the first look at Flex gets through.
    """
    sent = transport.sent
    lab = Lab(transport, instance)
    removed, _ = await lab.remove_all()
    run = _Run(lab, experiments, told)
    work = asyncio.create_task(run.everything())
    stopped = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({work, stopped}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (work, stopped):
            task.cancel()
        await asyncio.gather(work, stopped, return_exceptions=True)
        left = await _left_after(lab)
    if not work.cancelled():
        work.result()
    return Verification(
        account=instance.account,
        instance=instance.sid,
        settled=tuple(run.settled),
        removed=removed,
        left=left,
        interrupted=stop.is_set(),
        requests=transport.sent - sent,
        unreachable=run.unreachable,
    )


class _Run:
    """The experiments one after another, so that at most two throwaway users are active for long."""

    def __init__(self, lab: Lab, experiments: Iterable[Experiment], told: Told) -> None:
        self._lab = lab
        self._experiments = experiments
        self._told = told
        self.settled: list[Settled] = []
        self.unreachable = ""

    async def everything(self) -> None:
        """Settle what can be settled; what Twilio does not let us settle is noted, and the next one begins."""
        for experiment in self._experiments:
            self._told(experiment)
            try:
                finding = await experiment.settle(self._lab)
            except UnreachableError as error:
                self.unreachable = error.message
                self.settled.append(Settled(experiment, None, error.message))
                return
            except FlexresError as error:
                self.settled.append(Settled(experiment, None, str(error)))
            except (LookupError, TypeError, AttributeError, ValueError) as error:
                # A body of another form than documented is an answer, too; the other questions are still open.
                self.settled.append(Settled(experiment, None, f"an answer could not be read ({error!r})"))
            else:
                self.settled.append(Settled(experiment, finding))


async def _left_after(lab: Lab) -> tuple[str, ...]:
    """Remove everything; what stays, and why."""
    try:
        _, left = await lab.remove_all()
    except FlexresError as error:
        return tuple(f"{name}: perhaps still active ({error})" for name in lab.named())
    return left
