"""Find what is wrong, one cause at a time; only what is live or went wrong is looked at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice

from luna_tui.core.agents import Ask
from luna_tui.core.alike import Alike, Ended, group, went_wrong_at
from luna_tui.core.events import AttemptFailed
from luna_tui.core.forecast import cost_forecast, when_cap_passed
from luna_tui.core.insight import quiet_after_s, quiet_facts
from luna_tui.core.outlook import ENDS_FOR_FORECAST, Means, elapsed_try_s
from luna_tui.core.parts import SubtaskState, WaveState
from luna_tui.core.problem_facts import (
    MOST_BEHIND,
    Abandoned,
    Asking,
    Cause,
    Deadline,
    Facts,
    Failure,
    Foreign,
    NotSaved,
    Overspend,
    Problem,
    RetryPrice,
    Silence,
    Standing,
    Unsettled,
)
from luna_tui.core.stand import countdown_s, silence_s
from luna_tui.core.state import RunState
from luna_tui.core.words import GOOD, Kind, Schedule, WaitReason

RECENT_S = 30.0
"""A cause of failure is still there when it struck within this time."""
SEVERAL = 3
"""So many waiting to try again after the same failure are more than usual."""
LONG_RETRY_S = 30.0
"""Waiting so long for the next try is more than usual, for one as well."""
FOREIGN_SHARE = 0.2
"""Part of a limit from which what others use is worth a word."""
_ENDED = Ended()
_OVER = frozenset({Cause.TIMED_OUT, Cause.FAILED, Cause.GHOST})
"""Nothing waits for the end of these any more."""
_RETRY_WAITS = (WaitReason.BACKOFF, WaitReason.RETRY_AFTER)
Members = list[SubtaskState]


class Finder:
    """The causes of one run at one instant; with `keeps` only of the subtasks that it lets through."""

    def __init__(self, state: RunState, now_s: float, keeps: Callable[[SubtaskState], bool] | None) -> None:
        self._state = state
        self._now_s = now_s
        self._whole = keeps is None
        self._keeps = keeps or _any
        self._means = Means(state)
        self._recent: Counter[str] | None = None

    def all(self) -> Iterator[Problem]:
        """Every problem, in no order."""
        yield from self.ghosts()
        yield from self.ended()
        yield from self.live()
        yield from self.changes()
        if self._whole:
            yield from self.not_saved()
        if self._whole and self._state.finished is None:
            yield from self.forecast()
            yield from self.deadlines()
            yield from self.foreign()

    def not_saved(self) -> Iterator[Problem]:
        """The journal cannot be written."""
        why = self._state.not_saved
        if why:
            yield Problem(key="not_saved", cause=Cause.NOT_SAVED, facts=NotSaved(message=why), standing=why)

    def ghosts(self) -> Iterator[Problem]:
        """Threads that ignore a cancel."""
        found = list(filter(self._keeps, self._state.troubled.ghosts.values()))
        if found:
            alike = self._alike(Cause.GHOST, found)
            facts = Abandoned(asked_s=max(0.0, self._now_s - alike.since_at))
            yield self._group("ghost", facts, alike, since_at=alike.since_at)

    def ended(self) -> Iterator[Problem]:
        """Failed and timed out, by what happened."""
        troubled = self._state.troubled
        for cause, found in (
            (Cause.TIMED_OUT, troubled.timed_out),
            (Cause.FAILED, troubled.failed),
        ):
            for alike in self._ended(cause, found):
                yield self._failed(alike)

    def live(self) -> Iterator[Problem]:
        """What goes wrong with those that have not ended."""
        quiet: dict[str, Members] = {}
        retrying: Members = []
        held: Members = []
        asking: Members = []
        usual: dict[str, float] = {}
        askers = {ask.subtask for ask in self._state.asks.values()}
        for s in filter(self._keeps, self._state.live.values()):
            if s.ghost or s.cancel_requested:
                continue
            if s.waiting is WaitReason.APPROVAL or s.id in askers:
                asking.append(s)
            elif s.running and s.planned.kind is Kind.CLAUDE:
                if s.wave not in usual:
                    usual[s.wave] = quiet_after_s(self._state, self._state.waves[s.wave])
                if silence_s(s, self._now_s) > usual[s.wave]:
                    quiet.setdefault(s.wave, []).append(s)
            elif s.waiting in _RETRY_WAITS:
                retrying.append(s)
            elif s.waiting is WaitReason.BUDGET:
                held.append(s)
        for wave, members in quiet.items():
            yield self._quiet(wave, members)
        for alike in group({}, retrying, Cause.RETRYING, self._state.waves).values():
            waits = (s.expected_s or 0.0 for s in alike.members)
            if len(alike.members) >= SEVERAL or max(waits) >= LONG_RETRY_S:
                yield self._failed(alike)
        yield from self._held(held)
        yield from self._asking(asking)

    def changes(self) -> Iterator[Problem]:
        """What was changed in workspaces of their own, and nobody has looked at."""
        state = self._state
        found = [
            c for c in state.changes.values() if not c.settled and self._keeps(state.subtasks[c.subtask])
        ]
        if found:
            facts = Unsettled(
                files=sum(len(c.files) for c in found),
                added=sum(c.added for c in found),
                removed=sum(c.removed for c in found),
                conflicts=next((c.conflicts for c in found if c.conflicts), ()),
            )
            changed = {c.subtask for c in found}
            ids = tuple(i for i in state.subtasks if i in changed)
            yield Problem(
                key="changes", cause=Cause.CHANGES, facts=facts, subtasks=ids,
                standing=" ".join(facts.conflicts),
            )  # fmt: skip

    def forecast(self) -> Iterator[Problem]:
        """The run will cost more than it may."""
        state = self._state
        passed = when_cap_passed(state, self._now_s) if state.budget_usd is not None else None
        cost = cost_forecast(state, self._now_s) if passed is not None else None
        if passed is None or cost is None or state.budget_usd is None:
            return
        facts = Overspend(
            usd=cost[0], spread_usd=cost[1], cap_usd=state.budget_usd, near=passed.subtask,
            of=len(state.subtasks), after_s=passed.after_s,
        )  # fmt: skip
        yield Problem(key="forecast", cause=Cause.FORECAST, facts=facts, standing=f"{state.budget_usd:.2f}")

    def deadlines(self) -> Iterator[Problem]:
        """Waves that need more time than they have."""
        for wave in self._state.opened.values():
            left_s = wave.left_s(self._now_s)
            if left_s is None or wave.sums.ends < ENDS_FOR_FORECAST:
                continue
            needs_s = self._needs_s(wave)
            if needs_s > left_s:
                facts = Deadline(
                    wave=wave.name, number=wave.number, left_s=left_s, needs_s=needs_s,
                    unfinished=len(wave.subtasks) - wave.ended,
                )  # fmt: skip
                yield Problem(key=f"deadline:{wave.name}", cause=Cause.DEADLINE, facts=facts)

    def foreign(self) -> Iterator[Problem]:
        """Limits that others use."""
        seen = self._state.limits
        if seen is None:
            return
        gauges = (("rpm", seen.rpm), ("itpm", seen.itpm), ("otpm", seen.otpm))
        name, gauge = max(gauges, key=lambda pair: pair[1].foreign / max(1, pair[1].limit))
        if gauge.foreign >= FOREIGN_SHARE * gauge.limit > 0:
            facts = Foreign(name=name, used=gauge.foreign, limit=gauge.limit)
            yield Problem(key="foreign", cause=Cause.FOREIGN, facts=facts, standing=name)

    def _quiet(self, wave: str, members: Members) -> Problem:
        p95_s, attempts = quiet_facts(self._state, self._state.waves[wave])
        longest = max(silence_s(s, self._now_s) for s in members)
        facts = Silence(
            silence_s=longest, p95_s=p95_s, attempts=attempts, tokens=sum(s.chars // 4 for s in members)
        )
        standing = " ".join(f"{s.attempt}:{s.last_output_at}" for s in members)
        return self._group(
            f"quiet:{wave}", facts, self._alike(Cause.QUIET, members),
            since_at=self._now_s - longest, price=True, standing=standing,
        )  # fmt: skip

    def _ended(self, cause: Cause, found: Mapping[str, SubtaskState]) -> Iterable[Alike]:
        waves = self._state.waves
        if self._whole:
            return _ENDED.groups(cause, found, waves)
        return group({}, filter(self._keeps, found.values()), cause, waves).values()

    def _failed(self, alike: Alike) -> Problem:
        newest, cause = alike.newest, alike.cause
        assert newest is not None
        last = newest.tries[-1] if newest.tries and cause is not Cause.TIMED_OUT else None
        if last is not None and last.error_kind is None:
            last = None
        kind = "" if last is None else str(last.error_kind)
        waits = alike.members if cause is Cause.RETRYING else ()
        lefts = [left for s in waits if (left := countdown_s(s, self._now_s)) is not None]
        facts = Failure(
            kind=kind,
            status=None if last is None else last.status,
            message=newest.reason if last is None else last.message,
            tries=alike.tries,
            allowed=alike.allowed,
            last_at=went_wrong_at(newest),
            recent=self._recently(kind) if kind else 0,
            next_s=min(lefts, default=None),
            last_s=max(lefts, default=None),
        )
        return self._group(
            f"{cause}:{alike.key}", facts, alike,
            since_at=alike.since_at, price=cause is not Cause.RETRYING, standing=str(alike.all_tries),
        )  # fmt: skip

    def _held(self, members: Members) -> Iterator[Problem]:
        if members:
            facts = Standing(cap_usd=self._state.budget_usd, spent_usd=self._state.cost_usd)
            since = min(s.waiting_since for s in members)
            yield self._group(Cause.HELD.value, facts, self._alike(Cause.HELD, members), since_at=since)

    def _asking(self, members: Members) -> Iterator[Problem]:
        if not members:
            return
        ids = {s.id for s in members}
        asks = [ask for ask in self._state.asks.values() if ask.subtask in ids]
        oldest = asks[0] if asks else Ask("", "", "", "", "", "", False, self._now_s)
        facts = Asking(requests=len(asks), tool=oldest.tool, summary=oldest.summary, question=oldest.question)
        since = min([oldest.since, *(s.waiting_since for s in members if s.waiting is not None)])
        alike = self._alike(Cause.ASK, members)
        standing = " ".join(ask.approval for ask in asks)
        yield self._group(Cause.ASK.value, facts, alike, since_at=since, standing=standing)

    def _alike(self, cause: Cause, members: Members) -> Alike:
        alike = Alike(cause, "")
        for s in members:
            alike.add(s, self._state.waves)
        return alike

    def _group(
        self,
        key: str,
        facts: Facts,
        alike: Alike,
        *,
        since_at: float,
        price: bool = False,
        standing: str = "",
    ) -> Problem:
        ended = self._state.ended
        if alike.behind is None or alike.behind[0] != ended:
            alike.behind = (ended, *self._blocks(alike.members))
        return Problem(
            key=key,
            cause=alike.cause,
            facts=facts,
            subtasks=alike.ids,
            since_at=since_at,
            blocks=alike.behind[1],
            behind=alike.behind[2],
            critical=alike.cause not in _OVER and any(map(self._critical, alike.members)),
            price=self._price(alike) if price else None,
            standing=standing,
        )

    def _blocks(self, members: Members) -> tuple[tuple[str, ...], int]:
        """Who needs one of these directly, and how many cannot run because of it in all."""
        direct: dict[str, None] = {}
        mine = {s.id for s in members[:MOST_BEHIND]}
        for s in islice(members, MOST_BEHIND):
            direct.update((d, None) for d in self._stuck(s.id, mine, MOST_BEHIND - len(direct)))
        behind, edge = set(direct), list(direct)
        while edge and len(behind) < MOST_BEHIND:
            new = [d for d in self._stuck(edge.pop(), mine, MOST_BEHIND) if d not in behind]
            new = new[: MOST_BEHIND - len(behind)]
            behind.update(new)
            edge += new
        return tuple(direct), len(behind)

    def _stuck(self, subtask: str, but: set[str], most: int) -> Iterator[str]:
        """Those that need a subtask, have not ended well and never began; `but` these."""
        for i in islice(self._state.feeds.get(subtask, ()), most):
            s = self._state.subtasks[i]
            if i not in but and (s.status is None or (s.status not in GOOD and not s.tries)):
                yield i

    def _critical(self, s: SubtaskState) -> bool:
        """It begins the longest row that is left, or the wave waits for nothing else."""
        if s.status is not None:
            return False
        wave = self._state.waves[s.wave]
        if s.chain > 1 and s.chain >= wave.chains.longest:
            return True
        alone = wave.ended + 1 == len(wave.subtasks)
        follows = wave.number < len(self._state.waves)
        return alone and follows and self._state.plan.schedule is Schedule.WAVES

    def _price(self, alike: Alike) -> RetryPrice:
        """By the means of each one's wave; unknown when one of them is."""
        state = self._state
        usd: float | None = 0.0 if not state.unpriced and state.cost_usd is not None else None
        work_s: float | None = 0.0
        for wave, count in alike.by_wave.items():
            asked = self._means.asking(state.waves[wave])
            took = self._means.of(state.waves[wave])
            usd = usd + count * asked.mean_usd if usd is not None and asked.asked else None
            work_s = work_s + count * took.mean_s if work_s is not None and took.ends else None
        at_once = max(1, min(len(alike.members), state.max_workers))
        return RetryPrice(usd or None, None if work_s is None else work_s / at_once)

    def _needs_s(self, wave: WaveState) -> float:
        """The least that the rest of a wave can take on its workers, by its own mean."""
        mean_s = wave.sums.mean_s
        running = [s for s in self._state.live.values() if s.running and s.wave == wave.name]
        lefts = [max(0.0, mean_s - elapsed_try_s(s, self._now_s)) for s in running]
        ahead = len(wave.subtasks) - wave.ended - len(running)
        workers = min(self._state.max_workers, wave.most or self._state.max_workers, ahead + len(running))
        work_s = (ahead * mean_s + sum(lefts)) / max(1, workers)
        return max(work_s, mean_s * wave.chains.longest if ahead else 0.0)

    def _recently(self, kind: str) -> int:
        """Failures of this kind a short time ago, over all workers."""
        if self._recent is None:
            self._recent = Counter()
            for record in reversed(self._state.log):
                if record.at < self._now_s - RECENT_S:
                    break
                if isinstance(record.event, AttemptFailed):
                    self._recent[str(record.event.error_kind)] += 1
        return self._recent[kind]


def _any(s: SubtaskState) -> bool:
    return True
