"""What a decision costs does not grow with the line: operations are counted, since time is not steady."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from luna_tui.core.limits import Limits
from luna_tui.core.words import Mode, WaitReason
from luna_tui.engine.admission import Admission
from luna_tui.engine.limiter_books import Books, Ticket
from luna_tui.engine.runner import Demand, Refusal, ServerLimits, Usage

LIMITS = Limits(rpm=1_000, itpm=10_000, otpm=2_000)
SMALL = Usage(model="m", input_tokens=100, output_tokens=1)


class CountedBooks(Books):
    """Counts how often somebody is judged."""

    judged = 0

    def fits(self, ticket: Ticket) -> bool:
        self.judged += 1
        return super().fits(ticket)

    def waits_s(self, ticket: Ticket) -> tuple[float | None, float | None, float | None]:
        self.judged += 1
        return super().waits_s(ticket)

    def shortage(self, ahead: tuple[float, float, float], ticket: Ticket) -> tuple[WaitReason, float]:
        self.judged += 1
        return super().shortage(ahead, ticket)


def crowd(waiting: int) -> tuple[Admission, CountedBooks, list[Ticket], list[Ticket]]:
    """An admission with three requests running and so many in the line, who need all there is."""
    admission = Admission(LIMITS, Mode.BALANCED, 0.0)
    books = admission.books = CountedBooks(LIMITS, Mode.BALANCED, 0.0)
    running = [admission.join(0.0, Demand(input_tokens=100, output_tokens=1))[0] for _ in range(3)]
    line = [admission.join(0.0, Demand(input_tokens=8_500, output_tokens=1))[0] for _ in range(waiting)]
    books.judged = 0
    return admission, books, running, line


Verb = Callable[[Admission, list[Ticket], list[Ticket]], object]
VERBS: dict[str, Verb] = {
    "join": lambda a, running, line: a.join(1.0, Demand(input_tokens=5, output_tokens=5)),
    "join_again": lambda a, running, line: a.join(
        1.0, Demand(input_tokens=8_500, output_tokens=5), again=running[0]
    ),
    "leave_first": lambda a, running, line: a.leave(1.0, line[0]),
    "leave_last": lambda a, running, line: a.leave(1.0, line[-1]),
    "answered": lambda a, running, line: a.answered(1.0, running[0], ServerLimits()),
    "correct": lambda a, running, line: a.correct(1.0, running[0], SMALL),
    "settle": lambda a, running, line: a.settle(1.0, running[0], SMALL),
    "refund": lambda a, running, line: a.refund(1.0, running[0]),
    "advance": lambda a, running, line: a.advance(1.0),
    "admit": lambda a, running, line: [a.refund(1.0, ticket) for ticket in running],
}


@pytest.mark.parametrize("verb", VERBS)
def test_a_decision_judges_as_few_with_two_thousand_waiting_as_with_ten(verb: str) -> None:
    judged = []
    for waiting in (10, 2_000):
        admission, books, running, line = crowd(waiting)
        VERBS[verb](admission, running, line)
        judged.append(books.judged)
    assert judged[0] == judged[1] <= 8


@pytest.mark.parametrize("waiting", [10, 1_000])
def test_only_what_concerns_everybody_judges_everybody_and_each_once(waiting: int) -> None:
    admission, books, _, _ = crowd(waiting)
    admission.refused(1.0, None, Refusal(retry_after_s=5.0))
    assert books.judged <= waiting + 3
    books.judged = 0
    admission.use(2.0, mode=Mode.AGGRESSIVE)
    assert books.judged <= waiting + 3


def test_leaving_tickets_do_not_pile_up_in_what_is_looked_through() -> None:
    admission, books, _, line = crowd(2_000)
    for ticket in reversed(line):
        admission.leave(1.0, ticket)
    assert admission.first is None
    assert books.judged <= 2 * 2_000 + 3
    assert admission._line == []
