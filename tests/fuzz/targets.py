"""What is driven: every reader of a file and every client of others' answers, each with seeds that are right."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from random import Random
from typing import Any, Final

from flexres.desired.load import load_stack
from flexres.desired.schema.certificate import fingerprint
from flexres.desired.spreadsheet.columns import map_columns, read_sheet
from flexres.desired.yaml.problems import render_text
from flexres.errors import FlexresError, InvalidStack, ProblemError
from flexres.idp.auth0.transport import Auth0Transport, Tenant
from flexres.idp.metadata import read_metadata, read_source
from flexres.idp.saml.lint import lint
from flexres.live.credentials import endpoint
from flexres.live.http.limits import DamagedError, Limits, TooLargeError, gunzip
from flexres.live.http.retrying import RetryPolicy
from flexres.live.http.transport import Transport
from flexres.live.http.webhook import NotDeliveredError, post, webhook
from flexres.reconcile.saved_plan import read_saved
from flexres.report.drift.json import earlier_of
from flexres.report.idp.findings import findings_in_text, saml_json, saml_text
from flexres.report.layout import Page
from flexres.routing.language.parse import ExpressionError, parse
from flexres.sandbox.saml_xml import UnsafeXmlError
from flexres.sandbox.saml_xml import parse as sandbox_xml
from flexres.sso.appconfig import Active, appconfig, check_appconfig
from flexres.sso.observe import probe
from tests.saml_responses import KeyPair, Recipe, declared, new_pair, response, xml
from tests.unit.desired.stacks import BAD_STACKS, FLEX, PEM, TextSource
from tests.unit.live.fake import CREDENTIALS, FakeTime
from tests.unit.live.loopback import serving
from tests.unit.live.test_odd_answers import EVERYTHING, ask
from tests.unit.sso.test_appconfig import ACTIVE, config

STACKS: Final = Path(__file__).parents[2] / "stacks"
MD: Final = "urn:oasis:names:tc:SAML:2.0:metadata"


@dataclass(frozen=True)
class Target:
    """One reader: `read` returns or raises an error of ours; anything else, and what takes long, is a crash."""

    name: str
    seeds: tuple[bytes, ...]
    read: Callable[[bytes, Random], object]


def _said(text: str) -> None:
    shown = text.replace("\n", "")
    assert shown.isprintable(), "a control or bidirectional character reaches the terminal"


def _ours(read: Callable[[], object], *others: type[Exception]) -> None:
    """Runs a reader; its own errors are in order as long as they can be printed."""
    try:
        read()
    except others:
        return
    except InvalidStack:
        raise
    except FlexresError as error:
        _said(f"{error.message}\n{error.hint}")


def _stack(name: str) -> Callable[[bytes, Random], None]:
    def read(data: bytes, _random: Random) -> None:
        files: dict[str, str | bytes] = {"flex.yaml": FLEX, "users/team.yaml": "users: {}\n", name: data}
        source = TextSource(files | {"certs/idp.pem": PEM, "idp.pem": PEM})
        try:
            _ours(lambda: load_stack(source, name="test", as_of=date(2026, 11, 21)))
        except InvalidStack as error:
            _said(render_text(error.problems, source))

    return read


def _saml(pair: KeyPair) -> Callable[[bytes, Random], None]:
    sso, now = declared(pair), datetime(2026, 11, 21, tzinfo=UTC)

    def read(data: bytes, _random: Random) -> None:
        found = lint(data, sso=sso, users={}, now=now)
        _said(saml_text(found, width=100, colour=False))
        saml_json(found)

    return read


def _appconfig(data: bytes, _random: Random) -> None:
    text = data.decode("utf-8", "replace")
    page = Page(100, False)
    findings_in_text(page, check_appconfig(text, config(), ACTIVE))
    _said(page.text())


def _appconfig_written(data: bytes, _random: Random) -> None:
    """Whatever is said to be active, nothing but literals is written: what is written is in order or refused."""
    text = data.decode("utf-8", "replace")
    written = appconfig(config(), Active(text, text, text))
    assert "not followed" not in str(check_appconfig(written, config(), ACTIVE))


def _sheet(data: bytes, _random: Random) -> None:
    _ours(lambda: map_columns(read_sheet(data, "x.csv").columns, (), "x.csv"))


def _environment(data: bytes, _random: Random) -> None:
    text = data.decode("utf-8", "surrogateescape")
    _ours(lambda: endpoint(None, {"FLEXRES_ENDPOINT": text}))
    _ours(lambda: webhook(text))


def _answer(kind: str) -> Callable[[bytes, Random], None]:
    def read(data: bytes, random: Random) -> None:
        _ours(lambda: asyncio.run(ask(kind, data, random.choice((200, 200, 200, 201, 204, 302, 400, 404, 429, 503)))))

    return read


QUICK: Final = Limits(connect=0.2, read=0.2, attempt=0.2, listing=0.5, file=0.2, answer=200_000, pages=3)
ONCE: Final = RetryPolicy(attempts=1)


async def _twilio(url: str) -> None:
    async with Transport(CREDENTIALS, endpoint=url, limits=QUICK, policy=ONCE) as twilio:
        await twilio.request("GET", "taskrouter", "/v1/Workers")


async def _auth0(url: str) -> None:
    tenant = Tenant("acme.eu.auth0.com", url, token="a-token")
    async with Auth0Transport(tenant, read_only=True, limits=QUICK, policy=ONCE) as auth0:
        await auth0.request("GET", "/clients")


async def _probes(url: str) -> None:
    # A few of its requests in a row: as long as the whole of it may last, a server that hangs would be waited for.
    with suppress(TimeoutError):
        async with asyncio.timeout(0.3):
            await probe(config(), _sso(), url)


def _sso() -> Any:
    sso = config().sso
    assert sso is not None
    return sso


async def _hook(url: str) -> None:
    with suppress(NotDeliveredError):
        await post(webhook(f"{url}/x"), {"text": "x"}, timing=FakeTime().timing(), limits=QUICK)


async def _metadata_from(url: str) -> None:
    await asyncio.to_thread(read_source, f"{url}/x", QUICK)


CLIENTS: Final = (_twilio, _auth0, _probes, _hook, _metadata_from)


def _wire(data: bytes, random: Random) -> None:
    """Raw bytes in pieces, with pauses, an end or none, to a client of each kind."""
    client = random.choice(CLIENTS)

    async def behave(writer: Any) -> None:
        pieces = random.choice((1, 1, 3, 20))
        size = max(1, len(data) // pieces)
        for start in range(0, len(data), size):
            writer.write(data[start : start + size])
            await writer.drain()
            await asyncio.sleep(random.choice((0, 0, 0.001, 0.01)))
        if random.random() < 0.1:
            await asyncio.sleep(1)

    async def run() -> None:
        # How the server's own tasks end when it is closed is nothing about the client.
        asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)
        async with serving(behave) as url:
            await client(url)

    _ours(lambda: asyncio.run(run()))


def _http(body: bytes, *headers: str) -> bytes:
    lines = ("HTTP/1.1 200 OK", "Content-Type: application/json", f"Content-Length: {len(body)}", *headers)
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def _yaml(pattern: str) -> tuple[bytes, ...]:
    return tuple(
        path.read_bytes() for path in sorted((*STACKS.glob(f"*/{pattern}"), *BAD_STACKS.glob(f"*/*/{pattern}")))
    )


def _metadata(pair: KeyPair) -> bytes:
    body = "".join(pair.pem.splitlines()[1:-1])
    return (
        f'<EntityDescriptor xmlns="{MD}" entityID="urn:x"><IDPSSODescriptor protocolSupportEnumeration='
        '"urn:oasis:names:tc:SAML:2.0:protocol"><KeyDescriptor use="signing"><KeyInfo '
        f'xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data><X509Certificate>{body}</X509Certificate></X509Data>'
        '</KeyInfo></KeyDescriptor><SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" '
        'Location="https://idp.example.com/sso"/></IDPSSODescriptor></EntityDescriptor>'
    ).encode()


def _captures(signed: bytes) -> tuple[bytes, ...]:
    text = base64.b64encode(signed).decode()
    params = [{"name": "SAMLResponse", "value": text}]
    request = {"url": "https://iam.twilio.com/x", "method": "POST", "postData": {"params": params}}
    har = {"log": {"entries": [{"startedDateTime": "2026-11-21T00:00:00Z", "request": request}]}}
    page = f'<html><form action="https://x"><input name="SAMLResponse" value="{text}"></form></html>'
    return signed, text.encode(), json.dumps(har).encode(), page.encode(), f"SAMLResponse={text}&RelayState=x".encode()


EARLIER: Final = {
    "format": 1,
    "report": "drift",
    "stack": "prod",
    "stack_id": "k7m2q9",
    "as_of": "2026-11-21T00:00:00+00:00",
    "findings": [{"id": "a", "subject": "ana@example.com", "drift": True}],
}
SAVED: Final = {"kind": "flexres plan", "format": 1, "stack_id": "k7m2q9", "changes": [{"name": "ana"}], "digest": "x"}
EXPRESSIONS: Final = (
    b"skills HAS 'billing' AND (level > 3 OR NOT city IN ['a', \"b\"])",
    b"a.b.c == null OR x CONTAINS 'y'",
)
SHEETS: Final = (b"username,full_name,roles\nana@x.com,Ana,agent\n", b'sep=;\nusername;"full ""name"""\na@x;"A\nB"\n')
URLS: Final = (b"https://u:p@example.com:8080/a?b=c#d", b"http://[::1]:4010", "https://\u0435xample.com/".encode())


