"""Twilio as a kind of the HTTP base: its hosts, our credentials, its error bodies, and a share of its rate limits."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final, Literal
from urllib.parse import parse_qsl, quote, urlsplit

import httpx

from flexres.errors import FlexresError
from flexres.live import credentials
from flexres.live.credentials import DEFAULT_CONNECTIONS, DEFAULT_SHARE, Credentials
from flexres.live.http.answers import ErrorBody, JsonObject, Response, error, lost, request_id
from flexres.live.http.base import Answer, Call, HttpClient, Pairs, Why
from flexres.live.http.limits import UNLIMITED, USUAL, Limits, Rates
from flexres.live.http.retrying import PATIENT, REAL, FailedAttempt, Failure, RetryPolicy, Timing, retry_after
from flexres.text import spellings
from flexres.values import Json

Service = Literal["flex-api", "taskrouter", "services", "iam", "login"]

HOSTS: Final[dict[Service, str]] = {
    "flex-api": "https://flex-api.twilio.com",
    "taskrouter": "https://taskrouter.twilio.com",
    "services": "https://services.twilio.com",
    "iam": "https://iam.twilio.com",
    "login": "https://login.flex.us1.twilio.com",
}

# The others are what a browser meets before anybody has signed in: they get no credentials.
AUTHENTICATED: Final[frozenset[Service]] = frozenset({"flex-api", "taskrouter"})


def path(*parts: str) -> str:
    """A path of these parts, each quoted, so that no part can leave its place."""
    return "/" + "/".join(quote(part, safe="", errors="surrogatepass") for part in parts)


class Transport(HttpClient):
    """Requests to Twilio's services, or to the one `endpoint` that stands for them all.

    It keeps to `share` of each of TaskRouter's rate limits.
    """

    def __init__(
        self,
        credentials: Credentials,
        *,
        endpoint: str | None = None,
        read_only: bool = False,
        max_connections: int = DEFAULT_CONNECTIONS,
        share: float = DEFAULT_SHARE,
        limits: Limits = USUAL,
        policy: RetryPolicy = PATIENT,
        timing: Timing = REAL,
        wire: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        super().__init__(
            endpoint or HOSTS["flex-api"],
            max_connections=max_connections,
            read_only=read_only,
            limits=limits,
            policy=policy,
            timing=timing,
            wire=wire,
            secrets=spellings(credentials.password, f"{credentials.username}:{credentials.password}"),
        )
        self.credentials = credentials
        self._endpoint = endpoint
        self._rates = Rates(timing, share)

    @property
    def endpoint(self) -> str | None:
        """The one base URL that stands for all of Twilio's; None: Twilio itself."""
        return self._endpoint

    def base(self, service: Service) -> str:
        """The base URL of a service, without a slash at its end."""
        return self._endpoint or HOSTS[service]

    async def request(
        self,
        method: str,
        service: Service,
        path: str,
        *,
        params: Pairs | None = None,
        json: Json = None,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        idempotent: bool | None = None,
        anonymous: bool = False,
    ) -> Response:
        """Send one request until it is answered or must not be sent again.

        `idempotent` says whether a repetition is safe although the first may have taken effect; None: GET and
        DELETE are, and whatever carries If-Match, since a second one meets 412.

        Raises:
            LostAnswerError: a write may have taken effect; read before repeating it.
            UnreachableError: no connection, no answer to a read, or the credentials were refused.
            TwilioError: Twilio answered with an error.
        """
        all_headers = httpx.Headers(headers)
        if idempotent is None:
            idempotent = method in {"GET", "DELETE"} or "If-Match" in all_headers
        if service in AUTHENTICATED and not anonymous:
            all_headers["Authorization"] = self.credentials.authorization
        call = self._call(
            method,
            self.base(service) + path,
            name=f"{method} {path}",
            idempotent=idempotent,
            params=params,
            json=json,
            form=form,
            headers=dict(all_headers),
            pace=self._rates.of(method, path, params) if service == "taskrouter" else UNLIMITED,
        )
        return await self._perform(call, self._authenticated if service in AUTHENTICATED else self._public)

    def _given_up(self, call: Call, failed: FailedAttempt) -> FlexresError:
        return lost(failed.error, call.name) if call.in_doubt and not call.reads else failed.error

    def _authenticated(self, call: Call, answer: Answer) -> Response:
        """The answer of a service that has our credentials, as a value or the exception that it stands for."""
        if answer.status >= 400:
            raise self._error(call, answer)
        if answer.redirects:
            raise self._response(call, answer, None).unexpected("leads elsewhere, where credentials must not go")
        return self._response(call, answer, self._decoded(call, answer) if answer.content else None)

    def _public(self, call: Call, answer: Answer) -> Response:
        """The same of what a browser would meet: a redirect or a page has no JSON."""
        if answer.status >= 400:
            raise self._error(call, answer)
        is_json = "json" in answer.headers.get("content-type", "") and not answer.redirects
        return self._response(call, answer, self._decoded(call, answer) if answer.content and is_json else None)

    def _response(self, call: Call, answer: Answer, json: Any) -> Response:
        return Response(call.name, answer.status, json, answer.headers, self.secrets)

    def _error(self, call: Call, answer: Answer) -> Exception:
        made = error(
            ErrorBody.of(answer.json_or_none(), answer.reason, self.secrets),
            self.credentials,
            request=call.name,
            status=answer.status,
            request_id=request_id(answer.headers, self.secrets),
        )
        if answer.status != 429 and answer.status < 500:
            return made
        failure = Failure.THROTTLED if answer.status == 429 else Failure.SERVER
        return FailedAttempt(failure, made, retry_after(answer.headers.get("retry-after"), self.timing.now()))

    def _decoded(self, call: Call, answer: Answer) -> Any:
        try:
            return answer.json()
        except ValueError as failure:
            # Cut short on its way, or made by something between us and Twilio.
            reason = self.no_answer(call, "sent an answer that is no JSON", Why.UNREADABLE)
            raise FailedAttempt(Failure.NO_ANSWER, reason) from failure


