"""GitHub or GitLab, where the repository is: read by its API with the pipeline's own token, for who reviewed what.

Nothing here fails a run: what cannot be asked is "not known", with the reason. The token goes to the host alone that
the platform names in the pipeline's environment, and is in no message.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias
from urllib.parse import quote, urlsplit

import httpx

from flexres.errors import FlexresError
from flexres.live.credentials import is_loopback, setting
from flexres.live.http.base import Answer, Call, HttpClient
from flexres.live.http.limits import Limits
from flexres.live.http.retrying import ONCE
from flexres.text import MEGABYTE

Platform: TypeAlias = Literal["GitHub", "GitLab"]

GITHUB_API: Final = "https://api.github.com"
GITLAB_API: Final = "https://gitlab.com/api/v4"
_LIMITS: Final = Limits(connect=5.0, read=5.0, attempt=8.0, answer=4 * MEGABYTE)


class NotToldError(FlexresError):
    """The platform does not say; the message is the reason, in a few words."""


@dataclass(frozen=True, slots=True)
class Hosting:
    """Where a repository is: the platform's API and the repository's place below it, such as `repos/acme/flex`.

    `run` is the pipeline's run, empty where this is none.
    """

    platform: Platform
    api: str
    place: str
    token: str = field(repr=False)
    run: str = ""


@dataclass(frozen=True, slots=True)
class Reviewed:
    """Who approved, by the platform's own names; nobody: `unknown` says why."""

    who: tuple[str, ...] = ()
    unknown: str = ""


NOT_ASKED: Final = Reviewed()


def pipeline_hosting(environ: Mapping[str, str]) -> Hosting | None:
    """Where the pipeline runs that this is a step of; None elsewhere, or without a token that may ask.

    Raises:
        SetupError: a variable holds what nothing sent can carry.
    """
    if setting(environ, "GITHUB_ACTIONS") == "true":
        token, place = setting(environ, "GITHUB_TOKEN"), f"repos/{setting(environ, 'GITHUB_REPOSITORY')}"
        api = setting(environ, "GITHUB_API_URL") or GITHUB_API
        found = Hosting("GitHub", api, place, token, setting(environ, "GITHUB_RUN_ID"))
    elif setting(environ, "GITLAB_CI") == "true":
        token, place = setting(environ, "FLEXRES_GITLAB_TOKEN"), f"projects/{setting(environ, 'CI_PROJECT_ID')}"
        api = setting(environ, "CI_API_V4_URL") or GITLAB_API
        found = Hosting("GitLab", api, place, token, setting(environ, "CI_PIPELINE_ID"))
    else:
        return None
    return found if token and not place.endswith("/") and may_have_token(found.api) else None


def may_have_token(api: str) -> bool:
    """Whether a token may be sent there: by https, or to this machine."""
    try:
        parts = urlsplit(api)
        usable = bool(parts.hostname) and parts.username is None
        return usable and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(api)))
    except ValueError:
        return False


class HostingApi(HttpClient):
    """Reads a platform's API: nothing but GET, once each, eight seconds at most. Use it with `async with`."""

    def __init__(self, hosting: Hosting, *, wire: httpx.AsyncBaseTransport | None = None) -> None:
        super().__init__(
            hosting.api,
            max_connections=4,
            read_only=True,
            limits=_LIMITS,
            policy=ONCE,
            wire=wire,
            secrets=(hosting.token,),
        )
        self.hosting = hosting
        github = hosting.platform == "GitHub"
        self._token = {"Authorization": f"Bearer {hosting.token}"} if github else {"PRIVATE-TOKEN": hosting.token}

    async def get(self, path: str = "") -> Any:
        """What the repository has at a path, `?` and query included; None where there is no such thing.

        Raises:
            NotToldError: the token may not ask, or nobody answers with JSON.
        """
        url = "/".join(filter(None, (self.hosting.api.rstrip("/"), self.hosting.place, path)))
        try:
            call = self._call("GET", url, name=f"GET {path}", idempotent=True, headers=self._token)
            return await self._perform(call, self._judge)
        except NotToldError:
            raise
        except FlexresError as error:
            raise NotToldError(self.clean(error.message)) from None

    def _judge(self, call: Call, answer: Answer) -> Any:
        if answer.status == 404:
            return None
        if answer.status in (401, 403):
            raise NotToldError(f"the token may not read it ({answer.status})")
        found = answer.json_or_none()
        if not 200 <= answer.status < 300 or not isinstance(found, dict | list):
            raise NotToldError(f"{self.hosting.platform} answered {answer.status}")
        return found


