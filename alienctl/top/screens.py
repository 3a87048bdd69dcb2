"""The windows over the live view: the files of a job, why they wait, a question, a line of input, the keys."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import DataTable, Input, Static

from alienctl.top.rows import FILE_COLUMNS, File, file_cells, head_text, short
from alienctl.top.source import SourceError

_REFRESH = 1.0
"""Seconds between two looks at the files of a job."""


class TextScreen(ModalScreen[None]):
    """Lines of text; any of the usual keys closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,enter,w,question_mark", "dismiss", "close")]

    def __init__(self, title: str, lines: Sequence[str]) -> None:
        super().__init__()
        self._title = title
        self._lines = lines

    def compose(self) -> ComposeResult:
        """Show the lines."""
        with VerticalScroll(classes="window"):
            yield Static(Text(self._title, style="bold"))
            yield Static(Text("\n".join(self._lines)), id="text")


class QuestionScreen(ModalScreen[bool]):
    """A question that is answered with y or n."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "yes"),
        Binding("n,escape,q", "answer(False)", "no"),
    ]

    def __init__(self, question: str) -> None:
        super().__init__()
        self._question = question

    def compose(self) -> ComposeResult:
        """Show the question."""
        with Vertical(classes="window small"):
            yield Static(Text(f"{self._question} (y/n)"))

    def action_answer(self, answer: bool) -> None:
        """Close with the answer."""
        self.dismiss(answer)


class InputScreen(ModalScreen[str]):
    """A line of input; empty if the user leaves it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "cancel", "cancel")]

    def __init__(self, question: str) -> None:
        super().__init__()
        self._question = question

    def compose(self) -> ComposeResult:
        """Show the question and the input."""
        with Vertical(classes="window small"):
            yield Static(Text(self._question))
            yield Input()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Close with the text."""
        self.dismiss(event.value)

    def action_cancel(self) -> None:
        """Close without a text."""
        self.dismiss("")


class FilesScreen(ModalScreen[None]):
    """The files of a job, the running ones first, refreshed while it is open."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q", "dismiss", "close")]

    def __init__(self, title: str, load: Callable[[], Awaitable[list[File]]]) -> None:
        super().__init__()
        self._title = title
        self._load = load
        self._files: list[File] = []

    def compose(self) -> ComposeResult:
        """Show the table, and the message of the selected file."""
        with Vertical(classes="window"):
            yield Static(Text(short(self._title, 76), style="bold"))
            yield DataTable[Text](cursor_type="row", cell_padding=0, id="files")
            yield Static("asking the daemon", id="file-message")

    def on_mount(self) -> None:
        """Fill the table, and refresh it from now on."""
        table = self._table()
        for head, width in FILE_COLUMNS:
            table.add_column(head_text(head, width), width=width + 1)
        table.focus()
        self.run_worker(self._refresh_forever())

    async def _refresh_forever(self) -> None:
        while True:
            await self.refresh_files()
            await asyncio.sleep(_REFRESH)

    async def refresh_files(self) -> None:
        """Show the files as they are now; the selected line stays."""
        try:
            self._files = await self._load()
        except SourceError as error:
            self._set_message(str(error))
            return
        table = self._table()
        at, top = table.cursor_row, table.scroll_y
        table.clear()
        for file in self._files:
            table.add_row(*map(Text, file_cells(file)))
        table.move_cursor(row=at, animate=False)
        table.scroll_to(y=top, animate=False)
        self._show_message()

    def on_data_table_row_highlighted(self, _event: DataTable.RowHighlighted) -> None:
        """Show the message of the selected file."""
        self._show_message()

    def _show_message(self) -> None:
        row = self._table().cursor_row
        file = self._files[row] if row < len(self._files) else None
        text = f"{file.name}: {file.message}" if file and file.message else file.name if file else "no files yet"
        self._set_message(short(text, 300))

    def _set_message(self, text: str) -> None:
        for line in self.query("#file-message").results(Static):  # none while the window opens or closes
            line.update(Text(text))

    def _table(self) -> DataTable[Text]:
        return self.query_one("#files", DataTable)
