"""Task queues, Workflows, Workers by expression and Events, through Twilio's own Python client, unmodified."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from twilio.base.exceptions import TwilioRestException

from flexres.sandbox.identity import DEFAULT
from flexres.sandbox.server import Sandbox

ROUTING = {"task_routing": {"filters": [], "default_filter": {"queue": "WQ" + "0" * 32}}}


@pytest.fixture
def people(workspace):
    """Ana takes billing in two languages, Bo nothing."""
    attributes = {"routing": {"skills": ["billing"], "levels": {"billing": 4}}, "languages": ["en", "es"]}
    ana = workspace.workers.create(friendly_name="Ana", attributes=json.dumps(attributes))
    return ana, workspace.workers.create(friendly_name="Bo")


def test_a_queue_is_created_fetched_updated_listed_and_deleted(workspace):
    """Its whole life."""
    queue = workspace.task_queues.create(friendly_name="Billing", target_workers='routing.skills HAS "billing"')
    assert (queue.target_workers, queue.task_order, queue.max_reserved_workers) == (
        'routing.skills HAS "billing"', "FIFO", 1,
    )  # fmt: skip

    queue = workspace.task_queues(queue.sid).update(friendly_name="Billing EN", target_workers="1==1")
    assert [(one.sid, one.friendly_name) for one in workspace.task_queues.list()] == [(queue.sid, "Billing EN")]
    assert workspace.task_queues(queue.sid).fetch().target_workers == "1==1"

    assert workspace.task_queues(queue.sid).delete() is True
    with pytest.raises(TwilioRestException) as gone:
        workspace.task_queues(queue.sid).fetch()
    assert gone.value.code == 20404


@pytest.mark.parametrize(
    "values",
    [
        {"friendly_name": "billing"}, {"friendly_name": "a" * 65}, {"friendly_name": "x", "target_workers": "a =="},
        {"friendly_name": "x", "target_workers": "(" * 2000}, {"friendly_name": "x", "max_reserved_workers": 51},
    ],
)  # fmt: skip
def test_a_wrong_queue_is_refused(workspace, values):
    """A name that is taken in another case or too long, and what cannot be read."""
    workspace.task_queues.create(friendly_name="Billing")

    with pytest.raises(TwilioRestException) as refused:
        workspace.task_queues.create(**values)

    assert (refused.value.status, refused.value.code) == (400, 20001)


def test_queues_are_listed_through_all_pages_and_by_name(sandbox, workspace):
    """The package follows next_page_url."""
    sandbox.begin_routing()

    assert len(workspace.task_queues.list(page_size=4)) == len(sandbox.queues()) > 8
    assert [queue.friendly_name for queue in workspace.task_queues.list(friendly_name="VIP")] == ["VIP"]


def test_queues_are_found_by_worker_and_by_attributes(workspace, people):
    """Those whose expression holds, for somebody who is there or who might be."""
    ana, bo = people
    for name, expression in (("All", "1==1"), ("Billing", 'routing.skills HAS "billing"'), ("Never", "1==2")):
        workspace.task_queues.create(friendly_name=name, target_workers=expression)

    def names(**filters):
        return [queue.friendly_name for queue in workspace.task_queues.list(**filters)]

    assert names(worker_sid=ana.sid) == ["All", "Billing"]
    assert names(worker_sid=bo.sid) == ["All"]
    assert names(evaluate_worker_attributes='{"routing": {"skills": ["billing"]}}') == ["All", "Billing"]


def test_workers_are_found_by_queue_and_by_expression(workspace, people):
    """By the queue's SID or name, and by what is asked of attributes, activities and channels."""
    _, bo = people
    queue = workspace.task_queues.create(friendly_name="ES", target_workers="languages HAS 'es'")
    [chat] = [one for one in workspace.workers(bo.sid).worker_channels.list() if one.task_channel_unique_name == "chat"]
    workspace.workers(bo.sid).worker_channels(chat.sid).update(capacity=7)

    def names(**filters):
        return [worker.friendly_name for worker in workspace.workers.list(**filters)]

    assert names(task_queue_sid=queue.sid) == names(task_queue_name="ES") == ["Ana"]
    assert names(target_workers_expression="activity_name in ['Offline', 'Break']") == ["Ana", "Bo"]
    assert names(target_workers_expression="worker.channel.chat.configured_capacity > 5") == ["Bo"]


