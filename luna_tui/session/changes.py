"""What subtasks changed in workspaces of their own: taken over or thrown away, during a run and after it."""

from __future__ import annotations

import logging
import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from luna_tui.core.agents import Changes
from luna_tui.core.errors import LunaError
from luna_tui.core.events import (
    ChangesAccepted,
    ChangesDropped,
    ChangesRefused,
    Record,
    SubtaskStarted,
    WorkspaceChanged,
)
from luna_tui.core.plan import Plan
from luna_tui.core.redaction import Redaction
from luna_tui.core.state import RunState, fold
from luna_tui.engine.workspaces import Settlement
from luna_tui.storage.config import current_environ
from luna_tui.storage.holder import hold
from luna_tui.storage.journal import read_journal
from luna_tui.storage.paths import RunDir

if TYPE_CHECKING:
    from luna_tui.runners.isolation.workspaces import OwnWorkspaces

_log = logging.getLogger(__name__)


class RunChanges:
    """`engine.workspaces.Changes` of the run in this process; it knows what is open by the records."""

    def __init__(
        self, run_dir: RunDir, state: RunState, *, ended: threading.Event, show: Callable[[Record], object]
    ) -> None:
        """`state` is the fold of earlier processes; `show` gets records that come after the end."""
        self._run_dir = run_dir
        self._ended = ended
        self._show = show
        self._lock = threading.Lock()
        """Protects `_open`."""
        self._late = threading.Lock()
        """Protects workspace and journal after the end: one settlement after the other."""
        self._open = {c.subtask: c.attempt for c in state.changes.values() if not c.settled}

    def follow(self, record: Record) -> None:
        """Subscriber of the run's events."""
        with self._lock:
            match record.event:
                case WorkspaceChanged() as e:
                    self._open[e.subtask] = e.attempt
                case SubtaskStarted() | ChangesAccepted() | ChangesDropped() as e:
                    self._open.pop(e.subtask, None)

    def settle(self, subtask: str, *, accept: bool, by: str) -> Settlement | None:
        """Take over or throw away; None when there is nothing open of the subtask."""
        with self._lock:
            attempt = self._open.get(subtask)
        if attempt is None:
            return None
        return settled(self._run_dir, subtask, attempt, accept=accept, by=by)

    def settle_late(self, subtask: str, *, accept: bool, by: str) -> None:
        """After the end of the run: do it, save what came of it, and show it."""
        self._ended.wait()
        with self._late:
            event = self.settle(subtask, accept=accept, by=by)
            if event is None:
                return
            from luna_tui.storage.epilogue import append_after
            from luna_tui.storage.reports import rewrite_report

            try:
                record = append_after(self._run_dir, event, hold(self._run_dir))
            except LunaError as error:
                _log.error("%s is not saved: %s", type(event).__name__, error)
                return
            self.follow(record)
            self._show(record)
            rewrite_report(self._run_dir, fold(read_journal(self._run_dir.path).records))


def own_workspaces(plan: Plan, run_dir: RunDir, redaction: Redaction) -> OwnWorkspaces | None:
    """Workspaces of their own for those subtasks of a plan that want one; None where none does."""
    if all(s.isolate is None for s in plan.subtasks()):
        return None
    from luna_tui.runners.isolation.workspaces import OwnWorkspaces

    return OwnWorkspaces(plan, str(run_dir.path), current_environ(), redaction)


def clear_workspaces(folder: Path) -> None:
    """Remove what a killed run left of its subtasks' workspaces; git forgets those that are checkouts."""
    if (folder / "workspaces").is_dir():
        from luna_tui.runners.isolation.workspaces import clear_leftovers

        clear_leftovers(str(folder), current_environ())


def settle_after(run_dir: RunDir, changes: Changes, *, accept: bool, by: str) -> Settlement:
    """Settle changes of a run that no process works on, and save what came of it.

    LunaError(2) when a process works on it after all, LunaError(74) when the disk refuses.
    """
    from luna_tui.storage.epilogue import append_after
    from luna_tui.storage.reports import rewrite_report

    lock = hold(run_dir)
    try:
        event = settled(run_dir, changes.subtask, changes.attempt, accept=accept, by=by)
    except BaseException:
        os.close(lock)
        raise
    append_after(run_dir, event, lock)
    rewrite_report(run_dir, fold(read_journal(run_dir.path).records))
    return event


def settled(run_dir: RunDir, subtask: str, attempt: int, *, accept: bool, by: str) -> Settlement:
    """Do it; what has been settled is not kept any longer, its difference is."""
    from luna_tui.runners.isolation.kept import folder_of, read_kept
    from luna_tui.runners.isolation.taking import take_over

    folder = folder_of(str(run_dir.path), subtask, attempt)
    if not accept:
        shutil.rmtree(folder, ignore_errors=True)
        return ChangesDropped(subtask=subtask, by=by)
    kept = read_kept(str(run_dir.path), subtask, attempt)
    if kept is None:
        why = f"what was kept of it is not in {folder} any more, or is damaged"
        return ChangesRefused(subtask=subtask, by=by, conflicts=(why,))
    conflicts = take_over(kept)
    if conflicts:
        return ChangesRefused(subtask=subtask, by=by, conflicts=conflicts)
    shutil.rmtree(folder, ignore_errors=True)
    return ChangesAccepted(subtask=subtask, by=by, files=len(kept.changes))
