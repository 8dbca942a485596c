"""AD FS, Keycloak and any other SAML 2.0 provider that people run themselves: what each has to be told about Flex.

The values are Flex's (https://www.twilio.com/docs/flex/admin-guide/setup/sso-configuration), the labels those of the
providers' own pages, in their order.
"""

from __future__ import annotations

from collections.abc import Sequence

from flexres.idp.service_provider import ServiceProvider
from flexres.idp.settings import import_files
from flexres.idp.settings.hosted import FLEX_ROLES, LIST
from flexres.idp.settings.model import Field, File, Section, Settings
from flexres.idp.settings.model import Mapping as Attribute


def adfs(flex: ServiceProvider, attributes: Sequence[str]) -> Settings:
    """AD FS: a relying party trust."""
    trust = (
        Field("Welcome", "Claims aware"),
        Field("Select Data Source", "Enter data about the relying party manually", "or import the metadata file"),
        Field("Display name", "Twilio Flex"),
        Field("Configure Certificate", "", "skip it: Flex does not support encryption"),
        Field(
            "Relying party SAML 2.0 SSO service URL", flex.acs, "check Enable support for the SAML 2.0 WebSSO protocol"
        ),
        Field("Relying party trust identifier", flex.entity_id),
        Field("Secure hash algorithm", "SHA-256", "Properties > Advanced"),
    )
    name_id = (
        Field("Claim rule template", "Transform an Incoming Claim"),
        Field("Incoming claim type", "email", "typed in, as the rule above sends it"),
        Field("Outgoing claim type", "Name ID"),
        Field("Outgoing name ID format", "Email"),
    )
    signing = (
        Field(
            "PowerShell",
            'Set-AdfsRelyingPartyTrust -TargetName "Twilio Flex" -SamlResponseSignature "MessageAndAssertion"',
        ),
    )
    mappings = (
        Attribute("email", "E-Mail-Addresses"),
        Attribute("full_name", "Display-Name"),
        Attribute("roles", "Send Group Membership as a Claim", f"a rule for each of {FLEX_ROLES}"),
        *(Attribute(name, import_files.bare_name(name), "the LDAP attribute of that meaning") for name in attributes),
    )
    return Settings(
        "adfs",
        "AD FS",
        (
            Section("Add Relying Party Trust", "AD FS Management > Relying Party Trusts", trust),
            Section("Name ID", "Edit Claim Issuance Policy > Add Rule, after the attributes", name_id),
            Section("Signatures", "as administrator", signing),
        ),
        "Edit Claim Issuance Policy > Send LDAP Attributes as Claims: type the Outgoing Claim Type in, do not pick one",
        mappings,
        (
            Field("issuer", "Federation Service identifier", "Service > Edit Federation Service Properties"),
            Field("sso_url", "https://<your AD FS>/adfs/ls/", "Service > Endpoints"),
            Field("certificate", "Token-signing", "Service > Certificates: Copy to File, Base-64"),
        ),
        (
            "Outgoing claim types picked from the list have a namespace, and Flex ignores names with one.",
            "AD FS renews its token-signing certificate by itself (AutoCertificateRollover): enter it in time.",
            "Without a Name ID rule AD FS answers InvalidNameIDPolicy.",
        ),
        (
            File(
                "flex-sp-metadata.xml",
                import_files.service_provider_metadata(flex),
                "Add Relying Party Trust > Import data about the relying party from a file",
            ),
            File(
                "adfs-rules.txt",
                import_files.adfs_rules(attributes),
                'Set-AdfsRelyingPartyTrust -TargetName "Twilio Flex" -IssuanceTransformRulesFile adfs-rules.txt; it '
                "takes roles from the groups flex-agent, flex-supervisor and flex-admin",
            ),
        ),
        "2026-11-21: learn.microsoft.com, Set-AdfsRelyingPartyTrust; the pages of the console were not",
    )


