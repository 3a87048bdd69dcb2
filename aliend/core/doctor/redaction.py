"""Removes secrets from texts that users send to others: keys, certificates, tokens, envelopes and passphrases.

It removes too much rather than too little: every PEM block, every value of a parameter that names a secret, and every
long run of letters and digits as in base64. Names of files and subjects of certificates stay. Comments of a
configuration go too: people note passphrases in them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from aliend.core.connection.pem import pem_source

REMOVED = "(removed)"
_PEM = re.compile(r"-----BEGIN [^-]+-----.*?(?:-----END [^-]+-----|\Z)", re.DOTALL)
_PARAMETER = re.compile(
    r"(?i)\b((?:authz|access_token|bearer|envelope|pass(?:word|wd|phrase|_phrase)?|pwd|secret|token|pin)=)[^\s&;,]+"
)
_VALUE = r"""(?:"(?:\\.|[^"\\\n])*"?|'[^'\n]*'?|[^"'\n]+)"""
"""A text in quotation marks, or the rest of a line up to one: a passphrase may have several words."""
_PASSPHRASE = re.compile(rf"(?i)\b((?:pass[ _-]?(?:word|wd|phrase)|pwd|secret)\w*['\"]?\s*[=:]\s*){_VALUE}")
_SETTING = re.compile(rf"(?im)^(\s*(?:\w*token|pin|bearer)\s*=\s*){_VALUE}")
_OPTION = re.compile(r"(?i)(?<!\S)(--?(?:pass\w*|pwd|pin|secret|\w*token)[= ])\s*\S+")
_COMMENT = re.compile(r"""("(?:\\.|[^"\\\n])*"|'[^'\n]*')|#.*""")
_HEADER = re.compile(r"(?i)\b(bearer|basic)\s+[\w+/=.-]{8,}")
_USER = re.compile(r"(:/+)[^\s/@]*:[^\s/@]*@")
"""User and password in an address, which may have been normalized like a path (`root:/user:password@host`)."""
_JWT = re.compile(r"\beyJ[\w-]{8,}(?:\.[\w-]*)*")
_LINE = re.compile(r"(?m)^[ \t]*[A-Za-z0-9+/]{38,}={0,2}[ \t\r]*$")
_RUN = re.compile(r"[A-Za-z0-9+/=]{32,}")
_LETTERS_AND_DIGITS = re.compile(r"(?=[^a-z]*[a-z])(?=[^A-Z]*[A-Z])(?=[^0-9]*[0-9])")
_LONGEST_WORD = 24
"""Letters (of both cases) and digits in a row that count as base64; other signs interrupt most names of files."""
_ATTRIBUTE = re.compile(r"(?:CN|DC|O|OU)=(?=[^=]{1,40}\Z)")
"""An attribute of a certificate's subject, whose value is shorter than a line of base64."""
_CREDENTIALS = ("X509_USER_CERT", "X509_USER_KEY", "JALIEN_TOKEN_CERT", "JALIEN_TOKEN_KEY")
_SECRET_NAME = re.compile(
    r"TOKEN|PASSW|PASS_?PHRASE|SECRET|CREDENTIAL|BEARER|COOKIE|AUTHORI[SZ]ATION|_(KEY|PASS|PWD|PIN|AUTH)(_|$)",
    re.IGNORECASE,
)
_SHOWN = ("ALIEN", "JALIEN", "X509_", "XRD_", "XDG_", "LD_", "PYTHON", "LC_")
_SHOWN_NAMES = ("HOME", "LANG", "PATH", "TERM", "TMPDIR", "TEMP", "TMP", "NO_COLOR", "EDITOR", "PAGER")


def redacted(text: str) -> str:
    """Return a text without secrets."""
    text = _PEM.sub(REMOVED, text)
    text = _PARAMETER.sub(rf"\1{REMOVED}", text)
    for secret in (_PASSPHRASE, _SETTING, _OPTION):
        text = secret.sub(rf"\1{REMOVED}", text)
    text = _HEADER.sub(rf"\1 {REMOVED}", text)
    text = _USER.sub(rf"\1{REMOVED}@", text)
    text = _LINE.sub(REMOVED, _JWT.sub(REMOVED, text))
    return _RUN.sub(_without_base64, text)


def redacted_configuration(text: str) -> str:
    """Return a TOML document, valid or not, without secrets and without the texts of its comments."""
    return redacted(_COMMENT.sub(lambda found: found[1] or f"# {REMOVED}", text))


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
