"""A run told in sentences: full, without glyphs, and with numbers that add up."""

from __future__ import annotations

import re

import pytest
from tui.scenes import busy, demo, paused
from tui.subtask_scenes import story

from luna_tui.core.events import (
    Attached,
    AttemptFailed,
    CancelRequested,
    Detached,
    Event,
    JournalFailed,
    JournalRepaired,
    JournalSaved,
    JournalSlowed,
    ModeChanged,
    Record,
    RunFinished,
    RunResumed,
    SubtaskFinished,
    SubtaskStarted,
    TerminalLost,
    ThreadReturned,
    Tokens,
    ToolCalled,
    ToolFinished,
    WaveFinished,
    WorkersChanged,
)
from luna_tui.core.state import RunState, fold
from luna_tui.core.telling import about_subtask, line, quiet_ones, spoken, status_sentences
from luna_tui.core.words import ErrorKind, Kind, Manner, Mode, RunStatus, Scope, Status


def told(event: Event) -> str | None:
    return line(fold(busy()), Record(99, 101.4, "run", event))


def failed(*, again: bool) -> AttemptFailed:
    return AttemptFailed(
        wave="extract", subtask="s03", attempt=1, error_kind=ErrorKind.STALLED,
        message="timed out after 60 seconds.", will_retry=again, delay_s=4.0 if again else None,
    )  # fmt: skip


def ended(status: Status, reason: str = "", attempts: int = 2) -> SubtaskFinished:
    return SubtaskFinished(
        wave="extract", subtask="s03", attempt=attempts, attempts=attempts, status=status, duration_s=52.4,
        reason=reason,
    )  # fmt: skip


FINISHED = RunFinished(
    status=RunStatus.SUCCEEDED, counts={"succeeded": 3}, wall_s=298.0, sum_s=4_000.0, speedup=13.42,
    bound_s=None, efficiency=None, tokens=Tokens(), cost_usd=None, throttled=0,
)  # fmt: skip


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (
            failed(again=True),
            "failed 1.04 fix_links: timed out after 60 seconds, try 1 of 3, next in 4 seconds.",
        ),
        (failed(again=False), None),
        (ended(Status.SUCCEEDED), "succeeded 1.04 fix_links after 52 seconds."),
        (ended(Status.CACHED), "from the cache 1.04 fix_links after 52 seconds."),
        (ended(Status.TIMED_OUT, "after 60 s"), "timed out 1.04 fix_links: after 60 s, 2 tries."),
        (ended(Status.FAILED, "a\nb", 1), "failed 1.04 fix_links: a b, 1 try."),
        (ended(Status.SKIPPED, "needs 1.02", 0), "skipped 1.04 fix_links: needs 1.02."),
        (
            WaveFinished(wave="extract", status=RunStatus.FAILED, counts={"succeeded": 2, "timed_out": 1},
                         wall_s=61.0, reason="the wave timed out"),
            "wave 1 of 2, extract, ended after 1 minute 1 second: "
            "2 succeeded, 1 timed out (the wave timed out).",
        ),
        (
            CancelRequested(scope=Scope.SUBTASK, manner=Manner.NOW, by="user", subtask="s03"),
            "user asked to stop 1.04 fix_links: now.",
        ),
        (
            CancelRequested(scope=Scope.WAVE, manner=Manner.FINISH, by="user", wave="extract"),
            "user asked to stop wave 1 of 2, extract: what is in flight ends by itself.",
        ),
        (
            CancelRequested(scope=Scope.RUN, manner=Manner.NOW, by="SIGINT"),
            "SIGINT asked to stop the run: now.",
        ),
        (
            ModeChanged(from_=Mode.BALANCED, to=Mode.AGGRESSIVE, by="user"),
            "mode is aggressive now, it was balanced; by user.",
        ),
        (WorkersChanged(from_=20, to=40, by="user"), "40 workers now, there were 20."),
        (RunResumed(by="user"), "admission goes on, by user."),
        (JournalFailed(message="the disk is full"), "attention: NOT SAVED any more: the disk is full."),
        (JournalSaved(after_s=65.0), "saved again after 1 minute 5 seconds."),
        (JournalSlowed(sync_s=0.4321), "the disk is slow: it took 0.4 seconds to save."),
        (
            JournalRepaired(lines=1, where="journal.0001.torn"),
            "the journal is repaired: 1 line that could not be used is in journal.0001.torn.",
        ),
        (TerminalLost(how="SIGHUP"), "the terminal is gone; the run goes on."),
        (Attached(by="user", read_only=False, viewers=1), "user watches."),
        (Detached(by="user"), "user left; the run goes on."),
        (FINISHED, "run succeeded after 4 minutes 58 seconds, 13.4 times as fast as one after another."),
        (
            SubtaskStarted(
                wave="extract", subtask="s03", attempt=1, worker=1, title="x", kind=Kind.CLAUDE
            ),
            None,
        ),
        (ThreadReturned(wave="extract", subtask="s03", attempt=1, worker=1), None),
    ],
)  # fmt: skip
def test_each_event_that_matters_is_one_sentence(event: Event, said: str | None) -> None:
    assert told(event) == (None if said is None else f"1:41 {said}")