def test_pages_of_an_expression_are_full(sandbox, workspace):
    """Each page holds as many as were asked for, and the pages together everybody, once."""
    sandbox.seed(120)
    expected = [one for one in sandbox.workers() if "billing" in json.loads(one["attributes"])["routing"]["skills"]]

    page = workspace.workers.page(target_workers_expression='routing.skills HAS "billing"', page_size=20)
    first = [worker.sid for worker in page]
    second = [worker.sid for worker in page.next_page()]

    assert first + second == [one["sid"] for one in expected[:40]]


def test_expressions_are_limited_to_three_a_second(sandbox, client_of, wire):
    """The fourth within a second is 429, and costs nothing; other lists are not limited."""
    answers = [wire.get(wire.workers, TargetWorkersExpression="1==1") for _ in range(4)]

    assert [answer.status_code for answer in answers][:3] == [200, 200, 200]
    assert answers[3].status_code == 429
    assert answers[3].json()["code"] == 20429
    assert [answer.headers["X-Rate-Limit-Remaining"] for answer in answers] == ["2", "1", "0", "0"]
    assert wire.get(f"{wire.workspace}/TaskQueues", EvaluateWorkerAttributes="{}").status_code == 200
    assert "X-Rate-Limit-Limit" not in wire.get(wire.workers).headers


def test_a_workflow_is_created_fetched_updated_listed_and_deleted(workspace):
    """Its whole life; the configuration is kept as the text that was sent."""
    text = json.dumps(ROUTING, indent=1)
    workflow = workspace.workflows.create(friendly_name="Care", configuration=text)
    assert (workflow.configuration, workflow.task_reservation_timeout) == (text, 120)

    workspace.workflows(workflow.sid).update(friendly_name="Customer Care", task_reservation_timeout=30)
    [listed] = workspace.workflows.list()
    assert (listed.friendly_name, listed.configuration) == ("Customer Care", text)

    assert workspace.workflows(workflow.sid).delete() is True
    assert workspace.workflows.list() == []


@pytest.mark.parametrize("configuration", ["", "{", "[]", "{}", '{"task_routing": []}', "[" * 100_000])
def test_a_wrong_configuration_is_refused(workspace, configuration):
    """What is no JSON object with task_routing."""
    with pytest.raises(TwilioRestException) as refused:
        workspace.workflows.create(friendly_name="Care", configuration=configuration)

    assert refused.value.code == 20001


def test_a_configuration_has_at_most_one_megabyte(workspace):
    """One byte more is refused."""
    text = json.dumps(ROUTING)
    whole = text + " " * (1024 * 1024 - len(text))

    assert workspace.workflows.create(friendly_name="Large", configuration=whole).configuration == whole
    with pytest.raises(TwilioRestException) as refused:
        workspace.workflows.create(friendly_name="Larger", configuration=whole + " ")
    assert refused.value.code == 20001


def test_each_change_of_a_worker_is_an_event(workspace):
    """Created, attributes, activity, channel and deletion, by whom and with what came of it."""
    worker = workspace.workers.create(friendly_name="Ana", attributes="{}")
    away = next(one for one in workspace.activities.list() if one.friendly_name == "Break")
    workspace.workers(worker.sid).update(attributes='{"level": 1}', activity_sid=away.sid)
    [chat] = [
        one for one in workspace.workers(worker.sid).worker_channels.list() if one.task_channel_unique_name == "chat"
    ]
    workspace.workers(worker.sid).worker_channels(chat.sid).update(capacity=4, available=False)
    workspace.workers(worker.sid).delete()

    events = workspace.events.list(worker_sid=worker.sid)

    assert [event.event_type for event in reversed(events)] == [
        "worker.created", "worker.attributes.update", "worker.activity.update", "worker.capacity.update",
        "worker.channel.availability.update", "worker.deleted",
    ]  # fmt: skip
    assert {(event.actor_sid, event.actor_type, event.source_ip_address) for event in events} == {
        (DEFAULT.account_sid, "account", "127.0.0.1")
    }
    capacity, attributes = events[2].event_data, events[4].event_data
    assert (capacity["worker_channel_previous_capacity"], capacity["worker_channel_capacity"]) == ("1", "4")
    assert (attributes["worker_attributes"], attributes["worker_version"]) == ('{"level": 1}', "1")


def test_a_write_that_changes_nothing_is_no_event(workspace):
    """The same attributes again."""
    worker = workspace.workers.create(friendly_name="Ana", attributes='{"a": 1}')

    workspace.workers(worker.sid).update(attributes='{"a": 1}')

    assert [event.event_type for event in workspace.events.list()] == ["worker.created"]


