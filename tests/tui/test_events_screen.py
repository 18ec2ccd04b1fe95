"""The journal on the screen: every event has words, follow, filter, find."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from textual.pilot import Pilot
from tui.scenes import busy, demo
from tui.stage import RecordingControl, drive, shown
from tui.trouble_scenes import Story, overloaded, quiet, sid, story

from luna_tui.core import events as facts
from luna_tui.core.events import Event, Record
from luna_tui.core.filter import Filter, parse_filter
from luna_tui.core.state import LOG_RECORDS, fold
from luna_tui.core.words import (
    Decision,
    ErrorKind,
    GrantScope,
    Kind,
    Manner,
    Mode,
    RunStatus,
    Scope,
    Status,
    WaitReason,
)
from luna_tui.tui.app import LunaApp
from luna_tui.tui.screens.events import EventsScreen
from luna_tui.tui.screens.subtask_screen import SubtaskScreen
from luna_tui.tui.views.events import EventsLook, events_view, matching
from luna_tui.tui.views.glyphs import UNICODE
from luna_tui.tui.views.spans import Line, Looks
from luna_tui.tui.views.telling import tell
from luna_tui.tui.views.text import width_of

STATE = fold(quiet(overloaded(story())).records())
OF: dict[str, Any] = {"wave": "extract", "subtask": sid(2, 3), "attempt": 1}
DECIDED: dict[str, Any] = {
    "wave": "extract", "subtask": sid(2, 3), "approval": "a1", "tool": "run_command", "by": "ana"
}  # fmt: skip
GAUGE = facts.Gauge(limit=1_000, cap=950, settled=400, reserved=100)
TOLD: list[tuple[Event, str, str]] = [
    (facts.WaveStarted(wave="extract", parallel=True, reason="parallel: 2 on 2", workers=2), "wave 2 extract",
     "parallel: 2 on 2"),
    (facts.WaveFinished(wave="extract", status=RunStatus.FAILED, counts={}, wall_s=42.0, reason="2 failed"),
     "wave 2 extract", "failed after 0:42: 2 failed"),
    (facts.SubtaskWaiting(**OF, reason=WaitReason.ITPM, expected_s=9.0), "2.03 typ_check",
     "waits for input tokens per minute, about 9 s"),
    (facts.SubtaskWaiting(**OF, reason=WaitReason.SLOT), "2.03 typ_check", "waits for a worker"),
    (facts.SubtaskStarted(**OF, worker=3, title="t", kind=Kind.CLAUDE), "2.03 typ_check",
     "try 1 on worker 3"),
    (facts.SubtaskOutput(**OF, text="abc"), "2.03 typ_check", "said 3 characters"),
    (facts.ToolCalled(**OF, tool="bash", summary="run tests"), "2.03 typ_check", "bash run tests"),
    (facts.ToolFinished(**OF, tool="bash", ok=True, duration_s=7.0), "2.03 typ_check", "bash done in 0:07"),
    (facts.ToolFinished(**OF, tool="bash", ok=False, duration_s=7.0), "2.03 typ_check",
     "bash failed after 0:07"),
    (facts.UsageRecorded(**OF, model="m", input_tokens=17_112, output_tokens=612, cost_usd=0.054),
     "2.03 typ_check", "used 17k in, 612 out, $0.05"),
    (facts.AttemptFailed(**OF, error_kind=ErrorKind.OVERLOADED, message="overloaded (529)", will_retry=True,
                         delay_s=4.0), "2.03 typ_check", "tries again in 4.0 s: overloaded (529)"),
    (facts.AttemptFailed(**OF, error_kind=ErrorKind.OVERLOADED, message="overloaded (529)"),
     "2.03 typ_check", "overloaded (529)"),
    (facts.SubtaskFinished(**OF, status=Status.TIMED_OUT, duration_s=60.0, attempts=1,
                           reason="timed out after 60 s"),
     "2.03 typ_check", "timed out after 1:00: timed out after 60 s"),
    (facts.ThreadAbandoned(**OF, worker=3), "2.03 typ_check",
     "its thread ignores the cancellation; worker 3 was replaced"),
    (facts.ThreadReturned(**OF, worker=3), "2.03 typ_check",
     "the abandoned thread came back; its result is dropped"),
    (facts.LimitsObserved(rpm=GAUGE, itpm=GAUGE, otpm=GAUGE, throttled=0), "limits",
     "RPM 50 %, ITPM 50 %, OTPM 50 %"),
    (facts.ModeChanged(by="ana", from_=Mode.BALANCED, to=Mode.AGGRESSIVE), "ana",
     "mode balanced → aggressive"),
    (facts.WorkersChanged(by="ana", from_=40, to=20), "ana", "workers 40 → 20"),
    (facts.RunPaused(by="ana"), "ana", "paused admission"),
    (facts.RunResumed(by="ana"), "ana", "lets admission go on"),
    (facts.CancelRequested(by="ana", scope=Scope.SUBTASK, manner=Manner.NOW, subtask=sid(2, 3)), "ana",
     "stops 2.03 typ_check now"),
    (facts.CancelRequested(by="ana", scope=Scope.WAVE, manner=Manner.FINISH, wave="extract"), "ana",
     "lets wave 2 extract finish what is in flight, and start no more"),
    (facts.CancelRequested(by="ana", scope=Scope.RUN, manner=Manner.NOW), "ana", "stops the run now"),
    (facts.JournalFailed(message="disk full"), "run", "NOT SAVED: disk full"),
    (facts.RetryRequested(by="ana", subtasks=(sid(2, 3), sid(2, 6)),
                          requeued=(sid(2, 3), sid(2, 6), sid(3, 2))),
     "ana", "retries 2.03 2.06, and 1 that needs it"),
    (facts.RetryRequested(by="ana", subtasks=(sid(2, 3),), requeued=(sid(2, 3),), prompt="x"),
     "ana", "retries 2.03 with another prompt"),
    (facts.SkipRequested(by="ana", subtasks=tuple(sid(2, n) for n in range(1, 7))), "ana",
     "skips 2.01 2.02 2.03 +3"),
    (facts.BudgetChanged(by="ana", from_=None, to=6.0), "ana", "budget none → $6.00"),
    (facts.JournalSaved(after_s=65.0, lost=1), "run", "saved again after 1:05; 1 event is lost"),
    (facts.JournalSlowed(sync_s=0.4321), "run", "slow disk: 0.4 s to save"),
    (facts.JournalRepaired(lines=2, where="journal.0001.torn"), "run",
     "journal repaired: 2 lines in journal.0001.torn"),
    (facts.TerminalLost(how="SIGHUP"), "run", "the terminal is gone; the run goes on"),
    (facts.Attached(by="ana", read_only=True, viewers=2), "ana", "watches, read-only"),
    (facts.Detached(by="ana", viewers=1), "ana", "left; the run goes on"),
    (facts.TurnStarted(**OF, turn=3), "2.03 typ_check", "turn 3"),
    (facts.TurnFailed(**OF, turn=3, error_kind=ErrorKind.OVERLOADED, message="overloaded (529)"),
     "2.03 typ_check", "turn 3 is sent again: overloaded (529)"),
    (facts.ApprovalRequested(**OF, approval="a1", tool="run_command", summary="pytest -q"),
     "2.03 typ_check", "asks to use run_command pytest -q"),
    (facts.ApprovalRequested(**OF, approval="a2", tool="ask_user", summary="Which one?", question=True),
     "2.03 typ_check", "asks: Which one?"),
    (facts.ApprovalDecided(**DECIDED, decision=Decision.ALLOW), "2.03 typ_check", "ana allows run_command"),
    (facts.ApprovalDecided(**DECIDED, decision=Decision.ALLOW, scope=GrantScope.RUN,
                           pattern="run_command(pytest *)"),
     "2.03 typ_check", "ana allows run_command(pytest *) for the run"),
    (facts.ApprovalDecided(**DECIDED, decision=Decision.DENY, reason="not now"), "2.03 typ_check",
     "ana denies run_command: not now"),
    (facts.ApprovalDecided(**DECIDED, decision=Decision.WITHDRAWN), "2.03 typ_check",
     "run_command is no longer asked for"),
    (facts.WorkspaceChanged(**OF, files=(facts.ChangedFile(path="a.py", kind="changed", added=2),),
                            diff_file="diffs/a.1.diff"), "2.03 typ_check", "1 changed file to look at"),
    (facts.ChangesAccepted(subtask=sid(2, 3), by="ana", files=1), "2.03 typ_check",
     "1 file taken over by ana"),
    (facts.ChangesDropped(subtask=sid(2, 3), by="ana"), "2.03 typ_check", "changes thrown away by ana"),
    (facts.ChangesRefused(subtask=sid(2, 3), by="ana", conflicts=("a.py changed meanwhile",)),
     "2.03 typ_check", "changes not taken over: a.py changed meanwhile"),
]  # fmt: skip
ENDS = tuple(r.event for r in demo() if isinstance(r.event, facts.RunStarted | facts.RunFinished))


def text(line: Line) -> str:
    return "".join(s.text for s in line)


@pytest.mark.parametrize(("event", "who", "what"), TOLD, ids=lambda v: type(v).__name__)
def test_every_event_says_who_and_what(event: Event, who: str, what: str) -> None:
    told = tell(STATE, Record(1, 1.0, "r", event), UNICODE)
    assert (told.who, told.what) == (who, what)


def test_no_event_is_without_words() -> None:
    seen = {type(event) for event, _who, _what in TOLD} | {type(event) for event in ENDS}
    assert set(get_args(Event)) <= seen
    for event in ENDS:
        assert tell(STATE, Record(1, 1.0, "r", event), UNICODE).what


def test_an_event_of_an_unknown_subtask_or_wave_is_told_by_its_id() -> None:
    unknown: dict[str, Any] = {"wave": "w", "subtask": "gone", "attempt": 1}
    assert tell(STATE, Record(1, 1.0, "r", facts.SubtaskOutput(**unknown, text="")), UNICODE).who == "gone"
    wave = facts.WaveStarted(wave="w", parallel=True, reason="", workers=2)
    assert tell(STATE, Record(1, 1.0, "r", wave), UNICODE).who == "w"


def labels(asked: str) -> set[str]:
    found = parse_filter(asked, tuple(STATE.waves))
    assert isinstance(found, Filter)
    records = matching(STATE, STATE.log, 99.0, found, UNICODE)
    return {tell(STATE, r, UNICODE).who.partition(" ")[0] for r in records}


def test_the_filter_works_on_events_of_subtasks_and_of_waves() -> None:
    assert labels("s:failed") == {"2.03", "2.06"}
    assert labels("wave:3") == {"3.02", "3.07"}
    assert labels("parallel wave:2") == {"wave"}
    assert labels("needs") == {"3.02", "3.07", "4.04"}
    assert labels("!wave:1 !wave:2 !wave:3 !wave:4") == {"run"}
    assert matching(STATE, STATE.log, 99.0, Filter(), UNICODE) == STATE.log


def many() -> tuple[Record, ...]:
    told = Story(list(story().told))
    for n in range(LOG_RECORDS + 900):
        told.add(100.0 + n / 100, facts.RunPaused(by=f"person {n}"))
    return told.records()


def test_it_is_said_how_many_older_records_are_only_in_the_file() -> None:
    state = fold(many())
    look = EventsLook(records=state.log, journal="runs/7f3a/journal.*.ndjson")
    view = events_view(state, look, Looks(width=80, height=24, selected=str(state.seq)))
    older = state.log[0].seq - 1
    assert f"… {older:,} records before these are in runs/7f3a/journal.*.ndjson" in text(view.lines[2])


@settings(max_examples=80, deadline=None)
@given(st.integers(24, 220), st.integers(6, 70), st.booleans(), st.integers(0, 40), st.text(max_size=5))
def test_events_fit_at_any_size(width: int, height: int, ascii_only: bool, first: int, find: str) -> None:
    records = [Record(n, n * 97.0, "r", event) for n, (event, _who, _what) in enumerate(TOLD, 1)]
    looks = Looks(width=width, height=height, ascii=ascii_only, selected="3", scroll=first)
    view = events_view(STATE, EventsLook(records=records, find=find, filter="x"), looks)
    assert len(view.lines) == height
    assert all(width_of(line) <= width for line in view.lines)
    if ascii_only:
        assert all(text(line).isascii() for line in view.lines[1:] if find.isascii())


def test_it_follows_until_the_cursor_moves_away_and_again_from_the_end_on() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        await pilot.press("v")
        screen = app.screen
        assert isinstance(screen, EventsScreen)
        last = screen.entries()[-1]
        assert screen.selected == last
        assert screen.follow
        await pilot.press("k")
        assert not screen.follow
        await pilot.press("j")
        assert screen.follow
        await pilot.press("f")
        assert not screen.follow
        assert "stays (f follows)" in shown(app)
        await pilot.press("g", "f")
        assert screen.selected == last
        assert control.calls == []

    drive(steps, records=busy(40))


def test_new_events_move_a_screen_that_follows_and_no_other() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        await pilot.press("v")
        screen = app.screen
        assert isinstance(screen, EventsScreen)
        state, _now_s = app.state_now()
        state.apply(Record(state.seq + 1, state.at + 1, state.run, facts.RunPaused(by="ana")))
        screen.redraw()
        assert screen.selected == str(state.seq)
        assert "paused admission" in shown(app)
        await pilot.press("g")
        before = screen.selected
        state.apply(Record(state.seq + 1, state.at + 1, state.run, facts.RunResumed(by="ana")))
        screen.redraw()
        assert screen.selected == before

    drive(steps, records=busy(40))


def test_enter_opens_the_subtask_of_the_event() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        await pilot.press("v", "g", "enter")
        assert isinstance(app.screen, EventsScreen)
        await pilot.press("j", "j", "enter")
        assert isinstance(app.screen, SubtaskScreen)
        assert app.screen.subtask in app.state_now()[0].subtasks

    drive(steps, records=busy(40))


def test_find_goes_through_the_places_and_round_the_end() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        await pilot.press("v", "backslash", *"gzip")
        assert "4 found" in shown(app)
        await pilot.press("enter")
        screen = app.screen
        assert isinstance(screen, EventsScreen)
        state, _now_s = app.state_now()
        places = [str(r.seq) for r in state.log if "gzip" in tell(state, r, UNICODE).who]
        assert screen.selected == places[-1]
        await pilot.press("n")
        assert screen.selected == places[0]
        await pilot.press("N", "N")
        assert screen.selected == places[-2]
        await pilot.press("backslash", "ctrl+u", "enter", "n")
        assert screen.find == ""

    drive(steps, records=demo(10.0))


def test_the_filter_stays_with_the_screen_and_says_how_many_match() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        await pilot.press("v", "slash", *"s:failed", "enter")
        assert "9 of 60 match s:failed" in shown(app)
        await pilot.press("escape", "v")
        assert "match s:failed" in shown(app)
        await pilot.press("slash", "ctrl+u", *"nothing like it", "enter")
        assert "No event matches nothing like it." in shown(app)
        await pilot.press("enter", "j", "k", "n", "f")
        assert control.calls == []

    drive(steps, records=busy(40))
