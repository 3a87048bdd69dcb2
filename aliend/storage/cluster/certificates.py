"""The program behind `alienctl cluster certs`: makes the certificates of a private Dask cluster.

One authority signs a certificate each for scheduler, workers and clients; its key is not kept. Dask accepts every
certificate of that authority and compares no host names, so that the files can be used on any machine.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_EINVAL = 22
_LIFE = timedelta(days=365)
_BACKDATE = timedelta(hours=2)
"""Clocks of a cluster may differ."""
_USAGE_OF_AUTHORITY = x509.KeyUsage(
    key_cert_sign=True,
    crl_sign=True,
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    encipher_only=False,
    decipher_only=False,
)
ROLES = ("scheduler", "worker", "client")


class Refused(Exception):
    """The files cannot be written; the text says why."""


def make(directory: Path) -> list[Path]:
    """Write `ca.pem`, and a certificate and a key for each role, readable by their owner only; return the files.

    Raises Refused if one of them exists, or if the directory cannot be written.
    """
    authority, authority_key = _name("aliend cluster"), ec.generate_private_key(ec.SECP256R1())
    ca = _builder(authority, authority, authority_key, authority_key)
    ca = ca.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    ca = ca.add_extension(_USAGE_OF_AUTHORITY, critical=True)
    files = {"ca.pem": _pem(ca.sign(authority_key, hashes.SHA256()))}
    uses = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
    for role in ROLES:
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(_name(f"aliend cluster {role}"), authority, key, authority_key)
        builder = builder.add_extension(uses, critical=False)
        files[f"{role}.pem"] = _pem(builder.sign(authority_key, hashes.SHA256()))
        files[f"{role}-key.pem"] = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    return _write_all(directory, files)


def _write_all(directory: Path, files: dict[str, bytes]) -> list[Path]:
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if existing := [name for name in files if os.path.lexists(directory / name)]:
            raise Refused(f"{directory / existing[0]} exists; choose another directory")
        for name, content in files.items():
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
            with os.fdopen(os.open(directory / name, flags, 0o600), "wb") as file:
                file.write(content)
    except OSError as error:
        raise Refused(f"cannot write to {directory}: {error.strerror}; choose another directory") from error
    return [directory / name for name in files]


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, issuer_key: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATE)
        .not_valid_after(now + _LIFE)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def main() -> int:
    """Make the certificates; print what to do with them."""
    parser = argparse.ArgumentParser(prog="alienctl cluster certs", add_help=False)
    parser.add_argument("directory", metavar="DIRECTORY")
    parser.add_argument("--json", action="store_true")
    flags = parser.parse_args()
    directory = Path(flags.directory).absolute()
    try:
        files = make(directory)
    except Refused as error:
        sys.stderr.write(f"alienctl: {error}\n")
        return _EINVAL
    text = json.dumps({"files": [str(file) for file in files]}) if flags.json else _instructions(directory)
    sys.stdout.write(f"{text}\n")
    return 0


def _instructions(directory: Path) -> str:
    def tls(role: str) -> str:
        return (
            f"--tls-ca-file {directory}/ca.pem --tls-cert {directory}/{role}.pem --tls-key {directory}/{role}-key.pem"
        )

    return f"""certificates for one year are in {directory}; only you can read them

scheduler:  dask scheduler --protocol tls {tls("scheduler")}
workers:    dask worker SCHEDULER {tls("worker")}
daemon:     tls_ca = "{directory}/ca.pem"
            tls_cert = "{directory}/client.pem"
            tls_key = "{directory}/client-key.pem\""""


if __name__ == "__main__":
    sys.exit(main())
