"""The linter of SAML responses: what Flex would make of a captured sign-in, finding by finding."""

from flexres.idp.saml.lint import lint
from flexres.idp.saml.report import Finding, Level, Report

__all__ = ["Finding", "Level", "Report", "lint"]
