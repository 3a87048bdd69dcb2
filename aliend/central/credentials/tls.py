"""TLS connections to the central service: always verifies chain and host name, and explains failures."""

from __future__ import annotations

import asyncio
import os
import ssl
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from aliend.central.credentials import authority_files
from aliend.central.credentials.certificates import Credential
from aliend.core.connection.context import Context
from aliend.errors import ConfigurationError, LoginRefused, NotConnected, UnknownAuthority

_HOST_MISMATCH, _EXPIRED, _NOT_YET_VALID, _ADDRESS_MISMATCH = 62, 10, 9, 64  # X509_V_ERR_*
_ABOUT_US = ("CERT", "UNKNOWN_CA", "ACCESS_DENIED", "HANDSHAKE_FAILURE")
"""Names of the alerts with which a service rejects our certificate."""
_PROBE_TIMEOUT = 5.0


class _Watched(ssl.SSLObject):
    """Records in its settings that the service has answered the handshake."""

    def do_handshake(self) -> None:
        try:
            super().do_handshake()
        except ssl.SSLWantReadError:
            if self.cipher() is not None and isinstance(self.context, Settings):
                self.context.has_answered = True
            raise


class Settings(ssl.SSLContext):
    """The TLS settings of one connection.

    `has_answered`: the service has answered the handshake with its own certificate and ours was sent. A service that
    closes the connection after that has rejected our certificate, even if its alert is lost.
    """

    sslobject_class = _Watched
    has_answered = False


def expected_name(context: Context) -> str:
    """Return the name that the server's certificate must contain."""
    return context.server_name or context.endpoint.host


def client_context(context: Context, credential: Credential) -> Settings:
    """Create the TLS settings of one connection. Raises ConfigurationError for unusable CAs or credential. Blocks."""
    tls = Settings(ssl.PROTOCOL_TLS_CLIENT)
    tls.hostname_checks_common_name = False
    _verify_chains(tls, context)
    _load_credential(tls, credential)
    return tls


def server_context(context: Context, credential: Credential, tls: ssl.SSLContext | None = None) -> ssl.SSLContext:
    """Create TLS settings that show `credential` and require a client certificate of a known authority.

    Existing settings `tls` are changed instead, for later connections. Raises ConfigurationError. Blocks.
    """
    if tls is None:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.verify_mode = ssl.CERT_REQUIRED
        _verify_chains(tls, context)
    _load_credential(tls, credential)
    return tls


def _verify_chains(tls: ssl.SSLContext, context: Context) -> None:
    tls.minimum_version = ssl.TLSVersion.TLSv1_2
    # Many grid CAs lack what RFC 5280 asks of a CA certificate.
    tls.verify_flags &= ~ssl.VERIFY_X509_STRICT
    _load_authorities(tls, context)


def _load_credential(tls: ssl.SSLContext, credential: Credential) -> None:
    pair = credential.pair
    try:
        with _as_file(pair.certificate) as certificate, _as_file(pair.key) as key:
            tls.load_cert_chain(certificate, key, password=_no_passphrase)
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"cannot use the certificate {credential.files.certificate}: {error}") from error


@contextmanager
def _as_file(text: str) -> Iterator[str]:
    """Yield a path that OpenSSL can open; the file is only in memory, so that the text never reaches a disk."""
    if Path("/proc/self/fd").is_dir():
        with open(os.memfd_create("pem"), "wb", buffering=0) as file:  # noqa: PTH123 (a descriptor has no path)
            file.write(text.encode())
            yield f"/proc/self/fd/{file.fileno()}"
    else:
        with _as_fifo(text.encode()) as name:
            yield name


@contextmanager
def _as_fifo(content: bytes) -> Iterator[str]:
    """Yield a FIFO that passes `content` to the first reader."""

    def write() -> None:
        with suppress(OSError), fifo.open("wb", buffering=0) as file:  # the reader may close it early
            file.write(content)

    with tempfile.TemporaryDirectory(prefix="aliend-pem-") as directory:
        fifo = Path(directory) / "pem"
        os.mkfifo(fifo, 0o600)
        writer = threading.Thread(target=write)
        writer.start()
        try:
            yield str(fifo)
        finally:
            # a writer that found no reader still waits for one
            with open(os.open(fifo, os.O_RDONLY | os.O_NONBLOCK), "rb", buffering=0) as rest:  # noqa: PTH123
                while writer.is_alive():
                    rest.read()
                    writer.join(0.01)


def _no_passphrase() -> str:
    raise ValueError("its key is encrypted")


def _load_authorities(tls: ssl.SSLContext, context: Context) -> None:
    if not context.ca:
        raise ConfigurationError(
            f"no CA certificates were found{note_on_authorities(context)}; "
            "set X509_CERT_DIR, or `tls.ca` in the configuration, or run: `alienctl getCAcerts`"
        )
    for authority in authority_files.load(context.ca):
        with suppress(ssl.SSLError):  # OpenSSL rejects some authorities; the others still count
            tls.load_verify_locations(cadata=authority)
    if not tls.cert_store_stats()["x509"]:
        raise ConfigurationError(f"no certificate in {context.ca} can be read; run: `alienctl getCAcerts`")


def note_on_authorities(context: Context) -> str:
    """Return in parentheses why a configured location of authorities is not used; empty if it is used."""
    return f" ({context.ca_note})" if context.ca_note else ""


async def explain(error: ssl.SSLError, context: Context, tls: ssl.SSLContext) -> NotConnected:
    """Return the message for a failed handshake: what was expected, what was received, which setting helps."""
    endpoint = context.endpoint
    if not isinstance(error, ssl.SSLCertVerificationError):
        reason = error.reason or ""
        if "ALERT" in reason and any(word in reason for word in _ABOUT_US):
            return LoginRefused(
                f"{endpoint} refused the certificate of this user ({reason}); check that it has not expired "
                "and that its authority is known there"
            )
        return NotConnected(f"no TLS with {endpoint}: {reason or error}")
    match error.verify_code:
        case code if code in (_HOST_MISMATCH, _ADDRESS_MISMATCH):
            if not (names := await _names_carried(context, tls)):
                return NotConnected(
                    f"the certificate of {endpoint} has no alternative name (subjectAltName), and its common name is "
                    "not accepted; the service needs a new certificate"
                )
            return NotConnected(
                f"the certificate of {endpoint} is not for {expected_name(context)} but for {names}; if that is the "
                "right service, set `tls.server_name` to one of these names"
            )
        case code if code in (_EXPIRED, _NOT_YET_VALID):
            return NotConnected(
                f"the certificate of {endpoint} is out of date ({error.verify_message}), or this machine's clock "
                "is wrong; to compare the clocks, run: `alienctl login`"
            )
    return UnknownAuthority(
        f"the certificate of {endpoint} is not signed by an authority in {context.ca}"
        f"{note_on_authorities(context)}: {error.verify_message}; "
        "set X509_CERT_DIR or `tls.ca` to the authorities that you trust"
    )


async def _names_carried(context: Context, tls: ssl.SSLContext) -> str:
    """Connect again without the check of the name (the chain is still verified) to list the alternative names."""
    tls.check_hostname = False
    endpoint = context.endpoint
    try:
        async with asyncio.timeout(_PROBE_TIMEOUT):
            _, writer = await asyncio.open_connection(endpoint.host, endpoint.port, ssl=tls)
            certificate = writer.get_extra_info("peercert") or {}
            writer.transport.abort()
    except (OSError, TimeoutError):
        return "other names"
    return ", ".join(str(value) for _, value in certificate.get("subjectAltName", ()))
