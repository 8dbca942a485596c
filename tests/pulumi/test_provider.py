"""The providers through the plugin server over gRPC, as the engine calls them: no engine is needed."""

from __future__ import annotations

import pickletools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest

from flexres.desired.load import load_stack
from flexres.desired.source import FolderSource
from flexres.resources.properties import desired_properties
from flexres.resources.roster import roster_properties
from tests.pulumi.conftest import STACK, TEAM, Project
from tests.pulumi.plugin import PROVIDERS, Plugin, left, pickled, plugin, reason, unpickled

STATE = {"stack": STACK}


@pytest.fixture
def started(project: Project) -> Iterator[Plugin]:
    with plugin(project) as started:
        yield started


def users(project: Project) -> dict[str, dict[str, Any]]:
    """Username → inputs, as the program registers them."""
    stack = load_stack(FolderSource(project.folder / "stacks" / STACK), name=STACK)
    return {name: desired_properties(STACK, user) for name, user in stack.users.items()}


def roster(project: Project) -> dict[str, Any]:
    return roster_properties(load_stack(FolderSource(project.folder / "stacks" / STACK), name=STACK))


def apply(plugin: Plugin, project: Project) -> None:
    """What the engine does in a first up."""
    assert plugin.check("Roster", roster(project))[1] == []
    for inputs in users(project).values():
        plugin.check("User", inputs)
        plugin.create("User", inputs)


def failed(call: Any, *arguments: Any) -> grpc.RpcError:
    with pytest.raises(grpc.RpcError) as caught:
        call(*arguments)
    return caught.value


def failure(call: Any, *arguments: Any) -> str:
    return reason(failed(call, *arguments))


@pytest.mark.parametrize("kind", sorted(PROVIDERS))
def test_a_provider_is_pickled_by_reference_and_without_data(kind: str) -> None:
    """State holds its dotted path and nothing else, so that no edit of the code is a diff."""
    text = pickled(kind)
    names = [argument for _, argument, _ in pickletools.genops(unpickled(text)) if isinstance(argument, str)]
    modules = {"User": "user", "Roster": "roster", "Departures": "departures"}
    modules |= {"SsoConnection": "sso_connection", "TrustedDomain": "trusted_domain"}
    modules |= {"Team": "team", "IdentityProvider": "identity_provider"}
    assert f"flexres.resources.{modules[kind]}" in names
    assert f"{kind}Provider" in names
    assert text == pickled(kind)
    assert len(text) < 200


def test_create_provisions_and_returns_the_inputs(started: Plugin, project: Project) -> None:
    inputs = users(project)["ana@example.com"]
    assert started.check("Roster", roster(project)) == (roster(project), [])
    assert started.check("User", inputs) == (inputs, [])
    assert started.create("User", inputs) == ("ana@example.com", inputs)
    assert project.sandbox.worker_attributes("ana@example.com")["level"] == 3


def test_what_was_created_is_read_without_another_request(started: Plugin, project: Project) -> None:
    """The snapshot is updated after a write, not read again."""
    apply(started, project)
    project.sandbox.clear_requests()
    for name, inputs in users(project).items():
        assert started.read("User", inputs) == (name, inputs)
    assert project.sandbox.requests() == []


def test_numbers_are_integers_again(started: Plugin, project: Project) -> None:
    """The engine hands over 3 as 3.0; Flex gets 3, and nothing differs."""
    apply(started, project)
    inputs = users(project)["ana@example.com"]
    assert "3.0" not in project.sandbox.worker_attributes_text("ana@example.com")
    assert started.diff("User", {**inputs, "attr:level": 3.0}, {**inputs, "attr:level": 3.0}) is False


