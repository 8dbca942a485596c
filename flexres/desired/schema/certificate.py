"""The identity provider's signing certificate: read from a PEM file, checked for use in SSO, and compared.

What Console's SSO page takes is one PEM certificate. Everything a person may have pasted instead (a private key, a
chain, DER, half a file) is told with its line.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import hashlib
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.utils import CryptographyDeprecationWarning

from flexres.errors import Position, Problem, ProblemError

LARGEST_FILE = 256 * 1024
SMALLEST_RSA = 2048
SMALLEST_EC = 256
_BOUNDARY = re.compile(r"-----(BEGIN|END) ([A-Z0-9 ]+)-----")
_CERTIFICATE_LABELS = ("CERTIFICATE", "X509 CERTIFICATE")
_NOT_BASE64 = re.compile(r"[^A-Za-z0-9+/=\s]")
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_KEEP_ONE = "keep only the block from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----"


class CertificateError(ProblemError):
    """There is no single readable certificate."""


@dataclass(frozen=True, slots=True)
class _Block:
    label: str
    line: int
    column: int
    body: str


def check_certificate(
    text: bytes | str, *, as_of: date, expiring_within: timedelta = timedelta(days=30)
) -> list[Problem]:
    """Everything wrong with a certificate file, in the order of its lines; empty for one that SSO can use.

    `as_of` is the day to judge by. A certificate whose last day comes within `expiring_within` is a warning.
    """
    try:
        decoded, problems = _decode(text)
        blocks, outside = _split(decoded)
    except CertificateError as error:
        return [error.problem]
    problems += outside
    certificates: list[tuple[_Block, x509.Certificate]] = []
    for block in blocks:
        try:
            certificates.append((block, _load(block)))
        except CertificateError as error:
            problems.append(error.problem)
    for block, certificate in certificates[1:]:
        problems.append(_another(block, certificate, certificates[0][1]))
    for block, certificate in certificates:
        problems += _judge(certificate, block.line, as_of, expiring_within)
    return sorted(problems, key=lambda problem: problem.position)


def read_certificate(text: bytes | str) -> x509.Certificate:
    """The first certificate of a PEM text. Raises CertificateError where none can be read."""
    decoded, _ = _decode(text)
    blocks, _ = _split(decoded)
    for block in blocks:
        if block.label in _CERTIFICATE_LABELS:
            return _load(block)
    raise CertificateError(_load_error(blocks[0]))


def load_der(data: bytes) -> x509.Certificate:
    """A certificate from DER, also one whose serial number breaks the rules. Raises ValueError."""
    with warnings.catch_warnings():
        # Nothing in SSO depends on the serial number, and identity providers sign with such certificates for years.
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)
        try:
            return x509.load_der_x509_certificate(data)
        except x509.InvalidVersion as error:
            raise ValueError(str(error)) from error


def fingerprint(text: bytes | str) -> str:
    """SHA-256 of the certificate's DER as `AB:CD:…`, the same for every way to write it. Raises CertificateError.

    Two PEM texts hold the same certificate exactly when their fingerprints are equal: line lengths, line endings and
    what stands around the block do not count.
    """
    digest = hashlib.sha256(read_certificate(text).public_bytes(Encoding.DER)).hexdigest().upper()
    return ":".join(digest[index : index + 2] for index in range(0, len(digest), 2))


def normal_form(text: bytes | str) -> str:
    """The certificate alone as PEM: 64 columns, LF, nothing around it. What to enter. Raises CertificateError."""
    return read_certificate(text).public_bytes(Encoding.PEM).decode("ascii")


def _decode(text: bytes | str) -> tuple[str, list[Problem]]:
    if isinstance(text, str):
        return _without_mark(text)
    if len(text) > LARGEST_FILE:
        raise _error(f"the file has {len(text) // 1024} KB: that is no certificate", _KEEP_ONE)
    if text.startswith(_UTF16) or b"\0" in text[:4]:
        raise _error("the file is UTF-16, and PEM is plain ASCII", "save it again with the encoding UTF-8")
    if text[:1] == b"\x30" and len(text) > 1 and text[1] & 0x80:
        raise _error("the file is DER (binary), not PEM", "convert it: openssl x509 -inform der -in FILE -out FILE.pem")
    try:
        return _without_mark(text.decode("utf-8"))
    except UnicodeDecodeError as error:
        line = text.count(b"\n", 0, error.start) + 1
        raise _error("the file is binary, not PEM", "export the certificate again as PEM (Base64)", line) from None


def _without_mark(text: str) -> tuple[str, list[Problem]]:
    if text.startswith("\ufeff"):
        mark = Problem(
            "the file begins with a byte order mark",
            "save it again as UTF-8 without BOM",
            severity="warning",
            place=_at(1),
        )
        return text[1:], [mark]
    return text, []


def _split(text: str) -> tuple[list[_Block], list[Problem]]:
    """The PEM blocks of a text, and problems on what stands around them. Raises CertificateError without a block."""
    if not text.strip():
        raise _error("the file is empty", "paste the identity provider's signing certificate into it as PEM")
    blocks: list[_Block] = []
    outside: list[tuple[int, str]] = []
    boundaries = list(_BOUNDARY.finditer(text))
    position = 0
    index = 0
    while index < len(boundaries):
        begin = boundaries[index]
        line = text.count("\n", 0, begin.start()) + 1
        end = boundaries[index + 1] if index + 1 < len(boundaries) else None
        if begin[1] == "END":
            raise _error(f"-----END {begin[2]}----- without its beginning", "copy the whole block again", line)
        if end is None or end[1] != "END" or end[2] != begin[2]:
            last = line if end is not None else text.rstrip().count("\n") + 1
            raise _error(
                f"the file is cut off: -----END {begin[2]}----- is missing", "copy the whole block again", last
            )
        outside.append((position, text[position : begin.start()]))
        column = begin.end() - (text.rfind("\n", 0, begin.end()) + 1)
        blocks.append(_Block(begin[2], line, column, text[begin.end() : end.start()]))
        position = end.end()
        index += 2
    if not blocks:
        raise _without_block(text)
    outside.append((position, text[position:]))
    return blocks, [_junk(text, start, part) for start, part in outside if part.strip()]


def _without_block(text: str) -> CertificateError:
    if "-----BEGIN" in text:
        return _error("the first line is damaged", "the block begins with exactly -----BEGIN CERTIFICATE-----")
    if text.lstrip().startswith("MII") and not _NOT_BASE64.search(text):
        return _error(
            "the lines around the certificate are missing",
            "put -----BEGIN CERTIFICATE----- on a line above and -----END CERTIFICATE----- on a line below",
        )
    return _error("no certificate is in here", "export the signing certificate from the identity provider as PEM")


def _junk(text: str, start: int, part: str) -> Problem:
    begin = start + len(part) - len(part.lstrip())
    return Problem(
        "there is text around the certificate",
        _KEEP_ONE,
        severity="warning",
        place=_at(text.count("\n", 0, begin) + 1, length=len(part.strip().splitlines()[0])),
    )


def _load(block: _Block) -> x509.Certificate:
    if block.label not in _CERTIFICATE_LABELS:
        raise CertificateError(_load_error(block))
    wrong = _NOT_BASE64.search(block.body)
    if wrong is not None:
        before = block.body[: wrong.start()]
        column = wrong.start() - (before.rfind("\n") + 1) + 1 + (0 if "\n" in before else block.column)
        shown = "a \\ (were line breaks written as \\n?)" if wrong[0] == "\\" else repr(wrong[0])
        raise CertificateError(
            Problem(
                f"the certificate holds {shown}, which no PEM does",
                "copy the whole block again",
                place=_at(block.line + before.count("\n"), column=column),
            )
        )
    try:
        der = base64.b64decode("".join(block.body.split()), validate=True)
        return load_der(der)
    except (binascii.Error, ValueError, UnsupportedAlgorithm):
        raise _error("the certificate is damaged or cut off", "copy the whole block again", block.line) from None


def _load_error(block: _Block) -> Problem:
    if "PRIVATE KEY" in block.label:
        return Problem(
            "this is a private key: it must never be here",
            "remove it, make a new key pair at the identity provider if this was committed, "
            "and paste the certificate instead",
            note="whoever has it can sign in as anybody",
            place=_at(block.line, length=len(block.label) + 16),
        )
    kinds = {
        "CERTIFICATE REQUEST": "a certificate request",
        "NEW CERTIFICATE REQUEST": "a certificate request",
        "PUBLIC KEY": "a public key alone",
        "RSA PUBLIC KEY": "a public key alone",
        "PKCS7": "a PKCS#7 bundle",
        "X509 CRL": "a revocation list",
        "TRUSTED CERTIFICATE": "OpenSSL's own form of a certificate",
    }
    kind = kinds.get(block.label, f"a block of the kind {block.label}")
    return Problem(f"this is {kind}, not a certificate", _KEEP_ONE, place=_at(block.line, length=len(block.label) + 16))


def _another(block: _Block, certificate: x509.Certificate, first: x509.Certificate) -> Problem:
    if certificate == first:
        return Problem("the same certificate stands here twice", "keep it once", place=_at(block.line))
    return Problem(
        f"more than one certificate: {_subject(certificate)} besides {_subject(first)}",
        "keep only the one that the identity provider signs responses with",
        note="Flex takes exactly one",
        place=_at(block.line),
    )


def _judge(certificate: x509.Certificate, line: int, as_of: date, within: timedelta) -> Iterator[Problem]:
    first, last = certificate.not_valid_before_utc.date(), certificate.not_valid_after_utc.date()
    renew = "make a new one at the identity provider, and enter it here and in Console together"
    if last < as_of:
        yield Problem(f"the certificate expired on {last}, {_days(as_of - last)} ago", renew, place=_at(line))
    elif last - as_of <= within:
        when = f"in {_days(last - as_of)}, on {last}" if last > as_of else "today"
        yield Problem(f"the certificate expires {when}", renew, severity="warning", place=_at(line))
    if first > as_of:
        yield Problem(
            f"the certificate is not valid before {first}, in {_days(first - as_of)}",
            "use the one that the identity provider signs with today",
            place=_at(line),
        )
    yield from _weak_key(certificate, line)
    yield from _weak_signature(certificate, line)


def _weak_key(certificate: x509.Certificate, line: int) -> Iterator[Problem]:
    renew = f"make a new one with an RSA key of {SMALLEST_RSA} bits or more"
    try:
        key = certificate.public_key()
    except (UnsupportedAlgorithm, ValueError):
        yield Problem("the certificate's key is of an unknown kind", renew, place=_at(line))
        return
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size < SMALLEST_RSA:
            yield Problem(f"the RSA key has only {key.key_size} bits", renew, place=_at(line))
    elif isinstance(key, ec.EllipticCurvePublicKey):
        if key.curve.key_size < SMALLEST_EC:
            yield Problem(f"the key's curve has only {key.curve.key_size} bits", renew, place=_at(line))
    else:
        yield Problem(
            "SAML responses are signed with RSA, and this key is of another kind",
            renew,
            severity="warning",
            place=_at(line),
        )


def _weak_signature(certificate: x509.Certificate, line: int) -> Iterator[Problem]:
    try:
        algorithm = certificate.signature_hash_algorithm
    except UnsupportedAlgorithm:
        return
    if algorithm is not None and algorithm.name in ("md5", "sha1"):
        yield Problem(
            f"the certificate is signed with {algorithm.name.upper().replace('SHA1', 'SHA-1')}, which can be forged",
            "make a new one that is signed with SHA-256",
            severity="warning",
            place=_at(line),
        )


def _at(line: int, column: int = 1, length: int = 1) -> Position:
    """A place within the PEM text, whatever file that stands in."""
    return Position("", line, column, length)


def _days(span: timedelta) -> str:
    return f"{span.days} day{'s' if span.days != 1 else ''}"


def _subject(certificate: x509.Certificate) -> str:
    try:
        return certificate.subject.rfc4514_string() or "one without a subject"
    except ValueError:
        return "one without a readable subject"


def _error(message: str, hint: str, line: int = 1) -> CertificateError:
    return CertificateError(Problem(message, hint, place=_at(line)))
