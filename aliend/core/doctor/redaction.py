"""Removes secrets from texts that users send to others: keys, certificates, tokens, envelopes and pass phrases.

It removes too much rather than too little: every PEM block, every value of a parameter that names a secret, and every
long run of letters and digits as in base64. Names of files and subjects of certificates stay.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from aliend.core.connection.pem import pem_source

REMOVED = "(removed)"
_PEM = re.compile(r"-----BEGIN [^-]+-----.*?(?:-----END [^-]+-----|\Z)", re.DOTALL)
_PARAMETER = re.compile(
    r"(?i)\b((?:authz|access_token|bearer|envelope|pass(?:word|wd|phrase|_phrase)?|secret|token|pin)=)[^\s&;,]+"
)
_PASS_PHRASE = re.compile(r"(?i)\b((?:pass[ _]?(?:word|phrase)|secret)\w*\"?\s*[=:]\s*)\S+")
_HEADER = re.compile(r"(?i)\b(bearer|basic)\s+[\w+/=.-]{8,}")
_USER = re.compile(r"(://)[^\s/@]*:[^\s/@]*@")
_JWT = re.compile(r"\beyJ[\w-]{8,}(?:\.[\w-]*)*")
_LINE = re.compile(r"(?m)^[ \t]*[A-Za-z0-9+/]{38,}={0,2}[ \t\r]*$")
_RUN = re.compile(r"[A-Za-z0-9+/=]{32,}")
_LETTERS_AND_DIGITS = re.compile(r"(?=[^a-z]*[a-z])(?=[^A-Z]*[A-Z])(?=[^0-9]*[0-9])")
_LONGEST_WORD = 24
"""Letters (of both cases) and digits in a row that count as base64; other signs interrupt most names of files."""
_ATTRIBUTE = re.compile(r"(?:CN|DC|O|OU)=(?=[^=]{1,40}\Z)")
"""An attribute of a certificate's subject, whose value is shorter than a line of base64."""
_CREDENTIALS = ("X509_USER_CERT", "X509_USER_KEY", "JALIEN_TOKEN_CERT", "JALIEN_TOKEN_KEY")
_SECRET_NAME = re.compile(r"TOKEN|PASSW|PASSPHRASE|SECRET|CREDENTIAL|_KEY(_|$)|AUTHORI[SZ]ATION", re.IGNORECASE)
_SHOWN = ("ALIEN", "JALIEN", "X509_", "XRD_", "XDG_", "LD_", "PYTHON", "LC_")
_SHOWN_NAMES = ("HOME", "LANG", "PATH", "TERM", "TMPDIR", "TEMP", "TMP", "NO_COLOR", "EDITOR", "PAGER")


def redacted(text: str) -> str:
    """Return a text without secrets."""
    text = _PEM.sub(REMOVED, text)
    text = _PARAMETER.sub(rf"\1{REMOVED}", text)
    text = _PASS_PHRASE.sub(rf"\1{REMOVED}", text)
    text = _HEADER.sub(rf"\1 {REMOVED}", text)
    text = _USER.sub(rf"\1{REMOVED}@", text)
    text = _LINE.sub(REMOVED, _JWT.sub(REMOVED, text))
    return _RUN.sub(_without_base64, text)


def redacted_lines(text: str) -> str:
    """Return a log without secrets: a block that does not end in its line ends there."""
    lines = text.splitlines()
    whole = redacted(text).splitlines() if text.count("-----END ") else lines
    return "\n".join(map(redacted, whole))


def shown_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that matter for aliend, without secrets; those that may hold one only as `(set)`."""
    kept = {}
    for name, value in sorted(environment.items()):
        if name.startswith(_SHOWN) or name in _SHOWN_NAMES:
            if name in _CREDENTIALS:
                kept[name] = redacted(str(pem_source(value)))
            else:
                kept[name] = "(set)" if _SECRET_NAME.search(name) and value else redacted(value)
    return kept


def _without_base64(match: re.Match[str]) -> str:
    words = match[0].split("/")
    is_secret = any(
        len(word) >= _LONGEST_WORD and _LETTERS_AND_DIGITS.match(word) and not _ATTRIBUTE.match(word) for word in words
    )
    return REMOVED if is_secret else match[0]
