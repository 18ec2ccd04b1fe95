"""Follow a run in plain sentences: on a terminal without a screen, for a screen reader, or in a log."""

from __future__ import annotations

import os
import select
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from types import FrameType

from luna_tui.core.figures import clock
from luna_tui.core.insight import flow
from luna_tui.core.state import RunState
from luna_tui.core.telling import line, quiet_ones, status_sentences
from luna_tui.core.tongue import N_, _, _n
from luna_tui.core.words import Manner, Scope, Watching
from luna_tui.headless.answering import Answering
from luna_tui.headless.printer import LinePrinter
from luna_tui.session.parting import Parting, has_gone
from luna_tui.session.protocol import Session

STATUS_EVERY_S = 10.0
"""The state is said no more often than this, unless it is asked for."""
_POLL_S = 0.2
_READ_BYTES = 4_096
_KEPT_CHARS = 2_000
"""Of a line that is typed."""
_HELP = (
    N_(
        "Type a letter and enter. s: say the state now. p: pause, or go on. a: answer an agent. "
        "q: ask what to stop."
    ),
    N_("d: leave, the run goes on."),
    N_("P: the screen again."),
)
_AWAY = N_(
    "Type a letter and enter. s: say the state now. p: pause, or go on. a: answer an agent. "
    "x: ask what to stop. "
    "q: leave, the run goes on."
)
_CHOICES = (
    N_("Stop what? Nothing has been stopped yet. Type one of these words and enter."),
    N_("keep: keep running."),
    N_("finish: what is in flight ends by itself, nothing more starts."),
    N_("now: end everything now; what is in flight is lost, what has ended is kept."),
)


TERMINATED = N_("SIGTERM: what is in flight has 10 seconds to end, nothing more starts.")
"""Said of a SIGTERM while the run is on."""


class Left(StrEnum):
    """Why following came to an end."""

    ENDED = "ended"
    """The run is over."""
    SCREEN = "screen"
    """The screen is wanted."""
    AWAY = "away"
    """Whoever is there leaves, and the run goes on without them."""
    HARD = "hard"
    """Whoever is there wants to leave at once."""


