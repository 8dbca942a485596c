"""What a preview through Pulumi says beside the engine: queues that lose somebody, and who stays although let go."""

from __future__ import annotations

from flexres.resources.messages import remarks
from tests.unit.report.queue_samples import queues_plan
from tests.unit.report.samples import kept_plan


def test_every_queue_that_loses_somebody_is_a_warning() -> None:
    said = [line for line, warns in remarks(queues_plan()) if warns and "task queue" in line]
    assert said == [
        "the task queue Billing at night loses ana@example.com: nobody is left in it",
        "the task queue Billing EN loses ana@example.com: 3 → 2",
        "the task queue Level 3 loses ben@example.com: 2 → 1",
    ]


def test_who_is_let_go_of_is_told_to_stay() -> None:
    """The engine's own preview shows a deletion alone."""
    assert ("let go, stays in Flex unmanaged: gone@example.com", False) in list(remarks(kept_plan()))
