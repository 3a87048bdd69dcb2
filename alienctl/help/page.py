"""One command's page of the help."""


class Page:
    """How a command is called, what it does in a line, and more about it (may be empty)."""

    def __init__(self, usage: str, summary: str, text: str = "") -> None:
        self.usage = usage
        self.summary = summary
        self.text = text
