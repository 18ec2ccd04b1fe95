"""Change a plan before it starts: every change gives a plan that is as valid, or says why it cannot be."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from luna_tui.core.plan import Plan, Subtask, Wave
from luna_tui.core.tongue import _
from luna_tui.core.words import Kind

MOST_WORKERS = 10_000
"""Of one wave."""


@dataclass(frozen=True, slots=True)
class Edition:
    """A plan as somebody changed it, with what was left out still in its place."""

    plan: Plan
    off: frozenset[str] = frozenset()
    """Ids of subtasks that are left out; nothing that stays needs one of them."""

    def left(self) -> Plan:
        """What would run; it has no file, since it stands in none."""
        waves = (replace(w, subtasks=tuple(self.on(w.subtasks))) for w in self.plan.waves)
        left = tuple(w for w in waves if w.subtasks)
        before = self.plan.source or self.plan.changed_from
        return replace(self.plan, waves=left, source="", changed_from=before, inputs=())

    def on(self, subtasks: Sequence[Subtask]) -> Iterator[Subtask]:
        """Those that are not left out."""
        return (s for s in subtasks if s.id not in self.off)


@dataclass(frozen=True, slots=True, kw_only=True)
class Anew:
    """What makes a plan the rest of a run."""

    run: str
    done: frozenset[str]
    """Ids whose results are taken over: they run no more and cost nothing."""
    words: tuple[str, ...]
    """Which subtasks are new, gone and changed."""
    difference: str
    """The two plan files, as a unified difference."""

    def rest(self, plan: Plan) -> Plan:
        """The plan without what is done; all of it where everything is."""
        waves = (
            replace(w, subtasks=tuple(s for s in w.subtasks if s.id not in self.done)) for w in plan.waves
        )
        left = tuple(w for w in waves if w.subtasks)
        return replace(plan, waves=left) if left else plan


Edited = Edition | str
"""The changed plan, or in one sentence why it stays as it is."""


class Editing:
    """A plan that is being changed, and the way back."""

    def __init__(self, plan: Plan) -> None:
        self.now = Edition(plan)
        """As it is at the moment."""
        self._before: list[Edition] = []

    @property
    def changed(self) -> bool:
        """Whether it is another plan than at the beginning."""
        return bool(self._before) and self.now != self._before[0]

    def take(self, edited: Edition) -> None:
        """Go on with a change; one that changes nothing needs no way back."""
        if edited != self.now:
            self._before.append(self.now)
            self.now = edited

    def undo(self) -> bool:
        """Take the last change back; False when there is none."""
        if not self._before:
            return False
        self.now = self._before.pop()
        return True


def switched(edition: Edition, ids: Collection[str]) -> Edited:
    """Leave subtasks out, or take them in again where all of them are out.

    What depends on them goes with them; what they need comes back with them.
    """
    if any(i not in edition.off for i in ids):
        off = edition.off | _closure(ids, _dependents(edition.plan))
        if all(s.id in off for s in edition.plan.subtasks()):
            return _("Something has to be left to do.")
        return replace(edition, off=off)
    needs = {s.id: s.depends_on for s in edition.plan.subtasks()}
    off = edition.off - _closure(ids, needs)
    following = _closure(ids, _dependents(edition.plan))
    for subtask in edition.plan.subtasks():
        if subtask.id in following and not off.intersection(subtask.depends_on):
            off -= {subtask.id}
    return replace(edition, off=off)


def with_model(edition: Edition, ids: Collection[str], model: str) -> Edited:
    """Have those of the subtasks that ask a model ask this one."""
    asking = {s.id for s in edition.plan.subtasks() if s.id in ids and s.kind is Kind.CLAUDE}
    if not asking:
        return _("It asks no model.")
    waves = tuple(
        replace(w, subtasks=tuple(replace(s, model=model) if s.id in asking else s for s in w.subtasks))
        for w in edition.plan.waves
    )
    return replace(edition, plan=replace(edition.plan, waves=waves))


def with_workers(edition: Edition, wave: str, most: int | None) -> Edited:
    """Give a wave a number of workers of its own, 1 to MOST_WORKERS; None = as many as the run has."""
    waves = tuple(replace(w, max_workers=most) if w.name == wave else w for w in edition.plan.waves)
    return replace(edition, plan=replace(edition.plan, waves=waves))


def moved(edition: Edition, subtask: str, by: int) -> Edited:
    """Move a subtask one place on (`by` 1) or back (-1), over the edge of its wave into the next one."""
    waves = [list(w.subtasks) for w in edition.plan.waves]
    number = next(n for n, w in enumerate(waves) if any(s.id == subtask for s in w))
    place = next(n for n, s in enumerate(waves[number]) if s.id == subtask)
    there = place + by
    if 0 <= there < len(waves[number]):
        mine = waves[number]
        mine[place], mine[there] = mine[there], mine[place]
        return _with_subtasks(edition, waves)
    target = number + by
    if not 0 <= target < len(waves):
        return _no_further(by)
    taken = waves[number].pop(place)
    why_not = _keeps(taken, edition.plan.waves[number], by)
    if why_not:
        return why_not
    waves[target].insert(0 if by > 0 else len(waves[target]), taken)
    return _with_subtasks(edition, waves)


def wave_moved(edition: Edition, wave: str, by: int) -> Edited:
    """Exchange a wave with the next one (`by` 1) or the one before (-1)."""
    waves = list(edition.plan.waves)
    number = next(n for n, w in enumerate(waves) if w.name == wave)
    target = number + by
    if not 0 <= target < len(waves):
        return _no_further(by)
    first, second = sorted((number, target))
    ids = {s.id for s in waves[first].subtasks}
    for s in waves[second].subtasks:
        needed = next((i for i in s.depends_on if i in ids), None)
        if needed is not None:
            return _("{id} needs {needed}, so its wave stays behind.").format(id=s.id, needed=needed)
    waves[first], waves[second] = waves[second], waves[first]
    return replace(edition, plan=replace(edition.plan, waves=tuple(waves)))


def next_model(known: Sequence[str], model: str) -> str:
    """The known model after this one; the first one after a model that is not known or the last."""
    following = known.index(model) + 1 if model in known else 0
    return known[following % len(known)] if known else model


def _keeps(subtask: Subtask, wave: Wave, by: int) -> str:
    """Why it cannot leave its wave in this direction; empty when it can."""
    if by < 0:
        ids = {s.id for s in wave.subtasks}
        needed = next((i for i in subtask.depends_on if i in ids), None)
        if needed is not None:
            text = _("{id} needs {needed}, so it cannot run in an earlier wave.")
            return text.format(id=subtask.id, needed=needed)
        return ""
    needing = next((s.id for s in wave.subtasks if subtask.id in s.depends_on), None)
    if needing is not None:
        text = _("{needing} needs {id}, so it cannot run in a later wave.")
        return text.format(id=subtask.id, needing=needing)
    return ""


def _no_further(by: int) -> str:
    return _("It is the last already.") if by > 0 else _("It is the first already.")


def _with_subtasks(edition: Edition, subtasks: Sequence[Sequence[Subtask]]) -> Edition:
    """Waves with these; one that has become empty is gone."""
    waves = (
        replace(wave, subtasks=tuple(mine))
        for wave, mine in zip(edition.plan.waves, subtasks, strict=True)
        if mine
    )
    return replace(edition, plan=replace(edition.plan, waves=tuple(waves)))


def _dependents(plan: Plan) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for s in plan.subtasks():
        for needed in s.depends_on:
            found.setdefault(needed, []).append(s.id)
    return found


def _closure(ids: Collection[str], after: Mapping[str, Sequence[str]]) -> frozenset[str]:
    """These, and all that `after` leads to."""
    found, open_ = set(ids), list(ids)
    while open_:
        for i in after.get(open_.pop(), ()):
            if i not in found:
                found.add(i)
                open_.append(i)
    return frozenset(found)
