"""An app whose frames are paced: what it shows goes to the painter, and data is drawn when there is room."""

from __future__ import annotations

import os
from time import monotonic
from typing import Any, TypeVar

from rich.color import ColorSystem
from rich.console import RenderableType
from textual.app import App
from textual.events import AppBlur, AppFocus, Resize
from textual.screen import Screen

from luna_tui.core.tongue import _
from luna_tui.tui.driver import LunaDriver
from luna_tui.tui.ladder import Rung
from luna_tui.tui.pace import Pacer, line_of
from luna_tui.tui.painter import Painter, Update

R = TypeVar("R")


class PacedApp(App[R], inherit_bindings=False):
    """Draws at the pace of its terminal."""

    def __init__(self, *, fps: int = 0) -> None:
        """`fps` 0 = what suits the kind of terminal."""
        if not os.environ.get("NO_COLOR"):
            # Textual takes an empty one as set; the convention says it is not.
            os.environ.pop("NO_COLOR", None)
        super().__init__(driver_class=LunaDriver, ansi_color=True)
        self.pacer = Pacer(line_of(os.environ), fps)
        """When data may be drawn."""

    @property
    def line_words(self) -> str:
        """What the status line says of a slow line; empty when nothing is left out."""
        words = self.pacer.words
        return _(words) if words else ""

    @property
    def stream_text(self) -> bool:
        """False while the line is too slow for the texts of streams."""
        return self.pacer.rung is Rung.FULL

    def frame_due(self) -> bool:
        """Whether data may be drawn now; a yes counts as the frame."""
        painter = self._painter()
        if painter is not None:
            painter.flush()
        return self.pacer.may_draw(monotonic())

    def set_mouse(self, on: bool) -> None:
        """Have clicks reported, or leave the mouse to the terminal, so that it selects text."""
        if isinstance(self._driver, LunaDriver):
            self._driver.set_mouse(on)

    def on_app_focus(self, _event: AppFocus) -> None:
        """Somebody looks: draw at the full rate, and all of it, for it may have been disturbed."""
        self.pacer.focused = True
        self._repaint()

    def on_app_blur(self, _event: AppBlur) -> None:
        """Nobody looks."""
        self.pacer.focused = False

    def on_resize(self, _event: Resize) -> None:
        """A terminal that changes its size moves what it shows."""
        self._repaint()

    def _repaint(self) -> None:
        painter = self._painter()
        if painter is not None:
            painter.forget()

    def _painter(self) -> Painter | None:
        return self._driver.painter if isinstance(self._driver, LunaDriver) else None

    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        """Textual's way to the terminal, led through the painter; a test's screen goes its own way."""
        painter = self._painter()
        if painter is None or not isinstance(renderable, Update) or self._batch_count:
            super()._display(screen, renderable)
            return
        if self._running and not self._closed:
            try:
                painter.synchronized = self._sync_available
                cursor = self.screen.outer_size.clamp_offset(self.cursor_position)
                colours = self.console._color_system or ColorSystem.TRUECOLOR
                painter.take(renderable, self.size, cursor, colours)
            except Exception as error:  # noqa: BLE001  as Textual does: the app ends, and says why
                self._handle_exception(error)
        self.post_display_hook()
