"""One run of `verify`: leftovers removed, one experiment after another, everything removed again, whatever happens."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from flexres.errors import FlexresError, UnreachableError
from flexres.live.http.transport import Transport
from flexres.live.model import Instance
from flexres.verify.experiment import Experiment, Settled, Verification
from flexres.verify.lab import Lab
from flexres.verify.unknowns import EXPERIMENTS

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
