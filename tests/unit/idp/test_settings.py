"""What to enter at each identity provider: complete, without namespaces, and importable where files are."""

from __future__ import annotations

import json

import pytest
from lxml import etree

from flexres.idp.service_provider import legacy
from flexres.idp.settings import PROVIDERS, ProviderName, as_markdown, as_text, settings
from tests.saml_responses import CONNECTION, FLEX

ATTRIBUTES = ("department", "level.int")
EVERY = pytest.mark.parametrize("provider", sorted(PROVIDERS))


def _file(provider: ProviderName, name: str) -> str:
    return next(file.content for file in settings(provider, FLEX, ATTRIBUTES).files if file.name == name)


@EVERY
def test_acs_and_entity_id_are_entered_somewhere(provider: ProviderName) -> None:
    """As field values, or in the file that is pasted."""
    found = settings(provider, FLEX, ATTRIBUTES)
    values = [field.value for section in found.sections for field in section.fields]
    everything = "\n".join(values + [file.content for file in found.files])
    assert FLEX.acs in values
    assert FLEX.entity_id in everything


@EVERY
def test_every_claim_is_mapped_by_its_flex_name(provider: ProviderName) -> None:
    """The three mandatory ones and the declared ones with their types, none with a namespace."""
    names = [mapping.name for mapping in settings(provider, FLEX, ATTRIBUTES).attributes]
    assert names == ["email", "full_name", "roles", "department", "level.int"]


@EVERY
def test_the_way_back_to_sso_is_told(provider: ProviderName) -> None:
    """Where the provider shows the three values of `sso:`."""
    assert [field.label for field in settings(provider, FLEX).back] == ["issuer", "sso_url", "certificate"]


@EVERY
def test_both_renderings_show_every_value(provider: ProviderName) -> None:
    """Nothing is lost between the values and what people read."""
    found = settings(provider, FLEX, ATTRIBUTES)
    text, markdown = as_text(found), as_markdown(found)
    for section in found.sections:
        for field in section.fields:
            assert field.label in text
            assert field.value in text
            assert field.value in markdown
    for limit in found.limits:
        assert limit in text
        assert limit in markdown
    for file in found.files:
        assert file.content.strip() in markdown


def test_google_cannot_begin_a_sign_in() -> None:
    """It is said where people read it."""
    assert "No sign-in begun from Google" in as_text(settings("google", FLEX))


@pytest.mark.parametrize("provider", ["okta", "entra", "adfs", "keycloak", "generic"])
def test_response_and_assertion_are_signed_and_nothing_encrypted(provider: ProviderName) -> None:
    """As Twilio's guides ask."""
    text = as_text(settings(provider, FLEX)).lower()
    assert "sign" in text
    assert "does not support encryption" in text


def test_the_metadata_of_flex_is_what_providers_import() -> None:
    """One ACS by HTTP-POST under the entity ID."""
    root = etree.fromstring(_file("generic", "flex-sp-metadata.xml").encode())
    acs = next(root.iter("{urn:oasis:names:tc:SAML:2.0:metadata}AssertionConsumerService"))
    assert (root.get("entityID"), acs.get("Location")) == (FLEX.entity_id, FLEX.acs)
    assert acs.get("Binding", "").endswith(":HTTP-POST")


def test_keycloaks_client_sends_only_what_flex_knows() -> None:
    """No default scopes, only the client's own roles, both parts signed."""
    client = json.loads(_file("keycloak", "keycloak-client.json"))
    assert (client["clientId"], client["protocol"]) == (FLEX.entity_id, "saml")
    assert (client["defaultClientScopes"], client["fullScopeAllowed"]) == ([], False)
    assert client["attributes"]["saml_assertion_consumer_url_post"] == FLEX.acs
    assert client["attributes"]["saml.server.signature"] == client["attributes"]["saml.assertion.signature"] == "true"
    mappers = {mapper["config"]["attribute.name"]: mapper for mapper in client["protocolMappers"]}
    assert set(mappers) == {"roles", "email", "full_name", "department", "level.int"}
    assert mappers["level.int"]["config"]["user.attribute"] == "level"


