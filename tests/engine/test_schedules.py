"""Barriers or dependencies alone: what may start when, with several waves open at once."""

from __future__ import annotations

import heapq
import itertools
import random
import threading
from collections.abc import Mapping

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import Run, make_run, names, plan, subtask, wave

from luna_tui.core.events import (
    Record,
    RunFinished,
    RunStarted,
    SubtaskFinished,
    SubtaskStarted,
    WaveFinished,
    WaveStarted,
)
from luna_tui.core.plan import Plan, Subtask
from luna_tui.core.schedule import critical_path
from luna_tui.core.words import ErrorKind, Manner, OnFailure, RunStatus, Schedule, Scope, Status
from luna_tui.engine.clock import ManualClock
from luna_tui.engine.runner import AttemptContext, AttemptError, Work

DAG, WAVES = Schedule.DAG, Schedule.WAVES


class Stage:
    """Subtasks that end when the test says so; `bad` ones fail then."""

    def __init__(self, given: Plan, workers: int = 20, bad: tuple[str, ...] = ()) -> None:
        self._go = {s.id: threading.Event() for s in given.subtasks()}
        self._bad = bad
        self.run = make_run(self._body, given, workers=workers)
        self.run.start()

    def _body(self, work: Work, context: AttemptContext) -> str:
        context.token.wait(self._go[work.subtask.id])
        if work.subtask.id in self._bad:
            raise AttemptError(ErrorKind.REFUSED, "no")
        return f"out {work.subtask.id}"

    def on(self, *ids: str) -> None:
        """Wait until exactly these have started, in any order."""
        self.run.wait_for(SubtaskStarted, len(ids))
        assert set(self.run.order()) == set(ids)

    def end(self, *ids: str) -> None:
        """Let these end, and wait until they have."""
        for i in ids:
            self._go[i].set()
            self.run.wait_until(lambda i=i: i in self.run.ends())  # type: ignore[misc]

    def all(self) -> Run:
        """Let everything end."""
        for event in self._go.values():
            event.set()
        return self.run.finish()


def two_chains(**more: object) -> Plan:
    """Wave one: a, b; wave two: c needs a, d needs b; both schedules are possible."""
    return plan(
        wave("one", subtask("a"), subtask("b")),
        wave("two", subtask("c", depends_on=("a",)), subtask("d", depends_on=("b",)), **more),
        schedule=DAG,
    )


def test_a_subtask_starts_as_soon_as_its_own_dependencies_are_done() -> None:
    stage = Stage(two_chains())
    stage.on("a", "b")
    stage.end("a")
    stage.on("a", "b", "c")
    stage.end("c")
    assert stage.run.all(WaveFinished) == []
    assert [w.wave for w in stage.run.all(WaveStarted)] == ["one", "two"]
    run = stage.all()
    assert [w.wave for w in run.all(WaveFinished)] == ["one", "two"]
    assert run.status is RunStatus.SUCCEEDED
    assert run.all(RunStarted)[0].plan.schedule is DAG


def test_several_open_waves_are_one_state() -> None:
    stage = Stage(two_chains())
    stage.end("a")
    stage.on("a", "b", "c")
    state = stage.run.state()
    assert [w.name for w in state.open_waves] == ["one", "two"]
    assert state.current_wave is state.waves["one"]
    stage.end("b")
    stage.on("a", "b", "c", "d")
    current = stage.run.state().current_wave
    assert current is not None
    assert current.name == "two"
    stage.all()


def test_with_waves_a_barrier_holds_them_all() -> None:
    given = plan(*two_chains().waves, schedule=WAVES)
    stage = Stage(given)
    stage.on("a", "b")
    stage.end("a")
    assert [w.wave for w in stage.run.all(WaveStarted)] == ["one"]
    stage.end("b")
    stage.on("a", "b", "c", "d")
    run = stage.all()
    assert run.seqs(WaveStarted)[1] > run.seqs(WaveFinished)[0]


def test_a_wave_keeps_its_own_number_of_workers_among_open_ones() -> None:
    given = plan(
        wave("one", *(subtask(n) for n in names(6, "a")), max_workers=2),
        wave("two", *(subtask(n) for n in names(6, "b")), parallel=False),
        wave("three", *(subtask(n) for n in names(2, "c"))),
        schedule=DAG,
    )
    stage = Stage(given)
    stage.on("a00", "a01", "b00", "c00", "c01")
    stage.end("b00")
    stage.on("a00", "a01", "b00", "c00", "c01", "b01")
    run = stage.all()
    assert most_at_once(run, "one") == 2
    assert most_at_once(run, "two") == 1


