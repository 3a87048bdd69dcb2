"""The live view of the transfer queue: jobs, storage elements, and keys that control the selected job.

It shows what the daemon reports once a second; the daemon measures the running workers ten times a second.
"""

import asyncio
from contextlib import suppress
from typing import ClassVar

from rich.text import Text
from textual import work
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.coordinate import Coordinate
from textual.css.query import NoMatches
from textual.widgets import DataTable, Static

from alienctl.top.rows import (
    ELEMENT_COLUMNS,
    JOB_COLUMNS,
    Job,
    Snapshot,
    element_cells,
    head_text,
    job_cells,
    job_line,
    reason_line,
    summary,
)
from alienctl.top.screens import FilesScreen, InputScreen, QuestionScreen, TextScreen
from alienctl.top.source import Source, SourceError

_REFRESH = 1.0
"""Seconds between two looks at the queue."""
_KEYS = "p pause  r resume  c cancel  t retry  +/- priority  l limits  w why  ? keys  q"
_HELP = (
    "up, down   select a job",
    "enter      files of the job, the running ones first; escape goes back",
    "w          why files of the job wait",
    "p, r       pause and resume the job",
    "c          cancel the job, after a question",
    "t          retry its failed and cancelled files",
    "+, -       change its priority by one; higher starts first",
    "l          set limits, as in: files=8 rate=20M ALICE::X::SE=2",
    "q          leave; the jobs continue",
)


