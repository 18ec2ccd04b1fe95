"""What keeps a run: its journal, its texts and results, and those who follow what is saved."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from luna_tui.core.errors import LunaError
from luna_tui.core.events import Record
from luna_tui.engine.bus import EventBus, Subscribers
from luna_tui.storage.paths import RunDir

if TYPE_CHECKING:
    from luna_tui.engine.executor import WaveExecutor
    from luna_tui.storage.journal import JournalWriter

SETTLE_S = 0.5
"""The longest a worker waits for the disk without looking whether its subtask was ended."""
_NAMED = 5
"""Subtasks that are named when something of them is lost."""


class Saving:
    """Journal first, screen second: followers hear of a record when it is saved, or cannot be."""

    def __init__(self, run_dir: RunDir) -> None:
        """How the run begins is written already, and read here: it may have to be written once more."""
        from luna_tui.storage.outputs import FileOutputs
        from luna_tui.storage.reports import read_start

        self._dir = run_dir
        self._start = read_start(run_dir)
        self._journal: JournalWriter | None = None
        self._followers = Subscribers()
        self.outputs = FileOutputs(run_dir, on_refused=self._refused)
        """Texts and results."""

    def begin(self, executor: WaveExecutor, bus: EventBus, *, lock: int | None = None) -> None:
        """Write every later record of the bus; LunaError(74) when the disk does not even begin.

        `lock` = what `hold` gave the caller.
        """
        from luna_tui.storage.journal import JournalWriter

        self._journal = JournalWriter(
            self._dir,
            on_failure=lambda why: executor.not_saved(why, self.saved_seq),
            on_saved=executor.saved_again,
            on_slow=executor.saved_slowly,
            hand_on=self._followers.deliver,
            also=self._save_kept,
            lock=lock,
        )
        bus.subscribe(self._journal.append)

    @property
    def saved_seq(self) -> int:
        """The last record that is durable."""
        return self._journal.saved_seq if self._journal is not None else 0

    def follow(self, follower: Callable[[Record], None]) -> None:
        """Hand every later record to `follower`, in order; it must return at once and never wait."""
        self._followers.add(follower)

    def settle(self, seq: int) -> bool:
        """Wait a moment until a record is durable; False = it is not yet."""
        return self._journal is not None and self._journal.wait_saved(seq, SETTLE_S)

    def close(self, executor: WaveExecutor) -> None:
        """Save and hand on what is left; what could not be is told as the last event."""
        whole = self._journal is None or self._journal.close()
        missing = self.outputs.unsaved
        why = [] if whole else ["the journal could not be written to its end"]
        if missing:
            more = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
            why.append(f"texts or results are missing of {', '.join(missing[:_NAMED])}{more}")
        if why:
            executor.not_saved("; ".join(why), self.saved_seq)

    def _refused(self, why: str) -> None:
        if self._journal is not None:
            self._journal.refuse(why)

    def _save_kept(self) -> str:
        """What else the disk refused, and what went with a run directory that somebody removed."""
        from luna_tui.storage.reports import restore_start

        try:
            restore_start(self._dir, self._start)
        except LunaError as error:
            return error.message
        return self.outputs.save_kept()
