"""The files that identity providers import instead of being typed into."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from lxml import etree

from flexres.idp.safe_xml import METADATA, PROTOCOL
from flexres.idp.service_provider import ServiceProvider

UNSPECIFIED = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"
EMAIL = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
_POST = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
_BASIC = "urn:oasis:names:tc:SAML:2.0:attrname-format:basic"
_PLAIN = "urn:oasis:names:tc:SAML:2.0:attrname-format:unspecified"


def service_provider_metadata(flex: ServiceProvider) -> str:
    """Flex's side as SAML metadata: entity ID, ACS, NameID formats; assertions are to be signed."""
    root = etree.Element(f"{{{METADATA}}}EntityDescriptor", {"entityID": flex.entity_id}, nsmap={"md": METADATA})
    provider = etree.SubElement(
        root,
        f"{{{METADATA}}}SPSSODescriptor",
        {"AuthnRequestsSigned": "false", "WantAssertionsSigned": "true", "protocolSupportEnumeration": PROTOCOL},
    )
    for name_id_format in (EMAIL, UNSPECIFIED):
        etree.SubElement(provider, f"{{{METADATA}}}NameIDFormat").text = name_id_format
    etree.SubElement(
        provider,
        f"{{{METADATA}}}AssertionConsumerService",
        {"Binding": _POST, "Location": flex.acs, "index": "0", "isDefault": "true"},
    )
    return etree.tostring(root, pretty_print=True, xml_declaration=True, encoding="UTF-8").decode("utf-8")


def keycloak_client(flex: ServiceProvider, attributes: Sequence[str]) -> str:
    """A Keycloak client (Clients, Import client): signs both, NameID is the user name, roles are the client's own.

    No default client scopes: Keycloak's own `role_list` would send every role of the realm as an attribute more.
    """
    client: dict[str, Any] = {
        "clientId": flex.entity_id,
        "name": "Twilio Flex",
        "protocol": "saml",
        "enabled": True,
        "frontchannelLogout": True,
        "fullScopeAllowed": False,
        "redirectUris": [flex.acs],
        "attributes": {
            "saml_assertion_consumer_url_post": flex.acs,
            "saml.authnstatement": "true",
            "saml.server.signature": "true",
            "saml.assertion.signature": "true",
            "saml.signature.algorithm": "RSA_SHA256",
            "saml_signature_canonicalization_method": "http://www.w3.org/2001/10/xml-exc-c14n#",
            "saml.client.signature": "false",
            "saml.encrypt": "false",
            "saml.force.post.binding": "true",
            "saml_name_id_format": "username",
            "saml_force_name_id_format": "true",
        },
        "defaultClientScopes": [],
        "optionalClientScopes": [],
        "protocolMappers": [
            _mapper("roles", "saml-role-list-mapper", {"single": "true"}),
            _mapper("email", "saml-user-property-mapper", {"user.attribute": "email"}),
            _mapper("full_name", "saml-user-attribute-mapper", {"user.attribute": "full_name"}),
            *(_mapper(name, "saml-user-attribute-mapper", {"user.attribute": bare_name(name)}) for name in attributes),
        ],
    }
    return _json(client)


def _mapper(name: str, kind: str, config: dict[str, str]) -> dict[str, Any]:
    return {
        "name": name,
        "protocol": "saml",
        "protocolMapper": kind,
        "consentRequired": False,
        "config": {"attribute.name": name, "attribute.nameformat": "Basic", **config},
    }


def okta_application(flex: ServiceProvider, attributes: Sequence[str]) -> str:
    """An Okta application for POST /api/v1/apps: a custom SAML 2.0 app with its attribute statements."""
    statements = [
        _statement("email", "user.email"),
        _statement("full_name", 'String.join(" ", user.firstName, user.lastName)'),
        _statement("roles", "appuser.flex_roles"),
        *(_statement(name, f"user.{bare_name(name)}") for name in attributes),
    ]
    application = {
        "label": "Twilio Flex",
        "signOnMode": "SAML_2_0",
        "visibility": {"autoSubmitToolbar": False, "hide": {"iOS": False, "web": False}},
        "settings": {
            "signOn": {
                "defaultRelayState": "",
                "ssoAcsUrl": flex.acs,
                "idpIssuer": "http://www.okta.com/${org.externalKey}",
                "audience": flex.entity_id,
                "recipient": flex.acs,
                "destination": flex.acs,
                "subjectNameIdTemplate": "${user.userName}",
                "subjectNameIdFormat": UNSPECIFIED,
                "responseSigned": True,
                "assertionSigned": True,
                "signatureAlgorithm": "RSA_SHA256",
                "digestAlgorithm": "SHA256",
                "honorForceAuthn": True,
                "authnContextClassRef": "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport",
                "requestCompressed": False,
                "attributeStatements": statements,
            }
        },
    }
    return _json(application)


def _statement(name: str, expression: str) -> dict[str, Any]:
    return {"type": "EXPRESSION", "name": name, "namespace": _PLAIN, "values": [expression]}


