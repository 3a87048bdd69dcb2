"""Collects the facts of configuration, state directory, database, log, and of the disks that downloads use."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from aliend.config import Settings, configuration_file
from aliend.core.doctor import daemon_checks
from aliend.core.doctor import state_checks as checks
from aliend.core.doctor.finding import Finding, unchecked
from aliend.core.doctor.state_checks import Disk, SpaceHold
from aliend.doctor.client_facts import ClientFacts
from aliend.doctor.groups import Group
from aliend.errors import ConfigurationError, NewerDatabase, StoreError
from aliend.lifecycle.configuration_check import problems
from aliend.lifecycle.log_file import why_unwritable
from aliend.private_directories import require_ours
from aliend.storage.io.mounts import nearest_existing
from aliend.storage.io.partial_file import available_bytes, reserved_bytes
from aliend.store.damage import kept_aside
from aliend.store.inspection import Downloads, Inspection, inspected

_LIMIT = 8.0
"""Seconds for all reads of the database."""
_DIRECTORIES = 50
_PARTIAL = re.compile(r"\..*\.(\d+)\.part", re.DOTALL)


def configuration_group(client: ClientFacts) -> Group:
    """Return the checks of the configuration file."""
    return Group(("configuration", "configuration-mode"), lambda: list(_configuration(client)))


def groups(settings: Settings, client: ClientFacts) -> list[Group]:
    """Return the checks of the state of a profile."""
    return [
        Group(("state-directory", "state-file-system"), lambda: list(_directory(settings))),
        Group(("state-space", "state-inodes"), lambda: list(_state_disk(settings))),
        Group(
            ("database", "jobs", "linger", "target-space", "target-inodes", "partial-files"),
            lambda: list(_database(settings, client)),
        ),
        Group(("damaged-databases", "log"), lambda: list(_files(settings))),
    ]


def _configuration(client: ClientFacts) -> Iterator[Finding]:
    file = configuration_file(client.environment)
    found = problems(client.profile, client.environment, others=True, database=False)
    yield checks.configuration(found, str(file), exists=file.exists())
    yield checks.configuration_mode(str(file), file.stat().st_mode if file.is_file() else None)


def _directory(settings: Settings) -> Iterator[Finding]:
    path, error = Path(settings.state_directory), ""
    try:
        require_ours(path)
    except FileNotFoundError:
        error = ""
    except OSError as failure:
        error = f"{path}: {failure.strerror}"
    except ConfigurationError as failure:
        error = str(failure)
    is_writable = os.access(path, os.R_OK | os.W_OK | os.X_OK)
    yield checks.state_directory(str(path), error, exists=os.path.lexists(path), is_writable=is_writable)
    yield checks.state_file_system(settings.state_note)


def _state_disk(settings: Settings) -> Iterator[Finding]:
    disks = [_disk(Path(settings.state_directory), 0)]
    yield checks.space("state-space", disks)
    yield checks.inodes("state-inodes", disks)


def _disk(path: Path, keep_free: int) -> Disk:
    existing = nearest_existing(path)
    facts = os.statvfs(existing)
    reserved = reserved_bytes(facts, keep_free)
    return Disk(str(existing), available_bytes(facts), reserved, facts.f_favail, facts.f_files)


def _files(settings: Settings) -> Iterator[Finding]:
    database = Path(settings.state_directory) / "aliend.db"
    yield checks.damaged_databases([str(path) for path in kept_aside(database)])
    yield checks.log(settings.log_file, why_unwritable(settings.log_file))


def _database(settings: Settings, client: ClientFacts) -> Iterator[Finding]:
    path = Path(settings.state_directory) / "aliend.db"
    downloads, needs = Downloads((), (), frozenset()), list[tuple[int, str, int]]()
    held: list[tuple[int, str]] = []
    unfinished, is_newer = 0, False
    if path.exists():
        try:
            with inspected(path, _LIMIT) as inspection:
                error = inspection.check()
                held, unfinished, downloads = _queue(inspection)
                needs = inspection.space_needs()
        except StoreError as failure:
            error, is_newer = str(failure), isinstance(failure, NewerDatabase)
        if error:
            yield checks.database(error, exists=True, is_newer=is_newer)
            yield checks.jobs(None, 0)
            yield daemon_checks.linger(client.unit, None)
            yield unchecked("target-space", "the database cannot be read")
            yield unchecked("target-inodes", "the database cannot be read")
            yield checks.partial_files(None)
            return
    yield checks.database("", exists=path.exists())
    yield checks.jobs(held, unfinished)
    yield daemon_checks.linger(client.unit, unfinished)
    yield from _targets(settings, downloads, needs)


def _queue(inspection: Inspection) -> tuple[list[tuple[int, str]], int, Downloads]:
    return inspection.held_jobs(), inspection.unfinished_jobs(), inspection.downloads()


def _targets(settings: Settings, downloads: Downloads, needs: Sequence[tuple[int, str, int]]) -> Iterator[Finding]:
    keep_free = settings.limits.keep_free_mib << 20
    disks = {}
    for directory in _directories(downloads.unfinished):
        disks[directory.stat().st_dev if directory.exists() else 0] = _disk(directory, keep_free)
    holds = [SpaceHold(job, path, need, _disk(Path(path), keep_free)) for job, path, need in needs]
    yield checks.target_space(list(disks.values()), holds)
    yield checks.inodes("target-inodes", [*disks.values(), *(hold.disk for hold in holds)])
    yield checks.partial_files(list(_left_over(downloads)))


def _left_over(downloads: Downloads) -> Iterator[tuple[str, int]]:
    """Yield the partial files beside recent downloads that no unfinished transfer uses, with their sizes."""
    for directory in _directories(downloads.recent):
        try:
            entries = list(os.scandir(directory))
        except OSError:
            continue
        for entry in entries:
            found = _PARTIAL.fullmatch(entry.name)
            if found and int(found[1]) not in downloads.open_ids:
                yield entry.path, entry.stat(follow_symlinks=False).st_size


def _directories(targets: Sequence[str]) -> list[Path]:
    return [Path(name) for name in dict.fromkeys(str(Path(target).parent) for target in targets)][:_DIRECTORIES]
