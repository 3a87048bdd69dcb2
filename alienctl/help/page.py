"""The type of a command's help page, and its layout for a terminal of 80 columns."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

Table = tuple[tuple[str, str], ...]
EXIT_CODES: Table = (("0", "success"), ("22", "invalid arguments"), ("other", "the error code of the service"))
_WIDTH, _COLUMN = 80, 26


class Page:
    """One command: synopsis, purpose in one line, explanation, options, examples and exit codes."""

    def __init__(
        self,
        usage: str,
        summary: str,
        text: str = "",
        *,
        options: Table = (),
        examples: "Sequence[str]",
        exit_codes: Table = EXIT_CODES,
    ) -> None:
        self.usage = usage
        self.summary = summary
        self.options = options
        self.examples = examples
        self._text = text
        self._exit_codes = exit_codes

    @property
    def text(self) -> str:
        """Return the page below the purpose: explanation, options, examples and exit codes."""
        parts = [_wrapped(self._text)] if self._text else []
        if self.options:
            parts.append("\n".join(["Options", *rows(self.options)]))
        parts.append("\n".join(["Examples", *(f"    {example}" for example in self.examples)]))
        parts.append("\n".join(["Exit codes", *rows(self._exit_codes, 8)]))
        return "\n\n".join(parts)


def rows(table: Table, column: int = _COLUMN) -> list[str]:
    """Return the lines of a table: names indented by two, descriptions wrapped in a second column."""
    import textwrap

    lines = []
    for name, description in table:
        first, *others = textwrap.wrap(description, _WIDTH - column)
        if len(name) + 3 > column:
            lines.append(f"  {name}")
            lines.append(" " * column + first)
        else:
            lines.append(f"  {name}".ljust(column) + first)
        lines += [" " * column + line for line in others]
    return lines


def _wrapped(text: str) -> str:
    import textwrap

    return "\n".join(textwrap.fill(paragraph, _WIDTH) for paragraph in text.split("\n"))