def entra_claims_policy(attributes: Sequence[str]) -> str:
    """A claims mapping policy for POST /policies/claimsMappingPolicies of Microsoft Graph.

    Its `definition` is JSON within JSON, as Graph wants it. The basic claim set is left out: it is namespaced.
    """
    nameidentifier = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier"
    schema = [
        {"Source": "user", "ID": "userprincipalname", "SamlClaimType": nameidentifier},
        {"Source": "user", "ID": "mail", "SamlClaimType": "email"},
        {"Source": "user", "ID": "displayname", "SamlClaimType": "full_name"},
        {"Source": "user", "ID": "assignedroles", "SamlClaimType": "roles"},
        *(
            {"Source": "user", "ID": source, "SamlClaimType": name}
            for name, source in zip(attributes, entra_sources(attributes), strict=True)
        ),
    ]
    policy = {"ClaimsMappingPolicy": {"Version": 1, "IncludeBasicClaimSet": "false", "ClaimsSchema": schema}}
    definition = json.dumps(policy, separators=(",", ":"))
    return _json({"displayName": "Twilio Flex claims", "definition": [definition]})


def entra_roles() -> str:
    """The app roles of the Entra application (App roles, or its manifest): what `user.assignedroles` sends.

    Their ids are fixed, so that running it again changes nothing; Entra only wants them unique within the application.
    """
    ids = {
        "agent": "0c2f9a52-5a0b-4c1e-9a51-7a3b1f0e1a01",
        "supervisor": "0c2f9a52-5a0b-4c1e-9a51-7a3b1f0e1a02",
        "admin": "0c2f9a52-5a0b-4c1e-9a51-7a3b1f0e1a03",
    }
    roles = [
        {
            "allowedMemberTypes": ["User"],
            "description": f"Flex {role}",
            "displayName": f"Flex {role}",
            "id": identifier,
            "isEnabled": True,
            "value": role,
        }
        for role, identifier in ids.items()
    ]
    return _json({"appRoles": roles})


def auth0_addon(flex: ServiceProvider) -> str:
    """The settings of Auth0's SAML2 Web App add-on; the attributes come from a Post Login action.

    Binding, signing and audience are those of Twilio's guide for Auth0; NameID is the address instead of Auth0's own
    id, and the signature is SHA-256 instead of SHA-1.
    """
    email = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress"
    addon = {
        "binding": _POST,
        "signResponse": True,
        "audience": flex.entity_id,
        "signatureAlgorithm": "rsa-sha256",
        "digestAlgorithm": "sha256",
        "nameIdentifierFormat": EMAIL,
        "nameIdentifierProbes": [email],
    }
    return _json(addon)


def adfs_rules(attributes: Sequence[str]) -> str:
    """AD FS claim rules, for Set-AdfsRelyingPartyTrust -IssuanceTransformRulesFile. Roles come from groups Flex-…"""
    account = "http://schemas.microsoft.com/ws/2008/06/identity/claims/windowsaccountname"
    group = "http://schemas.xmlsoap.org/claims/Group"
    names = ["email", "full_name", *attributes]
    sources = ["mail", "displayName", *(bare_name(name) for name in attributes)]
    types = ", ".join(f'"{name}"' for name in names)
    rules = [
        f'@RuleName = "Flex attributes"\nc:[Type == "{account}", Issuer == "AD AUTHORITY"]\n'
        f' => issue(store = "Active Directory", types = ({types}), query = ";{",".join(sources)};{{0}}", '
        "param = c.Value);",
        f'@RuleName = "Groups"\nc:[Type == "{account}", Issuer == "AD AUTHORITY"]\n'
        f' => add(store = "Active Directory", types = ("{group}"), query = ";tokenGroups;{{0}}", param = c.Value);',
    ]
    rules += [
        f'@RuleName = "Role {role}"\nc:[Type == "{group}", Value =~ "(?i)^flex-{role}$"]\n'
        f' => issue(Type = "roles", Value = "{role}");'
        for role in ("agent", "supervisor", "admin")
    ]
    rules.append(
        '@RuleName = "Name ID"\nc:[Type == "email"]\n'
        ' => issue(Type = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier", Value = c.Value, '
        'Properties["http://schemas.xmlsoap.org/ws/2005/05/identity/claimproperties/format"] = '
        f'"{EMAIL}");'
    )
    return "\n\n".join(rules) + "\n"


def bare_name(name: str) -> str:
    """The attribute's name without its type: `level.int` is kept at the provider as `level`."""
    stem, dot, suffix = name.rpartition(".")
    typed = suffix in ("string", "int", "boolean", "stringarray", "intarray", "booleanarray")
    return (stem if dot and typed else name).replace(".", "_")


def entra_sources(attributes: Sequence[str]) -> list[str]:
    """A user property of Entra for each attribute: the one of that meaning, else the next extension attribute."""
    known = {"department": "department", "location": "city", "team_id": "employeeid"}
    free = (f"extensionattribute{number}" for number in range(1, 16))
    return [known.get(bare_name(name)) or next(free, "extensionattribute15") for name in attributes]


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
