"""Let a paste through whole or not at all: one that never ends must not keep the keyboard."""

from __future__ import annotations

START = "\x1b[200~"
END = "\x1b[201~"
LIMIT = 65_536
"""Characters of a paste that are kept; the rest is dropped."""
QUIET_TICKS = 20
"""Ticks without input after which an unfinished paste is closed."""


class PasteGate:
    """Stands before the key parser, which would collect an unfinished paste for ever."""

    def __init__(self) -> None:
        self._open = False
        self._held = ""
        self._recent = ""
        self._quiet = 0

    def take(self, text: str) -> str:
        """What the parser may see now; the content of a paste only when it is complete."""
        self._quiet = 0
        out: list[str] = []
        while text:
            text = self._inside(text, out) if self._open else self._outside(text, out)
        return "".join(out)

    def tick(self) -> str:
        """Call when no input came for a poll; closes a paste that has been quiet for too long."""
        if not self._open:
            return ""
        self._quiet += 1
        return self._close(self._held) if self._quiet >= QUIET_TICKS else ""

    def _outside(self, text: str, out: list[str]) -> str:
        seen = self._recent + text
        at = seen.find(START)
        if at < 0:
            out.append(text)
            self._recent = seen[-(len(START) - 1) :]
            return ""
        cut = at + len(START) - len(self._recent)
        out.append(text[:cut])
        self._open, self._recent = True, ""
        return text[cut:]

    def _inside(self, text: str, out: list[str]) -> str:
        self._held += text
        at = self._held.find(END)
        if at < 0:
            if len(self._held) > LIMIT + len(END):
                self._held = self._held[:LIMIT] + self._held[1 - len(END) :]
            return ""
        rest = self._held[at + len(END) :]
        out.append(self._close(self._held[:at]))
        return rest

    def _close(self, content: str) -> str:
        self._open, self._held = False, ""
        return content[:LIMIT].replace("\x1b", "") + END
