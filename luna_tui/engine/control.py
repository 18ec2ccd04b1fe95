"""The one door for commands: what a person or a script may ask of a run that is under way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from luna_tui.core.words import Decision, GrantScope, Manner, Mode, Scope, Staffing


class RunControl(Protocol):
    """Commands return at once; their effect comes back only as events.

    `by` names who asked: "user", "signal", "config". All methods are safe from any thread.
    """

    def cancel(
        self, scope: Scope, manner: Manner, *, by: str, wave: str | None = None, subtask: str | None = None
    ) -> None:
        """End a subtask, a wave or the run."""
        ...

    def set_mode(self, mode: Mode, *, by: str) -> None:
        """Use another share of the limits, and the worker count the table gives it."""
        ...

    def set_workers(self, workers: int | Staffing, *, by: str) -> None:
        """Use another number of workers, at least 1, or what the table or the limits give."""
        ...

    def pause(self, *, by: str) -> None:
        """Admit nothing more; what is in flight goes on."""
        ...

    def resume(self, *, by: str) -> None:
        """Admit again."""
        ...

    def retry(self, subtasks: Sequence[str], *, by: str, prompt: str | None = None) -> None:
        """Make a new try of subtasks: failed, timed out, cancelled, skipped, or running and waiting ones.

        What succeeded is tried again only with a `prompt`, which replaces theirs; templates in it are
        filled in as in the plan. Their skipped dependents are queued again too. Unknown ids and those
        that cannot be tried again are ignored.
        """
        ...

    def skip(self, subtasks: Sequence[str], *, by: str) -> None:
        """End subtasks that have not ended as skipped; running ones are ended now."""
        ...

    def set_budget(self, usd: float | None, *, by: str) -> None:
        """Spend at most this much; None = no cap."""
        ...

    def decide(
        self,
        approval: str,
        decision: Decision,
        *,
        by: str,
        scope: GrantScope = GrantScope.ONCE,
        reason: str = "",
    ) -> None:
        """Allow or deny what an agent asks for, or answer its question with `reason`.

        A request that is no longer open is ignored. A scope beyond once also settles the open
        requests that it covers.
        """
        ...

    def settle_changes(self, subtask: str, *, accept: bool, by: str) -> None:
        """Take what a subtask changed in its own workspace over into the real one, or throw it away."""
        ...
