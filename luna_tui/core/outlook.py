"""What is left of a run and how long that takes, with these workers and limits or with others.

One model for the forecast and for every what-if: wave after wave, each takes as long as its work needs
of its workers, as its longest row of dependencies, or as the limits let its requests through.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from luna_tui.core.counters import Sums
from luna_tui.core.limits import SHARES, TIERS, worker_rule
from luna_tui.core.parts import SubtaskState, WaveState
from luna_tui.core.stand import elapsed_s
from luna_tui.core.state import RunState
from luna_tui.core.words import Kind, Manner, Mode, Schedule, Staffing

ENDS_FOR_FORECAST = 3
"""Ends of its own that a wave needs before anything is foretold from them."""
WORKERS = "workers"
PATH = "critical_path"
_LEAST_LEFT = 0.2
"""Part of the mean that a subtask is thought to need still, however long it is running."""
BORROWED = 0.5
"""How far off a wave may be, as a part of it, where only other waves say how long theirs took."""


@dataclass(frozen=True, slots=True)
class Setting:
    """How a run is driven, or could be."""

    workers: int
    rates: Mapping[str, float]
    """`rpm`, `itpm`, `otpm` -> units a second that we may use; empty when no limit is known."""
    rooms: Mapping[str, float]
    """Units of each that are free at once."""


@dataclass(frozen=True, slots=True)
class Left:
    """Time that is left, how far off that may be, and what makes it so long."""

    seconds: float
    spread_s: float
    bound_by: str
    """`workers`, `critical_path`, `rpm`, `itpm` or `otpm`; of several waves what takes most of the time."""


@dataclass(slots=True)
class _Rest:
    """What is left of the waves that may run at the same time."""

    waves: list[WaveState] = field(default_factory=list)
    lefts: list[float] = field(default_factory=list)
    """Seconds that each of the running ones still needs."""
    ahead: int = 0
    """Subtasks that do not run yet."""
    path_s: float = 0.0
    requests: float = 0.0
    """Still to be admitted; so are the tokens."""
    tokens_in: float = 0.0
    tokens_out: float = 0.0
    mean_s: float = 0.0
    spread_s: float = 0.0
    ends: int = 0
    borrowed: bool = False
    """The mean is that of other waves."""

    @property
    def count(self) -> int:
        """Subtasks that have not ended."""
        return self.ahead + len(self.lefts)


def enough_ends(state: RunState) -> bool:
    """Whether there were ends enough to foretell anything: three in the wave, or in the run for small waves.

    What came from a cache or was skipped says nothing of how long the others take.
    """
    wave = state.current_wave
    if wave is None:
        return False
    if state.plan.schedule is Schedule.WAVES:
        own = len(wave.subtasks) - wave.cached - wave.skipped
        if own > ENDS_FOR_FORECAST and wave.ended < len(wave.subtasks):
            return wave.sums.ends >= ENDS_FOR_FORECAST
    return sum(w.sums.ends for w in state.waves.values()) >= ENDS_FOR_FORECAST


class Means:
    """Means of each wave, or of the whole plan where a wave has too few ends."""

    def __init__(self, state: RunState) -> None:
        self._all: Sums | None = None
        self._waves = state.waves

    def of(self, wave: WaveState) -> Sums:
        """For times."""
        return wave.sums if wave.sums.ends >= ENDS_FOR_FORECAST else self._plan()

    def asking(self, wave: WaveState) -> Sums:
        """For tokens and money."""
        return wave.sums if wave.sums.asked >= ENDS_FOR_FORECAST else self._plan()

    def _plan(self) -> Sums:
        if self._all is None:
            self._all = Sums()
            for wave in self._waves.values():
                if wave.sums.ends:
                    self._all = self._all.plus(wave.sums)
        return self._all


def setting(state: RunState, *, workers: int | None = None, mode: Mode | None = None) -> Setting:
    """The present setting, or one with another number of workers or in another mode."""
    if workers == state.max_workers:
        workers = None
    new_mode = state.mode if mode is None else mode
    rates: dict[str, float] = {}
    rooms: dict[str, float] = {}
    scale = SHARES[new_mode] / SHARES[state.mode]
    limits = state.limits
    if limits is not None:
        for name, gauge in (("rpm", limits.rpm), ("itpm", limits.itpm), ("otpm", limits.otpm)):
            cap = gauge.cap if new_mode is state.mode else gauge.limit * SHARES[new_mode]
            rates[name] = max(1.0, min(cap, gauge.limit - gauge.foreign)) / 60.0
            rooms[name] = max(0.0, cap - gauge.settled - gauge.reserved)
    return Setting(workers or _workers(state, new_mode, scale), rates, rooms)


def _workers(state: RunState, mode: Mode, scale: float) -> int:
    """How many work at once as things are; another mode brings other workers where it chose these."""
    most = state.max_workers
    if state.automatic:
        useful = state.limits.useful_workers if state.limits is not None else None
        return max(1, min(most, round((useful or state.running) * scale)))
    if mode is not state.mode and state.tier in TIERS:
        rule = worker_rule(Staffing.TABLE, state.tier, state.mode)
        if rule.most == most and not rule.automatic:
            return worker_rule(Staffing.TABLE, state.tier, mode).most
    return max(1, most)


def outlook(state: RunState, now_s: float, driven: Setting) -> Left | None:
    """What is left under a setting; None while that cannot be known."""
    if state.finished is not None or state.stopping is Manner.NOW or not enough_ends(state):
        return None
    rooms = dict(driven.rooms)
    seconds = variance = 0.0
    causes: dict[str, float] = defaultdict(float)
    for rest in _rests(state, now_s):
        takes_s, cause = _takes(state, rest, driven, rooms)
        seconds += takes_s
        causes[cause] += takes_s
        turns = max(1.0, takes_s / rest.mean_s) if rest.mean_s > 0 else 1.0
        variance += rest.spread_s**2 * (turns + turns * turns / max(1, rest.ends))
        variance += (BORROWED * takes_s) ** 2 if rest.borrowed else 0.0
    return Left(seconds, math.sqrt(variance), max(causes, key=causes.__getitem__, default=""))


def _takes(state: RunState, rest: _Rest, driven: Setting, rooms: dict[str, float]) -> tuple[float, str]:
    """Seconds that these waves take, and why not fewer; uses the room up that the limits have left."""
    workers = _allowed(state, rest, driven.workers)
    found = {WORKERS: _worked_s(rest, workers), PATH: rest.path_s}
    needs = {"rpm": rest.requests, "itpm": rest.tokens_in, "otpm": rest.tokens_out}
    for name, rate in driven.rates.items():
        lacking = needs[name] - rooms[name]
        rooms[name] = max(0.0, -lacking)
        if lacking > 0:
            found[name] = lacking / rate + rest.mean_s
    cause = max(found, key=found.__getitem__)
    return max(found[cause], rest.mean_s * _LEAST_LEFT), cause


def _worked_s(rest: _Rest, workers: int) -> float:
    """Seconds until these workers have done it all, each taking the next one when it is free.

    As long as all are about equally long, workers go on in rounds and the last round may be for few.
    Once their lengths have shuffled them, the last ones are on average half a subtask behind.
    """
    free_s = sorted(rest.lefts)
    free_s = [0.0] * (workers - len(free_s)) + free_s
    if not rest.ahead:
        return free_s[-1]
    rounds, over = divmod(rest.ahead, len(free_s))
    if rest.spread_s * math.sqrt(rounds + 1) < rest.mean_s / 2:
        last_s = free_s[over - 1] + rest.mean_s if over else 0.0
        return rounds * rest.mean_s + max(free_s[-1], last_s)
    work_s = rest.ahead * rest.mean_s + sum(rest.lefts)
    return work_s / len(free_s) + rest.mean_s / 2 * (1 - 1 / len(free_s))


def _allowed(state: RunState, rest: _Rest, workers: int) -> int:
    """Workers that can be on these waves at once."""
    if len(rest.waves) > 1:
        return max(1, min(workers, rest.count))
    wave = rest.waves[0]
    if not wave.parallel and state.plan.schedule is Schedule.WAVES:
        return 1
    return max(1, min(workers, rest.count, wave.most or workers))


def _rests(state: RunState, now_s: float) -> Iterator[_Rest]:
    """What is left, in groups that begin one after another."""
    means = Means(state)
    live: dict[str, list[SubtaskState]] = {}
    for s in state.live.values():
        live.setdefault(s.wave, []).append(s)
    together = _Rest() if state.plan.schedule is Schedule.DAG else None
    for wave in state.waves.values():
        if wave.ended == len(wave.subtasks):
            continue
        rest = together or _Rest()
        _add(rest, wave, means, live.get(wave.name, ()), now_s, stopping=state.stopping is not None)
        if together is None and rest.count:
            yield rest
    if together is not None and together.count:
        yield together


def _add(
    rest: _Rest, wave: WaveState, means: Means, live: list[SubtaskState] | tuple[()], now_s: float, *,
    stopping: bool,
) -> None:  # fmt: skip
    """Add what is left of one wave."""
    sums = means.of(wave)
    mean_s = sums.mean_s
    running = [s for s in live if s.running]
    waiting = 0 if stopping else len(live) - len(running)
    untouched = 0 if stopping else len(wave.subtasks) - wave.ended - len(live)
    lefts = [max(mean_s * _LEAST_LEFT, mean_s - elapsed_try_s(s, now_s)) for s in running]
    ahead = untouched + waiting
    rest.waves.append(wave)
    count = ahead + len(running)
    rest.mean_s = (rest.mean_s * rest.count + mean_s * count) / max(1, rest.count + count)
    rest.spread_s = max(rest.spread_s, sums.spread_s)
    rest.ends += sums.ends
    rest.borrowed = rest.borrowed or sums is not wave.sums
    rest.ahead += ahead
    rest.lefts += lefts
    rest.path_s = max(rest.path_s, _path_s(wave, running, lefts, ahead, mean_s))
    asked = means.asking(wave)
    if asked.asked:
        ahead_asking = max(0, min(ahead, wave.asking - sum(_asks(s) for s in running)))
        rest.requests += ahead_asking
        rest.tokens_in += ahead_asking * asked.input_tokens / asked.asked
        rest.tokens_out += ahead_asking * asked.output_tokens / asked.asked


def _path_s(
    wave: WaveState, running: list[SubtaskState], lefts: list[float], ahead: int, mean_s: float
) -> float:
    """Seconds of the longest row of dependencies that is left."""
    if not ahead:
        return max(lefts, default=0.0)
    longest = max(
        (left + (s.chain - 1) * mean_s for s, left in zip(running, lefts, strict=True)), default=0.0
    )
    begun = sum(s.chain == wave.chains.longest for s in running)
    unbegun = wave.chains.longest if wave.chains.counts[wave.chains.longest] > begun else 1
    return max(longest, unbegun * mean_s)


def _asks(s: SubtaskState) -> bool:
    return s.planned.kind is Kind.CLAUDE


def elapsed_try_s(s: SubtaskState, now_s: float) -> float:
    """Seconds of work in the attempt that is running."""
    return max(0.0, s.tries[-1].worked_s(now_s)) if s.tries else elapsed_s(s, now_s)