async def reviewers_of(api: HostingApi, commit: str) -> Reviewed:
    """Who reviewed the pull or merge request by which a commit came, other than its author; never fails."""
    ask = _github_reviewers if api.hosting.platform == "GitHub" else _gitlab_reviewers
    try:
        return await ask(api, commit)
    except NotToldError as error:
        return Reviewed(unknown=error.message)
    except (KeyError, TypeError, AttributeError):
        return Reviewed(unknown=f"{api.hosting.platform} answered in another shape")


async def _github_reviewers(api: HostingApi, commit: str) -> Reviewed:
    pulls = [one for one in await api.get(f"commits/{quote(commit)}/pulls") or () if one["merged_at"]]
    if not pulls:
        return Reviewed(unknown="it came by no merged pull request")
    pull = pulls[0]
    number, newest = _number(pull["number"]), dict[str, bool]()
    for review in await api.get(f"pulls/{number}/reviews?per_page=100") or ():
        if review["user"] and review["state"] != "COMMENTED":
            # A review of an earlier commit has not seen what was pushed after it.
            seen = review["commit_id"] == pull["head"]["sha"]
            newest[_name(review["user"]["login"])] = review["state"] == "APPROVED" and seen
    author = _name(pull["user"]["login"]) if pull["user"] else None
    who = tuple(sorted(name for name, approved in newest.items() if approved and name != author))
    return Reviewed(who, "" if who else f"nobody approved the last commit of pull request {number}")


async def _gitlab_reviewers(api: HostingApi, commit: str) -> Reviewed:
    listed = await api.get(f"repository/commits/{quote(commit)}/merge_requests") or ()
    merged = [one for one in listed if one["state"] == "merged"]
    if not merged:
        return Reviewed(unknown="it came by no merged merge request")
    number, author = _number(merged[0]["iid"]), _name(merged[0]["author"]["username"])
    told = await api.get(f"merge_requests/{number}/approvals") or {"approved_by": []}
    names = {_name(one["user"]["username"]) for one in told["approved_by"]}
    who = tuple(sorted(names - {author}))
    return Reviewed(who, "" if who else f"nobody approved merge request {number}")


async def run_approvers(api: HostingApi) -> Reviewed:
    """Who let this run into its environment; never fails. GitLab does not tell a job that."""
    if api.hosting.platform != "GitHub":
        return Reviewed(unknown="GitLab does not tell a job who approved its deployment")
    try:
        told = await api.get(f"actions/runs/{quote(api.hosting.run)}/approvals") or ()
        who = {_name(one["user"]["login"]) for one in told if one["state"] == "approved"}
    except NotToldError as error:
        return Reviewed(unknown=error.message)
    except (KeyError, TypeError, AttributeError):
        return Reviewed(unknown="GitHub answered in another shape")
    return Reviewed(tuple(sorted(who)), "" if who else "nobody had to approve it")


def _name(told: object) -> str:
    """An account's name. Raises TypeError for what can be none."""
    if not isinstance(told, str) or not told.isprintable():
        raise TypeError
    return told


def _number(told: object) -> int:
    """A request's number. Raises TypeError for what can be none."""
    if not isinstance(told, int):
        raise TypeError
    return told
