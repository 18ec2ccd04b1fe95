"""Where ready subtasks stand until they are taken: a queue for every wave, with a lane for every rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from luna_tui.core.plan import Plan, Subtask
from luna_tui.core.ranking import Turn
from luna_tui.core.words import Kind

ASKS, LOCAL, SPENDS = range(3)
"""Kinds of lanes, what may be held back together: asks Claude at a price that nobody knows, works on
this machine, asks Claude at a known price."""


@dataclass(slots=True, eq=False)
class Lane:
    """The ready subtasks of a wave that are handed out by the same rule."""

    wave: int
    turns: list[Turn] = field(default_factory=list)
    """A heap; may hold subtasks that ended meanwhile."""
    shown: Turn | None = None
    """Its first turn, as long as that stands in the board's heap of all lanes."""


@dataclass(slots=True, eq=False)
class Queue:
    """One wave."""

    places: range
    most: int | None
    """How many of it may be handed out at once; None = no limit of its own."""
    lanes: tuple[Lane, Lane, Lane]
    """By kind."""
    left: int
    taken: int = 0
    """Handed out and not ended."""
    open: bool = False


def queues_of(plan: Plan) -> list[Queue]:
    """The queue of every wave, in order."""
    queues: list[Queue] = []
    first = 0
    for number, wave in enumerate(plan.waves):
        places = range(first, first + len(wave.subtasks))
        most = wave.max_workers if wave.parallel else 1
        queues.append(Queue(places, most, (Lane(number), Lane(number), Lane(number)), len(places)))
        first = places.stop
    return queues


def kind_of(subtask: Subtask, priced: Callable[[Subtask], bool]) -> int:
    """In which kind of lane a subtask stands; `priced` tells whether its price is known."""
    if subtask.kind is not Kind.CLAUDE:
        return LOCAL
    return SPENDS if priced(subtask) else ASKS


def full(queue: Queue) -> bool:
    """Whether a wave has as many handed out as it may."""
    return queue.most is not None and queue.taken >= queue.most
