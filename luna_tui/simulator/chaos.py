"""Faults by chance: drawn from the seed, the request and how often it was asked before."""

from __future__ import annotations

import hashlib
import random
import threading
from collections import Counter
from collections.abc import Sequence

from luna_tui.simulator.faults import Fault, FaultKind

_LATEST = 12
"""Most text deltas before a fault in mid-stream."""


class Chaos:
    """The same requests meet the same faults in any order and at any time; thread-safe."""

    def __init__(self, chances: Sequence[tuple[FaultKind, float]], seed: int) -> None:
        self._chances = tuple(chances)
        self._seed = seed
        self._lock = threading.Lock()
        """Protects `_asked`."""
        self._asked: Counter[bytes] = Counter()

    def draw(self, text: str) -> Fault | None:
        """The fault of a request with this text; each further one with the same text draws anew."""
        if not self._chances:
            return None
        key = _digest(text)
        with self._lock:
            self._asked[key] += 1
            turn = self._asked[key]
        return chance(self._chances, random.Random(f"{self._seed}:{key.hex()}:{turn}"))

    def give_back(self, text: str) -> None:
        """The request was refused for another reason; the next one with its text draws the same."""
        if self._chances:
            with self._lock:
                self._asked[_digest(text)] -= 1


def chance(chances: Sequence[tuple[FaultKind, float]], rng: random.Random) -> Fault | None:
    """One draw: at most one fault; a fault in mid-stream comes after 0 to 12 text deltas."""
    drawn = rng.random()
    for kind, probability in chances:
        drawn -= probability
        if drawn < 0:
            return Fault(kind=kind, after=rng.randint(0, _LATEST))
    return None


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
