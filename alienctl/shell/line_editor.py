"""Completion and syntax highlighting for the line editor of the shell."""

import re
from collections.abc import Callable, Collection, Iterable

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.layout.screen import Char
from prompt_toolkit.lexers import Lexer
from prompt_toolkit.styles import Style

from alienctl.invocation import Invocation
from alienctl.shell import completion

STYLE = Style.from_dict(
    {
        "known": "ansigreen",
        "option": "ansicyan",
        "quoted": "ansiyellow",
        "shell": "ansimagenta",
        "comment": "ansibrightblack",
        "prompt": "bold",
        "rprompt": "ansired",
    }
)
_DIRECTING = map(chr, (0x061C, 0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x206A)))
"""Characters that change the direction of writing, or break the line; the library shows other control characters."""
Char.display_mappings.update((sign, f"<{ord(sign):04x}>") for sign in _DIRECTING)
_TOKEN = re.compile(
    r"""(?P<comment>^\s*\#.*)|(?P<shell>^\s*!.*|(?<=\s)\|(?=\s).*)|(?P<quoted>'[^']*'?|"(?:\\.|[^"\\])*"?)"""
    r"""|(?P<end>;)|(?P<option>(?<=\s)-[\w-]+)|(?P<blank>\s+)|(?P<word>(?:\\.|[^\s;'"])+|.)"""
)


class GridCompleter(Completer):
    """Offers the daemon's candidates; each replaces the whole word, with special characters escaped."""

    def __init__(self, invocation: Invocation) -> None:
        self._invocation = invocation

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        """Return the candidates for the word before the cursor."""
        line = document.text_before_cursor
        typed = completion.TypedLine(line)
        for name, description in completion.candidates(self._invocation, typed.words).items():
            shown = name.rstrip("/").rpartition("/")[2] + ("/" if name.endswith("/") else "")
            yield Completion(
                completion.quoted_with_space(name),
                typed.word_start - len(line),
                display=shown,
                display_meta=description,
            )


class SyntaxHighlighter(Lexer):
    """Colours known commands, options, quoted text, comments and parts that the user's shell runs."""

    def __init__(self, commands: Collection[str]) -> None:
        self._commands = commands

    def lex_document(self, document: Document) -> Callable[[int], StyleAndTextTuples]:
        """Return the coloured pieces of each line."""
        return lambda number: self._pieces(document.lines[number])

    def _pieces(self, line: str) -> StyleAndTextTuples:
        pieces: StyleAndTextTuples = []
        is_command = True
        for token in _TOKEN.finditer(line):
            kind = token.lastgroup or ""
            style = f"class:{kind}" if kind in ("comment", "shell", "quoted", "option") else ""
            if kind == "word" and is_command:
                style = "class:known" if token[0] in self._commands else ""
            is_command = kind == "end" or (is_command and (kind == "blank" or token[0] == "time"))
            pieces.append((style, token[0]))
        return pieces
