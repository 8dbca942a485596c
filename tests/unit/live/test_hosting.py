"""Who reviewed what, as GitHub and GitLab tell a pipeline: against a server of this machine that stands for them."""

from __future__ import annotations

from typing import Any

import pytest

from flexres.live.http.hosting import Hosting, HostingApi, Reviewed, pipeline_hosting, reviewers_of, run_approvers
from tests.platform_api import platform

TOKEN = "ghs_" + "s3cr3t" * 6
COMMIT = "1a2b3c4d" * 5
PULL = {"number": 7, "merged_at": "2026-11-20", "user": {"login": "mallory"}, "head": {"sha": "f" * 40}}
ODD = "GitHub answered in another shape"


def review(who: str, state: str = "APPROVED", commit: str = "f" * 40) -> dict[str, Any]:
    return {"user": {"login": who}, "state": state, "commit_id": commit}


async def on_github(reviews: Any, pulls: Any = (PULL,)) -> Reviewed:
    pulls = list(pulls) if isinstance(pulls, tuple) else pulls
    answers = {f"repos/acme/flex/commits/{COMMIT}/pulls": pulls, "repos/acme/flex/pulls/7/reviews": reviews}
    with platform(answers) as there:
        async with HostingApi(Hosting("GitHub", there.url, "repos/acme/flex", TOKEN, "42")) as api:
            found = await reviewers_of(api, COMMIT)
        assert {method for method, _, _ in there.asked} == {"GET"}
        assert {token for _, _, token in there.asked} == {f"Bearer {TOKEN}"}
    assert TOKEN not in repr(found)
    return found


async def test_whoever_approved_the_last_commit_is_named() -> None:
    """Two people, and a comment takes nothing back."""
    found = await on_github([review("ben"), review("ana"), review("ana", "COMMENTED", "0" * 40)])
    assert found == Reviewed(("ana", "ben"))


@pytest.mark.parametrize(
    "reviews",
    [
        [],
        [review("mallory")],
        [review("ana", commit="0" * 40)],
        [review("ana"), review("ana", "CHANGES_REQUESTED")],
        [review("ana"), review("ana", "DISMISSED")],
        [{"user": None, "state": "APPROVED", "commit_id": "f" * 40}],
    ],
    ids=["nobody", "the author", "an earlier commit", "changes wanted", "dismissed", "a deleted account"],
)
async def test_what_is_no_review_of_it_by_somebody_else_counts_for_nothing(reviews: Any) -> None:
    """And the reason is told."""
    assert await on_github(reviews) == Reviewed(unknown="nobody approved the last commit of pull request 7")


@pytest.mark.parametrize(
    ("reviews", "pulls", "says"),
    [
        ([], [], "it came by no merged pull request"),
        ([], [{**PULL, "merged_at": None}], "it came by no merged pull request"),
        (403, (PULL,), "the token may not read it (403)"),
        (500, (PULL,), "GitHub answered 500"),
        ("no JSON", (PULL,), "GitHub answered 200"),
        ([{"user": "ana"}], (PULL,), ODD),
        ([], {"merged_at": 1}, ODD),
        ([], ({**PULL, "number": "abc"},), ODD),
        ([], ({**PULL, "number": None},), ODD),
        ([], '[{"merged_at": "x", "number": 1e999}]', ODD),
        ([], '[{"merged_at": "x", "number": NaN}]', "GitHub answered 200"),
        ([], f'[{{"merged_at": "x", "number": 1{"0" * 5000}}}]', "GitHub answered 200"),
        ([], "[" * 100_000, "GitHub answered 200"),
        ([], ({**PULL, "user": {"login": 5}},), ODD),
        ([{"user": {"login": 5}, "state": "APPROVED", "commit_id": "f" * 40}], (PULL,), ODD),
        ([{"user": {"login": None}, "state": "APPROVED", "commit_id": "f" * 40}], (PULL,), ODD),
        ([review("half \ud800")], (PULL,), ODD),
    ],
)
async def test_what_cannot_be_known_has_a_reason_and_fails_nothing(reviews: Any, pulls: Any, says: str) -> None:
    """Whatever comes back."""
    assert await on_github(reviews, pulls) == Reviewed(unknown=says)


