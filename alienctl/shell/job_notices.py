"""Tells of transfer jobs above the shell's prompt: those that run when it starts, and each that ends."""

import select
import threading
import time
from collections.abc import Iterable

from alienctl import ClientError
from alienctl.grpc_call import Call
from alienctl.invocation import Invocation
from alienctl.local import wire_replies
from alienctl.transport import Connection
from alienctl.wire_messages import MessageError, bytes_field

_ENDS = {4: "has arrived", 5: "has arrived in part", 6: "has failed", 7: "is cancelled"}
"""`JobState` of the contract."""
_PAUSE = 5.0
"""Seconds until a daemon that is gone is looked for again; none is started for this."""


class Announcements(threading.Thread):
    """Watches all jobs in the background; says what there is to say while the prompt is shown."""

    def __init__(self, invocation: Invocation) -> None:
        super().__init__(daemon=True)
        self._invocation = invocation
        self._token = ""
        self._active: set[int] | None = None
        self._lock = threading.Lock()
        self._held: list[tuple[int, str]] = []
        self._own: set[int] = set()
        self._is_prompting = False

    def run(self) -> None:
        """Watch as long as the shell lives."""
        while True:
            try:
                self._watch()
            except (ClientError, MessageError, OSError):
                self._active = None if not self._token else self._active
            time.sleep(_PAUSE)

    def prompting(self) -> None:
        """From now on the prompt is shown: say what was held back."""
        with self._lock:
            self._is_prompting = True
            held, self._held = self._held, []
            for job, text in held:
                self._say(job, text)

    def busy(self) -> None:
        """Hold back notices while a command runs."""
        with self._lock:
            self._is_prompting = False

    def seen(self, jobs: Iterable[int]) -> None:
        """Record that the user has followed these jobs."""
        self._own.update(jobs)

    def _watch(self) -> None:
        call = Call(b"/aliend.v1.Transfers/Watch")
        call.send_message(bytes_field(2, self._token.encode()) if self._token else b"")
        call.close_sending()
        connection = Connection(self._invocation.socket, call)
        try:
            connection.flush()
            while not call.ended:
                select.select([connection], [], [])
                for message in connection.feed(connection.read()):
                    jobs, self._token = wire_replies.watched(message)
                    self._take(jobs)
            if not call.lost:
                self._token = ""  # of another database, or too old
        finally:
            connection.close()

    def _take(self, jobs: list[wire_replies.WatchedJob]) -> None:
        if self._active is None:
            self._active = {job.id for job in jobs if job.state not in _ENDS}
            if self._active:
                numbers = ", ".join(map(str, sorted(self._active)))
                self._tell(0, f"transfer jobs that have not ended: {numbers} (see: transfers list)")
            return
        for job in jobs:
            if job.state not in _ENDS:
                self._active.add(job.id)
            elif job.id in self._active:
                self._active.discard(job.id)
                self._tell(job.id, _sentence(job))

    def _tell(self, job: int, text: str) -> None:
        with self._lock:
            if self._is_prompting:
                self._say(job, text)
            else:
                self._held.append((job, text))

    def _say(self, job: int, text: str) -> None:
        if job not in self._own:
            print(text.encode("unicode_escape").decode() if not text.isprintable() else text)  # noqa: T201


def _sentence(job: wire_replies.WatchedJob) -> str:
    files = f"{job.done} file{'' if job.done == 1 else 's'}"
    failed = f", {job.failed} failed" if job.failed else ""
    return f"transfer job {job.id} {_ENDS[job.state]}: {files}{failed}, to {job.target}"
