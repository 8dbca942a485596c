"""The reading half of the Flex users service, and v2."""

from __future__ import annotations

import re

import pytest

from flexres.sandbox.identity import DEFAULT
from flexres.sandbox.store.seed import SeedUser

_FIELDS = {
    "flex_user_sid", "account_sid", "instance_sid", "flex_team_sid", "username", "full_name", "email", "locale",
    "roles", "created_date", "updated_date", "version", "deactivated", "deactivated_date", "worker_sid",
    "workspace_sid",
}  # fmt: skip
_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def _walk(wire, path, key):
    """All items of a list, by following next_page_url, and how many pages it took."""
    items, pages = [], 0
    while path:
        body = wire.get(path).json()
        items += body[key]
        path = body["meta"]["next_page_url"]
        pages += 1
    return items, pages


def test_v1_list_shows_whole_users(wire):
    """A user in the v1 list has every documented field, and its Worker."""
    wire.provision()

    [user] = wire.get(wire.v1_users).json()["users"]

    assert set(user) == _FIELDS
    assert (user["account_sid"], user["instance_sid"]) == (DEFAULT.account_sid, DEFAULT.instance_sid)
    assert user["worker_sid"].startswith("WK")
    assert user["roles"] == ["agent"]
    assert _DATE.fullmatch(user["created_date"])


def test_v1_list_pages_are_followed_to_the_end(sandbox, wire):
    """Every user comes exactly once, in pages of the size that was asked for."""
    sandbox.seed(2_501)

    users, pages = _walk(wire, f"{wire.v1_users}?PageSize=1000", "users")

    assert pages == 3
    assert len({user["username"] for user in users}) == len(users) == 2_501


def test_page_links_lead_back_to_the_sandbox(sandbox, wire):
    """Links use the host that the request named, not Twilio's."""
    sandbox.seed(60)

    meta = wire.get(wire.v1_users).json()["meta"]

    assert meta["next_page_url"].startswith(f"{sandbox.url}{wire.v1_users}?")
    assert meta["page_size"] == 50
    assert meta["key"] == "users"
    assert meta["previous_page_url"] is None


def test_previous_page_leads_back(sandbox, wire):
    """From the second page, previous_page_url is the first."""
    sandbox.seed(5)
    first = wire.get(wire.v1_users, PageSize=2).json()
    second = wire.get(first["meta"]["next_page_url"]).json()

    back = wire.get(second["meta"]["previous_page_url"]).json()

    assert back["users"] == first["users"]


def test_list_that_fits_exactly_has_no_next_page(sandbox, wire):
    """No empty page at the end."""
    sandbox.seed(4)

    assert wire.get(wire.v1_users, PageSize=4).json()["meta"]["next_page_url"] is None


@pytest.mark.parametrize("token", ["abc", "-1", "9" * 19, "1.5"])
def test_bad_page_token_is_21481(wire, token):
    """The documented code for a page token that is none."""
    answer = wire.get(wire.v1_users, PageToken=token)

    assert (answer.status_code, answer.json()["code"]) == (400, 21481)


@pytest.mark.parametrize("size", ["0", "-1", "x", ""])
def test_bad_page_size_is_400(wire, size):
    """A size below 1 is refused."""
    assert wire.get(wire.v1_users, PageSize=size).status_code == 400


def test_page_size_above_the_cap_is_lowered(sandbox, wire):
    """By default 1,000 is the most that a page holds."""
    sandbox.seed(1_001)

    body = wire.get(wire.v1_users, PageSize=5000).json()

    assert len(body["users"]) == body["meta"]["page_size"] == 1_000


def test_page_size_above_the_cap_can_be_refused(sandbox, wire):
    """The other answer to an undocumented question."""
    sandbox.switches(page_size_over_cap="refuse", page_size_cap=100)

    assert wire.get(wire.v1_users, PageSize=101).status_code == 400
    assert wire.get(wire.v1_users, PageSize=100).status_code == 200


def test_v1_list_has_deactivated_users_without_a_worker(wire):
    """A deprovisioned user stays in the list: worker_sid is null, the Workspace is kept."""
    wire.deprovision(wire.provision().json()["flex_user_sid"])

    [user] = wire.get(wire.v1_users).json()["users"]

    assert user["deactivated"] is True
    assert _DATE.fullmatch(user["deactivated_date"])
    assert user["worker_sid"] is None
    assert user["workspace_sid"] == DEFAULT.workspace_sid


