"""`verify` against sandboxes that answer each unknown one way and the other: it finds the truth and leaves nothing."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from flexres.live.flex.configuration import ConfigurationApi
from flexres.live.http.transport import connect
from flexres.live.model import FlexUser
from flexres.sandbox.server import Sandbox
from flexres.sandbox.store.seed import SeedUser
from flexres.verify.lab import Experiment, Finding, Lab, Verification, is_throwaway
from flexres.verify.report import told
from flexres.verify.run import EXPERIMENTS, NOT_TRIED, table, verify
from tests.flow.command_line import Cli

BY_KEY = {experiment.key: experiment for experiment in EXPERIMENTS}
BOTH_WAYS: list[tuple[Mapping[str, Any], Mapping[str, str]]] = [
    (
        {"provision_on_existing": "merge", "provision_update_status": 200},
        {"provision_empty_worker": "kept", "provision_some_attributes": "merged", "provision_status": "201/200"},
    ),
    (
        {"provision_on_existing": "replace", "provision_update_status": 202},
        {"provision_empty_worker": "emptied", "provision_some_attributes": "replaced", "provision_status": "201/202"},
    ),
    (
        {"provision_on_existing": "ignore_empty"},
        {"provision_empty_worker": "kept", "provision_some_attributes": "replaced"},
    ),
    ({"provision_writes_profile": True}, {"provision_profile": "full_name,email,roles,contact_uri"}),
    ({"provision_writes_profile": False}, {"provision_profile": "none"}),
    ({"provision_json_values": "convert"}, {"typed_json_values": "as typed", "untyped_json_values": "text"}),
    ({"provision_json_values": "keep"}, {"typed_json_values": "as typed", "untyped_json_values": "number"}),
    (
        {"provision_json_values": "refuse"},
        {"typed_json_values": "refused", "untyped_json_values": "refused", "typed_text_values": "as typed"},
    ),
    ({"provision_wfo_roles": True}, {"insights_roles": "taken"}),
    ({"provision_wfo_roles": False}, {"insights_roles": "refused"}),
    ({"provision_body_shape": "nested"}, {"provision_answer": "nested"}),
    ({"provision_body_shape": "flat", "first_version": 1}, {"provision_answer": "flat"}),
    ({"channel_claims_stay_in_attributes": False}, {"channel_claims": "sets, does not stay"}),
    ({"channel_claims_stay_in_attributes": True}, {"channel_claims": "sets, stays"}),
    ({"reprovision_same_user": True}, {"reactivation": "same user"}),
    ({"reprovision_same_user": False}, {"reactivation": "another user"}),
    ({"deprovision_repeat": 204}, {"deprovision_repeat": "204", "deprovision_unknown": "404"}),
    ({"deprovision_repeat": 404}, {"deprovision_repeat": "404"}),
    ({"deprovisioned_get": 200}, {"deactivated_get": "200"}),
    ({"deprovisioned_get": 404}, {"deactivated_get": "404"}),
    ({"username_case_sensitive": True}, {"username_case": "refused"}),
    ({"username_case_sensitive": False}, {"username_case": "same user"}),
    ({"v4_finds_deactivated": True}, {"lookup_deactivated": "found"}),
    ({"v4_finds_deactivated": False}, {"lookup_deactivated": "not found"}),
    ({"v4_item_shape": "older"}, {"lookup_deactivated": "found"}),
    ({"list_attributes": "text"}, {"list_attributes": "text"}),
    ({"list_attributes": "null"}, {"list_attributes": "null"}),
    ({"list_attributes": "empty"}, {"list_attributes": "empty"}),
    ({"worker_etag": "bare"}, {"worker_etag": "bare", "if_match": "412"}),
    ({"worker_etag": "quoted"}, {"worker_etag": "quoted", "if_match": "412"}),
    ({"worker_etag": "absent"}, {"worker_etag": "absent", "if_match": "ignored"}),
    ({"tokens_status": 200, "tokens_max_ttl": 0}, {"token_status": "200", "token_ttl": "granted"}),
    ({"tokens_status": 201, "tokens_max_ttl": 3600}, {"token_status": "201", "token_ttl": "refused"}),
    ({"page_size_over_cap": "cap"}, {"page_size": "capped"}),
    ({"page_size_over_cap": "refuse"}, {"page_size": "refused"}),
    ({"page_size_cap": 2000}, {"page_size": "granted"}),
    ({"expression_precedence": "and_first"}, {"expression_precedence": "and first"}),
    ({"expression_precedence": "left_to_right"}, {"expression_precedence": "left to right"}),
    ({"expression_null": "value"}, {"expression_missing": "value"}),
    ({"expression_null": "unknown"}, {"expression_missing": "unknown"}),
    ({"expression_types": "strict"}, {"expression_types": "strict"}),
    ({"expression_types": "convert"}, {"expression_types": "convert"}),
    ({"expression_key_case": "exact"}, {"expression_key_case": "exact"}),
    ({"expression_key_case": "any"}, {"expression_key_case": "any"}),
    ({"expression_escapes": "none"}, {"expression_escapes": "none"}),
    ({"expression_escapes": "backslash"}, {"expression_escapes": "backslash"}),
    ({"event_actors": "full"}, {"event_actor": "account"}),
    ({"event_actors": "workspace"}, {"event_actor": "workspace"}),
    ({"configuration_names_instance": True}, {"configuration_instance": "named"}),
    ({"configuration_names_instance": False}, {"configuration_instance": "not named"}),
]


def run(
    sandbox: Sandbox, experiments: Iterable[Experiment] = EXPERIMENTS, *, stop_at: str = "", **options: Any
) -> Verification:
    """One verification; `stop_at` is the experiment at whose beginning somebody presses Ctrl-C."""
    identity = sandbox.identity

    async def verification() -> Verification:
        stop = asyncio.Event()

        def told(experiment: Experiment) -> None:
            if experiment.key == stop_at:
                stop.set()

        transport = connect(
            stack="test",
            account=identity.account_sid,
            endpoint=None,
            environ=sandbox.environment(),
            read_only=False,
        )
        async with transport:
            api = ConfigurationApi(transport, account=identity.account_sid, instance=identity.instance_sid)
            return await verify(transport, await api.fetch(), stop=stop, experiments=experiments, told=told, **options)

    return asyncio.run(verification())


def values(found: Verification) -> dict[str, str]:
    return {item.experiment.key: item.finding.value for item in found.settled if item.finding}


def assert_nothing_is_left(sandbox: Sandbox) -> None:
    """No active throwaway user, and no Worker of one."""
    assert [
        user["username"] for user in sandbox.users() if "verify" in str(user["username"]) and not user["deactivated"]
    ] == []
    assert [worker["friendly_name"] for worker in sandbox.workers() if "verify" in str(worker["friendly_name"])] == []
    assert [name for name in sandbox.queues() if "verify" in name] == []


@pytest.mark.parametrize(("switches", "truth"), BOTH_WAYS, ids=lambda value: " ".join(map(str, value.values())))
def test_each_unknown_is_found_as_it_is(
    sandbox: Sandbox, switches: Mapping[str, Any], truth: Mapping[str, str]
) -> None:
    """Whichever way the account answers, by the experiments concerned alone."""
    sandbox.switches(**switches)
    found = run(sandbox, [BY_KEY[key] for key in truth])
    assert values(found) == truth
    assert found.complete
    assert_nothing_is_left(sandbox)


def test_a_whole_run_settles_everything_safely_and_touches_nobody_else(sandbox: Sandbox) -> None:
    """All experiments in a row; the account's own users are as they were."""
    sandbox.seed(5)
    before = [sandbox.worker_attributes_text(str(user["username"])) for user in sandbox.users()]
    found = run(sandbox)
    assert found.complete
    assert found.safe
    assert list(values(found)) == list(BY_KEY)
    own = [user for user in sandbox.users() if not user["deactivated"]]
    assert [sandbox.worker_attributes_text(str(user["username"])) for user in own] == before
    assert_nothing_is_left(sandbox)


