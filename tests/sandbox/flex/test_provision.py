"""Provision: a user and a Worker made or brought up to date, all of it or nothing."""

from __future__ import annotations

import pytest

from flexres.sandbox.identity import DEFAULT

PROFILE = {
    "full_name": "Ana Ruiz",
    "email": "ana@example.com",
    "roles": ["agent"],
    "contact_uri": "client:ana_40example_2Ecom",
}


def test_creation_answers_201_with_the_worker_nested(wire):
    """The documented body: worker and teams are objects, the flat fields are absent."""
    answer = wire.provision()

    body = answer.json()
    assert answer.status_code == 201
    assert set(body["worker"]) == {"worker_sid", "workspace_sid"}
    assert body["worker"]["workspace_sid"] == DEFAULT.workspace_sid
    assert body["teams"] == {"team_member": None, "team_owner": None}
    assert "worker_sid" not in body
    assert (body["username"], body["deactivated"], body["version"]) == ("ana@example.com", False, 0)


def test_body_can_be_flat(sandbox, wire):
    """Newer services may drop the nesting."""
    sandbox.switches(provision_body_shape="flat")

    assert wire.provision().json()["worker_sid"].startswith("WK")


def test_first_version_is_as_the_switch_says(sandbox, wire):
    """Samples disagree on a new user's version."""
    sandbox.switches(first_version=1)

    assert wire.provision().json()["version"] == 1


def test_worker_is_named_after_the_user(wire):
    """The Worker's friendly name is the username, and it starts offline."""
    wire.provision()

    worker = wire.worker_of()

    assert (worker["friendly_name"], worker["activity_name"]) == ("ana@example.com", "Offline")


def test_attributes_are_typed_by_their_names(sandbox, wire):
    """Suffixes type values and are not stored; without one a value is text."""
    wire.provision({
        "level.int": "3", "vip.boolean": "true", "languages.stringarray": "en,de", "skills.intarray": "1,2,3",
        "flags.booleanarray": "true,false", "name.string": "Mary", "language": "english, spanish",
    })  # fmt: skip

    assert sandbox.worker_attributes("ana@example.com") == PROFILE | {
        "level": 3, "vip": True, "languages": ["en", "de"], "skills": [1, 2, 3], "flags": [True, False],
        "name": "Mary", "language": "english, spanish",
    }  # fmt: skip


@pytest.mark.parametrize(
    "attributes",
    [
        {"skill.int": "a"}, {"skill.int": "1.23"}, {"skill.int": 1.5}, {"skill.int": True}, {"skill.int": ""},
        {"vip.boolean": "yes"}, {"vip.boolean": "True"}, {"vip.boolean": 1}, {"ids.intarray": "1,x"},
        {"flags.booleanarray": "true,1"}, {"nested": {"a": 1}}, {"nothing": None}, {".int": "1"},
        {"channel.voice.capacity": "many"}, {"channel.voice.capacity": -1}, {"channel.voice.availability": "on"},
        {"channel.fax.capacity": 1}, {"channel.voice.capacity.boolean": "true"},
    ],
)  # fmt: skip
def test_wrong_value_is_refused_and_changes_nothing(sandbox, wire, attributes):
    """Twilio's own message, and neither user, Worker nor attribute appears."""
    wire.provision({"kept": "as it was"})
    before = (sandbox.users(), sandbox.workers(), sandbox.channels("ana@example.com"))

    answers = [
        wire.provision({"good": "value", **attributes}, full_name="Other"),
        wire.provision({"good": "value", **attributes}, username="new@example.com"),
    ]

    for answer in answers:
        assert (answer.status_code, answer.json()["code"]) == (400, 45004)
        assert answer.json()["message"] == "Error invalid attribute format"
    assert (sandbox.users(), sandbox.workers(), sandbox.channels("ana@example.com")) == before


@pytest.mark.parametrize(
    "changes",
    [
        {"username": ""}, {"username": "a" * 257}, {"username": 5}, {"full_name": ""}, {"full_name": "a" * 257},
        {"email": None}, {"email": "a" * 257}, {"roles": []}, {"roles": "agent"}, {"roles": ["boss"]},
        {"roles": ["Agent"]}, {"roles": [1]}, {"roles": None}, {"worker": None}, {"worker": []},
        {"worker": {"attributes": []}},
    ],
)  # fmt: skip
def test_wrong_fields_are_45004_and_change_nothing(sandbox, wire, changes):
    """Each required field is checked, and the message names it."""
    answer = wire.provision(**changes)

    assert (answer.status_code, answer.json()["code"]) == (400, 45004)
    assert next(iter(changes)) in answer.json()["message"]
    assert sandbox.users() == sandbox.workers() == []


@pytest.mark.parametrize(("length", "status"), [(64, 201), (65, 400)])
def test_username_longer_than_a_worker_name_makes_no_user(sandbox, wire, length, status):
    """A username may have 256 characters, its Worker's name only 64: nothing is half made."""
    assert wire.provision(username="a" * length).status_code == status
    assert len(sandbox.users()) == len(sandbox.workers()) == (status == 201)


