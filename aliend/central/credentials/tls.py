"""TLS towards the central service: chain and host name verified, always; failures become sentences."""

from __future__ import annotations

import asyncio
import os
import ssl
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from aliend.central.credentials.certificates import Credential
from aliend.central.credentials.private_keys import is_text, shown
from aliend.core.connection.context import Context
from aliend.errors import ConfigurationError, LoginRefused, NotConnected

_HOST_MISMATCH, _EXPIRED, _NOT_YET_VALID, _ADDRESS_MISMATCH = 62, 10, 9, 64  # X509_V_ERR_*
_ABOUT_US = ("CERT", "UNKNOWN_CA", "ACCESS_DENIED", "HANDSHAKE_FAILURE")
"""Words of the alerts that a service sends when it does not like our certificate."""
_PROBE_TIMEOUT = 5.0


class _Watched(ssl.SSLObject):
    """Notes in its settings when the service has answered the handshake."""

    def do_handshake(self) -> None:
        try:
            super().do_handshake()
        except ssl.SSLWantReadError:
            if self.cipher() is not None and isinstance(self.context, Settings):
                self.context.has_met = True
            raise


class Settings(ssl.SSLContext):
    """The TLS settings of one connection.

    `has_met`: the service has answered the handshake with its own certificate and ours was sent. A service that hangs
    up after that did not like ours, also where its alert is lost on the way.
    """

    sslobject_class = _Watched
    has_met = False


def expected_name(context: Context) -> str:
    """The name that the server's certificate must carry."""
    return context.server_name or context.endpoint.host


def client_context(context: Context, credential: Credential) -> Settings:
    """Make the TLS settings of one connection; ConfigurationError where CAs or credential cannot be loaded. Blocks."""
    tls = Settings(ssl.PROTOCOL_TLS_CLIENT)
    tls.minimum_version = ssl.TLSVersion.TLSv1_2
    # Many grid CAs lack what RFC 5280 asks of a CA certificate.
    tls.verify_flags &= ~ssl.VERIFY_X509_STRICT
    _load_authorities(tls, context.ca)
    files = credential.files
    try:
        with (
            _as_file(credential.text.certificate or files.certificate) as certificate,
            _as_file(credential.text.key or files.key) as key,
        ):
            tls.load_cert_chain(certificate, key, password=_no_pass_phrase)
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"the certificate {shown(files.certificate)} cannot be used: {error}") from error
    return tls


@contextmanager
def _as_file(place: str) -> Iterator[str]:
    """A name that OpenSSL can open; text gets a file that is in no directory, so that it never reaches a disk."""
    if not is_text(place):
        yield place
    elif Path("/proc/self/fd").is_dir():
        with open(os.memfd_create("pem"), "wb", buffering=0) as file:  # noqa: PTH123 (a descriptor has no path)
            file.write(place.encode())
            yield f"/proc/self/fd/{file.fileno()}"
    else:
        with _as_fifo(place.encode()) as name:
            yield name


@contextmanager
def _as_fifo(content: bytes) -> Iterator[str]:
    """A FIFO that gives `content` to the first reader."""

    def write() -> None:
        with suppress(OSError), fifo.open("wb", buffering=0) as file:  # the reader may want less
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


def _no_pass_phrase() -> str:
    raise ValueError("its key is encrypted")


def _load_authorities(tls: ssl.SSLContext, place: str) -> None:
    """Load CA certificates from a file, or from a directory with or without hashed names."""
    if not place:
        raise ConfigurationError(
            "no CA certificates were found; "
            "set X509_CERT_DIR, or `tls.ca` in the configuration, or run: alienctl getCAcerts"
        )
    path = Path(place)
    try:
        if not path.is_dir():
            tls.load_verify_locations(cafile=place)
            return
        hashed = any(path.glob("*.0"))
        tls.load_verify_locations(capath=place)
        loaded = [file for file in sorted((*path.glob("*.pem"), *path.glob("*.crt"))) if _load_one(tls, file)]
    except OSError as error:
        raise ConfigurationError(f"the CA certificates in {place} cannot be loaded: {error}") from error
    if not loaded and not hashed:
        raise ConfigurationError(f"the CA directory {place} holds no certificates (*.pem, *.crt, or hashed *.0)")


def _load_one(tls: ssl.SSLContext, file: Path) -> bool:
    """Load one file of a directory that may also hold other things (CRLs, policies)."""
    try:
        tls.load_verify_locations(cafile=str(file))
    except OSError:
        return False
    return True


async def explain(error: ssl.SSLError, context: Context, tls: ssl.SSLContext) -> NotConnected:
    """The sentence for a failed handshake: what was expected, what came, which setting helps."""
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
            names = await _names_carried(context, tls)
            return NotConnected(
                f"the certificate of {endpoint} is not for {expected_name(context)} but for {names}; if that is the "
                "right service, set `tls.server_name` to one of these names"
            )
        case code if code in (_EXPIRED, _NOT_YET_VALID):
            return NotConnected(f"the certificate of {endpoint} is out of date: {error.verify_message}")
    return NotConnected(
        f"the certificate of {endpoint} is not signed by an authority in {context.ca} ({error.verify_message}); "
        "set X509_CERT_DIR or `tls.ca` to the authorities that you trust"
    )


async def _names_carried(context: Context, tls: ssl.SSLContext) -> str:
    """Ask once more without the check of the name (the chain is still verified) to tell which names there are."""
    tls.check_hostname = False
    endpoint = context.endpoint
    try:
        async with asyncio.timeout(_PROBE_TIMEOUT):
            _, writer = await asyncio.open_connection(endpoint.host, endpoint.port, ssl=tls)
            certificate = writer.get_extra_info("peercert") or {}
            writer.transport.abort()
    except (OSError, TimeoutError):
        return "other names"
    names = [str(value) for _, value in certificate.get("subjectAltName", ())]
    if not names:
        names = [str(value) for part in certificate.get("subject", ()) for key, value in part if key == "commonName"]
    return ", ".join(names) or "no name at all"