def test_every_unknown_has_both_its_answers_tested() -> None:
    """A new experiment needs its cases here; what only one way is known of is named."""
    seen: dict[str, set[str]] = {}
    for _, truth in BOTH_WAYS:
        for key, value in truth.items():
            seen.setdefault(key, set()).add(value)
    one_way = {"typed_text_values", "empty_values", "wrong_value", "deprovision_unknown"}
    assert {key for key, answers in seen.items() if len(answers) > 1} == BY_KEY.keys() - one_way


def test_an_account_without_etags_is_called_unsafe(sandbox: Sandbox) -> None:
    """Protection from a concurrent editor is gone then, and the report says so."""
    sandbox.switches(worker_etag="absent")
    found = run(sandbox, [BY_KEY["worker_etag"], BY_KEY["if_match"]])
    assert not found.safe
    assert "NOT SAFE: somebody who writes" in told(found, "text")


def test_a_stopped_run_removes_its_users(sandbox: Sandbox) -> None:
    """Ctrl-C in the middle of an experiment."""
    sandbox.latency(0.02)
    found = run(sandbox, stop_at="typed_text_values")
    assert found.interrupted
    assert not found.complete
    assert 0 < len(found.settled) < len(EXPERIMENTS)
    assert_nothing_is_left(sandbox)


def test_an_experiment_that_fails_is_named_and_the_others_go_on(sandbox: Sandbox) -> None:
    """One request that Twilio answers with nonsense is no reason to lose the rest."""
    sandbox.fault("500:match=Tokens")
    found = run(sandbox, [BY_KEY["token_status"], BY_KEY["worker_etag"]])
    assert values(found) == {"worker_etag": "bare"}
    assert not found.complete
    assert "not settled" in told(found, "text")
    assert_nothing_is_left(sandbox)