def test_cancelling_a_wave_leaves_the_other_open_one_alone() -> None:
    stage = Stage(two_chains())
    stage.end("a")
    stage.on("a", "b", "c")
    stage.run.executor.control.cancel(Scope.WAVE, Manner.NOW, by="user", wave="two")
    stage.run.wait_for(SubtaskFinished, 3)
    assert stage.run.ends() == {"a": Status.SUCCEEDED, "c": Status.CANCELLED, "d": Status.CANCELLED}
    run = stage.all()
    assert run.ends()["b"] is Status.SUCCEEDED
    assert {w.wave: w.status for w in run.all(WaveFinished)} == {
        "one": RunStatus.SUCCEEDED,
        "two": RunStatus.CANCELLED,
    }


def test_cancelling_a_wave_skips_what_needs_it_elsewhere() -> None:
    given = plan(
        wave("one", subtask("a"), subtask("b")),
        wave("two", subtask("c", depends_on=("a",)), subtask("free")),
        schedule=DAG,
    )
    stage = Stage(given, workers=1)
    stage.on("a")
    stage.run.executor.control.cancel(Scope.WAVE, Manner.NOW, by="user", wave="one")
    run = stage.all()
    assert run.ends() == {
        "a": Status.CANCELLED,
        "b": Status.CANCELLED,
        "c": Status.SKIPPED,
        "free": Status.SUCCEEDED,
    }
    assert run.state().subtasks["c"].reason == "needs a, which was cancelled"


def test_a_failed_wave_of_a_strict_plan_stops_later_waves_that_are_open() -> None:
    given = plan(
        wave("one", subtask("a", prompt="long" * 9), subtask("b", prompt="long" * 8)),
        wave("two", subtask("c", prompt="long" * 7), *(subtask(n) for n in names(5, "d"))),
        on_failure=OnFailure.STOP,
        schedule=DAG,
    )
    stage = Stage(given, workers=3, bad=("a",))
    stage.on("a", "b", "c")
    stage.end("a")
    run = stage.all()
    ends = run.ends()
    assert ends["a"] is Status.FAILED
    assert ends["b"] is Status.SUCCEEDED, "the wave itself goes on"
    assert sorted(ends.values()).count(Status.SKIPPED) == 5, "what was in flight ended by itself"
    assert [w.reason for w in run.all(WaveFinished) if w.wave == "two"] == [
        "wave one did not succeed and the plan says stop"
    ]
    assert run.all(RunFinished)[0].reason == "wave one did not succeed and the plan says stop"


def test_an_earlier_wave_goes_on_when_a_later_one_fails() -> None:
    given = plan(
        wave("one", subtask("a"), subtask("b", depends_on=("a",))),
        wave("two", subtask("c")),
        on_failure=OnFailure.STOP,
        schedule=DAG,
    )
    stage = Stage(given, bad=("c",))
    stage.on("a", "c")
    stage.end("c")
    assert stage.all().ends() == {"a": Status.SUCCEEDED, "b": Status.SUCCEEDED, "c": Status.FAILED}


def test_a_wave_whose_time_is_over_ends_alone() -> None:
    given = plan(
        wave("one", subtask("a")),
        wave("two", subtask("c"), subtask("d", depends_on=("a",)), timeout=0.2),
        schedule=DAG,
    )
    stage = Stage(given)
    stage.run.wait_for(WaveFinished, 1)
    assert stage.run.ends() == {"c": Status.TIMED_OUT, "d": Status.SKIPPED}
    assert stage.all().ends()["a"] is Status.SUCCEEDED


def test_nothing_of_any_wave_starts_while_paused() -> None:
    stage = Stage(two_chains())
    stage.on("a", "b")
    stage.run.executor.control.pause(by="user")
    stage.end("a", "b")
    stage.on("a", "b")
    stage.run.executor.control.resume(by="user")
    stage.on("a", "b", "c", "d")
    stage.all()


