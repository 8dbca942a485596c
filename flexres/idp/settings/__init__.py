"""What to enter at an identity provider so that its users sign in to Flex: text, Markdown and files to import."""

from flexres.idp.settings.model import Field, File, Mapping, ProviderName, Section, Settings
from flexres.idp.settings.providers import PROVIDERS, settings
from flexres.idp.settings.render import as_markdown, as_text

__all__ = [
    "PROVIDERS",
    "Field",
    "File",
    "Mapping",
    "ProviderName",
    "Section",
    "Settings",
    "as_markdown",
    "as_text",
    "settings",
]