def test_create_adopts_who_is_there(started: Plugin, project: Project) -> None:
    """Nobody is created twice, and what nobody declares stays."""
    apply(started, project)
    project.sandbox.edit_attributes("bob@example.com", {"panel": "left"}, remove=["flexres"])
    before = len(project.sandbox.users())
    with plugin(project) as again:
        apply(again, project)
    found = project.sandbox.worker_attributes("bob@example.com")
    assert len(project.sandbox.users()) == before
    assert found["panel"] == "left"
    assert str(found["flexres"]).startswith("v1;id=k7m2q9")


def test_read_shows_drift_on_managed_fields_alone(started: Plugin, project: Project) -> None:
    apply(started, project)
    project.sandbox.edit_attributes("bob@example.com", {"level": 5, "panel": "left"})
    with plugin(project) as again:
        inputs = users(project)["bob@example.com"]
        assert again.read("User", inputs) == ("bob@example.com", {**inputs, "attr:level": 5})
        assert again.diff("User", {**inputs, "attr:level": 5}, inputs) is True


def test_whoever_is_not_in_flex_is_gone(started: Plugin, project: Project) -> None:
    assert started.read("User", users(project)["ana@example.com"]) == ("", {})


def test_a_few_are_read_one_by_one(started: Plugin, project: Project) -> None:
    """A target of one user does not read the whole instance."""
    project.sandbox.seed(20)
    username = str(project.sandbox.users()[0]["username"])
    project.sandbox.clear_requests()
    started.read("User", {"stack": STACK, "username": username})
    paths = [request.path for request in project.sandbox.requests()]
    assert not any(path.startswith("/v1/Instances") or path.endswith("/Workers") for path in paths)


def test_many_are_read_by_pages_and_once(started: Plugin, project: Project) -> None:
    apply(started, project)
    inputs = users(project)
    with plugin(project) as again:
        project.sandbox.clear_requests()
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(lambda one: again.read("User", one), inputs.values()))
    assert found == [(name, one) for name, one in inputs.items()]
    asked = [request.path for request in project.sandbox.requests()]
    assert len(asked) == len(set(asked))
    assert not any(str(one["flex_user_sid"]) in path for one in project.sandbox.users() for path in asked)


def test_update_makes_the_difference(started: Plugin, project: Project) -> None:
    apply(started, project)
    before = users(project)["bob@example.com"]
    project.write(TEAM.replace("city: London", "city: Leeds"))
    after = users(project)["bob@example.com"]
    with plugin(project) as again:
        assert again.check("User", after, before) == (after, [])
        assert again.diff("User", before, after) is True
        assert again.update("User", before, after) == after
    assert project.sandbox.worker_attributes("bob@example.com")["city"] == "Leeds"


def test_delete_retires_after_the_roster_was_checked(started: Plugin, project: Project) -> None:
    apply(started, project)
    leaver = users(project)["dan@example.com"]
    project.write(TEAM.replace("dan@", "eve@"))
    with plugin(project) as again:
        again.check("Roster", roster(project))
        again.delete("User", leaver)
        again.delete("User", leaver)
    assert "dan@example.com" not in project.in_flex()


def test_delete_without_a_checked_roster_is_a_destroy_and_refused(started: Plugin, project: Project) -> None:
    apply(started, project)
    with plugin(project) as again:
        said = failure(again.delete, "User", users(project)["dan@example.com"])
        shorter = {failure(again.delete, kind, STATE) for kind in ("Departures", "Roster")}
    assert shorter == {"Failed: refused, as the first was: see there"}
    assert said.startswith("Failed: refused: no roster of test was checked")
    assert "FLEXRES_ALLOW_DESTROY=test" in said
    assert "\n" not in said
    assert "dan@example.com" in project.in_flex()


def test_a_stack_named_in_the_environment_may_be_destroyed(started: Plugin, project: Project) -> None:
    apply(started, project)
    with plugin(project, {"FLEXRES_ALLOW_DESTROY": STACK}) as again:
        for kind, inputs in [("User", users(project)["dan@example.com"]), ("Departures", STATE), ("Roster", STATE)]:
            again.delete(kind, inputs)
    assert "dan@example.com" not in project.in_flex()


