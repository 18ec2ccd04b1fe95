"""One line to type, over the bottom row of the screen below."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from textual.app import ComposeResult
from textual.events import Key, Paste
from textual.screen import ModalScreen

from luna_tui.core.clean import clean_line
from luna_tui.core.tongue import _
from luna_tui.tui.screens.base import LunaScreen
from luna_tui.tui.views.asking import Said, Typed, asking_line
from luna_tui.tui.views.spans import Panel
from luna_tui.tui.widgets.lines_panel import LinesPanel

EARLIER_KEPT = 50


def _nothing(text: str) -> Said:
    return Said("")


def _no_words(text: str, at: int) -> tuple[int, tuple[str, ...]]:
    return at, ()


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked for, and what helps to answer it."""

    name: str
    """Earlier answers are kept under it: `filter`, `find`."""
    label: str
    """Stands before the text: `/`."""
    text: str = ""
    """As it is now."""
    says: Callable[[str], Said] = _nothing
    """What stands beside it while it is typed: how many match, or what is wrong."""
    words: Callable[[str, int], tuple[int, tuple[str, ...]]] = _no_words
    """(text, cursor) -> where the word there begins, and what it may become."""


class Asking(LunaScreen, ModalScreen[str | None]):
    """Enter gives the text, esc None; nothing else closes it."""

    CSS_PATH = "asking.tcss"

    def __init__(self, question: Question) -> None:
        super().__init__()
        self._body = LinesPanel("asking")
        self._question = question
        self.typed = Typed(question.text, len(question.text))
        """What was typed so far."""
        self._back = 0
        """How far back among the earlier answers; 0 = the one being typed."""
        self._draft = self.typed
        self._offered: tuple[str, ...] = ()
        """Words that tab goes through."""
        self._offered_at = 0
        self._offered_from = 0
        """Where the word begins that they stand in for."""

    def compose(self) -> ComposeResult:
        """One line."""
        yield self._body

    def draw(self) -> None:
        """Show the line."""
        said = Said("  ".join(self._offered)) if self._offered else self._question.says(self.typed.text)
        keys = _("tab completes  enter applies  esc leaves it")
        line = asking_line(self._question.label, self.typed, said, keys, self.app.size.width, self.glyphs)
        self._body.show(Panel((line,)), self.luna.palette)

    def on_key(self, event: Key) -> None:
        """Keys type; ctrl+c opens the stop menu as everywhere."""
        event.stop()
        event.prevent_default()
        if event.key == "ctrl+c":
            self.luna.action_stop_all()
        elif event.key == "enter":
            self._answer()
        elif event.key == "escape":
            self.dismiss(None)
        elif event.key == "tab":
            self._complete()
            self.draw()
        else:
            self._offered = ()
            self._edit(event)
            self.draw()

    def on_paste(self, event: Paste) -> None:
        """What is pasted is text, in one line."""
        event.stop()
        self._offered = ()
        self.typed = self.typed.insert(clean_line(event.text))
        self.draw()

    def on_click(self) -> None:
        """A click beside it closes nothing."""

    def _edit(self, event: Key) -> None:
        typed = self.typed
        edits: dict[str, Callable[[], Typed]] = {
            "backspace": typed.rub_out,
            "delete": typed.delete,
            "left": lambda: typed.move(-1),
            "right": lambda: typed.move(1),
            "home": lambda: typed.move(-len(typed.text)),
            "end": lambda: typed.move(len(typed.text)),
            "ctrl+w": typed.rub_out_word,
            "ctrl+u": lambda: typed.rub_out(typed.at),
            "up": lambda: self._earlier(1),
            "down": lambda: self._earlier(-1),
        }
        edit = edits.get(event.key)
        if edit is not None:
            self.typed = edit()
        elif event.character is not None and event.is_printable:
            self.typed = typed.insert(event.character)

    def _earlier(self, by: int) -> Typed:
        """An answer given before in this session, or back to the one being typed."""
        earlier = self.luna.viewing.asked.get(self._question.name, [])
        if self._back == 0:
            self._draft = self.typed
        self._back = max(0, min(len(earlier), self._back + by))
        if self._back == 0:
            return self._draft
        text = earlier[-self._back]
        return Typed(text, len(text))

    def _complete(self) -> None:
        """To the one word that is possible, else as far as all agree, then one after another."""
        if self._offered:
            self.typed = self.typed.put(self._offered_from, self._offered[self._offered_at])
            self._offered_at = (self._offered_at + 1) % len(self._offered)
            return
        start, words = self._question.words(self.typed.text, self.typed.at)
        if words:
            self.typed = self.typed.put(start, _common(words))
        self._offered = words if len(words) > 1 else ()
        self._offered_from, self._offered_at = start, 0

    def _answer(self) -> None:
        text = self.typed.text.strip()
        said = self._question.says(text)
        if said.wrong:
            self._offered = ()
            self.draw()
            return
        if text:
            earlier = self.luna.viewing.asked.setdefault(self._question.name, [])
            if text in earlier:
                earlier.remove(text)
            earlier.append(text)
            del earlier[:-EARLIER_KEPT]
        self.dismiss(text)


def _common(words: Sequence[str]) -> str:
    """What all begin with."""
    least, most = min(words), max(words)
    same = 0
    while same < len(least) and least[same] == most[same]:
        same += 1
    return least[:same]
