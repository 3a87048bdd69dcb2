"""The choice of the certificate, and the message if none is usable."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

import pytest

from aliend.central.credentials.certificates import facts_of, usable
from aliend.core.connection.context import Context, CredentialFiles
from aliend.core.connection.pem import pem_source
from aliend.errors import ConfigurationError, NotConnected
from tests.integration.central.service import Authority, Issued


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def context(token: Issued | None = None, user: Issued | None = None) -> Context:
    none = CredentialFiles(pem_source("/no/cert.pem"), pem_source("/no/key.pem"))
    return Context(token=token.files if token else none, user=user.files if user else none)


def why(where: Context) -> str:
    with pytest.raises(NotConnected) as caught:
        usable(where)
    return str(caught.value)


def test_a_good_token_is_preferred_to_the_users_certificate(authority: Authority) -> None:
    token, user = authority.issue("token"), authority.issue("user")
    assert usable(context(token, user)).files == token.files
    assert usable(context(token, user)).is_token


def test_a_token_of_less_than_ten_minutes_is_passed_over(authority: Authority) -> None:
    token, user = authority.issue("token", ends=590), authority.issue("user")
    assert usable(context(token, user)).files == user.files


def test_a_short_token_is_better_than_nothing(authority: Authority) -> None:
    token = authority.issue("token", ends=300)
    assert usable(context(token)).files == token.files


def test_without_any_certificate_one_sentence_names_the_places_and_the_next_command() -> None:
    said = why(context())
    assert "neither /no/cert.pem nor /no/cert.pem exists" in said
    assert "alienctl login" in said
    assert "\n" not in said


def test_an_expired_certificate_is_named_with_its_end(authority: Authority) -> None:
    user = authority.issue("user", begins=-7200, ends=-60)
    assert re.search(
        rf"{re.escape(user.certificate)} expired at 20\d\d-\d\d-\d\d \d\d:\d\d:\d\d UTC", why(context(None, user))
    )


def test_a_certificate_of_tomorrow_is_not_used_today(authority: Authority) -> None:
    assert "valid only from" in why(context(None, authority.issue("user", begins=3600)))


def test_a_key_that_others_may_read_is_refused_with_the_command_that_helps(authority: Authority) -> None:
    user = authority.issue("user")
    for mode in (0o640, 0o604):
        Path(user.key).chmod(mode)
        with pytest.raises(ConfigurationError, match=f"chmod 600 {user.key}"):
            usable(context(None, user))
    Path(user.key).chmod(0o400)
    assert usable(context(None, user)).files == user.files


def test_the_key_of_another_certificate_is_refused(authority: Authority) -> None:
    user, other = authority.issue("user"), authority.issue("other")
    assert "does not belong to the certificate" in why(context(None, Issued(user.certificate, other.key)))


def test_an_encrypted_key_is_rejected_with_a_message(authority: Authority) -> None:
    assert "encrypted" in why(context(None, authority.issue("user", passphrase="secret")))


@pytest.mark.parametrize(
    ("content", "certificate", "key"),
    [
        ("", "is empty", "is empty"),
        ("\0\0", "contains no PEM certificate", "contains no PEM private key"),
        (
            "-----BEGIN {}-----\nAAAA\n-----END {}-----\n",
            "its content is not a certificate",
            "its content is not a private key",
        ),
        ("-----BEGIN {}-----\nAAAA\n", "has no matching END line", "has no matching END line"),
    ],
)
def test_a_damaged_file_is_rejected_with_a_message(
    authority: Authority, tmp_path: Path, content: str, certificate: str, key: str
) -> None:
    user = authority.issue("user")
    broken = tmp_path / "broken.pem"
    broken.touch(0o600)
    broken.write_text(content.replace("{}", "CERTIFICATE"))
    assert certificate in why(context(None, Issued(str(broken), user.key)))
    broken.write_text(content.replace("{}", "PRIVATE KEY"))
    assert key in why(context(None, Issued(user.certificate, str(broken))))


def test_a_key_given_as_text_is_never_shown(authority: Authority) -> None:
    user, other = authority.issue("user"), authority.issue("other")
    certificate, key = Path(user.certificate).read_text(), Path(other.key).read_text()
    assert "the key given as text does not belong to the certificate given as text" in why(
        context(None, Issued(certificate, key))
    )
    assert usable(context(None, Issued(certificate, Path(user.key).read_text()))).facts.subject.endswith("CN=user")


def test_a_missing_key_is_named(authority: Authority) -> None:
    user = authority.issue("user")
    Path(user.key).unlink()
    assert f"cannot read the key {user.key}" in why(context(None, user))


def test_cert_info_prints_four_lines_in_utc(authority: Authority) -> None:
    lines = facts_of(authority.issue("alice").files.certificate).lines()
    assert lines[0] == "DN >>> C=ch/O=AliEn2/CN=Users/CN=alice"
    assert lines[1] == "ISSUER >>> CN=Test CA"
    begins = time.strptime(lines[2].removeprefix("BEGIN >>> "), "%Y-%m-%d %H:%M:%S")
    assert begins < time.gmtime()
    assert lines[3].startswith("EXPIRE >>> 20")


def test_a_key_of_another_user_is_rejected(authority: Authority) -> None:
    user = authority.issue("user")
    if os.geteuid() == 0:
        os.chown(user.key, 65534, 65534)
        with pytest.raises(ConfigurationError, match="belongs to another user"):
            usable(context(None, user))
