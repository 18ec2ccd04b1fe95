"""The one fold of a run in this process: a front end brings it up to date, the server copies it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from luna_tui.core.events import Record
from luna_tui.core.freezing import freeze
from luna_tui.core.state import RunState
from luna_tui.engine.bus import Inbox
from luna_tui.wire.snapshots import Moment

_T = TypeVar("_T")
TAIL_CHARS = 400_000
"""Most characters of text in a copy, of all subtasks that have ended together."""


class SharedFold:
    """Takes records from any thread; only the thread of the front end applies them."""

    def __init__(self, state: RunState) -> None:
        """`state` is the fold of what came before; it is this one's from now on."""
        self._inbox = Inbox()
        self._state = state
        self._lock = threading.Lock()
        """Protects the state while records are applied to it, and while it is copied."""

    def put(self, record: Record) -> None:
        """Take a record in, in order of `seq`."""
        self._inbox.put(record)

    def state(self, *, wait: bool = False) -> RunState:
        """The fold so far; while it is being copied it stays as it was, unless the caller can `wait`."""
        if self._lock.acquire(blocking=wait):
            try:
                for record in self._inbox.drain():
                    self._state.apply(record)
            finally:
                self._lock.release()
        return self._state

    @property
    def known(self) -> RunState:
        """The same without what has come since."""
        return self._state

    def ask(self, question: Callable[[RunState], _T]) -> _T:
        """What a question finds in the state; any thread may ask, and the question must be a short one."""
        with self._lock:
            return question(self._state)

    def moment(self) -> Moment:
        """A copy for somebody who begins to watch; any thread but the front end's may call it."""
        with self._lock:
            frozen = freeze(self._state, tail_chars=TAIL_CHARS)
            return Moment(frozen, self._state.seq, self._inbox.waiting())
