"""A run from its journal: the same fold, up to a position that a player moves."""

from __future__ import annotations

import gc
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from luna_tui.core.clean import clean_line
from luna_tui.core.errors import ExitCode, LunaError
from luna_tui.core.events import Record, RunStarted
from luna_tui.core.freezing import freeze, thaw
from luna_tui.core.landmarks import landmarks
from luna_tui.core.player import Player
from luna_tui.core.state import RunState
from luna_tui.core.words import Watching
from luna_tui.engine.clock import ManualClock
from luna_tui.storage.journal_reading import Damage, read_journal

CHECKPOINT_EVERY = 10_000
"""Records between two states that are kept frozen: folding as many takes a few hundredths of a second."""
MOST_CHECKPOINTS = 16
"""A frozen state of a large plan takes megabytes, so a long journal has them further apart."""


class ReplaySession:
    """A run that is over or elsewhere. `state()` is the fold up to the position of the player."""

    def __init__(
        self,
        records: Sequence[Record],
        damaged: Sequence[Damage] = (),
        *,
        checkpoint_every: int = CHECKPOINT_EVERY,
    ) -> None:
        """Folds all records once, for the states that jumps begin from.

        LunaError(2) when no run begins in them.
        """
        begin = next((n for n, r in enumerate(records) if isinstance(r.event, RunStarted)), None)
        if begin is None:
            raise LunaError(
                "nothing to replay",
                "the journal does not tell how the run began",
                "luna-tui runs lists the runs that are kept",
                ExitCode.USAGE,
            )
        self.records = tuple(records)
        """All usable records."""
        self.damaged = tuple(damaged)
        """What could not be read."""
        self.player = Player(
            [r.at for r in self.records],
            [r.seq for r in self.records],
            landmarks(self.records),
            first=begin + 1,
        )
        """The position; whoever moves it then asks for the state."""
        self.jumps = 0
        """Rises when `state()` is another object than before, since the position went back, or far ahead."""
        self._clock = ManualClock(self.player.at_s, _wall(self.records[begin].event))
        every = max(checkpoint_every, -(-len(self.records) // MOST_CHECKPOINTS))
        self._checkpoints = _checkpoints(self.records, every)
        self._state = RunState()
        self._count = 0
        """Records that `_state` holds."""

    @property
    def clock(self) -> ManualClock:
        """Stands at the position."""
        behind = self.player.at_s - self._clock.now()
        if behind:
            self._clock.advance(behind)
        return self._clock

    @property
    def watching(self) -> Watching:
        """A journal is played."""
        return Watching.REPLAY

    @property
    def control(self) -> None:
        """A replay takes no commands."""
        return

    def state(self) -> RunState:
        """The fold up to the position; another object after each jump."""
        count = self.player.count
        place = bisect_right(self._checkpoints, count, key=lambda c: c[0]) - 1
        kept, frozen = self._checkpoints[place]
        if count < self._count or kept > self._count:
            with _without_collection():
                self._state = RunState() if frozen is None else thaw(frozen)
                self._count = kept
                self._apply(count)
            self.jumps += 1
        elif count > self._count:
            self._apply(count)
        return self._state

    def _apply(self, count: int) -> None:
        for record in self.records[self._count : count]:
            self._state.apply(record)
        self._count = count

    def since(self, seq: int) -> tuple[Record, ...]:
        """Records of the log after `seq`, up to the position."""
        return tuple(r for r in self.state().log if r.seq > seq)

    def now_s(self) -> float:
        """The position in seconds since the run began."""
        return self.player.at_s


def open_replay(path: Path) -> ReplaySession:
    """The replay of a run directory or of one journal file; LunaError(2) when there is nothing in it."""
    with _without_collection():
        read = read_journal(path)
        if not read.records:
            raise LunaError(
                "nothing to replay",
                f"{clean_line(str(path))} holds no journal that can be read",
                "luna-tui runs lists the runs that are kept",
                ExitCode.USAGE,
            )
        session = ReplaySession(read.records, read.damaged)
        # A million objects that stay: no collection needs to go through them again.
        gc.freeze()
    return session


@contextmanager
def _without_collection() -> Iterator[None]:
    """Make many objects at once, without the collector going through them again and again."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


_Checkpoint = tuple[int, dict[str, Any] | None]
"""Records folded, and the state after them; None = the state before the first."""


def _checkpoints(records: Sequence[Record], every: int) -> list[_Checkpoint]:
    found: list[_Checkpoint] = [(0, None)]
    state = RunState()
    for count in range(every, len(records), every):
        for record in records[count - every : count]:
            state.apply(record)
        found.append((count, freeze(state)))
    return found


def _wall(event: object) -> datetime | None:
    """When the run began; None when its first record does not tell it in a way that can be understood."""
    try:
        began = datetime.fromisoformat(event.started_at) if isinstance(event, RunStarted) else None
    except ValueError:
        return None
    return began.replace(tzinfo=UTC) if began is not None and began.tzinfo is None else began
