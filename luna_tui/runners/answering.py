"""A process of our own Python that answers questions, since answering them may take for ever or kill it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from types import ModuleType


class AnsweringProcess:
    """Runs one file of ours, with nothing of our environment; used by one thread at a time."""

    def __init__(self, program: ModuleType) -> None:
        """OSError when it cannot be started."""
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(program.__file__)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={},
            start_new_session=True,
        )

    def tell(self, content: bytes) -> None:
        """Write to it; nothing happens when it has ended."""
        sink = self._process.stdin
        assert sink is not None
        view = memoryview(content)
        with contextlib.suppress(BrokenPipeError):
            while view:
                view = view[os.write(sink.fileno(), view) :]

    def ask(self, question: bytes) -> bytes | None:
        """The line that it answers with; None when it has ended instead, as it does after `kill`."""
        answers = self._process.stdout
        assert answers is not None
        self.tell(question)
        line = answers.readline()
        return line if line.endswith(b"\n") else None

    def kill(self) -> None:
        """End it now; from any thread."""
        self._process.kill()

    def close(self) -> None:
        """End it and let go of it."""
        self._process.kill()
        with contextlib.suppress(BrokenPipeError), self._process:
            pass
