"""PEM text and file names are distinguished; messages name the missing parts of a PEM text."""

from __future__ import annotations

import base64

import pytest

from aliend.core.connection.pem import (
    Block,
    PemError,
    PemFile,
    PemText,
    certificates,
    is_authority_name,
    pem_source,
    private_key,
)

CERTIFICATE = str(Block("CERTIFICATE", b"\x30\x03abc"))
KEY = str(Block("PRIVATE KEY", b"\x30\x03key"))


@pytest.mark.parametrize(
    "text", [CERTIFICATE, f"Bag Attributes\n    localKeyID: 01\n{KEY}", f"  {KEY}", "a\nb", "a\r\nb"]
)
def test_a_value_with_a_block_or_a_newline_is_text(text: str) -> None:
    assert pem_source(text) == PemText(text)


@pytest.mark.parametrize("name", ["/a/usercert.pem", "usercert.pem", "", "-----weird", "Bag Attributes"])
def test_any_other_value_is_a_file_name(name: str) -> None:
    assert pem_source(name) == PemFile(name)


def test_a_key_in_base64_only_is_a_name_that_is_never_shown() -> None:
    for size in (48, 121, 1200):
        value = base64.b64encode(bytes(size)).decode()
        assert str(pem_source(value)) == f"(a name of {len(value)} characters)"
        assert value not in repr(pem_source(value))
    assert str(PemFile("/a/" + "b" * 80)) == "/a/" + "b" * 80


def test_a_key_is_found_beside_certificates_in_either_order() -> None:
    for text in (CERTIFICATE + KEY, KEY + CERTIFICATE):
        assert str(private_key(text)) == KEY
        assert [str(block) for block in certificates(text)] == [CERTIFICATE]


def test_the_other_labels_of_a_certificate_are_known_and_settings_behind_it_are_cut_off() -> None:
    for label, content in (("X509 CERTIFICATE", b"\x30\x03abc"), ("TRUSTED CERTIFICATE", b"\x30\x03abc\x30\x01x")):
        assert str(certificates(str(Block(label, content)))[0]) == CERTIFICATE


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        (KEY, "contains no PEM certificate"),
        (CERTIFICATE.replace("END CERTIFICATE", "END KEY"), "the block at line 1 has no matching END line"),
        (f"text\n{CERTIFICATE[:30]}!!!!{CERTIFICATE[30:]}", "the block at line 2 is not base64"),
        ("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----", "the block at line 1 is empty"),
        ("-----BEGIN CERTIFICATE-----\nA: b\nMAA=\n-----END CERTIFICATE-----", "has no blank line after its headers"),
    ],
)
def test_missing_parts_are_named(text: str, said: str) -> None:
    with pytest.raises(PemError, match=said):
        certificates(text)


def test_names_in_a_directory_of_authorities() -> None:
    assert all(map(is_authority_name, ("CERN-GridCA.pem", "ca.crt", "1d879c6c.0", "1d879c6c.12")))
    others = (
        "1d879c6c.r0",
        "1d879c6c.signing_policy",
        "CERN-GridCA.crl_url",
        "README",
        "a.info",
        "1d879c6c.namespaces",
    )
    assert not any(map(is_authority_name, others))
