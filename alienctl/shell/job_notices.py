"""Prints notices about transfer jobs above the shell's prompt: jobs that run when it starts, and each job that ends."""

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

_END_STATES = {4: "is complete", 5: "is partly complete", 6: "has failed", 7: "is cancelled"}
"""`JobState` of the contract."""
_RECONNECT_AFTER = 5.0
"""Seconds before the next connection attempt after the daemon has ended; no daemon is started for this."""


class JobNotices(threading.Thread):
    """Watches all jobs in the background; prints notices only while the prompt is visible."""

    def __init__(self, invocation: Invocation) -> None:
        super().__init__(daemon=True)
        self._invocation = invocation
        self._token = ""
        self._knows_active = False
        self._ended: set[int] = set()
        self._lock = threading.Lock()
        self._held_back: list[tuple[int, str]] = []
        self._followed: set[int] = set()
        self._is_prompting = False

    def run(self) -> None:
        """Watch the jobs until the shell ends."""
        while True:
            try:
                self._watch()
            except (ClientError, MessageError, OSError):
                self._knows_active = self._knows_active and bool(self._token)
            time.sleep(_RECONNECT_AFTER)

    def show(self) -> None:
        """Print the notices that were held back, and later ones immediately."""
        with self._lock:
            self._is_prompting = True
            notices, self._held_back = self._held_back, []
            for job, text in notices:
                self._print(job, text)

    def hold_back(self) -> None:
        """Hold back notices while a command runs."""
        with self._lock:
            self._is_prompting = False

    def ignore_jobs(self, jobs: Iterable[int]) -> None:
        """Print no notices about these jobs, whose progress the user has seen."""
        self._followed.update(jobs)

    def _watch(self) -> None:
        call = Call(b"/aliend.v1.TransfersService/WatchJobs")
        call.send_message(bytes_field(2, self._token.encode()) if self._token else b"")
        call.close_sending()
        connection = Connection(self._invocation.socket, call)
        try:
            connection.flush()
            while not call.ended:
                select.select([connection], [], [])
                for message in connection.feed(connection.read()):
                    jobs, self._token = wire_replies.watch_response(message)
                    self._process(jobs)
            if not call.lost:
                self._token = ""  # of another database, or too old
        finally:
            connection.close()

    def _process(self, jobs: list[wire_replies.WatchedJob]) -> None:
        """Print the jobs of the snapshot, or those that have ended. A short job may have ended in its first message."""
        if not self._knows_active:
            self._knows_active = True
            if active := sorted(job.id for job in jobs if job.state not in _END_STATES):
                numbers = ", ".join(map(str, active))
                self._notify(0, f"active transfer jobs: {numbers} (list them with `transfers list`)")
            return
        for job in jobs:
            if job.state not in _END_STATES:
                self._ended.discard(job.id)
            elif job.id not in self._ended:
                self._ended.add(job.id)
                self._notify(job.id, _sentence(job))

    def _notify(self, job: int, text: str) -> None:
        with self._lock:
            if self._is_prompting:
                self._print(job, text)
            else:
                self._held_back.append((job, text))

    def _print(self, job: int, text: str) -> None:
        if job not in self._followed:
            print(text.encode("unicode_escape").decode() if not text.isprintable() else text)  # noqa: T201


def _sentence(job: wire_replies.WatchedJob) -> str:
    files = f"{job.done} file{'' if job.done == 1 else 's'}"
    failed = f", {job.failed} failed" if job.failed else ""
    return f"transfer job {job.id} {_END_STATES[job.state]}: {files}{failed}, to {job.target}"
