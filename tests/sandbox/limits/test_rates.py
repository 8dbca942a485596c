"""Rate limits by resource key, the headers that tell of them, and a neighbour who spends from them."""

from __future__ import annotations

import pytest

from flexres.sandbox.errors import SandboxError
from flexres.sandbox.identity import DEFAULT
from flexres.sandbox.rates import Neighbour, Rates, parse_share
from flexres.sandbox.server import Sandbox

WORKERS = f"/v1/Workspaces/{DEFAULT.workspace_sid}/Workers"


class Clock:
    """Seconds that pass when told."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_limit_holds_over_any_second():
    """Not by the second of a clock: what was spent half a second ago still counts."""
    clock = Clock()
    rates = Rates("documented", clock)
    key = "Worker-List-TargetWorkersExpression"

    assert [rates.spend(key).left for _ in range(3)] == [2, 1, 0]
    clock.now += 0.9
    assert not rates.spend(key).allowed
    clock.now += 0.2
    assert [rates.spend(key).allowed for _ in range(4)] == [True, True, True, False]
    assert rates.refused[key] == 2
    assert rates.spend("Worker-List") is None


def test_every_resource_of_taskrouter_has_a_limit_of_its_own(client_of):
    """Told in headers, refused beyond; another resource is not touched, nor is the Flex service."""
    with Sandbox(limits="twilio") as sandbox:
        client = client_of(sandbox)
        answers = [client.get(WORKERS) for _ in range(21)]
        queues = client.get(f"/v1/Workspaces/{DEFAULT.workspace_sid}/TaskQueues")
        worker = client.post(WORKERS, data={"FriendlyName": "Ana"})
        users = client.get(f"/v1/Instances/{DEFAULT.instance_sid}/Users")
        refused = sandbox.limits()["refused"]

    assert {answer.headers["X-Rate-Limit-Limit"] for answer in answers} == {"20"}
    assert answers[0].headers["X-Rate-Limit-Remaining"] == "19"
    assert answers[0].headers["X-Rate-Limit-Config"].startswith("Worker-List;")
    assert (queues.headers["X-Rate-Limit-Remaining"], worker.headers["X-Rate-Limit-Limit"]) == ("19", "60")
    assert "X-Rate-Limit-Limit" not in users.headers
    # A slow machine may have let a second pass; then nobody was refused, and that is right.
    assert refused == ({"Worker-List": 1} if answers[-1].status_code == 429 else {})


def test_no_limits_are_none(client_of):
    """On request, not even the documented ones."""
    with Sandbox(limits="none") as sandbox:
        client = client_of(sandbox)
        answers = [client.get(WORKERS, params={"TargetWorkersExpression": "1==1"}) for _ in range(5)]

    assert [answer.status_code for answer in answers] == [200] * 5


def test_a_neighbour_spends_its_share_of_each_limit():
    """Evenly, and not from expressions."""
    clock = Clock()
    rates = Rates("twilio", clock)
    neighbour = Neighbour(rates, 0.4)

    for _ in range(20):
        clock.now += 0.05
        neighbour.spend(0.05)

    assert rates.spend("Worker-Update").left == 60 - 24 - 1
    assert rates.spend("Worker-List-TargetWorkersExpression").left == 2
    assert neighbour.sent > 0
    assert not neighbour.refused


def test_a_neighbour_counts_when_it_was_refused():
    """By somebody who took everything; those refusals are no client's."""
    clock = Clock()
    rates = Rates("twilio", clock)
    neighbour = Neighbour(rates, 0.5)
    for _ in range(60):
        rates.spend("Worker-Update")

    neighbour.spend(0.1)

    assert neighbour.refused == {"Worker-Update": 3}
    assert not rates.refused


def test_a_neighbour_is_told_of_at_the_control_endpoint_and_on_the_page(client_of):
    """Its share, what it sent and what it was refused."""
    with Sandbox(limits="twilio", neighbour=0.4) as sandbox:
        client = client_of(sandbox)
        told = client.get("/_sandbox/limits").json()
        page = client.get("/").text

    assert (told["limits"], told["neighbour"]["share"], told["neighbour"]["refused"]) == ("twilio", 0.4, {})
    assert "The neighbour" in page


@pytest.mark.parametrize(
    ("limits", "neighbour", "sentence"),
    [("much", None, "expected one of none, documented, twilio"), ("documented", 0.4, "needs limits twilio"),
     ("twilio", 1.5, "such as 40%")],
)  # fmt: skip
def test_what_cannot_be_is_said(limits, neighbour, sentence):
    """Before anything is served."""
    with pytest.raises(SandboxError, match=sentence), Sandbox(limits=limits, neighbour=neighbour):
        pass


@pytest.mark.parametrize(("text", "share"), [("40%", 0.4), ("0.25", 0.25), ("5.5%", 0.055)])
def test_a_share_is_read(text, share):
    """In per cent or as a part."""
    assert parse_share(text) == pytest.approx(share)


def test_a_share_that_is_no_number_is_refused():
    """With an example."""
    with pytest.raises(SandboxError, match="such as 40%"):
        parse_share("half")