def test_v4_finds_one_user_by_username_without_its_worker(wire):
    """Items of the v4 list lack worker_sid: a client has to fetch by SID."""
    wire.provision()
    wire.provision(username="ben@example.com")

    body = wire.get(wire.v4_users, Username="ben@example.com").json()

    assert [user["username"] for user in body["users"]] == ["ben@example.com"]
    assert "worker_sid" not in body["users"][0]
    assert body["users"][0]["deactivated"] is False
    assert body["meta"] == {
        "direct_token": True, "list_key": "users", "next_token": None, "page_size": 50, "previous_token": None,
    }  # fmt: skip


def test_v4_items_can_have_the_older_shape(sandbox, wire):
    """The older sample has user_sid, no deactivation, and pages of one."""
    sandbox.switches(v4_item_shape="older")
    wire.provision()

    body = wire.get(wire.v4_users, Username="ana@example.com").json()

    assert "deactivated" not in body["users"][0]
    assert body["users"][0]["user_sid"] is None
    assert body["meta"]["page_size"] == 1


def test_v4_list_without_a_match_is_empty(wire):
    """No match is 200 with an empty list."""
    answer = wire.get(wire.v4_users, Username="nobody")

    assert (answer.status_code, answer.json()["users"]) == (200, [])


def test_v4_list_requires_a_username(wire):
    """Without Username it is the client's mistake."""
    assert wire.get(wire.v4_users).status_code == 400


@pytest.mark.parametrize(("case_sensitive", "found"), [(True, 0), (False, 1)])
def test_username_lookup_minds_case_as_the_switch_says(sandbox, wire, case_sensitive, found):
    """Whether usernames are case-sensitive is unknown: both ways."""
    sandbox.switches(username_case_sensitive=case_sensitive)
    wire.provision()

    assert len(wire.get(wire.v4_users, Username="ANA@example.com").json()["users"]) == found


@pytest.mark.parametrize(("finds", "found"), [(True, 1), (False, 0)])
def test_v4_list_finds_deactivated_users_as_the_switch_says(sandbox, wire, finds, found):
    """Whether a deactivated user is found by name is unknown: both ways."""
    sandbox.switches(v4_finds_deactivated=finds)
    wire.deprovision(wire.provision().json()["flex_user_sid"])

    assert len(wire.get(wire.v4_users, Username="ana@example.com").json()["users"]) == found


def test_v4_user_by_sid_is_flat_with_its_worker(wire):
    """Fetched by SID a user shows its Worker."""
    sid = wire.provision().json()["flex_user_sid"]

    user = wire.get(f"{wire.v4_users}/{sid}").json()

    assert set(user) == _FIELDS
    assert user["worker_sid"].startswith("WK")


@pytest.mark.parametrize("status", [200, 404])
def test_deactivated_user_by_sid_is_as_the_switch_says(sandbox, wire, status):
    """200 or 404 for a deprovisioned user: both ways."""
    sandbox.switches(deprovisioned_get=status)
    sid = wire.provision().json()["flex_user_sid"]
    wire.deprovision(sid)

    assert wire.get(f"{wire.v4_users}/{sid}").status_code == status


def test_v2_user_has_no_name_and_no_deactivation(wire):
    """The v2 resource is flat, with user_sid and url, without full_name and deactivated."""
    sid = wire.provision().json()["flex_user_sid"]

    user = wire.get(f"{wire.v2_users}/{sid}").json()

    assert set(user) == _FIELDS - {"full_name", "deactivated", "deactivated_date"} | {"user_sid", "url"}


def test_v2_update_changes_email_locale_and_user_sid(wire):
    """What v2 can change, and it shows in v4."""
    sid = wire.provision().json()["flex_user_sid"]
    form = {"Email": "new@example.com", "Locale": "de-DE", "UserSid": "US" + "1" * 32}

    answer = wire.post(f"{wire.v2_users}/{sid}", data=form)

    assert answer.status_code == 200
    assert (answer.json()["email"], answer.json()["locale"]) == ("new@example.com", "de-DE")
    assert answer.json()["user_sid"] == form["UserSid"]
    assert wire.get(f"{wire.v4_users}/{sid}").json()["email"] == "new@example.com"


def test_there_is_no_v2_list(wire):
    """v2 lists nothing."""
    assert wire.get(wire.v2_users).status_code == 404


def test_default_team_exists(wire):
    """The one team is called default."""
    team = wire.get(f"/v1/Instances/{DEFAULT.instance_sid}/Teams/{DEFAULT.team_sid}").json()

    assert team["friendly_name"] == "default"


def test_users_loaded_as_deactivated_have_no_worker(sandbox, wire):
    """A stack's past can be put in place."""
    sandbox.load([SeedUser("old@example.com", "Old", "old@example.com", ["agent"], deactivated=True)])

    [user] = wire.get(wire.v1_users).json()["users"]

    assert (user["deactivated"], user["worker_sid"]) == (True, None)
    assert wire.get(wire.workers).json()["workers"] == []
