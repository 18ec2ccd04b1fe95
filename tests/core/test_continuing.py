"""The fold of a run that another process goes on with: what stays, what is in line again, what is counted."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from past import Past, two_waves
from recount import agrees, flow_agrees

from luna_tui.core.events import (
    Attached,
    AttemptFailed,
    CancelRequested,
    Event,
    JournalFailed,
    Record,
    RetryRequested,
    RunPaused,
    RunStarted,
    SubtaskFinished,
    SubtaskStarted,
    ThreadAbandoned,
)
from luna_tui.core.freezing import freeze, thaw
from luna_tui.core.past import interrupted_by, lessons, traces_of
from luna_tui.core.records import decode
from luna_tui.core.state import RunState, fold
from luna_tui.core.words import GOOD, ErrorKind, Manner, Scope, Status, WaitReason

JOURNALS = sorted((Path(__file__).parent.parent / "journals").glob("*.ndjson"))


def journal(path: Path) -> list[Record]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return [r for r in (decode(json.loads(line)) for line in lines) if r is not None]


def gone_on(state: RunState, records: list[Record], away_s: float = 30.0) -> RunState:
    """The state after another process took the run up and told what had been in flight."""
    first = next(r.event for r in records if isinstance(r.event, RunStarted))
    events: list[Event] = [replace(first, resumed_from=state.run, away_s=away_s)]
    events += interrupted_by(traces_of(records))
    for event in events:
        state.apply(Record(state.seq + 1, state.at, state.run, event))
    return state


@pytest.mark.parametrize("path", JOURNALS, ids=lambda p: p.stem)
def test_a_journal_cut_anywhere_and_gone_on_with_counts_like_a_recount(path: Path) -> None:
    records = journal(path)
    for cut in range(1, len(records), 20):
        before = fold(records[:cut])
        ends = {i: s.status for i, s in before.subtasks.items() if s.status is not None}
        running = [s.id for s in before.subtasks.values() if s.running]
        tried_s = sum(len(s.tries) for s in before.subtasks.values())
        state = gone_on(before, records[:cut])
        agrees(state, state.at + 2.0)
        flow_agrees(state, state.at + 0.5)
        assert {i: s.status for i, s in state.subtasks.items() if s.status is not None} == ends
        assert (state.on, state.running, state.live, state.workers) == (0, 0, {}, {})
        assert sum(len(s.tries) for s in state.subtasks.values()) == tried_s
        for i in running:
            last = state.subtasks[i].tries[-1]
            assert (last.error_kind, last.ended_at) == (ErrorKind.INTERRUPTED, state.at)
        assert all(s.spans[-1].end_at is not None for s in state.subtasks.values() if s.spans)
        assert thaw(freeze(state)) == state


@pytest.mark.parametrize("path", JOURNALS, ids=lambda p: p.stem)
def test_a_run_that_was_cut_and_played_to_its_end_agrees_at_every_end(path: Path) -> None:
    """The rest of the journal happens after the cut: what was in flight starts once more before it ends."""
    records = journal(path)
    cut = len(records) // 2
    state = gone_on(fold(records[:cut]), records[:cut])
    shift = state.seq - cut
    lost = {s.id for s in state.subtasks.values() if s.tries and s.status is None}
    for record in records[cut:]:
        event = record.event
        if isinstance(event, SubtaskFinished) and event.subtask in lost:
            again = SubtaskStarted(
                wave=event.wave, subtask=event.subtask, attempt=event.attempts + 1, worker=0, title="",
                kind=state.subtasks[event.subtask].planned.kind,
            )  # fmt: skip
            state.apply(Record(record.seq + shift, record.at, record.run, again))
            shift += 1
        state.apply(replace(record, seq=record.seq + shift))
    agrees(state, state.at + 2.0)
    assert state.ended == len(state.subtasks)
    assert state.finished is not None


def stopped() -> Past:
    """Two waves, paused, watched, not saved, with a ghost, and asked to stop."""
    past = two_waves()
    past.tell(40.0, RunPaused(by="user")).tell(41.0, Attached(by="a", read_only=False, viewers=2))
    past.tell(42.0, JournalFailed(message="the disk is full"))
    past.tell(48.0, ThreadAbandoned(wave="merge", subtask="f", attempt=1, worker=2))
    past.tell(61.0, CancelRequested(by="user", scope=Scope.RUN, manner=Manner.FINISH))
    return past


def test_wishes_and_watchers_of_the_process_before_are_gone_and_its_facts_stay() -> None:
    records = list(stopped().records())
    before, state = fold(records), gone_on(fold(records), records, away_s=90.0)
    assert (state.paused, state.stopping, state.viewers, state.not_saved, state.ghosts) == (
        False, None, 0, "", 0,
    )  # fmt: skip
    assert state.pauses[-1].end_at == state.at
    assert not any(s.cancel_requested or s.ghost for s in state.subtasks.values())
    assert state.away == [(61.0, 90.0)]
    assert (state.cost_usd, state.tokens, state.counts) == (before.cost_usd, before.tokens, before.counts)
    assert state.started_at == before.started_at
    assert state.staff == [(0.0, 3), (61.0, 3)]
    assert state.waves["merge"].timed_from == 61.0
    assert state.waves["scan"].timed_from is None


def test_an_interrupted_attempt_is_told_once_however_often_it_is_said() -> None:
    records = list(two_waves().records())
    state = gone_on(fold(records), records)
    failed = state.tracks.failed_tries
    again = gone_on(state, records)
    assert again.tracks.failed_tries == failed
    agrees(again, again.at + 1.0)


def test_a_result_that_is_found_ends_its_attempt_well_though_nobody_saw_its_end() -> None:
    records = list(two_waves().records())
    state = fold(records)
    first = next(r.event for r in records if isinstance(r.event, RunStarted))
    state.apply(Record(state.seq + 1, 60.0, state.run, replace(first, resumed_from=state.run)))
    found = SubtaskFinished(
        wave="merge", subtask="d", attempt=1, status=Status.SUCCEEDED, duration_s=24.0, attempts=1
    )
    state.apply(Record(state.seq + 1, 60.0, state.run, found))
    d = state.subtasks["d"]
    assert (d.status, d.tries[-1].error_kind, d.tries[-1].ended_at) == (Status.SUCCEEDED, None, 60.0)
    agrees(state, 61.0)


def test_seconds_away_are_no_time_of_the_run() -> None:
    """The clock of the run stood still: what is told at the same instant adds nothing to any sum."""
    records = list(two_waves().records())
    before = fold(records)
    spent = before.tried.until(before.at)
    state = gone_on(fold(records), records, away_s=3_600.0)
    assert state.tried.until(state.at + 10.0) == pytest.approx(spent)


def test_traces_know_what_was_in_flight_what_failed_and_what_was_learnt() -> None:
    past = two_waves()
    past.tell(
        62.0,
        AttemptFailed(wave="merge", subtask="e", attempt=1, error_kind=ErrorKind.SERVER, message="500"),
    ).wait(62.0, "e", 1, WaitReason.BACKOFF, 1.0)
    records = past.records()
    traces = traces_of(records)
    assert sorted(traces.in_flight) == ["d"]
    assert traces.failures == {"e": 1}
    assert (traces.ended_at, traces.ended_after_s) == ("2026-01-02T15:04:05Z", 62.0)
    learnt = {i: seconds for i, _used, seconds in lessons(records)}
    assert set(learnt) == {s.id for s in past.state().subtasks.values() if s.status in GOOD}
    assert learnt["c"] == 12.0  # its second attempt only


def test_what_a_retry_brings_back_is_no_longer_in_flight() -> None:
    past = two_waves()
    past.tell(61.0, RetryRequested(by="user", subtasks=("d",), requeued=("d",), prompt="shorter"))
    traces = traces_of(past.records())
    assert sorted(traces.in_flight) == ["e"]
    assert traces.prompts == {"d": "shorter"}
