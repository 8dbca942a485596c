"""The page on the sandbox names every address and every fault there is, and each line on it works as it stands."""

from __future__ import annotations

import re
import shlex
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import httpx
import pytest

from flexres.sandbox.control import routes
from flexres.sandbox.faults import rules
from flexres.sandbox.server import Sandbox

PAGE: Final = (Path(__file__).parents[3] / "docs" / "sandbox.md").read_text(encoding="utf-8")
CURL: Final = [line for line in PAGE.splitlines() if line.startswith("curl ")]
FAULTS: Final = PAGE.partition("<!-- faults -->\n```text\n")[2].partition("```")[0]


@pytest.fixture(scope="module")
def lived_in() -> Iterator[Sandbox]:
    """A sandbox with the two people whom the page names."""
    with Sandbox() as sandbox:
        for name in ("ana.ruiz@example.com", "cho.tanaka@example.com"):
            sandbox.provision(name, attributes={"shift": "day"})
        yield sandbox


def asked(line: str, url: str) -> httpx.Request:
    """The request that curl would send."""
    parser = ArgumentParser()
    parser.add_argument("-s", action="store_true")
    parser.add_argument("-X", dest="method")
    parser.add_argument("-d", dest="data")
    parser.add_argument("url")
    given = parser.parse_args(shlex.split(line)[1:])
    method = given.method or ("GET" if given.data is None else "POST")
    return httpx.Request(method, given.url.replace("http://127.0.0.1:4010", url), content=given.data)


@pytest.mark.parametrize("line", CURL)
def test_every_line_of_curl_works_as_it_stands(lived_in: Sandbox, line: str) -> None:
    """Copied from the page into a shell, while the sandbox runs."""
    with httpx.Client() as client:
        answer = client.send(asked(line, lived_in.url))
    assert answer.status_code in {200, 204}, answer.text


def test_no_address_is_missing() -> None:
    """Whatever can be done by hand can be found."""
    requests = [asked(line, "http://127.0.0.1") for line in CURL]
    told = {(one.method, re.sub("/workers/[^/]+", "/workers/{worker}", one.url.path)) for one in requests}
    assert {(route.method, route.path) for route in routes.OPEN} == told


@pytest.mark.parametrize("line", FAULTS.splitlines())
def test_every_fault_of_the_page_is_one(line: str) -> None:
    """Each line begins with one, or two ways of one."""
    for text in re.split(r"  +", line)[:-1]:
        rules.parse_fault(text)


def test_no_fault_is_missing() -> None:
    """The page and the parser's own words are the same list."""
    written = (rules.__doc__ or "").partition("Any of them")[0]
    assert [line.strip() for line in FAULTS.splitlines()] == [
        line.strip() for line in written.splitlines() if line.startswith("    ")
    ]
