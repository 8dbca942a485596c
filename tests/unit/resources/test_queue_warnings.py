"""What a preview through Pulumi warns of where task queues lose somebody."""

from __future__ import annotations

from flexres.resources.messages import remarks
from tests.unit.report.queue_samples import queues_plan


def test_every_queue_that_loses_somebody_is_a_warning() -> None:
    said = [line for line, warns in remarks(queues_plan()) if warns and "task queue" in line]
    assert said == [
        "the task queue Billing at night loses ana@example.com: nobody is left in it",
        "the task queue Billing EN loses ana@example.com: 3 → 2",
        "the task queue Level 3 loses ben@example.com: 2 → 1",
    ]
