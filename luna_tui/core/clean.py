"""Make text from outside harmless to a terminal; the event boundary and every label pass through here."""

from __future__ import annotations

import re
import unicodedata

REPLACEMENT = "\ufffd"
"""Stands where a character was that a terminal might obey."""
TAB = "    "
MAX_COMBINING = 2
"""Combining marks kept after one character."""
HELD_BACK = 2_048
"""Characters of an unfinished escape sequence that wait for the next chunk: the longest hyperlink in use."""

# No class below matches an introducer (ESC, C1), so a scan ends where the next one could begin and
# the whole stays linear; the limit of HELD_BACK is checked on the match.
_STRING = "[^\x07\x1b\x80-\x9f\n]*+"
_SEQUENCE = re.compile(
    "\x1b\\[[0-?]*+[ -/]*+[@-~]"
    f"|\x1b[\\]PX^_]{_STRING}(?:\x07|\x1b\\\\|\x9c)"
    "|\x9b[0-?]*+[ -/]*+[@-~]"
    f"|[\x9d\x90\x98\x9e\x9f]{_STRING}(?:\x07|\x1b\\\\|\x9c)"
    "|\x1b[ -/]++[0-~]"
    "|\x1b[0-OQ-WYZ\\\\`-~]"
)
"""CSI; OSC, DCS, SOS, PM and APC with their payload; the same from C1; two-character escapes."""
_UNFINISHED = re.compile(
    "(?:"
    "\x1b\\[[0-?]*+[ -/]*+"
    f"|\x1b[\\]PX^_]{_STRING}\x1b?"
    "|\x9b[0-?]*+[ -/]*+"
    f"|[\x9d\x90\x98\x9e\x9f]{_STRING}\x1b?"
    "|\x1b[ -/]*+"
    ")\\Z"
)
_FORBIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164"
    "\ud800-\udfff\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
"""C0 but newline, DEL, C1, bidi, zero-width, line separators, surrogates, variation selectors, tags."""
_HARMLESS = re.compile(
    "[\n\x20-\x7e\u00a0-\u00ac\u00ae-\u02ff\u0370-\u0482\u048a-\u0590"
    "\u2010-\u2027\u2030-\u205e\u2070-\u20cf\u2100-\u2ce9\u3001-\u3029\u3030-\u3098\u309b-\u3163"
    "\u3165-\ua66e\uac00-\ud7a3\ue000-\ufaff\U0001f000-\U0001faff]++"
)
"""Runs that need no closer look: nothing forbidden and no combining mark in them."""
_SUSPECT = re.compile("[^\n\x20-\x7e]")
_SYMBOLS = (
    {n: 0x2400 + n for n in range(32) if n not in (9, 10)}
    | {127: 0x2421}
    | dict.fromkeys(range(0x80, 0xA0), ord(REPLACEMENT))
)
"""Pictures of the control characters; C1 has none."""


def clean(text: str) -> str:
    """`text` with nothing in it that a terminal would obey.

    Escape sequences vanish whole; any other dangerous character becomes U+FFFD. Tabs become
    spaces; `\\r\\n` and a lone `\\r` become a line end, so a progress bar reads as one line a step.
    """
    if not _SUSPECT.search(text):
        return text
    cleaner = Cleaner()
    return cleaner.feed(text) + cleaner.flush()


def clean_line(text: str) -> str:
    """`clean` for a label: one line, no space at its ends."""
    return " ".join(clean(text).split())


def short_line(text: str, most: int) -> str:
    """`clean_line`, of at most `most` characters, the last of which is `…` where something is left out."""
    line = clean_line(text[: 4 * most])
    if len(line) <= most and len(text) <= 4 * most:
        return line
    return f"{line[: most - 1]}…"


def visible(text: str) -> str:
    """The text with a symbol for everything that a terminal would obey or hide: nothing is left out.

    For what somebody decides by: of `clean`, what an escape sequence hides would be decided unseen.
    """
    return "\t".join(clean(part) for part in text.translate(_SYMBOLS).split("\t"))


class Cleaner:
    """`clean` for text that arrives in chunks: where the chunks are cut makes no difference.

    Up to `HELD_BACK` characters of an unfinished escape sequence wait for the next chunk; of a
    longer one the first character is replaced and the rest is shown as text. One thread at a time.
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
            run = None if self._after_return else _HARMLESS.match(text, place)
            if run is not None:
                self._marks = 0
                out.append(run[0])
                place = run.end()
                continue
            end = self._sequence_end(text, place, last=last)
            if end is None:
                self._held = text[place:]
                break
            if end == place:
                out.append(self._one(text[place]))
                end += 1
            place = end
        return "".join(out)

    def _sequence_end(self, text: str, place: int, *, last: bool) -> int | None:
        """Where the escape sequence at `place` ends; `place` if there is none; None if more is needed."""
        if text[place] not in "\x1b\x90\x98\x9b\x9d\x9e\x9f":
            return place
        match = _SEQUENCE.match(text, place)
        if match is not None and match.end() - place <= HELD_BACK:
            return match.end()
        if not last and len(text) - place <= HELD_BACK and _UNFINISHED.match(text, place):
            return None
        return place

    def _one(self, char: str) -> str:
        if char == "\n" and self._after_return:
            self._after_return = False
            return ""
        self._after_return = char == "\r"
        if unicodedata.category(char) in ("Mn", "Me") and not _FORBIDDEN.match(char):
            self._marks += 1
            return char if self._marks <= MAX_COMBINING else ""
        self._marks = 0
        if char == "\r":
            return "\n"
        if char == "\t":
            return TAB
        return REPLACEMENT if _FORBIDDEN.match(char) else char
