"""The threads of a run: daemons, started one by one when there is something to take for them."""

from __future__ import annotations

import itertools
import logging
import threading
from collections import deque
from collections.abc import Callable

from luna_tui.engine.flight import Flight

_log = logging.getLogger(__name__)


class Crew:
    """Gives every flight a thread. A pool of the standard library would join a hung one at exit.

    Every method but `grow` is called under the lock or takes it.
    """

    def __init__(self, work: Callable[[], None], lock: threading.RLock) -> None:
        self._work = work
        """Body of a thread; it returns when the run is over or its flight was abandoned."""
        self._lock = lock
        self._count = itertools.count()
        self._handed_out = threading.Condition(lock)
        """A flight waits for a thread, or nothing follows."""
        self._unmanned: deque[Flight] = deque()
        """Handed out, and no thread has it yet."""
        self._threads = 0
        """Threads that fly, or come back to take the next one."""
        self._coming = 0
        """Those that are new or come back; they take without being woken."""
        self._closed = False

    def take(self) -> Flight | None:
        """A flight for the calling thread; blocks until there is one. None = the run is over."""
        with self._lock:
            self._coming -= 1
            while not self._unmanned and not self._closed:
                self._handed_out.wait()
            return self._unmanned.popleft() if self._unmanned else None

    def man(self, flight: Flight, flights: int) -> None:
        """Let a thread have the flight, which is one of so many."""
        self._unmanned.append(flight)
        # Threads that are about to come back from a flight that landed count as there.
        if self._threads < flights and self.grow():
            self._threads += 1
            self._coming += 1
        elif len(self._unmanned) > self._coming:
            self._handed_out.notify()

    def landed(self, flight: Flight) -> None:
        """Its thread is going to come back, or is given up."""
        if flight.abandoned:
            self._threads -= 1
        else:
            self._coming += 1

    def pass_on(self, flight: Flight) -> None:
        """Tell the thread of a flight that landed what it flies next, when that is known."""
        if self._unmanned and not flight.abandoned:
            flight.successor = self._unmanned.popleft()
            self._coming -= 1

    def follow(self, flight: Flight, follower: Flight, flights: int) -> None:
        """The thread of a flight that landed flies `follower` at once, or a new one if it is given up."""
        if flight.abandoned:
            self._threads -= 1
            self.man(follower, flights)
        else:
            flight.successor = follower

    def close(self) -> None:
        """Send the threads home."""
        with self._lock:
            self._closed = True
            self._handed_out.notify_all()

    def grow(self) -> bool:
        """Start one more thread; False, once there is one at least, when the system refuses."""
        number = next(self._count)
        try:
            threading.Thread(target=self._work, name=f"luna-worker-{number}", daemon=True).start()
        except RuntimeError:
            if number == 0:
                raise
            _log.warning("no more than %d threads could be started", number)
            return False
        return True
