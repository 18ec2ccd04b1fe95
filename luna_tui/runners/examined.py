"""Runners whose outputs are compared with what the plan expects before anybody gets them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from luna_tui.core.expect import miss
from luna_tui.core.words import Kind
from luna_tui.engine.runner import AttemptContext, Demand, MissedExpectation, Runner, Work
from luna_tui.runners.examining import Examiner


class Examined(Mapping[Kind, Runner]):
    """The runners of a run, each with an examination behind it; closing them is left to their owner."""

    def __init__(self, runners: Mapping[Kind, Runner], examiner: Examiner) -> None:
        self._runners = runners
        self._examiner = examiner

    def __getitem__(self, kind: Kind) -> Runner:
        return _Examination(self._runners[kind], self._examiner)

    def __iter__(self) -> Iterator[Kind]:
        return iter(self._runners)

    def __len__(self) -> int:
        return len(self._runners)


class _Examination:
    def __init__(self, runner: Runner, examiner: Examiner) -> None:
        self._runner = runner
        self._examiner = examiner

    def demand(self, work: Work) -> Demand | None:
        return self._runner.demand(work)

    def run(self, work: Work, context: AttemptContext) -> str:
        output = self._runner.run(work, context)
        expect = work.subtask.expect
        if expect is not None:
            missed = miss(expect, output) or self._examiner.missed(work, output, context.token)
            if missed is not None:
                raise MissedExpectation(output, missed)
        return output

    def close(self) -> None:
        """Its owner closes the runner."""
