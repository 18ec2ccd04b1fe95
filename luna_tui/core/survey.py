"""What every subtask of a plan is expected to take, before anything ran: time, tokens, money."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from luna_tui.core.expectations import LIKELY_SHARE_OF_MAX, Expectations
from luna_tui.core.limits import family
from luna_tui.core.packing import MOST_SUBTASKS
from luna_tui.core.plan import Plan, Subtask
from luna_tui.core.prices import Price, cost_usd, price_of
from luna_tui.core.ranking import Ranking
from luna_tui.core.rehearsal import Job
from luna_tui.core.templates import names
from luna_tui.core.words import Kind

GUESSED_SHARES = (0.3, LIKELY_SHARE_OF_MAX, 1.0)
"""Low, likely and high output of an unknown prompt, as shares of `max_tokens`."""
TOLD_SHARES = (0.8, 1.0, 1.5)
"""The same as shares of what the plan's author expects, never above `max_tokens`."""
_RESULT = "results."


@dataclass(frozen=True, slots=True)
class Spread:
    """A figure in three cases."""

    low: float = 0.0
    likely: float = 0.0
    high: float = 0.0

    def plus(self, other: Spread) -> Spread:
        """Both together, case by case."""
        return Spread(self.low + other.low, self.likely + other.likely, self.high + other.high)


NOTHING = Spread()


@dataclass(frozen=True, slots=True, kw_only=True)
class Expense:
    """What one subtask is expected to take when every attempt succeeds."""

    subtask: Subtask
    job: Job
    """The likely case, for a rehearsal."""
    input_tokens: Spread = NOTHING
    """Its own prompt, and the answers of others that are filled into it."""
    output_tokens: Spread = NOTHING
    cost_usd: Spread | None = NOTHING
    """None = the price of its model is not known."""

    @property
    def asks(self) -> bool:
        """It asks Claude."""
        return self.subtask.kind is Kind.CLAUDE

    @property
    def told(self) -> bool:
        """The plan's author told how long the answer will be."""
        return self.subtask.estimate.output_tokens is not None


class Survey:
    """A plan with what it is expected to take; worked out once, whatever the limits and workers are."""

    def __init__(self, plan: Plan, prices: Mapping[str, Price]) -> None:
        self.plan, self.prices = plan, prices
        expectations = Expectations(plan)
        subtasks = tuple(plan.subtasks())
        places = self.places = {s.id: place for place, s in enumerate(subtasks)}
        """Place of every subtask."""
        self.needs: tuple[tuple[int, ...], ...] = tuple(
            tuple(places[i] for i in s.depends_on if i in places) for s in subtasks
        )
        """By place in the plan: the places that must have succeeded before."""
        self.expenses = _expenses(subtasks, expectations, prices)
        """By place in the plan."""
        self.jobs = tuple(e.job for e in self.expenses)
        self.waves = _scopes(plan)
        """Places of every wave."""
        self.ids = tuple(tuple(s.id for s in wave.subtasks) for wave in plan.waves)
        """Ids of every wave."""
        dependents: list[list[int]] = [[] for _ in subtasks]
        for place, needs in enumerate(self.needs):
            for need in needs:
                dependents[need].append(place)
        self._ranking = Ranking(subtasks, dependents, expectations)
        self._orders: dict[tuple[range, int], list[int]] = {}

    def order(self, scope: range, workers: int) -> list[int]:
        """The places of `scope` in the order in which the engine would hand them out to so many workers."""
        # Only starts that are planned ahead depend on the number of workers, and only for so few.
        key = (scope, workers if len(scope) <= MOST_SUBTASKS else 0)
        found = self._orders.get(key)
        if found is None:
            self._ranking.enter(scope, workers)
            found = self._orders[key] = sorted(scope, key=self._ranking.turn)
        return found


def _scopes(plan: Plan) -> tuple[range, ...]:
    found, start = [], 0
    for wave in plan.waves:
        found.append(range(start, start + len(wave.subtasks)))
        start += len(wave.subtasks)
    return tuple(found)


def _expenses(
    subtasks: Sequence[Subtask], expectations: Expectations, prices: Mapping[str, Price]
) -> tuple[Expense, ...]:
    outputs = {s.id: _output(s) for s in subtasks if s.kind is Kind.CLAUDE}
    found = []
    for s in subtasks:
        expected = expectations.expect(s)
        if s.kind is not Kind.CLAUDE:
            found.append(Expense(subtask=s, job=Job(expected.seconds)))
            continue
        own = float(expected.input_tokens)
        taken = Spread(own, own, own)
        if s.depends_on and s.estimate.input_tokens is None:
            for i in _results(s):
                taken = taken.plus(outputs.get(i, NOTHING))
        job = Job(expected.seconds, family(s.model), round(taken.likely), expected.output_tokens)
        given, price = outputs[s.id], price_of(prices, s.model)
        found.append(
            Expense(
                subtask=s,
                job=job,
                input_tokens=taken,
                output_tokens=given,
                cost_usd=None if price is None else _cost(price, taken, given),
            )
        )
    return tuple(found)


def _output(s: Subtask) -> Spread:
    told = s.estimate.output_tokens
    base, shares = (s.max_tokens, GUESSED_SHARES) if told is None else (told, TOLD_SHARES)
    return Spread(*(float(max(1, min(s.max_tokens, round(base * share)))) for share in shares))


def _results(s: Subtask) -> tuple[str, ...]:
    """Ids of subtasks whose answers are filled into the prompt."""
    used = dict.fromkeys((*names(s.prompt), *names(s.system)))
    return tuple(name[len(_RESULT) :] for name in used if name.startswith(_RESULT))


def _cost(price: Price, taken: Spread, given: Spread) -> Spread:
    pairs = ((taken.low, given.low), (taken.likely, given.likely), (taken.high, given.high))
    return Spread(*(cost_usd(price, round(i), round(o)) for i, o in pairs))