def test_delete_leaves_alone_whoever_is_declared(started: Plugin, project: Project) -> None:
    """A resource that was renamed by hand is created under the new name and deleted under the old one."""
    apply(started, project)
    with plugin(project) as again:
        again.check("Roster", roster(project))
        again.delete("User", users(project)["dan@example.com"])
    assert "dan@example.com" in project.in_flex()


def test_a_busy_leaver_is_marked_and_waits(started: Plugin, project: Project) -> None:
    apply(started, project)
    leaver = users(project)["dan@example.com"]
    project.sandbox.set_activity("dan@example.com", "Available")
    project.write(TEAM.replace("dan@", "eve@"))
    with plugin(project) as again:
        again.check("Roster", roster(project))
        again.delete("User", leaver)
    assert "dan@example.com" in project.in_flex()
    assert "leaving=" in str(project.sandbox.worker_attributes("dan@example.com")["flexres"])


def test_departures_retires_whom_the_state_forgot(started: Plugin, project: Project) -> None:
    apply(started, project)
    project.write(TEAM.replace("dan@", "eve@"))
    with plugin(project) as again:
        inputs, _ = again.check("Departures", STATE)
        assert inputs == {**STATE, "leaving": ["dan@example.com"]}
        assert again.diff("Departures", STATE, inputs) is True
        assert again.update("Departures", STATE, inputs) == STATE
    assert "dan@example.com" not in project.in_flex()


def test_departures_leaves_those_with_a_resource_to_their_own_delete(started: Plugin, project: Project) -> None:
    apply(started, project)
    leaver = users(project)["dan@example.com"]
    project.write(TEAM.replace("dan@", "eve@"))
    with plugin(project) as again:
        again.read("User", leaver)
        assert again.check("Departures", STATE) == (STATE, [])


def test_a_guard_refuses_in_the_rosters_check(started: Plugin, project: Project) -> None:
    """One failure with the names and the digest; nothing can be written in that process."""
    apply(started, project)
    leaver = users(project)["dan@example.com"]
    project.write(TEAM.replace("dan@", "eve@"), policy="protected: [dan@example.com]")
    with plugin(project) as again:
        project.sandbox.clear_requests()
        (said,) = again.check("Roster", roster(project))[1]
        assert "dan@example.com is protected and leaves" in said
        assert "FLEXRES_APPROVE=" in said
        assert again.check("User", users(project)["eve@example.com"])[1] == [said]
        assert said in failure(again.delete, "User", leaver)
        assert said in failure(again.create, "User", users(project)["eve@example.com"])
        digest = said.partition("FLEXRES_APPROVE=")[2][:26]
    assert project.sandbox.requests(method="POST") == []
    with plugin(project, {"FLEXRES_APPROVE": digest}) as approved:
        assert approved.check("Roster", roster(project))[1] == []
        approved.delete("User", leaver)
    assert "dan@example.com" not in project.in_flex()


def test_four_calls_at_once_share_one_snapshot(started: Plugin, project: Project) -> None:
    started.check("Roster", roster(project))
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda inputs: started.create("User", inputs)[0], users(project).values()))
    assert sorted(made) == sorted(project.in_flex())
    assert len(project.sandbox.requests(path="/v1/Configuration")) == 1


def test_one_who_fails_says_why_in_one_line_and_stops_nobody(started: Plugin, project: Project) -> None:
    started.check("Roster", roster(project))
    project.sandbox.fault("400:before:match=POST .*Provision:times=3")
    inputs = users(project)
    said = failure(started.create, "User", inputs["ana@example.com"])
    assert said.startswith("Failed: ana@example.com (stacks/test/users/team.yaml:2): ")
    assert "\n" not in said
    started.create("User", inputs["bob@example.com"])
    assert list(project.in_flex()) == ["bob@example.com"]


