"""The hash of a CA's name equals OpenSSL's, for every encoding of names."""

from __future__ import annotations

import datetime
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from aliend.central.credentials import ca_bundle
from aliend.core.connection import pem
from aliend.core.connection.ca_hash import certificate_hash, subject_hash

PARTS = {
    "plain": [[(NameOID.ORGANIZATION_NAME, "ALICE"), (NameOID.COMMON_NAME, "CERN Grid Certification Authority")]],
    "blanks": [[(NameOID.COMMON_NAME, "  Two   Blanks\tand  more ")]],
    "country and mail": [[(NameOID.COUNTRY_NAME, "CH")], [(NameOID.EMAIL_ADDRESS, "Ca@Example.ORG")]],
    "other letters": [[(NameOID.COMMON_NAME, "Universität ÄÖÜ Autorité")]],
    "several in one part": [[(NameOID.COMMON_NAME, "b"), (NameOID.ORGANIZATION_NAME, "a"), (NameOID.USER_ID, "ZZ")]],
    "long": [[(NameOID.COMMON_NAME, "x" * 60)], [(NameOID.ORGANIZATION_NAME, "y" * 60)], [(NameOID.TITLE, "z" * 60)]],
    "domain": [[(NameOID.DOMAIN_COMPONENT, "Ch")], [(NameOID.DOMAIN_COMPONENT, "CERN")]],
}


@pytest.mark.parametrize("kind", PARTS)
def test_f050_hash_of_a_name_is_that_of_openssl(kind: str, tmp_path: Path) -> None:
    rdns = [
        x509.RelativeDistinguishedName([x509.NameAttribute(oid, text) for oid, text in part]) for part in PARTS[kind]
    ]
    name, key, now = x509.Name(rdns), ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "ca.pem"
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    command = ["openssl", "x509", "-subject_hash", "-noout", "-in", str(file)]
    expected = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    assert subject_hash(made.subject.public_bytes()) == expected


@pytest.mark.parametrize("broken", [b"\x30", b"\x30\x05\x31", b"\x30\x84\xff\xff\xff\xff"])
def test_a_truncated_name_is_refused(broken: bytes) -> None:
    with pytest.raises(ValueError, match="is truncated"):
        subject_hash(broken)


def test_openssl_finds_every_authority_of_the_bundle_by_our_hash(tmp_path: Path) -> None:
    for name, text in ca_bundle.bundle().items():
        file = tmp_path / f"{name}.pem"
        file.write_text(text)
        command = ["openssl", "x509", "-subject_hash", "-noout", "-in", str(file)]
        expected = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
        assert certificate_hash(pem.certificates(text)[0].content) == expected
