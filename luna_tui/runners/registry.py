"""Who does which kind of subtask in this run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack

from luna_tui.core.words import ErrorKind, Kind
from luna_tui.engine.runner import AttemptContext, AttemptError, Demand, Runner, Work
from luna_tui.runners.examined import Examined
from luna_tui.runners.examining import Examiner


class NoRunner:
    """Stands for a kind that nobody does: its attempts fail in words, and nothing else breaks."""

    def __init__(self, kind: Kind, known: tuple[Kind, ...]) -> None:
        self._kind = kind
        self._known = known

    def demand(self, work: Work) -> Demand | None:
        """Raise AttemptError."""
        raise self._error()

    def run(self, work: Work, context: AttemptContext) -> str:
        """Raise AttemptError."""
        raise self._error()

    def close(self) -> None:
        """Nothing to close."""

    def _error(self) -> AttemptError:
        known = ", ".join(self._known) or "nothing"
        return AttemptError(ErrorKind.INVALID_REQUEST, f"kind {self._kind} cannot run here; here is: {known}")


class Runners(Mapping[Kind, Runner]):
    """Runner by kind; looking one up never fails. Iterating gives only the kinds that somebody does."""

    def __init__(self, runners: Mapping[Kind, Runner], examiner: Examiner | None = None) -> None:
        self._runners = dict(runners)
        self._examiner = examiner or Examiner()

    def __getitem__(self, kind: Kind) -> Runner:
        """The runner of a kind, or one whose attempts say that there is none."""
        return self._runners.get(kind) or NoRunner(kind, tuple(self._runners))

    def __iter__(self) -> Iterator[Kind]:
        return iter(self._runners)

    def __len__(self) -> int:
        return len(self._runners)

    def examined(self) -> Mapping[Kind, Runner]:
        """The same, and what they say is compared with what the plan expects before anybody gets it."""
        return Examined(self, self._examiner)

    def close(self) -> None:
        """Close every one, also when one of them fails to; no attempt runs any more."""
        with ExitStack() as closing:
            closing.callback(self._examiner.close)
            for runner in self._runners.values():
                closing.callback(runner.close)
