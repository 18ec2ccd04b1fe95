"""Results of one run that another run of a like plan can take over instead of making them again."""

from __future__ import annotations

from collections.abc import Mapping

from luna_tui.core.events import SubtaskFinished
from luna_tui.core.past import Past
from luna_tui.core.plan import Plan
from luna_tui.core.waves import levels
from luna_tui.core.words import GOOD, Status
from luna_tui.storage.past import Left, told_ends
from luna_tui.storage.plan_digests import digests
from luna_tui.storage.results import output_of


def taken_over(left: Left, before: Plan, files: Mapping[str, str], after: Plan) -> Past:
    """Whatever ended well and would be the same again ends as cached in a run of `after`.

    `before` is the plan that ran and `files` the digests of the files it attached then.
    """
    was, now = digests(before, files), digests(after)
    waves = {s.id: wave.name for wave in after.waves for s in wave.subtasks}
    needs = {s.id: s.depends_on for s in after.subtasks()}
    ends, told = left.ends, told_ends(left.records)
    kept: dict[str, str] = {}
    for i in (i for level in levels(needs) for i in level):
        same = now[i] != "" and was.get(i) == now[i] and ends.get(i) in GOOD
        if not same or any(d not in kept for d in needs[i]):
            continue
        output = output_of(left.run_dir, told.get(i), i)
        if output is not None:
            kept[i] = output
    return Past(
        run=left.run_dir.run,
        found=[(_cached(i, waves[i]), output) for i, output in kept.items()],
    )


def _cached(subtask: str, wave: str) -> SubtaskFinished:
    return SubtaskFinished(
        wave=wave, subtask=subtask, attempt=0, status=Status.CACHED, duration_s=0.0, attempts=0
    )
