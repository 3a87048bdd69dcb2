"""Files and directories of authorities as sites really have them, and the authorities that ship with us."""

from __future__ import annotations

import os
import ssl
import warnings
from pathlib import Path

import pytest
from cryptography import x509

from aliend.central.credentials import authority_files, ca_bundle, tls
from aliend.central.credentials.certificates import usable
from aliend.central.credentials.chain_verification import load_trust
from aliend.core.connection import pem
from aliend.core.connection.ca_hash import certificate_hash
from aliend.core.connection.context import Context
from aliend.errors import ConfigurationError
from tests.integration.central.service import Authority


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def directory(tmp_path: Path, authority: Authority) -> Path:
    """A directory with everything that stands in one at a site, but no authority."""
    folder = tmp_path / "certificates"
    folder.mkdir()
    (folder / "1d879c6c.signing_policy").write_text("access_id_CA X509 '/DC=ch/CN=CA'\n")
    (folder / "1d879c6c.r0").write_text("-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n")
    (folder / "CERN.crl_url").write_text("http://example.org/crl\n")
    (folder / "dangling.0").symlink_to("nothing.pem")
    (folder / "text.pem").write_text("no certificate\n")
    (folder / "damaged.pem").write_text("-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n")
    (folder / "folder.pem").mkdir()
    os.mkfifo(folder / "fifo.pem")
    return folder


@pytest.mark.parametrize("name", ["5ad8a5d6.0", "ca.crt", "ca.pem", "5ad8a5d6.11"])
def test_the_authority_is_found_among_other_things(directory: Path, authority: Authority, name: str) -> None:
    text = Path(authority.ca).read_text()
    (directory / name).write_text(f"Certificate:\n    Data\n{text}".replace("\n", "\r\n"))
    expected = ssl.PEM_cert_to_DER_cert(text)
    assert expected in authority_files.load(str(directory))
    user = authority.issue("alice")
    trusted = tls.client_context(Context(ca=str(directory)), usable(Context(user=user.files)))
    assert expected in trusted.get_ca_certs(binary_form=True)
    subject = x509.load_der_x509_certificate(expected).subject.public_bytes()
    assert subject in load_trust(str(directory)).authorities


def test_links_to_one_file_count_once(directory: Path, authority: Authority) -> None:
    before = len(authority_files.load(str(directory)))
    (directory / "ca.pem").write_text(Path(authority.ca).read_text())
    (directory / "5ad8a5d6.0").symlink_to("ca.pem")
    assert len(authority_files.load(str(directory))) == before + 1


def test_an_unusable_place_is_named_with_the_reason(tmp_path: Path) -> None:
    def why(place: Path) -> str:
        with pytest.raises(ConfigurationError) as caught:
            authority_files.load(str(place))
        assert str(place) in str(caught.value)
        return str(caught.value)

    (tmp_path / "text.pem").write_text("no certificate")
    os.mkfifo(tmp_path / "fifo.pem")
    (tmp_path / "empty").mkdir()
    (tmp_path / "others").mkdir()
    (tmp_path / "others/a.pem").write_text("x")
    assert "No such file or directory" in why(tmp_path / "none")
    assert "no PEM certificate" in why(tmp_path / "text.pem")
    assert "not a regular file" in why(tmp_path / "fifo.pem")
    assert "no file in it is named *.pem, *.crt or *.0" in why(tmp_path / "empty")
    assert "none of 1 files" in why(tmp_path / "others")


def test_the_bundle_that_ships_with_us_can_be_read_and_holds_the_authorities_of_cern() -> None:
    bundle = ca_bundle.bundle()
    assert len(bundle) > 50
    found = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # old authorities break rules of today
        for name, text in bundle.items():
            (block,) = pem.certificates(text)
            found[name] = x509.load_der_x509_certificate(block.content)
    found["CERN-GridCA"].verify_directly_issued_by(found["CERN-Root-2"])
    found["CERN-Root-2"].verify_directly_issued_by(found["CERN-Root-2"])
    constraints = found["CERN-GridCA"].extensions.get_extension_for_class(x509.BasicConstraints)
    assert constraints.value.ca
    licence = Path(ca_bundle.__file__).parents[2] / "authorities/copyright"
    assert "CC-BY-3.0" in licence.read_text()


@pytest.mark.parametrize("broken", [b"", b"\x30", b"\x30\x00", b"\x30\x02\x30\x00", b"\x02\x01\x00"])
def test_a_damaged_certificate_has_no_hash(broken: bytes) -> None:
    with pytest.raises(ValueError, match=r"unpack|a certificate is truncated|a name is truncated"):
        certificate_hash(broken)
