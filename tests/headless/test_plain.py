"""The plain console: what it says and when, and what letters and interrupts do."""

from __future__ import annotations

import io
import os
import signal
import threading
from contextlib import suppress

import pytest
from tui.scenes import busy, demo, paused
from tui.stage import RecordingControl, StillSession

from luna_tui.core.events import Event, Record, RunPaused, SubtaskOutput, WorkersChanged
from luna_tui.core.words import Manner, Scope, Watching
from luna_tui.headless.plain import Left, PlainConsole
from luna_tui.headless.printer import LinePrinter
from luna_tui.session.parting import Parting

FIRST = "0:57 wave 1 of 2, extract. 1 of 39 ok, 2 failed, 13 in flight, 4 waiting."
SECOND = "0:57 waiting: 2 for input tokens per minute, 2 for the pause the server asked for."


class Stage:
    """A plain console on a run that stands still until it is told something."""

    def __init__(
        self,
        records: tuple[Record, ...] = busy(20),
        *,
        keys: bool = True,
        screen: bool = True,
        parting: Parting | None = None,
        watching: Watching = Watching.OWN,
    ) -> None:
        self.session = StillSession(records)
        self.session.watching = watching
        self.out = io.StringIO()
        self.ended = threading.Event()
        self.reading, self.writing = os.pipe()
        self.console = PlainConsole(
            self.session, self.ended, LinePrinter(self.out),
            keys=self.reading if keys else None, screen=screen, parting=parting,
        )  # fmt: skip
        self.console._told = self.session.state().seq

    def tell(self, event: Event) -> None:
        state = self.session.state()
        state.apply(Record(state.seq + 1, state.at + 0.5, state.run, event))

    def type(self, text: str) -> list[str]:
        """What is said to this."""
        self.lines()
        self.console.take(text)
        return self.lines()

    def lines(self) -> list[str]:
        said = self.out.getvalue().splitlines()
        self.out.seek(0)
        self.out.truncate()
        return said

    @property
    def calls(self) -> list[tuple[object, ...]]:
        control = self.session.control
        assert isinstance(control, RecordingControl)
        return control.calls


def test_s_says_the_state_in_two_sentences() -> None:
    assert Stage().type("s\n") == [FIRST, SECOND]


def test_letters_count_when_enter_was_pressed_and_may_come_in_pieces() -> None:
    stage = Stage()
    assert stage.type("s") == []
    assert stage.type("\ns\n") == [FIRST, SECOND] * 2


def test_something_else_says_what_can_be_typed() -> None:
    said = (
        "Type a letter and enter. s: say the state now. p: pause, or go on. a: answer an agent. "
        "q: ask what to stop. "
        "d: leave, the run goes on. P: the screen again."
    )
    assert Stage().type("x\n") == [said]
    assert Stage(screen=False).type("?\n") == [said.removesuffix(" P: the screen again.")]
    assert Stage().type("\n") == []


@pytest.mark.parametrize(
    ("word", "call", "said"),
    [
        ("keep", None, "0:57 Nothing was stopped."),
        ("", None, "0:57 Nothing was stopped."),
        ("finish", ("cancel", Scope.RUN, Manner.FINISH, None, None, "user"), None),
        ("NOW", ("cancel", Scope.RUN, Manner.NOW, None, None, "user"), None),
        ("yes", None, "0:57 'yes' is none of keep, finish and now. Nothing was stopped; q asks again."),
    ],
)
def test_q_asks_what_to_stop_and_takes_a_word(
    word: str, call: tuple[object, ...] | None, said: str | None
) -> None:
    stage = Stage()
    asked = stage.type("q\n")
    assert asked[:3] == [
        "0:57 13 subtasks are in flight.",
        "Stop what? Nothing has been stopped yet. Type one of these words and enter.",
        "keep: keep running.",
    ]
    assert stage.calls == []
    assert stage.type(f"{word}\n") == ([said] if said else [])
    assert stage.calls == ([call] if call else [])