def test_a_bug_in_an_experiment_still_removes_its_users(sandbox: Sandbox) -> None:
    """Whatever happens: also what nobody thought of."""

    async def breaks(lab: Lab) -> Finding:
        await lab.subject({})
        raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        run(sandbox, [Experiment("broken", "?", "", breaks)])
    assert_nothing_is_left(sandbox)


def test_leftovers_of_an_earlier_run_are_removed_first(sandbox: Sandbox) -> None:
    """They are known by their names and addresses; a real person of a similar name is left alone."""
    leftover = "flexres-verify-0123456789ab@example.invalid"
    real = SeedUser("flexres-verify-me@example.com", "Real", "flexres-verify-me@example.com", ["agent"])
    sandbox.load([SeedUser(leftover, "Left", leftover, ["agent"]), real])
    found = run(sandbox, [])
    assert found.removed == (leftover,)
    assert sandbox.user(leftover)["deactivated"]
    assert not sandbox.user(real.username)["deactivated"]


def test_what_cannot_be_removed_is_named(sandbox: Sandbox) -> None:
    """With the user's SID and Twilio's reason, so that a person can."""
    leftover = "flexres-verify-0123456789ab@example.invalid"
    sandbox.load([SeedUser(leftover, "Left", leftover, ["agent"])])
    sandbox.make_busy(leftover)
    found = run(sandbox, [])
    assert len(found.left) == 1
    assert re.search(rf"{leftover} \(FU\w+\): Deprovision answered 400", found.left[0])
    assert "NOT REMOVED" in told(found, "text")


def test_only_unmistakable_users_count_as_throwaway() -> None:
    """Both the name and the address have to be ours."""
    name = "flexres-verify-0123456789ab@example.invalid"
    assert is_throwaway(FlexUser("FU1", name, "x", name, ("agent",), None))
    assert not is_throwaway(FlexUser("FU1", name, "x", "ana@example.com", ("agent",), None))
    assert not is_throwaway(FlexUser("FU1", "flexres-verify-@example.invalid", "x", name, ("agent",), None))


def test_the_documentation_has_every_unknown_and_its_fallback() -> None:
    """docs/unknowns.md holds exactly the tables that the experiments make."""
    text = (Path(__file__).parents[2] / "docs" / "unknowns.md").read_text()
    assert text.endswith(table() + "\n"), f"put these tables at the end of docs/unknowns.md:\n{table()}"
    assert len({item.key for item in (*EXPERIMENTS, *NOT_TRIED)}) == len(EXPERIMENTS) + len(NOT_TRIED)


def test_the_command_reports_in_every_form(cli: Cli, sandbox: Sandbox) -> None:
    """Text, Markdown and JSON, and saved where asked for."""
    account = sandbox.identity.account_sid
    text = cli.run("verify", "--non-production", account)
    assert (text.code, text.err) == (0, "")
    assert "31 unknowns settled, 0 not; none unsafe" in text.out
    assert "access_token" not in text.out
    saved = cli.run("verify", "--non-production", account, "-f", "json", "-o", "answers.json")
    assert (saved.code, saved.out) == (0, "")
    answers = json.loads((cli.folder / "answers.json").read_text())
    assert (answers["complete"], answers["safe"], len(answers["unknowns"])) == (True, True, len(EXPERIMENTS))
    markdown = cli.run("verify", "--non-production", account, "-f", "markdown")
    assert markdown.out.count("\n| ✓ |") == len(EXPERIMENTS)
    assert_nothing_is_left(sandbox)


def test_another_account_than_the_stacks_is_refused_before_anything_is_sent(cli: Cli, sandbox: Sandbox) -> None:
    """And so is no account at all."""
    other = cli.run("verify", "--non-production", "AC" + "9" * 32)
    assert other.code == 2
    assert "and the stack prod is of AC0" in other.err
    assert cli.run("verify").code == 2
    assert sandbox.requests() == []


def test_an_unsafe_account_makes_the_command_exit_1(cli: Cli, sandbox: Sandbox) -> None:
    """So that a script notices."""
    sandbox.switches(worker_etag="absent")
    assert cli.run("verify", "--non-production", sandbox.identity.account_sid).code == 1


def test_credentials_that_stop_working_end_the_run_and_name_what_may_be_left(cli: Cli, sandbox: Sandbox) -> None:
    """Exit 6, with the throwaway user's name."""
    sandbox.fault("401:match=Tokens")
    ran = cli.run("verify", "--non-production", sandbox.identity.account_sid)
    assert ran.code == 6
    assert "Stopped:" in ran.out
    assert_nothing_is_left(sandbox)
