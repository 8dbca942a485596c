"""A drift story: somebody edits Flex, the schedule tells it once, and a fix puts it back without deploying anything."""

from __future__ import annotations

import gc
import http.server
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, ClassVar

import pytest

from flexres.reconcile.drift.findings import Drift, drift_of
from flexres.reconcile.fields import attribute_key
from flexres.reconcile.marker import parse
from flexres.reconcile.plan import Plan
from flexres.sandbox.server import Sandbox
from flexres.sandbox.taskrouter.event_table import by_api
from flexres.values import short_hash
from tests.flow.command_line import Cli
from tests.flow.gitops import FLEX, TEAM, commit

ANA = "ana@example.com"


class Listener(http.server.BaseHTTPRequestHandler):
    """Takes messages, and answers with `status`."""

    status = 200
    messages: ClassVar[list[Any]]

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        self.messages.append(json.loads(self.rfile.read(length)))
        self.send_response(self.status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def listener() -> Iterator[tuple[str, type[Listener]]]:
    class Own(Listener):
        """One test's listener."""

    Own.messages = []
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Own) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/services/s3cr3t", Own
        server.shutdown()


@pytest.fixture
def project(cli: Cli) -> Cli:
    """An applied stack without drift."""
    cli.write(flex=FLEX, team=TEAM)
    commit(cli.folder)
    assert cli.run("apply", "--yes").code == 0
    return cli


def findings(cli: Cli, *options: str) -> list[tuple[str, str]]:
    report = json.loads(cli.run("drift", "-f", "json", *options).out)
    return [(finding["subject"], finding["reason"]) for finding in report["findings"]]


def test_without_drift_it_exits_0_and_reads_alone(project: Cli, sandbox: Sandbox) -> None:
    sandbox.clear_requests()
    ran = project.run("drift")
    assert (ran.code, "no drift" in ran.out) == (0, True)
    assert {request.method for request in sandbox.requests()} == {"GET"}


def test_each_difference_is_told_with_its_reason(project: Cli, sandbox: Sandbox) -> None:
    """What a person edited, what git has not deployed, and what was made beside the YAML."""
    sandbox.edit_attributes(ANA, {"city": "Bari"})
    sandbox.seed(1)
    project.write(flex=FLEX, team=TEAM.replace("level: 1", "level: 2"))
    stranger = next(str(user["username"]) for user in sandbox.users() if "ruiz0" in str(user["username"]))
    assert findings(project) == [(ANA, "changed in Flex"), (ANA, "not deployed"), (stranger, "not declared")]
    assert project.run("drift").code == 3


def test_fixing_puts_back_what_others_changed_and_deploys_nothing(project: Cli, sandbox: Sandbox) -> None:
    sandbox.edit_attributes(ANA, {"city": "Bari"})
    project.write(flex=FLEX, team=TEAM.replace("level: 1", "level: 2") + "  eve@example.com: {full_name: Eve}\n")
    ran = project.run("drift", "--fix", "--yes")
    assert ran.code == 0, ran.err
    attributes = sandbox.worker_attributes(ANA)
    assert (attributes["city"], attributes["level"], len(sandbox.users())) == ("Rome", 1, 2)
    assert findings(project) == [(ANA, "not deployed"), ("eve@example.com", "not deployed")]


@pytest.mark.parametrize("drifted_too", [True, False])
@pytest.mark.parametrize("again", [True, False])
def test_fixing_does_not_deploy_what_git_says_by_now(
    project: Cli, sandbox: Sandbox, drifted_too: bool, again: bool
) -> None:
    """What git and Flex changed both is left to an apply, whatever else is put back of that user."""
    sandbox.edit_attributes(ANA, {"level": 5, **({"city": "Bari"} if drifted_too else {})})
    project.write(flex=FLEX, team=TEAM.replace("level: 1", "level: 2"))
    ran = project.run("drift", "--fix", "--yes")
    assert ran.code == 3, ran.err
    attributes = sandbox.worker_attributes(ANA)
    assert (attributes["city"], attributes["level"]) == ("Rome", 5)
    if again:
        sandbox.edit_attributes(ANA, {"city": "Pisa"})
        assert project.run("drift", "--fix", "--yes").code == 3
    assert findings(project) == [(ANA, "changed in git and in Flex")]


