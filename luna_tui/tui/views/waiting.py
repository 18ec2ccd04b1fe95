"""The waiting line: what is in flight, and what the rest waits for, in sentences."""

from __future__ import annotations

from luna_tui.core.insight import Flow, flow
from luna_tui.core.line import BARRIER, DEPENDENCY, TAIL, WAVE_LIMIT, IdleWorkers, idle_workers
from luna_tui.core.reasons import reason_words
from luna_tui.core.state import RunState
from luna_tui.core.tongue import N_, _, _n
from luna_tui.core.words import LIMIT_REASONS, WaitReason
from luna_tui.tui.views.fitting import Steps, fitted, said
from luna_tui.tui.views.glyphs import Glyphs
from luna_tui.tui.views.spans import Line, Role
from luna_tui.tui.views.text import clock, tokens

_FOREIGN_SHARE = 0.1
"""Part of a limit that others must use before the screen says so; less is the estimate's own noise."""
_RECENT_S = 60.0
_REASONS = {
    WaitReason.BUDGET: N_("budget"),
    WaitReason.APPROVAL: N_("approval"),
    WaitReason.PAUSED: N_("paused"),
    WaitReason.BACKOFF: N_("backoff"),
    WaitReason.RETRY_AFTER: N_("retry-after"),
    WaitReason.SLOT: N_("slot"),
    WaitReason.RAMP: N_("first answers"),
}
_SLOW_DISK_S = 15.0
"""How long a slow disk is worth a word."""
_ORDER = (
    "disk", "more", "quiet", "queued", "flight", "queued", "idle", "others", "refused", "waits", "flight",
    "idle", "others", "refused", "waits", "waits", "paused", "flight", "waits", "paused", "flight", "waits",
    "paused",
)  # fmt: skip
"""What is said more shortly first when the line is too long; a name again = its next step."""


def waiting_line(state: RunState, now_s: float, width: int, g: Glyphs) -> Line:
    """What is in flight and what the rest waits for, in words."""
    if state.not_saved:
        told = {"told": said(Role.BAD, _("NOT SAVED: {why}").format(why=reason_words(state.not_saved)))}
        return fitted(told, (), width, g.cut)
    if state.finished is not None:
        took = clock(state.finished.wall_s)
        ended = said(
            Role.DIM,
            _("ended after {took}   R report   q leave").format(took=took),
            _("ended after {took}").format(took=took),
            took,
        )
        return fitted({"ended": ended}, ("ended", "ended"), width, g.cut)
    f = flow(state, now_s)
    parts: dict[str, Steps] = {"flight": said(Role.TEXT, *_in_flight(state, f))}
    if state.stopping is not None:
        parts["paused"] = said(Role.WARN, _("Stopping: nothing more starts."), _("Stopping."), "", "")
    elif state.paused:
        parts["paused"] = said(
            Role.WARN,
            _("Paused: nothing more starts; p goes on."),
            _("Paused: nothing more starts."),
            _("Paused."),
            "",
        )
    if state.slow_disk_s and now_s - state.slow_disk_at < _SLOW_DISK_S:
        parts["disk"] = said(
            Role.WARN, _("Disk slow: {n:.1f} s to save.").format(n=state.slow_disk_s), _("Disk slow.")
        )
    parts |= {"waits": _waits(f), "idle": _idle(state), "queued": _queued(state, f), "others": _others(state)}
    parts |= _refused(state, now_s)
    if f.on and _useful(state, f) in range(1, f.on + 1):
        parts["more"] = said(Role.DIM, _("More workers would not be faster."), "")
    return fitted(parts, _ORDER, width, g.cut)


def _useful(state: RunState, f: Flow) -> int | None:
    """How many workers the limits can keep busy; None when unknown or when there is not that much left."""
    useful = state.limits.useful_workers if state.limits is not None else None
    return None if useful is None or useful >= f.on + f.queued + f.later else useful


def _in_flight(state: RunState, f: Flow) -> tuple[str, ...]:
    """How many are in flight, and how many the limits could keep there at the sizes seen so far."""
    if not f.on:
        return _("Nothing in flight."), _("none in flight"), "0"
    numbers = {"n": f.in_flight, "on": f.on, "useful": _useful(state, f)}
    plain = _("{n} of {on} in flight.").format(**numbers)
    short = _("{n} of {on} in flight").format(**numbers)
    few = f"{f.in_flight}/{f.on}"
    if numbers["useful"] is None:
        return plain, plain, short, few
    return (
        _("{n} of {on} in flight, {useful} useful at this token rate.").format(**numbers),
        _("{n} of {on} in flight, {useful} useful.").format(**numbers),
        short,
        few,
    )


