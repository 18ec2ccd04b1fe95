"""A run in which each kind of trouble can be had one by one, told as in the design."""

from __future__ import annotations

from dataclasses import dataclass, field

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
    UsageRecorded,
    WaveFinished,
    WaveStarted,
)
from luna_tui.core.words import ErrorKind, Kind, Mode, RunStatus, Status, WaitReason

NOW_S = 99.0
WAVES = (("scan", 12), ("extract", 64), ("merge", 9), ("check", 10), ("report", 1))
TITLES = ("parse_css", "merge_ids", "scan_docs", "fix_links", "sum_tests", "typ_check", "lint_api")
RUN = "20260102-150405-7f3a"


def sid(wave: int, place: int) -> str:
    """Id of what the screen calls `2.03`."""
    return f"{WAVES[wave - 1][0]}-{place:02d}"


@dataclass
class Story:
    """A run as it happens; events in any order."""

    told: list[tuple[float, Event]] = field(default_factory=list)

    def add(self, at: float, event: Event) -> None:
        self.told.append((at, event))

    def records(self) -> tuple[Record, ...]:
        ordered = sorted(self.told, key=lambda pair: pair[0])
        return tuple(Record(n, at, RUN, event) for n, (at, event) in enumerate(ordered, 1))

    def start(self, at: float, i: str, *, worker: int, attempt: int = 1) -> None:
        wave = i.partition("-")[0]
        self.add(
            at,
            SubtaskStarted(wave=wave, subtask=i, attempt=attempt, worker=worker, title=i, kind=Kind.CLAUDE),
        )

    def say(self, at: float, i: str, text: str = "## Findings\n" * 20) -> None:
        self.add(at, SubtaskOutput(wave=i.partition("-")[0], subtask=i, attempt=1, text=text))

    def fail(
        self,
        at: float,
        i: str,
        *,
        attempt: int = 1,
        retry_s: float | None = None,
        kind: ErrorKind = ErrorKind.OVERLOADED,
        message: str = "overloaded (529): Overloaded",
        status: int | None = 529,
    ) -> None:
        self.add(
            at,
            AttemptFailed(
                wave=i.partition("-")[0],
                subtask=i,
                attempt=attempt,
                error_kind=kind,
                message=message,
                status=status,
                will_retry=retry_s is not None,
                delay_s=retry_s,
            ),
        )
        if retry_s is None:
            self.finish(at, i, Status.FAILED, reason=message)
        else:
            self.wait(at, i, WaitReason.BACKOFF, attempt=attempt + 1, expected_s=retry_s)

    def wait(
        self,
        at: float,
        i: str,
        reason: WaitReason,
        *,
        attempt: int = 1,
        worker: int | None = None,
        expected_s: float | None = None,
    ) -> None:
        self.add(
            at,
            SubtaskWaiting(
                wave=i.partition("-")[0],
                subtask=i,
                reason=reason,
                attempt=attempt,
                worker=worker,
                expected_s=expected_s,
            ),
        )

    def finish(self, at: float, i: str, status: Status, *, seconds: float = 0.0, reason: str = "") -> None:
        self.add(
            at,
            SubtaskFinished(
                wave=i.partition("-")[0],
                subtask=i,
                attempt=1,
                status=status,
                duration_s=seconds,
                attempts=1,
                reason=reason,
            ),
        )

    def succeed(
        self, begin: float, end: float, i: str, *, worker: int, usd: float = 0.135, silent_s: float = 4.0
    ) -> None:
        self.start(begin, i, worker=worker)
        self.say(begin + silent_s, i)
        self.add(
            end,
            UsageRecorded(
                wave=i.partition("-")[0],
                subtask=i,
                attempt=1,
                model="m",
                input_tokens=17_000,
                output_tokens=900,
                cost_usd=usd,
            ),
        )
        self.say(end, i)
        self.finish(end + 0.01, i, Status.SUCCEEDED, seconds=end - begin)


def story(*, timeout: float = 0.0) -> Story:
    """Wave 1 is done, wave 2 is under way on 40 workers, nothing is wrong; it is 1:39."""
    told = Story()
    planned = []
    for number, (name, count) in enumerate(WAVES, 1):
        subtasks = tuple(
            PlannedSubtask(
                id=sid(number, place),
                title=TITLES[(place + number) % len(TITLES)],
                retries=2,
                depends_on=_needs(number, place),
            )
            for place in range(1, count + 1)
        )
        planned.append(
            PlannedWave(name=name, parallel=True, subtasks=subtasks, timeout=timeout if number == 2 else 0.0)
        )
    told.add(
        0.0,
        RunStarted(
            started_at="2026-01-02T15:04:05Z",
            plan=PlanOutline(name="nightly-docs", waves=tuple(planned)),
            mode=Mode.AGGRESSIVE,
            tier="tier4",
            max_workers=40,
            provider="anthropic",
            version="0",
        ),
    )
    told.add(0.0, WaveStarted(wave="scan", parallel=True, reason="parallel: 12 on 12 workers", workers=12))
    for place in range(1, 13):
        told.succeed(0.1, 20.0 + place, sid(1, place), worker=place, usd=0.05)
    told.add(
        42.0, WaveFinished(wave="scan", status=RunStatus.SUCCEEDED, counts={"succeeded": 12}, wall_s=42.0)
    )
    told.add(
        42.0,
        WaveStarted(wave="extract", parallel=True, reason="parallel: 64 on 40 workers", workers=40),
    )
    for place in (1, 2, 4, 5, 7, 8):
        told.succeed(42.5, 85.0 + place, sid(2, place), worker=place, silent_s=30.5)
    for place in (*range(9, 19), *range(20, 40)):
        told.start(44.0, sid(2, place), worker=place)
        told.say(95.0, sid(2, place))
    return told


def _needs(wave: int, place: int) -> tuple[str, ...]:
    needs = {(3, 2): (sid(2, 3),), (3, 7): (sid(2, 6), sid(2, 19)), (4, 4): (sid(3, 2),)}
    return needs.get((wave, place), ())


def overloaded(told: Story) -> Story:
    """2.03 and 2.06 fail for good; what needs them is skipped."""
    for place in (3, 6):
        i = sid(2, place)
        for attempt, at in enumerate((44.0, 54.0, 64.0), 1):
            told.start(at, i, worker=place, attempt=attempt)
            told.fail(at + 4.0, i, attempt=attempt, retry_s=6.0 if attempt < 3 else None)
    for wave, place, needs in ((3, 2, "2.03"), (3, 7, "2.06"), (4, 4, "3.02")):
        told.finish(68.5, sid(wave, place), Status.SKIPPED, reason=f"needs {needs}, which failed")
    return told


def quiet(told: Story) -> Story:
    """2.19 said 612 tokens and then nothing for 48 s."""
    told.start(44.0, sid(2, 19), worker=19)
    told.say(51.0, sid(2, 19), "x" * 2_448)
    return told


def limits(told: Story, *, foreign: int = 0) -> Story:
    """Limits as observed just now."""
    gauges = [
        Gauge(limit=x, cap=round(x * 0.95), settled=x // 10, reserved=x // 20)
        for x in (4_000, 2_000_000, 400_000)
    ]
    used = Gauge(limit=2_000_000, cap=1_900_000, settled=200_000, reserved=100_000, foreign=foreign)
    told.add(98.0, LimitsObserved(rpm=gauges[0], itpm=used, otpm=gauges[2], throttled=0, waiting={}))
    return told
