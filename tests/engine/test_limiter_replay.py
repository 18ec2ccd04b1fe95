"""The same verbs at the same instants give the same decisions: recorded answers, and real threads."""

from __future__ import annotations

import random
import threading
import time
from pathlib import Path

import pytest
from engine.limiter_recorder import FOLDER, Recorder, load, replay, scenarios
from engine.limiter_support import used

from benchmarks.virtual import Timeline
from luna_tui.core.limits import SHARES, TIERS, Limits
from luna_tui.core.words import Mode, WaitReason
from luna_tui.engine.admission import Admission
from luna_tui.engine.cancel import Cancelled, CancelToken
from luna_tui.engine.clock import ScaledClock
from luna_tui.engine.limiter import RateLimiter
from luna_tui.engine.limiter_books import Ticket
from luna_tui.engine.runner import Demand, Refusal, ServerLimit, ServerLimits

RECORDED = sorted(FOLDER.glob("*.json"))


def test_every_kind_of_answer_is_recorded() -> None:
    assert {path.stem for path in RECORDED} == set(scenarios())


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_recorded_answers_lead_to_the_recorded_decisions(path: Path) -> None:
    recording = load(path)
    assert path.stat().st_size < 40_000
    again = replay(recording)
    for line, decided in zip(recording.lines, again.decisions, strict=True):
        assert [*line[:4], decided] == line
    admitted = sum(why is None for decided in again.decisions for _, why in decided)
    assert admitted >= 24


def test_a_replay_would_show_another_decision() -> None:
    recording = load(FOLDER / "normal.json")
    answered = next(n for n, line in enumerate(recording.lines) if line[1] == "answered")
    recording.lines[answered][3][1] = [30_000, 0, 60.0]
    assert replay(recording).decisions != recording.decisions


def test_real_threads_decide_as_the_same_verbs_do_without_any() -> None:
    """Sixteen threads in compressed time; what they told the limiter is then told to another, alone."""
    clock = ScaledClock(150.0)
    limits = Limits(rpm=300, itpm=60_000, otpm=12_000)
    limiter = RateLimiter(limits, Mode.AGGRESSIVE, clock)
    recorder = Recorder(limits, Mode.AGGRESSIVE, clock.now())
    limiter._admission = recorder

    def worker(number: int) -> None:
        rng = random.Random(number)
        for _ in range(6):
            _request(limiter, clock, rng)

    threads = [threading.Thread(target=worker, args=(n,), daemon=True) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()
    again = replay(recorder.recording)
    assert again.decisions == recorder.recording.decisions
    assert again.lines == recorder.recording.lines
    reasons = {why for decided in again.decisions for _, why in decided}
    assert {None, "itpm", "retry_after"} <= reasons


def _request(limiter: RateLimiter, clock: ScaledClock, rng: random.Random) -> None:
    never, token = threading.Event(), CancelToken(clock)
    demand = Demand(input_tokens=rng.randint(100, 6_000), output_tokens=rng.randint(10, 400))

    def lose_patience(reason: WaitReason, expected_s: float | None) -> None:
        if rng.random() < 0.1:
            token.cancel("no patience")

    try:
        ticket = limiter.reserve(demand, token, lose_patience)
    except Cancelled:
        return
    clock.wait(never, rng.uniform(0.1, 1.0))
    if rng.random() < 0.1:
        limiter.refused(ticket, Refusal(retry_after_s=rng.choice([None, 2.0])))
        return
    told = ServerLimit(limit=60_000, remaining=rng.randint(0, 60_000))
    limiter.answered(ticket, ServerLimits(itpm=told))
    limiter.correct(ticket, used(demand.input_tokens * 9 // 10, 1))
    clock.wait(never, rng.uniform(0.1, 3.0))
    limiter.settle(ticket, used(demand.input_tokens * 9 // 10, demand.output_tokens))


class Hour:
    """Requests without end for an hour: ten in the line, answers after a second, ends after eight."""

    def __init__(self, limits: Limits, mode: Mode) -> None:
        self.time, self.admission = Timeline(), Admission(limits, mode, 0.0)
        self.random = random.Random(4)
        self.admitted: list[tuple[int, float]] = []
        self.waiting: dict[Ticket, Demand] = {}
        self.used = 0
        self.due_at: float | None = None

    def run(self) -> Hour:
        self._fill([])
        self.time.run(3_600.0)
        return self

    def _fill(self, news: list[Ticket]) -> None:
        while len(self.waiting) < 10 or news:
            for ticket in news:
                if ticket.admitted_at is not None and ticket in self.waiting:
                    self._send(ticket, self.waiting.pop(ticket))
            news = self._join() if len(self.waiting) < 10 else []
        due_at = self.admission.due_at
        if due_at is not None and due_at != self.due_at:
            self.time.at(due_at, lambda: self._due(due_at))
        self.due_at = due_at

    def _due(self, due_at: float) -> None:
        if due_at == self.due_at:
            self.due_at = None
            self._fill(self.admission.advance(self.time.now))

    def _join(self) -> list[Ticket]:
        size = self.random.randint(500, 12_000)
        demand = Demand(input_tokens=size, output_tokens=size // 8)
        ticket, news = self.admission.join(self.time.now, demand)
        self.waiting[ticket] = demand
        return news

    def _send(self, ticket: Ticket, demand: Demand) -> None:
        now, spent = self.time.now, used(demand.input_tokens, demand.output_tokens)
        self.admitted.append((ticket.place, now))
        self.used += demand.input_tokens
        told = ServerLimits()
        self.time.at(now + 1.0, lambda: self._fill(self.admission.answered(self.time.now, ticket, told)))
        self.time.at(now + 8.0, lambda: self._fill(self.admission.settle(self.time.now, ticket, spent)))


@pytest.mark.parametrize("tier", ["tier1", "tier2"])
def test_an_hour_at_the_limit_takes_less_than_a_second_and_is_always_the_same(tier: str) -> None:
    limits, share = TIERS[tier].limits, SHARES[Mode.BALANCED]
    began_s = time.process_time()
    hour = Hour(limits, Mode.BALANCED).run()
    assert time.process_time() - began_s < 1.0
    use = (hour.used - share * limits.itpm) / (60 * limits.itpm)
    assert share - 0.03 < use <= share
    assert [place for place, _ in hour.admitted] == list(range(len(hour.admitted)))
    assert Hour(limits, Mode.BALANCED).run().admitted == hour.admitted