def _waits(f: Flow) -> Steps:
    """Who waits for what, the most frequent first, and when the next one goes on."""
    if not f.waits:
        return ()
    count = sum(n for _reason, n, _left in f.waits)
    timed = ", ".join(_wait(*wait) for wait in f.waits)
    plain = ", ".join(_wait(reason, n, None) for reason, n, _left in f.waits)
    full = _n("{n} waits: {what}", "{n} wait: {what}", count).format(n=count, what=timed)
    short = _n("{n} waits: {what}", "{n} wait: {what}", count).format(n=count, what=plain)
    alone = _n("{n} waits", "{n} wait", count).format(n=count)
    return said(Role.WARN, f"{full}.", full, f"{short}.", plain, alone, "")


def _wait(reason: WaitReason, count: int, left: float | None) -> str:
    limited = reason in LIMIT_REASONS
    name = reason.value.upper() if limited else _(_REASONS[reason])
    if left is None:
        return f"{name} {count}"
    if left >= 60 or not limited:
        return f"{name} {count} ({clock(left)})"
    if left < 0.5:
        return _("{name} {n} (next now)").format(name=name, n=count)
    return _("{name} {n} (next in {left} s)").format(name=name, n=count, left=f"{left:.0f}")


def _idle(state: RunState) -> Steps:
    """Why workers are idle, the most of them first; nothing is said of what is about to begin."""
    told = [idle for idle in idle_workers(state) if idle.reason in (DEPENDENCY, BARRIER, TAIL, WAVE_LIMIT)]
    if not told or not state.on:
        return ()
    idle = max(told, key=lambda one: one.count)
    count = sum(one.count for one in told)
    short = _n("{n} idle.", "{n} idle.", count).format(n=count)
    return said(Role.DIM, f"{short[:-1]}: {_why_idle(state, idle)}.", short, "")


def _why_idle(state: RunState, idle: IdleWorkers) -> str:
    wave = state.waves.get(idle.needs)
    number = wave.number if wave else 0
    match idle.reason:
        case "barrier":
            return _("wave {next} begins when wave {n} has ended").format(next=number + 1, n=number)
        case "wave_limit":
            return _("wave {n} allows no more at once").format(n=number)
        case "dependency":
            keeper = state.subtasks.get(idle.needs)
            if keeper is not None:
                return _("what is left needs {label} first").format(label=keeper.label)
            return _("what is left needs others first")
        case _:
            return _("nothing is left to begin")


def _queued(state: RunState, f: Flow) -> Steps:
    if not f.queued or state.paused or state.stopping is not None:
        return ()
    blocked = sum(w.blocked for w in state.opened.values())
    short = _("{n} queued.").format(n=f.queued)
    full = _("{n} queued for a worker.").format(n=f.queued)
    if blocked:
        full = _("{n} queued, {blocked} of them need others first.").format(n=f.queued, blocked=blocked)
    return said(Role.DIM, full, short, "")


def _others(state: RunState) -> Steps:
    """What others are believed to take of the limits we share, where it is worth a word."""
    if state.limits is None:
        return ()
    named = (("RPM", state.limits.rpm), ("ITPM", state.limits.itpm), ("OTPM", state.limits.otpm))
    name, gauge = max(named, key=lambda pair: pair[1].foreign / max(1, pair[1].limit))
    if gauge.foreign < _FOREIGN_SHARE * gauge.limit:
        return ()
    used = f"{tokens(gauge.foreign)} {name}"
    return said(
        Role.WARN, _("Others use {used}.").format(used=used), _("Others: {used}.").format(used=used), ""
    )


def _refused(state: RunState, now_s: float) -> dict[str, Steps]:
    """Answers with 429 in the last minute; that there were none goes first."""
    count = 0
    for at in reversed(state.throttled_at):
        if now_s - at > _RECENT_S:
            break
        count += 1
    full = _("429 in the last minute: {n}.").format(n=count)
    if not count:
        return {"quiet": said(Role.DIM, full, "")} if state.limits is not None else {}
    return {"refused": said(Role.WARN, full, f"429: {count}.", "")}
