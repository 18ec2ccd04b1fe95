"""The threads of a run: daemons, started one by one when there is something to take for them."""

from __future__ import annotations

import itertools
import logging
import threading
from collections.abc import Callable

_log = logging.getLogger(__name__)


class Crew:
    """Starts worker threads. A pool of the standard library would join a hung thread at exit."""

    def __init__(self, work: Callable[[], None]) -> None:
        self._work = work
        """Body of a thread; it returns when the run is over or its flight was abandoned."""
        self._count = itertools.count()

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
