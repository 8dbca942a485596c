"""The linter of SAML responses: what Flex would make of a captured sign-in, finding by finding."""

from flexres.idp.saml.lint import lint
from flexres.idp.saml.report import Report

__all__ = ["Report", "lint"]
