"""Records keep their names and survive JSON; the fold is the same for the same records."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from luna_tui.core.events import Record, SubtaskStarted
from luna_tui.core.records import EVENT_TYPES, RecordError, decode, encode, to_line
from luna_tui.core.report import report_data, report_markdown
from luna_tui.core.state import RunState, fold
from luna_tui.core.words import Kind
from luna_tui.storage.journal import read_journal

DEMO = Path(__file__).parent.parent / "journals" / "demo.ndjson"


def test_the_names_on_the_wire_never_change() -> None:
    assert sorted(EVENT_TYPES) == [
        "approval_decided",
        "approval_requested",
        "attached",
        "attempt_failed",
        "budget_changed",
        "cancel_requested",
        "changes_accepted",
        "changes_dropped",
        "changes_refused",
        "detached",
        "journal_failed",
        "journal_repaired",
        "journal_saved",
        "journal_slowed",
        "limits_observed",
        "mode_changed",
        "retry_requested",
        "run_finished",
        "run_paused",
        "run_resumed",
        "run_started",
        "skip_requested",
        "subtask_finished",
        "subtask_output",
        "subtask_started",
        "subtask_waiting",
        "terminal_lost",
        "thread_abandoned",
        "thread_returned",
        "tool_called",
        "tool_finished",
        "turn_failed",
        "turn_started",
        "usage_recorded",
        "wave_finished",
        "wave_started",
        "workers_changed",
        "workspace_changed",
    ]


def test_a_record_has_the_shape_of_the_contract() -> None:
    event = SubtaskStarted(
        wave="extract", subtask="docs-faq", attempt=1, worker=4, title="FAQ", kind=Kind.CLAUDE
    )
    assert encode(Record(17, 3.214, "7f3a", event)) == {
        "v": 1, "seq": 17, "at": 3.214, "type": "subtask_started", "run": "7f3a", "wave": "extract",
        "subtask": "docs-faq", "attempt": 1, "worker": 4, "title": "FAQ", "kind": "claude",
    }  # fmt: skip


def test_every_recorded_event_survives_json() -> None:
    records = read_journal(DEMO).records
    assert len(records) > 300
    for record in records:
        assert decode(json.loads(to_line(record))) == record


def test_readers_ignore_what_they_do_not_know() -> None:
    line = json.loads(to_line(read_journal(DEMO).records[0]))
    assert decode(line | {"more": 1}) is not None
    assert decode(line | {"type": "from_the_future"}) is None
    with pytest.raises(RecordError):
        decode(line | {"v": 2})
    with pytest.raises(RecordError):
        decode(line | {"mode": "reckless"})


def test_the_fold_is_deterministic_and_ignores_what_it_has_seen() -> None:
    records = read_journal(DEMO).records
    once = fold(records)
    twice = RunState()
    for end in (10, 200, len(records)):
        for record in records[:end]:
            twice.apply(record)
    assert report_data(once) == report_data(twice)
    assert once.subtasks == twice.subtasks
    assert once.counts == twice.counts


def test_the_folds_sums_are_those_of_the_last_event() -> None:
    state = fold(read_journal(DEMO).records)
    end = state.finished
    assert end is not None
    assert {str(k): v for k, v in state.counts.items()} == dict(end.counts)
    assert state.tokens == end.tokens
    assert len(state.throttled_at) == end.throttled == 1
    assert sum(s.duration_s for s in state.subtasks.values()) == pytest.approx(end.sum_s, abs=1e-3)
    assert "Measured speed-up" in report_markdown(state)
