"""Read the results that a run kept, one file per subtask."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from luna_tui.core.attempt_use import AttemptUse
from luna_tui.core.events import OUTPUT_HEAD_CHARS, SubtaskFinished, Tokens
from luna_tui.core.words import Status
from luna_tui.storage.paths import RunDir


@dataclass(frozen=True, slots=True)
class KeptResult:
    """The content of `results/<subtask>.json`."""

    event: SubtaskFinished
    """How it ended, as it is told when nobody could tell it at its time."""
    output: str
    used: AttemptUse | None = None
    """What its last attempt used; None = that is not known."""


def read_result(run_dir: RunDir, subtask: str) -> KeptResult | None:
    """The result of a subtask; None when there is none that can be used."""
    try:
        value: Any = json.loads((run_dir.results / f"{subtask}.json").read_bytes())
        if value["subtask"] != subtask or not isinstance(value["output"], str):
            return None
        event = SubtaskFinished(
            wave=str(value["wave"]),
            subtask=subtask,
            attempt=int(value["attempts"]),
            status=Status(value["status"]),
            duration_s=float(value["duration_s"]),
            attempts=int(value["attempts"]),
            reason=str(value["reason"]),
            output_file=None if value["output_file"] is None else str(value["output_file"]),
        )
        return KeptResult(event, value["output"], _used(value.get("used")))
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def _used(value: Any) -> AttemptUse | None:
    if value is None:
        return None
    cost = value["cost_usd"]
    return AttemptUse(
        attempt=int(value["attempt"]),
        model=str(value["model"]),
        tokens=Tokens(
            input=int(value["input_tokens"]),
            output=int(value["output_tokens"]),
            cache_read=int(value["cache_read_tokens"]),
            cache_write=int(value["cache_write_tokens"]),
        ),
        searches=int(value["searches"]),
        cost_usd=None if cost is None else float(cost),
    )


def kept_ids(run_dir: RunDir) -> set[str]:
    """Subtasks of which there is a result, whole or not."""
    try:
        return {path.name.removesuffix(".json") for path in run_dir.results.glob("*.json")}
    except OSError:
        return set()


def output_of(run_dir: RunDir, told: SubtaskFinished | None, subtask: str) -> str | None:
    """What a subtask that ended well said: by its result, else its event, else its text; None = lost.

    `told` is its last end in the journal.
    """
    kept = read_result(run_dir, subtask)
    if kept is not None:
        return kept.output
    if told is None:
        return None
    if told.output and len(told.output) < OUTPUT_HEAD_CHARS:
        return told.output
    if told.output_file is None:
        return told.output if told.status is Status.SUCCEEDED else None
    return _text(run_dir, told)


def _text(run_dir: RunDir, told: SubtaskFinished) -> str | None:
    """The text of the attempt, never that of another file."""
    if told.output_file != f"outputs/{told.subtask}.{told.attempt}.txt":
        return None
    try:
        return (run_dir.path / told.output_file).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
