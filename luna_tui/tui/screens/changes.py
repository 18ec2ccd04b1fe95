"""What agents changed in workspaces of their own: looked at, then accepted or dropped."""

from __future__ import annotations

from collections.abc import Sequence

from luna_tui.core.agents import Changes
from luna_tui.core.errors import LunaError
from luna_tui.core.tongue import _
from luna_tui.engine.control import RunControl
from luna_tui.tui.aside import aside
from luna_tui.tui.screens.base import bindings
from luna_tui.tui.screens.boxes.drop import DropBox
from luna_tui.tui.screens.detailed import DetailScreen
from luna_tui.tui.views.banner import no_commands
from luna_tui.tui.views.changes import SAID, ChangesLook, changes_document, changes_view, in_order
from luna_tui.tui.views.keys import SCREEN_KEYS
from luna_tui.tui.views.spans import Looks, Panel
from luna_tui.tui.views.subtask_tabs import Document

MOST_CHARS = 1_000_000
"""Of a longer difference only the beginning is shown."""


class ChangesScreen(DetailScreen):
    """Subtasks with changes, those that nobody has decided about first."""

    KEYS = SCREEN_KEYS["changes"]
    BINDINGS = bindings(KEYS)
    SAID = SAID

    def __init__(self) -> None:
        super().__init__()
        self._texts: dict[str, tuple[str | None, str]] = {}
        """File -> its difference, and what is missing of it."""

    def entries(self) -> Sequence[str]:
        """Ids of subtasks."""
        return [c.subtask for c in in_order(self.luna.state_now()[0])]

    def document(self, key: str) -> Document:
        """The files and the difference."""
        changes = self.luna.state_now()[0].changes[key]
        return changes_document(changes, *self._difference(changes.diff_file))

    def view(self, looks: Looks) -> Panel:
        """The list and what is read."""
        state = self.luna.state_now()[0]
        look = ChangesLook(
            changes=in_order(state),
            read=tuple(self.reading.shown(self.reads)),
            below=self.below,
            why_not="" if self.luna.settles_changes() else self._why_not(),
        )
        return changes_view(state, look, looks)

    def under_cursor(self) -> tuple[str, ...]:
        """The subtask that made the changes."""
        return () if self.selected is None else (self.selected,)

    def action_open(self) -> None:
        """That subtask."""
        for subtask in self.under_cursor():
            self.luna.open_subtask(subtask)

    def action_accept(self) -> None:
        """Take the changes over."""
        changes, control = self._decidable()
        if changes is not None and control is not None:
            self.luna.say(self.luna.acts.settle_changes(control, changes.subtask, accept=True))

    def action_drop(self) -> None:
        """Ask whether they are to be thrown away."""
        changes, _control = self._decidable()
        if changes is not None:
            self.app.push_screen(DropBox(changes.subtask))

    def _decidable(self) -> tuple[Changes | None, RunControl | None]:
        """The changes under the cursor and the door for commands; None, with a notice, if no key may act."""
        changes = self.luna.state_now()[0].changes.get(self.selected or "")
        if changes is None:
            self.luna.say(_("No agent changed files in a workspace of its own."))
            return None, None
        if self.luna.settles_changes() is None:
            self.luna.say(self._why_not())
            return None, None
        if changes.settled:
            self.luna.say(_("That was decided already."))
            return None, None
        return (changes, self.luna.settles_changes()) if self.looked_at() else (None, None)

    def _why_not(self) -> str:
        state = self.luna.state_now()[0]
        if state.finished is not None:
            return _("The run has ended: luna-tui diff {run} accepts or drops.").format(run=state.run)
        return no_commands(self.luna.watching)

    def _difference(self, name: str) -> tuple[str | None, str]:
        """The text of a file of the run, read aside; None while it is not there."""
        kept = self.luna.settings.kept
        if name in self._texts:
            return self._texts[name]
        if kept is None:
            return None, _("The difference is in {path} of the run.").format(path=name)
        self._texts[name] = (None, "")

        def got(found: tuple[str, bool] | None) -> None:
            text, whole = found if found is not None else (None, False)
            missing = "" if whole else _("This is not all of it; the whole is in {path}.").format(path=name)
            if text is None:
                missing = _("{path} is not there any more.").format(path=name)
            self._texts[name] = (text, missing)
            self.redraw()

        def failed(error: LunaError) -> None:
            self._texts[name] = (None, error.message)
            self.redraw()

        aside(self.luna, lambda: kept.difference(name, most=MOST_CHARS), got, failed)
        return self._texts[name]
