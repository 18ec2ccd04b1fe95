"""Go on with a run that an earlier process left, or with what another run had done already."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from luna_tui.core.events import Event, RetryRequested
from luna_tui.core.expectations import Expectations
from luna_tui.core.past import Past, lessons
from luna_tui.core.plan import Plan
from luna_tui.engine.floor import Floor
from luna_tui.engine.tally import Tally


def learn_from(past: Past, plan: Plan, tally: Tally, expectations: Expectations) -> None:
    """Count and learn what happened as if this process had seen it."""
    subtasks = {s.id: s for s in plan.subtasks()}
    for record in past.records:
        tally.follow(record)
    tally.catch_up()
    for subtask, used, seconds in lessons(past.records):
        if subtask in subtasks:
            expectations.learn(subtasks[subtask], used, seconds)


def carry_on(past: Past, floor: Floor, publish: Callable[[Event], object]) -> None:
    """Tell what became of what was in flight, and put in line what is to be done; before the run is run."""

    def announce(named: Sequence[str], requeued: Sequence[str]) -> None:
        publish(RetryRequested(by=past.by, subtasks=tuple(named), requeued=tuple(requeued)))

    if past.repaired is not None:
        publish(past.repaired)
    for used in past.untold:
        publish(used)
    for event, output in past.found:
        floor.settle(event, output)
    for failed in past.interrupted:
        publish(failed)
    if past.undo:
        floor.returns.undo(past.undo, announce)
    floor.ends.take_up()
