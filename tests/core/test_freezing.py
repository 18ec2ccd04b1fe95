"""A state that was frozen and thawed is equal to the original, and takes further records as it would."""

from __future__ import annotations

import json
from array import array
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up import values_of
from past import Past

from luna_tui.core import freezing
from luna_tui.core.events import (
    BudgetChanged,
    CancelRequested,
    JournalFailed,
    Record,
    RetryRequested,
    RunPaused,
    RunResumed,
    RunStarted,
    ThreadAbandoned,
    WorkersChanged,
)
from luna_tui.core.freezing import FrozenError, freeze, thaw
from luna_tui.core.parts import SubtaskState, WaveState
from luna_tui.core.records import EVENT_TYPES, wire_name
from luna_tui.core.state import RunState, fold
from luna_tui.core.words import ErrorKind, Manner, Scope, Status, WaitReason
from luna_tui.storage.journal import read_journal

JOURNALS = Path(__file__).parent.parent / "journals"
DEMO = read_journal(JOURNALS / "demo.ndjson").records
NIGHTLY = read_journal(JOURNALS / "nightly.ndjson").records


def through_json(state: RunState, **how: Any) -> RunState:
    return thaw(json.loads(json.dumps(freeze(state, **how))))


def eventful() -> tuple[Record, ...]:
    """A run in which everything happens that a quiet one spares."""
    past = Past({"one": ["a", "b", "c"], "two": ["d"]}, needs={"d": ("a", "c")})
    past.wave(0.1, "one").wait(0.2, "a", 1, WaitReason.ITPM).start(0.5, "a", 1).say(0.7, "a")
    past.tool(0.8, 0.9, "a").use(1.0, "a", 10, 20, 0.25).fail(1.1, "a", ErrorKind.RATE_LIMITED, 429, 1.0)
    past.start(2.2, "a", 1).start(1.5, "b", 2).start(1.6, "c", 3).say(2.4, "a")
    end = past.tell(2.5, RunPaused(by="user")).tell(2.6, RunResumed(by="user"))
    end.tell(2.7, CancelRequested(by="user", scope=Scope.SUBTASK, manner=Manner.NOW, subtask="b"))
    end.tell(2.8, ThreadAbandoned(wave="one", subtask="b", attempt=1, worker=2))
    end.tell(2.9, BudgetChanged(by="user", from_=None, to=2.5))
    end.tell(3.0, WorkersChanged(by="user", from_=3, to=8, automatic=True))
    end.end(3.1, "c", Status.FAILED).end(3.2, "a")
    end.tell(3.3, RetryRequested(by="ana", subtasks=("c",), requeued=("c",), prompt="again, please"))
    end.tell(3.4, JournalFailed(message="disk full"))
    return end.records()


def assert_one_of_each(state: RunState) -> None:
    """What the state refers to from several places is one object."""
    subtasks, waves = state.subtasks, state.waves
    referred = [*state.live.values(), *state.holders.values(), *state.troubled]
    referred += [s for lane in state.tracks.lanes.values() for s in lane.had]
    assert referred
    assert all(s is subtasks[s.id] for s in referred)
    assert all(wave is waves[wave.name] for wave in state.opened.values())
    assert state.begun is not None
    assert state.begun is waves[state.begun.name]


@pytest.mark.parametrize(
    ("records", "step"), [(DEMO, 1), (NIGHTLY, 11), (eventful(), 1)], ids=["demo", "nightly", "eventful"]
)
def test_every_state_on_the_way_comes_back_equal(records: tuple[Record, ...], step: int) -> None:
    state = RunState()
    assert through_json(state) == state
    for place, record in enumerate(records):
        state.apply(record)
        if place % step == 0 or place == len(records) - 1:
            assert through_json(state) == state, record