class PlainConsole:
    """Tells the run and takes letters with enter; it runs on the main thread, the run on its own."""

    def __init__(
        self,
        session: Session,
        ended: threading.Event,
        lines: LinePrinter,
        *,
        keys: int | None = None,
        screen: bool = False,
        parting: Parting | None = None,
        heard: Callable[[], Sequence[str]] = tuple,
    ) -> None:
        """`keys` is the descriptor that letters come from; without it an interrupt ends the run at once.

        `heard` is what the run said to this viewer alone since the last call. Where the run goes on
        elsewhere, whatever ends this program leaves the run alone.
        """
        self._session = session
        self._ended = ended
        self._lines = lines
        self._keys = keys
        self._screen = screen
        self._parting = parting or Parting()
        self._heard = heard
        self._own = session.watching is Watching.OWN
        self._told = 0
        self._said_at = session.clock.now()
        self._said: tuple[str, ...] = ()
        self._quiet: set[tuple[str, int]] = set()
        self._looked_at = float("-inf")
        self._typed = ""
        self._asking = False
        self._answering = Answering(session, self._say, lines.say)
        self._caught: list[int] = []
        self._left: Left | None = None
        self.code: int | None = None
        """Exit code that a signal asks for; None = the run decides."""

    def follow(self, since: int = 0, *, say: str = "") -> Left:
        """Tell everything after record `since`, until the run is over or somebody leaves; first `say`."""
        self._told = since
        with self._signals():
            if say:
                self._lines.say(say)
            if self._keys is not None:
                self.say_help()
                self.say_state()
            while True:
                over = self._ended.is_set()
                self.step()
                if self._left is not None or over:
                    return self._left or Left.ENDED
                self._wait()

    def step(self) -> None:
        """Tell what is new, and do what signals asked for."""
        state = self._session.state()
        for record in self._session.since(self._told):
            text = line(state, record)
            if text is not None:
                self._lines.say(text)
        self._told = state.seq
        for text in self._heard():
            self._say(text)
        now = self._session.clock.now()
        if now - self._looked_at >= 1.0:
            self._looked_at = now
            self._attention(state)
        if now - self._said_at >= STATUS_EVERY_S and state.finished is None:
            self._said_at = now
            if status_sentences(state, self._session.now_s()) != self._said:
                self.say_state()
        if self._lines.gone:
            self._lines.gone = False
            self._hung_up("closed")
        while self._caught:
            self._signalled(self._caught.pop(0))
        self._lines.hurried = self.code is not None

    def say_state(self) -> None:
        """How the run stands now."""
        state, now_s = self._session.state(), self._session.now_s()
        self._said, self._said_at = status_sentences(state, now_s), self._session.clock.now()
        for text in self._said:
            self._say(text)

    def say_help(self) -> None:
        """What can be typed."""
        texts = [*(_HELP[:2] if self._own else (_AWAY,)), *(_HELP[2:] if self._screen else ())]
        self._lines.say(" ".join(_(text) for text in texts))

    def take(self, text: str) -> None:
        """Take in what was typed; a line counts when enter has been pressed."""
        *lines, self._typed = (self._typed + text).split("\n")
        self._typed = self._typed[-_KEPT_CHARS:]
        for typed in lines:
            self._do(typed.strip())

    def interrupted(self) -> None:
        """An interrupt from the keyboard: ask; asked already, end the run now; and then leave at once."""
        if self.code is not None or not self._own:
            self._left = Left.HARD
        elif self._asking or self._keys is None:
            self._asking, self.code = False, 128 + signal.SIGINT
            self._stop(Manner.NOW, "SIGINT" if self._keys is None else "user")
        else:
            self._ask()

    def _do(self, typed: str) -> None:
        if self._asking:
            self._answer(typed.lower())
        elif self._answering.waits:
            self._answering.answer(typed)
        elif typed == "a":
            self._answering.ask()
        elif typed == "s":
            self.say_state()
        elif typed == "p":
            self._pause()
        elif typed == ("q" if self._own else "x"):
            self._ask()
        elif typed in ("d", "q"):
            self._leave()
        elif typed == "P":
            if self._screen:
                self._left = Left.SCREEN
            else:
                self._say(_("No screen can be drawn on this terminal."))
        elif typed:
            self.say_help()

    def _ask(self) -> None:
        state = self._session.state()
        if state.finished is not None or self._session.control is None:
            self._say(_("The run has ended."))
            return
        self._asking = True
        on = flow(state, self._session.now_s()).in_flight
        self._say(_n("{n} subtask is in flight.", "{n} subtasks are in flight.", on).format(n=on))
        for text in _CHOICES:
            self._lines.say(_(text))

    def _answer(self, word: str) -> None:
        self._asking = False
        if word in ("finish", "now"):
            self._stop(Manner.NOW if word == "now" else Manner.FINISH, "user")
        elif word in ("keep", ""):
            self._say(_("Nothing was stopped."))
        else:
            text = _("{word} is none of keep, finish and now. Nothing was stopped; {key} asks again.")
            self._say(text.format(word=repr(word), key="q" if self._own else "x"))

    def _leave(self) -> None:
        why = self._parting.why_stays
        if not self._own:
            self._left = Left.HARD
        elif why:
            self._say(_("The run would not go on without this terminal: {why}.").format(why=why))
        else:
            self._left = Left.AWAY

    def _stop(self, manner: Manner, by: str) -> None:
        if self._session.control is not None:
            self._session.control.cancel(Scope.RUN, manner, by=by)

    def _pause(self) -> None:
        control, state = self._session.control, self._session.state()
        if control is None or state.finished is not None:
            self._say(_("The run has ended."))
        elif state.paused:
            control.resume(by="user")
        else:
            control.pause(by="user")

    def _attention(self, state: RunState) -> None:
        """Say once of each try that it has been silent for unusually long."""
        quiet = {(s.id, s.attempt): text for s, text in quiet_ones(state, self._session.now_s())}
        for one, text in quiet.items():
            if one not in self._quiet:
                self._say(text)
        self._quiet = set(quiet)

    def _say(self, text: str) -> None:
        self._lines.say(f"{clock(self._session.now_s())} {text}")

    def _wait(self) -> None:
        if self._keys is None:
            self._ended.wait(_POLL_S)
            return
        if not select.select([self._keys], [], [], _POLL_S)[0]:
            return
        try:
            raw = os.read(self._keys, _READ_BYTES)
        except OSError:
            raw = b""
        if raw:
            self.take(raw.decode("utf-8", "ignore"))
        elif has_gone(self._keys):
            self._hung_up("closed")
        else:
            self._keys = None

    def _hung_up(self, how: str) -> None:
        self._keys = None
        self._parting.let_go()
        self._parting.lost(how)
        if not self._own:
            self._left, self.code = Left.HARD, 128 + signal.SIGHUP

    def _signalled(self, number: int) -> None:
        match number:
            case signal.SIGUSR1:
                self.say_state()
            case signal.SIGINT:
                self.interrupted()
            case signal.SIGHUP:
                self._hung_up("SIGHUP")
            case _ if not self._own:
                self._left, self.code = Left.HARD, 128 + number
            case signal.SIGQUIT:
                self._say(_("what every thread is doing: {path}").format(path=self._parting.stacks()))
            case _:
                self._terminated(128 + number)

    def _terminated(self, code: int) -> None:
        if self.code is None:
            self._say(_(TERMINATED))
        self.code = code
        self._parting.terminate()

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """Signals are only noted when they come, and done between two sentences."""

        def note(number: int, frame: FrameType | None) -> None:
            self._caught.append(number)
            self._lines.hurried = True

        taken = [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGQUIT]
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            taken.append(signal.SIGHUP)
        before = {number: signal.signal(number, note) for number in taken}
        # A screen that was there before has its own idea of a stop.
        before |= {n: signal.signal(n, signal.SIG_DFL) for n in (signal.SIGTSTP, signal.SIGCONT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