def test_steps_of_a_subtask_are_told_on_its_own_screen() -> None:
    state = fold(busy())
    called = ToolCalled(wave="extract", subtask="s03", attempt=1, tool="bash", summary="run the\ntests")
    back = ToolFinished(wave="extract", subtask="s03", attempt=1, tool="bash", ok=True, duration_s=7.0)
    said = [
        about_subtask(state, Record(1, 0.0, "r", e)) for e in (called, back, failed(again=False), FINISHED)
    ]
    assert said == [
        "calls a tool: bash run the tests",
        "tool bash returned after 7 seconds.",
        "failed: timed out after 60 seconds, try 1 of 3.",
        None,
    ]


@pytest.mark.parametrize("records", [demo(), busy(), paused(), story(), story(ended=True)])
def test_every_line_is_a_sentence_without_a_glyph(records: tuple[Record, ...]) -> None:
    state = RunState()
    said = []
    for record in records:
        state.apply(record)
        text = line(state, record)
        said += [text] if text is not None else []
        said += [f"0:00 {s}" for s in status_sentences(state, state.at)]
    assert len(said) > 5
    for text in said:
        assert re.fullmatch(r"\d+:\d\d [ -~]*[.]", text), text


def test_the_state_is_said_in_two_sentences_whose_numbers_add_up() -> None:
    first, second = status_sentences(fold(busy(40)), 58.0)
    assert first == "wave 1 of 2, extract. 3 of 59 ok, 3 failed, 28 in flight, 6 waiting."
    assert second == "waiting: 3 for input tokens per minute, 3 for the pause the server asked for."
    assert "Paused: nothing more starts." in status_sentences(fold(paused()), 58.0)[1]
    state = fold(story())
    assert status_sentences(state, state.at)[1] == "Spent 0.02 dollars."
    state.budget_usd = 11.0
    assert status_sentences(state, state.at)[1] == "Spent 0.02 of 11.00 dollars."
    state.provider = "simulator"
    assert status_sentences(state, state.at)[1] == "Would have cost 0.02 of 11.00 dollars."
    state.budget_usd = None
    assert status_sentences(state, state.at)[1] == "Would have cost 0.02 dollars."
    assert status_sentences(fold(demo()), 60.0)[0] == "The run has ended. 40 of 40 ok."


def test_silence_is_told_of_those_in_flight() -> None:
    state = fold(story())
    assert [text for _, text in quiet_ones(state, state.at)] == [
        "attention 2.01 idx_files: no token for 48 seconds."
    ]
    assert list(quiet_ones(fold(story(ended=True)), 500.0)) == []


def test_times_are_words() -> None:
    said = [spoken(s) for s in (0.02, 0.42, 1, 59.4, 59.6, 60, 61, 3_600, 3_725)]
    assert said == [
        "0 seconds",
        "0.4 seconds", "1 second", "59 seconds", "1 minute", "1 minute", "1 minute 1 second", "60 minutes",
        "62 minutes 5 seconds",
    ]  # fmt: skip
