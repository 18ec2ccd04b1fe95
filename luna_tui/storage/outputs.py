"""Keep the full text of every attempt and the result of every subtask."""

from __future__ import annotations

import json
import os
import threading

from luna_tui.core.events import SubtaskFinished
from luna_tui.storage.disk import Disk
from luna_tui.storage.paths import RunDir


class FileOutputs:
    """The OutputStore of a run directory. Text is raw; it is cleaned before any screen sees it."""

    def __init__(self, run_dir: RunDir, disk: Disk | None = None) -> None:
        self._dir = run_dir
        self._disk = disk or Disk()
        self._lock = threading.Lock()
        """Protects `_open`; each file is written by the one thread of its attempt."""
        self._open: dict[tuple[str, int], int] = {}

    def write(self, subtask: str, attempt: int, text: str) -> None:
        """Append text; OSError when the disk refuses."""
        key = (subtask, attempt)
        with self._lock:
            descriptor = self._open.get(key)
        if descriptor is None:
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
            descriptor = os.open(self._dir.path / _name(subtask, attempt), flags, 0o600)
            with self._lock:
                self._open[key] = descriptor
        self._disk.write(descriptor, text.encode("utf-8", "surrogatepass"))

    def finish(self, subtask: str, attempt: int) -> str | None:
        """Close the files of a subtask; the path of this attempt's, None when it wrote nothing."""
        with self._lock:
            keys = [k for k in self._open if k[0] == subtask]
            descriptors = [self._open.pop(k) for k in keys]
        for descriptor in descriptors:
            self._disk.close(descriptor)
        return _name(subtask, attempt) if (subtask, attempt) in keys else None

    def save_result(self, result: SubtaskFinished, output: str) -> None:
        """Make the result durable; OSError when the disk refuses."""
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
        self._disk.replace(path, json.dumps(content, indent=1).encode() + b"\n")


def _name(subtask: str, attempt: int) -> str:
    return f"outputs/{subtask}.{attempt}.txt"