class TopApp(App[None]):
    """The view; `source` is the queue, `title` names it."""

    ENABLE_COMMAND_PALETTE = False
    CSS = """
    #summary, #keys { height: 1; }
    #jobs { height: 1fr; }
    #elements { height: auto; max-height: 7; }
    #detail { height: 2; }
    ModalScreen { align: center middle; }
    .window { width: 80; max-width: 100%; height: 90%; border: round; padding: 0 1; }
    .small { height: auto; }
    #files { height: 1fr; }
    #file-message { height: 2; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "quit", "leave"),
        Binding("p", "change('pause')", "pause"),
        Binding("r", "change('resume')", "resume"),
        Binding("c", "cancel", "cancel"),
        Binding("t", "change('retry')", "retry"),
        Binding("plus", "priority(1)", "priority up"),
        Binding("minus", "priority(-1)", "priority down"),
        Binding("l", "limits", "limits"),
        Binding("w", "reasons", "why"),
        Binding("question_mark", "keys", "keys"),
    ]

    def __init__(self, source: Source, title: str) -> None:
        super().__init__()
        self._source = source
        self._title = title
        self._jobs: list[Job] = []
        self._shown: list[int] = []

    def compose(self) -> ComposeResult:
        """Arrange the view."""
        yield Static(id="summary")
        yield DataTable[Text](cursor_type="row", cell_padding=0, id="jobs")
        yield Static(id="detail")
        yield DataTable[Text](cursor_type="none", cell_padding=0, id="elements")
        yield Static(Text(_KEYS), id="keys")

    def on_mount(self) -> None:
        """Show the queue, and refresh it from now on."""
        for name, columns in (("#jobs", JOB_COLUMNS), ("#elements", ELEMENT_COLUMNS)):
            for at, (head, width) in enumerate(columns):
                self._table(name).add_column(head_text(head, width), width=width + (at < len(columns) - 1))
        self._table("#elements").can_focus = False
        self._table("#jobs").focus()
        self.run_worker(self._refresh_forever())

    async def on_unmount(self) -> None:
        """Close the connection."""
        await self._source.close()

    async def _refresh_forever(self) -> None:
        """Refresh beside the keys, which a slow daemon must not delay."""
        while True:
            await self.refresh_queue()
            await asyncio.sleep(_REFRESH)

    async def refresh_queue(self) -> None:
        """Show the queue as it is now, or why it is not known."""
        with suppress(NoMatches, IndexError):  # the view was closed meanwhile
            try:
                snapshot = await self._source.snapshot()
            except SourceError as error:
                self._static("#summary").update(Text(f"{self._title}: {error}"))
                return
            self._static("#summary").update(Text(summary(snapshot, self._title)))
            self._show_jobs(snapshot)
            self._show_elements(snapshot)

    def _show_jobs(self, snapshot: Snapshot) -> None:
        """Show the jobs; the selected one stays selected."""
        table = self._table("#jobs")
        selected = self._selected()
        self._jobs = snapshot.jobs
        numbers = [job.id for job in snapshot.jobs]
        if numbers == self._shown:
            for row, job in enumerate(snapshot.jobs):
                for column, cell in enumerate(job_cells(job)):
                    at = Coordinate(row, column)
                    if table.get_cell_at(at).plain != cell:
                        table.update_cell_at(at, Text(cell))
        else:
            self._shown = numbers
            table.clear()
            for job in snapshot.jobs:
                table.add_row(*map(Text, job_cells(job)))
            if selected and selected.id in numbers:
                table.move_cursor(row=numbers.index(selected.id), animate=False)
        self._show_detail()

    def _show_elements(self, snapshot: Snapshot) -> None:
        table = self._table("#elements")
        top = table.scroll_y
        table.clear()
        for element in snapshot.elements:
            table.add_row(*map(Text, element_cells(element)))
        table.scroll_to(y=top, animate=False)

    def _show_detail(self) -> None:
        job = self._selected()
        text = job_line(job) if job else "no transfer jobs; copy with `alienctl cp --detach`"
        self._static("#detail").update(Text(text))

    def on_data_table_row_highlighted(self, event: DataTable.RowHighlighted) -> None:
        """Show the details of the selected job."""
        if event.data_table.id == "jobs":
            self._show_detail()

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        """Show the files of the selected job."""
        job = self._selected()
        if job and event.data_table.id == "jobs":
            self.push_screen(FilesScreen(job_line(job), lambda: self._source.files(job.id)))

    @work
    async def action_change(self, verb: str) -> None:
        """Pause, resume or retry the selected job."""
        await self._change(verb)

    @work
    async def action_cancel(self) -> None:
        """Cancel the selected job, after a question."""
        job = self._selected()
        if job is None:
            return
        is_sure = await self.push_screen_wait(QuestionScreen(f"cancel job {job.id} to {job.target}?"))
        if is_sure:
            await self._change("cancel", job)

    @work
    async def action_priority(self, by: int) -> None:
        """Change the priority of the selected job."""
        if job := self._selected():
            try:
                await self._source.set_priority(job.id, job.priority + by)
            except SourceError as error:
                self.notify(str(error), severity="error", markup=False)
            await self.refresh_queue()

    @work
    async def action_limits(self) -> None:
        """Set limits that the user types."""
        limits = (await self.push_screen_wait(InputScreen("limits, as in: files=8 rate=20M (default resets)"))).split()
        if limits:
            try:
                await self._source.set_limits(limits)
            except SourceError as error:
                self.notify(str(error), severity="error", markup=False)
            await self.refresh_queue()

    @work
    async def action_reasons(self) -> None:
        """Show why files of the selected job wait."""
        if job := self._selected():
            try:
                lines = list(map(reason_line, await self._source.reasons(job.id))) or ["no file is waiting"]
            except SourceError as error:
                lines = [str(error)]
            await self.push_screen(TextScreen(f"why files of job {job.id} wait", lines))

    def action_keys(self) -> None:
        """List the keys."""
        self.push_screen(TextScreen("keys", _HELP))

    async def _change(self, verb: str, job: Job | None = None) -> None:
        job = job or self._selected()
        if job is None:
            return
        try:
            await self._source.change(verb, job.id)
        except SourceError as error:
            self.notify(str(error), severity="error", markup=False)
        await self.refresh_queue()

    def _selected(self) -> Job | None:
        row = self._table("#jobs").cursor_row
        return self._jobs[row] if row < len(self._jobs) else None

    def _table(self, name: str) -> DataTable[Text]:
        return self.screen_stack[0].query_one(name, DataTable)

    def _static(self, name: str) -> Static:
        return self.screen_stack[0].query_one(name, Static)
