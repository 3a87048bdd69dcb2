"""Shows the progress of a transfer job on the terminal: a bar per file, and one for all."""

from rich import filesize
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from alienctl.local import replies


class _Rate(ProgressColumn):
    """Bytes per second in the units of the sizes beside it."""

    def render(self, task: Task) -> Text:
        """The rate of the last seconds."""
        rate = int(task.speed or 0)
        unit, suffix = filesize.pick_unit_and_suffix(rate, ["B/s", "KiB/s", "MiB/s", "GiB/s"], 1024)
        return Text(f"{rate / unit:.1f} {suffix}", style="progress.data.speed")


class Display:
    """Bars on standard output, drawn when something is shown (no thread of their own)."""

    def __init__(self) -> None:
        self._bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            DownloadColumn(binary_units=True),
            _Rate(),
            TimeRemainingColumn(),
            console=Console(),
            auto_refresh=False,
            transient=True,
        )
        self._files: dict[int, TaskID] = {}
        self._total = self._bars.add_task("all", total=None)
        self._bars.start()

    def show(self, content: bytes) -> None:
        """Draw the RunProgress in `content`."""
        progress = replies.run_progress(content)
        moving = {file.id for file in progress.files}
        for gone in self._files.keys() - moving:
            self._bars.remove_task(self._files.pop(gone))
        for file in progress.files:
            task = self._files.get(file.id)
            if task is None:
                task = self._files[file.id] = self._bars.add_task(_short(file.name), total=None)
            self._bars.update(task, completed=file.bytes_done, total=file.bytes_total or None)
        self._bars.update(
            self._total,
            description=_counted(progress),
            completed=progress.bytes_done,
            total=progress.bytes_total or None,
        )
        self._bars.refresh()

    def close(self) -> None:
        """Take the bars away and leave the terminal as it was."""
        self._bars.stop()


def _counted(progress: replies.RunProgress) -> str:
    failed = f", {progress.files_failed} failed" if progress.files_failed else ""
    return f"{progress.files_done} of {progress.files_total} files{failed}"


def _short(name: str) -> str:
    """A name as it fits beside a bar, without control characters."""
    printable = "".join(character if character.isprintable() else "?" for character in name)
    return printable if len(printable) <= 40 else f"...{printable[-37:]}"