async def test_a_platform_that_does_not_answer_is_a_reason_without_the_token() -> None:
    """Nobody listens there."""
    async with HostingApi(Hosting("GitHub", "http://127.0.0.1:9", "repos/acme/flex", TOKEN)) as api:
        found = await reviewers_of(api, COMMIT)
    assert found.who == ()
    assert found.unknown
    assert TOKEN not in found.unknown


async def test_whoever_let_the_run_into_its_environment_is_named() -> None:
    """As GitHub lists it for a run; GitLab does not tell a job."""
    told = [{"state": "approved", "user": {"login": "ana"}}, {"state": "rejected", "user": {"login": "ben"}}]
    with platform({"repos/acme/flex/actions/runs/42/approvals": told}) as there:
        async with HostingApi(Hosting("GitHub", there.url, "repos/acme/flex", TOKEN, "42")) as api:
            assert await run_approvers(api) == Reviewed(("ana",))
        async with HostingApi(Hosting("GitLab", there.url, "projects/3", TOKEN)) as api:
            assert (await run_approvers(api)).unknown == "GitLab does not tell a job who approved its deployment"


@pytest.mark.parametrize("login", [5, None, [], "\x1b[2J"])
async def test_a_name_that_is_none_is_not_known(login: Any) -> None:
    """On either platform, for reviews and for a run."""
    merge = {"iid": 5, "state": "merged", "author": {"username": "mallory"}}
    answers: dict[str, Any] = {
        "repos/acme/flex/actions/runs/42/approvals": [{"state": "approved", "user": {"login": login}}],
        f"projects/3/repository/commits/{COMMIT}/merge_requests": [merge],
        "projects/3/merge_requests/5/approvals": {"approved_by": [{"user": {"username": login}}]},
    }
    with platform(answers) as there:
        async with HostingApi(Hosting("GitHub", there.url, "repos/acme/flex", TOKEN, "42")) as api:
            assert await run_approvers(api) == Reviewed(unknown=ODD)
        async with HostingApi(Hosting("GitLab", there.url, "projects/3", TOKEN)) as api:
            assert await reviewers_of(api, COMMIT) == Reviewed(unknown=ODD.replace("Hub", "Lab"))
            there.answers[f"projects/3/repository/commits/{COMMIT}/merge_requests"] = [{**merge, "iid": "abc"}]
            assert await reviewers_of(api, COMMIT) == Reviewed(unknown=ODD.replace("Hub", "Lab"))


async def test_on_gitlab_whoever_approved_the_merge_request_is_named() -> None:
    """But for its author."""
    answers = {
        f"projects/3/repository/commits/{COMMIT}/merge_requests": [
            {"iid": 5, "state": "merged", "author": {"username": "mallory"}}
        ],
        "projects/3/merge_requests/5/approvals": {
            "approved_by": [{"user": {"username": "ana"}}, {"user": {"username": "mallory"}}]
        },
    }
    with platform(answers) as there:
        async with HostingApi(Hosting("GitLab", there.url, "projects/3", TOKEN)) as api:
            assert await reviewers_of(api, COMMIT) == Reviewed(("ana",))
        assert {token for _, _, token in there.asked} == {TOKEN}


@pytest.mark.parametrize(
    "without",
    [
        {"GITHUB_ACTIONS": ""},
        {"GITHUB_TOKEN": ""},
        {"GITHUB_REPOSITORY": ""},
        {"GITHUB_API_URL": "http://api.example"},
        {"GITHUB_API_URL": "https://me@api.example"},
    ],
)
def test_nobody_is_asked_outside_of_a_pipeline_or_in_the_clear(without: dict[str, str]) -> None:
    """The token is sent to the platform's own host, and by https."""
    environ = {"GITHUB_ACTIONS": "true", "GITHUB_TOKEN": TOKEN, "GITHUB_REPOSITORY": "acme/flex", "GITHUB_RUN_ID": "42"}
    found = pipeline_hosting(environ)
    assert found == Hosting("GitHub", "https://api.github.com", "repos/acme/flex", TOKEN, "42")
    assert TOKEN not in repr(found)
    assert pipeline_hosting({**environ, **without}) is None