def test_the_way_to_take_flexs_side_of_one_field_is_told_with_what_an_export_would_take_back(
    project: Cli, sandbox: Sandbox
) -> None:
    """--prefer is of the whole stack: it would take back whatever waits to be applied."""
    sandbox.edit_attributes(ANA, {"level": 5})
    project.write(flex=FLEX, team=TEAM.replace("level: 1", "level: 2"))
    told = " ".join(project.run("drift").out.split())
    assert "to keep what Flex has, write it into the YAML" in told
    assert "export --prefer flex takes back all that is not deployed, of every user" in told


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("full_name: Ana Ruiz, attributes: {city: Rome}", "full_name: Ana R, attributes: {city: Rome}"),
        (
            "full_name: Ana Ruiz, skills: {a: 1}, attributes: {city: Rome}",
            "full_name: Ana Ruiz, skills: {a: 2}, attributes: {city: Rome}",
        ),
        (
            "full_name: Ana Ruiz, skills_exact: true, skills: {a: 1}, attributes: {city: Rome}",
            "full_name: Ana Ruiz, skills_exact: true, skills: {a: 2}, attributes: {city: Rome}",
        ),
    ],
    ids=["the name", "a skill", "a skill of an owned list"],
)
def test_fixing_keeps_in_mind_that_both_sides_changed_a_field(
    project: Cli, sandbox: Sandbox, before: str, after: str
) -> None:
    """Of whatever kind it is: later it is told as changed by both, not as nothing but undeployed."""

    def team(fields: str) -> str:
        return f"users:\n  {ANA}: {{roles: [agent], {fields}}}\n  bob@example.com: {{full_name: Bob, roles: [agent]}}\n"

    project.write(flex=FLEX, team=team(before))
    assert project.run("apply", "--yes").code == 0
    sandbox.edit_attributes(ANA, {"city": "Bari", "routing": {"skills": ["a"], "levels": {"a": 5}}})
    if "R," in after:
        sandbox.provision(ANA, "Somebody Else")
    project.write(flex=FLEX, team=team(after))
    ran = project.run("drift", "--fix", "--yes")
    assert ran.code == 3, ran.err
    assert sandbox.worker_attributes(ANA)["city"] == "Rome"
    assert (ANA, "changed in git and in Flex") in findings(project)
    assert (ANA, "not deployed") not in findings(project)


def test_fixing_asks_and_obeys_the_guards(project: Cli, sandbox: Sandbox) -> None:
    """The limits are those of the policy."""
    sandbox.edit_attributes(ANA, {"city": "Bari"})
    assert "nobody can be asked" in project.run("drift", "--fix").err
    project.write(flex=FLEX.replace("max_changes: 100%", "max_changes: 0"), team=TEAM)
    refused = project.run("drift", "--fix", "--yes")
    assert refused.code == 4
    assert "flexres drift --stack prod --fix --approve" in refused.out
    assert sandbox.worker_attributes(ANA)["city"] == "Bari"


def test_fixing_nothing_says_so(project: Cli) -> None:
    ran = project.run("drift", "--fix", "--yes")
    assert (ran.code, "nothing to put back" in ran.out) == (0, True)


def test_fixing_names_what_it_leaves_and_ends_with_drift(project: Cli, sandbox: Sandbox) -> None:
    """Whom somebody made admin while git changed the roles, too, is left to an apply, and told before all else."""
    project.write(flex=FLEX, team=TEAM.replace("Ana Ruiz,", "Ana Ruiz, roles: [agent, supervisor],"))
    sandbox.provision(ANA, "Ana Ruiz", roles=["admin"])
    care = "has admin in Flex, by neither the YAML nor what was last applied"
    looked = project.run("drift")
    assert (looked.code, care in looked.out.partition("Changed in git and in Flex")[0]) == (3, True)
    ran = project.run("drift", "--fix", "--yes")
    assert ran.code == 3
    assert "nothing to put back" in ran.out
    assert care in ran.out
    assert "roles: admin → agent, supervisor" in ran.out
    assert ran.out.endswith("exit 3: drift remains\n")
    sandbox.edit_attributes(ANA, {"city": "Bari"})
    again = project.run("drift", "--fix", "--yes", "-f", "json")
    assert (again.code, json.loads(again.out)["report"]) == (3, "apply")
    assert care in again.err
    assert sandbox.worker_attributes(ANA)["city"] == "Rome"
    assert next(user["roles"] for user in sandbox.users() if user["username"] == ANA) == ["admin"]


