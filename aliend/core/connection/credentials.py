"""Facts about certificates: validity, renewal, roles, display. `aliend.central.credentials` reads the files."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

TOKEN_MARGIN_MS = 600_000
"""A token that expires sooner is not used (ten minutes, as in alien.py)."""
WARNING_MS = 3 * 86_400_000
"""The user is warned this long before the credential expires."""
_RENEWED_PART = 3
"""A token is renewed in the last third of its life, but not earlier than the warning."""


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """Facts of a certificate: names as `C=ch/O=AliEn2/CN=Users/...`, times in POSIX milliseconds."""

    subject: str
    issuer: str
    begins_ms: int
    ends_ms: int

    def to_json(self, path: str, *, is_usable: bool = True) -> dict[str, object]:
        """Return the document of `cert-info --json`; `path` is the path of the certificate."""
        return {
            "certificate": path,
            "subject": self.subject,
            "issuer": self.issuer,
            "begins_ms": self.begins_ms,
            "ends_ms": self.ends_ms,
            "usable": is_usable,
        }

    def lines(self) -> list[str]:
        """Return the four lines of `cert-info`, with times in UTC."""
        return [
            f"DN >>> {self.subject}",
            f"ISSUER >>> {self.issuer}",
            f"BEGIN >>> {_format_time(self.begins_ms)}",
            f"EXPIRE >>> {_format_time(self.ends_ms)}",
        ]


def why_unusable(facts: CertificateFacts, now_ms: int, margin_ms: int = 0) -> str:
    """Return why the certificate is unusable at `now_ms`, as a predicate; empty: it is usable."""
    if now_ms < facts.begins_ms:
        return f"is valid only from {_format_time(facts.begins_ms)} UTC"
    if now_ms >= facts.ends_ms:
        return f"expired at {_format_time(facts.ends_ms)} UTC"
    if facts.ends_ms - now_ms < margin_ms:
        return f"expires at {_format_time(facts.ends_ms)} UTC, in less than {margin_ms // 60_000} minutes"
    return ""


def is_users_token(subject: str) -> bool:
    """Return whether a certificate is a user token; others (of a job, of the user) are not renewed."""
    return subject.startswith("C=ch/O=AliEn") and "/CN=Users/" in subject


def role_of(subject: str) -> str:
    """Return the role in a user token (`.../CN=Users/CN=alice/OU=role`); empty if it is the user itself."""
    user, unit, role = subject.rpartition("/OU=")
    if not unit or not is_users_token(subject) or user.endswith(f"/CN={role}"):
        return ""
    return role


def is_renewal_due(facts: CertificateFacts, now_ms: int) -> bool:
    """Return whether a token is due for renewal at `now_ms`.

    It is close to its end, but a token of a few days is not due for all of its life: the service limits a token to the
    life of the certificate of the request, so that a new token may be no better.
    """
    life = facts.ends_ms - facts.begins_ms
    return is_users_token(facts.subject) and facts.ends_ms - now_ms < min(WARNING_MS, life // _RENEWED_PART)


def expiry_warning(facts: CertificateFacts, now_ms: int) -> str:
    """Return a warning about the expiry of the certificate, as a predicate; empty: it is not close."""
    left = facts.ends_ms - now_ms
    if left >= WARNING_MS:
        return ""
    if left <= 0:
        return why_unusable(facts, now_ms)
    return f"expires at {_format_time(facts.ends_ms)} UTC, in {_format_duration(left)}"


def _format_duration(ms: int) -> str:
    hours, minutes = ms // 3_600_000, ms // 60_000
    if hours >= 48:
        return f"{hours // 24} days"
    if minutes >= 120:
        return f"{hours} hours"
    return f"{minutes} minutes"


def _format_time(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
