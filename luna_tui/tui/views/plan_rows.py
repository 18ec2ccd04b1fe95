"""Which rows the plan screen has, in which order; made again only when something they depend on changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from luna_tui.core.filter import Filter
from luna_tui.core.insight import Stand, elapsed_s, quiet_after_s, stand
from luna_tui.core.spending import WaveCost, wave_costs
from luna_tui.core.state import RunState, SubtaskState, WaveState
from luna_tui.core.tongue import N_
from luna_tui.tui.views.entries import NEEDS
from luna_tui.tui.views.tree import Branch, Tree

ORDERS = (N_("plan"), N_("needs me"), N_("slowest"), N_("dearest"))
WAVE = "wave:"
"""Begins the key of a wave; no id of a subtask has a colon."""
FRESH_S = 1.0
"""For so long an order or a selection stands, whatever happens in the run."""
_SHARE = 20
"""What took long to work out stands for as many times that long: it then costs a twentieth of a core."""


NO_FILTER = Filter()


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody wants to see of the plan."""

    filter: Filter = NO_FILTER
    filter_text: str = ""
    """As it was typed; the same text is the same filter."""
    order: int = 0

    @property
    def plain(self) -> bool:
        """Everything, in the order of the plan."""
        return not self.filter.terms and self.order % len(ORDERS) == 0


class PlanRows:
    """Rows of one viewer: which waves are open, and the tree as it was made last.

    `clock` counts seconds; only differences matter.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._chosen: dict[str, bool] = {}
        """Waves that this person opened or closed."""
        self._tree: tuple[object, Tree] | None = None
        self._leaves: Mapping[str, Sequence[str]] = {}
        self._leaves_of: object = None
        self._leaves_until = -1.0
        self._costs: Mapping[str, WaveCost] = {}
        self._costs_seq = -1
        self._costs_until = -1.0
        self._version = 0

    def tree(self, state: RunState, now_s: float, asked: Asked, room: int) -> Tree:
        """The rows now; the same object as before when nothing changed. `room` = rows in sight."""
        filtering = bool(asked.filter.terms)
        leaves = None if asked.plain else self._asked_for(state, now_s, asked)
        shown = [w for w in state.waves.values() if leaves is None or not filtering or leaves[w.name]]
        small = filtering or len(state.subtasks) + len(state.waves) <= room
        opened = tuple(self.is_open(state, wave, small=small) for wave in shown)
        made_of = (state.run, opened, asked.filter_text, asked.order, self._version)
        if self._tree is None or self._tree[0] != made_of:
            branches = [
                Branch(WAVE + w.name, w.subtasks if leaves is None else leaves[w.name], is_open)
                for w, is_open in zip(shown, opened, strict=True)
            ]
            self._tree = (made_of, Tree(branches))
        return self._tree[1]

    def is_open(self, state: RunState, wave: WaveState, *, small: bool) -> bool:
        """What this person chose; else a wave is open while it runs, or when all is in sight anyway."""
        chosen = self._chosen.get(wave.name)
        if chosen is not None:
            return chosen
        return small or wave.number in state.opened or wave is state.current_wave

    def open(self, wave: str, opened: bool) -> None:
        """This person wants to see the subtasks of the wave, or not."""
        self._chosen[wave] = opened

    def forget(self) -> None:
        """Work everything out again; what this person chose stays."""
        self._costs_seq, self._costs_until = -1, -1.0
        self._leaves_of, self._leaves_until = None, -1.0

    def costs(self, state: RunState) -> Mapping[str, WaveCost]:
        """What the waves cost; at most a second old, or a little more where that costs time."""
        at = self._clock()
        if state.seq != self._costs_seq and at >= self._costs_until:
            self._costs, self._costs_seq = wave_costs(state), state.seq
            self._costs_until = at + max(FRESH_S, _SHARE * (self._clock() - at))
        return self._costs

    def _asked_for(self, state: RunState, now_s: float, asked: Asked) -> Mapping[str, Sequence[str]]:
        """Wave -> ids that the filter lets through, in the order asked for."""
        at = self._clock()
        request = (state.run, asked.filter_text, asked.order)
        now = (request, state.seq, int(now_s))
        if now == self._leaves_of:
            return self._leaves
        other = not isinstance(self._leaves_of, tuple) or self._leaves_of[0] != request
        if other or at >= self._leaves_until:
            found = {w.name: _sorted(state, w, now_s, asked) for w in state.waves.values()}
            if other or found != self._leaves:
                self._version += 1
            self._leaves, self._leaves_of = found, now
            self._leaves_until = at + max(FRESH_S, _SHARE * (self._clock() - at))
        return self._leaves


def _sorted(state: RunState, wave: WaveState, now_s: float, asked: Asked) -> tuple[str, ...]:
    every = state.subtasks
    ids = wave.subtasks
    if asked.filter.terms:
        ids = tuple(i for i in ids if asked.filter.matches(state, every[i], now_s))
    match ORDERS[asked.order % len(ORDERS)]:
        case "needs me":
            quiet = quiet_after_s(state, wave)
            return tuple(sorted(ids, key=lambda i: _need(state, every[i], now_s, quiet)))
        case "slowest":
            return tuple(sorted(ids, key=lambda i: -elapsed_s(every[i], now_s)))
        case "dearest":
            return tuple(sorted(ids, key=lambda i: -(every[i].cost_usd or 0.0)))
    return ids


_RANKS = {how: rank for rank, how in enumerate(NEEDS)}
_AFTER = {Stand.QUEUED: len(NEEDS)}


def _need(state: RunState, s: SubtaskState, now_s: float, quiet_s: float) -> int:
    """How little it needs a person: trouble first, what ended well last."""
    how = stand(s, now_s, quiet_after_s=quiet_s, paused=state.paused)
    return _RANKS.get(how, _AFTER.get(how, len(NEEDS) + 1))