@pytest.mark.parametrize("records", [DEMO, NIGHTLY, eventful()], ids=["demo", "nightly", "eventful"])
def test_a_thawed_state_goes_on_as_the_original(records: tuple[Record, ...]) -> None:
    whole = fold(records)
    for place in range(1, len(records), max(1, len(records) // 12)):
        thawed = through_json(fold(records[:place]))
        for record in records[place:]:
            thawed.apply(record)
        assert thawed == whole, f"cut after {place} records"


def test_what_was_one_object_is_one_object_again() -> None:
    assert_one_of_each(through_json(fold(eventful())))
    for place in (200, 500, 800):
        assert_one_of_each(through_json(fold(DEMO[:place])))


def test_texts_of_the_plan_are_kept_once() -> None:
    state = fold(DEMO)
    started = state.log[0].event
    assert isinstance(started, RunStarted)
    prompt = next(s.prompt for w in started.plan.waves for s in w.subtasks if s.prompt)
    assert json.dumps(freeze(state)).count(json.dumps(prompt)) == 1


def test_a_changed_prompt_is_kept_beside_the_plan() -> None:
    thawed = through_json(fold(eventful()))
    assert thawed.subtasks["c"].planned.prompt == "again, please"
    assert thawed.plan.waves[0].subtasks[2].prompt == ""


def test_containers_keep_their_kind() -> None:
    thawed = through_json(fold(eventful()))
    sums = next(iter(next(lane for lane in thawed.tracks.lanes.values()).spent.by_cause.values()))
    assert isinstance(sums, array)
    assert isinstance(thawed.tracks.statuses, Counter)
    assert thawed.tracks.statuses[429] == 1
    assert all(isinstance(status, Status) for status in thawed.counts)
    assert isinstance(thawed.subtasks["c"].undone, tuple)


@pytest.mark.parametrize("event_class", EVENT_TYPES.values(), ids=wire_name)
@given(data=st.data())
@settings(max_examples=15, deadline=None)
def test_every_event_of_the_log_comes_back_equal(event_class: type, data: st.DataObject) -> None:
    state = fold(DEMO[:3])
    state.log.append(Record(4, 1.5, state.run, data.draw(values_of(event_class))))
    assert through_json(state) == state


def test_later_records_do_not_change_what_was_frozen() -> None:
    state = fold(DEMO[:400])
    frozen = freeze(state)
    before = json.dumps(frozen)
    for record in DEMO[400:]:
        state.apply(record)
    assert json.dumps(frozen) == before


def test_text_of_ended_subtasks_shares_a_budget() -> None:
    state = fold(DEMO[:700])
    thawed = through_json(state, tail_chars=2_000)
    ended = [s for s in thawed.subtasks.values() if s.status is not None and s.tail]
    assert ended
    assert 0 < sum(len(s.tail) for s in ended) <= 2_000
    for s in thawed.subtasks.values():
        assert state.subtasks[s.id].tail.endswith(s.tail)
        assert s.status is not None or s.tail == state.subtasks[s.id].tail
    without = through_json(state, tail_chars=0)
    assert not any(s.tail for s in without.subtasks.values() if s.status is not None)


def classes() -> Iterable[type]:
    """Every class that a state is made of."""
    waiting: list[Any] = [RunState, *EVENT_TYPES.values()]
    seen: set[type] = set()
    names = {"SubtaskState": SubtaskState, "WaveState": WaveState, "array": list}
    while waiting:
        hint = waiting.pop()
        if isinstance(hint, type) and is_dataclass(hint) and hint not in seen:
            seen.add(hint)
            waiting += get_type_hints(hint, localns=names).values()
        waiting += get_args(hint)
    return seen


def test_nothing_is_left_out_but_caches() -> None:
    left_out = {(cls.__name__, f.name) for cls in classes() for f in fields(cls) if not f.compare}
    assert left_out == {("Track", "memo"), ("Silences", "_p95_s")}


def test_a_field_of_a_kind_that_cannot_be_kept_is_refused() -> None:
    @dataclass
    class Later:
        names: frozenset[str]

    with pytest.raises(TypeError, match="cannot keep"):
        freezing._codec(get_type_hints(Later)["names"])


@pytest.mark.parametrize(
    "value",
    [
        {}, [], None, {"shape": "1-00000000", "state": []}, "x",
        pytest.param({**freeze(RunState()), "state": []}, id="short"),
        pytest.param({**freeze(RunState()), "state": None}, id="none"),
        pytest.param({"shape": freeze(RunState())["shape"]}, id="empty"),
        pytest.param({**freeze(RunState()), "state": [[]] * len(freeze(RunState())["state"])}, id="lists"),
    ],
)  # fmt: skip
def test_anything_else_is_refused(value: Any) -> None:
    with pytest.raises(FrozenError):
        thaw(value)
