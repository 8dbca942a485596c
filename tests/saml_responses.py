"""SAML responses as an identity provider makes them, whole or broken in one way."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from lxml import etree
from signxml.algorithms import CanonicalizationMethod, DigestAlgorithm, SignatureMethod
from signxml.signer import XMLSigner

from flexres.desired.model import Sso
from flexres.idp.service_provider import enhanced

CONNECTION = "JQ" + "0123456789abcdef" * 2
FLEX = enhanced(CONNECTION)
ISSUER = "urn:acme.eu.auth0.com"
NOW = datetime(2026, 11, 21, 9, 14, tzinfo=UTC)
SAML = "urn:oasis:names:tc:SAML:2.0:assertion"
SAMLP = "urn:oasis:names:tc:SAML:2.0:protocol"
DS = "http://www.w3.org/2000/09/xmldsig#"
CLAIMS: Mapping[str, Sequence[str]] = {
    "email": ["ana@example.com"],
    "full_name": ["Ana Ruiz"],
    "roles": ["agent", "supervisor"],
}


@dataclass(frozen=True)
class KeyPair:
    """A key and its certificate."""

    key: RSAPrivateKey
    certificate: x509.Certificate

    @property
    def pem(self) -> str:
        """The certificate as PEM."""
        return self.certificate.public_bytes(Encoding.PEM).decode()


def new_pair(name: str) -> KeyPair:
    """A key and its certificate, valid for ten years from 2026 on."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=3650))
        .sign(key, hashes.SHA256())
    )
    return KeyPair(key, certificate)


@dataclass(frozen=True)
class Recipe:
    """One response; each field breaks one thing."""

    claims: Mapping[str, Sequence[str]] = field(default_factory=lambda: dict(CLAIMS))
    name_id: str | None = "ana@example.com"
    name_id_format: str = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
    issuer: str = ISSUER
    audience: str = FLEX.entity_id
    recipient: str = FLEX.acs
    destination: str = FLEX.acs
    issued: datetime = NOW
    lifetime: timedelta = timedelta(minutes=5)
    session: timedelta | None = None
    in_response_to: str | None = "_request"
    status: str = '<samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/>'
    sign: tuple[str, ...] = ("Assertion", "Response")
    extra: str = ""


def declared(pair: KeyPair, **changes: object) -> Sso:
    """The `sso:` section that fits the plain recipe."""
    values: dict[str, object] = {
        "connection": CONNECTION,
        "issuer": ISSUER,
        "certificate": pair.pem,
        "default_redirect_url": "https://flex.example.com",
    }
    return Sso("enhanced", "console", **{**values, **changes})  # type: ignore[arg-type]


def xml(recipe: Recipe) -> str:
    """The response without signatures."""
    asked = f'InResponseTo="{recipe.in_response_to}"' if recipe.in_response_to else ""
    session = f'SessionNotOnOrAfter="{_time(recipe.issued + recipe.session)}"' if recipe.session else ""
    end = _time(recipe.issued + recipe.lifetime)
    name_id = (
        f'<saml:NameID Format="{recipe.name_id_format}">{recipe.name_id}</saml:NameID>'
        if recipe.name_id is not None
        else ""
    )
    attributes = "".join(
        f'<saml:Attribute Name="{name}">'
        + "".join(f"<saml:AttributeValue>{value}</saml:AttributeValue>" for value in values)
        + "</saml:Attribute>"
        for name, values in recipe.claims.items()
    )
    return (
        f'<samlp:Response xmlns:samlp="{SAMLP}" xmlns:saml="{SAML}" ID="_response" Version="2.0" '
        f'IssueInstant="{_time(recipe.issued)}" Destination="{_attribute(recipe.destination)}" {asked}>'
        f"<saml:Issuer>{recipe.issuer}</saml:Issuer><samlp:Status>{recipe.status}</samlp:Status>"
        f'<saml:Assertion ID="_assertion" Version="2.0" IssueInstant="{_time(recipe.issued)}">'
        f"<saml:Issuer>{recipe.issuer}</saml:Issuer><saml:Subject>{name_id}"
        f'<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer">'
        f'<saml:SubjectConfirmationData NotOnOrAfter="{end}" Recipient="{_attribute(recipe.recipient)}"/>'
        f"</saml:SubjectConfirmation></saml:Subject>"
        f'<saml:Conditions NotBefore="{_time(recipe.issued)}" NotOnOrAfter="{end}"><saml:AudienceRestriction>'
        f"<saml:Audience>{recipe.audience}</saml:Audience></saml:AudienceRestriction></saml:Conditions>"
        f'<saml:AuthnStatement AuthnInstant="{_time(recipe.issued)}" {session}/>'
        f"<saml:AttributeStatement>{attributes}</saml:AttributeStatement></saml:Assertion>{recipe.extra}</samlp:Response>"
    )


def response(pair: KeyPair, recipe: Recipe | None = None) -> bytes:
    """The signed response."""
    recipe = recipe or Recipe()
    root = etree.fromstring(xml(recipe))
    for part in recipe.sign:
        root = sign(root, pair, part)
    return etree.tostring(root)


class Sha1Signer(XMLSigner):
    """Signs as old identity providers do; the library alone refuses to."""

    def __init__(self, **options: CanonicalizationMethod) -> None:
        super().__init__(signature_algorithm=SignatureMethod.RSA_SHA1, digest_algorithm=DigestAlgorithm.SHA1, **options)

    def check_deprecated_methods(self) -> None:
        """Lets SHA-1 pass."""


def sign(
    root: etree._Element, pair: KeyPair, part: str, signer_class: Callable[..., XMLSigner] = XMLSigner
) -> etree._Element:
    """The tree with its Assertion or its Response signed."""
    owner = root if part == "Response" else root.find(f"{{{SAML}}}Assertion")
    assert owner is not None
    placeholder = etree.Element(f"{{{DS}}}Signature", {"Id": "placeholder"}, nsmap={"ds": DS})
    owner.insert(1, placeholder)
    signer = signer_class(c14n_algorithm=CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0)
    return signer.sign(root, key=pair.key, cert=[pair.certificate], reference_uri=owner.get("ID"), id_attribute="ID")


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _attribute(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;")
