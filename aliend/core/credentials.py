"""Which certificate is used, and how one is shown. Reading files is left to `aliend.central.credentials`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

TOKEN_MARGIN_MS = 600_000
"""A token that ends sooner is passed over (ten minutes, as with the incumbent client)."""


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """What a certificate says: names as `C=ch/O=AliEn2/CN=Users/...`, times in POSIX milliseconds."""

    subject: str
    issuer: str
    begins_ms: int
    ends_ms: int

    def lines(self) -> list[str]:
        """The four lines of `cert-info`, times in UTC."""
        return [
            f"DN >>> {self.subject}",
            f"ISSUER >>> {self.issuer}",
            f"BEGIN >>> {_moment(self.begins_ms)}",
            f"EXPIRE >>> {_moment(self.ends_ms)}",
        ]


def why_unusable(facts: CertificateFacts, now_ms: int, margin_ms: int = 0) -> str:
    """Why the certificate cannot be used at `now_ms`, as the end of a sentence; empty: it can."""
    if now_ms < facts.begins_ms:
        return f"is valid only from {_moment(facts.begins_ms)} UTC"
    if now_ms >= facts.ends_ms:
        return f"expired at {_moment(facts.ends_ms)} UTC"
    if facts.ends_ms - now_ms < margin_ms:
        return f"ends at {_moment(facts.ends_ms)} UTC, in less than {margin_ms // 60_000} minutes"
    return ""


def _moment(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