def test_a_schedule_speaks_only_of_what_is_new(project: Cli, sandbox: Sandbox) -> None:
    """The report of one run is the next one's --since; as JSON it is whole all the same."""
    schedule = ("drift", "--since", "last.json", "-f", "json", "-o", "last.json")
    sandbox.edit_attributes(ANA, {"city": "Bari"})
    first = project.run(*schedule)
    assert (first.code, "not there yet" in first.err) == (3, True)
    assert project.run(*schedule).code == 0
    quiet = project.run("drift", "--since", "last.json")
    assert (quiet.code, "nothing new since" in quiet.out) == (0, True)
    assert findings(project, "--since", "last.json") == [(ANA, "changed in Flex")]
    sandbox.edit_attributes("bob@example.com", {"x": 1})
    sandbox.edit_attributes(ANA, {"city": "Pisa"})
    assert project.run(*schedule).code == 3


@pytest.mark.parametrize(
    "text",
    [
        *("{", "[]", "null", '{"report": {}}', '{"report": "plan", "format": 1}'),
        '{"report": "drifts", "format": 1, "stacks": 7}',
    ],
)
def test_a_foreign_file_is_no_earlier_report(project: Cli, text: str) -> None:
    (project.folder / "last.json").write_text(text)
    ran = project.run("drift", "--since", "last.json")
    assert (ran.code, "last.json is no report of flexres drift" in ran.err) == (2, True)


