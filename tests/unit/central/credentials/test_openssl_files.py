"""Certificates and keys in every form in which openssl writes them are used."""

from __future__ import annotations

import codecs
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from aliend.central.credentials.certificates import chain_of, usable
from aliend.central.credentials.private_keys import KeyRing, Locked, read_key
from aliend.core.connection.context import Context, CredentialFiles
from aliend.core.connection.pem import PemFile, PemText
from aliend.errors import UsageError

PASSPHRASE = "open sesame"
OUT = ("-passout", f"pass:{PASSPHRASE}")


def openssl(*words: str, cwd: Path) -> str:
    return subprocess.run(["openssl", *words], cwd=cwd, check=True, capture_output=True, encoding="latin-1").stdout


@dataclass(frozen=True, slots=True)
class Made:
    """A directory with `key.pem`, `cert.pem`, `ca.pem` and `my.p12`."""

    folder: Path

    def file(self, name: str, content: bytes | str) -> PemFile:
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode("latin-1"))
        path.chmod(0o600)
        return PemFile(str(path))

    def text(self, name: str) -> str:
        return (self.folder / name).read_text()

    def openssl(self, *words: str) -> str:
        return openssl(*words, cwd=self.folder)

    def exported(self, *words: str) -> str:
        """What `openssl pkcs12` prints of `my.p12`."""
        return self.openssl("pkcs12", "-in", "my.p12", "-passin", "pass:x", *words)


@pytest.fixture(scope="module", params=["rsa:2048", "ec"])
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Made:
    made = Made(tmp_path_factory.mktemp("openssl"))
    ec = ("ec", "-pkeyopt", "ec_paramgen_curve:P-256")
    new = ("req", "-x509", "-nodes", "-days", "30", "-newkey")
    made.openssl(*new, *ec, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=CA")
    kind = ec if request.param == "ec" else (request.param,)
    made.openssl(
        *new, *kind, "-keyout", "key.pem", "-out", "cert.pem", "-subj", "/CN=alice", "-CA", "ca.pem", "-CAkey", "ca.key"
    )
    export = ("pkcs12", "-export", "-in", "cert.pem", "-inkey", "key.pem", "-certfile", "ca.pem", "-name", "Zoë's key")
    made.openssl(*export, "-passout", "pass:x", "-out", "my.p12")
    return made


CERTIFICATES: dict[str, Callable[[Made], str | bytes]] = {
    "plain": lambda made: made.text("cert.pem"),
    "bag attributes": lambda made: made.exported("-clcerts", "-nokeys"),
    "chain": lambda made: made.text("cert.pem") + made.text("ca.pem"),
    "chain of a p12": lambda made: made.exported("-nokeys"),
    "with the key before": lambda made: made.text("key.pem") + made.text("cert.pem"),
    "with the key behind": lambda made: made.text("cert.pem") + made.text("key.pem"),
    "everything of a p12": lambda made: made.exported("-nodes"),
    "text before": lambda made: made.openssl("x509", "-in", "cert.pem", "-text"),
    "trusted": lambda made: made.openssl("x509", "-in", "cert.pem", "-trustout", "-addtrust", "clientAuth"),
    "CRLF": lambda made: made.text("cert.pem").replace("\n", "\r\n"),
    "byte order mark": lambda made: codecs.BOM_UTF8 + made.text("cert.pem").encode(),
    "UTF-16 of PowerShell": lambda made: codecs.BOM_UTF16_LE + made.text("cert.pem").encode("utf-16-le"),
    "trailing blanks": lambda made: made.text("cert.pem").replace("\n", "  \t\n") + "\n\n  ",
    "no newline at the end": lambda made: made.text("cert.pem").rstrip("\n"),
    "Latin-1 in an attribute": lambda made: b"friendlyName: Zo\xeb\n" + made.text("cert.pem").encode(),
}


@pytest.mark.parametrize("form", CERTIFICATES)
def test_a_certificate_in_this_form_is_used(made: Made, form: str) -> None:
    certificate = made.file("usercert.pem", CERTIFICATES[form](made))
    key = made.file("userkey.pem", made.text("key.pem"))
    chosen = usable(Context(user=CredentialFiles(certificate, key)))
    assert chosen.facts.subject == "CN=alice"
    assert chosen.pair.certificate.startswith("-----BEGIN CERTIFICATE-----\n")
    assert chosen.pair.certificate.count("BEGIN CERTIFICATE") == len(chain_of(certificate))


def traditional(made: Made) -> list[str]:
    return ["rsa", "-traditional"] if "RSA" in made.openssl("pkey", "-in", "key.pem", "-text", "-noout") else ["ec"]


OPEN_KEYS: dict[str, Callable[[Made], str | bytes]] = {
    "PKCS#8": lambda made: made.openssl("pkcs8", "-topk8", "-nocrypt", "-in", "key.pem"),
    "PKCS#1 or SEC 1": lambda made: made.openssl(*traditional(made), "-in", "key.pem"),
    "bag attributes": lambda made: made.exported("-nocerts", "-nodes"),
    "everything of a p12": lambda made: made.exported("-nodes"),
    "CRLF and blanks": lambda made: made.text("key.pem").replace("\n", " \r\n"),
    "byte order mark": lambda made: codecs.BOM_UTF8 + made.text("key.pem").encode(),
    "parameters before": lambda made: made.openssl("ecparam", "-name", "prime256v1") + made.text("key.pem"),
}


@pytest.mark.parametrize("form", OPEN_KEYS)
def test_an_open_key_in_this_form_is_used_from_a_file_and_as_text(made: Made, form: str) -> None:
    content = OPEN_KEYS[form](made)
    certificate = made.file("usercert.pem", made.text("cert.pem"))
    files = CredentialFiles(certificate, made.file("userkey.pem", content))
    assert usable(Context(user=files)).facts.subject == "CN=alice"
    text = PemText(content if isinstance(content, str) else content.decode())
    assert usable(Context(user=CredentialFiles(certificate, text))).facts.subject == "CN=alice"


LOCKED_KEYS: dict[str, Callable[[Made], str]] = {
    "PKCS#8, PBES2": lambda made: made.openssl("pkcs8", "-topk8", "-in", "key.pem", "-v2", "aes-256-cbc", *OUT),
    "PKCS#8, scrypt": lambda made: made.openssl("pkcs8", "-topk8", "-in", "key.pem", "-scrypt", *OUT),
    "PKCS#8, PBES1": lambda made: made.openssl("pkcs8", "-topk8", "-in", "key.pem", "-v1", "PBE-SHA1-3DES", *OUT),
    "Proc-Type, AES": lambda made: made.openssl(*traditional(made), "-in", "key.pem", "-aes256", *OUT),
    "Proc-Type, 3DES": lambda made: made.openssl(*traditional(made), "-in", "key.pem", "-des3", *OUT),
    "of a p12": lambda made: made.exported("-nocerts", *OUT),
}


@pytest.mark.parametrize("form", LOCKED_KEYS)
def test_an_encrypted_key_in_this_form_is_opened_with_its_passphrase(made: Made, form: str) -> None:
    certificate = made.file("usercert.pem", made.text("cert.pem"))
    key = made.file("userkey.pem", LOCKED_KEYS[form](made).replace("\n", "\r\n"))
    with pytest.raises(Locked):
        read_key(key).parsed()
    ring = KeyRing()
    with pytest.raises(UsageError, match="does not open"):
        ring.unlock(key, "guess")
    ring.unlock(key, PASSPHRASE)
    assert usable(Context(user=CredentialFiles(certificate, ring.opened(key)))).facts.subject == "CN=alice"
