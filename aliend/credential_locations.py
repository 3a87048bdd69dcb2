"""Finds the certificate, the token and the certificate authorities that a caller's environment names."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from aliend.core.connection.pem import PemFile, PemSource, PemText, is_authority_name, pem_source

_AUTHORITIES = (
    "/cvmfs/alice.cern.ch/etc/grid-security/certificates",
    "/Users/Shared/cvmfs/alice.cern.ch/etc/grid-security/certificates",
    "/etc/grid-security/certificates",
)
_AUTHORITY_VARIABLES = ("X509_CERT_DIR", "X509_CERT_FILE")


def home_of(variables: Mapping[str, str]) -> str:
    """Return the home directory."""
    return variables.get("HOME") or str(Path("~").expanduser())


def jbox_file(variables: Mapping[str, str]) -> str:
    """Return the file by which programs find a JBox of this user."""
    return f"{temporary_directory(variables)}/jclient_token_{os.getuid()}"


def temporary_directory(variables: Mapping[str, str]) -> str:
    """Return the directory of the token."""
    names = [variables.get(name, "") for name in ("TMPDIR", "TEMP", "TMP")]
    return next((name for name in [*names, "/tmp", "/var/tmp"] if name and Path(name).is_dir()), "/tmp")


def expanded(text: str, home: str) -> str:
    """Return a path with the home directory in place of `~`."""
    return home + text[1:] if text.startswith("~/") else text


def source(value: str | None, default: str, home: str) -> PemSource:
    """Return the PEM text or the file that a setting names; without a value the default file."""
    return pem_source(expanded(value, home)) if value is not None else PemFile(default, is_default=True)


def token_source(value: str | None, kind: str, variables: Mapping[str, str]) -> PemSource:
    """Return the source of the token's certificate or key (`kind`: "cert" or "key").

    A file of another user under the default name in the temporary directory cannot be replaced, so the default is then
    a file in the home directory.
    """
    home, name = home_of(variables), f"token{kind}_{os.getuid()}.pem"
    usual = f"{temporary_directory(variables)}/{name}"
    return source(value, usual if _foreign_owner(usual) is None else f"{home}/.globus/{name}", home)


def token_note(values: Mapping[str, str], variables: Mapping[str, str]) -> str:
    """Return which default file of the token belongs to another user and is not used; empty: none.

    `values` are the settings of `[credentials]`.
    """
    for kind in ("cert", "key"):
        path = f"{temporary_directory(variables)}/token{kind}_{os.getuid()}.pem"
        owner = _foreign_owner(path) if f"token_{kind}" not in values else None
        if owner is not None:
            own = f"{home_of(variables)}/.globus"
            return f"{path} belongs to another user (uid {owner}), so it is not used; your token is kept in {own}"
    return ""


def _foreign_owner(path: str) -> int | None:
    """Return the owner of a file, link or directory, if that is another user."""
    try:
        owner = Path(path).lstat().st_uid
    except OSError:
        return None
    return None if owner == os.geteuid() else owner


def usual_authorities(home: str) -> str:
    """Return the usual directory of authorities; empty: none exists. getCAcerts installs the last one."""
    directories = (*_AUTHORITIES, f"{home}/.globus/certificates")
    return next((directory for directory in directories if Path(directory).is_dir()), "")


def named_authorities(variables: Mapping[str, str], home: str, directory: str) -> str:
    """Return the file or directory of authorities that the environment names, in the incumbent's order.

    Relative names count from `directory`; directories without authorities are skipped; empty: none is named.
    """
    local = variables.get("ALIENPY_USE_LOCAL_CAS", "")
    if local:
        own = Path(home) / ".globus" / "certificates"
        location = Path(directory, local)
        location = location if os.path.isdir(location) else own  # noqa: PTH112 - Path.is_dir raises for long texts
        if (location / "CERN-GridCA.pem").is_file():
            return str(location)
    for name in _AUTHORITY_VARIABLES:
        if variables.get(name) and not _why_no_authorities(name, variables[name], directory):
            return os.path.join(directory, variables[name])  # noqa: PTH118 - leaves an absolute name as it is
    return ""


def authorities_note(variables: Mapping[str, str], directory: str) -> str:
    """Return which variable names a file or directory without authorities, and why it is not used; empty: none."""
    for name in _AUTHORITY_VARIABLES:
        value = variables.get(name, "")
        if value and (problem := _why_no_authorities(name, value, directory)):
            return f"{name} is not used: {pem_source(value)} {problem}"
    return ""


def _why_no_authorities(name: str, value: str, directory: str) -> str:
    """Return why a variable's value names no authorities, as the end of a sentence; empty: it does."""
    if isinstance(pem_source(value), PemText):
        return "is not the name of a file or directory"
    location = os.path.join(directory, value)  # noqa: PTH118 - the name may be a long text
    try:
        os.stat(location)  # noqa: PTH116 - Path.exists raises for long texts
    except FileNotFoundError:
        return "does not exist"
    except (OSError, ValueError) as error:
        return f"cannot be read: {getattr(error, 'strerror', '') or 'invalid name'}"
    if name == "X509_CERT_FILE":
        return "" if Path(location).is_file() else "is not a file"
    try:
        with os.scandir(location) as entries:
            found = any(is_authority_name(entry.name) for entry in entries)
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    return "" if found else "holds no file named *.pem, *.crt or *.0"
