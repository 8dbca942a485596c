"""XML from strangers, read safely: no document types, no entities, nothing that grows beyond what SAML needs."""

from __future__ import annotations

from typing import Final

from lxml import etree

LARGEST: Final = 5 * 1024 * 1024
DEEPEST: Final = 64
MOST_NODES: Final = 50_000
MOST_ATTRIBUTES: Final = 100
MOST_NAMESPACES: Final = 50
"""Of one element, those of its ancestors included."""

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

    libxml2 opens nothing, expands no entity in text, and bounds what one in an attribute may grow to; whatever came
    with a document type is refused all the same. Some algorithms below (canonical forms, searches for a signature)
    take time in the square of depth, attributes and namespaces, so these are bounded before anybody runs them.
    """
    if len(data) > LARGEST:
        raise UnsafeXmlError(
            f"it has {len(data) / 1024 / 1024:.0f} MB, and {LARGEST // 1024 // 1024} MB is the most that is read",
            "a SAML document has some kilobytes: save that document alone",
        )
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        if b"<!DOCTYPE" in data.replace(b"\0", b""):
            raise _document_type() from None
        raise UnsafeXmlError(f"it is not well-formed XML: {error}", "save it again, whole and unchanged") from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise _document_type()
    _check_size(root)
    return root


def _check_size(root: etree._Element) -> None:
    depth = nodes = 0
    for event, node in etree.iterwalk(root, events=("start", "end", "comment", "pi")):
        if event == "end":
            depth -= 1
            continue
        nodes += 1
        if nodes > MOST_NODES:
            raise _too_much(f"it has more than {MOST_NODES} elements and comments")
        if event != "start":
            continue
        depth += 1
        if depth > DEEPEST:
            raise _too_much(f"it nests deeper than {DEEPEST} elements")
        if len(node.attrib) > MOST_ATTRIBUTES:
            raise _too_much(f"an element has more than {MOST_ATTRIBUTES} attributes")
        if len(node.nsmap) > MOST_NAMESPACES:
            raise _too_much(f"more than {MOST_NAMESPACES} namespaces are in force at one place")


def _too_much(what: str) -> UnsafeXmlError:
    return UnsafeXmlError(what, "no SAML document does that: check where it came from")


def _document_type() -> UnsafeXmlError:
    return UnsafeXmlError(
        "it declares a document type (DOCTYPE), as attacks with entities do",
        "no SAML document has one: check where it came from",
    )


def text_of(element: etree._Element | None) -> str | None:
    """All text below an element, trimmed; what comments split comes together, as in the form that is signed."""
    if element is None:
        return None
    return "".join(str(part) for part in element.itertext(etree.Element)).strip()
