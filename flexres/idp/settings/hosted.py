"""Okta, Entra ID, Google Workspace and Auth0: what each has to be told about Flex.

The values are Flex's (https://www.twilio.com/docs/flex/admin-guide/setup/sso-configuration), the labels those of the
providers' own pages, in their order.
"""

from __future__ import annotations

from collections.abc import Sequence

from flexres.idp.service_provider import ServiceProvider
from flexres.idp.settings import import_files
from flexres.idp.settings.model import Field, File, Section, Settings
from flexres.idp.settings.model import Mapping as Attribute

LIST = "one value a role, or one text with commas between: agent,supervisor"
FLEX_ROLES = "agent, supervisor, admin"


def okta(flex: ServiceProvider, attributes: Sequence[str]) -> Settings:
    """Okta: an app integration of the kind SAML 2.0."""
    general = (
        Field("Single sign-on URL", flex.acs),
        Field("Use this for Recipient URL and Destination URL", "checked"),
        Field("Audience URI (SP Entity ID)", flex.entity_id),
        Field("Default RelayState", ""),
        Field("Name ID format", "Unspecified"),
        Field("Application username", "Okta username", "it becomes the user name in Flex"),
    )
    advanced = (
        Field("Response", "Signed"),
        Field("Assertion Signature", "Signed"),
        Field("Signature Algorithm", "RSA-SHA256"),
        Field("Digest Algorithm", "SHA256"),
        Field("Assertion Encryption", "Unencrypted", "Flex does not support encryption"),
    )
    profile = (
        Field("Data type", "string array"),
        Field("Variable name", "flex_roles"),
        Field("Attribute type", "Group", "then a group that is assigned to the application gives its members a role"),
        Field("Enum values", FLEX_ROLES),
        Field("Group Priority", "Combine values across groups", "else only the first group's roles are sent"),
    )
    assignments = (
        Field(
            "Assign to Groups", "one group a role", "with flex_roles set to that role: a user without any is refused"
        ),
    )
    mappings = (
        Attribute("email", "user.email"),
        Attribute("full_name", 'String.join(" ", user.firstName, user.lastName)'),
        Attribute("roles", "appuser.flex_roles", LIST),
        *(Attribute(name, f"user.{import_files.bare_name(name)}") for name in attributes),
    )
    return Settings(
        "okta",
        "Okta",
        (
            Section("SAML Settings", "Applications > Create App Integration > SAML 2.0 > Configure SAML", general),
            Section("Show Advanced Settings", "the same page", advanced),
            Section("Add Attribute", "then Directory > Profile Editor > the application", profile),
            Section("Assignments", "last, the application > Assignments", assignments),
        ),
        "Attribute Statements, on the page of SAML Settings before it is saved; Name format: Unspecified",
        mappings,
        (
            Field("issuer", "Issuer", "Sign On > SAML 2.0 > Metadata details"),
            Field("sso_url", "Sign on URL", "the same"),
            Field("certificate", "Signing Certificate", "the same: Download"),
        ),
        ("Expressions may have at most 1024 characters.",),
        (
            File(
                "okta-app.json",
                import_files.okta_application(flex, attributes),
                "POST it to /api/v1/apps of your Okta organisation; then add flex_roles in the Profile Editor, and "
                "assign groups",
            ),
        ),
        "2026-11-21: help.okta.com, Define attribute statements; Assign attribute group priority",
    )


def entra(flex: ServiceProvider, attributes: Sequence[str]) -> Settings:
    """Microsoft Entra ID: an enterprise application."""
    basic = (
        Field("Identifier (Entity ID)", flex.entity_id, "and remove the default entry"),
        Field("Reply URL (Assertion Consumer Service URL)", flex.acs),
        Field("Sign on URL", ""),
        Field("Relay State", ""),
    )
    name_id = (
        Field("Unique User Identifier (Name ID)", "user.userprincipalname", "it becomes the user name in Flex"),
        Field("Name identifier format", "Email address"),
    )
    signing = (
        Field("Signing Option", "Sign SAML response and assertion"),
        Field("Signing Algorithm", "SHA-256"),
        Field("Token encryption", "", "import no certificate: Flex does not support encryption"),
    )
    roles = (
        Field("Display name", "Flex agent", "one app role for each of agent, supervisor and admin"),
        Field("Allowed member types", "Users/Groups"),
        Field("Value", "agent", "exactly agent, supervisor or admin"),
    )
    sources = import_files.entra_sources(attributes)
    mappings = (
        Attribute("email", "user.mail"),
        Attribute("full_name", "user.displayname"),
        Attribute("roles", "user.assignedroles", "one value a role"),
        *(Attribute(name, f"user.{source}") for name, source in zip(attributes, sources, strict=True)),
    )
    return Settings(
        "entra",
        "Microsoft Entra ID",
        (
            Section("Basic SAML Configuration", "Enterprise applications > the application > Single sign-on", basic),
            Section("Attributes & Claims", "Required claim", name_id),
            Section("SAML Certificates", "Edit", signing),
            Section("App roles", "App registrations > the application > App roles > Create app role", roles),
        ),
        "Attributes & Claims > Add new claim, with Namespace empty; delete the claims that have one",
        mappings,
        (
            Field("issuer", "Microsoft Entra Identifier", "Set up (the application)"),
            Field("sso_url", "Login URL", "the same"),
            Field("certificate", "Certificate (Base64)", "SAML Certificates: Download"),
        ),
        (
            "New claims come with a namespace unless it is cleared, and Flex ignores names with one.",
            "A user with no app role gets no roles claim: Flex then refuses the sign-in with 45050.",
            "user.mail is empty for accounts without a mailbox: use user.userprincipalname for email there.",
        ),
        (
            File(
                "flex-sp-metadata.xml",
                import_files.service_provider_metadata(flex),
                "Single sign-on > Upload metadata file: fills the basic configuration in",
            ),
            File(
                "entra-claims-policy.json",
                import_files.entra_claims_policy(attributes),
                "instead of typing claims: POST it to /v1.0/policies/claimsMappingPolicies of Microsoft Graph, assign "
                "it to the service principal, and set acceptMappedClaims on the application",
            ),
            File(
                "entra-app-roles.json",
                import_files.entra_roles(),
                "add them to those that are there, and PATCH all of them: what is left out of appRoles is removed, and "
                "Graph refuses to remove a role that is enabled. GET /v1.0/applications/{id}?$select=appRoles > "
                "there.json; jq -s '{appRoles: (map(.appRoles) | add | unique_by(.value // .id))}' there.json "
                "entra-app-roles.json > all.json; PATCH all.json to /v1.0/applications/{id}",
            ),
        ),
        "2026-11-21: learn.microsoft.com, Configure the role claim; Customize SAML token claims",
    )


