"""What a person does to the run: one command each, in words, and how to take it back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from luna_tui.core.tongue import _
from luna_tui.core.words import Mode
from luna_tui.engine.control import RunControl

BY = "user"


@dataclass(frozen=True, slots=True)
class _Undo:
    said: str
    call: Callable[[], None]


class Acts:
    """The actions of one person on one run; each is one event of the run, and says what was done."""

    def __init__(self) -> None:
        self._undo: list[_Undo] = []

    def pause(self, control: RunControl, *, paused: bool) -> str:
        """Pause admission, or go on."""
        if paused:
            control.pause(by=BY)
            self._undo.append(_Undo(_("admission goes on again"), lambda: control.resume(by=BY)))
            return _("Paused: nothing more starts; what is in flight ends by itself. u takes it back.")
        control.resume(by=BY)
        self._undo.append(_Undo(_("paused again"), lambda: control.pause(by=BY)))
        return _("Admission goes on.")

    def set_mode(self, control: RunControl, before: Mode, mode: Mode) -> str:
        """Use another share of the limits."""
        control.set_mode(mode, by=BY)
        self._undo.append(
            _Undo(_("mode {mode} again").format(mode=before), lambda: control.set_mode(before, by=BY))
        )
        return _("Mode {mode}. u takes it back.").format(mode=mode)

    def set_workers(self, control: RunControl, before: int, workers: int) -> str:
        """Use another number of workers."""
        control.set_workers(workers, by=BY)
        self._undo.append(
            _Undo(_("{n} workers again").format(n=before), lambda: control.set_workers(before, by=BY))
        )
        return _("{n} workers. u takes it back.").format(n=workers)

    def undo(self) -> str:
        """Take the last action back that can be."""
        if not self._undo:
            return _("There is nothing to take back.")
        last = self._undo.pop()
        last.call()
        return _("Taken back: {what}.").format(what=last.said)
