"""The threads of a run: one daemon thread per worker number, started when first needed."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Crew:
    """Owns the worker threads. A pool of the standard library would join a hung thread at exit."""

    def __init__(self, work: Callable[[int], None]) -> None:
        self._work = work
        """Body of a worker's thread; it returns when the run is over or the worker was replaced."""
        self._lock = threading.Lock()
        """Protects `_numbers`."""
        self._numbers: set[int] = set()

    def ensure(self, count: int) -> None:
        """Have threads for workers 0 to `count - 1`."""
        with self._lock:
            missing = [n for n in range(count) if n not in self._numbers]
            self._numbers.update(missing)
        for number in missing:
            self._start(number)

    def replace(self, number: int) -> None:
        """Give the worker a new thread, because the old one is stuck."""
        self._start(number)

    def _start(self, number: int) -> None:
        threading.Thread(target=self._work, args=(number,), name=f"luna-worker-{number}", daemon=True).start()