def test_an_interrupt_asks_the_second_ends_the_run_the_third_leaves() -> None:
    stage = Stage()
    stage.console.interrupted()
    assert "Nothing has been stopped yet" in stage.lines()[1]
    assert stage.calls == []
    stage.console.interrupted()
    assert stage.calls == [("cancel", Scope.RUN, Manner.NOW, None, None, "user")]
    assert stage.console.code == 130
    assert stage.console._left is None
    stage.console.interrupted()
    assert stage.console._left is Left.HARD


def test_without_keys_an_interrupt_ends_the_run_at_once() -> None:
    stage = Stage(keys=False)
    stage.console.interrupted()
    assert stage.calls == [("cancel", Scope.RUN, Manner.NOW, None, None, "SIGINT")]
    assert stage.console.code == 130


def test_p_pauses_and_goes_on() -> None:
    stage = Stage()
    stage.type("p\n")
    assert stage.calls == [("pause", "user")]
    stage = Stage(paused())
    stage.type("p\n")
    assert stage.calls == [("resume", "user")]


def test_capital_p_wants_the_screen_where_there_is_one() -> None:
    stage = Stage()
    os.write(stage.writing, b"P\n")
    assert stage.console.follow(stage.session.state().seq) is Left.SCREEN
    assert stage.calls == []
    assert Stage(screen=False).type("P\n") == ["0:57 No screen can be drawn on this terminal."]


def test_what_happens_is_told_once_and_output_is_not() -> None:
    stage = Stage()
    stage.console.step()
    stage.lines()
    stage.tell(SubtaskOutput(wave="extract", subtask="s00", attempt=1, text="secret words"))
    stage.tell(WorkersChanged(from_=20, to=40, by="user"))
    stage.console.step()
    stage.console.step()
    assert stage.lines() == ["0:58 40 workers now, there were 20."]


def test_silence_is_told_once_of_each_try() -> None:
    stage = Stage()
    stage.console.step()
    assert stage.lines() == ["0:57 attention 1.11 scan_docs: no token for 48 seconds."]
    stage.session.clock.advance(2.0)
    stage.console.step()
    assert stage.lines() == []


def test_the_state_is_said_every_ten_seconds_and_only_when_it_changed() -> None:
    stage = Stage()
    stage.console.step()
    stage.lines()
    stage.session.clock.advance(9.9)
    stage.console.step()
    assert stage.lines() == []
    stage.session.clock.advance(0.2)
    stage.console.step()
    assert stage.lines() == [FIRST, SECOND]
    stage.session.clock.advance(30.0)
    stage.console.step()
    assert stage.lines() == []
    stage.tell(RunPaused(by="user"))
    stage.session.clock.advance(10.0)
    stage.console.step()
    said = stage.lines()
    assert said[0].startswith("0:57 paused by user: nothing more starts")
    assert said[2].startswith("0:57 Paused: nothing more starts.")


def test_it_follows_to_the_end_and_tells_the_last_sentence() -> None:
    stage = Stage(demo(), keys=False)
    stage.ended.set()
    assert stage.console.follow() is Left.ENDED
    said = stage.lines()
    assert said[0].startswith("0:00 run 20260102-150405-7f3a begins: stdlib-review, 40 subtasks in 4 waves")
    assert said[-1].startswith("0:35 run succeeded after 35 seconds")
    assert stage.console.code is None


def test_a_stdin_that_ends_is_no_end_of_the_run() -> None:
    stage = Stage()
    os.close(stage.writing)
    stage.console._wait()
    assert stage.console._keys is None
    assert stage.calls == []


