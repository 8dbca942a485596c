"""XML from strangers, parsed so that it can neither reach out nor grow: for SAML messages of either direction."""

from __future__ import annotations

from lxml import etree

_DOCTYPE = "it has a document type declaration, which SAML messages never need"


class UnsafeXmlError(ValueError):
    """Text that is no XML, or XML that nobody needs for SAML; the message says which."""


def parse(data: bytes) -> etree._Element:
    """The root element. Comments are dropped: they are never signed, and split the text around them.

    Raises:
        UnsafeXmlError: it is not well-formed, or has a document type (which is where entities would be declared).
    """
    if b"<!DOCTYPE" in data.replace(b"\0", b""):
        raise UnsafeXmlError(_DOCTYPE)
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise UnsafeXmlError(f"it is not well-formed XML: {error}") from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise UnsafeXmlError(_DOCTYPE)
    return root


def text_of(element: etree._Element | None) -> str:
    """All text inside an element, without the space around it; nothing for no element."""
    return "" if element is None else "".join(str(piece) for piece in element.itertext()).strip()
