"""What may be put into the SSO settings: a body from the wire, checked as Console would check what a person enters."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from cryptography import x509

from flexres.sandbox.errors import invalid_body
from flexres.sandbox.identity import new_sid
from flexres.sandbox.sso.addresses import address_problem, pattern_problem
from flexres.sandbox.sso.settings import SsoSettings, SsoType

_FIELDS = (
    "type", "connection", "issuer", "sso_url", "certificate", "default_redirect_url", "login_popup", "active",
)  # fmt: skip
_CONNECTION = re.compile(r"JQ[0-9a-fA-F]{32}")
_ENTRY_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_LONGEST = 2048
_LONGEST_CERTIFICATE = 20_000


@dataclass(frozen=True, slots=True)
class Put:
    """Settings that were put, and `login_popup`, which lives in the Flex Configuration."""

    settings: SsoSettings
    login_popup: bool


def parse_settings(body: Mapping[str, object], before: SsoSettings | None) -> Put:
    """A body of the contract, checked. Without a connection it keeps the one there is, or gets a new one.

    Raises:
        WireError: 400/45004 that names the field.
    """
    for name in body:
        if name not in _FIELDS:
            raise invalid_body(f"{name} is no SSO setting; there are {', '.join(_FIELDS)}")
    settings = SsoSettings(
        type=_type(body),
        connection=_connection(body, before),
        issuer=_text(body, "issuer"),
        sso_url=_address(body, "sso_url"),
        certificate=_certificate(body),
        default_redirect_url=_address(body, "default_redirect_url") if body.get("default_redirect_url") else None,
        active=_flag(body, "active", default=True),
    )
    return Put(settings, _flag(body, "login_popup", default=False))


def parse_trusted(entry_id: str, body: Mapping[str, object], sso_type: SsoType) -> str:
    """The URL, or under legacy SSO the domain pattern, of an entry that is put.

    Raises:
        WireError: 400/45004, the id, the body or the entry is wrong.
    """
    if not _ENTRY_ID.fullmatch(entry_id):
        raise invalid_body(
            "id must have 1 to 64 letters, digits, dots, hyphens and underscores, beginning with a letter or digit"
        )
    if set(body) - {"url", "id"} or body.get("id", entry_id) != entry_id:
        raise invalid_body("the body must be an object with url, and no id but the path's")
    url = _text(body, "url")
    problem = address_problem(url) if sso_type == "enhanced" else pattern_problem(url)
    if problem:
        raise invalid_body(f"url {problem}")
    return url


def _type(body: Mapping[str, object]) -> SsoType:
    value = body.get("type")
    if value == "enhanced":
        return "enhanced"
    if value == "legacy":
        return "legacy"
    raise invalid_body("type is required and must be enhanced or legacy")


def _connection(body: Mapping[str, object], before: SsoSettings | None) -> str:
    value = body.get("connection")
    if value is None:
        return before.connection if before else new_sid("JQ")
    if not isinstance(value, str) or not _CONNECTION.fullmatch(value):
        raise invalid_body("connection must be JQ and 32 hexadecimal digits")
    return value


def _text(body: Mapping[str, object], name: str, longest: int = _LONGEST) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not 1 <= len(value) <= longest or value != value.strip():
        raise invalid_body(f"{name} is required: 1 to {longest} characters, without space around them")
    return value


def _address(body: Mapping[str, object], name: str) -> str:
    value = _text(body, name)
    problem = address_problem(value)
    if problem:
        raise invalid_body(f"{name} {problem}")
    return value


def _certificate(body: Mapping[str, object]) -> str:
    value = body.get("certificate")
    if not isinstance(value, str) or not value.strip() or len(value) > _LONGEST_CERTIFICATE:
        raise invalid_body(f"certificate is required: PEM text of at most {_LONGEST_CERTIFICATE} characters")
    if "PRIVATE KEY" in value:
        raise invalid_body("certificate contains a private key: enter the certificate alone, and replace that key")
    try:
        certificates = x509.load_pem_x509_certificates(value.encode())
    except ValueError:
        raise invalid_body("certificate is not a valid X.509 certificate in PEM format") from None
    if len(certificates) != 1:
        raise invalid_body(f"certificate must be one certificate, not {len(certificates)}")
    return value.strip() + "\n"


def _flag(body: Mapping[str, object], name: str, *, default: bool) -> bool:
    value = body.get(name, default)
    if not isinstance(value, bool):
        raise invalid_body(f"{name} must be true or false")
    return value
