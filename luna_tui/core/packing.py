"""An order of starts that fills all workers to about the same end, where every duration is known."""

from __future__ import annotations

from collections.abc import Sequence

from luna_tui.core.makespan import longest_first_s, started_in_order_s

MOST_ROUNDS = 6
"""Subtasks per worker above which longest first is as good: the last ones are small beside the rest."""
MOST_SUBTASKS = 200
_HALVINGS = 20
_EXCHANGES = 200


def packed_order(seconds: Sequence[float], workers: int) -> list[int] | None:
    """Places in the order in which free workers should take them; None where longest first is as good.

    Durations are packed into workers by the multifit method (Coffman, Garey and Johnson, 1978), then
    exchanged with the fullest worker while that helps. Whoever is free takes the next of the order, so
    durations that turn out otherwise spoil it little: with errors of 10 % it still beats longest first,
    from about 20 % on it does not.
    """
    if not workers < len(seconds) <= min(MOST_SUBTASKS, MOST_ROUNDS * workers):
        return None
    shares = _exchanged(_multifit(seconds, workers), seconds)
    starts: list[tuple[float, float, int]] = []
    for share in shares:
        at = 0.0
        for place in sorted(share, key=lambda p: -seconds[p]):
            starts.append((at, -seconds[place], place))
            at += seconds[place]
    order = [place for _, _, place in sorted(starts)]
    takes_s = started_in_order_s([seconds[place] for place in order], workers)
    return order if takes_s < longest_first_s(seconds, workers) else None


def _multifit(seconds: Sequence[float], workers: int) -> list[list[int]]:
    """The tightest first-fit packing that halving finds."""
    falling = sorted(range(len(seconds)), key=lambda place: -seconds[place])
    low = max(sum(seconds) / workers, max(seconds))
    high = 2.0 * low
    best = _first_fit(falling, seconds, workers, high)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2.0
        found = _first_fit(falling, seconds, workers, middle)
        if found is None:
            low = middle
        else:
            best, high = found, middle
    return best or [falling]


def _first_fit(
    falling: Sequence[int], seconds: Sequence[float], workers: int, room_s: float
) -> list[list[int]] | None:
    shares: list[list[int]] = [[] for _ in range(workers)]
    left = [room_s] * workers
    for place in falling:
        worker = next((w for w in range(workers) if left[w] >= seconds[place]), None)
        if worker is None:
            return None
        shares[worker].append(place)
        left[worker] -= seconds[place]
    return shares


def _exchanged(shares: list[list[int]], seconds: Sequence[float]) -> list[list[int]]:
    """Exchange one subtask of the fullest worker for a shorter one of another, the best one each time."""
    loads = [sum(seconds[place] for place in share) for share in shares]
    for _ in range(_EXCHANGES):
        full = max(range(len(loads)), key=loads.__getitem__)
        best, best_s = None, loads[full] * (1.0 - 1e-9)
        for other in range(len(shares)):
            for ours in shares[full]:
                for theirs in shares[other]:
                    less = seconds[ours] - seconds[theirs]
                    after_s = max(loads[full] - less, loads[other] + less)
                    if other != full and less > 0.0 and after_s < best_s:
                        best, best_s = (other, ours, theirs, less), after_s
        if best is None:
            break
        other, ours, theirs, less = best
        shares[full][shares[full].index(ours)] = theirs
        shares[other][shares[other].index(theirs)] = ours
        loads[full] -= less
        loads[other] += less
    return shares
