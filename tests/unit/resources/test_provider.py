"""The plumbing that all resources share: the engine's calls over a run, with a kind of a few lines."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from flexres.errors import Exit
from flexres.resources import process
from flexres.resources.process import Failed, Resource
from flexres.resources.properties import PROVIDER, Properties
from flexres.resources.provider import Provider


class Process:
    """In place of the provider process: answers each call with what it was given, or fails."""

    def __init__(self) -> None:
        self.calls: list[Resource] = []
        self.declared: set[Any] = set()
        self.failure: Failed | None = None
        self.answer: Any = None

    def call(self, resource: Resource, _properties: Properties, _action: Callable[[Any], Awaitable[Any]]) -> Any:
        self.calls.append(resource)
        if self.failure is not None:
            raise self.failure
        return self.answer

    read = call


class Thing(Provider):
    """A kind that is looked at, and whose end is nobody's matter."""

    kind = "Thing"
    key = "label"
    computed = frozenset({"size"})
    looks = True


class Only(Provider):
    """A kind of which there is one, that Flex knows nothing of."""

    kind = "Only"
    name = "only"
    computed = frozenset({"size"})


@pytest.fixture
def behind(monkeypatch: pytest.MonkeyPatch) -> Iterator[Process]:
    it = Process()
    monkeypatch.setattr(process, "process", lambda: it)
    return it


NEWS = {"label": "a", "level": 3.0, PROVIDER: "pickle"}
PLAIN = {"label": "a", "level": 3}


def test_a_refusal_is_a_problem_of_the_resource(behind: Process) -> None:
    """The engine shows it once, with nothing created; anything else is a failed call."""
    behind.failure = Failed("refused", Exit.REFUSED)
    result = Thing().check({}, NEWS)
    assert (result.inputs, [one.reason for one in result.failures]) == (PLAIN, ["refused"])
    behind.failure = Failed("no network", Exit.UNREACHABLE)
    with pytest.raises(Failed, match="no network"):
        Thing().check({}, NEWS)


def test_integers_are_integers_again_and_the_provider_is_no_property(behind: Process) -> None:
    behind.answer = PLAIN
    assert Thing().create(NEWS).outs == PLAIN
    assert behind.calls == [Resource("Thing", "a")]


def test_what_the_provider_fills_in_is_no_difference() -> None:
    """Only what a program gives is compared."""
    assert Thing().diff("a", {**NEWS, "size": 1}, NEWS).changes is False
    assert Thing().diff("a", {**NEWS, "level": 4.0}, NEWS).changes is True


def test_a_resource_is_called_by_its_key_or_as_the_one_of_its_kind(behind: Process) -> None:
    behind.answer = {}
    assert (Thing().create(NEWS).id, Only().create({}).id) == ("a", "only")


def test_what_flex_has_is_read_with_inputs_and_outputs(behind: Process) -> None:
    """Without inputs a refresh shows no marked lines; an empty id says gone."""
    behind.answer = {**PLAIN, "level": 9}
    found = Thing().read("a", NEWS)
    assert (found.id, found.outs, found.inputs) == ("a", behind.answer, behind.answer)
    behind.answer = None
    assert (Thing().read("a", NEWS).id, Thing().read("a", NEWS).outs) == ("", {})


def test_what_flex_knows_nothing_of_is_read_without_a_call(behind: Process) -> None:
    found = Only().read("only", {"level": 3.0, "size": 2.0})
    assert (found.outs, found.inputs, behind.calls) == ({"level": 3, "size": 2}, {"level": 3}, [])


def test_an_end_that_is_nobodys_matter_is_no_call(behind: Process) -> None:
    """A state may be cleared without credentials."""
    Thing().delete("a", NEWS)
    assert behind.calls == []
