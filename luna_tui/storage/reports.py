"""Write what stays of a run beside its journal."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from luna_tui.core.clean import clean_line
from luna_tui.core.errors import ExitCode, LunaError
from luna_tui.core.plan import Plan
from luna_tui.core.report import report_data, report_markdown
from luna_tui.core.state import RunState
from luna_tui.storage.disk import Disk
from luna_tui.storage.paths import RunDir, not_saved, why_not
from luna_tui.storage.plan_inputs import KEPT
from luna_tui.storage.run_meta import Decided, kept_name, meta_content

_START = ("plan.toml", "plan.json", "plan.jsonl", "plan.ndjson", KEPT, "run.json")


def write_start(
    run_dir: RunDir,
    plan: Plan,
    *,
    version: str,
    started_at: str,
    decided: Decided | None = None,
    content: bytes | None = None,
    disk: Disk | None = None,
) -> None:
    """`run.json` and the plan as it is run; LunaError(74) when the disk refuses.

    `content` is the plan file, where that is not what now stands at the plan's source.
    """
    disk = disk or Disk()
    kept = plan_bytes(plan) if content is None else content
    meta = meta_content(run_dir.run, plan, kept, decided or Decided(), version=version, started_at=started_at)
    try:
        disk.replace(run_dir.path / kept_name(plan.source), kept)
        if plan.inputs:
            disk.replace(run_dir.path / KEPT, json.dumps(dict(plan.inputs)).encode())
        disk.replace(run_dir.path / "run.json", meta)
    except OSError as error:
        raise not_saved(run_dir.path, error) from error


def read_start(run_dir: RunDir) -> dict[str, bytes]:
    """The files that `write_start` wrote, by name, as far as they can be read."""
    found = {}
    for name in _START:
        with suppress(OSError):
            found[name] = (run_dir.path / name).read_bytes()
    return found


def restore_start(run_dir: RunDir, files: Mapping[str, bytes], disk: Disk | None = None) -> None:
    """Write those of the files once more that somebody removed; LunaError(74) when the disk refuses."""
    for name, content in files.items():
        path = run_dir.path / name
        if not path.exists():
            try:
                (disk or Disk()).replace(path, content)
            except OSError as error:
                raise not_saved(path, error) from error


def plan_bytes(plan: Plan) -> bytes:
    """The plan file as it is; nothing for a plan made in memory."""
    if not plan.source:
        return b""
    try:
        with open(plan.source, "rb") as file:
            return file.read()
    except OSError as error:
        raise LunaError(
            "the plan cannot be kept",
            f"{plan.source}: {(error.strerror or 'unknown error').lower()}",
            "it could be read a moment ago; start again",
            ExitCode.INVALID,
        ) from error


def write_report(run_dir: RunDir, state: RunState, disk: Disk | None = None) -> None:
    """`report.md` and `report.json`; LunaError(74) when the disk refuses."""
    disk = disk or Disk()
    try:
        disk.replace(run_dir.path / "report.md", report_markdown(state).encode())
        disk.replace(run_dir.path / "report.json", json.dumps(report_data(state), indent=1).encode() + b"\n")
    except OSError as error:
        raise not_saved(run_dir.path, error) from error


def rewrite_report(run_dir: RunDir, state: RunState, disk: Disk | None = None) -> bool:
    """Bring the report files of a run that ended up to date; False when it has not, or they cannot be."""
    disk = disk or Disk()
    if state.finished is None or not run_dir.lock.exists():
        return False
    try:
        held = disk.lock(run_dir.lock)
    except OSError:
        return False  # A process writes the run, or the disk takes nothing.
    try:
        write_report(run_dir, state, disk)
    except LunaError:
        return False
    finally:
        disk.close(held)
    return True


def write_text(path: Path, text: str | bytes) -> None:
    """Write a file that the user named; LunaError(74) in words when that is impossible."""
    try:
        path.write_bytes(text.encode() if isinstance(text, str) else text)
    except OSError as error:
        raise LunaError(
            "cannot save",
            f"{clean_line(str(path))}: {why_not(error)}",
            "name another file",
            ExitCode.NOT_SAVED,
        ) from error
