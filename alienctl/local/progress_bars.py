"""Shows the progress of a transfer job on the terminal: one bar per file, and one for the whole job."""

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
from rich.table import Column
from rich.text import Text

from alienctl.local import wire_replies

_SHORTEST_NAME, _LONGEST_NAME = 10, 40
_OTHER_COLUMNS = 55
"""Columns that the rest of a line needs: sizes, rate, time, and a visible bar."""


class _Rate(ProgressColumn):
    """Bytes per second in the units of the sizes beside it."""

    def render(self, task: Task) -> Text:
        """Return the rate of the last seconds; the daemon measures that of the whole job."""
        rate = int(task.fields.get("rate", task.speed) or 0)
        unit, suffix = filesize.pick_unit_and_suffix(rate, ["B/s", "KiB/s", "MiB/s", "GiB/s"], 1024)
        return Text(f"{rate / unit:.1f} {suffix}", style="progress.data.speed")


class _TimeLeft(TimeRemainingColumn):
    """The remaining time; for the whole job, the daemon's estimate."""

    def render(self, task: Task) -> Text:
        """Return the time."""
        if "left" not in task.fields:
            return super().render(task)
        minutes, seconds = divmod(task.fields["left"], 60)
        hours, minutes = divmod(minutes, 60)
        text = f"{hours}:{minutes:02}:{seconds:02}" if task.fields["left"] else "-:--:--"
        return Text(text, style="progress.remaining")


class Display:
    """Bars on standard output, drawn by `show`, without a thread.

    Each bar is one line as wide as the terminal, so that the number of rows after a resize is known.
    """

    def __init__(self) -> None:
        self._console = Console()
        self._bars = Progress(
            TextColumn("{task.description}", markup=False, table_column=_single_line()),
            BarColumn(None, table_column=Column(ratio=1, min_width=4)),
            DownloadColumn(binary_units=True, table_column=_single_line()),
            _Rate(table_column=_single_line()),
            _TimeLeft(table_column=_single_line()),
            console=self._console,
            auto_refresh=False,
            transient=True,
            expand=True,
        )
        self._files: dict[int, TaskID] = {}
        self._total = self._bars.add_task("all", total=None)
        self._width = self._console.width
        self._lines = 1
        self._bars.start()

    def show(self, content: bytes) -> None:
        """Draw the RunProgress in `content`."""
        self._clear_wrapped_lines()
        progress = wire_replies.run_progress(content)
        moving = {file.id for file in progress.files}
        for gone in self._files.keys() - moving:
            self._bars.remove_task(self._files.pop(gone))
        for file in progress.files:
            task = self._files.get(file.id)
            if task is None:
                task = self._files[file.id] = self._bars.add_task("", total=None)
            name = _shortened(file.name, min(_LONGEST_NAME, max(_SHORTEST_NAME, self._width - _OTHER_COLUMNS)))
            self._bars.update(task, description=name, completed=file.bytes_done, total=file.bytes_total or None)
        self._bars.update(
            self._total,
            description=_file_counts(progress),
            completed=progress.bytes_done,
            total=progress.bytes_total or None,
            rate=progress.bytes_per_second,
            left=progress.seconds_left,
        )
        self._lines = min(len(self._bars.tasks), self._console.height)
        self._bars.refresh()

    def close(self) -> None:
        """Remove the bars and restore the terminal."""
        self._clear_wrapped_lines()
        self._bars.stop()

    def _clear_wrapped_lines(self) -> None:
        """Clear lines that wrapped when the terminal became narrower; move the cursor to its row before the wrap."""
        before, self._width = self._width, self._console.width
        if before > self._width:
            above = self._lines - 1
            rows = self._lines * -(-before // self._width)
            self._console.file.write("\r" + (f"\x1b[{rows - 1}A" if rows > 1 else "") + "\x1b[J" + "\n" * above)
            self._console.file.flush()


def _single_line() -> Column:
    return Column(no_wrap=True, overflow="ellipsis")


def _file_counts(progress: wire_replies.RunProgress) -> str:
    failed = f", {progress.files_failed} failed" if progress.files_failed else ""
    return f"{progress.files_done} of {progress.files_total} files{failed}"


def _shortened(name: str, longest: int) -> str:
    """Return the name, shortened to fit beside a bar and without control characters."""
    printable = "".join(character if character.isprintable() else "?" for character in name)
    return printable if len(printable) <= longest else f"...{printable[3 - longest :]}"