def test_oktas_application_has_every_statement() -> None:
    """For POST /api/v1/apps."""
    sign_on = json.loads(_file("okta", "okta-app.json"))["settings"]["signOn"]
    assert {sign_on[key] for key in ("ssoAcsUrl", "recipient", "destination")} == {FLEX.acs}
    assert sign_on["audience"] == FLEX.entity_id
    assert sign_on["responseSigned"] and sign_on["assertionSigned"]
    names = [statement["name"] for statement in sign_on["attributeStatements"]]
    assert names == ["email", "full_name", "roles", "department", "level.int"]


def test_entras_policy_is_json_within_json_without_namespaces() -> None:
    """Only NameID keeps its long name, which is no attribute."""
    policy = json.loads(json.loads(_file("entra", "entra-claims-policy.json"))["definition"][0])["ClaimsMappingPolicy"]
    assert policy["IncludeBasicClaimSet"] == "false"
    types = [claim["SamlClaimType"] for claim in policy["ClaimsSchema"]]
    assert types[1:] == ["email", "full_name", "roles", "department", "level.int"]
    roles = json.loads(_file("entra", "entra-app-roles.json"))["appRoles"]
    assert sorted(role["value"] for role in roles) == ["admin", "agent", "supervisor"]


def test_auth0s_add_on_is_that_of_twilios_guide() -> None:
    """Binding, signing and audience as there; NameID is the address."""
    addon = json.loads(_file("auth0", "auth0-saml2-addon.json"))
    assert addon["binding"] == "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
    assert addon["signResponse"] is True
    assert addon["audience"] == f"urn:flex:{CONNECTION}"
    assert addon["nameIdentifierProbes"][0].endswith("/emailaddress")


def test_adfs_rules_name_claims_as_flex_needs_them() -> None:
    """And make a Name ID, without which AD FS answers InvalidNameIDPolicy."""
    rules = _file("adfs", "adfs-rules.txt")
    assert 'types = ("email", "full_name", "department", "level.int")' in rules
    assert 'Type = "roles", Value = "supervisor"' in rules
    assert "nameidentifier" in rules


def test_legacy_sso_has_addresses_of_its_own() -> None:
    """One service provider for each account."""
    flex = legacy("AC0")
    assert flex.acs == "https://iam.twilio.com/v1/Accounts/AC0/saml2"
    assert flex.entity_id == f"{flex.acs}/metadata"


def test_an_attribute_named_twice_is_mapped_once() -> None:
    """The order of the first one counts."""
    assert [each.name for each in settings("generic", FLEX, ("a", "b", "a")).attributes][3:] == ["a", "b"]


@EVERY
def test_each_page_says_against_what_it_was_checked(provider: ProviderName) -> None:
    """With a date, in text and in Markdown."""
    found = settings(provider, FLEX)
    assert "2026-" in found.checked
    assert f"Checked: {found.checked}" in as_text(found)
    assert "Checked: " in as_markdown(found)


def test_entras_roles_are_added_to_those_that_are_there() -> None:
    """Graph takes the whole list, and refuses to lose a role that is enabled."""
    (file,) = [each for each in settings("entra", FLEX).files if each.name == "entra-app-roles.json"]
    assert "add them to those that are there" in file.how


def test_oktas_groups_add_up_and_its_steps_are_in_order() -> None:
    """Without combining, somebody in two groups gets the roles of one."""
    sections = settings("okta", FLEX).sections
    assert [each.title for each in sections[-2:]] == ["Add Attribute", "Assignments"]
    assert ("Group Priority", "Combine values across groups") in {
        (field.label, field.value) for each in sections for field in each.fields
    }


def test_legacy_auth0_gets_both_callbacks() -> None:
    """Its entity ID is a URL that Twilio's guide wants allowed, too."""
    flex = legacy("AC" + "1" * 32)
    values = [field.value for each in settings("auth0", flex).sections for field in each.fields]
    assert f"{flex.acs}, {flex.entity_id}" in values
