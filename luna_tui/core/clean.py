"""Make text from outside harmless to a terminal; the event boundary and every label pass through here."""

from __future__ import annotations

import re
import unicodedata

REPLACEMENT = "\ufffd"
"""Stands where a character was that a terminal might obey."""
TAB = "    "
MAX_COMBINING = 2
"""Combining marks kept after one character."""
HELD_BACK = 64
"""Characters of an unfinished escape sequence that wait for the next chunk."""

_STRING = "[^\x07\x1b\x9c\n]"
_SEQUENCE = re.compile(
    "\x1b\\[[0-?]*[ -/]*[@-~]"
    f"|\x1b[\\]PX^_]{_STRING}*(?:\x07|\x1b\\\\|\x9c)"
    "|\x9b[0-?]*[ -/]*[@-~]"
    f"|[\x9d\x90\x98\x9e\x9f]{_STRING}*(?:\x07|\x1b\\\\|\x9c)"
    "|\x1b[ -/]+[0-~]"
    "|\x1b[0-OQ-WYZ\\\\`-~]"
)
"""CSI; OSC, DCS, SOS, PM and APC with their payload; the same from C1; two-character escapes."""
_UNFINISHED = re.compile(
    "(?:"
    "\x1b\\[[0-?]*[ -/]*"
    f"|\x1b[\\]PX^_]{_STRING}*\x1b?"
    "|\x9b[0-?]*[ -/]*"
    f"|[\x9d\x90\x98\x9e\x9f]{_STRING}*\x1b?"
    "|\x1b[ -/]*"
    ")\\Z"
)
_FORBIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"
    "\u00ad\u061c\u115f\u1160\u17b4\u17b5\u180e"
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164"
    "\ud800-\udfff\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb"
    "\U000e0000-\U000e0fff]"
)
"""C0 but newline, DEL, C1, bidi, zero-width, line separators, surrogates, variation selectors, tags."""
_SUSPECT = re.compile("[^\n\x20-\x7e]")


def clean(text: str) -> str:
    """`text` with nothing in it that a terminal would obey; newlines stay, tabs become spaces."""
    if not _SUSPECT.search(text):
        return text
    cleaner = Cleaner()
    return cleaner.feed(text) + cleaner.flush()


def clean_line(text: str) -> str:
    """`clean` for a label: one line, no space at its ends."""
    return " ".join(clean(text).split())


class Cleaner:
    """`clean` for text that arrives in chunks: where the chunks are cut makes no difference.

    Up to `HELD_BACK` characters of an unfinished escape sequence wait for the next chunk; a
    longer one is not a sequence any terminal finishes, so its first character is replaced.
    """

    def __init__(self) -> None:
        self._held = ""
        self._after_return = False
        self._marks = 0

    def feed(self, chunk: str) -> str:
        """The clean text that is certain by now."""
        if not self._held and not self._after_return and not _SUSPECT.search(chunk):
            self._marks = 0 if chunk else self._marks
            return chunk
        return self._take(self._held + chunk, last=False)

    def flush(self) -> str:
        """The rest; nothing follows."""
        return self._take(self._held, last=True)

    def _take(self, text: str, *, last: bool) -> str:
        self._held = ""
        out: list[str] = []
        place = 0
        while place < len(text):
            char = text[place]
            if char in "\x1b\x90\x98\x9b\x9d\x9e\x9f":
                match = _SEQUENCE.match(text, place)
                if match is not None and match.end() - place <= HELD_BACK:
                    place = match.end()
                    continue
                tail = text[place:]
                if not last and len(tail) <= HELD_BACK and _UNFINISHED.match(tail):
                    self._held = tail
                    break
            out.append(self._one(char))
            place += 1
        return "".join(out)

    def _one(self, char: str) -> str:
        if char == "\r":
            self._after_return = True
            return "\n"
        if char == "\n" and self._after_return:
            self._after_return = False
            return ""
        self._after_return = False
        if char == "\t":
            return TAB
        if " " <= char <= "~" or char == "\n":
            self._marks = 0
            return char
        if unicodedata.combining(char):
            self._marks += 1
            return char if self._marks <= MAX_COMBINING else ""
        self._marks = 0
        return REPLACEMENT if _FORBIDDEN.match(char) else char
