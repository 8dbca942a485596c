"""The webhook: tried a few times, never longer than it may take, and its URL told to nobody."""

from __future__ import annotations

import json

import httpx
import pytest

from flexres.errors import SetupError
from flexres.live.http.retrying import Timing
from flexres.live.http.webhook import ATTEMPTS, NotDeliveredError, post, webhook

SECRET = "https://hooks.example.com/services/T0/B0/s3cr3t"


class Listener:
    """Answers each attempt with the next of `answers`: a status, or an error to raise."""

    def __init__(self, *answers: int | Exception) -> None:
        self._answers = answers
        self.got: list[httpx.Request] = []
        self.slept: list[float] = []

    def handle(self, request: httpx.Request) -> httpx.Response:
        answer = self._answers[min(len(self.got), len(self._answers) - 1)]
        self.got.append(request)
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer, headers={"Location": "https://evil.example/"})

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    async def post(self, url: str = SECRET) -> None:
        timing = Timing(sleep=self.sleep)
        await post(webhook(url), {"text": "drift"}, timing=timing, wire=httpx.MockTransport(self.handle))


async def test_a_message_is_posted_once_as_json() -> None:
    listener = Listener(200)
    await listener.post()
    (request,) = listener.got
    assert (request.method, str(request.url), json.loads(request.content)) == ("POST", SECRET, {"text": "drift"})


@pytest.mark.parametrize(
    "first",
    [500, 503, 429, httpx.ConnectError("no"), httpx.ReadTimeout("slow"), httpx.RemoteProtocolError("cut")],
    ids=str,
)
async def test_what_another_attempt_may_mend_is_tried_again(first: int | Exception) -> None:
    listener = Listener(first, 200)
    await listener.post()
    assert (len(listener.got), len(listener.slept)) == (2, 1)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (500, "it answered 500"),
        (httpx.ConnectError(f"to {SECRET}"), "it cannot be reached"),
        (httpx.ReadTimeout(f"to {SECRET}"), "it did not answer within 5 s"),
        (httpx.ReadError(f"to {SECRET}"), "the connection broke"),
    ],
    ids=["500", "unreachable", "hangs", "reset"],
)
async def test_it_gives_up_after_a_few_attempts_in_one_line(answer: int | Exception, says: str) -> None:
    """The line names the host alone: the path is the key."""
    listener = Listener(answer)
    with pytest.raises(NotDeliveredError) as caught:
        await listener.post()
    assert (
        caught.value.message == f"https://hooks.example.com/… did not take the message in {ATTEMPTS} attempts: {says}"
    )
    assert len(listener.got) == ATTEMPTS
    assert sum(listener.slept) < 10


async def test_a_proxy_that_lets_nothing_through_is_called_that(monkeypatch: pytest.MonkeyPatch) -> None:
    """By its host and port; what stands before them is a password."""
    monkeypatch.setenv("https_proxy", "http://user:word@proxy.example.com:3128")
    with pytest.raises(NotDeliveredError, match=r"the proxy proxy\.example\.com:3128 lets nothing through$"):
        await Listener(httpx.ConnectError(f"to {SECRET}")).post()


@pytest.mark.parametrize("answer", [302, 307, 400, 403, 404, 410])
async def test_a_refusal_is_final_and_a_redirect_is_not_followed(answer: int) -> None:
    listener = Listener(answer)
    with pytest.raises(NotDeliveredError, match=f"it answered {answer}"):
        await listener.post()
    assert len(listener.got) == 1


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hooks.example.com/s3cr3t",
        "http://hooks.example.com/s3cr3t",
        "ftp://x/s3cr3t",
        "https:///s3cr3t",
        "https://[/s3cr3t",
    ],
)
def test_what_is_no_safe_url_is_refused_without_showing_it(url: str) -> None:
    """Plain http would send the key in the clear."""
    with pytest.raises(SetupError) as caught:
        webhook(url)
    assert "s3cr3t" not in caught.value.message + caught.value.hint


@pytest.mark.parametrize(
    ("url", "alone"),
    [
        ("https://hooks.slack.com/services/T/B/x", True),
        ("https://hooks.slack.com.evil.example/x", False),
        (SECRET, False),
    ],
)
def test_slack_itself_is_known_by_its_host(url: str, alone: bool) -> None:
    assert webhook(url).takes_only_text is alone


async def test_a_proxy_that_cannot_be_used_is_no_more_than_a_message_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """And neither its password nor the hook's key is told."""
    monkeypatch.setenv("HTTPS_PROXY", "gopher://user:pr0xy-pass@proxy.example")
    with pytest.raises(NotDeliveredError, match=r"https://hooks\.example\.com/… was not asked: the proxy") as caught:
        await post(webhook(SECRET), {"text": "drift"})
    assert not [secret for secret in ("s3cr3t", "pr0xy-pass") if secret in caught.value.message]


def test_this_machine_may_listen_in_the_clear() -> None:
    assert webhook("http://127.0.0.1:9/x").shown == "http://127.0.0.1/…"


def test_a_webhook_is_never_written_out_whole() -> None:
    """In no traceback and no log."""
    assert "s3cr3t" not in repr(webhook(SECRET))
