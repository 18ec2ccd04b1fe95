"""When the text of a subtask that streams is published."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from support import subtask

from luna_tui.engine.cancel import CancelToken
from luna_tui.engine.clock import ManualClock
from luna_tui.engine.context import OUTPUT_INTERVAL_S, FlightContext
from luna_tui.engine.deadlines import Deadline, DeadlineThread
from luna_tui.engine.flight import Flight


class NotedDeadlines(DeadlineThread):
    """Notes what was armed; nothing fires by itself."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock)
        self.armed: list[Deadline] = []

    def arm(self, at: float, callback: Callable[[], None]) -> Deadline:
        self.armed.append(Deadline(at, callback))
        return self.armed[-1]


UNUSED: Any = None


def streaming(clock: ManualClock, deadlines: DeadlineThread, said: list[str]) -> FlightContext:
    return FlightContext(
        Flight(subtask("s"), "w", 0, CancelToken(clock), attempt=1),
        clock,
        deadlines,
        publish_output=lambda _, text: said.append(text),
        keep_raw=lambda _: None,
        on_usage=lambda *_: None,
        requests=UNUSED,
        tools=UNUSED,
        ask=UNUSED,
    )


def test_the_first_text_is_published_at_once_and_later_ones_at_instants_common_to_all() -> None:
    clock = ManualClock(5.013)
    deadlines, said = NotedDeadlines(clock), list[str]()
    contexts = [streaming(clock, deadlines, said) for _ in range(3)]
    for context in contexts:
        context.output("a")
        context.output("b")
        clock.advance(0.01)
    assert said == ["a", "a", "a"]
    assert [d.at for d in deadlines.armed] == pytest.approx([5.15, 5.15, 5.15])
    assert deadlines.armed[0].at - 5.033 >= OUTPUT_INTERVAL_S
    contexts[0].output("c")
    for deadline in list(deadlines.armed):
        deadline.fire()
    assert said[3:] == ["bc", "b", "b"]


def test_what_is_pending_at_the_end_is_published_once() -> None:
    clock = ManualClock(1.0)
    deadlines, said = NotedDeadlines(clock), list[str]()
    context = streaming(clock, deadlines, said)
    context.output("a")
    context.output("b")
    context.close()
    deadlines.armed[0].fire()
    assert said == ["a", "b"]
