"""Take text away from a screen: to the clipboard with a file beside it, or to a file of one's own."""

from __future__ import annotations

from functools import partial

from luna_tui.core.clean import clean
from luna_tui.core.errors import LunaError
from luna_tui.core.tongue import _
from luna_tui.tui.aside import aside
from luna_tui.tui.clipboard import clipboard_sequence
from luna_tui.tui.screens.asking import Asking, Question
from luna_tui.tui.screens.base import BAR, LunaScreen
from luna_tui.tui.views.spans import Cell, Panel
from luna_tui.tui.views.text import cell_len, set_end
from luna_tui.tui.widgets.lines_panel import LinesPanel

_PATH_CELLS = 24
"""A path has to have at least this much of its end shown."""


class Taking(LunaScreen):
    """The keys y, Y, o and P; a screen says what its line, its text and its name are."""

    selected: str | None = None
    """Key of the entry under the cursor, where a screen has one."""

    def taken_line(self) -> str:
        """The line under the cursor, else the last line that is shown."""
        for panel in self._panels_shown():
            for cell in panel.cells:
                if cell.key == self.selected:
                    return self._entry(panel, cell)
        lines = [line.rstrip() for line in self.taken_all().split("\n")]
        return next((line for line in reversed(lines) if line.strip()), "")

    def _entry(self, panel: Panel, cell: Cell) -> str:
        """An entry in one line; the box around a card is no part of it."""
        rows = _inside(panel, cell)
        if len(rows) > 1:
            box = "".join((*self.glyphs.corners, *self.glyphs.bold_corners))
            rows = [" ".join(row.strip(box).split()) for row in rows]
        return "  ".join(row.strip() for row in rows if row.strip())

    def taken_all(self) -> str:
        """Everything of this screen, as plain text."""
        return "\n".join(_text(panel) for panel in self._panels_shown() if panel.lines)

    def taken_name(self) -> str:
        """What a file with it may be called."""
        return type(self).__name__.removesuffix("Screen").lower()

    def action_line(self) -> None:
        """Send the line under the cursor to the terminal's clipboard."""
        self._take(self.taken_line())

    def action_all(self) -> None:
        """Send everything of this screen there."""
        self._take(self.taken_all())

    def action_file(self) -> None:
        """Ask for a path, and write everything of this screen there."""
        kept = self.luna.settings.kept
        if kept is None:
            self.luna.say(_("No file can be written from here."))
            return
        text = clean(self.taken_all()) + "\n"
        run = self.luna.state_now()[0].run[-4:]
        suggested = kept.suggest(f"luna-{run}-{self.taken_name()}")
        question = Question("file", _("write to"), suggested)
        self.app.push_screen(Asking(question), partial(self._write, text))

    def action_plain(self) -> None:
        """Plain lines instead of the screen; the run does not notice."""
        if not self.luna.settings.plain:
            self.luna.say(_("There are no plain lines of this run."))
            return
        self.luna.viewing.plain = True
        self.app.exit()

    def _take(self, text: str) -> None:
        text = clean(text)
        size = len(text.encode("utf-8", "replace"))
        if not text.strip():
            self.luna.say(_("There is nothing to take here."))
            return
        sequence, sent = clipboard_sequence(text, tmux=self.luna.settings.channels.tmux)
        driver = self.app._driver
        if driver is not None:
            driver.write(sequence)
        said = _sent(sent, size, short=False)
        kept = self.luna.settings.kept
        if kept is None:
            self.luna.say(f"{said}.")
            return

        def saved(path: str) -> None:
            long = _("{sent}; also in {path}").format(sent=said, path="")
            room = self.app.size.width - cell_len(long)
            if cell_len(path) <= room or room >= _PATH_CELLS:
                self._say_path(long, path)
            else:
                self._say_path(
                    _("{sent}; also in {path}").format(sent=_sent(sent, size, short=True), path=""), path
                )

        def refused(error: LunaError) -> None:
            text = _("{sent}; not in a file: {why}")
            self.luna.say(text.format(sent=_sent(sent, size, short=True), why=error.message))

        aside(self.luna, lambda: kept.keep_copy(text), saved, refused)

    def _say_path(self, text: str, path: str) -> None:
        """A path that is too long loses its beginning: its end is what one looks for."""
        room = max(8, self.app.size.width - cell_len(text))
        self.luna.say(text + set_end(path, room, self.glyphs.cut))

    def _write(self, text: str, path: str | None) -> None:
        kept = self.luna.settings.kept
        if not path or kept is None:
            return

        def written(where: str) -> None:
            count = len(text.encode("utf-8", "replace"))
            self._say_path(_("wrote {n:,} bytes to {path}").format(n=count, path=""), where)

        def refused(error: LunaError) -> None:
            self.luna.say(_("Not written. {why}; {hint}.").format(why=error.message, hint=error.hint))

        aside(self.luna, lambda: kept.write_new(path, text), written, refused)

    def _panels_shown(self) -> list[Panel]:
        """In order from the top."""
        return [panel.panel for panel in self.query(LinesPanel) if panel.id != BAR]


def _sent(sent: int, of: int, *, short: bool) -> str:
    """What was done, in as many words as there is room for; nobody knows whether the terminal took it."""
    if sent < of and short:
        text = _("sent {sent:,} of {n:,} bytes (may be refused)")
    elif sent < of:
        text = _("sent the first {sent:,} of {n:,} bytes to the terminal's clipboard (it may refuse)")
    elif short:
        text = _("sent {n:,} bytes (may be refused)")
    else:
        text = _("sent {n:,} bytes to the terminal's clipboard (it may refuse)")
    return text.format(sent=sent, n=of)


def _text(panel: Panel) -> str:
    return "\n".join("".join(span.text for span in line).rstrip() for line in panel.lines)


def _inside(panel: Panel, cell: Cell) -> list[str]:
    """The part of the panel in which an entry stands."""
    rows = panel.lines[cell.row : cell.row + cell.height]
    return [
        _cells("".join(span.text for span in row), cell.column, cell.column + cell.width).strip()
        for row in rows
    ]


def _cells(text: str, start: int, end: int) -> str:
    """The characters that stand in these cells."""
    at = 0
    kept = []
    for char in text:
        if start <= at < end:
            kept.append(char)
        at += cell_len(char)
    return "".join(kept)