def google(flex: ServiceProvider, attributes: Sequence[str]) -> Settings:
    """Google Workspace: a custom SAML app."""
    custom = (
        Field("Category", "Flex Details"),
        Field("Roles", "Text, Visible to admin, Multi-value", "each user's value is agent, supervisor or admin"),
        Field("Full Name", "Text, Visible to admin, Single Value"),
        *(
            Field(import_files.bare_name(name), "Text, Visible to admin, Single Value", f"sent as {name}")
            for name in attributes
        ),
    )
    service = (
        Field("ACS URL", flex.acs),
        Field("Entity ID", flex.entity_id),
        Field("Start URL", ""),
        Field("Signed response", "checked"),
        Field("Name ID format", "EMAIL"),
        Field("Name ID", "Basic Information > Primary email", "it becomes the user name in Flex"),
    )
    mappings = (
        Attribute("email", "Basic Information > Primary email"),
        Attribute("full_name", "Flex Details > Full Name"),
        Attribute("roles", "Flex Details > Roles", "one value a role"),
        *(Attribute(name, f"Flex Details > {import_files.bare_name(name)}") for name in attributes),
    )
    return Settings(
        "google",
        "Google Workspace",
        (
            Section("Custom attributes", "Directory > Users > Manage custom attributes > Add Custom Attribute", custom),
            Section("Service provider details", "Apps > Web and mobile apps > Add app > Add custom SAML app", service),
        ),
        "Attribute mapping, App attributes",
        mappings,
        (
            Field("issuer", "Entity ID", "Google Identity Provider details"),
            Field("sso_url", "SSO URL", "the same"),
            Field("certificate", "Certificate", "the same: Download"),
        ),
        (
            "No sign-in begun from Google (the apps menu, Test SAML login): with Google, Flex supports only sign-ins "
            "that begin at Flex.",
            "Google has no full name attribute that can be sent: it takes a custom one, kept per user.",
            "Google signs either the response or the assertion: Signed response is what Twilio's guide uses.",
        ),
        (),
        "not against Google's own page; labels as guides of other services show them, 2026-11-21",
    )


def _callbacks(flex: ServiceProvider) -> str:
    """Legacy SSO's entity ID is a URL, and Twilio's guide wants it among the callbacks, too."""
    return f"{flex.acs}, {flex.entity_id}" if flex.entity_id.startswith("https://") else flex.acs


def auth0(flex: ServiceProvider, attributes: Sequence[str]) -> Settings:
    """Auth0: a regular web application with the SAML2 Web App add-on."""
    application = (
        Field("Application type", "Regular Web Applications"),
        Field("Allowed Callback URLs", _callbacks(flex), "Settings > Application URIs"),
    )
    addon = (
        Field("Application Callback URL", flex.acs),
        Field("Settings", "auth0-saml2-addon.json", "paste the file's content"),
    )
    mappings = (
        Attribute("email", "event.user.email"),
        Attribute("full_name", "event.user.name"),
        Attribute("roles", "event.user.app_metadata.flex.roles", "one value a role; a user without any is refused"),
        *(Attribute(name, f"event.user.app_metadata.flex.{import_files.bare_name(name)}") for name in attributes),
    )
    return Settings(
        "auth0",
        "Auth0",
        (
            Section("Application", "Applications > Applications > Create Application", application),
            Section("SAML2 Web App", "the application > Addons", addon),
        ),
        "Actions > Flows > Login: api.samlResponse.setAttribute(name, value) in a Post Login action",
        mappings,
        (
            Field("issuer", "Issuer", "Addons > SAML2 Web App > Usage"),
            Field(
                "sso_url",
                "SAML Protocol URL",
                "Settings > Advanced Settings > Endpoints; add ?connection=Username-Password-Authentication "
                "for users of that database",
            ),
            Field("certificate", "Auth0 certificate", "Addons > SAML2 Web App > Usage: Download"),
        ),
        (
            "Without nameIdentifierProbes NameID is Auth0's own id (auth0|…), which makes a second, billed user.",
            "Twilio's guide adds the application's Domain (Settings) to the trusted domains of Console.",
            "flexres idp plan and idp apply keep all of this equal to the YAML where idp: is managed.",
        ),
        (
            File(
                "auth0-saml2-addon.json", import_files.auth0_addon(flex), "Addons > SAML2 Web App > Settings: paste it"
            ),
        ),
        "2026-11-21: Twilio's guide for Auth0; auth0.com, Customize SAML Assertions",
    )
