"""The stop menu: what each stop would keep, drop and take, before anything is stopped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from luna_tui.core.state import RunState, SubtaskState, WaveState
from luna_tui.core.tongue import _, _n
from luna_tui.core.words import Manner, Scope
from luna_tui.tui.views.boxes.effects import ends_in_s, in_flight, used_usd
from luna_tui.tui.views.boxes.frame import Box
from luna_tui.tui.views.boxes.frame import Choice as Row
from luna_tui.tui.views.spans import Line, Role, Span
from luna_tui.tui.views.text import clock, money, tokens


@dataclass(frozen=True, slots=True)
class Choice:
    """One line of the menu; `scope` None = stop nothing."""

    key: str
    does: str
    price: str
    scope: Scope | None = None
    manner: Manner = Manner.NOW
    wave: str | None = None
    subtasks: tuple[str, ...] = ()


def choices(
    state: RunState,
    selected: Sequence[str],
    now_s: float,
    *,
    wave: str | None = None,
    leaving: bool = False,
) -> tuple[Choice, ...]:
    """What can be stopped now, the safe choice first."""
    on = in_flight(state)
    here = [s for i in selected if (s := state.subtasks.get(i)) is not None and s.status is None]
    away = Choice("d", _("leave; the run goes on, luna-tui attach comes back"), "")
    found = [Choice("esc", _("keep watching") if leaving else _("keep running"), "")]
    found += [away] if leaving else []
    found += [_subtasks(state, here, now_s)] if here else []
    one = _wave(state, here, wave)
    if one is not None:
        found += _of_wave(state, one, [s for s in on if s.wave == one.name], now_s)
    found += _of_run(state, on, now_s)
    return tuple(found if leaving else [*found, away])


def stop_box(offered: Sequence[Choice], state: RunState, *, leaving: bool = False) -> Box:
    """The box with these choices."""
    title = _("Leave? The run is on") if leaving else _("Stop what? nothing has been stopped yet")
    foot = _("What ended is kept: luna-tui show {run}").format(run=state.run[-4:])
    facts: tuple[Line, ...] = ()
    if leaving and state.paused:
        said = _("It is paused, and stays so until somebody comes back.")
        facts = ((Span(said, Role.WARN),),)
    return Box(title, facts, tuple(Row(c.key, c.does, c.price) for c in offered), foot)


def _subtasks(state: RunState, here: Sequence[SubtaskState], now_s: float) -> Choice:
    ids = tuple(s.id for s in here)
    if len(here) == 1:
        does = _("this subtask {label} {title}").format(label=here[0].label, title=here[0].planned.title)
    else:
        does = _n("{n} marked subtask", "{n} marked subtasks", len(here)).format(n=len(here))
    on = [s for s in here if s.running]
    price = _("not started yet")
    if on:
        size = tokens(sum(s.chars for s in on) // 4)
        price = _("drops {tokens} tok, {usd} used").format(tokens=size, usd=_used(state, on, now_s))
    return Choice("s", does, price, Scope.SUBTASK, subtasks=ids)


def _wave(state: RunState, here: Sequence[SubtaskState], asked: str | None) -> WaveState | None:
    """The wave that was asked for, or the open wave of what is selected, else the current one."""
    wave = state.waves[asked] if asked else state.wave_of(here[0]) if here else state.current_wave
    if wave is not None and (wave.started_at is None or wave.ended_at is not None):
        wave = state.current_wave
    return None if wave is None or wave.ended_at is not None else wave


def _of_wave(state: RunState, wave: WaveState, on: Sequence[SubtaskState], now_s: float) -> list[Choice]:
    finish = _n(
        "wave {wave}: finish the {n} in flight, start no more",
        "wave {wave}: finish the {n} in flight, start no more",
        len(on),
    )
    now = _("wave {wave} now: keeps {kept}, drops {n} in flight")
    return [
        Choice(
            "w", finish.format(wave=wave.number, n=len(on)), _soon(state, on, now_s),
            Scope.WAVE, Manner.FINISH, wave.name,
        ),
        Choice(
            "W", now.format(wave=wave.number, kept=wave.ended, n=len(on)), _dropped(state, on, now_s),
            Scope.WAVE, Manner.NOW, wave.name,
        ),
    ]  # fmt: skip


def _of_run(state: RunState, on: Sequence[SubtaskState], now_s: float) -> list[Choice]:
    finish = _n(
        "all: finish the {n} in flight, start no more",
        "all: finish the {n} in flight, start no more",
        len(on),
    )
    now = _("all now: keeps {kept}, drops {n} in flight").format(kept=state.ended, n=len(on))
    return [
        Choice("a", finish.format(n=len(on)), _soon(state, on, now_s), Scope.RUN, Manner.FINISH),
        Choice("A", now, _dropped(state, on, now_s), Scope.RUN, Manner.NOW),
    ]


def _soon(state: RunState, on: Sequence[SubtaskState], now_s: float) -> str:
    left = ends_in_s(state, on, now_s)
    if not on:
        return ""
    return _("time not known yet") if left is None else _("about {time}").format(time=clock(left))


def _dropped(state: RunState, on: Sequence[SubtaskState], now_s: float) -> str:
    return _("{usd} used").format(usd=_used(state, on, now_s)) if on else ""


def _used(state: RunState, on: Sequence[SubtaskState], now_s: float) -> str:
    usd = used_usd(state, on, now_s)
    return money(None) if usd is None else _("about {usd}").format(usd=money(usd))
