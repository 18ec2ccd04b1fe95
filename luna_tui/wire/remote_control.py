"""The commands of a run in another process; each becomes one message."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from luna_tui.core.words import Decision, GrantScope, Manner, Mode, Scope, Staffing
from luna_tui.wire.orders import cancel_message


class RemoteControl:
    """A RunControl that sends its commands; what comes of them shows as events, a refusal as an answer."""

    def __init__(self, send: Callable[[Mapping[str, Any]], None]) -> None:
        """`send` must return soon and raise nothing."""
        self._send = send
        self._lock = threading.Lock()
        """Protects `_number`."""
        self._number = 0

    def cancel(
        self, scope: Scope, manner: Manner, *, by: str, wave: str | None = None, subtask: str | None = None
    ) -> None:
        """End a subtask, a wave or the run."""
        self._ask(cancel_message(scope, manner, wave, subtask), by)

    def set_mode(self, mode: Mode, *, by: str) -> None:
        """Use another share of the limits."""
        self._ask({"do": "mode", "mode": mode.value}, by)

    def set_workers(self, workers: int | Staffing, *, by: str) -> None:
        """Use another number of workers."""
        self._ask(
            {"do": "workers", "workers": workers.value if isinstance(workers, Staffing) else workers}, by
        )

    def pause(self, *, by: str) -> None:
        """Admit nothing more."""
        self._ask({"do": "pause"}, by)

    def resume(self, *, by: str) -> None:
        """Admit again."""
        self._ask({"do": "resume"}, by)

    def retry(self, subtasks: Sequence[str], *, by: str, prompt: str | None = None) -> None:
        """Make a new try of subtasks."""
        more = {} if prompt is None else {"prompt": prompt}
        self._ask({"do": "retry", "subtasks": list(subtasks), **more}, by)

    def skip(self, subtasks: Sequence[str], *, by: str) -> None:
        """End subtasks as skipped."""
        self._ask({"do": "skip", "subtasks": list(subtasks)}, by)

    def set_budget(self, usd: float | None, *, by: str) -> None:
        """Spend at most this much; an endless amount is no cap, and what is no number is ignored."""
        if usd is None or not math.isnan(usd):
            self._ask({"do": "budget", "usd": None if usd == math.inf else usd}, by)

    def decide(
        self,
        approval: str,
        decision: Decision,
        *,
        by: str,
        scope: GrantScope = GrantScope.ONCE,
        reason: str = "",
    ) -> None:
        """Allow or deny what an agent asks for, or answer its question."""
        more = {"scope": scope.value, "reason": reason}
        self._ask({"do": "decide", "approval": approval, "decision": decision.value, **more}, by)

    def settle_changes(self, subtask: str, *, accept: bool, by: str) -> None:
        """Take over or throw away what a subtask changed."""
        self._ask({"do": "changes", "subtask": subtask, "accept": accept}, by)

    def _ask(self, message: Mapping[str, Any], by: str) -> None:
        with self._lock:
            self._number += 1
            self._send({"id": self._number, "by": by, **message})
