"""Checks of certificate, key, token and authorities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aliend.core.connection.credentials import CertificateFacts, expiry_warning, why_unusable
from aliend.core.connection.login_messages import moment
from aliend.core.doctor.finding import Finding, ok, problem, unchecked, warning

_LOGIN = "run `alienctl login`"
_MONTH_MS = 30 * 86_400_000


def certificate(location: str, error: str, subject: str = "", variables: Sequence[str] = ()) -> Finding:
    """Check that the user's certificate can be read; `error` says why not, `variables` name its file."""
    if error:
        remedy = "import your certificate with `alienctl cert-import FILE.p12`"
        return problem("certificate", _named(error, variables), _corrected(variables, _LOGIN) or remedy)
    return ok("certificate", f"{location}: {subject}")


def validity(facts: CertificateFacts | None, now_ms: int) -> Finding:
    """Check the dates of the user's certificate."""
    check = "certificate-validity"
    if facts is None:
        return unchecked(check, "the certificate cannot be read")
    if reason := why_unusable(facts, now_ms):
        return problem(
            check, f"it {reason}", "get a new one from your authority, then run `alienctl cert-import FILE.p12`"
        )
    if facts.ends_ms - now_ms < _MONTH_MS:
        return warning(check, f"it expires at {moment(facts.ends_ms)}", "get a new one from your authority in time")
    return ok(check, f"until {moment(facts.ends_ms)}")


def key(location: str, error: str, variables: Sequence[str] = (), *, is_encrypted: bool = False) -> Finding:
    """Check that the user's key can be read; `variables` name its file."""
    if error:
        remedy = "import certificate and key with `alienctl cert-import FILE.p12`"
        return problem("key", _named(error, variables), _corrected(variables, _LOGIN) or remedy)
    return ok("key", f"{location}, {'encrypted' if is_encrypted else 'not encrypted'}")


def key_mode(location: str, error: str) -> Finding:
    """Check owner and mode of the user's key; `error` is the reason why aliend refuses it."""
    if error:
        return problem(
            "key-mode", error, f"run `chmod 600 {location}`; if it belongs to another user, make a copy of your own"
        )
    return ok("key-mode", f"only you can read {location}")


def pair(matches: bool | None, reason: str = "", variables: Sequence[str] = ()) -> Finding:
    """Check that certificate and key belong together (None: unknown for a reason); `variables` name their files."""
    if matches is None:
        return unchecked("pair", reason)
    if not matches:
        remedy = "import both from one file with `alienctl cert-import FILE.p12`"
        text = _named("the key does not belong to the certificate", variables)
        return problem("pair", text, _corrected(variables, _LOGIN) or remedy)
    return ok("pair", "key and certificate belong together")


@dataclass(frozen=True, slots=True)
class TokenFacts:
    """The token's file, the `variables` that name it, and its facts (None: it cannot be used, as `error` says)."""

    location: str
    known: CertificateFacts | None
    error: str = ""
    variables: tuple[str, ...] = ()


def token(facts: TokenFacts, now_ms: int, *, can_renew: bool) -> Finding:
    """Check the token: a certificate without one is enough to get one (`can_renew`)."""
    location, known, error = facts.location, facts.known, _named(facts.error, facts.variables)
    if known is not None:
        if not (text := expiry_warning(known, now_ms)):
            return ok("token", f"{location}, until {moment(known.ends_ms)}")
        return warning("token", f"the token {text}", "run `alienctl token-init`")
    if can_renew:
        remedy = "run `alienctl token-init`; commands use the certificate until then"
        return warning("token", error, _corrected(facts.variables, remedy) or remedy)
    text = f"{error}; no certificate is usable either"
    return problem("token", text, _corrected(facts.variables, _LOGIN) or _LOGIN)


def token_place(note: str, directory: str, variables: Sequence[str] = (), *, is_writable: bool) -> Finding:
    """Check where the token is kept, which `variables` name; `note` says that another user occupies the usual name."""
    if note:
        return warning("token-place", note, "ask the owner or the administrator to remove that file")
    if not is_writable:
        text = _named(f"no file can be written in {directory}", variables)
        remedy = "set TMPDIR to a directory of your own"
        return problem("token-place", text, _corrected(variables, "run `alienctl token-init`") or remedy)
    return ok("token-place", directory)


def authorities(location: str, count: int, error: str, note: str) -> Finding:
    """Check the certificate authorities; `note` says which configured location is not used."""
    if error:
        return problem(
            "authorities", error, "run `alienctl getCAcerts`, and set X509_CERT_DIR to ~/.globus/certificates"
        )
    if note:
        return warning("authorities", f"{note}; {location} is used", "correct or unset that variable")
    return ok("authorities", f"{count} in {location}")


def chain(error: str) -> Finding:
    """Check that a trusted authority has signed the user's certificate."""
    if error:
        return warning("chain", error, "run `alienctl getCAcerts`; the service may know the authority nevertheless")
    return ok("chain", "a trusted authority has signed the certificate")


def _named(error: str, variables: Sequence[str]) -> str:
    return f"{error} (named by {' and '.join(variables)})" if error and variables else error


def _corrected(variables: Sequence[str], remedy: str) -> str:
    """Return a remedy that begins with the variables; empty: no variable names the file."""
    return f"correct or unset {' and '.join(variables)}; then {remedy}" if variables else ""
