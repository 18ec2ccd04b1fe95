"""The lines above the grid: the header here; gauges, waiting line and waves in modules of their own."""

from __future__ import annotations

from luna_tui.core.insight import flow, forecast, summed_s
from luna_tui.core.metrics import Measured
from luna_tui.core.reasons import mode_word
from luna_tui.core.state import RunState
from luna_tui.core.tongue import _, _n
from luna_tui.core.words import GOOD, RunStatus, Status, Watching
from luna_tui.tui.views.banner import banner
from luna_tui.tui.views.fitting import Steps, fitted, said
from luna_tui.tui.views.gauges import gauges as gauges
from luna_tui.tui.views.glyphs import Glyphs
from luna_tui.tui.views.needs_words import sandbox_words
from luna_tui.tui.views.spans import Line, Role, Span
from luna_tui.tui.views.strip import strip as strip
from luna_tui.tui.views.text import clock
from luna_tui.tui.views.waiting import waiting_line as waiting_line

_BAD = (Status.FAILED, Status.TIMED_OUT)
_NARROW = 60
_ORDER = (
    "sandbox", "sandbox", "later", "queued", "speed", "speed", "tier", "plan", "word", "not_run", "luna",
    "wave", "banner", "on", "eta", "done", "word", "wave", "wave", "failed", "word", "eta", "wave", "run",
    "eta", "word", "failed", "ask", "ask",
)  # fmt: skip
"""What is said more shortly first when the header is too long; a name again = its next step."""


def run_word(state: RunState, now_s: float) -> tuple[str, Role]:
    """The state of the run in one word, and how it looks."""
    if state.not_saved:
        return _("NOT SAVED"), Role.BANNER
    if state.finished is not None:
        match state.finished.status:
            case RunStatus.SUCCEEDED:
                return _("DONE"), Role.GOOD
            case RunStatus.FAILED:
                return _("FAILED"), Role.BAD
            case RunStatus.HELD:
                return _("HELD"), Role.BANNER
            case RunStatus.CANCELLED:
                return _("STOPPED"), Role.BANNER
    in_flight = state.running
    if state.stopping is not None:
        return _("STOPPING {n} left").format(n=in_flight), Role.BANNER
    if state.paused:
        return (_("PAUSING {n} in flight").format(n=in_flight) if in_flight else _("PAUSED")), Role.BANNER
    return _("RUNNING"), Role.STRONG


def _short_words(state: RunState) -> tuple[str, ...]:
    """The same in fewer letters, and fewer still."""
    if state.finished is not None or state.not_saved:
        return ()
    if state.stopping is not None:
        return _("STOPPING {n}").format(n=state.running), _("STOP")
    if state.paused:
        return (_("PAUSING {n}").format(n=state.running), _("PAUS")) if state.running else (_("PAUS"),)
    return (_("RUN"),)


def header(
    state: RunState,
    now_s: float,
    width: int,
    g: Glyphs,
    *,
    measured: Measured | None = None,
    watching: Watching = Watching.OWN,
) -> Line:
    """Who, where, how it stands, how much is done, and when it may end.

    `measured` lets it say what the speed-up could be at most.
    """
    left = {"luna": _names(state), "plan": said(Role.TEXT, state.plan.name, "")}
    left |= {"wave": said(Role.TEXT, *_waves(state)), "word": _word(state, now_s)}
    left |= {"sandbox": sandbox_words(state.sandbox)}
    left |= {"banner": banner(watching)} | _counts(state, now_s)
    if watching is Watching.LOST:
        left["word"] = ()
    right: dict[str, Steps] = {
        "tier": said(Role.DIM, f"{state.tier} {mode_word(state.mode)}".strip(), ""),
        "speed": said(Role.TEXT, *_speed(state, now_s, measured), ""),
        "eta": _eta(state, now_s, g),
    }
    return fitted(left, _ORDER, width, g.cut, right=right, gap="  " if width >= _NARROW else " ")


def _names(state: RunState) -> Steps:
    run = Span(state.run[-4:], Role.DIM)
    return ((Span("luna ", Role.TITLE), run), (run,)) if state.run else ((Span("luna", Role.TITLE),), ())


def _waves(state: RunState) -> tuple[str, ...]:
    """Which wave of how many; several may be open where waves are labels."""
    wave = state.current_wave
    if wave is None:
        return ("",)
    place = f"{wave.number}/{len(state.waves)}"
    more = f" +{len(state.opened) - 1}" if len(state.opened) > 1 else ""
    full = _("wave {place} {name}").format(place=place, name=wave.name)
    return full + more, f"{place} {wave.name}{more}", place + more, ""


def _word(state: RunState, now_s: float) -> Steps:
    word, role = run_word(state, now_s)
    plain = said(role, word, *_short_words(state), "")
    return ((Span(word, role), Span(f" {clock(now_s)}", Role.DIM)), *plain)


def _counts(state: RunState, now_s: float) -> dict[str, Steps]:
    """How many ended how, and how many are on or still to come."""
    total = len(state.subtasks)
    done = sum(n for s, n in state.counts.items() if s in GOOD)
    failed = sum(state.counts.get(s, 0) for s in _BAD)
    lost = state.ended - done - failed
    parts: dict[str, Steps] = {
        "done": said(Role.STRONG, _("{done}/{total} ok").format(done=done, total=total), f"{done}/{total}")
    }
    if failed:
        told = _n("{n} failed", "{n} failed", failed).format(n=failed)
        parts["failed"] = said(Role.BAD, told, f"{failed}x", "")
    if lost:
        parts["not_run"] = said(Role.DIM, _("{n} not run").format(n=lost), "")
    if state.asks:
        count = len(state.asks)
        parts["ask"] = said(Role.STATE_ASK, _n("{n} asks", "{n} ask", count).format(n=count), f"{count}?", "")
    f = flow(state, now_s)
    for name, count, text in (
        ("on", f.on, _("{n} on")),
        ("queued", f.queued, _("{n} queued")),
        ("later", f.later, _("{n} later")),
    ):
        if count:
            parts[name] = said(Role.TEXT if name == "on" else Role.DIM, text.format(n=count), "")
    return parts


def _eta(state: RunState, now_s: float, g: Glyphs) -> Steps:
    """Time that is left and how far off that may be; unknown while nothing may start."""
    if state.finished is not None:
        return ()
    left = None if state.paused else forecast(state, now_s)
    if left is None:
        return said(Role.DIM, _("ETA ?"), _("ETA ?"), "?", "")
    about = _("ETA {left}").format(left=clock(left[0]))
    return said(Role.STRONG, f"{about} {g.spread}{clock(left[1])}", about, clock(left[0]), "")


def _speed(state: RunState, now_s: float, measured: Measured | None) -> tuple[str, ...]:
    """The speed-up so far beside what it could be at most, where that is known."""
    began_at = state.staff[0][0] if state.staff else 0.0
    if now_s - began_at <= 1.0 or not state.ended:
        return ("",)
    speed = f"{summed_s(state, now_s) / (now_s - began_at):.1f}"
    short = _("speed-up {speed}").format(speed=speed)
    most = measured.could_be if measured is not None else None
    if most is None:
        return short, short
    return _("speed-up {speed} of at most {most}").format(speed=speed, most=f"{most:.1f}"), short
