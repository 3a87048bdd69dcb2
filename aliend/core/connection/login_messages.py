"""Messages of `alienctl login` for a user who cannot log in: at most three lines; the last one is the next step."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from aliend.core.connection.credentials import CertificateFacts

DAY_MS = 86_400_000
_MAX_SKEW_MS = 300_000
"""Tolerated error of a clock: services date certificates back by at least five minutes."""
_AGAIN = "then run: `alienctl login`"


def no_certificate(problem: str, directories: Sequence[str]) -> str:
    """Return the message that no certificate was found; `problem` says why the usual one is not used."""
    return (
        f"{problem}\nsave the .p12 file of your certification authority in one of: {', '.join(directories)}\n{_AGAIN}"
    )


def needs_terminal(problem: str, question: str) -> str:
    """Return the message that login needs a terminal for its `question`, as in "whether to ..."."""
    return (
        f"{problem}\n"
        f"login has to ask {question}, but standard input is not a terminal\n"
        "run at a terminal: `alienctl login`"
    )


def no_pair(problem: str) -> str:
    """Return the message that certificate and key cannot be used together; `problem` says why."""
    return f"{problem}\na .p12 file holds the certificate with its key; import it\nrun: `alienctl cert-import FILE.p12`"


def no_passphrase(count: int, key: str) -> str:
    """Return the message that none of `count` passphrases was right."""
    return (
        f"none of {count} passphrases opens the key {key}\n"
        "if you forgot it, import the .p12 file again and choose a new one\n"
        "run: `alienctl cert-import FILE.p12`"
    )


def out_of_time(path: str, facts: CertificateFacts, now_ms: int) -> str:
    """Return the sentence that a certificate has expired or is not valid yet at `now_ms`; empty: it is valid."""
    clock = f"this machine's clock says {moment(now_ms)}"
    if now_ms < facts.begins_ms:
        return f"the certificate {path} is valid only from {moment(facts.begins_ms)}; {clock}"
    if now_ms >= facts.ends_ms:
        return f"the certificate {path} expired at {moment(facts.ends_ms)}; {clock}"
    return ""


def expired(problem: str, directories: Sequence[str]) -> str:
    """Return the remedy for an expired certificate; `problem` is that of `out_of_time`."""
    return (
        f"{problem}\nget a new one from your certification authority, "
        f"and save its .p12 file in {directories[0]}\n{_AGAIN}"
    )


def wrong_clock(local_ms: int, service_ms: int) -> str:
    """Return the message that two clocks (POSIX milliseconds) differ too much; empty: they do not."""
    if abs(local_ms - service_ms) <= _MAX_SKEW_MS:
        return ""
    return (
        f"this machine's clock says {moment(local_ms)}, the service's clock says {moment(service_ms)}\n"
        "certificates need the right time: set the clock, or ask the administrator of this machine\n"
        f"{_AGAIN}"
    )


def clock_behind(problem: str) -> str:
    """Return the remedy for a certificate that is not valid yet; `problem` is that of `out_of_time`."""
    return "\n".join([problem, "if that clock is wrong, set it, or ask the administrator of this machine", _AGAIN])


def unknown_user(endpoint: str, subject: str) -> str:
    """Return the message that no user is registered with this certificate."""
    return (
        f"{endpoint} does not know the certificate {subject}\n"
        "register it with the ALICE virtual organisation (VO)\n"
        f"{_AGAIN}"
    )


def refused_certificate(endpoint: str, issuer: str) -> str:
    """Return the message that the service does not accept the certificate, whose authority it may not know."""
    return (
        f"{endpoint} refuses your certificate; its authority is {issuer}\n"
        "get a certificate from an authority that the grid accepts (IGTF)\n"
        "then run: `alienctl cert-import FILE.p12`"
    )


def no_authorities(location: str) -> str:
    """Return the message that no authorities were found, which verify the service; `location` may be empty."""
    return (
        f"no certificates of authorities were found in {location or 'the usual directories'}\n"
        "they prove that the central service is the right one; install them\n"
        "run: `alienctl getCAcerts`"
    )


def unknown_authority(endpoint: str, location: str) -> str:
    """Return the message that the service's certificate is signed by none of the authorities in `location`."""
    return (
        f"the certificate of {endpoint} is not signed by an authority in {location}\n"
        "this is not the central service, or that directory is out of date; install the grid's authorities\n"
        "run: `alienctl getCAcerts`"
    )


def moment(ms: int) -> str:
    """Return a time (POSIX milliseconds) as text, in UTC."""
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")


def days(ms: int) -> str:
    """Return a duration (milliseconds) in whole days, or in hours below two days."""
    if ms < 2 * DAY_MS:
        return f"{max(ms, 0) // 3_600_000} hours"
    return f"{ms // DAY_MS} days"