def test_worker_made_through_taskrouter_is_never_adopted(sandbox, wire):
    """Its name is taken, whatever the case, so the user cannot be made."""
    wire.post(wire.workers, data={"FriendlyName": "Ana@Example.com"})

    assert wire.provision().status_code == 400
    assert sandbox.users() == []


@pytest.mark.parametrize("status", [200, 201, 202])
def test_repeat_updates_and_makes_no_duplicate(sandbox, wire, status):
    """Same user, same Worker; the status of an update is unknown."""
    sandbox.switches(provision_update_status=status)
    first = wire.provision().json()

    second = wire.provision(full_name="Ana R.", email="a@example.com", roles=["agent", "admin"])

    assert second.status_code == status
    body = second.json()
    assert (body["flex_user_sid"], body["worker"]) == (first["flex_user_sid"], first["worker"])
    assert (body["full_name"], body["email"], body["roles"]) == ("Ana R.", "a@example.com", ["agent", "admin"])
    assert body["version"] == first["version"] + 1
    assert len(sandbox.users()) == len(sandbox.workers()) == 1


@pytest.mark.parametrize(
    ("mode", "sent", "after"),
    [
        ("merge", None, {"old": "1"}),
        ("merge", {"new": "2"}, {"old": "1", "new": "2"}),
        ("replace", None, {}),
        ("replace", {"new": "2"}, {"new": "2"}),
        ("ignore_empty", None, {"old": "1"}),
        ("ignore_empty", {}, {"old": "1"}),
        ("ignore_empty", {"new": "2"}, {"new": "2"}),
    ],
)
def test_existing_attributes_are_treated_as_the_switch_says(sandbox, wire, mode, sent, after):
    """Merged, replaced, or replaced only when there is something to replace them with."""
    sandbox.switches(provision_on_existing=mode)
    wire.provision({"old": "1"})

    wire.provision(sent)

    assert sandbox.worker_attributes("ana@example.com") == PROFILE | after


def test_empty_value_clears_and_what_is_not_sent_stays(sandbox, wire):
    """An empty claim is a value; an absent one says nothing."""
    wire.provision({"manager": "Bo", "tags.stringarray": "a,b", "other": "x"})

    wire.provision({"manager": "", "tags.stringarray": ""})

    attributes = sandbox.worker_attributes("ana@example.com")
    assert (attributes["manager"], attributes["tags"], attributes["other"]) == ("", [], "x")


def test_profile_can_stay_out_of_the_attributes(sandbox, wire):
    """Whether Provision writes full_name and its like into the Worker is unknown."""
    sandbox.switches(provision_writes_profile=False)

    wire.provision({"team_name": "Support"})

    assert sandbox.worker_attributes("ana@example.com") == {"team_name": "Support"}


def test_contact_uri_that_was_sent_is_kept(sandbox, wire):
    """A SIP or phone contact wins over the automatic one, then and later."""
    wire.provision({"contact_uri": "sip:ana@pbx.example.com"})
    wire.provision()

    assert sandbox.worker_attributes("ana@example.com")["contact_uri"] == "sip:ana@pbx.example.com"


def test_attributes_that_do_not_change_keep_their_text_and_etag(sandbox, wire):
    """A Provision that changes nothing leaves the Worker as somebody wrote it."""
    wire.provision()
    text = (
        '{ "contact_uri":"client:ana_40example_2Ecom", "email":"ana@example.com",'
        ' "roles":["agent"], "full_name":"Ana Ruiz" }'
    )
    sandbox.set_attributes("ana@example.com", text)
    sandbox.switches(provision_on_existing="merge")

    wire.provision()

    assert sandbox.worker_attributes_text("ana@example.com") == text


def test_channel_claims_set_channels_and_not_attributes(sandbox, wire):
    """Capacity and availability go to the Worker's channels, on creation and later; numbers and text alike."""
    wire.provision({"channel.voice.capacity": 10, "channel.chat.capacity": "3"})
    wire.provision({"channel.voice.availability": "false", "channel.chat.capacity.int": 4})

    channels = sandbox.channels("ana@example.com")
    assert (channels["voice"]["configured_capacity"], channels["voice"]["available"]) == (10, False)
    assert (channels["chat"]["configured_capacity"], channels["chat"]["available"]) == (4, True)
    assert sandbox.worker_attributes("ana@example.com") == PROFILE


def test_channel_claims_can_stay_in_attributes(sandbox, wire):
    """The other way of an unknown."""
    sandbox.switches(channel_claims_stay_in_attributes=True)

    wire.provision({"channel.voice.capacity": 2})

    assert sandbox.worker_attributes("ana@example.com")["channel.voice.capacity"] == 2


