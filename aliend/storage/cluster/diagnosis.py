"""Finds out why a scheduler cannot be used: nothing listens, only one side uses TLS, certificates do not fit.

The scheduler writes one line about this into its log; so look only if connecting fails or takes seconds.
"""

from __future__ import annotations

import socket
import ssl
from urllib.parse import urlsplit

from aliend.core.cli.executor import is_loopback
from aliend.core.cli.transfer_settings import ClusterSettings
from aliend.errors import AliendError

_ANSWER_LIMIT = 5.0
"""Seconds that the scheduler has for each answer."""
_CERTIFICATES = "all parts of a cluster need certificates of one authority (`alienctl cluster certs DIRECTORY`)"


class Unusable(AliendError):
    """A scheduler cannot be used; `is_unreachable`: it does not accept connections."""

    def __init__(self, text: str, *, is_unreachable: bool = False) -> None:
        super().__init__(text)
        self.is_unreachable = is_unreachable


def require_usable(address: str, settings: ClusterSettings) -> None:
    """Raise Unusable if the reason is found why this scheduler cannot be used. Blocking, for a thread."""
    named = address if "://" in settings.scheduler else f"{address} (from {settings.scheduler})"
    context = _context(settings) if address.startswith("tls:") else None
    try:
        with _connected(address) as connection:
            if context is None:
                _require_plain(connection, address, named)
            else:
                _require_tls(connection, context, named, settings)
    except TimeoutError:
        raise Unusable(f"the Dask scheduler {named} does not answer; is it running?", is_unreachable=True) from None
    except OSError as error:
        text = f"cannot reach the Dask scheduler {named}: {error.strerror or error}; is it running?"
        raise Unusable(text, is_unreachable=True) from error


def _connected(address: str) -> socket.socket:
    parts = urlsplit(address)
    return socket.create_connection((parts.hostname, parts.port), _ANSWER_LIMIT)


def _context(settings: ClusterSettings) -> ssl.SSLContext:
    """Return the daemon's side of TLS. Raises Unusable if its files do not fit."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False  # as Dask does
    try:
        context.load_verify_locations(settings.ca)
    except OSError as error:
        raise Unusable(f"tls_ca in [transfers] names no certificates: {settings.ca} ({_reason(error)})") from error
    try:
        context.load_cert_chain(settings.cert, settings.key)
    except OSError as error:
        raise Unusable(
            f"tls_cert and tls_key in [transfers] name no certificate with its key: {settings.cert}, {settings.key}"
            f" ({_reason(error)})"
        ) from error
    return context


def _require_plain(connection: socket.socket, address: str, named: str) -> None:
    """Require the first byte of a scheduler without TLS: one with TLS waits for the client to begin."""
    try:
        if connection.recv(1):
            return
    except OSError:
        pass
    if _uses_tls(address):
        raise Unusable(f"the Dask scheduler {named} uses TLS; use tls://{address.partition('://')[2]}")
    raise Unusable(f"{named} does not answer like a Dask scheduler; check the address")


def _uses_tls(address: str) -> bool:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # nothing is sent
    try:
        with _connected(address) as connection, context.wrap_socket(connection):
            return True
    except OSError:
        return False


def _require_tls(connection: socket.socket, context: ssl.SSLContext, named: str, settings: ClusterSettings) -> None:
    try:
        with context.wrap_socket(connection) as private:
            private.recv(1)  # a scheduler that refuses our certificate says so only now
    except ssl.SSLCertVerificationError as error:
        raise Unusable(
            f"the certificate of the Dask scheduler {named} does not fit {settings.ca}, which tls_ca in [transfers]"
            f" names ({error.verify_message}); {_CERTIFICATES}"
        ) from error
    except ssl.SSLError as error:
        if error.reason in ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE"):
            raise Unusable(_without_tls(named)) from error
        raise Unusable(
            f"the Dask scheduler {named} refuses {settings.cert}, which tls_cert in [transfers] names"
            f" ({_reason(error)}); {_CERTIFICATES}"
        ) from error


def _without_tls(named: str) -> str:
    address = named.partition(" ")[0]
    local = f", or use tcp://{address.partition('://')[2]}" if is_loopback(urlsplit(address).hostname or "") else ""
    return f"the Dask scheduler {named} does not use TLS; start it with TLS (see `alienctl cluster`){local}"


def _reason(error: OSError) -> str:
    """Return the reason of a library's error, in words."""
    text = str(getattr(error, "reason", None) or error.strerror or error)
    return text.replace("_", " ").lower() if text.isupper() else text
