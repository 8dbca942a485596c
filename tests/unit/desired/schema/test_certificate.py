"""The checks of an identity provider's certificate, on certificates made here."""

from __future__ import annotations

import base64
from datetime import UTC, date, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from flexres.desired.schema.certificate import CertificateError, check_certificate, fingerprint, normal_form
from flexres.errors import Position, Problem

TODAY = date(2026, 11, 21)
Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


@pytest.fixture(scope="session")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="session")
def pem(key: rsa.RSAPrivateKey) -> str:
    return _pem(key)


def _certificate(
    key: Key, *, first: str = "2026-01-01", last: str = "2030-01-01", name: str = "idp", sha: object = None
) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(datetime.fromisoformat(first).replace(tzinfo=UTC))
    builder = builder.not_valid_after(datetime.fromisoformat(last).replace(tzinfo=UTC))
    algorithm = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return builder.sign(key, algorithm)


def _pem(key: Key, **options: str) -> str:
    return _certificate(key, **options).public_bytes(Encoding.PEM).decode()


def _only(text: str | bytes) -> Problem:
    findings = check_certificate(text, as_of=TODAY)
    assert len(findings) == 1, findings
    return findings[0]


def test_a_sound_certificate_has_no_findings(pem: str) -> None:
    """Valid today and for long, RSA 2048, SHA-256."""
    assert check_certificate(pem, as_of=TODAY) == []
    assert check_certificate(pem.encode(), as_of=TODAY) == []


def test_windows_line_endings_are_no_finding(pem: str) -> None:
    """CRLF is what Windows tools save."""
    assert check_certificate(pem.replace("\n", "\r\n").encode(), as_of=TODAY) == []


@pytest.mark.parametrize(
    ("first", "last", "severity", "words"),
    [
        ("2020-01-01", "2026-11-20", "error", "expired on 2026-11-20, 1 day ago"),
        ("2020-01-01", "2026-11-21", "warning", "expires today"),
        ("2020-01-01", "2026-11-22", "warning", "expires in 1 day, on 2026-11-22"),
        ("2020-01-01", "2026-12-21", "warning", "expires in 30 days"),
        ("2026-11-22", "2030-01-01", "error", "not valid before 2026-11-22"),
    ],
)
def test_its_days_are_judged_by_the_date_that_is_given(
    key: rsa.RSAPrivateKey, first: str, last: str, severity: str, words: str
) -> None:
    """Expired, expiring and not yet valid, to the day."""
    finding = _only(_pem(key, first=first, last=last))
    assert finding.severity == severity
    assert words in finding.message


def test_a_certificate_with_31_days_left_is_not_expiring(key: rsa.RSAPrivateKey) -> None:
    """Thirty days are the warning's reach."""
    assert check_certificate(_pem(key, last="2026-12-22"), as_of=TODAY) == []


def test_a_short_rsa_key_is_an_error() -> None:
    """1024 bits can be broken."""
    finding = _only(_pem(rsa.generate_private_key(public_exponent=65537, key_size=1024)))
    assert (finding.severity, finding.message) == ("error", "the RSA key has only 1024 bits")


def test_a_small_curve_is_an_error() -> None:
    """P-192 is below what is safe; P-256 passes."""
    assert "only 192 bits" in _only(_pem(ec.generate_private_key(ec.SECP192R1()))).message
    assert check_certificate(_pem(ec.generate_private_key(ec.SECP256R1())), as_of=TODAY) == []


def test_a_key_that_saml_hardly_uses_is_a_warning() -> None:
    """Ed25519 signs no SAML responses."""
    assert _only(_pem(ed25519.Ed25519PrivateKey.generate())).severity == "warning"


@pytest.mark.parametrize("algorithm", ["SHA-1", "MD5"])
def test_a_forgeable_signature_is_told(key: rsa.RSAPrivateKey, algorithm: str) -> None:
    """The libraries refuse to make such certificates, so the algorithm is exchanged in the finished one."""
    oids = {"SHA-1": b"\x01\x05", "MD5": b"\x01\x04"}
    der = _certificate(key).public_bytes(Encoding.DER)
    sha256_rsa = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b"
    der = der.replace(sha256_rsa, sha256_rsa[:-2] + oids[algorithm])
    forged = x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM)
    assert algorithm in _only(forged).message


def test_a_second_certificate_is_told_with_its_line(key: rsa.RSAPrivateKey, pem: str) -> None:
    """Flex takes one; a pasted chain has more."""
    finding = _only(pem + _pem(key, name="ca"))
    assert finding.message == "more than one certificate: CN=ca besides CN=idp"
    assert finding.position.line == pem.count("\n") + 1


def test_the_same_certificate_twice_is_told(pem: str) -> None:
    """Pasted once more by mistake."""
    assert "twice" in _only(pem + pem).message


def test_a_private_key_is_told_before_anything_else(key: rsa.RSAPrivateKey, pem: str) -> None:
    """Whether instead of the certificate or beside it, at its line."""
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    assert _only(private).message.startswith("this is a private key")
    beside = _only(pem + private)
    assert beside.message.startswith("this is a private key")
    assert beside.position.line == pem.count("\n") + 1
    assert private.splitlines()[1] not in str(beside)


