"""Twilio's own Python client, unmodified, works against the sandbox: only the host of its requests is changed."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from twilio.base.exceptions import TwilioRestException, TwilioServiceException
from twilio.rest import Client

from flexres.sandbox.identity import DEFAULT
from tests.sandbox.twilio_package import SandboxHttpClient


def test_workers_are_created_fetched_updated_and_deleted(workspace):
    """A Worker's life."""
    worker = workspace.workers.create(friendly_name="Ana", attributes='{"a": 1}')
    assert (worker.friendly_name, worker.attributes, worker.available) == ("Ana", '{"a": 1}', False)

    worker = workspace.workers(worker.sid).update(friendly_name="Bo", attributes='{"a": 2}')
    assert (worker.friendly_name, workspace.workers(worker.sid).fetch().attributes) == ("Bo", '{"a": 2}')
    assert worker.date_updated.tzinfo is not None

    assert workspace.workers(worker.sid).delete() is True
    with pytest.raises(TwilioRestException) as gone:
        workspace.workers(worker.sid).fetch()
    assert (gone.value.status, gone.value.code) == (404, 20404)


def test_worker_update_minds_if_match(workspace):
    """The package's if_match meets the ETag that its answers carry."""
    worker = workspace.workers.create(friendly_name="Ana")
    etag = workspace.workers(worker.sid).fetch_with_http_info().headers["ETag"]

    workspace.workers(worker.sid).update(if_match=etag, attributes='{"n": 1}')
    with pytest.raises(TwilioRestException) as stale:
        workspace.workers(worker.sid).update(if_match=etag, attributes='{"n": 2}')

    assert (stale.value.status, stale.value.code) == (412, 20412)


def test_workers_are_listed_through_all_pages(sandbox, workspace):
    """The package follows next_page_url."""
    sandbox.seed(25)

    workers = workspace.workers.list(page_size=10)

    assert len({worker.sid for worker in workers}) == 25
    assert len(sandbox.requests(path="/Workers$")) == 3


def test_workers_are_filtered(sandbox, workspace):
    """By name and by availability."""
    sandbox.seed(3)
    name = sandbox.workers()[1]["friendly_name"]
    sandbox.set_activity(name, "Available")

    assert [worker.friendly_name for worker in workspace.workers.list(friendly_name=name)] == [name]
    assert [worker.friendly_name for worker in workspace.workers.list(available="true")] == [name]


def test_pages_go_back_and_forth(sandbox, workspace):
    """previous_page_url as well."""
    sandbox.seed(4)

    page = workspace.workers.page(page_size=2)
    names = [worker.friendly_name for worker in page]
    back = page.next_page().previous_page()

    assert [worker.friendly_name for worker in back] == names


def test_worker_channels_are_listed_and_updated(workspace):
    """Capacity and availability."""
    worker = workspace.workers.create(friendly_name="Ana")
    channels = workspace.workers(worker.sid).worker_channels
    [chat] = [channel for channel in channels.list() if channel.task_channel_unique_name == "chat"]

    workspace.workers(worker.sid).worker_channels(chat.sid).update(capacity=5, available=False)

    fetched = workspace.workers(worker.sid).worker_channels(chat.sid).fetch()
    assert (fetched.configured_capacity, fetched.available, fetched.assigned_tasks) == (5, False, 0)


def test_workspace_activities_and_task_channels_are_read(workspace):
    """The furniture."""
    assert workspace.fetch().default_activity_name == "Offline"
    assert [activity.friendly_name for activity in workspace.activities.list()][:2] == ["Offline", "Available"]
    assert "voice" in {channel.unique_name for channel in workspace.task_channels.list()}


def test_reservations_are_read(sandbox, workspace):
    """A busy Worker's."""
    worker = workspace.workers.create(friendly_name="Ana")
    sandbox.make_busy("Ana")

    [reservation] = workspace.workers(worker.sid).reservations.list()

    assert reservation.reservation_status == "accepted"


def test_configuration_is_fetched_and_updated(client):
    """With the account in the body, as Flex wants it."""
    configuration = client.flex_api.v1.configuration()
    assert configuration.fetch().flex_instance_sid == DEFAULT.instance_sid

    body = {"account_sid": DEFAULT.account_sid, "public_attributes": {"loginPopup": True}}
    # The package wants an object with to_dict, and has no class for one.
    updated = configuration.update(body=SimpleNamespace(to_dict=lambda: body))

    assert updated.public_attributes == {"loginPopup": True}


def test_flex_users_are_fetched_and_updated(client, wire):
    """The v2 resource."""
    sid = wire.provision().json()["flex_user_sid"]
    user = client.flex_api.v2.flex_user(DEFAULT.instance_sid, sid)

    assert user.fetch().username == "ana@example.com"
    assert user.update(email="new@example.com", locale="en-GB").email == "new@example.com"
    assert user.fetch().locale == "en-GB"


def test_rfc_9457_errors_are_understood(sandbox, workspace):
    """The other shape of errors that the package knows."""
    sandbox.switches(error_bodies="rfc9457")

    with pytest.raises(TwilioServiceException) as gone:
        workspace.workers("WK" + "9" * 32).fetch()

    assert (gone.value.status, gone.value.code) == (404, 20404)


def test_wrong_credentials_are_reported(sandbox):
    """401 with Twilio's code."""
    http_client = SandboxHttpClient(sandbox.url)
    client = Client(DEFAULT.account_sid, "wrong", http_client=http_client)

    with pytest.raises(TwilioRestException) as refused:
        client.flex_api.v1.configuration().fetch()

    http_client.session.close()
    assert (refused.value.status, refused.value.code) == (401, 20003)


def test_attributes_survive_the_round_trip(workspace):
    """Form encoding and JSON, with every kind of character."""
    text = json.dumps(
        {"name": "Zoë & Łukasz = 100 % +1", "quote": '"', "line": "a\nb", "emoji": "☎️"}, ensure_ascii=False
    )

    worker = workspace.workers.create(friendly_name="Zoë +1 & Co", attributes=text)

    assert workspace.workers(worker.sid).fetch().attributes == text
    assert workspace.workers.list(friendly_name="ZOË +1 & Co")[0].sid == worker.sid
