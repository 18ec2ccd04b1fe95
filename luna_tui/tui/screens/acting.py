"""Keys that mean the same on every screen: going elsewhere, and acting on the run."""

from __future__ import annotations

from luna_tui.core.tongue import _
from luna_tui.engine.control import RunControl
from luna_tui.tui.screens.boxes.opening import (
    open_budget,
    open_edit,
    open_leave,
    open_mode,
    open_retry,
    open_skip,
    open_stop,
    open_workers,
)
from luna_tui.tui.screens.boxes.palette import PaletteBox
from luna_tui.tui.screens.hopping import ProblemSteps
from luna_tui.tui.taking import Taking
from luna_tui.tui.views.boxes.effects import in_flight
from luna_tui.tui.views.keys import Keys


class ActingScreen(Taking, ProblemSteps):
    """A screen of the run from which one can go anywhere and act on what is selected."""

    KEYS: Keys = ()
    """Its keys, for the help; the same table makes its bindings."""

    def selection(self) -> tuple[str, ...]:
        """Ids of the subtasks that keys act on: the marked ones, else those under the cursor."""
        marked = self.luna.viewing.marked
        if marked:
            return tuple(i for i in self.luna.state_now()[0].subtasks if i in marked)
        return self.under_cursor()

    def under_cursor(self) -> tuple[str, ...]:
        """Ids of the subtasks under the cursor; several when it is on a group."""
        return ()

    def action_back(self) -> None:
        """Up one level."""
        self.dismiss()

    def action_help(self) -> None:
        """Keys of this screen."""
        self.luna.show_help(self.KEYS)

    def action_palette(self) -> None:
        """Commands by name."""
        self.app.push_screen(PaletteBox(self))

    def action_problems(self) -> None:
        """Problems by cause."""
        self.luna.open("problems")

    def action_asks(self) -> None:
        """What agents ask for: at first what the subtask under the cursor does, where it asks."""
        here = self.under_cursor()
        self.luna.open("asks")
        asks = self.luna.state_now()[0].asks.values()
        if found := [ask.approval for ask in asks if ask.subtask in here[:1]]:
            self.luna.look_at(found[0])

    def action_changes(self) -> None:
        """What agents changed: at first that of the subtask under the cursor, where it changed something."""
        here = self.under_cursor()
        self.luna.open("changes")
        for subtask in here:
            if subtask in self.luna.state_now()[0].changes:
                self.luna.look_at(subtask)
                return

    def action_timeline(self) -> None:
        """What every worker did."""
        self.luna.open("timeline")

    def action_limits(self) -> None:
        """The limits."""
        self.luna.open("limits")

    def action_events(self) -> None:
        """The journal."""
        self.luna.open("events")

    def action_plan(self) -> None:
        """All subtasks."""
        self.luna.open("plan")

    def action_report(self) -> None:
        """What it came to so far."""
        self.luna.open("report")

    def action_pause(self) -> None:
        """Pause or go on."""
        control = self._while_it_starts_more()
        if control is not None:
            state = self.luna.state_now()[0]
            said = self.luna.acts.pause(control, paused=not state.paused, in_flight=len(in_flight(state)))
            self.luna.say(said)

    def action_mode(self) -> None:
        """The mode box."""
        open_mode(self.luna)

    def action_workers(self) -> None:
        """The workers box."""
        open_workers(self.luna)

    def action_budget(self) -> None:
        """The budget box."""
        open_budget(self.luna)

    def action_retry(self) -> None:
        """The retry box for the selection."""
        open_retry(self.luna, self.selection())

    def action_skip(self) -> None:
        """The skip box for the selection."""
        open_skip(self.luna, self.selection())

    def action_edit(self) -> None:
        """The edit box for the selection."""
        open_edit(self.luna, self.selection())

    def action_stop(self) -> None:
        """The stop menu for the selection."""
        open_stop(self.luna, self.selection())

    def action_undo(self) -> None:
        """Take the last action back."""
        control = self._while_it_starts_more()
        if control is not None:
            self.luna.say(self.luna.acts.undo(control))

    def action_theme(self) -> None:
        """Next theme."""
        self.luna.say(self.luna.palettes.next())

    def action_mouse(self) -> None:
        """Clicks are ours, or the terminal's."""
        ours = self.luna.toggle_mouse()
        self.luna.say(_("Mouse on: a click selects.") if ours else _("Mouse off: the terminal selects text."))

    def action_detach(self) -> None:
        """Leave while the run goes on; asks only where it would stay paused."""
        if self.luna.takes_commands() and self.luna.state_now()[0].paused:
            open_leave(self.luna, cursor="d")
        else:
            self.luna.detach()

    def action_leave(self) -> None:
        """Leave, or ask first while the run is on."""
        open_leave(self.luna)

    def _while_it_starts_more(self) -> RunControl | None:
        """The door for commands; None, with a notice, also once the run was asked to end."""
        control = self.luna.commands()
        if control is not None and self.luna.state_now()[0].stopping is not None:
            self.luna.say(_("Stopping: nothing more starts."))
            return None
        return control