def connect(
    *, stack: str, account: str, endpoint: str | None, environ: Mapping[str, str], read_only: bool
) -> Transport:
    """A transport with the environment's credentials for `account`; `endpoint` is the stack's own, or None.

    Raises:
        SetupError: the environment lacks credentials, or names another account, an endpoint not to be used, or a
            number that is none.
    """
    return Transport(
        credentials.from_environment(stack, account, environ, local=endpoint is not None),
        endpoint=credentials.endpoint(endpoint, environ),
        read_only=read_only,
        max_connections=credentials.max_connections(environ),
        share=credentials.api_share(environ),
    )


PAGE_SIZE: Final = 1000

_Query = list[tuple[str, str]]


async def pages(
    transport: Transport, service: Service, path: str, *, key: str, query: Sequence[tuple[str, str]] = ()
) -> AsyncIterator[tuple[Response, list[JsonObject]]]:
    """Each page of a list with at most 1,000 items, and the answer it came with, in Twilio's order; `query` narrows it.

    Only the query of `meta.next_page_url` is used, with our own base and path: credentials cannot be led to
    another host. Twilio's docs warn against counting pages oneself.

    Raises:
        TwilioError: an answer is no page, the pages lead back to one already read, or there is no end of them.
    """
    limits, started = transport.limits, transport.timing.monotonic()
    params: _Query | None = [*query, ("PageSize", str(PAGE_SIZE))]
    seen: set[frozenset[tuple[str, str]]] = set()
    while params is not None:
        response = await transport.request("GET", service, path, params=params)
        body = response.object()
        items, meta = body.get(key), body.get("meta")
        if not isinstance(items, list) or not isinstance(meta, dict):
            raise response.unexpected(f"has no list of {key}")
        yield response, items
        params = _query(meta.get("next_page_url"), response)
        if params is None:
            return
        page = frozenset(params)
        if page in seen or not params:
            raise response.unexpected(f"names a next page of {key} that leads back")
        seen.add(page)
        if len(seen) >= limits.pages:
            raise response.unexpected(f"still names a next page of {key} after {limits.pages} pages")
        if transport.timing.monotonic() - started > limits.listing:
            raise response.unexpected(f"still names a next page of {key} after {limits.listing:g} s")


def _query(following: object, response: Response) -> _Query | None:
    """What a URL asks for; None where there is no next page."""
    if not isinstance(following, str) or not following:
        return None
    try:
        return parse_qsl(urlsplit(following).query, keep_blank_values=True)
    except ValueError:
        raise response.unexpected("names a next page that is no URL") from None
