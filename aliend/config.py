"""Configuration: the only reader of the environment and of the configuration files.

Files, each optional, later ones win: the sandbox grid's own `profile.toml` (profile `sandbox` only), then
`$XDG_CONFIG_HOME/aliend/config.toml` (its tables for every profile, then those below `[profile.NAME]`). The tables are

    [central]      host, port, site, role
    [credentials]  token_cert, token_key, user_cert, user_key
    [tls]          ca (file or directory), server_name
    [transfers]    files, files_per_se, worker_processes, keep_free_mib, keep_days,
                   executor, scheduler, scheduler_file, tls_ca, tls_cert, tls_key
    [ccdb]         host
    [monitor]      host
    [daemon]       idle_exit
    [log]          level, format, max_mib, max_days
    [metrics]      textfile

The variables of alien.py (`ALIENPY_JCENTRAL`, `X509_USER_CERT`, ...) override the tables for every profile; the tables
of the chosen profile override the variables, because the user chose that profile explicitly.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aliend.core.cli import transfer_settings
from aliend.core.cli.executor import dask_executor, scheduler_of
from aliend.core.cli.numbers import parse_whole
from aliend.core.cli.transfer_settings import ClusterSettings, TransferLimits
from aliend.core.connection.context import DEFAULT_HOST, DEFAULT_PORT, Context, CredentialFiles, Endpoint
from aliend.core.connection.discovery import discovery_settings
from aliend.credential_locations import (
    authorities_note,
    expanded,
    home_of,
    jbox_file,
    named_authorities,
    source,
    token_note,
    token_source,
    usual_authorities,
)
from aliend.errors import ConfigurationError
from aliend.small_files import read_small
from aliend.temporary_directories import own_directory

PROFILE_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
SOCKET_PATH_LIMIT = 107
"""Bytes of a unix socket's path (`sun_path`, without its end)."""