def targets() -> tuple[Target, ...]:
    """All of them, with a key that is made anew."""
    pair = new_pair("idp.example.com")
    signed = response(pair)
    plain = xml(replace(Recipe())).encode()
    scripts = (
        appconfig(config(), ACTIVE).encode(),
        b'window["appConfig"] = {...a, b: /[/]/g}; appConfig.sso.x += `y`;',
    )
    answers = {kind: json.dumps(right).encode() for kind, (_, right) in EVERYTHING.items()}
    wire = (
        *map(_http, answers.values()),
        _http(gzip.compress(next(iter(answers.values()))), "Content-Encoding: gzip"),
        b"HTTP/1.1 302 Found\r\nLocation: https://example.com/\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    )
    return (
        Target("flex.yaml", _yaml("flex.yaml"), _stack("flex.yaml")),
        Target("users/*.yaml", _yaml("users/*.yaml"), _stack("users/team.yaml")),
        Target(
            "certificate",
            (PEM.encode(), pair.pem.encode()),
            lambda data, _: _ours(lambda: fingerprint(data), ProblemError),
        ),
        Target("metadata", (_metadata(pair),), lambda data, _: _ours(lambda: read_metadata(data))),
        Target("saml lint", _captures(signed), _saml(pair)),
        Target("the sandbox's XML", (signed, plain), lambda data, _: _ours(lambda: sandbox_xml(data), UnsafeXmlError)),
        Target("appconfig.js read", scripts, _appconfig),
        Target("appconfig.js written", (b"JQ" + b"1" * 32, b'"};\n*/alert(1)//</script>'), _appconfig_written),
        Target("spreadsheet", SHEETS, _sheet),
        Target("saved plan", (json.dumps(SAVED).encode(),), _saved),
        Target("earlier report", (json.dumps(EARLIER).encode(),), _earlier),
        Target(
            "expression",
            EXPRESSIONS,
            lambda data, _: _ours(lambda: parse(data.decode("utf-8", "replace")), ExpressionError),
        ),
        Target("addresses of the environment", URLS, _environment),
        Target("gzip", (gzip.compress(b"x" * 5000),), _packed),
        *(Target(f"answer: {kind}", (seed,), _answer(kind)) for kind, seed in answers.items()),
        Target("wire", wire, _wire),
    )


def _saved(data: bytes, _random: Random) -> None:
    with suppress(UnicodeDecodeError):
        text = data.decode()
        _ours(lambda: read_saved(text, "plan.json"))


def _earlier(data: bytes, _random: Random) -> None:
    with suppress(ValueError, RecursionError):
        value = json.loads(data)
        _ours(lambda: earlier_of(value, "k7m2q9", "last.json"))


def _packed(data: bytes, _random: Random) -> None:
    with suppress(DamagedError, TooLargeError):
        gunzip(data, 100_000)
