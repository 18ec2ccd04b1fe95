"""Play subtasks through as they would start: on so many workers, through the limits, after what they need."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

from luna_tui.core.bucket import Bucket
from luna_tui.core.limits import Limits

LIMITS = ("rpm", "itpm", "otpm")


@dataclass(frozen=True, slots=True)
class Job:
    """What one subtask is expected to take."""

    seconds: float
    family: str = ""
    """Models whose limits it uses; empty = it uses none."""
    input_tokens: int = 0
    output_tokens: int = 0
    requests: int = 1


class Books:
    """The limits of every family from a fresh start on: full, refilled evenly, used at admission."""

    def __init__(self, caps: Limits | None) -> None:
        """`caps` are what may be used per minute, and at once; None = nothing is limited."""
        self._caps = caps
        self._families: dict[str, tuple[Bucket, Bucket, Bucket]] = {}
        self._at: dict[str, float] = {}
        self.waited_s = dict.fromkeys(LIMITS, 0.0)
        """Seconds that whoever was next in line waited, by limit."""

    def copy(self) -> Books:
        """The same levels at the same instant; nothing waited for yet."""
        other = Books(self._caps)
        other._at = dict(self._at)
        other._families = {name: (_copy(r), _copy(i), _copy(o)) for name, (r, i, o) in self._families.items()}
        return other

    def admit(self, job: Job, at: float) -> float:
        """The instant at which the job may start that asks at `at`, in the order of asking."""
        if self._caps is None or not job.family:
            return at
        buckets = self._of(job.family)
        before = self._at[job.family]
        now = max(at, before)
        needs = (float(job.requests), float(job.input_tokens), float(job.output_tokens))
        waits = []
        for bucket, need in zip(buckets, needs, strict=True):
            bucket.drain(now - before)
            waits.append(bucket.wait_s(need) or 0.0)
        wait = max(waits)
        for bucket, need in zip(buckets, needs, strict=True):
            bucket.drain(wait)
            bucket.used += need
        if wait > 0.0:
            self.waited_s[LIMITS[waits.index(wait)]] += wait
        self._at[job.family] = now + wait
        return now + wait

    def _of(self, family: str) -> tuple[Bucket, Bucket, Bucket]:
        found = self._families.get(family)
        if found is None:
            caps = self._caps
            assert caps is not None
            rpm, itpm, otpm = (
                Bucket(max(1.0, cap), max(1.0, cap) / 60.0) for cap in (caps.rpm, caps.itpm, caps.otpm)
            )
            found = self._families[family] = (rpm, itpm, otpm)
            self._at[family] = 0.0
        return found


def _copy(bucket: Bucket) -> Bucket:
    return Bucket(bucket.size, bucket.rate, bucket.used)


def rehearse(
    jobs: Sequence[Job],
    order: Sequence[int],
    needs: Sequence[Sequence[int]],
    workers: int,
    books: Books,
    start_at: float = 0.0,
) -> float:
    """The instant at which the last of the jobs ends; whoever is free takes the first that is ready.

    `order` lists places in `jobs`, first to go first; `needs[place]` lists the places that must have
    ended before. A job holds its worker while it waits for a limit, as in the engine.
    """
    rank = {place: n for n, place in enumerate(order)}
    unmet = {place: sum(1 for need in needs[place] if need in rank) for place in order}
    feeds: dict[int, list[int]] = {}
    for place in order:
        for need in needs[place]:
            if need in rank:
                feeds.setdefault(need, []).append(place)
    ready = [rank[place] for place in order if unmet[place] == 0]
    busy: list[tuple[float, int]] = []
    at = start_at
    while ready or busy:
        if ready and len(busy) < max(1, workers):
            place = order[heapq.heappop(ready)]
            heapq.heappush(busy, (books.admit(jobs[place], at) + jobs[place].seconds, place))
            continue
        at, place = heapq.heappop(busy)
        for dependent in feeds.get(place, ()):
            unmet[dependent] -= 1
            if unmet[dependent] == 0:
                heapq.heappush(ready, rank[dependent])
    return at
