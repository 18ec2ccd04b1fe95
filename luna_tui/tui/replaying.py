"""The dashboard of a journal that is played: the same screens, a bar above them, and the keys of a player."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from textual.binding import Binding

from luna_tui.core.clean import clean_line
from luna_tui.core.landmarks import Landmark
from luna_tui.core.places import NoPlace, understood_place
from luna_tui.core.player import Player
from luna_tui.core.tongue import _, _n
from luna_tui.session.replay import ReplaySession
from luna_tui.tui.app import LunaApp
from luna_tui.tui.screens.asking import Asking, Question
from luna_tui.tui.screens.help import HelpScreen
from luna_tui.tui.settings import Settings
from luna_tui.tui.theme import ThemeLike
from luna_tui.tui.views.asking import Said
from luna_tui.tui.views.glyphs import glyphs_for
from luna_tui.tui.views.keys import REPLAY, Keys
from luna_tui.tui.views.replay import LEAST_HEIGHT, BarFacts, exact, replay_bar, replay_keys
from luna_tui.tui.views.spans import Lines
from luna_tui.tui.views.telling import tell

SKIP_S = 10.0
"""How far `<` and `>` go."""
_ACTIONS = {k.id.rpartition(".")[2]: k for k in REPLAY}


class ReplayApp(LunaApp):
    """A replay on one terminal. Nothing is asked of a run, and nothing is said beside the screen."""

    BINDINGS = [
        # Before the keys of any screen, so that one key means one thing everywhere in a replay.
        *(Binding(k.keys, name, id=k.id, show=False, priority=True) for name, k in _ACTIONS.items()),
        Binding("ctrl+c", "stop_all", show=False, priority=True),
    ]

    def __init__(
        self,
        session: ReplaySession,
        settings: Settings,
        *,
        themes: Mapping[str, ThemeLike],
        now: Callable[[], float],
    ) -> None:
        """`now` counts real seconds: the pace of the replay comes from it."""
        super().__init__(session, settings, themes=themes)
        self._replay = session
        self._now = now
        self._ticked_at = now()
        self._shown: tuple[object, ...] = ()
        """What the bar told when the screens were drawn last."""
        self._follow()

    def on_mount(self) -> None:
        """Time counts from here: the journal does not play while the screen is being made."""
        self._ticked_at = self._now()

    @property
    def player(self) -> Player:
        """The position."""
        return self._replay.player

    def bar_rows(self, height: int) -> int:
        """One, where there is room."""
        return 1 if height >= LEAST_HEIGHT else 0

    def bar(self, width: int) -> Lines:
        """Where the replay is."""
        player = self.player
        facts = BarFacts(
            run=self._replay.records[-1].run,
            at_s=player.at_s,
            total_s=player.total_s,
            number=player.number,
            last_number=player.last_number,
            speed=player.speed,
            playing=player.playing,
            ended=player.ended,
            landmarks=player.landmarks,
        )
        return (replay_bar(facts, width, glyphs_for(self.settings.ascii)),)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """In a box keys are typed."""
        if (action in _ACTIONS or action == "stop_all") and self.screen.is_modal:
            return False
        return super().check_action(action, parameters)

    def show_help(self, keys: Keys) -> None:
        """Keys as they are in a replay."""
        self.push_screen(HelpScreen(replay_keys(keys, self.settings.keymap)))

    def action_play(self) -> None:
        """Play, or stand."""
        self._tick()
        self.player.play(not self.player.playing)
        self._moved()

    def action_next_event(self) -> None:
        """One event on; says what happened."""
        self._step(1)

    def action_previous_event(self) -> None:
        """One event back; says what had happened last."""
        self._step(-1)

    def action_forward(self) -> None:
        """10 seconds on."""
        self._tick()
        self.player.skip(SKIP_S)
        self._moved()

    def action_backward(self) -> None:
        """10 seconds back."""
        self._tick()
        self.player.skip(-SKIP_S)
        self._moved()

    def action_to_problem(self) -> None:
        """To the next stop."""
        self._hop(1, _("No problem comes after this."))

    def action_to_problem_before(self) -> None:
        """To the stop before."""
        self._hop(-1, _("No problem is before this."))

    def action_go_to(self) -> None:
        """Ask where to go."""

        def says(text: str) -> Said:
            player = self.player
            if not text:
                return Said(_("a time 1:23, seconds, 50 %, or #812 for an event"))
            place = understood_place(text, player.total_s, player.last_number)
            return Said(clean_line(place.why), wrong=True) if isinstance(place, NoPlace) else Said("")

        self.push_screen(Asking(Question("go to", _("go to"), says=says)), self._go_to)

    def action_faster(self) -> None:
        """The next higher speed."""
        self._tick()
        self.player.faster()
        self._moved()

    def action_slower(self) -> None:
        """The next lower speed."""
        self._tick()
        self.player.slower()
        self._moved()

    def action_to_begin(self) -> None:
        """To the beginning."""
        self._tick()
        self.player.to_begin()
        self._moved()

    def action_to_end(self) -> None:
        """To the end."""
        self.player.to_end()
        self._moved()

    def _step(self, by: int) -> None:
        self._tick()
        self.player.step(by)
        self._moved(self._told(self.player.count))

    def _hop(self, by: int, none: str) -> None:
        self._tick()
        mark = self.player.to_landmark(by)
        self._moved(none if mark is None else self._problem(mark))

    def _go_to(self, text: str | None) -> None:
        player = self.player
        place = understood_place(text, player.total_s, player.last_number) if text else None
        if place is not None and not isinstance(place, NoPlace):
            self._tick()
            player.go_to(place)
            self._moved()

    def _problem(self, mark: Landmark) -> str:
        """The first thing that went wrong at a stop, and how many more did at once."""
        first = next(n for n, r in enumerate(self._replay.records, 1) if r.seq == mark.seq)
        more = mark.times - 1
        if not more:
            return self._told(first)
        return self._told(first) + _n("; and {n} more at once", "; and {n} more at once", more).format(n=more)

    def _told(self, count: int) -> str:
        """An event in words."""
        record = self._replay.records[count - 1]
        told = tell(self._replay.state(), record, glyphs_for(self.settings.ascii))
        who = f"{told.who}: " if told.who else ""
        return f"#{record.seq} {exact(record.at)}  {who}{told.what}"

    def _moved(self, said: str = "") -> None:
        """Show the position now; the key acknowledged what was said before."""
        self.notice = said
        self._follow()
        self.draw_screens()
        self._shown = self._facts()

    def _follow(self) -> None:
        self._replay.state()
        self.jumps, self.playing = self._replay.jumps, self.player.playing

    def _tick(self) -> None:
        """Let the real time that passed count."""
        at = self._now()
        self.player.advance(at - self._ticked_at)
        self._ticked_at = at
        self._follow()

    def _facts(self) -> tuple[object, ...]:
        player = self.player
        return player.count, int(player.at_s * 10), player.speed, player.playing

    def _frame(self) -> None:
        """Play on, and draw where that shows."""
        self._tick()
        if self._facts() != self._shown and self.frame_due():
            self._shown = self._facts()
            self.draw_screens()
        second = int(self._ticked_at)
        if self._focused and second != self._looked_at:
            self._looked_at = second
            self._take_in_themes()
