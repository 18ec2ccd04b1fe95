"""Runs told by hand: who did what at which instant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from luna_tui.core.events import (
    AttemptFailed,
    Event,
    Gauge,
    LimitsObserved,
    PlannedSubtask,
    PlannedWave,
    PlanOutline,
    Record,
    RunStarted,
    SubtaskFinished,
    SubtaskOutput,
    SubtaskStarted,
    SubtaskWaiting,
    ToolCalled,
    ToolFinished,
    UsageRecorded,
    WaveFinished,
    WaveStarted,
)
from luna_tui.core.state import RunState, fold
from luna_tui.core.words import ErrorKind, Kind, Mode, RunStatus, Schedule, Status, WaitReason


class Past:
    """Tells a run; what is told later may have happened before."""

    def __init__(
        self,
        waves: Mapping[str, Sequence[str]],
        *,
        workers: int = 3,
        needs: Mapping[str, tuple[str, ...]] | None = None,
        schedule: Schedule = Schedule.WAVES,
        kind: Kind = Kind.CLAUDE,
    ) -> None:
        self._told: list[tuple[float, Event]] = []
        self._wave = {i: name for name, ids in waves.items() for i in ids}
        self._worker: dict[str, int] = {}
        self._attempt: dict[str, int] = {}
        self._since: dict[str, float] = {}
        self._spent: dict[str, float] = {}
        planned = tuple(
            PlannedWave(
                name=name,
                parallel=True,
                subtasks=tuple(
                    PlannedSubtask(id=i, title=f"do_{i}", kind=kind, depends_on=(needs or {}).get(i, ()))
                    for i in ids
                ),
            )
            for name, ids in waves.items()
        )
        outline = PlanOutline(name="by-hand", waves=planned, schedule=schedule)
        self.tell(
            0.0,
            RunStarted(
                started_at="2026-01-02T15:04:05Z", plan=outline, mode=Mode.BALANCED, tier="tier2",
                max_workers=workers, provider="anthropic", version="0",
            ),
        )  # fmt: skip

    def tell(self, at: float, event: Event) -> Past:
        """Any event."""
        self._told.append((at, event))
        return self

    def wave(self, at: float, name: str) -> Past:
        """A wave begins."""
        return self.tell(at, WaveStarted(wave=name, parallel=True, reason="parallel", workers=3))

    def wave_over(self, at: float, name: str) -> Past:
        """A wave ends."""
        status = RunStatus.SUCCEEDED
        return self.tell(at, WaveFinished(wave=name, status=status, counts={}, wall_s=at))

    def wait(
        self, at: float, i: str, worker: int, reason: WaitReason, expected_s: float | None = None
    ) -> Past:
        """It waits, with a worker."""
        self._worker[i] = worker
        number = self._attempt.get(i, 0) + 1
        return self.tell(
            at,
            SubtaskWaiting(
                wave=self._wave[i], subtask=i, reason=reason, attempt=number, worker=worker,
                expected_s=expected_s,
            ),
        )  # fmt: skip

    def start(self, at: float, i: str, worker: int) -> Past:
        """An attempt begins."""
        self._worker[i], self._since[i] = worker, at
        self._attempt[i] = self._attempt.get(i, 0) + 1
        return self.tell(
            at,
            SubtaskStarted(
                wave=self._wave[i], subtask=i, attempt=self._attempt[i], worker=worker, title=i,
                kind=Kind.CLAUDE,
            ),
        )  # fmt: skip

    def say(self, at: float, i: str) -> Past:
        """It says something."""
        return self.tell(
            at, SubtaskOutput(wave=self._wave[i], subtask=i, attempt=self._attempt[i], text="text")
        )

    def tool(self, at: float, until: float, i: str) -> Past:
        """It waits for a tool."""
        wave, number = self._wave[i], self._attempt[i]
        self.tell(at, ToolCalled(wave=wave, subtask=i, attempt=number, tool="grep", summary="grep"))
        return self.tell(
            until,
            ToolFinished(
                wave=wave, subtask=i, attempt=number, tool="grep", ok=True, duration_s=until - at
            ),
        )  # fmt: skip

    def use(
        self, at: float, i: str, tokens_in: int, tokens_out: int, usd: float | None,
        expected: tuple[int, int] | tuple[None, None] = (None, None),
    ) -> Past:  # fmt: skip
        """It used tokens; `expected` were so many in and out."""
        return self.tell(
            at,
            UsageRecorded(
                wave=self._wave[i], subtask=i, attempt=self._attempt[i], model="m",
                input_tokens=tokens_in, output_tokens=tokens_out, cost_usd=usd,
                expected_input_tokens=expected[0], expected_output_tokens=expected[1],
            ),
        )  # fmt: skip

    def fail(
        self, at: float, i: str, kind: ErrorKind = ErrorKind.OVERLOADED, status: int | None = 529,
        delay_s: float | None = None,
    ) -> Past:  # fmt: skip
        """An attempt fails."""
        self._spent[i] = self._spent.get(i, 0.0) + at - self._since.pop(i)
        return self.tell(
            at,
            AttemptFailed(
                wave=self._wave[i], subtask=i, attempt=self._attempt[i], error_kind=kind,
                message=f"{kind.value} ({status})", status=status, will_retry=delay_s is not None,
                delay_s=delay_s,
            ),
        )  # fmt: skip

    def end(self, at: float, i: str, status: Status = Status.SUCCEEDED, reason: str = "") -> Past:
        """The subtask ends."""
        spent = self._spent.get(i, 0.0) + (at - self._since[i] if i in self._since else 0.0)
        number = self._attempt.get(i, 0)
        return self.tell(
            at,
            SubtaskFinished(
                wave=self._wave[i], subtask=i, attempt=number, status=status, duration_s=spent,
                attempts=number, reason=reason, worker=self._worker.get(i),
            ),
        )  # fmt: skip

    def limits(
        self, at: float, used: float, *, reserved: float = 0.0, waiting: Mapping[str, int] | None = None,
        foreign: int = 0,
    ) -> Past:  # fmt: skip
        """The limits of tier 2 are observed; `used` and `reserved` are shares of ITPM."""
        gauges = [
            Gauge(
                limit=limit, cap=round(0.85 * limit), settled=round(limit * u), reserved=round(limit * r),
                server_remaining=round(limit * (1 - u)), server_age_s=2.0, foreign=f,
            )
            for limit, u, r, f in (
                (1_000, 0.02, 0.0, 0), (450_000, used, reserved, foreign), (90_000, 0.1, 0.1, 0),
            )
        ]  # fmt: skip
        return self.tell(
            at,
            LimitsObserved(
                rpm=gauges[0], itpm=gauges[1], otpm=gauges[2], throttled=0, waiting=waiting or {}
            ),
        )  # fmt: skip

    def records(self) -> tuple[Record, ...]:
        """In order of time."""
        told = sorted(self._told, key=lambda pair: pair[0])
        return tuple(
            Record(seq, at, "20260102-150405-7f3a", event) for seq, (at, event) in enumerate(told, 1)
        )

    def state(self) -> RunState:
        """The fold."""
        return fold(self.records())


def two_waves() -> Past:
    """Three workers, two waves, 60 s: a limit, a failure with its backoff, a tool, a barrier."""
    past = Past({"scan": "abc", "merge": "def"}, needs={"e": ("b",)})
    past.wave(0.0, "scan").start(0.0, "a", 0).say(2.0, "a").end(20.0, "a")
    past.start(0.0, "b", 1).say(4.0, "b").tool(10.0, 16.0, "b").end(30.0, "b")
    past.start(0.0, "c", 2).say(1.0, "c").fail(8.0, "c", delay_s=4.0)
    past.wait(8.0, "c", 2, WaitReason.BACKOFF, 4.0).start(12.0, "c", 2).say(14.0, "c").end(24.0, "c")
    past.wave_over(30.0, "scan").wave(30.0, "merge")
    past.wait(30.0, "d", 0, WaitReason.ITPM, 6.0).start(36.0, "d", 0).say(38.0, "d")
    past.start(30.0, "e", 1).say(31.0, "e")
    past.start(30.0, "f", 2).say(32.0, "f").end(48.0, "f", Status.TIMED_OUT, "timed out after 18 s")
    for second in range(0, 60, 5):
        past.limits(second + 0.5, 0.3 + second / 100, waiting={"itpm": 1} if 30 <= second < 36 else {})
    past.say(60.0, "e")
    return past
