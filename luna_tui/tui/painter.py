"""Between Textual, which says what is to be seen, and the terminal, which is sent what it can take."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from time import monotonic

from rich.color import ColorSystem
from rich.segment import Segment
from rich.style import Style
from textual._ansi_sequences import SYNC_END, SYNC_START
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.geometry import Offset, Size
from textual.strip import Strip

from luna_tui.tui.canvas import Canvas, Ink, Piece
from luna_tui.tui.pace import PROBES, Pacer

Update = LayoutUpdate | ChopsUpdate
"""The whole screen, or parts of it."""
KEY_S = 0.2
"""What is painted within this after a key is taken for its effect."""
ASK = "\x1b[6n"
ASK_ROW = 2
"""Where the cursor stands when it is asked for: no key looks like an answer from this row."""


class Painter:
    """Keeps what should be seen; sends the difference when the pacer has room. On the app's thread only."""

    def __init__(self, pacer: Pacer, write: Callable[[str], int]) -> None:
        """`write` queues text and returns its bytes, or 0 when it was dropped."""
        self.pacer = pacer
        self.synchronized = False
        """The terminal draws what comes between two marks at once."""
        self._write = write
        self._ours = False
        self._canvas = Canvas(0, 0)
        self._colours = ColorSystem.TRUECOLOR
        self._cursor = Offset(0, 0)
        self._key_at = float("-inf")
        self._first: set[int] = set()

    def pressed(self) -> None:
        """A key came: what is painted next answers it."""
        self._key_at = monotonic()

    def take(self, update: Update, size: Size, cursor: Offset, colours: ColorSystem) -> None:
        """What the screen should show from now on."""
        if (size.width, size.height) != (self._canvas.width, self._canvas.height):
            self._canvas = Canvas(size.width, size.height)
        if colours is not self._colours:
            self._colours = colours
            self._canvas.forget()
        self._cursor = cursor
        rows = self._layout(update) if isinstance(update, LayoutUpdate) else self._chops(update)
        if self._urgent(monotonic()):
            self._first |= rows
        self.flush()

    def forget(self) -> None:
        """The terminal may show anything: send it all again."""
        self._canvas.forget()
        self.flush()

    def flush(self) -> None:
        """Send what there is room for; call again when there may be more."""
        now = monotonic()
        if self._ours and not self._canvas.settled:
            room = self.pacer.room(now, urgent=self._urgent(now) or bool(self._first))
            if room > 0:
                self._send(self._canvas.changes(room, self._first), now)
        if self._canvas.settled:
            self._first.clear()
        self.pacer.held = not self._canvas.settled

    def begin(self, *, asks: bool) -> None:
        """The terminal is ours: find out whether it answers, and how far away it is."""
        self._ours = True
        self.pacer.restart()
        self._canvas.forget()
        if asks:
            self._send("", monotonic())

    def end(self) -> None:
        """It is not ours any more: send nothing."""
        self._ours = False

    def answered(self, at: float, number: int | None) -> None:
        """The terminal answered a question."""
        self.pacer.answered(at, number)
        self.flush()

    def taken(self, left: int, at: float) -> None:
        """The kernel took what was written, all but so many bytes."""
        self.pacer.taken(left, at)
        if self.pacer.held and not left:
            self.flush()

    def _urgent(self, now: float) -> bool:
        return now - self._key_at < KEY_S

    def _send(self, changes: str, now: float) -> None:
        """One write: the frame, a question when it is time for one, and the cursor back where it belongs."""
        if changes and self.synchronized:
            changes = SYNC_START + changes + SYNC_END
        number = self.pacer.next_question() if self._can_ask() else None
        if number is not None:
            changes += f"\x1b[{ASK_ROW};{number}H{ASK}"
        row, column = self._cursor.y + 1, self._cursor.x + 1
        size = self._write(changes + ("\x1b[H" if row == column == 1 else f"\x1b[{row};{column}H"))
        if not size:
            self._canvas.forget()
        self.pacer.sent(size, now, number if size else None)

    def _can_ask(self) -> bool:
        return not self._canvas.height or (self._canvas.height >= ASK_ROW and self._canvas.width > PROBES)

    def _layout(self, update: LayoutUpdate) -> set[int]:
        left = update.region.x
        for y, line in enumerate(update.strips, update.region.y):
            self._canvas.put(y, left, self._pieces(s for strip in line for s in strip))
        return set(range(update.region.y, update.region.bottom))

    def _chops(self, update: ChopsUpdate) -> set[int]:
        rows: set[int] = set()
        for y, begin, end in update.spans:
            rows.add(y)
            for stop, (x, strip) in zip(update.chop_ends[y], update.chops[y].items(), strict=False):
                if strip is not None and x <= end and stop > begin:
                    self._canvas.put(y, x, self._pieces(strip))
        return rows

    def _pieces(self, segments: Iterable[Segment] | Strip) -> Iterable[Piece]:
        colours = self._colours
        return [(text, _ink(style, colours) if style else _NO_INK) for text, style, _ in segments]


_NO_INK = Ink()


@lru_cache(maxsize=1_024)
def _ink(style: Style, colours: ColorSystem) -> Ink:
    """Without what the terminal does by itself: its own colours need no code."""
    fore, back = style.color, style.bgcolor
    lean = style.without_color + Style(
        color=fore if fore and not fore.is_default else None,
        bgcolor=back if back and not back.is_default else None,
    )
    codes = Strip.render_ansi(lean, colours)
    covers = bool(
        lean.bgcolor or lean.reverse or lean.underline or lean.underline2 or lean.strike or lean.overline
    )
    return Ink(codes, covers)