def test_cancelling_the_run_ends_every_wave_and_begins_none() -> None:
    given = plan(
        wave("one", subtask("a")),
        wave("two", subtask("b")),
        wave("three", subtask("c", depends_on=("a", "b"))),
        schedule=DAG,
    )
    stage = Stage(given)
    stage.on("a", "b")
    stage.run.executor.control.cancel(Scope.RUN, Manner.NOW, by="user")
    run = stage.run.finish()
    assert set(run.ends().values()) == {Status.CANCELLED}
    assert sorted(w.wave for w in run.all(WaveFinished)) == ["one", "two"]


@pytest.mark.parametrize("schedule", [DAG, WAVES])
def test_the_longest_way_to_the_end_goes_first(schedule: Schedule) -> None:
    from luna_tui.core.plan import Estimate

    def of(id: str, seconds: float, *needs: str) -> Subtask:
        return subtask(id, depends_on=needs, estimate=Estimate(seconds=seconds))

    given = plan(
        wave("one", of("long", 9), of("first", 1), of("second", 5, "first"), of("third", 5, "second")),
        wave("two", of("last", 50, "long")),
        schedule=schedule,
    )
    run = make_run(lambda work, context: "done", given, workers=1).finish()
    in_wave = ["first", "second", "long", "third", "last"]
    whole = ["long", "last", "first", "second", "third"]
    assert run.order() == (whole if schedule is DAG else in_wave)


def test_of_unknown_prompts_the_longest_goes_first() -> None:
    given = plan(wave("w", *(subtask(f"s{n}", prompt="x" * n) for n in (3, 90, 14, 500))))
    assert make_run(lambda work, context: "", given, workers=1).finish().order() == [
        "s500",
        "s90",
        "s14",
        "s3",
    ]


def staircase(waves: int, width: int, seed: int) -> tuple[Plan, dict[str, float]]:
    """Waves of which each subtask needs two of the wave before; seconds of all of them."""
    rng = random.Random(seed)
    seconds: dict[str, float] = {}
    made = []
    for number in range(waves):
        subtasks = []
        for place in range(width):
            id = f"w{number}s{place:02d}"
            seconds[id] = rng.choice((2.0, 5.0, 9.0, 21.0, 40.0)) * rng.uniform(0.8, 1.2)
            needs = rng.sample(range(width), 2) if number else []
            before = tuple(f"w{number - 1}s{n:02d}" for n in needs)
            subtasks.append(subtask(id, depends_on=before, timeout=0.0))
        made.append(wave(f"w{number}", *subtasks))
    return plan(*made, schedule=DAG), seconds


def test_ten_waves_of_twenty_take_no_longer_than_their_critical_path() -> None:
    """An oracle says after each end what must have started; the clock moves only from end to end."""
    given, seconds = staircase(10, 20, seed=4)
    needs = {s.id: s.depends_on for s in given.subtasks()}
    clock = ManualClock()
    go = {i: threading.Event() for i in needs}

    def body(work: Work, context: AttemptContext) -> str:
        context.token.wait(go[work.subtask.id])
        return "done"

    run = make_run(body, given, workers=200, clock=clock).start()
    done: set[str] = set()
    started: set[str] = set()
    ends: list[tuple[float, str]] = []
    while len(done) < len(needs):
        able = {i for i in needs if i not in started and done >= set(needs[i])}
        for i in able:
            heapq.heappush(ends, (clock.now() + seconds[i], i))
        started |= able
        run.wait_for(SubtaskStarted, len(started))
        assert set(run.order()) == started
        at, i = heapq.heappop(ends)
        clock.advance(at - clock.now())
        go[i].set()
        done.add(i)
        run.wait_until(lambda i=i: i in run.ends())  # type: ignore[misc]
    run.finish()
    end = run.state().finished
    assert end is not None
    _, longest = critical_path(seconds, needs)
    assert end.wall_s <= 1.05 * longest
    assert len({e.worker for e in run.all(SubtaskStarted)}) < 80, "numbers that were free were used again"


def most_at_once(run: Run, wave_name: str) -> int:
    on: set[str] = set()
    most = 0
    for record in run.records:
        match record.event:
            case SubtaskStarted(wave=w) if w == wave_name:
                on.add(record.event.subtask)
            case SubtaskFinished():
                on.discard(record.event.subtask)
        most = max(most, len(on))
    return most


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    ids: list[str] = []
    waves = []
    for number in range(draw(st.integers(1, 4))):
        subtasks = []
        for place in range(draw(st.integers(1, 5))):
            needs = draw(st.lists(st.sampled_from(ids), max_size=2)) if ids else []
            retries = draw(st.integers(0, 1))
            subtasks.append(subtask(f"w{number}s{place}", depends_on=tuple(set(needs)), retries=retries))
            ids.append(subtasks[-1].id)
        parallel = draw(st.booleans())
        most = draw(st.sampled_from([None, 2]))
        waves.append(wave(f"w{number}", *subtasks, parallel=parallel, max_workers=most))
    return plan(
        *waves,
        on_failure=draw(st.sampled_from(list(OnFailure))),
        schedule=draw(st.sampled_from(list(Schedule))),
    )


