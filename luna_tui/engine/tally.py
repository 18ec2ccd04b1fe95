"""Count the ends of a run and draw the sum at its own end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from luna_tui.core.events import RunFinished, SubtaskFinished, Tokens, UsageRecorded
from luna_tui.core.plan import Plan
from luna_tui.core.schedule import lower_bound_s
from luna_tui.core.words import GOOD, RunStatus, Status


class Tally:
    """Figures of `run_finished`. Not thread-safe; the caller holds the desk's lock."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._durations: dict[str, float] = {}
        self._counts: Counter[Status] = Counter()
        self._tokens = Tokens()
        self._cost_usd: float | None = None
        self._unpriced = False

    def end(self, event: SubtaskFinished) -> None:
        """Book an end."""
        self._durations[event.subtask] = event.duration_s
        self._counts[event.status] += 1

    def use(self, event: UsageRecorded) -> None:
        """Book tokens and their cost."""
        self._tokens = self._tokens.plus(event)
        if event.cost_usd is None:
            self._unpriced = True
        else:
            self._cost_usd = (self._cost_usd or 0.0) + event.cost_usd

    def status(self, *, cancelled: bool) -> RunStatus:
        """How the run ended; a run that only lost what a person cancelled counts as cancelled."""
        if cancelled:
            return RunStatus.CANCELLED
        return wave_status(self._counts)

    def finished(
        self, status: RunStatus, wall_s: float, *, workers: Mapping[str, int], throttled: int, reason: str
    ) -> RunFinished:
        """The last event of the run; `workers` are those each wave really had."""
        sum_s = sum(self._durations.values())
        bound_s = self._bound_s(workers)
        return RunFinished(
            status=status,
            counts={str(s): n for s, n in sorted(self._counts.items())},
            wall_s=wall_s,
            sum_s=sum_s,
            speedup=sum_s / wall_s if wall_s > 0 else None,
            bound_s=bound_s,
            efficiency=min(1.0, bound_s / wall_s) if wall_s > 0 else None,
            tokens=self._tokens,
            cost_usd=None if self._unpriced else self._cost_usd,
            throttled=throttled,
            reason=reason,
        )

    def _bound_s(self, workers: Mapping[str, int]) -> float:
        return lower_bound_s(
            self._durations,
            {s.id: s.depends_on for s in self._plan.subtasks()},
            [[s.id for s in wave.subtasks] for wave in self._plan.waves],
            [workers.get(wave.name, 1) for wave in self._plan.waves],
        )


def wave_status(counts: Mapping[Status, int]) -> RunStatus:
    """The status that these ends add up to."""
    bad = {s for s, n in counts.items() if n and s not in GOOD}
    if not bad:
        return RunStatus.SUCCEEDED
    return RunStatus.CANCELLED if bad <= {Status.CANCELLED} else RunStatus.FAILED
