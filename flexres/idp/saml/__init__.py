"""The linter of SAML responses: what Flex would make of a captured sign-in, finding by finding."""

from flexres.idp.findings import Report
from flexres.idp.saml.lint import lint

__all__ = ["Report", "lint"]
