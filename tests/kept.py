"""Kept runs as a process leaves them: whole, cut off, held, damaged."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from luna_tui.core.events import Record, RunFinished
from luna_tui.core.records import to_line
from luna_tui.core.state import fold
from luna_tui.core.words import RunStatus
from luna_tui.storage.journal import read_journal, seal
from luna_tui.storage.paths import create_run
from luna_tui.storage.reports import write_report

DEMO = read_journal(Path(__file__).parent / "journals" / "demo.ndjson").records
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def records(run: str, *, until: int | None = None, status: RunStatus | None = None) -> list[Record]:
    """The recorded demo as another run; `status` = how it ended."""
    found = [replace(r, run=run) for r in DEMO[:until]]
    last = found[-1].event if found else None
    if status is not None and isinstance(last, RunFinished):
        found[-1] = replace(found[-1], event=replace(last, status=status))
    return found


def lines(given: Iterable[Record]) -> bytes:
    """A segment."""
    return b"".join(seal(to_line(r)).encode() + b"\n" for r in given)


def keep(
    run: str,
    given: list[Record] | None = None,
    *,
    began: datetime = NOW,
    workspace: str = "/home/ada/site",
    digest: str = "d1",
) -> Path:
    """The folder of a run with this journal; with a report where it has an end."""
    folder = create_run(run)
    given = records(run) if given is None else given
    meta = {
        "run": run,
        "version": "0.1.0",
        "host": "ship",
        "started_at": began.isoformat(timespec="seconds"),
        "plan": f"{workspace}/nightly.toml",
        "plan_sha256": digest,
        "workspace": workspace,
    }
    (folder.path / "run.json").write_text(json.dumps(meta))
    folder.lock.touch()
    if given:
        folder.journal(1).write_bytes(lines(given))
        if isinstance(given[-1].event, RunFinished):
            write_report(folder, fold(given))
    return folder.path


@contextmanager
def written(folder: Path) -> Iterator[None]:
    """As if a process wrote this run."""
    descriptor = os.open(folder / "lock", os.O_RDWR)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        yield
    finally:
        os.close(descriptor)
