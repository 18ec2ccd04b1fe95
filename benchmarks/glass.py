"""A model of a terminal: what its user sees of the bytes it was sent, and what it answers."""

from __future__ import annotations

import codecs
import re
import unicodedata

_TOKEN = re.compile(
    "\x1b\\[(?P<private>[?<>=]?)(?P<numbers>[\\d;:]*)(?P<between>[ -/]*)(?P<final>[@-~])"
    "|\x1b\\](?:[^\x07\x1b]*)(?:\x07|\x1b\\\\)|\x1b[()].|\x1b[^\\[\\]()]"
)
_PART = re.compile("\x1b(?:\\[[?<>=]?[\\d;:]*[ -/]*|\\][^\x07\x1b]*|[()])?\x1b?$")
Look = tuple[str, ...]
"""SGR parameters in force."""


class Glass:
    """Cells of a screen; never more of a terminal than the dashboard uses."""

    def __init__(self, width: int, height: int, *, answers: bool = True) -> None:
        self.width = width
        self.height = height
        self.answers = answers
        """Answers questions for the cursor's place."""
        self.cells = [[" "] * width for _ in range(height)]
        self.looks: list[list[Look]] = [[()] * width for _ in range(height)]
        self.row = self.column = 0
        self._pen: Look = ()
        self._last = (0, 0)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""

    def feed(self, raw: bytes) -> bytes:
        """Show these bytes; what the terminal answers."""
        text = self._rest + self._decoder.decode(raw)
        part = _PART.search(text)
        self._rest = text[part.start() :] if part else ""
        text = text[: part.start()] if part else text
        at = 0
        answers: list[str] = []
        for token in _TOKEN.finditer(text):
            self._write(text[at : token.start()])
            at = token.end()
            if token["final"]:
                answers.append(self._control(token["private"], token["numbers"], token["final"]))
        self._write(text[at:])
        return "".join(answers).encode()

    def lines(self) -> list[str]:
        """What can be read."""
        return ["".join(row) for row in self.cells]

    def shows(self, text: str) -> bool:
        """Whether a row has this text."""
        return any(text in line for line in self.lines())

    def _control(self, private: str, numbers: str, final: str) -> str:
        given = [int(n) if n.isdecimal() else 0 for n in numbers.split(";")] if not private else [0]
        first = given[0]
        match final if not private else "":
            case "H":
                self.row = min(self.height, max(1, first)) - 1
                self.column = min(self.width, max(1, given[1] if len(given) > 1 else 1)) - 1
            case "G":
                self.column = min(self.width, max(1, first)) - 1
            case "K":
                self._erase(self.row, self.column)
            case "J" if first == 2:
                for row in range(self.height):
                    self._erase(row, 0)
            case "m":
                self._style(numbers)
            case "n" if first == 6 and self.answers:
                return f"\x1b[{self.row + 1};{self.column + 1}R"
        return ""

    def _erase(self, row: int, begin: int) -> None:
        self.cells[row][begin:] = [" "] * (self.width - begin)
        self.looks[row][begin:] = [self._pen] * (self.width - begin)

    def _style(self, numbers: str) -> None:
        codes = numbers.split(";") if numbers else ["0"]
        if codes[0] in ("", "0"):
            self._pen, codes = (), codes[1:]
        self._pen = (*self._pen, *codes)

    def _write(self, text: str) -> None:
        for character in text:
            if character == "\n":
                self.row = min(self.height - 1, self.row + 1)
            elif character == "\r":
                self.column = 0
            elif character >= " ":
                self._put(character)

    def _put(self, character: str) -> None:
        if unicodedata.combining(character):
            self.cells[self._last[0]][self._last[1]] += character
            return
        width = 2 if unicodedata.east_asian_width(character) in "WF" else 1
        end = min(self.width, self.column + width)
        self._last = self.row, self.column
        for at in range(self.column, end):
            self.cells[self.row][at] = character if at == self.column else ""
            self.looks[self.row][at] = self._pen
        self.column = min(self.width - 1, end)
