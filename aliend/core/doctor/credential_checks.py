"""Checks of certificate, key, token and authorities."""

from __future__ import annotations

from aliend.core.connection.credentials import CertificateFacts, expiry_warning, why_unusable
from aliend.core.connection.login_messages import moment
from aliend.core.doctor.finding import Finding, ok, problem, unchecked, warning

_LOGIN = "run `alienctl login`"
_MONTH_MS = 30 * 86_400_000


def certificate(place: str, error: str, subject: str = "") -> Finding:
    """Check that the user's certificate can be read; `error` says why not."""
    if error:
        return problem("certificate", error, "import your certificate with `alienctl cert-import FILE.p12`")
    return ok("certificate", f"{place}: {subject}")


def validity(known: CertificateFacts | None, now_ms: int) -> Finding:
    """Check the dates of the user's certificate."""
    check = "certificate-validity"
    if known is None:
        return unchecked(check, "the certificate cannot be read")
    if reason := why_unusable(known, now_ms):
        return problem(
            check, f"it {reason}", "get a new one from your authority, then run `alienctl cert-import FILE.p12`"
        )
    if known.ends_ms - now_ms < _MONTH_MS:
        return warning(check, f"it expires at {moment(known.ends_ms)}", "get a new one from your authority in time")
    return ok(check, f"until {moment(known.ends_ms)}")


def key(place: str, error: str, *, is_encrypted: bool = False) -> Finding:
    """Check that the user's key can be read."""
    if error:
        return problem("key", error, "import certificate and key with `alienctl cert-import FILE.p12`")
    return ok("key", f"{place}, {'encrypted' if is_encrypted else 'not encrypted'}")


def key_mode(place: str, error: str) -> Finding:
    """Check owner and mode of the user's key; `error` is the reason why aliend refuses it."""
    if error:
        return problem(
            "key-mode", error, f"run `chmod 600 {place}`; if it belongs to another user, make a copy of your own"
        )
    return ok("key-mode", f"only you can read {place}")


def pair(matches: bool | None, reason: str = "") -> Finding:
    """Check that certificate and key belong together; None: unknown for a reason."""
    if matches is None:
        return unchecked("pair", reason)
    if not matches:
        return problem(
            "pair",
            "the key does not belong to the certificate",
            "import both from one file with `alienctl cert-import FILE.p12`",
        )
    return ok("pair", "key and certificate belong together")


def token(place: str, known: CertificateFacts | None, error: str, now_ms: int, *, can_renew: bool) -> Finding:
    """Check the token: a certificate without one is enough to get one (`can_renew`)."""
    if known is not None:
        if not (text := expiry_warning(known, now_ms)):
            return ok("token", f"{place}, until {moment(known.ends_ms)}")
        return warning("token", f"the token {text}", "run `alienctl token-init`")
    if can_renew:
        return warning("token", error, "run `alienctl token-init`; commands use the certificate until then")
    return problem("token", f"{error}, and no certificate is usable", _LOGIN)


def token_place(note: str, directory: str, *, is_writable: bool) -> Finding:
    """Check where the token is kept; `note` says that another user occupies the usual name."""
    if note:
        return warning("token-place", note, "ask the owner or the administrator to remove that file")
    if not is_writable:
        return problem("token-place", f"no file can be written in {directory}", "set TMPDIR to a directory of your own")
    return ok("token-place", directory)


def authorities(place: str, count: int, error: str, note: str) -> Finding:
    """Check the certificate authorities; `note` says which configured place is not used."""
    if error:
        return problem(
            "authorities", error, "run `alienctl getCAcerts`, and set X509_CERT_DIR to ~/.globus/certificates"
        )
    if note:
        return warning("authorities", f"{note}; {place} is used", "correct or unset that variable")
    return ok("authorities", f"{count} in {place}")


def chain(error: str) -> Finding:
    """Check that a trusted authority has signed the user's certificate."""
    if error:
        return warning("chain", error, "run `alienctl getCAcerts`; the service may know the authority nevertheless")
    return ok("chain", "a trusted authority has signed the certificate")
