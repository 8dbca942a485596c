"""What a plan does to the task queues, in every format."""

from __future__ import annotations

from flexres.report.plan.model import report_of
from flexres.report.terms import Risk
from tests.unit.report.rendering import plan_json, plan_markdown, plan_page, plan_text

from . import queue_samples, samples


def text(width: int = 140) -> str:
    return plan_text(queue_samples.queues_plan(), width=width, colour=False)


def section(written: str, title: str) -> list[str]:
    """The lines below a title."""
    lines = written[written.index(f"{title}\n") :].split("\n\n", maxsplit=1)[0].splitlines()
    return [" ".join(line.split()) for line in lines[1:]]


def test_a_queue_that_is_left_empty_stands_on_top() -> None:
    (risk, *_) = report_of(queue_samples.queues_plan()).risks
    assert (risk.kind, risk.username) == (Risk.LEFT_EMPTY, "Billing at night")
    assert section(text(), "Needs care")[0] == "left empty Billing at night the task queue loses ana@example.com"


def test_the_text_has_a_line_for_each_queue_that_changes_and_below_it_who_goes_and_comes() -> None:
    assert section(text(170), "Queues") == [
        "Billing at night 1 → 0 Calls: Bills",
        "- ana@example.com",
        "Billing EN 3 → 2 Calls: Bills",
        "- ana@example.com",
        "Level 3 2 → 1 (and 1 uncertain) no Workflow leads there",
        "- ben@example.com",
        "uncertain: it depends on how values of different types compare",
        "Returns 0 → 1 no Workflow leads there",
        "+ ana@example.com",
        "1 queue is below policy.queues as before: Everybody",
        "queue Broken: cannot tell who is in it: column 19: it ends too early",
    ]


def test_a_reviewer_reads_the_queues_that_change() -> None:
    written = plan_markdown(queue_samples.queues_plan())
    assert "**1 left empty**" in written
    assert "| `Billing at night` | 1 → 0 | `loses ana@example.com` | Calls: Bills |" in written
    assert "the queue Billing at night goes below 1" in written


def test_programs_get_them_as_values() -> None:
    found = {queue["name"]: queue for queue in plan_json(queue_samples.queues_plan())["queues"]}
    assert found["Billing at night"] == {
        "sid": "WQ2",
        "name": "Billing at night",
        "expression": queue_samples.NIGHT,
        "before": 1,
        "after": 0,
        "gains": [],
        "loses": ["ana@example.com"],
        "eligible": [],
        "filters": ["Calls: Bills"],
        "least": 1,
    }


def test_the_page_shows_bars_and_who_is_in() -> None:
    page = plan_page(queue_samples.queues_plan())
    assert "People in the queues that change" in page
    assert "<summary>2 in it</summary>" in page
    assert "in Billing EN" in page  # who is in a queue is found by its name in the list of people


def test_queues_that_stay_below_the_policy_are_one_line_with_their_number_in_every_format() -> None:
    """What a plan changes comes first; what stood before is not told again, queue by queue, in each plan."""
    plan = queue_samples.standing_plan()
    says = "4 queues are below policy.queues as before: Billing at night, Billing EN, Level 3"
    assert f"{says} and 1 more" in section(plan_text(plan, width=140, colour=False), "Queues")
    assert f"{says}, Returns" in section(plan_text(plan, width=140, colour=False, verbose=True), "Queues")
    assert f"{says} and 1 more" in plan_markdown(plan).replace("`", "")
    assert "| `Level 3`" not in plan_markdown(plan)
    assert says in plan_page(plan)
    assert {queue["name"] for queue in plan_json(plan)["queues"]} >= {"Level 3", "Returns"}


def test_a_key_without_the_right_costs_one_line() -> None:
    written = plan_text(queue_samples.unread_plan(), width=120, colour=False)
    assert section(written, "Queues") == [
        "The task queues cannot be read, so nobody can tell what this does to them: Authorization denied"
    ]


def test_a_plan_that_changes_no_routing_costs_no_line() -> None:
    assert "Queues" not in plan_text(samples.safe_plan(), width=120, colour=False)


def test_a_skill_that_flex_does_not_have_is_told_in_every_format_with_its_place() -> None:
    plan = queue_samples.skills_plan()
    text = plan_text(plan, width=160, colour=False, position=samples.position)
    assert "not in Flex's skills catalogue; did you mean billing?" in text
    assert "its level is above 5" in text
    assert "users/support.yaml:" in text
    assert "Everybody, by Calls: Hard" in text
    assert "Whether channels are available was not read of 120 users" in text
    assert "did you mean billing" in plan_markdown(plan)
    found = plan_json(plan)
    assert [(one["name"], one["trouble"]) for one in found["skills"]] == [
        ("biling", "unknown"),
        ("billing", "level too high"),
    ]
    assert found["channels_as_set"] == 120
    page = plan_page(plan)
    assert "Skills that Flex does not have so" in page
