"""PEM text of any shape is read the same, and nothing of it is in an error."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aliend.core.connection.pem import (
    Block,
    Damaged,
    PemError,
    PemText,
    blocks,
    certificates,
    decode,
    pem_source,
    private_key,
)

LABELS = st.sampled_from(
    ["CERTIFICATE", "RSA PRIVATE KEY", "EC PRIVATE KEY", "PRIVATE KEY", "EC PARAMETERS", "X509 CRL"]
)
CONTENTS = st.binary(min_size=1, max_size=300)
HEADERS = st.sampled_from([(), ("Proc-Type: 4,ENCRYPTED", "DEK-Info: AES-256-CBC,0123456789ABCDEF")])
BLOCKS = st.builds(Block, LABELS, CONTENTS, HEADERS)
AROUND = st.text(st.characters(exclude_categories=["Cs"]), max_size=80).filter(lambda text: "-----" not in text)
ENDS = st.sampled_from(["\n", "\r\n", "\r"])
BLANKS = st.text(" \t", max_size=3)
MARKS = st.sampled_from([("", "utf-8"), ("\ufeff", "utf-8"), ("\ufeff", "utf-16-le"), ("\ufeff", "utf-16-be")])


@given(st.lists(st.tuples(AROUND, BLOCKS), max_size=4), AROUND, ENDS, BLANKS, MARKS)
def test_text_around_blocks_line_ends_blanks_and_marks_change_nothing(
    parts: list[tuple[str, Block]], after: str, end: str, blanks: str, mark: tuple[str, str]
) -> None:
    lines = "".join(f"{before}\n{block}" for before, block in parts) + after
    text = mark[0] + lines.replace("\n", f"{blanks}{end}")
    assert blocks(decode(text.encode(mark[1]))) == [block for _, block in parts]


@given(BLOCKS, st.data())
def test_a_block_that_ends_early_does_not_hide_the_next_one(block: Block, data: st.DataObject) -> None:
    lines = str(block).splitlines()
    cut = data.draw(st.integers(1, len(lines) - 1))
    first, second = blocks("\n".join([*lines[:cut], str(block)]))
    assert isinstance(first, Damaged)
    assert second == block


@given(st.binary(max_size=400), LABELS)
def test_any_bytes_are_read_or_refused_without_quoting_them(content: bytes, label: str) -> None:
    text = f"-----BEGIN {label}-----\n{content.decode('latin-1')}\n-----END {label}-----\n"
    for read in (certificates, private_key):
        try:
            read(text)
        except PemError as error:
            said = str(error).removeprefix("holds a damaged ").replace("private key", "").replace("certificate", "")
            assert len(said) < 60
            assert said.isascii()


@given(BLOCKS)
def test_a_secret_is_in_no_representation(block: Block) -> None:
    secret = str(block).splitlines()[1]
    source = pem_source(str(block))
    assert isinstance(source, PemText)
    assert not any(secret in shown for shown in (repr(block), repr(source), str(source), source.fingerprint()))


@pytest.mark.parametrize(
    "text", ["", "\n", "no PEM at all", "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"]
)
def test_a_text_without_a_block_is_refused(text: str) -> None:
    with pytest.raises(PemError):
        certificates(text)
