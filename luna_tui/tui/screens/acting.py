"""Keys that mean the same on every screen: going elsewhere, and acting on the run."""

from __future__ import annotations

from luna_tui.core.words import Mode
from luna_tui.tui.screens.hopping import ProblemSteps
from luna_tui.tui.screens.stop_menu import StopMenu
from luna_tui.tui.taking import Taking
from luna_tui.tui.views.keys import MODE_ORDER, Keys


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

    def action_problems(self) -> None:
        """Problems by cause."""
        self.luna.open("problems")

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
        control = self.luna.commands()
        if control is not None:
            paused = self.luna.state_now()[0].paused
            self.luna.say(self.luna.acts.pause(control, paused=not paused))

    def action_mode(self) -> None:
        """Next mode."""
        control = self.luna.commands()
        if control is None:
            return
        mode = self.luna.state_now()[0].mode
        following = MODE_ORDER[(MODE_ORDER.index(mode.value) + 1) % len(MODE_ORDER)]
        self.luna.say(self.luna.acts.set_mode(control, mode, Mode(following)))

    def action_stop(self) -> None:
        """Open the stop menu."""
        if self.luna.commands() is not None:
            self.app.push_screen(StopMenu(next(iter(self.under_cursor()), None)))

    def action_undo(self) -> None:
        """Take the last action back."""
        if self.luna.commands() is not None:
            self.luna.say(self.luna.acts.undo())

    def action_theme(self) -> None:
        """Next theme."""
        self.luna.say(self.luna.palettes.next())

    def action_leave(self) -> None:
        """Leave, or ask first while the run is on."""
        self.luna.leave()