_TABLES: dict[str, dict[str, type]] = {
    "central": {"host": str, "port": int, "site": str, "role": str},
    "credentials": {"token_cert": str, "token_key": str, "user_cert": str, "user_key": str},
    "tls": {"ca": str, "server_name": str},
    "transfers": transfer_settings.KEYS,
    "ccdb": {"host": str},
    "monitor": {"host": str},
    "daemon": {"idle_exit": int},
    "log": {"level": str, "format": str, "max_mib": int, "max_days": int},
    "metrics": {"textfile": str},
}
_LEAST = dict.fromkeys(("port", "files", "files_per_se", "worker_processes", "max_mib"), 1)
_LEAST |= {"keep_free_mib": -1, "keep_days": 0, "idle_exit": 0, "max_days": 0}
"""The smallest valid number for each key."""
_CHOICES = {"executor": ("local", "dask"), "level": ("debug", "info", "warning", "error"), "format": ("text", "json")}
"""The valid values of each key that takes only some."""
_VARIABLES: dict[str, tuple[str, str]] = {
    "ALIENPY_JCENTRAL": ("central", "host"),
    "ALIENPY_JCENTRAL_PORT": ("central", "port"),
    "ALIEN_SITE": ("central", "site"),
    "ALIEND_ROLE": ("central", "role"),
    "JALIEN_TOKEN_CERT": ("credentials", "token_cert"),
    "JALIEN_TOKEN_KEY": ("credentials", "token_key"),
    "X509_USER_CERT": ("credentials", "user_cert"),
    "X509_USER_KEY": ("credentials", "user_key"),
}
_LOCAL_FILE_SYSTEMS = (
    *("ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "bcachefs", "f2fs", "jfs", "nilfs2", "reiserfs"),
    *("overlay", "aufs", "tmpfs", "rootfs", "vfat", "exfat", "ntfs3", "hfsplus", "udf"),
)
"""File systems of a single host. Others may be shared by several hosts, and their locks may not be reliable."""

Tables = dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class LogSettings:
    """The log: the least level and the format of its records, and the size (MiB) and age (days; 0: any) of a file."""

    level: str = "info"
    format: str = "text"
    max_mib: int = 5
    max_days: int = 30


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one daemon.

    `socket` and the directories are absolute paths. `state_note` explains an unusual state directory (empty: it
    is the usual one). `environment` is the daemon's own, used for callers that do not send one.
    """

    profile: str
    socket: str
    state_directory: str
    state_note: str
    environment: Mapping[str, str] = field(repr=False)
    shared: Tables = field(repr=False)
    chosen: Tables = field(repr=False)
    stamps: tuple[int, ...]

    @property
    def values(self) -> Tables:
        """Return the settings of the files for this profile."""
        return _merge(self.shared, self.chosen)

    @property
    def idle_exit(self) -> int:
        """Return the seconds without work after which the daemon exits; 0: never."""
        return int(self.values.get("daemon", {}).get("idle_exit", 0))

    def refreshed(self) -> Settings:
        """Return these settings, read again if one of the files has changed. Raises ConfigurationError like `load`."""
        if _stamps(_files(self.profile, self.environment)) == self.stamps:
            return self
        return load(self.profile, self.environment)

    @property
    def log_file(self) -> str:
        """Return the path of the log file."""
        return str(Path(self.state_directory) / "aliend.log")

    @property
    def log(self) -> LogSettings:
        """Return the settings of the log."""
        return LogSettings(**self.values.get("log", {}))

    @property
    def metrics_file(self) -> str:
        """Return the file to which the figures for monitoring are written; empty: none."""
        return expanded(str(self.values.get("metrics", {}).get("textfile", "")), home_of(self.environment))

    @property
    def limits(self) -> TransferLimits:
        """Return the limits of transfers, from the files."""
        return transfer_settings.limits_of(self.values.get("transfers", {}))

    @property
    def executor(self) -> str:
        """Return the executor of jobs that name none, see `core.cli.executor`. Raises ConfigurationError."""
        executor = transfer_settings.executor_of(self.values.get("transfers", {}))
        scheduler = scheduler_of(executor)
        is_file = scheduler and "://" not in scheduler
        return dask_executor(expanded(scheduler, home_of(self.environment))) if is_file else executor

    def cluster(self, scheduler: str) -> ClusterSettings:
        """Return a Dask cluster, by the address or the file of its scheduler, with the files for TLS."""
        table, home = self.values.get("transfers", {}), home_of(self.environment)
        files = (str(table.get(name, "")) for name in ("tls_ca", "tls_cert", "tls_key"))
        return ClusterSettings(scheduler, *(expanded(file, home) for file in files))

    @property
    def ccdb_host(self) -> str:
        """Return the configured host of the conditions database; empty: the default."""
        return str({**self.shared.get("ccdb", {}), **self.chosen.get("ccdb", {})}.get("host", ""))

    @property
    def monitor_host(self) -> str:
        """Return the configured URL of the monitoring service; empty: the default."""
        return str({**self.shared.get("monitor", {}), **self.chosen.get("monitor", {})}.get("host", ""))

    def context(self, environment: Mapping[str, str] | None = None, directory: str = "") -> Context:
        """Return the context of a caller with this environment and directory (default: the daemon's own).

        Raises ConfigurationError for an invalid value, and for the profile `sandbox` without a sandbox grid.
        """
        variables = self.environment if environment is None else environment
        if self.profile == "sandbox" and "central" not in self.chosen:
            raise ConfigurationError("no sandbox grid runs on this machine; start one with: `alienctl sandbox up`")
        values = _merge(self.shared, _of_variables(variables), self.chosen)
        central, files, tls = (values.get(table, {}) for table in ("central", "credentials", "tls"))
        home = home_of(variables)
        return Context(
            endpoint=Endpoint(central.get("host", DEFAULT_HOST), central.get("port", DEFAULT_PORT)),
            token=CredentialFiles(
                token_source(files.get("token_cert"), "cert", variables),
                token_source(files.get("token_key"), "key", variables),
            ),
            user=CredentialFiles(
                source(files.get("user_cert"), f"{home}/.globus/usercert.pem", home),
                source(files.get("user_key"), f"{home}/.globus/userkey.pem", home),
            ),
            ca=expanded(self.chosen.get("tls", {}).get("ca", ""), home)
            or named_authorities(variables, home, directory)
            or expanded(tls.get("ca", ""), home)
            or usual_authorities(home),
            server_name=tls.get("server_name", ""),
            site=central.get("site", ""),
            role=central.get("role", ""),
            finding=discovery_settings(
                variables,
                "" if "host" in central else jbox_file(variables),
            ),
            job=variables.get("ALIEN_PROC_ID", ""),
            master_job=variables.get("ALIEN_MASTERJOB_ID", ""),
            ca_note=authorities_note(variables, directory),
            token_note=token_note(files, variables),
        )


def load(profile: str, environment: Mapping[str, str]) -> Settings:
    """Read the files for `profile`. Raises ConfigurationError with the file, the key and the mistake."""
    if not PROFILE_NAME.fullmatch(profile):
        raise ConfigurationError(f"invalid profile name {profile!r}: use 1 to 64 of the characters A-Z a-z 0-9 . _ -")
    path, *extra = _files(profile, environment)
    stamps = _stamps([path, *extra])
    content = _read(path)
    profiles = content.pop("profile", {})
    if not isinstance(profiles, dict) or not isinstance(profiles.get(profile, {}), dict):
        raise ConfigurationError(f"{path}: [profile] has a table for each profile, such as [profile.test.central]")
    layers = [_checked(_read(file), str(file)) for file in extra]
    if profile in profiles:
        layers.append(_checked(profiles[profile], f"{path}, profile.{profile}"))
    return Settings(
        profile,
        socket_path(profile, environment),
        *_state_directory(profile, environment),
        environment=dict(environment),
        shared=_checked(content, str(path)),
        chosen=_merge(*layers),
        stamps=stamps,
    )


def configured_profiles(environment: Mapping[str, str]) -> list[str]:
    """Return the profiles that have their own tables in the configuration file. Raises ConfigurationError."""
    profiles = _read(_files("default", environment)[0]).get("profile", {})
    return sorted(profiles) if isinstance(profiles, dict) else []


def socket_path(profile: str, environment: Mapping[str, str]) -> str:
    """Return the path of the daemon's socket. Raises ConfigurationError if it is too long for a socket."""
    uid = os.getuid()
    runtime = environment.get("XDG_RUNTIME_DIR", "")
    if environment.get("ALIEND_SOCKET"):
        path = environment["ALIEND_SOCKET"]
    elif runtime.startswith("/") and _is_ours(runtime):
        path = f"{runtime}/aliend/{profile}.sock"
    elif _is_ours(f"/run/user/{uid}"):
        path = f"/run/user/{uid}/aliend/{profile}.sock"
    else:
        path = fallback_socket(profile)
    if len(os.fsencode(path)) > SOCKET_PATH_LIMIT:
        raise ConfigurationError(
            f"the socket path {path} is longer than {SOCKET_PATH_LIMIT} bytes; set ALIEND_SOCKET to a shorter one"
        )
    return path


def fallback_socket(profile: str) -> str:
    """Return the socket path for a user without a runtime directory."""
    return f"{own_directory(f'/tmp/aliend-{os.getuid()}')}/{profile}.sock"


def state_home(environment: Mapping[str, str]) -> Path:
    """Return `$XDG_STATE_HOME`, by default `~/.local/state` (XDG base directories: ignore relative paths)."""
    named = environment.get("XDG_STATE_HOME", "")
    return Path(named if named.startswith("/") else f"{home_of(environment)}/.local/state")


def configuration_file(environment: Mapping[str, str]) -> Path:
    """Return the path of the configuration file, which need not exist."""
    return _confighome_of(environment) / "aliend" / "config.toml"


def _files(profile: str, environment: Mapping[str, str]) -> list[Path]:
    files = [configuration_file(environment)]
    if profile == "sandbox":
        files.append(state_home(environment) / "aliend" / "sandbox-grid" / "profile.toml")
    return files


def _stamps(files: list[Path]) -> tuple[int, ...]:
    return tuple(map(_stamp, files))


def _stamp(file: Path) -> int:
    """Return the modification time of a file, or of a link to nothing; 0 if neither can be read."""
    for status_of in (Path.stat, Path.lstat):
        with suppress(OSError):
            return status_of(file).st_mtime_ns
    return 0


def _confighome_of(environment: Mapping[str, str]) -> Path:
    return Path(environment.get("XDG_CONFIG_HOME") or f"{home_of(environment)}/.config")


def _state_directory(profile: str, environment: Mapping[str, str]) -> tuple[str, str]:
    """Return the state directory, and why it is not the usual one (empty: it is). The client applies the same rule."""
    usual = state_home(environment) / "aliend" / profile
    kind = file_system_of(usual)
    if not is_shared(kind):
        return str(usual), ""
    local = f"{own_directory(f'/var/tmp/aliend-{os.getuid()}')}/{profile}"
    return local, f"{usual} is on {kind}, which other hosts may share; the state of this host is in {local}"


def is_shared(kind: str) -> bool:
    """Return whether several hosts may share a file system of this type (empty: unknown)."""
    return bool(kind) and kind not in _LOCAL_FILE_SYSTEMS


def file_system_of(path: Path) -> str:
    """Return the file system type of `path` or its nearest existing parent; empty without /proc."""
    try:
        mounts = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    real = Path(os.path.realpath(path))  # Path.resolve fails for a link to itself
    best, kind = "", ""
    for line in mounts:
        fields = line.split()
        point = fields[1].replace("\\040", " ") if len(fields) > 2 else ""
        if point and len(point) >= len(best) and real.is_relative_to(point):
            best, kind = point, fields[2]
    return kind


def _is_ours(directory: str) -> bool:
    path = Path(directory)
    return path.is_dir() and path.stat().st_uid == os.getuid()


def _of_variables(variables: Mapping[str, str]) -> Tables:
    tables: Tables = {}
    for name, (table, key) in _VARIABLES.items():
        text = variables.get(name, "")
        if text:
            tables.setdefault(table, {})[key] = _number(name, text) if _TABLES[table][key] is int else text
    return tables


def _number(name: str, text: str) -> int:
    number = parse_whole(text)
    if number is None:
        raise ConfigurationError(f"{name} must be a number, not {text!r}")
    return number


def _read(path: Path) -> dict[str, Any]:
    try:
        text = read_small(path).decode("utf-8")
        import tomllib  # most users have no configuration

        return tomllib.loads(text)
    except FileNotFoundError:
        if path.is_symlink():
            raise ConfigurationError(f"the configuration {path} is a link to a file that does not exist") from None
        return {}
    except OSError as error:
        raise ConfigurationError(f"cannot read the configuration {path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:  # also numbers of thousands of digits, and too deep tables
        raise ConfigurationError(f"the configuration {path} is not valid TOML: {error}") from error


def _checked(content: Mapping[str, Any], where: str) -> Tables:
    for table, values in content.items():
        known = _TABLES.get(table)
        if known is None or not isinstance(values, dict):
            raise ConfigurationError(f"{where}: unknown table [{table}]; use one of {', '.join(sorted(_TABLES))}")
        for key, value in values.items():
            if key not in known:
                raise ConfigurationError(
                    f"{where}: unknown key {key} of [{table}]; use one of {', '.join(sorted(known))}"
                )
            if type(value) is not known[key]:
                raise ConfigurationError(f"{where}: {key} of [{table}] must be of type {known[key].__name__}")
            if (choices := _CHOICES.get(key)) and value not in choices:
                raise ConfigurationError(
                    f"{where}: {key} of [{table}] must be one of {', '.join(choices)}, not {value!r}"
                )
            if type(value) is int and value < _LEAST[key]:
                raise ConfigurationError(f"{where}: {key} of [{table}] must be at least {_LEAST[key]}, not {value}")
    return {table: dict(values) for table, values in content.items()}


def _merge(*layers: Tables) -> Tables:
    merged: Tables = {}
    for layer in layers:
        for table, values in layer.items():
            merged.setdefault(table, {}).update(values)
    return merged
