"""The execution of one command with its options, service and output, and the declaration of commands."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from aliend.sandbox.errors import CommandFailedError
from aliend.sandbox.layout import Layout
from aliend.sandbox.protocol.answer_cache import AnswerCache
from aliend.sandbox.protocol.options import OptionSet, ParsedOptions, option_set
from aliend.sandbox.protocol.output import Output
from aliend.sandbox.state import paths
from aliend.sandbox.state.accounts import Principal
from aliend.sandbox.state.catalogue import Catalogue
from aliend.sandbox.state.entries import Entry
from aliend.sandbox.state.envelopes import Sealer
from aliend.sandbox.state.guids import GuidMaker
from aliend.sandbox.state.replicas import Replica
from aliend.sandbox.state.session import Session


@dataclass(slots=True)
class Service:
    """The state that all connections share. `now()` is POSIX milliseconds; `site` is that of service and clients.

    `default_replicas` is the number of replicas of an upload without a storage specification. `storage_directories` are
    the directories of the storage elements, by number; without them files have no content. `find_cache` holds results
    of `find`, `replica_cache` replicas by GUID; both cache nothing until they get a lifetime.
    """

    catalogue: Catalogue
    sealer: Sealer
    now: Callable[[], int]
    site: str
    default_replicas: int = 2
    guids: GuidMaker = field(default_factory=GuidMaker)
    storage_directories: Mapping[int, Path] = field(default_factory=dict)
    layout: Layout | None = None
    """The directory of the authority that signs token certificates; None: no tokens."""
    find_cache: AnswerCache[list[Entry]] = field(init=False)
    replica_cache: AnswerCache[list[Replica]] = field(init=False)

    def __post_init__(self) -> None:
        self.find_cache = AnswerCache(self.now, favours_short=True)
        self.replica_cache = AnswerCache(self.now)


@dataclass(slots=True)
class Call:
    """One execution of a command. `usage` is its help; `execute` runs another command with the same output."""

    service: Service
    session: Session
    options: ParsedOptions
    out: Output
    usage: str = ""
    execute: Callable[[str, Sequence[str]], Awaitable[None]] | None = None

    @property
    def catalogue(self) -> Catalogue:
        """Return the catalogue."""
        return self.service.catalogue

    @property
    def principal(self) -> Principal:
        """Return the identity that sent the command."""
        return self.session.principal

    @property
    def operands(self) -> list[str]:
        """Return the operands (the arguments that are not options)."""
        return self.options.operands

    @property
    def now(self) -> int:
        """Return the time, in POSIX milliseconds."""
        return self.service.now()

    def home(self) -> str:
        """Return the home of the effective user."""
        return self.catalogue.accounts.home(self.principal.name)

    def resolve(self, path: str) -> str:
        """Return the absolute path that an operand means."""
        return paths.resolve(path, self.session.cwd, self.home())

    def find(self, path: str) -> Entry | None:
        """Return the entry that an operand means."""
        return self.catalogue.names.get(self.resolve(path))

    def entry(self, path: str) -> Entry:
        """Return the entry that an operand means. Raises CommandFailedError 2 with the operand."""
        entry = self.find(path)
        if entry is None:
            raise CommandFailedError(2, path)
        return entry

    def expand(self, path: str) -> list[str]:
        """Return the absolute paths that an operand with wildcards means; without any, itself."""
        absolute = self.resolve(path)
        return paths.expand(absolute, self._children) if paths.has_wildcard(absolute) else [absolute]

    def silence_on(self, option: str) -> None:
        """Suppress texts and keys, but no errors, if the option was given."""
        if self.options.has(option):
            self.out.mute_text = self.out.mute_keys = True

    def may_write(self, entry: Entry) -> bool:
        """Return whether the user may change an entry."""
        return self.principal.may_write(entry.owner, entry.group, entry.perm)

    def _children(self, directory: str) -> list[tuple[str, bool]]:
        entry = self.catalogue.names.get(directory)
        if entry is None or not entry.is_directory:
            return []
        return [(child.name, child.is_directory) for child in self.catalogue.names.children(entry)]


@dataclass(frozen=True, slots=True)
class Command:
    """A command: its implementation, and how its arguments are parsed.

    `options` is None for a command without an option parser. `needs_arguments`: it requires an option or an operand.
    `hides_option_errors`: the command answers `Command not found` to options that do not parse.
    """

    run: Callable[[Call], Awaitable[None] | None]
    usage: str
    options: OptionSet | None = None
    needs_arguments: bool = True
    hides_option_errors: bool = False


NO_OPTIONS = option_set()
"""The option set of commands that have an option parser but no options."""
