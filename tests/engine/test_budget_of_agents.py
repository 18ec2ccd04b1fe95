"""A budget holds while many agents ask in turns: nothing is admitted past it, and nothing fails for it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from unittest.mock import patch

import pytest
from engine.commands_support import check
from hypothesis import given, settings
from hypothesis import strategies as st
from support import FakeRunner, Run, make_run, names, plan, subtask, wave

from luna_tui.core.events import (
    AttemptFailed,
    LimitsObserved,
    SubtaskStarted,
    TurnFailed,
    TurnStarted,
    UsageRecorded,
)
from luna_tui.core.prices import Price
from luna_tui.core.words import RunStatus, Status
from luna_tui.engine.budget import Budget, estimate_usd
from luna_tui.engine.flight import Flight
from luna_tui.engine.runner import AttemptContext, Demand, Usage, Work

PRICE = Price(input=1.0, output=1.0, cache_read=0.1, cache_write=2.0, search=0.01)
PRICES = {"m": PRICE}
THREADS = 40
TURNS = 4
SMALL = Demand(input_tokens=600, output_tokens=300, dear_output_tokens=400)
MILLI = 0.001
_NOISE_USD = 1e-9


def used(tokens_in: int, tokens_out: int) -> Usage:
    return Usage(model="m", input_tokens=tokens_in, output_tokens=tokens_out)


@dataclass
class Admissions:
    """What the books said each time money was reserved."""

    cap_usd: list[float] = field(default_factory=list)
    total_usd: list[float] = field(default_factory=list)
    """Spent, reserved and the estimate together."""

    @property
    def past_the_cap(self) -> int:
        """Requests that were admitted although they did not fit."""
        return sum(t > c + _NOISE_USD for t, c in zip(self.total_usd, self.cap_usd, strict=True))


@contextmanager
def watched() -> Iterator[Admissions]:
    seen, reserve = Admissions(), Budget._reserve

    def watching(budget: Budget, flight: Flight, estimate: float) -> None:
        seen.cap_usd.append(float("inf") if budget.cap_usd is None else budget.cap_usd)
        seen.total_usd.append(budget.spent_usd + budget.reserved_usd + estimate)
        reserve(budget, flight, estimate)

    with patch.object(Budget, "_reserve", watching):
        yield seen


class Ledger:
    """Money as those who use it count it, by themselves."""

    def __init__(self) -> None:
        self.most_usd = self.settled_usd = 0.0
        self._open_usd = 0.0
        self._lock = threading.Lock()

    def begin(self, estimate: float) -> None:
        with self._lock:
            self._open_usd += estimate
            self.most_usd = max(self.most_usd, self._open_usd + self.settled_usd)

    def end(self, estimate: float, paid: float) -> None:
        with self._lock:
            self._open_usd -= estimate
            self.settled_usd += paid


class Agents(FakeRunner):
    """Four requests each; a request takes a part of what was reserved for it, or more."""

    def __init__(self, demands: Mapping[str, Sequence[Demand]], share: float = 1.0) -> None:
        super().__init__(self._converse)
        self._demands, self._share = demands, share
        self.ledger = Ledger()

    def demand(self, work: Work) -> Demand:
        return self._demands[work.subtask.id][0]

    def _converse(self, work: Work, context: AttemptContext) -> str:
        demands = self._demands[work.subtask.id]
        self._ask(context, demands[0])
        for number, demand in enumerate(demands[1:], 2):
            context.turn(number, demand, lambda demand=demand: self._ask(context, demand))  # type: ignore[misc]
        return "done"

    def _ask(self, context: AttemptContext, demand: Demand) -> None:
        estimate = estimate_usd(PRICE, demand)
        self.ledger.begin(estimate)
        tokens = round(estimate * 1e6 * self._share)
        self.ledger.end(estimate, tokens / 1e6)
        context.usage(used(0, tokens), final=True)


def agents(count: int) -> list[str]:
    return list(names(count))


def a_run(runner: Agents, ids: Sequence[str], cap_usd: float, **more: object) -> Run:
    given = plan(wave("w", *(subtask(i, model="m", retries=0) for i in ids)))
    told: dict[str, object] = {"workers": THREADS, "tier": "scale", "prices": PRICES} | more
    return make_run(runner, given, budget_usd=cap_usd, **told)  # type: ignore[arg-type]


def test_forty_agents_stop_at_the_cap_and_go_on_when_it_is_raised() -> None:
    ids = agents(THREADS)
    runner = Agents(dict.fromkeys(ids, (SMALL,) * TURNS))
    with watched() as admitted:
        run = a_run(runner, ids, 70.5 * MILLI, hold_for_person=True).start()
        held = run.executor._floor.budget.held
        run.wait_until(lambda: len(run.all(UsageRecorded)) == 70 and len(held) > 0)
        assert len(run.all(SubtaskStarted)) + len(run.all(TurnStarted)) == 70
        run.executor.control.set_budget(1.0, by="user")
        run.finish()
    assert admitted.past_the_cap == 0
    assert len(admitted.total_usd) == THREADS * TURNS, "each request was reserved for once"
    assert set(run.ends().values()) == {Status.SUCCEEDED}
    assert not run.all(AttemptFailed)
    assert not run.all(TurnFailed)
    assert len(run.all(TurnStarted)) == THREADS * (TURNS - 1), "nobody began anew"
    assert runner.ledger.settled_usd == pytest.approx(THREADS * TURNS * MILLI)
    check(run)


def test_the_run_ends_as_held_when_nobody_can_raise_it_and_no_agent_has_failed() -> None:
    ids = agents(THREADS)
    runner = Agents(dict.fromkeys(ids, (SMALL,) * TURNS))
    with watched() as admitted:
        run = a_run(runner, ids, 90.5 * MILLI).finish()
    assert run.status is RunStatus.HELD
    assert admitted.past_the_cap == 0
    assert len(run.all(UsageRecorded)) == 90
    assert runner.ledger.most_usd <= 90.5 * MILLI
    assert set(run.ends().values()) <= {Status.SUCCEEDED, Status.CANCELLED}
    assert not run.all(AttemptFailed)
    assert sum(e.cost_usd or 0.0 for e in run.all(UsageRecorded)) == pytest.approx(90 * MILLI)


def test_what_a_request_did_not_use_is_free_before_the_tools_between_two_requests_are_done() -> None:
    """Else an agent at its tools would hold the money of a request that was paid for already."""
    go, asked = threading.Event(), threading.Event()

    def body(work: Work, context: AttemptContext) -> str:
        context.usage(used(0, 1), final=True)
        if work.subtask.id == "s0":
            asked.set()
            assert go.wait(10)
        return "done"

    given = plan(wave("w", subtask("s0", model="m"), subtask("s1", model="m")))
    run = make_run(
        FakeRunner(body, SMALL), given, workers=2, prices=PRICES, budget_usd=1.5 * MILLI, hold_for_person=True
    ).start()
    assert asked.wait(10)
    run.wait_until(lambda: "s1" in run.ends())
    assert run.executor._floor.budget.reserved_usd == 0.0
    go.set()
    run.finish()
    assert run.status is RunStatus.SUCCEEDED


def test_what_is_reserved_counts_the_cache_the_searches_and_the_dear_answer() -> None:
    demand = Demand(
        input_tokens=1_000, output_tokens=10, dear_output_tokens=50,
        kept_tokens=4_000, written_tokens=900, searches=2,
    )  # fmt: skip
    expected = (100 * 1.0 + 900 * 2.0 + 4_000 * 0.1 + 50 * 1.0) / 1e6 + 2 * 0.01
    assert estimate_usd(PRICE, demand) == pytest.approx(expected)


def test_a_name_of_the_model_that_only_the_server_uses_is_paid_as_what_was_asked_for() -> None:
    def body(work: Work, context: AttemptContext) -> str:
        context.usage(Usage(model="m-as-served", input_tokens=600, output_tokens=400), final=True)
        return "done"

    run = make_run(
        FakeRunner(body, SMALL), plan(wave("w", *(subtask(i, model="m") for i in agents(5)))),
        prices=PRICES, budget_usd=2.5 * MILLI, workers=1,
    ).finish()  # fmt: skip
    assert [e.cost_usd for e in run.all(UsageRecorded)] == [pytest.approx(MILLI)] * 2
    assert run.status is RunStatus.HELD


def test_each_use_tells_what_had_been_expected() -> None:
    def body(work: Work, context: AttemptContext) -> str:
        context.usage(used(700, 200), final=True)
        turn = Demand(input_tokens=50, output_tokens=20, kept_tokens=900)
        context.turn(2, turn, lambda: context.usage(used(60, 30), final=True))
        return "done"

    run = make_run(FakeRunner(body, SMALL), plan(wave("w", subtask("a", model="m")))).finish()
    told = [(e.expected_input_tokens, e.expected_output_tokens) for e in run.all(UsageRecorded)]
    assert told == [(600, 300), (950, 20)]


TOKENS = st.integers(0, 3_000)
DEMANDS = st.builds(
    Demand,
    input_tokens=TOKENS,
    output_tokens=TOKENS,
    dear_output_tokens=TOKENS,
    kept_tokens=TOKENS,
    searches=st.integers(0, 3),
)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.lists(DEMANDS, min_size=1, max_size=TURNS), min_size=1, max_size=12),
    st.floats(0.0, 0.2),
    st.floats(0.0, 3.0),
)
def test_whatever_is_asked_nothing_is_admitted_past_the_cap(
    demands: list[list[Demand]], cap_usd: float, share: float
) -> None:
    ids = agents(len(demands))
    runner = Agents(dict(zip(ids, demands, strict=True)), share)
    with watched() as admitted:
        run = a_run(runner, ids, cap_usd).finish()
    assert admitted.past_the_cap == 0
    wrong = sorted(
        (max(0.0, share - 1.0) * estimate_usd(PRICE, d) for ds in demands for d in ds), reverse=True
    )
    spent = sum(e.cost_usd or 0.0 for e in run.all(UsageRecorded))
    assert spent <= cap_usd + sum(wrong[: len(ids)]) + 1e-5, "only estimates of those in flight were wrong"
    assert set(run.ends().values()) <= {Status.SUCCEEDED, Status.CANCELLED}
    assert run.status in (RunStatus.SUCCEEDED, RunStatus.HELD)
    assert not run.all(AttemptFailed)
    budget = run.executor._floor.budget
    assert budget.reserved_usd == pytest.approx(0.0, abs=1e-9)
    assert budget.spent_usd == pytest.approx(spent, abs=1e-9)
    assert run.all(LimitsObserved)[-1].spent_usd == pytest.approx(spent, abs=1e-9)
