"""XML from strangers, read safely: no document types, no entities, no more depth or size than SAML needs."""

from __future__ import annotations

from typing import Final
from xml.parsers import expat

from lxml import etree

LARGEST: Final = 5 * 1024 * 1024
DEEPEST: Final = 64
MOST_ELEMENTS: Final = 50_000

ASSERTION: Final = "urn:oasis:names:tc:SAML:2.0:assertion"
PROTOCOL: Final = "urn:oasis:names:tc:SAML:2.0:protocol"
METADATA: Final = "urn:oasis:names:tc:SAML:2.0:metadata"
SIGNATURE: Final = "http://www.w3.org/2000/09/xmldsig#"


class UnsafeXmlError(ValueError):
    """The bytes are no XML that may be read: `message` says why, `fix` what to do."""

    def __init__(self, message: str, fix: str) -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix


def parse_xml(data: bytes) -> etree._Element:
    """The root element, comments and processing instructions kept. Raises UnsafeXmlError.

    A first pass refuses document types before any entity is even declared, and bounds depth and number of elements;
    only what passed it is built into a tree.
    """
    if len(data) > LARGEST:
        raise UnsafeXmlError(
            f"it has {len(data) / 1024 / 1024:.0f} MB, and {LARGEST // 1024 // 1024} MB is the most that is read",
            "a SAML document has some kilobytes: save that document alone",
        )
    _inspect(data)
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        return etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise UnsafeXmlError(f"it is not well-formed XML: {error}", "save it again, whole and unchanged") from None


def _inspect(data: bytes) -> None:
    depth = 0
    elements = 0

    def start(_name: str, _attributes: object) -> None:
        nonlocal depth, elements
        depth += 1
        elements += 1
        if depth > DEEPEST or elements > MOST_ELEMENTS:
            raise UnsafeXmlError(
                f"it nests deeper than {DEEPEST} elements, or has more than {MOST_ELEMENTS}",
                "no SAML document does that: check where it came from",
            )

    def end(_name: str) -> None:
        nonlocal depth
        depth -= 1

    def document_type(*_declaration: object) -> None:
        raise UnsafeXmlError(
            "it declares a document type (DOCTYPE), as attacks with entities do",
            "no SAML document has one: check where it came from",
        )

    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.StartDoctypeDeclHandler = document_type
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        if isinstance(error, UnsafeXmlError):
            raise
        raise UnsafeXmlError(f"it is not well-formed XML: {error}", "save it again, whole and unchanged") from None


def text_of(element: etree._Element | None) -> str | None:
    """All text below an element, trimmed; what comments split comes together, as in the form that is signed."""
    if element is None:
        return None
    return "".join(str(part) for part in element.itertext(etree.Element)).strip()