def keycloak(flex: ServiceProvider, attributes: Sequence[str]) -> Settings:
    """Keycloak: a client of the kind SAML."""
    client = (
        Field("Client type", "SAML"),
        Field("Client ID", flex.entity_id),
        Field("Valid redirect URIs", flex.acs),
        Field("Assertion Consumer Service POST Binding URL", flex.acs, "Advanced"),
        Field("Name ID format", "username", "it becomes the user name in Flex"),
        Field("Force name ID format", "On"),
        Field("Force POST binding", "On"),
        Field("Include AuthnStatement", "On"),
    )
    signing = (
        Field("Sign documents", "On"),
        Field("Sign assertions", "On"),
        Field("Signature algorithm", "RSA_SHA256"),
        Field("Client signature required", "Off", "Keys"),
        Field("Encrypt assertions", "Off", "Keys; Flex does not support encryption"),
    )
    people = (
        Field("Roles", FLEX_ROLES, "create them on this client, then assign them to users or groups"),
        Field("Assigned client scopes", "none", "Client scopes: remove role_list and the rest"),
        Field("Full scope allowed", "Off", "Client scopes > the dedicated scope > Scope"),
        *(
            Field("Create attribute", name, "Realm settings > User profile; only admins may edit it")
            for name in ("full_name", *(import_files.bare_name(name) for name in attributes))
        ),
    )
    mappings = (
        Attribute("email", "User Property: email"),
        Attribute("full_name", "User Attribute: full_name"),
        Attribute("roles", "Role list, Single Role Attribute: On", "one value a role"),
        *(Attribute(name, f"User Attribute: {import_files.bare_name(name)}") for name in attributes),
    )
    return Settings(
        "keycloak",
        "Keycloak",
        (
            Section("Settings", "Clients > Create client", client),
            Section("Signature and Encryption", "the same page, and Keys", signing),
            Section("Roles and attributes", "the client, and the realm", people),
        ),
        "Client scopes > the dedicated scope > Add mapper > By configuration, SAML Attribute NameFormat: Basic",
        mappings,
        (
            Field("issuer", "https://<your Keycloak>/realms/<realm>", "entityID of the SAML 2.0 metadata"),
            Field("sso_url", "https://<your Keycloak>/realms/<realm>/protocol/saml", "the same"),
            Field("certificate", "RS256, Certificate", "Realm settings > Keys"),
        ),
        (
            "Keycloak has no attribute for the full name: it takes a user attribute of the user profile.",
            "Roles of the realm are not sent: only the client's own are Flex's.",
        ),
        (
            File(
                "keycloak-client.json",
                import_files.keycloak_client(flex, attributes),
                "Clients > Import client; then create its roles and the user profile's attributes",
            ),
        ),
        "2026-11-21: Keycloak's Server Administration Guide; the file is imported into a real Keycloak by a test",
    )


def generic(flex: ServiceProvider, attributes: Sequence[str]) -> Settings:
    """Any other identity provider that speaks SAML 2.0."""
    fields = (
        Field("Assertion Consumer Service (ACS) URL", flex.acs, "binding HTTP-POST; also Recipient and Destination"),
        Field("Audience, or SP entity ID", flex.entity_id),
        Field("NameID format", "emailAddress or unspecified", "a value that never changes: the user name in Flex"),
        Field("Sign the response", "yes"),
        Field("Sign the assertion", "yes"),
        Field("Signature algorithm", "RSA-SHA256"),
        Field("Encrypt the assertion", "no", "Flex does not support encryption"),
        Field("SessionNotOnOrAfter", "none", "or above a shift: 10 hours; never 1 hour or less"),
    )
    mappings = (
        Attribute("email", "the user's address"),
        Attribute("full_name", "first and last name"),
        Attribute("roles", "the user's roles in Flex", f"{FLEX_ROLES}; {LIST}"),
        *(Attribute(name, import_files.bare_name(name)) for name in attributes),
    )
    return Settings(
        "generic",
        "SAML 2.0",
        (Section("Service provider", "the application for Flex", fields),),
        "Attribute names exactly so, without a namespace",
        mappings,
        (
            Field("issuer", "entityID", "the identity provider's metadata"),
            Field("sso_url", "SingleSignOnService, HTTP-Redirect", "the same"),
            Field("certificate", "X509Certificate for signing", "the same, as PEM"),
        ),
        (),
        (
            File(
                "flex-sp-metadata.xml",
                import_files.service_provider_metadata(flex),
                "import it where the identity provider takes metadata of a service provider",
            ),
        ),
        "2026-11-21: Twilio's page on SSO",
    )