def test_a_webhook_is_told_of_drift_and_only_then(
    project: Cli, sandbox: Sandbox, listener: tuple[str, type[Listener]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By option or by environment; of nothing new, nothing."""
    url, listening = listener
    monkeypatch.setenv("FLEXRES_NOTIFY_URL", url)
    assert project.run("drift").code == 0
    assert listening.messages == []
    sandbox.edit_attributes(ANA, {"city": "Bari"})
    assert project.run("drift", "-f", "json", "-o", "last.json").code == 3
    assert project.run("drift", "--since", "last.json").code == 0
    (message,) = listening.messages
    assert message["findings"][0]["subject"] == ANA
    assert message["text"].startswith("*flexres* · prod · drift: 1 finding")


def test_a_webhook_that_fails_is_one_line_and_leaves_the_exit_code(
    project: Cli, sandbox: Sandbox, listener: tuple[str, type[Listener]]
) -> None:
    url, listening = listener
    listening.status = 404
    sandbox.edit_attributes(ANA, {"city": "Bari"})
    ran = project.run("drift", "--notify", url)
    assert ran.code == 3
    assert ran.err == "note: nobody was notified: http://127.0.0.1/… did not take the message: it answered 404\n"


def test_a_webhook_in_the_clear_is_refused_before_anything_is_read(project: Cli, sandbox: Sandbox) -> None:
    sandbox.clear_requests()
    ran = project.run("drift", "--notify", "http://example.com/s3cr3t")
    assert (ran.code, "s3cr3t" in ran.err) == (2, False)
    assert sandbox.requests() == []


def test_flex_out_of_reach_is_exit_6(project: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWILIO_API_SECRET", "wrong")
    assert project.run("drift").code == 6


def test_fix_goes_alone(project: Cli) -> None:
    ran = project.run("drift", "--fix", "--since", "x.json")
    assert (ran.code, "--fix is of one stack" in ran.err) == (2, True)


def test_junit_of_several_stacks_is_one_file_with_a_failed_one_in_it(project: Cli) -> None:
    project.write(stack="eu", flex=FLEX.replace("k7m2q9", "eu9999").replace("0001\nengine", "0002\nengine"))
    ran = project.run("drift", "-s", "all", "-f", "junit")
    assert ran.code == 6
    assert ran.out.count("<testsuite ") == 2
    assert ran.out.count("<error ") == 1


@pytest.mark.parametrize("options", [["-f", "text"], ["-f", "junit"], ["--notify"]], ids=" ".join)
def test_of_many_stacks_no_more_plans_are_held_than_of_one(
    project: Cli, listener: tuple[str, type[Listener]], monkeypatch: pytest.MonkeyPatch, options: list[str]
) -> None:
    """A stack's plan has all of its users; a hundred of them would fill the memory."""
    for number in range(5):
        team = f"users:\n  zoe{number}@example.com: {{full_name: Zoe, roles: [agent]}}\n"
        project.write(stack=f"s{number}", flex=FLEX.replace("k7m2q9", f"s{number}9999"), team=team)
    held = []

    def counted(plan: Plan, *rest: Any) -> Drift:
        gc.unfreeze()
        gc.collect()
        held.append(sum(isinstance(one, Plan) for one in gc.get_objects()))
        return drift_of(plan, *rest)

    monkeypatch.setattr("flexres.cli.commands.drift.drift_of", counted)
    url, own = listener
    ran = project.run("drift", "-s", "all", *options, *([url] if options == ["--notify"] else []))
    assert ran.code == 3
    assert (len(held), max(held)) == (6, min(held))
    assert len(own.messages) == (5 if options == ["--notify"] else 0)


def test_two_stacks_of_one_instance_must_not_share_a_user(project: Cli) -> None:
    """Refused before anything is sent, with both places, by every command."""
    project.write(stack="eu", flex=FLEX.replace("k7m2q9", "eu9999"), team=TEAM)
    for command in (["drift", "-s", "eu"], ["plan", "-s", "prod"], ["apply", "-s", "all", "--yes"], ["validate"]):
        ran = project.run(*command)
        assert ran.code == 2, command
        assert "of the same instance, too, at stacks/" in ran.out + ran.err


def test_stacks_that_share_an_instance_and_no_user_leave_each_other_alone(project: Cli, sandbox: Sandbox) -> None:
    team = "users:\n  zoe@example.com: {full_name: Zoe, roles: [agent]}\n"
    project.write(stack="eu", flex=FLEX.replace("k7m2q9", "eu9999"), team=team)
    ran = project.run("apply", "-s", "all", "--yes")
    assert ran.code == 0, ran.err
    assert ran.out.endswith("2 stacks\n  eu    exit 0: done\n  prod  exit 0: done\n")
    assert len(sandbox.users()) == 3
    assert project.run("drift", "-s", "*").code == 0


def made_by(cli: Cli, *options: str) -> list[dict[str, Any]]:
    report = json.loads(cli.run("drift", "-f", "json", *options).out)
    return [made for finding in report["findings"] for made in finding.get("made_by", ())]


@pytest.mark.parametrize(
    ("by", "whose", "name"),
    [
        (f"worker:{ANA}", "self", ANA),
        ("worker:bob@example.com", "person", "bob@example.com"),
        ("flex:bob@example.com", "person", "bob@example.com"),
        ("console@example.com", "other", None),
    ],
)
def test_drift_says_who_changed_a_worker(project: Cli, sandbox: Sandbox, by: str, whose: str, name: str | None) -> None:
    """By TaskRouter's Events: one request for each Worker that drifted, and no address unless asked for."""
    sandbox.edit_attributes(ANA, {"city": "Bari"}, by=by)
    sandbox.edit_attributes(ANA, {"shoe": 43}, by="somebody else")
    sandbox.clear_requests()
    (made,) = made_by(project)
    assert (made["whose"], made["fields"], made["exact"]) == (whose, ["attr:city"], True)
    assert name is None or made["name"] == name
    assert "address" not in made
    assert len(sandbox.requests(path="/Events")) == 1
    assert made_by(project, "--addresses")[0]["address"]


def test_the_report_of_drift_names_who_did_it_in_every_format(project: Cli, sandbox: Sandbox) -> None:
    sandbox.edit_attributes(ANA, {"city": "Bari"}, by="worker:bob@example.com")
    for report_format in ("text", "markdown", "html"):
        assert "by bob@example.com (worker)" in project.run("drift", "-f", report_format).out


def test_what_is_put_back_is_in_the_journal_with_who_had_done_it(project: Cli, sandbox: Sandbox) -> None:
    """The line names TaskRouter's Event, so that anybody can look it up."""
    sandbox.edit_attributes(ANA, {"city": "Bari"}, by="worker:bob@example.com")
    assert project.run("drift", "--fix", "--yes", "--journal", "j.jsonl").code == 0
    lines = [json.loads(line) for line in (project.folder / "j.jsonl").read_text().splitlines()]
    (line,) = [line for line in lines if line["event"] == "drift"]
    assert (line["username"], line["who"], line["keys"]) == (ANA, "bob@example.com", ["attr:city"])
    events = {event["sid"] for event in sandbox.events(worker=ANA)}
    assert line["task_router_event"] in events


@pytest.mark.parametrize(("actors", "whose"), [("unnamed", "not told"), ("workspace", "not told")])
def test_whom_twilio_does_not_tell_nobody_is_accused(project: Cli, sandbox: Sandbox, actors: str, whose: str) -> None:
    sandbox.switches(event_actors=actors)
    sandbox.edit_attributes(ANA, {"city": "Bari"}, by="worker:bob@example.com")
    assert [made["whose"] for made in made_by(project)] == [whose]


def test_without_an_earlier_event_it_may_have_been_somebody_before(project: Cli, sandbox: Sandbox) -> None:
    """Events are kept for some days: what the oldest one shows may be older than it."""
    sandbox.edit_attributes(ANA, {"city": "Bari"}, by="worker:bob@example.com")
    sandbox.age_events(days=31)
    sandbox.edit_attributes(ANA, {"shoe": 43}, by=f"worker:{ANA}")
    (made,) = made_by(project)
    assert made["exact"] is False
    assert "or before" in project.run("drift").out


@pytest.mark.parametrize("order", ["newest", "oldest"])
def test_a_key_without_the_right_to_events_still_tells_the_drift(project: Cli, sandbox: Sandbox, order: str) -> None:
    sandbox.switches(event_order=order)
    sandbox.edit_attributes(ANA, {"city": "Bari"}, by="worker:bob@example.com")
    assert [made["name"] for made in made_by(project)] == ["bob@example.com"]
    sandbox.fault("403:before:match=GET .*/Events:times=9")
    ran = project.run("drift")
    assert (ran.code, "who did it cannot be told" in ran.out) == (3, True)


def test_who_is_asked_of_so_many_workers_and_no_more(project: Cli, sandbox: Sandbox) -> None:
    project.write(flex=FLEX, team=TEAM.replace("Bob Okafor}", "Bob Okafor, attributes: {city: Rome}}"))
    assert project.run("apply", "--yes").code == 0
    for name in (ANA, "bob@example.com"):
        sandbox.edit_attributes(name, {"city": "Bari"})
    assert "was not asked of 1 Worker" in project.run("drift", "--who", "1").out


def test_a_write_with_the_accounts_credentials_is_ours_where_its_marker_holds_what_it_set(
    project: Cli, sandbox: Sandbox
) -> None:
    """Every write of flexres does, and no script's, not even one that changes the marker's time as well."""
    sandbox.edit_attributes(ANA, {"city": "Bari"}, by=by_api(sandbox.identity, "192.0.2.1"))
    assert [made["whose"] for made in made_by(project)] == ["api"]
    marker = parse(sandbox.worker_attributes(ANA)["flexres"])
    other = {"city": "Pisa", "flexres": replace(marker, at=marker.at - 1).text()}
    sandbox.edit_attributes(ANA, other, by=by_api(sandbox.identity, "192.0.2.1"))
    assert [made["whose"] for made in made_by(project)] == ["api"]
    ours = replace(marker, keys={**marker.keys, attribute_key("city"): short_hash("Lodi")})
    sandbox.edit_attributes(ANA, {"city": "Lodi", "flexres": ours.text()}, by=by_api(sandbox.identity, "192.0.2.1"))
    assert made_by(project) == [], "what our marker holds is no drift"
    sandbox.edit_attributes(ANA, {"flexres": marker.text()}, by=f"worker:{ANA}")
    assert [made["whose"] for made in made_by(project)] == ["flexres"]
