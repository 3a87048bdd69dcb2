"""Private keys: a key whose numbers do not fit is refused, however often it is read."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from aliend.central.credentials.private_keys import KeyText
from aliend.errors import Unusable


def text_of(key: rsa.RSAPrivateKey) -> KeyText:
    form = serialization.PrivateFormat.TraditionalOpenSSL
    return KeyText("key.pem", key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))


def test_inconsistent_numbers_are_found_at_each_reading() -> None:
    sound = rsa.generate_private_key(65537, 2048)
    numbers = sound.private_numbers()
    wrong = rsa.RSAPrivateNumbers(
        numbers.p, numbers.q, numbers.d - 2, numbers.dmp1, numbers.dmq1, numbers.iqmp, numbers.public_numbers
    ).private_key(unsafe_skip_rsa_key_validation=True)
    for _ in range(2):
        assert text_of(sound).parsed().public_key() == sound.public_key()
        with pytest.raises(Unusable, match="damaged"):
            text_of(wrong).parsed()
