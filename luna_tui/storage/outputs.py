"""Keep the full text of every attempt and the result of every subtask."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

from luna_tui.core.events import SubtaskFinished
from luna_tui.storage.disk import Disk
from luna_tui.storage.paths import RunDir, not_saved


class _TextFile:
    """One attempt's text, opened at its first write."""

    def __init__(self, path: Path, attempt: int, disk: Disk) -> None:
        self.attempt = attempt
        self.error: OSError | None = None
        """Why text was not kept; the first reason only."""
        self._path = path
        self._disk = disk
        self._lock = threading.Lock()
        """Protects `_descriptor` and `_closed`: a late writer must never hit a number that was given away."""
        self._descriptor = -1
        self._closed = False

    def write(self, content: bytes) -> None:
        with self._lock:
            if self._closed or self.error is not None:
                return
            try:
                if self._descriptor < 0:
                    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
                    self._descriptor = os.open(self._path, flags, 0o600)
                self._disk.write(self._descriptor, content)
            except OSError as error:
                self.error = error

    def close(self) -> None:
        with self._lock:
            self._closed = True
            if self._descriptor >= 0:
                self._disk.close(self._descriptor)
                self._descriptor = -1


class FileOutputs:
    """The OutputStore of a run directory. Text is raw; it is cleaned before any screen sees it.

    A disk that refuses text never fails the attempt: `save_result` reports it.
    """

    def __init__(self, run_dir: RunDir, disk: Disk | None = None) -> None:
        self._dir = run_dir
        self._disk = disk or Disk()
        self._lock = threading.Lock()
        """Protects `_current`, `_finished` and `_errors`."""
        self._current: dict[str, _TextFile] = {}
        """The open file of each subtask."""
        self._finished: dict[str, int] = {}
        """Subtask -> the attempt after which it finished, so that late text is dropped."""
        self._errors: dict[str, OSError] = {}

    def write(self, subtask: str, attempt: int, text: str) -> None:
        """Append text; dropped when a later attempt has begun or this one has finished."""
        file = self._file(subtask, attempt)
        if file is not None:
            file.write(text.encode("utf-8", "replace"))

    def finish(self, subtask: str, attempt: int) -> str | None:
        """Close the file of a subtask; its path when this attempt wrote it, else None.

        The file of a later attempt stays open: a thread that was given up may come back when a new
        try is under way.
        """
        with self._lock:
            self._finished[subtask] = max(attempt, self._finished.get(subtask, 0))
            file = self._current.get(subtask)
            if file is None or file.attempt > attempt:
                return None
            del self._current[subtask]
        self._close(subtask, file)
        return _name(subtask, attempt) if file.attempt == attempt else None

    def save_result(self, result: SubtaskFinished, output: str) -> None:
        """Make the result durable; LunaError(74) when the disk refused it or text of it."""
        content = {
            "subtask": result.subtask,
            "wave": result.wave,
            "status": result.status.value,
            "reason": result.reason,
            "attempts": result.attempts,
            "duration_s": round(result.duration_s, 6),
            "output_file": result.output_file,
            "output": output,
        }
        path = self._dir.results / f"{result.subtask}.json"
        try:
            self._disk.replace(path, json.dumps(content, indent=1).encode() + b"\n")
        except OSError as error:
            raise not_saved(path, error) from error
        with self._lock:
            refused = self._errors.pop(result.subtask, None)
        if refused is not None:
            raise not_saved(self._dir.outputs, refused) from refused

    def _file(self, subtask: str, attempt: int) -> _TextFile | None:
        """The file to write to; the one of an earlier attempt is closed on the way."""
        with self._lock:
            file = self._current.get(subtask)
            if attempt <= self._finished.get(subtask, 0):
                return None
            if file is not None and file.attempt >= attempt:
                return file if file.attempt == attempt else None
            earlier = file
            file = _TextFile(self._dir.path / _name(subtask, attempt), attempt, self._disk)
            self._current[subtask] = file
        if earlier is not None:
            self._close(subtask, earlier)
        return file

    def _close(self, subtask: str, file: _TextFile) -> None:
        file.close()
        if file.error is not None:
            with self._lock:
                self._errors.setdefault(subtask, file.error)


def _name(subtask: str, attempt: int) -> str:
    return f"outputs/{subtask}.{attempt}.txt"
