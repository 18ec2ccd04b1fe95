"""The report screen."""

from __future__ import annotations

from textual.events import Key

from luna_tui.core.lost import Gauged
from luna_tui.core.report_facts import Offered
from luna_tui.core.tongue import _
from luna_tui.core.words import Watching
from luna_tui.tui.screens.base import bindings
from luna_tui.tui.screens.pages import PageScreen
from luna_tui.tui.screens.replanning import Replans
from luna_tui.tui.views.frame import key_line
from luna_tui.tui.views.hints import hints
from luna_tui.tui.views.keys import SCREEN_KEYS
from luna_tui.tui.views.report import report_lines
from luna_tui.tui.views.spans import Line, Role, Span
from luna_tui.tui.views.text import plain

_ON_KEY_LINE = (
    "go.back", "go.help", "go.timeline", "go.limits", "go.problems", "go.events", "go.replay", "do.replan",
    "take.line",
    "move.down", "run.leave",
)  # fmt: skip


class ReportScreen(Replans, PageScreen):
    """What the run came to, or came to so far. Left alone at the end it may close; any key keeps it."""

    KEYS = SCREEN_KEYS["report"]
    BINDINGS = [*bindings(KEYS), ("enter", "leave", "")]

    def __init__(self) -> None:
        super().__init__()
        self._gauged = Gauged()
        self._offered = Offered()

    def rewound(self) -> None:
        """The figures were of another moment."""
        self._gauged = Gauged()

    def lines(self) -> list[Line]:
        """The report."""
        state, now_s = self.luna.state_now()
        found = self._gauged.of(state, now_s)
        return report_lines(
            state, now_s, self.looks(),
            folder=self.luna.settings.folder, found=found, offered=self._offered.of(state),
        )  # fmt: skip

    def taken_line(self) -> str:
        """How it stands in one line, for the clipboard."""
        return "  ".join(plain(line).strip() for line in self.lines()[:2])

    def foot(self) -> Line:
        """Keys, and when it closes by itself."""
        left = self.luna.closes_in_s
        pairs = hints(self.KEYS, self.luna.settings.keymap, *_ON_KEY_LINE)
        if left is None:
            return key_line(pairs, self.looks(), self.glyphs)
        closing = _("closes in {s:.0f} s, any key keeps it").format(s=left)
        return (*key_line(pairs[:2], self.looks(), self.glyphs), Span(f"   {closing}", Role.WARN))

    def action_replay(self) -> None:
        """Play the run from its beginning; while it is on, say how that is done later."""
        luna = self.luna
        state = luna.state_now()[0]
        if luna.watching is Watching.REPLAY or luna.just_ended:
            return
        if state.finished is not None and luna.settings.replays:
            luna.viewing.replay = True
            luna.exit()
        elif state.finished is not None:
            luna.say(_("luna-tui replay {run} plays it").format(run=state.run))
        else:
            luna.say(_("When it is over: luna-tui replay {run}").format(run=state.run))

    def on_key(self, event: Key) -> None:
        """Any key keeps the screen; it then does what it does."""
        self.luna.keep_open()
