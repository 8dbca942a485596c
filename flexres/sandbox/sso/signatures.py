"""Which assertion of a SAML response was signed: the only one that anything is read from."""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature as InvalidKeySignature
from lxml import etree
from signxml.algorithms import DigestAlgorithm, SignatureMethod
from signxml.exceptions import InvalidDigest, SignXMLException
from signxml.verifier import SignatureConfiguration, XMLVerifier

from flexres.sandbox.saml.names import assertion, signature
from flexres.sandbox.sso.refusal import LoginError

_ASSERTION = assertion("Assertion")
_MOST_TRANSFORMS = 2
# SHA-1 as well: Auth0's add-on signs with it unless told otherwise.
_METHODS = SignatureConfiguration().signature_methods | {SignatureMethod.RSA_SHA1}
_DIGESTS = SignatureConfiguration().digest_algorithms | {DigestAlgorithm.SHA1}


def signed_assertion(root: etree._Element, certificate: str) -> etree._Element:
    """The assertion of a response, from what the signature covers and nothing else.

    Each signature that is there must be valid, and there must be one, on the Response or on the Assertion.

    Raises:
        LoginError: no signature, a wrong one, or a document arranged so that it covers something else.
    """
    found = _only_assertion(root)
    places = [element.getparent() for element in root.iter(signature("Signature"))]
    if any(place is not root and place is not found for place in places):
        raise _rearranged("a signature stands where SAML has none")
    if len(places) != len(set(places)):
        raise _rearranged("an element has two signatures")
    if any(len(each) > _MOST_TRANSFORMS for each in root.iter(signature("Transforms"))):
        raise _rearranged("a signature has more transforms than SAML has")
    ids = [str(element.get("ID")) for element in root.iter("{*}*") if element.get("ID") is not None]
    if len(ids) != len(set(ids)):
        raise _rearranged("two elements have the same ID")
    if not places:
        raise LoginError(
            "The response is not signed.",
            detail="Neither the Response nor the Assertion has a signature.",
            fix="Have the identity provider sign the response, the assertion, or both.",
        )
    verified: etree._Element | None = None
    if any(place is root for place in places):
        whole = _verified(root, "./", root, certificate)
        verified = whole.find(f"./{_ASSERTION}")
    if any(place is found for place in places):
        verified = _verified(root, f"./{_ASSERTION}/", found, certificate)
    if verified is None:
        raise _rearranged("the signed response has no assertion")
    return verified


def _only_assertion(root: etree._Element) -> etree._Element:
    if next(root.iter(assertion("EncryptedAssertion")), None) is not None:
        raise LoginError(
            "The assertion is encrypted, which Flex does not support.",
            fix="Turn off assertion encryption for this application at the identity provider.",
        )
    assertions = list(root.iter(_ASSERTION))
    if not assertions:
        raise LoginError("The response has no assertion.")
    if len(assertions) > 1:
        raise _rearranged(f"it has {len(assertions)} assertions")
    if assertions[0].getparent() is not root:
        raise _rearranged("its assertion is not where SAML has it")
    return assertions[0]


def _verified(root: etree._Element, location: str, wanted: etree._Element, certificate: str) -> etree._Element:
    """The element that a signature covers, as it was signed; it has to be the one that the signature stands in."""
    config = SignatureConfiguration(
        location=location, expect_references=1, signature_methods=_METHODS, digest_algorithms=_DIGESTS
    )
    try:
        result = XMLVerifier().verify(root, x509_cert=certificate, id_attribute="ID", expect_config=config)
    except InvalidDigest as error:
        raise LoginError(
            "The response was changed after it was signed.",
            detail=str(error),
            fix="Nothing between the identity provider and Flex may rewrite the response.",
            status=403,
        ) from error
    except (SignXMLException, InvalidKeySignature, etree.LxmlError, ValueError, KeyError) as error:
        raise LoginError(
            "The signature is not valid for the certificate of the SSO settings.",
            detail=str(error).rstrip(": "),
            fix="Enter the certificate that the identity provider signs with now; it may have been rotated.",
            status=403,
        ) from error
    signed = None if isinstance(result, list) else result.signed_xml
    if signed is None or signed.tag != wanted.tag or signed.get("ID") != wanted.get("ID"):
        raise _rearranged("the signature covers something else than the element it stands in")
    return signed


def _rearranged(what: str) -> LoginError:
    return LoginError(
        "The response is arranged as no identity provider does it.",
        detail=f"This is what signature wrapping looks like: {what}.",
        status=403,
    )
