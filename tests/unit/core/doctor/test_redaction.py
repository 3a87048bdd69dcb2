"""Secrets never reach a bug report, in whatever form they stand in a text; names of files do."""

from __future__ import annotations

import pytest

from aliend.core.doctor.redaction import redacted, redacted_configuration, redacted_lines, shown_variables

CANARY = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7canary0Xy9Zz"
KEY = f"-----BEGIN PRIVATE KEY-----\n{CANARY}\n-----END PRIVATE KEY-----"
SECRETS = [
    KEY,
    KEY.replace("\n", "\r\n"),
    KEY.replace("\n", "\\x0a"),
    KEY.replace("\n", " "),
    KEY.partition("-----END")[0],
    f"text before\n{CANARY}\ntext after",
    f"   {CANARY[:40]}/{CANARY[:20]}   ",
    f"root://se.example:1094//eos/a/b?authz={CANARY}&xrd.wantprot=unix",
    f"-----BEGIN SEALED CIPHER-----\n{CANARY}\n-----END SEALED CIPHER-----",
    f"authz=-----BEGIN SEALED ENVELOPE-----\\n{CANARY}\\n-----END SEALED ENVELOPE-----",
    f"root://alice:{CANARY}@se.example//x",
    "/alice/cern.ch/user/a/alice/root:/alice:canary@se.example/x does not exist",
    f"Authorization: Bearer {CANARY}",
    f"access_token={CANARY[:12]}canary",
    "pass phrase: canary",
    "password=canary",
    "passphrase = 'canary'".replace(" ", ""),
    '"pass_phrase": "canary"',
    "# passphrase = canary",
    'pass phrase = "two words canary"',
    "passphrase = 'it is canary'",
    "password: correct horse canary",
    "the pass-phrase: canary",
    "pwd=canary",
    'token = "canary"',
    "pin = canary",
    "vim --password canary",
    "curl -pass canary",
    "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.canary-signature_x",
]


@pytest.mark.parametrize("text", SECRETS)
def test_a_secret_is_removed(text: str) -> None:
    for clean in (redacted(text), redacted_lines(text)):
        assert "canary" not in clean
        assert CANARY[:16] not in clean
        assert "(removed)" in clean


@pytest.mark.parametrize(
    "text",
    [
        "/alice/data/2018/LHC18q/000295585/pass3/AOD252/AOD/001/AliAOD.root",
        "/alice/cern.ch/user/a/alice/output_long_name_of_an_analysis_train_2026.root",
        "ALICE::CERN::EOS is left alone",
        "guid 6D0D0F2E-1F2A-11E6-9C3B-0242AC110002, md5 9e107d9d372bb6826bd81d3542a419d6",
        "C=ch/O=AliEn2/CN=Users/CN=alice/OU=alice",
        "C=ch/O=AliEn/CN=Users/CN=aliceRobotCertificate2026prod/OU=alice",
        'user_key = "~/.globus/userkey.pem"',
        "2026-01-31T12:00:00.123+01:00 INFO aliend.engine.attempts.attempt_log [job=7 bytes=3072]: done: /a/x",
        "run `alienctl token-init`; token: it expired",
    ],
)
def test_text_without_secrets_stays(text: str) -> None:
    assert redacted(text) == text


def test_a_key_without_an_end_removes_only_its_line() -> None:
    assert redacted_lines("one\n-----BEGIN RSA PRIVATE KEY-----abc\ntwo") == "one\n(removed)\ntwo"


@pytest.mark.parametrize(
    "line",
    [
        "# my pass phrase is canary",
        "host = 'a' # token canary",
        'host = "a#b" # canary \'s',
        'host = "a\\"#b" # canary',
        'host = "not closed # canary',
    ],
)
def test_comments_of_a_configuration_are_removed(line: str) -> None:
    clean = redacted_configuration(f"{line}\n[log]\nlevel = 'debug'")
    assert clean.splitlines()[0] == f"{line.partition('# ' if '# ' in line else '#')[0]}# (removed)"
    assert clean.endswith("\n[log]\nlevel = 'debug'")


def test_variables_are_shown_without_secrets() -> None:
    environment = {
        "HOME": "/home/a",
        "X509_USER_KEY": KEY,
        "JALIEN_TOKEN_KEY": CANARY,
        "JALIEN_TOKEN_CERT": "/tmp/tokencert_1.pem",
        "ALIEN_SITE": f"x?authz={CANARY}",
        "ALIEND_MY_TOKEN": "canary",
        "AWS_SECRET": "canary",
        **{f"ALIEND_{name}": "canary" for name in ("PIN", "PWD", "PASS", "PASS_PHRASE", "AUTH", "BEARER", "SOME_KEY")},
    }
    shown = shown_variables(environment)
    assert "canary" not in str(shown)
    assert shown["JALIEN_TOKEN_CERT"] == "/tmp/tokencert_1.pem"
    assert shown["X509_USER_KEY"] == "given as text"
    assert "AWS_SECRET" not in shown
