"""Several processes on one key: their limiters behave as one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from luna_tui.core.limits import Limits
from luna_tui.core.words import Mode, WaitReason
from luna_tui.engine.admission import Admission
from luna_tui.engine.limiter_books import Ticket
from luna_tui.engine.limiter_shared import COMMON_WIDTH, SLOT_WIDTH, SharedRows, Sharing
from luna_tui.engine.runner import Demand, Refusal, ServerLimit, ServerLimits, Usage
from luna_tui.storage.shared_limits import LimitsTable

LIMITS = Limits(rpm=1_000, itpm=10_000, otpm=2_000)


@dataclass
class Process:
    """What one process has: its own admission, and its view of the table."""

    admission: Admission
    sharing: Sharing
    news: list[Ticket] = field(default_factory=list)

    def ask(self, now: float, tokens_in: int, tokens_out: int = 10) -> Ticket:
        with self.sharing.exchange():
            demand = Demand(input_tokens=tokens_in, output_tokens=tokens_out, max_output_tokens=tokens_out)
            return self.admission.join(now, demand)[0]

    def do(self, verb: Callable[[], object]) -> None:
        with self.sharing.exchange():
            verb()

    def advance(self, now: float) -> None:
        self.do(lambda: self.admission.advance(now))

    def settle(self, now: float, ticket: Ticket, tokens_in: int) -> None:
        usage = Usage(model="m", input_tokens=tokens_in, output_tokens=10)
        self.do(lambda: self.admission.settle(now, ticket, usage))


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[Mode], Process]]:
    begun: list[Process] = []

    def start_one(mode: Mode = Mode.BALANCED) -> Process:
        admission = Admission(LIMITS, mode, 100.0)
        table = LimitsTable(tmp_path / "limits", COMMON_WIDTH, SLOT_WIDTH)
        begun.append(Process(admission, Sharing(table, admission)))
        return begun[-1]

    yield start_one
    for process in begun:
        process.sharing.close()


Start = Callable[..., Process]


def test_what_one_holds_the_other_cannot_have(start: Start) -> None:
    a, b = start(), start()
    first = a.ask(100.0, 8_000)
    assert first.admitted_at == 100.0
    second = b.ask(100.0, 1_000)
    assert second.admitted_at is None
    assert second.reason is WaitReason.ITPM
    a.do(lambda: a.admission.refund(100.1, first))
    b.advance(100.1)
    assert second.admitted_at == 100.1


def test_use_of_one_drains_for_all(start: Start) -> None:
    a, b = start(), start()
    a.settle(100.0, a.ask(100.0, 8_500), 8_500)
    waiting = b.ask(100.0, 4_250)
    b.advance(129.9)
    assert waiting.admitted_at is None
    b.advance(130.1)
    assert waiting.admitted_at == 130.1


def test_who_comes_later_in_another_process_does_not_overtake_a_large_request(start: Start) -> None:
    a, b = start(), start()
    a.settle(100.0, a.ask(100.0, 8_000), 8_000)
    large = a.ask(100.0, 5_000)
    small = b.ask(100.5, 100)
    assert (large.admitted_at, small.admitted_at) == (None, None)
    for now in (110.0, 120.0, 130.0):
        b.advance(now)
        a.advance(now)
    assert b.admission.books.itpm.policy.missing(100) == 0, "there would be room"
    assert (large.admitted_at, small.admitted_at) == (None, None)
    a.advance(140.0)
    assert large.admitted_at == 140.0
    b.advance(141.0)
    assert small.admitted_at == 141.0


def test_a_limit_that_one_was_told_holds_for_all(start: Start) -> None:
    a, b = start(), start()
    ticket = a.ask(100.0, 100)
    told = ServerLimits(itpm=ServerLimit(limit=5_000, remaining=4_900))
    a.do(lambda: a.admission.answered(100.1, ticket, told))
    b.advance(100.2)
    assert b.admission.snapshot(100.2).itpm.limit == 5_000
    assert b.admission.snapshot(100.2).itpm.cap == 4_250


def test_each_keeps_the_share_of_its_own_mode(start: Start) -> None:
    a, b = start(Mode.AGGRESSIVE), start(Mode.CONSERVATIVE)
    a.settle(100.0, a.ask(100.0, 7_600), 7_600)
    assert b.ask(100.0, 100).admitted_at is None
    assert a.ask(100.0, 100).admitted_at == 100.0
    assert a.admission.snapshot(100.0).itpm.cap == 9_500


def test_a_refusal_of_one_holds_all(start: Start) -> None:
    a, b = start(), start()
    ticket = a.ask(100.0, 100)
    a.do(lambda: a.admission.refused(100.1, ticket, Refusal(retry_after_s=5.0)))
    waiting = b.ask(100.2, 100)
    assert (waiting.admitted_at, waiting.reason) == (None, WaitReason.RETRY_AFTER)
    b.advance(105.2)
    assert waiting.admitted_at == 105.2


@dataclass
class Rows:
    common: list[float] = field(default_factory=lambda: [0.0] * COMMON_WIDTH)
    mine: list[float] = field(default_factory=lambda: [0.0] * SLOT_WIDTH)
    others: list[list[float]] = field(default_factory=list)
    before: int = 0
    gone: list[list[float]] = field(default_factory=list)


@dataclass
class Table:
    """A table in this process alone."""

    rows: Rows = field(default_factory=Rows)
    broken: bool = False
    closed: bool = False

    @contextmanager
    def exchange(self) -> Iterator[SharedRows]:
        if self.broken:
            raise OSError("gone")
        yield self.rows

    def close(self) -> None:
        self.closed = True


def test_what_a_dead_process_had_sent_counts_as_used() -> None:
    table = Table()
    table.rows.gone = [[2.0, 6_000.0] + [0.0] * (SLOT_WIDTH - 2)]
    admission = Admission(LIMITS, Mode.BALANCED, 0.0)
    with Sharing(table, admission).exchange():
        pass
    assert (admission.books.rpm.truth.used, admission.books.itpm.truth.used) == (2.0, 6_000.0)


def test_a_table_that_fails_is_given_up_and_the_run_goes_on() -> None:
    table = Table()
    table.rows.others = [[1.0, 8_000.0] + [0.0] * (SLOT_WIDTH - 2)]
    admission = Admission(LIMITS, Mode.BALANCED, 0.0)
    sharing = Sharing(table, admission)
    with sharing.exchange():
        assert admission.books.itpm.held == 8_000
    table.broken = True
    with sharing.exchange():
        assert admission.books.itpm.held == 0
        ticket, _ = admission.join(1.0, Demand(input_tokens=8_000, output_tokens=1))
    assert ticket.admitted_at == 1.0
    assert sharing.company == 0
    sharing.close()
    assert not table.closed


def test_running_answers_of_others_are_foreseen(start: Start) -> None:
    a, b = start(), start()
    for _ in range(3):
        assert a.ask(100.0, 10, 600).admitted_at is not None
    assert b.admission.books.otpm.running == 0
    ticket = b.ask(100.0, 10, 600)
    assert b.admission.books.otpm.running == 3 + (ticket.admitted_at is not None)
    assert b.admission.books.otpm.expected >= 1_800
