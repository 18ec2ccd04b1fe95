"""Take over or throw away what subtasks changed, off the thread of whoever asked for it."""

from __future__ import annotations

import threading
from collections.abc import Callable

from luna_tui.core.events import ChangesRefused, Event
from luna_tui.engine.workspaces import Changes


class Settler:
    """Does one settlement after the other; each is told once it is done."""

    def __init__(self, changes: Changes | None, publish: Callable[[Event], object]) -> None:
        """`changes` None = no subtask has a workspace of its own, so there is nothing to settle."""
        self._changes = changes
        self._publish = publish
        self._turn = threading.Lock()
        """Held by the settlement that is being done: two may want the same file."""
        self._threads: list[threading.Thread] = []

    def begin(self, subtask: str, *, accept: bool, by: str) -> None:
        """Have it done; returns at once. Call it from one thread at a time."""
        if self._changes is None:
            return
        thread = threading.Thread(
            target=self._settle, args=(self._changes, subtask, accept, by), name="luna-changes", daemon=True
        )
        self._threads = [t for t in self._threads if t.is_alive()]
        self._threads.append(thread)
        thread.start()

    def begin_late(self, subtask: str, *, accept: bool, by: str) -> None:
        """Have it done although the run is over; the end of the program waits for it."""
        if self._changes is not None:
            given = {"accept": accept, "by": by}
            late = self._changes.settle_late
            threading.Thread(target=late, args=(subtask,), kwargs=given, name="luna-changes").start()

    def wait(self) -> None:
        """Until all that was begun is done and told."""
        for thread in self._threads:
            thread.join()

    def _settle(self, changes: Changes, subtask: str, accept: bool, by: str) -> None:
        with self._turn:
            try:
                settled = changes.settle(subtask, accept=accept, by=by)
            except OSError as error:
                settled = ChangesRefused(subtask=subtask, by=by, conflicts=(str(error),))
            if settled is not None:
                self._publish(settled)