def test_signals_are_taken_while_following_and_given_back() -> None:
    before = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGUSR1, signal.SIGTERM)}
    parting = Watched()
    stage = Stage(parting=parting)
    stage.lines()

    def poke() -> None:
        os.kill(os.getpid(), signal.SIGUSR1)
        os.kill(os.getpid(), signal.SIGTERM)
        stage.ended.set()

    timer = threading.Timer(0.3, poke)
    timer.start()
    assert stage.console.follow(stage.session.state().seq) is Left.ENDED
    timer.join()
    stage.console.step()
    assert stage.lines().count(FIRST) == 2
    assert (stage.calls, parting.calls) == ([], ["terminate"])
    assert stage.console.code == 143
    assert {n: signal.getsignal(n) for n in before} == before


class Watched(Parting):
    """Remembers what it was asked."""

    def __init__(self, why_stays: str = "") -> None:
        self.calls: list[str] = []
        self._why_stays = why_stays

    @property
    def why_stays(self) -> str:
        return self._why_stays

    def let_go(self) -> None:
        self.calls.append("let go")

    def lost(self, how: str) -> None:
        self.calls.append(how)

    def terminate(self) -> None:
        self.calls.append("terminate")

    def stacks(self) -> str:
        return "runs/7f3a/crash-1.txt"


def test_d_leaves_or_says_why_the_run_would_not_go_on() -> None:
    stage = Stage()
    assert stage.type("d\n") == []
    assert stage.console._left is Left.AWAY
    assert stage.calls == []
    stage = Stage(parting=Watched("it has no legs"))
    assert stage.type("d\n") == ["0:57 The run would not go on without this terminal: it has no legs."]
    assert stage.console._left is None


def test_a_hang_up_lets_go_and_the_run_decides_the_exit_code() -> None:
    parting = Watched()
    stage = Stage(parting=parting)
    stage.console._caught.append(signal.SIGHUP)
    stage.console.step()
    assert parting.calls == ["let go", "SIGHUP"]
    assert (stage.console._left, stage.console.code, stage.console._keys) == (None, None, None)


def test_a_viewer_that_hangs_up_or_is_ended_leaves_at_once_and_asks_nothing_of_the_run() -> None:
    for number, code in ((signal.SIGHUP, 129), (signal.SIGTERM, 143)):
        stage = Stage(parting=Watched(), watching=Watching.ATTACHED)
        stage.console._caught.append(number)
        stage.console.step()
        assert (stage.console._left, stage.console.code) == (Left.HARD, code)
        assert stage.calls == []


def test_sigquit_says_where_the_stacks_are_and_ends_nothing() -> None:
    stage = Stage(parting=Watched())
    stage.console._caught.append(signal.SIGQUIT)
    stage.console.step()
    assert "0:57 what every thread is doing: runs/7f3a/crash-1.txt" in stage.lines()
    assert (stage.console._left, stage.console.code) == (None, None)


def test_a_hang_up_that_was_to_be_ignored_is_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Stage().console._signals():
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
            assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_terminal_that_takes_nothing_is_not_waited_for_in_a_hurry() -> None:
    master, slave = os.openpty()
    os.set_blocking(slave, False)
    with suppress(BlockingIOError):
        while os.write(slave, b"x" * 1_024):
            pass
    with os.fdopen(slave, "w") as stream:
        lines = LinePrinter(stream)
        lines.hurried = True
        lines.say("nobody reads this")
        assert not lines.gone
        os.close(master)
        lines.say("nor this")
        assert lines.gone
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, slave)
        os.close(null)


class Gone(io.StringIO):
    """A terminal that has gone."""

    def write(self, text: str) -> int:
        raise OSError(5, "Input/output error")


def test_a_terminal_that_has_gone_ends_the_words_not_the_run() -> None:
    lines, parting = LinePrinter(Gone()), Watched()
    lines.say("one")
    lines.say("two")
    console = PlainConsole(StillSession(busy(20)), threading.Event(), lines, parting=parting)
    console.step()
    console.step()
    assert console.code is None
    assert parting.calls == ["let go", "closed"]
