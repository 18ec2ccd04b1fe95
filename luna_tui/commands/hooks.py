"""Run the command a user wants to hear notices with; it can neither hold the screen nor write on it."""

from __future__ import annotations

import logging
import subprocess
import threading
from collections.abc import Sequence

_TIMEOUT_S = 10.0
_log = logging.getLogger(__name__)


class Hook:
    """One command, started anew for every notice, with the notice as JSON on its standard input."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = list(command)
        self._running = threading.Lock()
        """Held while the command runs: a slow one is not started a second time."""

    def __call__(self, text: str) -> None:
        """Start it and return at once."""
        if self._running.acquire(blocking=False):
            threading.Thread(target=self._run, args=(text,), name="luna-hook", daemon=True).start()
        else:
            _log.warning("the notify command still runs; this notice was not handed to it: %s", text)

    def _run(self, text: str) -> None:
        try:
            done = subprocess.run(
                self._command,
                input=text + "\n",
                text=True,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                timeout=_TIMEOUT_S,
                check=False,
                start_new_session=True,
            )
            if done.returncode:
                _log.warning("the notify command ended with %d: %s", done.returncode, done.stderr[-500:])
        except (OSError, subprocess.TimeoutExpired) as error:
            _log.warning("the notify command could not be run: %s", error)
        finally:
            self._running.release()
