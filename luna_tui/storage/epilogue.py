"""Add to the journal of a run that is over, or has lost its process, what a person decides about it."""

from __future__ import annotations

from luna_tui.core.errors import ExitCode, LunaError
from luna_tui.core.events import Event, Record
from luna_tui.storage.journal import JournalWriter, read_journal
from luna_tui.storage.journal_repair import repair
from luna_tui.storage.paths import RunDir


def append_after(run_dir: RunDir, event: Event, lock: int) -> Record:
    """Save one more event, at the instant of the last record; `lock` = what `hold` gave, closed here.

    LunaError(74) when the disk refuses.
    """
    repair(run_dir, lock=lock)
    read = read_journal(run_dir.path)
    record = Record(read.last_seq + 1, read.last_at, run_dir.run, event)
    refused: list[str] = []
    writer = JournalWriter(run_dir, on_failure=refused.append, lock=lock)
    writer.append(record)
    if not writer.close() or refused:
        why = refused[0] if refused else "it takes too long"
        raise LunaError("not saved", f"{run_dir.path}: {why}", "free or fix the disk", ExitCode.NOT_SAVED)
    return record
