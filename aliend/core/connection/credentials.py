"""Which certificate is used, and how one is shown. `aliend.central.credentials` reads the files."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

TOKEN_MARGIN_MS = 600_000
"""A token that ends sooner is passed over (ten minutes, as with the incumbent client)."""
WARNING_MS = 3 * 86_400_000
"""From so long before the end of what can be used, the user is warned."""
_RENEWED_PART = 3
"""A token is renewed in the last third of its life, and in any case when its end is near enough to be warned of."""


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """What a certificate says: names as `C=ch/O=AliEn2/CN=Users/...`, times in POSIX milliseconds."""

    subject: str
    issuer: str
    begins_ms: int
    ends_ms: int

    def to_json(self, path: str, *, is_usable: bool = True) -> dict[str, object]:
        """The document of `cert-info --json`; `place` is the certificate's file."""
        return {
            "certificate": path,
            "subject": self.subject,
            "issuer": self.issuer,
            "begins_ms": self.begins_ms,
            "ends_ms": self.ends_ms,
            "usable": is_usable,
        }

    def lines(self) -> list[str]:
        """The four lines of `cert-info`, times in UTC."""
        return [
            f"DN >>> {self.subject}",
            f"ISSUER >>> {self.issuer}",
            f"BEGIN >>> {_format_time(self.begins_ms)}",
            f"EXPIRE >>> {_format_time(self.ends_ms)}",
        ]


def why_unusable(facts: CertificateFacts, now_ms: int, margin_ms: int = 0) -> str:
    """Why the certificate cannot be used at `now_ms`, as the end of a sentence; empty: it can."""
    if now_ms < facts.begins_ms:
        return f"is valid only from {_format_time(facts.begins_ms)} UTC"
    if now_ms >= facts.ends_ms:
        return f"expired at {_format_time(facts.ends_ms)} UTC"
    if facts.ends_ms - now_ms < margin_ms:
        return f"ends at {_format_time(facts.ends_ms)} UTC, in less than {margin_ms // 60_000} minutes"
    return ""


def is_users_token(subject: str) -> bool:
    """Whether a certificate is a token of a user: what is none (a job's, a certificate of one's own) is not renewed."""
    return subject.startswith("C=ch/O=AliEn") and "/CN=Users/" in subject


def role_of(subject: str) -> str:
    """The role in a user's token (`.../CN=Users/CN=alice/OU=role`) where it is not the user; empty otherwise."""
    user, unit, role = subject.rpartition("/OU=")
    if not unit or not is_users_token(subject) or user.endswith(f"/CN={role}"):
        return ""
    return role


def is_renewal_due(facts: CertificateFacts, now_ms: int) -> bool:
    """Whether a token is to be replaced by a new one at `now_ms`.

    Close to its end, but for tokens of a few days not all their life long: the service ends a token with the
    certificate that it was asked with, so that a new one may be no better.
    """
    life = facts.ends_ms - facts.begins_ms
    return is_users_token(facts.subject) and facts.ends_ms - now_ms < min(WARNING_MS, life // _RENEWED_PART)


def expiry_warning(facts: CertificateFacts, now_ms: int) -> str:
    """What the user must know of the end of the certificate, as the end of a sentence; empty: it is far away."""
    left = facts.ends_ms - now_ms
    if left >= WARNING_MS:
        return ""
    if left <= 0:
        return why_unusable(facts, now_ms)
    return f"ends at {_format_time(facts.ends_ms)} UTC, in {_format_duration(left)}"


def _format_duration(ms: int) -> str:
    hours, minutes = ms // 3_600_000, ms // 60_000
    if hours >= 48:
        return f"{hours // 24} days"
    if minutes >= 120:
        return f"{hours} hours"
    return f"{minutes} minutes"


def _format_time(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