@pytest.mark.parametrize(
    ("mode", "value", "stored"),
    [("convert", 5, "5"), ("convert", True, "true"), ("keep", 5, 5), ("keep", {"a": [1]}, {"a": [1]})],
)
def test_json_values_without_a_suffix_are_as_the_switch_says(sandbox, wire, mode, value, stored):
    """A number where text is the default: made text, or kept."""
    sandbox.switches(provision_json_values=mode)

    wire.provision({"level": value})

    assert sandbox.worker_attributes("ana@example.com")["level"] == stored


@pytest.mark.parametrize("attributes", [{"level": 5}, {"level.int": 5}, {"tags.stringarray": [1]}])
def test_json_values_can_be_refused(sandbox, wire, attributes):
    """Only text is a claim, except for a channel's settings."""
    sandbox.switches(provision_json_values="refuse")

    assert wire.provision(attributes).status_code == 400
    assert wire.provision({"channel.voice.capacity": 10}).status_code == 201


@pytest.mark.parametrize(("accepted", "status"), [(True, 201), (False, 400)])
def test_insights_roles_are_as_the_switch_says(sandbox, wire, accepted, status):
    """`wfo.` roles are documented for logins only."""
    sandbox.switches(provision_wfo_roles=accepted)

    assert wire.provision(roles=["agent", "wfo.team_leader"]).status_code == status


def test_channels_start_as_the_configuration_says(sandbox, wire):
    """taskrouter_worker_channels holds the defaults, by role."""
    defaults = {
        "default": [{"name": "chat", "availability": True, "capacity": 2}],
        "supervisor": [{"name": "chat", "availability": False, "capacity": 0}],
    }
    wire.post("/v1/Configuration", json={
        "account_sid": DEFAULT.account_sid, "taskrouter_worker_channels": defaults,
        "taskrouter_worker_attributes": {"supervisor": {"desk": "front"}},
    })  # fmt: skip

    wire.provision()
    wire.provision(username="sue", roles=["supervisor"])

    assert sandbox.channels("ana@example.com")["chat"]["configured_capacity"] == 2
    assert sandbox.channels("sue")["chat"]["configured_capacity"] == 0
    assert sandbox.channels("sue")["chat"]["available"] is False
    assert sandbox.channels("sue")["voice"]["configured_capacity"] == 1
    assert sandbox.worker_attributes("sue")["desk"] == "front"


@pytest.mark.parametrize(("case_sensitive", "status"), [(True, 400), (False, 200)])
def test_username_in_another_case_is_another_user_or_the_same(sandbox, wire, case_sensitive, status):
    """Either it is the same user, or its Worker's name is taken."""
    sandbox.switches(username_case_sensitive=case_sensitive)
    wire.provision()

    assert wire.provision(username="ANA@example.com").status_code == status
    assert len(sandbox.users()) == 1


@pytest.mark.parametrize("same", [True, False])
def test_deactivated_user_comes_back_as_the_switch_says(sandbox, wire, same):
    """The same Flex user revived, or a new one beside it; a new Worker in either case."""
    sandbox.switches(reprovision_same_user=same)
    first = wire.provision().json()
    wire.deprovision(first["flex_user_sid"])

    answer = wire.provision()

    second = answer.json()
    assert (second["flex_user_sid"] == first["flex_user_sid"]) is same
    assert answer.status_code == (200 if same else 201)
    assert second["worker"]["worker_sid"] != first["worker"]["worker_sid"]
    assert (second["deactivated"], second["deactivated_date"]) == (False, None)
    assert len(sandbox.users()) == (1 if same else 2)
    found = wire.get(wire.v4_users, Username="ana@example.com").json()["users"]
    assert [user["flex_user_sid"] for user in found] == [second["flex_user_sid"]]


def test_worker_that_was_deleted_comes_back_with_the_next_provision(sandbox, wire):
    """Deleting a Worker does not remove a user: it gets another."""
    worker = wire.provision().json()["worker"]["worker_sid"]
    wire.client.delete(f"{wire.workers}/{worker}")
    assert sandbox.user("ana@example.com")["worker_sid"] is None

    again = wire.provision().json()["worker"]["worker_sid"]

    assert again not in (None, worker)


def test_attributes_that_are_no_json_are_written_over(sandbox, wire):
    """Text that a test broke on purpose does not break Provision."""
    wire.provision()
    sandbox.set_attributes("ana@example.com", "{broken")

    assert wire.provision({"team": "x"}).status_code == 200
    assert sandbox.worker_attributes("ana@example.com") == PROFILE | {"team": "x"}


@pytest.mark.parametrize("defaults", [None, [], {"default": "x"}, {"default": [{}, 5, {"name": "chat"}]}])
def test_odd_worker_channels_in_the_configuration_are_harmless(wire, defaults):
    """A client may store anything there."""
    body = {"account_sid": DEFAULT.account_sid, "taskrouter_worker_channels": defaults}
    assert wire.post("/v1/Configuration", json=body).status_code == 200

    assert wire.provision().status_code == 201
