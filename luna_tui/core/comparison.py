"""What changed from one run to another: per subtask, matched by id, and in all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from luna_tui.core.insight import summed_s
from luna_tui.core.schedule import speedup
from luna_tui.core.state import RunState, SubtaskState
from luna_tui.core.words import GOOD, Status

NOTABLE_SHARE = 0.2
"""A figure is higher or lower from this share of what it was before ..."""
NOTABLE_S = 1.0
"""... and this many seconds, or ..."""
NOTABLE_USD = 0.01
"""... this many USD."""


class Change(StrEnum):
    """What became of a subtask; the worst first."""

    BROKEN = "broken"
    """It ended well before, and does not now."""
    SLOWER = "slower"
    DEARER = "dearer"
    REMOVED = "removed"
    """It is in the first run only."""
    ADDED = "added"
    """It is in the second run only."""
    FIXED = "fixed"
    """It ends well now, and did not before."""
    FASTER = "faster"
    CHEAPER = "cheaper"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a subtask came to in one run."""

    status: Status | None
    """None = it had not ended."""
    reason: str
    seconds: float
    """In all its attempts."""
    cost_usd: float | None
    tries: int

    @property
    def good(self) -> bool:
        """It ended well."""
        return self.status in GOOD


@dataclass(frozen=True, slots=True, kw_only=True)
class SubtaskChange:
    """One subtask in both runs."""

    subtask: str
    title: str
    before: Outcome | None
    after: Outcome | None
    changes: tuple[Change, ...]

    @property
    def gained_s(self) -> float:
        """Seconds it takes more than before; negative = less, 0 where it is in one run only."""
        return self.after.seconds - self.before.seconds if self.before and self.after else 0.0

    @property
    def gained_usd(self) -> float:
        """USD it costs more than before; negative = less, 0 where that is not known."""
        before = self.before.cost_usd if self.before else None
        after = self.after.cost_usd if self.after else None
        return after - before if before is not None and after is not None else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """What a run came to."""

    run: str
    plan: str
    began: str
    """RFC 3339."""
    over: bool
    """It has an end; otherwise these are figures so far."""
    subtasks: int
    good: int
    wall_s: float
    sum_s: float
    speedup: float | None
    cost_usd: float | None
    input_tokens: int
    output_tokens: int
    throttled: int
    failed_tries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two runs, `after` measured by `before`."""

    before: Totals
    after: Totals
    same_plan: bool | None
    """By their digests; None = the digest of one is not known."""
    subtasks: tuple[SubtaskChange, ...]
    """Those of which anything changed, in the order of the plans, those that were removed last."""

    def having(self, change: Change) -> tuple[SubtaskChange, ...]:
        """Those with this change, the greatest first."""
        found = [s for s in self.subtasks if change in s.changes]
        match change:
            case Change.SLOWER | Change.FASTER:
                return tuple(sorted(found, key=lambda s: -abs(s.gained_s)))
            case Change.DEARER | Change.CHEAPER:
                return tuple(sorted(found, key=lambda s: -abs(s.gained_usd)))
        return tuple(found)


def compare_runs(before: RunState, after: RunState, digests: tuple[str, str] = ("", "")) -> Comparison:
    """Compare two folds; `digests` are those of their plans, empty where one is not known."""
    known = all(digests)
    return Comparison(
        before=_totals(before),
        after=_totals(after),
        same_plan=digests[0] == digests[1] if known else None,
        subtasks=tuple(_changed(before, after)),
    )


def notably_higher(before: float, after: float, least: float) -> bool:
    """Whether a figure grew by so much that it is worth a word."""
    grown = after - before
    return grown >= least and grown >= NOTABLE_SHARE * before


def _changed(before: RunState, after: RunState) -> Iterator[SubtaskChange]:
    for subtask, s in after.subtasks.items():
        old = before.subtasks.get(subtask)
        was, now = (_outcome(old) if old is not None else None), _outcome(s)
        changes = (Change.ADDED,) if was is None else tuple(_changes(was, now))
        if changes:
            yield SubtaskChange(
                subtask=subtask, title=s.planned.title, before=was, after=now, changes=changes
            )
    for subtask, s in before.subtasks.items():
        if subtask not in after.subtasks:
            yield SubtaskChange(
                subtask=subtask,
                title=s.planned.title,
                before=_outcome(s),
                after=None,
                changes=(Change.REMOVED,),
            )


def _changes(was: Outcome, now: Outcome) -> Iterator[Change]:
    """Times are compared where both ended well; what came from a cache took none, and is no gain."""
    if was.good and not now.good and now.status is not None:
        yield Change.BROKEN
    elif now.good and not was.good and was.status is not None:
        yield Change.FIXED
    if was.status is not Status.SUCCEEDED or now.status is not Status.SUCCEEDED:
        return
    if notably_higher(was.seconds, now.seconds, NOTABLE_S):
        yield Change.SLOWER
    elif notably_higher(now.seconds, was.seconds, NOTABLE_S):
        yield Change.FASTER
    if was.cost_usd is None or now.cost_usd is None:
        return
    if notably_higher(was.cost_usd, now.cost_usd, NOTABLE_USD):
        yield Change.DEARER
    elif notably_higher(now.cost_usd, was.cost_usd, NOTABLE_USD):
        yield Change.CHEAPER


def _outcome(s: SubtaskState) -> Outcome:
    return Outcome(
        status=s.status, reason=s.reason, seconds=s.duration_s, cost_usd=s.cost_usd, tries=len(s.tries)
    )


def _totals(state: RunState) -> Totals:
    end = state.finished
    wall_s = end.wall_s if end is not None else state.at
    sum_s = end.sum_s if end is not None else summed_s(state, state.at)
    return Totals(
        run=state.run,
        plan=state.plan.name,
        began=state.started_at,
        over=end is not None,
        subtasks=len(state.subtasks),
        good=sum(n for status, n in state.counts.items() if status in GOOD),
        wall_s=wall_s,
        sum_s=sum_s,
        speedup=speedup(sum_s, wall_s),
        cost_usd=end.cost_usd if end is not None else state.cost_usd,
        input_tokens=state.tokens.input,
        output_tokens=state.tokens.output,
        throttled=len(state.throttled_at),
        failed_tries=state.tracks.failed_tries,
    )


def comparison_data(found: Comparison) -> dict[str, Any]:
    """The comparison for scripts."""
    return {
        "before": _data(found.before),
        "after": _data(found.after),
        "same_plan": found.same_plan,
        "notable": {"share": NOTABLE_SHARE, "seconds": NOTABLE_S, "usd": NOTABLE_USD},
        "subtasks": [
            {
                "id": s.subtask,
                "title": s.title,
                "changes": [str(c) for c in s.changes],
                "before": _outcome_data(s.before),
                "after": _outcome_data(s.after),
            }
            for s in found.subtasks
        ],
    }


def _data(totals: Totals) -> dict[str, Any]:
    return {name: getattr(totals, name) for name in Totals.__slots__}


def _outcome_data(outcome: Outcome | None) -> Mapping[str, Any] | None:
    if outcome is None:
        return None
    return {
        "status": outcome.status.value if outcome.status else None,
        "reason": outcome.reason,
        "seconds": outcome.seconds,
        "cost_usd": outcome.cost_usd,
        "tries": outcome.tries,
    }
