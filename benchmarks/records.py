"""Records as a run makes them: starts, texts, figures and ends, in their usual proportions."""

from __future__ import annotations

from collections.abc import Iterator

from luna_tui.core.events import (
    Event,
    PlannedSubtask,
    PlannedWave,
    PlanOutline,
    Record,
    RunStarted,
    SubtaskFinished,
    SubtaskOutput,
    SubtaskStarted,
    UsageRecorded,
)
from luna_tui.core.words import Kind, Mode, Status

EVENTS_EACH = 12
"""Of one subtask: a start, nine texts, its tokens and its end."""
TEXT = "Nothing in it contradicts itself, and each step can be checked. "
SUBTASKS = 500
"""In the plan; their events come again and again."""


def started() -> RunStarted:
    """The first event of the run."""
    planned = tuple(PlannedSubtask(id=f"s{n:03d}", title=f"Subtask {n}") for n in range(SUBTASKS))
    outline = PlanOutline(
        name="benchmark", waves=(PlannedWave(name="wave", parallel=True, subtasks=planned),)
    )
    return RunStarted(
        started_at="2026-01-01T00:00:00Z",
        plan=outline,
        mode=Mode.BALANCED,
        tier="tier2",
        max_workers=16,
        provider="none",
        version="0",
    )


def events(count: int) -> Iterator[Event]:
    """`count` events of subtasks one after another."""
    for n in range(count):
        turn, step = divmod(n, EVENTS_EACH)
        yield _event(f"s{turn % SUBTASKS:03d}", turn // SUBTASKS + 1, step)


def records(count: int) -> list[Record]:
    """`run_started` and then `count` records."""
    made = [Record(1, 0.0, "benchmark", started())]
    made += [Record(n, n / 1000, "benchmark", event) for n, event in enumerate(events(count), 2)]
    return made


def _event(subtask: str, attempt: int, step: int) -> Event:
    match step:
        case 0:
            return SubtaskStarted(
                wave="wave", subtask=subtask, attempt=attempt, worker=3, title=subtask, kind=Kind.CLAUDE
            )
        case 10:
            return UsageRecorded(
                wave="wave", subtask=subtask, attempt=attempt, model="m", input_tokens=900, output_tokens=300
            )
        case 11:
            return SubtaskFinished(
                wave="wave",
                subtask=subtask,
                attempt=attempt,
                status=Status.SUCCEEDED,
                duration_s=8.25,
                attempts=attempt,
            )
        case _:
            return SubtaskOutput(wave="wave", subtask=subtask, attempt=attempt, text=TEXT)