@pytest.mark.parametrize("keep", [1, 3, -1])
def test_a_truncated_file_is_told(pem: str, keep: int) -> None:
    """Cut after some lines, or only the last line is missing."""
    lines = pem.splitlines()
    finding = _only("\n".join(lines[:keep]))
    assert "cut off" in finding.message
    assert finding.position.line == len(lines[:keep])


def test_a_block_with_lines_missing_is_damaged(pem: str) -> None:
    """First and last line are there, some between are not."""
    lines = pem.splitlines()
    assert "damaged" in _only("\n".join(lines[:3] + lines[-1:])).message


def test_der_renamed_to_pem_is_told(key: rsa.RSAPrivateKey) -> None:
    """With the command that converts it."""
    finding = _only(_certificate(key).public_bytes(Encoding.DER))
    assert "DER" in finding.message
    assert "openssl x509 -inform der" in finding.hint


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf_16_is_told(pem: str, encoding: str) -> None:
    """As Windows' Notepad can save it, with or without its mark."""
    assert "UTF-16" in _only(pem.encode(encoding)).message


def test_a_byte_order_mark_is_a_warning(pem: str) -> None:
    """It is still read."""
    assert _only(b"\xef\xbb\xbf" + pem.encode()).severity == "warning"


def test_text_around_it_is_a_warning_at_its_line(pem: str) -> None:
    """OpenSSL's bag attributes, or a note."""
    assert _only("Bag Attributes\n" + pem).position.line == 1
    finding = _only(pem + "\nthe new one")
    assert (finding.severity, finding.position.line) == ("warning", pem.count("\n") + 2)


@pytest.mark.parametrize("text", ["", " \n ", b"\xef\xbb\xbf"])
def test_an_empty_file_is_told(text: str | bytes) -> None:
    """Whatever it is made of."""
    assert check_certificate(text, as_of=TODAY)[-1].message == "the file is empty"


def test_the_base64_alone_is_told_what_is_missing(pem: str) -> None:
    """As metadata and some consoles show it."""
    assert "lines around" in _only("".join(pem.splitlines()[1:-1])).message


def test_line_breaks_written_out_are_pointed_at(pem: str) -> None:
    """As it looks after a copy from JSON."""
    findings = check_certificate(pem.replace("\n", "\\n"), as_of=TODAY)
    (error,) = [each for each in findings if each.severity == "error"]
    assert "line breaks written as" in error.message
    assert error.position.column == len("-----BEGIN CERTIFICATE-----") + 1


@pytest.mark.parametrize("label", ["CERTIFICATE REQUEST", "PUBLIC KEY", "PKCS7", "DH PARAMETERS"])
def test_other_kinds_of_pem_are_named(label: str) -> None:
    """Each by what it is."""
    assert "not a certificate" in _only(f"-----BEGIN {label}-----\nAAAA\n-----END {label}-----\n").message


def test_a_huge_file_is_refused() -> None:
    """Nothing of that size is a certificate."""
    assert "KB" in _only(b"A" * 1_000_000).message


def test_the_fingerprint_does_not_depend_on_how_it_is_written(key: rsa.RSAPrivateKey, pem: str) -> None:
    """Line length, line ends and text around do not count; another certificate does."""
    body = "".join(pem.splitlines()[1:-1])
    other = f"junk\r\n-----BEGIN CERTIFICATE-----\r\n{body}\r\n-----END CERTIFICATE-----"
    assert fingerprint(other) == fingerprint(pem)
    assert len(fingerprint(pem)) == 95
    assert normal_form(other) == normal_form(pem) == pem
    assert fingerprint(_pem(key)) != fingerprint(pem)


def test_no_fingerprint_without_a_certificate() -> None:
    """The finding says why."""
    with pytest.raises(CertificateError) as caught:
        fingerprint("nothing")
    assert "no certificate" in caught.value.problem.message


def test_a_finding_becomes_a_problem_of_its_file() -> None:
    """Lines inside the value count from where the value stands."""
    start = Position("flex.yaml", 10, 5)
    inner = Position("", 3, 2).within(start)
    assert (inner.file, inner.line, inner.column) == ("flex.yaml", 12, 2)
    assert Position("", 1, 2).within(start).column == 6


@given(st.binary(max_size=300) | st.text(max_size=300))
def test_whatever_the_bytes_there_are_findings_and_no_exception(data: bytes | str) -> None:
    """Nothing random is a certificate."""
    assert check_certificate(data, as_of=TODAY)


@given(st.data())
def test_a_certificate_with_one_byte_changed_never_raises(pem: str, data: st.DataObject) -> None:
    """Damage anywhere is told or harmless."""
    place = data.draw(st.integers(0, len(pem) - 1))
    letter = data.draw(st.characters(codec="utf-8"))
    check_certificate(pem[:place] + letter + pem[place + 1 :], as_of=TODAY)


@pytest.mark.parametrize("version", [1, 3, 5, 127])
def test_a_certificate_of_an_odd_version_is_damaged(pem: str, version: int) -> None:
    """X.509 has versions 1 to 3; whatever else stands there is a problem, and no traceback."""
    der = base64.b64decode("".join(pem.splitlines()[1:-1]))
    at = der.index(bytes.fromhex("a003020102")) + 4
    body = base64.b64encode(der[:at] + bytes([version]) + der[at + 1 :]).decode()

    found = _only(f"-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n")

    assert "damaged or cut off" in found.message