DEEDS = ["ok", "ok", "ok", "fail", "again", "cancel_self", "cancel_wave", "cancel_run", "finish_wave"]


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(plans(), st.data(), st.integers(1, 6))
def test_whatever_fails_or_is_cancelled_each_ends_once_and_after_what_it_needs(
    given_plan: Plan, data: st.DataObject, workers: int
) -> None:
    deeds = {s.id: data.draw(st.sampled_from(DEEDS)) for s in given_plan.subtasks()}
    holder: list[Run] = []

    def body(work: Work, context: AttemptContext) -> str:
        deed = deeds[work.subtask.id]
        cancel = holder[0].executor.control.cancel
        match deed:
            case "fail":
                raise AttemptError(ErrorKind.REFUSED, "no")
            case "again" if work.attempt == 1:
                raise AttemptError(ErrorKind.SERVER, "no", retryable=True, retry_after_s=0.0)
            case "cancel_self":
                cancel(Scope.SUBTASK, Manner.NOW, by="test", subtask=work.subtask.id)
            case "cancel_wave" | "finish_wave":
                manner = Manner.NOW if deed == "cancel_wave" else Manner.FINISH
                cancel(Scope.WAVE, manner, by="test", wave=work.wave)
            case "cancel_run":
                cancel(Scope.RUN, Manner.NOW, by="test")
        return "done"

    holder.append(make_run(body, given_plan, workers=workers))
    check_run(holder[0].finish(), given_plan, workers)


def check_run(run: Run, given_plan: Plan, workers: int) -> None:
    """What holds for every run, however it went."""
    ended = run.all(SubtaskFinished)
    assert sorted(e.subtask for e in ended) == sorted(s.id for s in given_plan.subtasks())
    seq_of_end = {r.event.subtask: r.seq for r in run.records if isinstance(r.event, SubtaskFinished)}
    needs = {s.id: s.depends_on for s in given_plan.subtasks()}
    ends = run.ends()
    for record in run.records:
        if isinstance(record.event, SubtaskStarted):
            for needed in needs[record.event.subtask]:
                assert ends[needed] is Status.SUCCEEDED
                assert seq_of_end[needed] < record.seq
            assert record.seq < seq_of_end[record.event.subtask]
    check_waves(run, given_plan)
    assert most_running(run.records) <= workers


def most_running(records: list[Record]) -> int:
    now: dict[str, int] = {}
    most = 0
    for record in records:
        if isinstance(record.event, SubtaskStarted):
            now[record.event.subtask] = record.event.worker
            assert len(set(now.values())) == len(now), "two on one worker"
        elif isinstance(record.event, SubtaskFinished):
            now.pop(record.event.subtask, None)
        most = max(most, len(now))
    return most


def check_waves(run: Run, given_plan: Plan) -> None:
    began = {r.event.wave: r.seq for r in run.records if isinstance(r.event, WaveStarted)}
    over = {r.event.wave: r.seq for r in run.records if isinstance(r.event, WaveFinished)}
    assert began.keys() == over.keys()
    assert len(run.all(WaveStarted)) == len(began)
    counts: Mapping[str, Mapping[str, int]] = {e.wave: e.counts for e in run.all(WaveFinished)}
    for w in given_plan.waves:
        if w.name not in began:
            continue
        assert sum(counts[w.name].values()) == len(w.subtasks)
        for record in run.records:
            if isinstance(record.event, SubtaskStarted) and record.event.wave == w.name:
                assert began[w.name] < record.seq < over[w.name]
        if not w.parallel:
            assert most_at_once(run, w.name) <= 1
        if w.max_workers:
            assert most_at_once(run, w.name) <= w.max_workers
    if given_plan.schedule is Schedule.WAVES:
        order = sorted(began, key=began.__getitem__)
        assert all(over[a] < began[b] for a, b in itertools.pairwise(order))
