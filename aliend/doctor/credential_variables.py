"""Finds the environment variables that name a caller's credentials, so that a remedy can name them."""

from __future__ import annotations

from collections.abc import Mapping

from aliend.central.credentials.certificates import examined, facts_of
from aliend.central.credentials.private_keys import Locked
from aliend.core.connection.context import Context, CredentialFiles
from aliend.core.connection.pem import PemSource
from aliend.credential_locations import home_of, source
from aliend.errors import ConfigurationError, Unusable

_TOKEN = ("JALIEN_TOKEN_CERT", "JALIEN_TOKEN_KEY")
_USER = ("X509_USER_CERT", "X509_USER_KEY")


def variables_of(environment: Mapping[str, str], *sources: PemSource) -> tuple[str, ...]:
    """Return the variables that name one of the sources."""
    home = home_of(environment)
    named = {name: environment.get(name, "") for name in (*_TOKEN, *_USER)}
    return tuple(name for name, value in named.items() if value and source(value, "", home) in sources)


def unusable_variables(context: Context, environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return the variables that name files which are missing or damaged, or do not belong together. Blocks."""
    found: list[str] = []
    for files in (context.token, context.user):
        if _is_wrong(files):
            found += variables_of(environment, files.certificate, files.key)
    return tuple(dict.fromkeys(found))


def _is_wrong(files: CredentialFiles) -> bool:
    """Return whether the files cannot be used, whatever their dates."""
    try:
        examined(files, facts_of(files.certificate).begins_ms)
    except (Locked, ConfigurationError):
        return False
    except Unusable:
        return True
    return False
