"""Frames wait for the terminal's own answers, and a line that cannot keep up is shown less."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luna_tui.tui.ladder import Rung
from luna_tui.tui.pace import (
    LEAST_BYTES,
    LEAST_LOCAL_BYTES,
    MOST_BYTES,
    PROBES,
    SILENCE_S,
    Line,
    Pacer,
    line_of,
)

SSH = {"SSH_CONNECTION": "1.2.3.4 5 6.7.8.9 22"}


@pytest.mark.parametrize(
    ("environ", "line"),
    [
        ({"TERM": "xterm-256color"}, Line.LOCAL),
        (SSH, Line.SSH),
        ({"SSH_TTY": "/dev/pts/1"}, Line.SSH),
        ({"TMUX": "/tmp/tmux-0/default,1,0"}, Line.MULTIPLEXER),
        (SSH | {"TMUX": "x"}, Line.MULTIPLEXER),
        ({"STY": "1.pts-0.host"}, Line.MULTIPLEXER),
        ({"TERM": "screen-256color"}, Line.MULTIPLEXER),
        ({"TERM": "tmux-256color"}, Line.MULTIPLEXER),
        (SSH | {"TERM": "screen"}, Line.SSH),
        ({"SSH_CONNECTION": "", "TMUX": "", "TERM": "xterm"}, Line.LOCAL),
    ],
    ids=str,
)
def test_the_environment_says_what_line_it_is(environ: dict[str, str], line: Line) -> None:
    assert line_of(environ) is line


def frames(pacer: Pacer, seconds: float, *, answers: bool = True, at: float = 100.0) -> int:
    """Frames drawn in a time, on a terminal that answers after 5 ms."""
    drawn = 0
    for n in range(round(seconds / pacer.tick_s)):
        now = at + n * pacer.tick_s
        if pacer.may_draw(now):
            drawn += 1
            pacer.sent(300, now, question := pacer.next_question())
            pacer.taken(0, now)
            if question is not None and answers:
                pacer.answered(now + 0.005, question)
    return drawn


@pytest.mark.parametrize(
    ("line", "fps", "expected"),
    [
        (Line.LOCAL, 0, 10), (Line.SSH, 0, 4), (Line.MULTIPLEXER, 0, 2), (Line.LOCAL, 1, 1),
        (Line.SSH, 30, 30), (Line.MULTIPLEXER, 7, 7), (Line.LOCAL, 3, 3),
    ],
)  # fmt: skip
def test_the_rate_suits_the_line_unless_one_is_asked_for(line: Line, fps: int, expected: int) -> None:
    assert frames(Pacer(line, fps), 20.0) == pytest.approx(expected * 20, rel=0.02)


@pytest.mark.parametrize("line", Line)
def test_one_frame_a_second_is_drawn_for_nobody(line: Line) -> None:
    pacer = Pacer(line)
    pacer.focused = False
    assert frames(pacer, 20.0) == 20


def asked(pacer: Pacer, size: int, now: float) -> int:
    question = pacer.next_question()
    assert question is not None
    pacer.sent(size, now, question)
    pacer.taken(0, now)
    return question


def known(pacer: Pacer, now: float = 0.0, trip_s: float = 0.01) -> Pacer:
    pacer.answered(now + trip_s, asked(pacer, 0, now))
    return pacer


def test_the_first_screen_waits_for_no_answer() -> None:
    pacer = Pacer(Line.SSH)
    asked(pacer, 0, 0.0)
    assert pacer.room(0.0) == MOST_BYTES
    assert pacer.may_draw(0.0)


def test_one_frame_and_one_question_are_under_way() -> None:
    pacer = known(Pacer(Line.SSH))
    assert pacer.may_draw(1.0)
    question = asked(pacer, 1_000, 1.0)
    assert pacer.next_question() is None
    assert pacer.room(1.4) == 0
    assert not pacer.may_draw(1.4)
    assert pacer.answered(1.45, question)
    assert pacer.may_draw(1.45)


def test_what_answers_a_key_goes_behind_the_frame_under_way_but_not_without_end() -> None:
    pacer = known(Pacer(Line.SSH))
    asked(pacer, 1_000, 1.0)
    room = pacer.room(1.0, urgent=True)
    assert 0 < room < MOST_BYTES
    pacer.sent(room, 1.0)
    pacer.taken(0, 1.0)
    assert pacer.room(1.0, urgent=True) == 0


def test_bytes_that_the_kernel_has_not_taken_hold_everything_up_where_nothing_else_tells() -> None:
    pacer = Pacer(Line.MULTIPLEXER)
    pacer.sent(5_000, 1.0, pacer.next_question())
    assert not pacer.may_draw(1.0)
    assert pacer.room(1.0, urgent=True) == 0
    pacer.taken(4_000, 1.1)
    assert pacer.room(1.1, urgent=True) == 0
    pacer.taken(0, 1.2)
    assert pacer.room(1.2, urgent=True) > 0


def test_what_is_held_goes_before_the_next_frame() -> None:
    pacer = known(Pacer(Line.LOCAL))
    pacer.held = True
    assert not pacer.may_draw(5.0)
    pacer.held = False
    assert pacer.may_draw(5.0)


def test_a_terminal_that_never_answers_is_not_asked_again() -> None:
    pacer = Pacer(Line.LOCAL)
    asked(pacer, 100, 0.0)
    assert not pacer.may_draw(SILENCE_S - 0.1) or pacer.next_question() is None
    pacer.room(SILENCE_S)
    assert pacer.next_question() is None
    assert frames(pacer, 10.0) == 100


def test_a_late_answer_starts_the_asking_again() -> None:
    pacer = Pacer(Line.LOCAL)
    question = asked(pacer, 100, 0.0)
    pacer.room(5.0)
    assert pacer.next_question() is None
    assert pacer.answered(6.0, question)
    assert pacer.next_question() is not None


def test_a_terminal_that_stops_answering_gets_a_frame_in_two_seconds_and_a_question_with_it() -> None:
    pacer = known(Pacer(Line.LOCAL))
    asked(pacer, 500, 1.0)
    drawn = [now / 10 for now in range(10, 210) if pacer.may_draw(now / 10) and asked(pacer, 500, now / 10)]
    assert len(drawn) == 9 or len(drawn) == 10
    assert pacer.answered(21.0)
    assert pacer.may_draw(21.1)


def test_an_answer_to_a_later_question_answers_the_earlier_ones() -> None:
    pacer = known(Pacer(Line.LOCAL))
    first = asked(pacer, 500, 1.0)
    pacer.room(1.0 + SILENCE_S)
    second = asked(pacer, 500, 4.0)
    assert first != second
    assert pacer.answered(4.1, second)
    assert pacer.under_way == 0
    assert not pacer.answered(4.2, first)


def test_an_answer_that_nobody_asked_for_is_none_of_ours() -> None:
    pacer = Pacer(Line.LOCAL)
    assert not pacer.answered(1.0)
    assert not pacer.answered(1.0, 3)
    known(pacer, 2.0)
    assert not pacer.answered(3.0, 9)


def test_a_multiplexer_is_never_asked() -> None:
    pacer = Pacer(Line.MULTIPLEXER)
    assert pacer.next_question() is None
    assert pacer.room(0.0) == MOST_BYTES


def test_nothing_is_asked_after_a_stop_until_it_starts_again() -> None:
    pacer = known(Pacer(Line.LOCAL))
    pacer.stop()
    assert pacer.next_question() is None
    pacer.restart()
    assert pacer.next_question() is not None


def test_questions_have_different_numbers_for_a_while() -> None:
    pacer = Pacer(Line.LOCAL)
    numbers = []
    for n in range(PROBES):
        numbers.append(asked(pacer, 10, n))
        pacer.answered(n + 0.1, numbers[-1])
    assert sorted(numbers) == list(range(1, PROBES + 1))


@dataclass
class Link:
    """A line with a queue without end: so many bytes a second, so far away."""

    rate: float
    distance_s: float
    free_at: float = 0.0
    coming: list[tuple[float, int]] = field(default_factory=list)
    longest_s: float = 0.0

    def send(self, size: int, question: int | None, now: float) -> None:
        self.free_at = max(self.free_at, now) + size / self.rate
        self.longest_s = max(self.longest_s, self.free_at - now)
        if question is not None:
            heapq.heappush(self.coming, (self.free_at + self.distance_s, question))

    def deliver(self, pacer: Pacer, now: float) -> None:
        while self.coming and self.coming[0][0] <= now:
            at, question = heapq.heappop(self.coming)
            pacer.answered(at, question)


def drive(pacer: Pacer, link: Link, seconds: float, frame: int, begin: float = 0.0) -> int:
    """Draw all that the pacer lets through, frames in pieces; bytes sent."""
    left = total = 0
    pacer.held = False
    for step in range(round(seconds * 100)):
        now = begin + step / 100
        link.deliver(pacer, now)
        if not left and pacer.may_draw(now):
            left = frame
        room = pacer.room(now) if left else 0
        if room:
            size = min(left, room)
            left -= size
            total += size
            pacer.held = left > 0
            question = pacer.next_question()
            pacer.sent(size, now, question)
            pacer.taken(0, now)
            link.send(size, question, now)
    return total


@settings(max_examples=60, deadline=None)
@given(
    rate=st.floats(8_000, 5_000_000), distance_s=st.floats(0.001, 0.5), frame=st.integers(50, 40_000),
    line=st.sampled_from([Line.LOCAL, Line.SSH]),
)  # fmt: skip
def test_the_queue_stays_short_on_every_line_and_it_is_used(
    rate: float, distance_s: float, frame: int, line: Line
) -> None:
    pacer, link = Pacer(line), Link(rate, distance_s)
    link.send(0, asked(pacer, 0, 0.0), 0.0)
    drive(pacer, link, 10.0, frame)
    link.longest_s = 0.0
    sent = drive(pacer, link, 20.0, frame, begin=10.0)
    # A step of the budget too much is how it finds out that there is no more room.
    least = LEAST_LOCAL_BYTES if line is Line.LOCAL else LEAST_BYTES
    assert link.longest_s <= 0.08 * 1.15 * 1.15 + 2 * least / rate + 0.02
    wanted = min(frame * int(line) * 20, rate * 20)
    trip_s = distance_s + 0.08
    assert sent >= min(wanted * 0.1, 20 / trip_s * LEAST_BYTES * 0.5)


def test_a_line_that_gets_slower_is_noticed() -> None:
    pacer, link = Pacer(Line.SSH), Link(1_000_000, 0.02)
    link.send(0, asked(pacer, 0, 0.0), 0.0)
    drive(pacer, link, 10.0, 20_000)
    before = pacer.budget
    link.rate = 30_000
    drive(pacer, link, 10.0, 20_000, begin=10.0)
    assert pacer.budget < before / 4
    link.rate = 1_000_000
    drive(pacer, link, 20.0, 20_000, begin=20.0)
    assert pacer.budget > before / 2


def test_one_late_answer_is_put_down_to_a_busy_machine() -> None:
    pacer = known(Pacer(Line.LOCAL))
    for trip_s, shrinks in ((0.5, False), (0.01, False), (0.5, False), (0.5, True)):
        before = pacer.budget
        question = asked(pacer, before, 10.0)
        pacer.answered(10.0 + trip_s, question)
        assert (pacer.budget < before) is shrinks


def test_a_line_is_believed_the_first_time_that_it_is_late() -> None:
    pacer = known(Pacer(Line.SSH))
    before = pacer.budget
    pacer.answered(10.5, asked(pacer, before, 10.0))
    assert pacer.budget < before


def test_a_line_that_is_far_away_is_not_taken_for_a_slow_one() -> None:
    pacer, link = Pacer(Line.SSH), Link(1_000_000, 0.6)
    link.send(0, asked(pacer, 0, 0.0), 0.0)
    drive(pacer, link, 30.0, 2_000)
    assert pacer.rung is Rung.FULL
    assert pacer.words == ""


def rung(pacer: Pacer) -> Rung:
    return pacer.rung


def test_a_slow_line_is_shown_less_in_words_and_more_again_by_itself() -> None:
    pacer, link = Pacer(Line.SSH), Link(4_000, 0.02)
    link.send(0, asked(pacer, 0, 0.0), 0.0)
    drive(pacer, link, 4.0, 3_000)
    assert rung(pacer) is Rung.NO_TEXT
    assert "no stream text" in pacer.words
    drive(pacer, link, 5.0, 3_000, begin=4.0)
    assert rung(pacer) is Rung.SUMMARY
    assert pacer.fps == 1
    link.rate = 1_000_000
    drive(pacer, link, 30.0, 3_000, begin=9.0)
    assert rung(pacer) is Rung.FULL