def test_a_user_who_is_written_by_half_is_recorded_as_they_are(started: Plugin, project: Project) -> None:
    """Be they new or not; whoever is not in Flex is not recorded."""
    started.check("Roster", roster(project))
    project.sandbox.fault("400:before:match=POST .*/Workers/")
    project.write(TEAM.replace("city: London", "city: {home: [1]}"))
    bob = users(project)["bob@example.com"]
    with plugin(project) as new:
        new.check("Roster", roster(project))
        name, outputs, (why,) = left(failed(new.create, "User", bob)) or ("", {}, [])
    assert name == "bob@example.com"
    assert outputs == {key: value for key, value in bob.items() if key in outputs}
    assert "attr:city/home" in bob.keys() - outputs.keys()
    assert why.startswith("bob@example.com (stacks/test/users/team.yaml:3): ")
    project.sandbox.clear_faults()
    with plugin(project) as next_run:
        assert next_run.read("User", outputs) == (name, outputs)
        next_run.check("Roster", roster(project))
        assert next_run.update("User", outputs, bob) == bob
    project.sandbox.fault("400:before:match=POST .*Provision")
    with plugin(project) as another:
        another.check("Roster", roster(project))
        assert left(failed(another.create, "User", users(project)["ana@example.com"])) is None


def test_inputs_that_are_not_the_yamls_are_refused(started: Plugin, project: Project) -> None:
    """What was previewed and what the provider reads are the same, or nothing is done."""
    inputs = {**users(project)["bob@example.com"], "roles": ["admin"]}
    (said,) = started.check("User", inputs)[1]
    assert "bob@example.com has changed in the YAML" in said


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("TWILIO_API_SECRET", "", "TWILIO_API_SECRET is not"),
        ("TWILIO_API_SECRET", "wrong", "401"),
        ("FLEXRES_ENDPOINT", "http://127.0.0.1:9", "127.0.0.1:9"),
        ("FLEXRES_APPROVE", "nonsense", "FLEXRES_APPROVE"),
    ],
)
def test_what_a_person_can_cause_is_one_line(project: Project, variable: str, value: str, says: str) -> None:
    with plugin(project, {variable: value}) as started:
        said = failure(started.check, "Roster", roster(project))
    assert says in said
    assert said.count("\n") == 0
    assert "Traceback" not in said


def test_what_the_first_learnt_holds_for_all(started: Plugin, project: Project) -> None:
    """Nobody asks Flex again what it refused to answer the first: one error, said for each resource."""
    inputs = users(project)
    with plugin(project, {"TWILIO_API_SECRET": "wrong"}) as refused:
        said = failure(refused.check, "Roster", roster(project))
        asked = len(project.sandbox.requests())
        assert {failure(refused.check, "User", one) for one in inputs.values()} == {said}
        assert len(project.sandbox.requests()) == asked


def test_a_resource_without_a_stack_is_explained(started: Plugin) -> None:
    """A state that something else wrote."""
    said = failure(started.read, "User", {"name": "ana"})
    assert "another flexres wrote it" in said


def test_a_stack_without_its_folder_is_explained(started: Plugin) -> None:
    assert "there is no stack at stacks/gone" in failure(started.read, "User", {"stack": "gone", "username": "a"})


def test_it_ends_when_nobody_reads_it_any_more(project: Project) -> None:
    """The engine was killed: its end of our output is closed."""
    with plugin(project) as started:
        started.check("Roster", roster(project))
        assert started.process.stdout is not None
        started.process.stdout.close()
        assert started.process.wait(timeout=20) == 0


def test_no_credentials_are_returned(started: Plugin, project: Project) -> None:
    secrets = {project.environ["TWILIO_API_KEY"], project.environ["TWILIO_API_SECRET"]}
    inputs = users(project)["ana@example.com"]
    said = [started.check("Roster", roster(project)), started.create("User", inputs), started.read("User", inputs)]
    assert not any(secret in str(said) for secret in secrets)
    assert Path(project.folder / ".flexres" / "journal" / f"{STACK}.jsonl").stat().st_mode & 0o777 == 0o600
