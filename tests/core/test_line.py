"""Everything that waits has a reason, a place and an instant; every idle worker has a reason."""

from __future__ import annotations

from support import plan, subtask, wave

from luna_tui.core.events import (
    AttemptFailed,
    CancelRequested,
    Event,
    Record,
    RunPaused,
    RunStarted,
    SubtaskFinished,
    SubtaskStarted,
    SubtaskWaiting,
    WaveFinished,
    WaveStarted,
)
from luna_tui.core.line import IdleWorkers, idle_workers, line_of
from luna_tui.core.outline import outline
from luna_tui.core.plan import Plan
from luna_tui.core.state import RunState
from luna_tui.core.words import ErrorKind, Kind, Manner, Mode, RunStatus, Scope, Status, WaitReason


class Told:
    """A run of which each event is told as it comes."""

    def __init__(self, given: Plan, workers: int = 4) -> None:
        self.state = RunState()
        self.wave_of = {s.id: w.name for w in given.waves for s in w.subtasks}
        self.tell(
            0.0,
            RunStarted(
                started_at="", plan=outline(given), mode=Mode.BALANCED, tier="tier2", max_workers=workers,
                provider="", version="",
            ),
        )  # fmt: skip

    def tell(self, at: float, *events: Event) -> Told:
        for event in events:
            self.state.apply(Record(self.state.seq + 1, at, "r", event))
        return self

    def opens(self, at: float, *waves: str) -> Told:
        return self.tell(at, *(WaveStarted(wave=w, parallel=True, reason="", workers=4) for w in waves))

    def waits(self, at: float, id: str, reason: WaitReason, expected_s: float | None = None) -> Told:
        worker = list(self.wave_of).index(id)
        return self.tell(
            at,
            SubtaskWaiting(
                wave=self.wave_of[id],
                subtask=id,
                reason=reason,
                attempt=1,
                worker=worker,
                expected_s=expected_s,
            ),
        )

    def starts(self, at: float, *ids: str) -> Told:
        return self.tell(
            at,
            *(
                SubtaskStarted(
                    wave=self.wave_of[i], subtask=i, attempt=1, worker=list(self.wave_of).index(i), title="",
                    kind=Kind.CLAUDE,
                )
                for i in ids
            ),
        )  # fmt: skip

    def fails(self, at: float, id: str, kind: ErrorKind) -> Told:
        return self.tell(
            at,
            AttemptFailed(
                wave=self.wave_of[id], subtask=id, attempt=1, error_kind=kind, message="", will_retry=True
            ),
        )

    def ends(self, at: float, id: str, status: Status = Status.SUCCEEDED) -> Told:
        return self.tell(
            at,
            SubtaskFinished(
                wave=self.wave_of[id], subtask=id, attempt=1, status=status, duration_s=1.0, attempts=1
            ),
        )


def four(**more: str) -> Told:
    models = [subtask(i, model=more.get(i, "claude-haiku-5-5")) for i in "abcd"]
    return Told(plan(wave("w", *models))).opens(0, "w")


def places(told: Told) -> dict[str, tuple[str, int, int]]:
    return {i: (p.reason, p.place, p.of) for i, p in line_of(told.state).items()}


def test_the_line_is_in_order_of_asking_even_when_the_reason_was_told_anew() -> None:
    told = four().waits(1, "b", WaitReason.ITPM, 4.0).waits(2, "a", WaitReason.ITPM, 9.0)
    told.waits(3, "b", WaitReason.ITPM, 2.5)
    assert places(told) == {"b": ("itpm", 1, 2), "a": ("itpm", 2, 2)}
    line = line_of(told.state)
    assert (line["b"].left_s(3.5), line["a"].left_s(3.5), line["b"].left_s(99.0)) == (2.0, 7.5, 0.0)


def test_a_refused_subtask_keeps_its_place_and_a_failed_one_asks_again() -> None:
    for kind, first in ((ErrorKind.RATE_LIMITED, "a"), (ErrorKind.SERVER, "b")):
        told = four().starts(1, "a").waits(2, "b", WaitReason.RPM).fails(3, "a", kind)
        told.waits(4, "a", WaitReason.RPM)
        assert line_of(told.state)[first].place == 1, kind


def test_limits_are_lines_of_their_own_for_each_family_of_models() -> None:
    told = four(c="claude-opus-5").waits(1, "a", WaitReason.ITPM).waits(1, "b", WaitReason.OTPM)
    told.waits(1, "c", WaitReason.ITPM).waits(1, "d", WaitReason.ITPM)
    assert places(told) == {
        "a": ("itpm", 1, 2), "b": ("otpm", 1, 1), "c": ("itpm", 1, 1), "d": ("itpm", 2, 2)
    }  # fmt: skip


def test_of_those_that_back_off_the_first_to_go_on_is_first() -> None:
    told = four().waits(1, "a", WaitReason.BACKOFF, 9.0).waits(2, "b", WaitReason.BACKOFF, 1.0)
    told.waits(2, "c", WaitReason.BACKOFF)
    assert [places(told)[i][1] for i in "bac"] == [1, 2, 3]
    assert line_of(told.state)["c"].left_s(3.0) is None


def rows() -> Told:
    """b after a in the first wave, c alone in the second."""
    first = wave("one", subtask("a"), subtask("b", depends_on=("a",)))
    return Told(plan(first, wave("two", subtask("c")))).opens(0, "one")


def test_idle_workers_say_why_and_add_up() -> None:
    told = rows().starts(1, "a")
    assert idle_workers(told.state) == (
        IdleWorkers(1, "dependency", "a"), IdleWorkers(1, "barrier", "one"), IdleWorkers(1, "tail")
    )  # fmt: skip
    told.ends(2, "a").starts(2, "b").ends(3, "b")
    told.tell(3, WaveFinished(wave="one", status=RunStatus.SUCCEEDED, counts={}, wall_s=3.0)).opens(3, "two")
    assert idle_workers(told.state) == (IdleWorkers(1, "slot"), IdleWorkers(3, "tail"))
    told.tell(4, RunPaused(by="me"))
    assert idle_workers(told.state) == (IdleWorkers(4, "paused"),)
    told.tell(5, CancelRequested(by="me", scope=Scope.RUN, manner=Manner.FINISH))
    assert idle_workers(told.state) == (IdleWorkers(4, "stopping"),)


def test_a_wave_that_allows_fewer_keeps_workers_idle() -> None:
    told = (
        Told(plan(wave("w", *(subtask(i) for i in "abcd"), max_workers=2))).opens(0, "w").starts(1, "a", "b")
    )
    assert idle_workers(told.state) == (IdleWorkers(2, "wave_limit", "w"),)
