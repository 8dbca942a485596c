"""A real identity provider: Keycloak, set up with what `idp settings` wrote, signs somebody in to the sandbox."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator

import httpx
import pytest

from flexres.idp.service_provider import enhanced
from flexres.idp.settings import settings
from flexres.sandbox.server import Sandbox
from flexres.sandbox.visitor import Visit, Visitor
from tests.flow.command_line import FLEX, Cli
from tests.keycloak import CannotBeInstalledError, Keycloak, install, running

SIGN_ON = """\
sso:
  type: enhanced
  writer: api   # the sandbox's own contract
  connection: JQ00000000000000000000000000000001
  claims: [department, level.int, languages.stringarray]
"""
_FORM = re.compile(r'<form[^>]*\baction="([^"]*)"', re.I)
_FIELD = re.compile(r'<input[^>]*\bname="(SAMLResponse|RelayState)"[^>]*\bvalue="([^"]*)"', re.I)


@pytest.fixture(scope="module")
def keycloak() -> Iterator[Keycloak]:
    try:
        home = install()
    except CannotBeInstalledError as reason:
        pytest.skip(f"Keycloak cannot be installed here: {reason}")
    with running(home) as keycloak:
        yield keycloak


def set_up(keycloak: Keycloak, client: dict[str, object], names: list[str]) -> None:
    """What the settings say: the imported client, its roles, the user profile's attributes; and one person."""
    keycloak.send("POST", "", {"realm": "flex", "enabled": True, "sslRequired": "none"})
    keycloak.send("POST", "/flex/clients", client)
    (made,) = keycloak.send("GET", f"/flex/clients?clientId={client['clientId']}").json()
    for role in ("agent", "supervisor", "admin"):
        keycloak.send("POST", f"/flex/clients/{made['id']}/roles", {"name": role})
    profile = keycloak.send("GET", "/flex/users/profile").json()
    own = {"permissions": {"view": ["admin"], "edit": ["admin"]}, "multivalued": False}
    profile["attributes"] += [{"name": name, "displayName": name, **own} for name in names]
    keycloak.send("PUT", "/flex/users/profile", profile)
    attributes = {"full_name": ["Ana Ruiz"], "department": ["Sales"], "level": ["3"], "languages": ["en,de"]}
    person = {"username": "ana@example.com", "email": "ana@example.com", "enabled": True, "emailVerified": True}
    person |= {"firstName": "Ana", "lastName": "Ruiz", "attributes": attributes}
    person["credentials"] = [{"type": "password", "value": "correct horse", "temporary": False}]
    keycloak.send("POST", "/flex/users", person)
    (user,) = keycloak.send("GET", "/flex/users?username=ana@example.com&exact=true").json()
    roles = keycloak.send("GET", f"/flex/clients/{made['id']}/roles").json()
    chosen = [role for role in roles if role["name"] in ("agent", "supervisor")]
    keycloak.send("POST", f"/flex/users/{user['id']}/role-mappings/clients/{made['id']}", chosen)


def sign_in(sandbox: Sandbox) -> Visit:
    """From Flex to Keycloak's page and back, as a browser goes."""
    with Visitor(sandbox.url, sandbox.identity) as visitor, httpx.Client(trust_env=False, timeout=60) as browser:
        begun = visitor.begin(f"{sandbox.url}/demo/app")
        sent = visitor.client.get(begun.url)
        page = browser.get(sent.headers["Location"], follow_redirects=True)
        form = _FORM.search(page.text)
        assert form is not None, page.text
        credentials = {"username": "ana@example.com", "password": "correct horse"}
        # Its cookies are for https; browsers send them to this machine all the same.
        cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in browser.cookies.jar)
        answered = browser.post(html.unescape(form[1]), data=credentials, headers={"Cookie": cookies})
        fields = {name: html.unescape(value) for name, value in _FIELD.findall(answered.text)}
        target = _FORM.search(answered.text)
        assert target is not None, answered.text
        answer = {"acs": html.unescape(target[1]), "SAMLResponse": fields["SAMLResponse"]}
        back = visitor.post_response(answer, fields["RelayState"])
        assert back.status_code == 302, back.text
        return visitor.exchange(begun, back.headers["Location"])


def test_a_login_through_keycloak(
    keycloak: Keycloak,
    cli: Cli,
    sandbox: Sandbox,
) -> None:
    """Settings out, metadata in: nothing else is told to either side, and the Worker has every claim in its type."""
    cli.write(flex=FLEX + SIGN_ON, team="users: {}\n")

    told = cli.run("idp", "settings", "--idp", "keycloak", "--files", "idp")
    assert told.code == 0, told.err
    client = json.loads((cli.folder / "idp/keycloak-client.json").read_text())
    people = settings("keycloak", enhanced("JQ0"), ["department", "level.int", "languages.stringarray"]).sections[2]
    set_up(keycloak, client, [field.value for field in people.fields if field.label == "Create attribute"])

    descriptor = f"{keycloak.url}/realms/flex/protocol/saml/descriptor"
    taken = cli.run("idp", "import-metadata", descriptor)
    assert taken.code == 0, taken.err
    assert "# the sandbox's own contract" in (cli.folder / "stacks/prod/flex.yaml").read_text()
    applied = cli.run("apply", "--yes")
    assert applied.code == 0, applied.err + applied.out

    visit = sign_in(sandbox)

    assert visit.status == 200, visit
    attributes = sandbox.worker_attributes("ana@example.com")
    claims = {name: attributes[name] for name in ("full_name", "email", "roles", "department", "level", "languages")}
    claims["roles"] = sorted(claims["roles"])
    assert claims == {
        "full_name": "Ana Ruiz",
        "email": "ana@example.com",
        "roles": ["agent", "supervisor"],
        "department": "Sales",
        "level": 3,
        "languages": ["en", "de"],
    }
