"""Compares this machine's clock with that of the central service, because both check the dates of certificates."""

from __future__ import annotations

import asyncio
import time
from email.utils import parsedate_to_datetime

from aliend.central.credentials.certificates import Credential
from aliend.central.credentials.tls import client_context, expected_name
from aliend.core.connection.context import Context
from aliend.errors import AliendError

_NO_CHECK_TIME = 0x200000
"""X509_V_FLAG_NO_CHECK_TIME: with a wrong clock the service's own certificate seems expired."""
_TIMEOUT = 5.0


async def service_time_ms(context: Context, credential: Credential) -> int | None:
    """Return the service's time (POSIX milliseconds) from the `Date` of an HTTP answer; None if it has none.

    The chain and the host name of the service are verified, the dates are not.
    """
    import httpx  # would delay every start of the daemon

    endpoint = context.endpoint
    host = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
    try:
        tls = await asyncio.to_thread(client_context, context, credential)
        tls.verify_flags |= _NO_CHECK_TIME
        async with asyncio.timeout(_TIMEOUT), httpx.AsyncClient(verify=tls, trust_env=False, timeout=None) as client:
            response = await client.get(
                f"https://{host}:{endpoint.port}/", extensions={"sni_hostname": expected_name(context)}
            )
        return int(parsedate_to_datetime(response.headers["date"]).timestamp() * 1000)
    except (AliendError, httpx.HTTPError, OSError, ValueError, KeyError):
        return None


def local_time_ms() -> int:
    """Return this machine's time in POSIX milliseconds."""
    return time.time_ns() // 1_000_000
