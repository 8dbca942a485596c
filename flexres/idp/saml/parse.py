"""From the elements of a SAML response to typed values; nothing is judged here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from lxml import etree

from flexres.idp.safe_xml import ASSERTION, PROTOCOL, text_of

_NAMES = {"saml": ASSERTION, "samlp": PROTOCOL}
_NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"
_FRACTION = re.compile(r"\.\d+")


@dataclass(frozen=True, slots=True)
class Moment:
    """A time as it was written; `at` is None where it cannot be read. Times without a zone count as UTC."""

    text: str
    at: datetime | None


@dataclass(frozen=True, slots=True)
class NameId:
    """The subject: `format` is the last part of the URN (emailAddress, persistent …), None where none is given."""

    value: str
    format: str | None


@dataclass(frozen=True, slots=True)
class Confirmation:
    """A SubjectConfirmation; `method` is its whole URN, `has_data` whether it says anything of the delivery."""

    method: str
    recipient: str | None
    in_response_to: str | None
    not_before: Moment | None
    not_on_or_after: Moment | None
    has_data: bool


@dataclass(frozen=True, slots=True)
class Claim:
    """One Attribute: several values where AttributeValue is repeated, also across Attributes of one name."""

    name: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Assertion:
    """What the identity provider says of one user; `authenticated` is whether it says that they signed in.

    `audiences` has one tuple for each AudienceRestriction; `conditions` are the names of all conditions.
    """

    version: str | None
    issuer: str | None
    name_id: NameId | None
    conditions: tuple[str, ...]
    audiences: tuple[tuple[str, ...], ...]
    confirmations: tuple[Confirmation, ...]
    not_before: Moment | None
    not_on_or_after: Moment | None
    issued: Moment | None
    session_not_on_or_after: Moment | None
    authenticated: bool
    claims: tuple[Claim, ...]


@dataclass(frozen=True, slots=True)
class Response:
    """The envelope. `status` holds the status codes from outer to inner, as whole URNs."""

    version: str | None
    issuer: str | None
    destination: str | None
    in_response_to: str | None
    issued: Moment | None
    status: tuple[str, ...]
    status_message: str | None


def parse_response(element: etree._Element) -> Response:
    """The envelope of a samlp:Response element, without its assertion."""
    return Response(
        element.get("Version"),
        text_of(element.find("saml:Issuer", _NAMES)),
        element.get("Destination"),
        element.get("InResponseTo"),
        _moment(element.get("IssueInstant")),
        tuple((code.get("Value") or "").strip() for code in element.findall("samlp:Status//samlp:StatusCode", _NAMES)),
        text_of(element.find("samlp:Status/samlp:StatusMessage", _NAMES)),
    )


def parse_assertion(element: etree._Element) -> Assertion:
    """A saml:Assertion element."""
    conditions = element.find("saml:Conditions", _NAMES)
    statement = element.find("saml:AuthnStatement", _NAMES)
    restrictions = element.findall("saml:Conditions/saml:AudienceRestriction", _NAMES)
    return Assertion(
        element.get("Version"),
        text_of(element.find("saml:Issuer", _NAMES)),
        _name_id(element.find("saml:Subject/saml:NameID", _NAMES)),
        tuple(_condition(each) for each in conditions.iterchildren(etree.Element)) if conditions is not None else (),
        tuple(
            tuple(text_of(audience) or "" for audience in each.findall("saml:Audience", _NAMES))
            for each in restrictions
        ),
        tuple(_confirmation(each) for each in element.findall("saml:Subject/saml:SubjectConfirmation", _NAMES)),
        _moment(conditions.get("NotBefore")) if conditions is not None else None,
        _moment(conditions.get("NotOnOrAfter")) if conditions is not None else None,
        _moment(element.get("IssueInstant")),
        _moment(statement.get("SessionNotOnOrAfter")) if statement is not None else None,
        statement is not None,
        tuple(_claims(element)),
    )


def _name_id(element: etree._Element | None) -> NameId | None:
    if element is None:
        return None
    named = element.get("Format")
    return NameId("".join(str(part) for part in element.itertext(etree.Element)), _last(named) if named else None)


def _confirmation(element: etree._Element) -> Confirmation:
    data = element.find("saml:SubjectConfirmationData", _NAMES)
    return Confirmation(
        (element.get("Method") or "").strip(),
        data.get("Recipient") if data is not None else None,
        data.get("InResponseTo") if data is not None else None,
        _moment(data.get("NotBefore")) if data is not None else None,
        _moment(data.get("NotOnOrAfter")) if data is not None else None,
        data is not None,
    )


def _condition(element: etree._Element) -> str:
    """The name of a condition: SAML's own by the local name, another one by its whole name."""
    name = etree.QName(element)
    kind = element.get("{http://www.w3.org/2001/XMLSchema-instance}type")
    return name.localname if name.namespace == ASSERTION and kind is None else f"{kind or element.tag}"


def _claims(element: etree._Element) -> Iterator[Claim]:
    values: dict[str, list[str]] = {}
    for attribute in element.findall("saml:AttributeStatement/saml:Attribute", _NAMES):
        name = attribute.get("Name") or ""
        for value in attribute.findall("saml:AttributeValue", _NAMES):
            if value.get(_NIL) not in ("true", "1"):
                values.setdefault(name, []).append(text_of(value) or "")
        values.setdefault(name, [])
    return (Claim(name, tuple(found)) for name, found in values.items())


def _last(urn: str | None) -> str:
    return (urn or "").strip().rsplit(":", 1)[-1]


def _moment(text: str | None) -> Moment | None:
    if text is None:
        return None
    try:
        # Entra writes seven digits of a second; no more than six can be held, and none of them matters here.
        at = datetime.fromisoformat(_FRACTION.sub("", text.strip()))
        return Moment(text, at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        return Moment(text, None)