def test_queues_and_workflows_write_events(workspace):
    """Of a queue only its expression counts: Twilio documents no event for a new name."""
    queue = workspace.task_queues.create(friendly_name="A")
    workspace.task_queues(queue.sid).update(friendly_name="B")
    workspace.task_queues(queue.sid).update(target_workers="1==2")
    workspace.task_queues(queue.sid).delete()
    workflow = workspace.workflows.create(friendly_name="A", configuration=json.dumps(ROUTING))
    workspace.workflows(workflow.sid).update(friendly_name="B")
    workspace.workflows(workflow.sid).delete()

    assert [event.event_type for event in workspace.events.list(task_queue_sid=queue.sid)] == [
        "task-queue.deleted", "task-queue.expression.updated", "task-queue.created",
    ]  # fmt: skip
    assert [event.event_type for event in workspace.events.list(workflow_sid=workflow.sid)] == [
        "workflow.deleted", "workflow.updated", "workflow.created",
    ]  # fmt: skip


def test_events_are_filtered_by_time_and_type_and_come_in_pages(sandbox, workspace):
    """The last quarter of an hour unless told otherwise; for thirty days."""
    worker = workspace.workers.create(friendly_name="Ana")
    sandbox.age_events(days=2)
    for number in range(5):
        workspace.workers(worker.sid).update(attributes=json.dumps({"n": number}))
    now = datetime.now(UTC)

    assert len(workspace.events.list()) == 5
    assert len(workspace.events.list(minutes=60 * 24 * 3, page_size=2)) == 6
    assert [one.event_type for one in workspace.events.list(end_date=now - timedelta(days=1))] == ["worker.created"]
    assert len(workspace.events.list(start_date=now - timedelta(days=1), event_type="worker.attributes.update")) == 5
    sandbox.age_events(days=29)
    assert len(workspace.events.list(start_date=now - timedelta(days=60))) == 5


def test_changes_by_hand_name_who_made_them(sandbox, wire, workspace):
    """A person in Console, a Worker, a Flex user: each with a kind of its own."""
    wire.provision({"level": "1"})
    name = "ana@example.com"
    sandbox.edit_attributes(name, {"level": "2"}, by="boss@example.com")
    sandbox.edit_attributes(name, {"level": "3"}, by=f"worker:{name}")
    sandbox.set_channel(name, "chat", capacity=9, by=f"flex:{name}")
    user = sandbox.user(name)

    events = workspace.events.list(worker_sid=user["worker_sid"])[:3]

    assert [(event.actor_type, event.actor_sid[:2]) for event in events] == [
        ("user", "FU"), ("worker", "WK"), ("user", "US"),
    ]  # fmt: skip
    assert events[0].actor_sid == user["flex_user_sid"]
    assert events[1].actor_sid == user["worker_sid"]
    assert {event.source_ip_address for event in events} == {"198.51.100.23", "203.0.113.7"}


def test_actors_are_told_as_the_switch_says(sandbox, workspace):
    """In full, without a name, or always the Workspace."""
    workspace.workers.create(friendly_name="Ana")

    def actor():
        [event] = workspace.events.list()
        return event.actor_sid, event.actor_type

    assert actor() == (DEFAULT.account_sid, "account")
    sandbox.switches(event_actors="unnamed")
    assert actor() == (None, "account")
    sandbox.switches(event_actors="workspace")
    assert actor() == (DEFAULT.workspace_sid, "workspace")


def test_the_demo_begins_with_queues_that_stay_as_people_leave_them(tmp_path):
    """Put in place once: what was removed does not come back."""
    state = tmp_path / "flex.db"
    with Sandbox(state=state, routing=True) as first:
        assert "Billing EN" in first.queues()
        first.delete_queue("Billing EN")
        assert [event["event_type"] for event in first.events()] == ["task-queue.deleted"]

    with Sandbox(state=state, routing=True) as second:
        assert "Billing EN" not in second.queues()


def test_pages_of_a_queue_go_back_and_forth(sandbox, workspace):
    """previous_page_url leads to what was before."""
    sandbox.seed(40)
    sandbox.make_queue("Seniors", "level >= 2")

    def names(page):
        return [worker.friendly_name for worker in page]

    first = workspace.workers.page(task_queue_name="Seniors", page_size=5)
    second = names(first.next_page())
    third = workspace.workers.page(task_queue_name="Seniors", page_size=5).next_page().next_page()

    assert names(third.previous_page()) == second
    assert len({*names(first), *second, *names(third)}) == 15
