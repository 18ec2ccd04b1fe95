"""A planning on the screen: its phases, what they took, and the end of what the model writes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from luna_tui.core.clean import clean, clean_line
from luna_tui.core.failure_words import failure_words
from luna_tui.core.insight import Stand
from luna_tui.core.planning import (
    MOST_REPAIRS,
    Phase,
    PlanningFailed,
    PlanningWaiting,
    PlanProposed,
    PlanRepaired,
)
from luna_tui.core.planning_progress import PlanningProgress, Step
from luna_tui.core.prices import Price
from luna_tui.core.tongue import N_, _, _n
from luna_tui.tui.views.frame import body_rows, framed, key_line
from luna_tui.tui.views.glyphs import ROLES, Glyphs, glyphs_for
from luna_tui.tui.views.hints import hints
from luna_tui.tui.views.keys import SCREEN_KEYS
from luna_tui.tui.views.preflight_words import dollars
from luna_tui.tui.views.spans import Line, Looks, Panel, Role, Span
from luna_tui.tui.views.text import cell_len, clock, fit, join, pad, tokens, wrap

TAIL_CHARS = 4_000
"""Of what the model writes; more is never in sight."""
_NAMES = {
    Phase.ANALYSIS: N_("analysis"),
    Phase.STRATEGY: N_("strategy"),
    Phase.DECOMPOSITION: N_("decomposition"),
    Phase.VALIDATION: N_("validation"),
}
_LEAST_STREAM = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanningLook:
    """What is shown."""

    goal: str
    progress: PlanningProgress
    text: str = ""
    """The end of what the model writes."""
    price: Price | None = None
    """Of its tokens; None = not known."""
    failed: str = ""
    """Why there is no plan, with what to do; empty while there may be one."""
    cancelling: bool = False


def planning_view(look: PlanningLook, looks: Looks) -> Panel:
    """The whole screen."""
    g = glyphs_for(looks.ascii)
    rows = body_rows(looks)
    lines = [*_goal(look, looks, g), *_steps(look, looks.width, g), *_end(look, looks.width)]
    stream = _stream(look, looks.width)
    room = max(_LEAST_STREAM, rows - len(lines) - 1) if stream and not look.failed else 0
    if room:
        kept = lines[-(rows - min(room, len(stream)) - 1) :]
        lines = [*kept, (), *stream[-room:]]
    elif len(lines) > rows:
        lines = lines[-rows:] if not look.failed else lines[:rows]
    ids = ("do.retry", "run.leave") if look.failed else ("go.back",)
    keys = key_line(hints(SCREEN_KEYS["planning"], looks.keymap, *ids), looks, g)
    return framed(_head(look, looks, g), Panel(tuple(lines)), keys, looks, g)


def _head(look: PlanningLook, looks: Looks, g: Glyphs) -> Line:
    started = look.progress.started
    left: Line = (Span("luna  ", Role.TITLE), Span(_("PLANNING") + "  ", Role.STRONG))
    if started is not None:
        left = (*left, Span(clean_line(started.model)))
    free = started is not None and started.provider != "anthropic"
    right = _("simulated: nothing is spent") if free else _spent(look)
    return join(left, (Span(right, Role.GOOD if free else Role.ACCENT),), looks.width, g.cut)


def _spent(look: PlanningLook) -> str:
    end = look.progress.end
    if isinstance(end, PlanProposed) and end.cost_usd is not None:
        return dollars(end.cost_usd)
    return _("about {usd} written").format(usd=_cost(look, look.progress.tokens))


def _cost(look: PlanningLook, written: int) -> str:
    if look.price is None:
        return "$?"
    return dollars(written * look.price.output / 1_000_000)


def _goal(look: PlanningLook, looks: Looks, g: Glyphs) -> list[Line]:
    head = _("the rest of {run}") if look.progress.started and look.progress.started.replans else ""
    run = look.progress.started.replans if look.progress.started else ""
    goal = clean_line(look.goal)
    text = f"{head.format(run=run)}: {goal}" if head else goal
    return [(Span(fit(text, looks.width, g.cut), Role.DIM),), ()]


def _steps(look: PlanningLook, width: int, g: Glyphs) -> Iterator[Line]:
    progress = look.progress
    if not progress.steps and progress.hitch is None and progress.end is None:
        yield (Span("  " + _("The request is on its way."), Role.DIM),)
    size = max(cell_len(_(name)) for name in _NAMES.values())
    for round_ in range(len(progress.repairs) + 1):
        if round_:
            yield from _repair(progress.repairs[round_ - 1], width)
        for step in progress.steps:
            if step.round == round_:
                yield _step(look, step, size, width, g)
    if progress.hitch is not None:
        yield from ((Span("  " + part, Role.WARN),) for part in wrap(_hitch(look), max(8, width - 2)))


def _step(look: PlanningLook, step: Step, size: int, width: int, g: Glyphs) -> Line:
    ended = look.progress.end is not None
    stand = Stand.OK if step.done else Stand.CANCELLED if ended else Stand.STREAMING
    parts = [clock(step.seconds).rjust(6)]
    if step.phase is not Phase.VALIDATION:
        parts += [_("{n} tokens").format(n=tokens(step.tokens)).rjust(12), _cost(look, step.tokens)]
    if step.subtasks and not step.done:
        parts.append(_n("{n} subtask", "{n} subtasks", step.subtasks).format(n=step.subtasks))
    name = pad(_(_NAMES[step.phase]), size)
    rest = fit("  ".join(parts), max(0, width - size - 6), g.cut)
    return (Span(f"  {g.states[stand]} ", ROLES[stand]), Span(f"{name}  "), Span(rest, Role.DIM))


def _repair(repair: PlanRepaired, width: int) -> Iterator[Line]:
    count = len(repair.problems)
    text = _n("repair {n} of {most}: {count} mistake", "repair {n} of {most}: {count} mistakes", count)
    yield (Span("  " + text.format(n=repair.round, most=MOST_REPAIRS, count=count), Role.WARN),)
    for problem in repair.problems[:3]:
        yield (Span(fit(f"      {clean_line(problem)}", width), Role.DIM),)
    if count > 3:
        yield (Span("      " + _n("and {n} more", "and {n} more", count - 3).format(n=count - 3), Role.DIM),)


def _hitch(look: PlanningLook) -> str:
    hitch = look.progress.hitch
    if isinstance(hitch, PlanningWaiting):
        if hitch.expected_s:
            text = _("waits for {reason}, about {time}")
            return text.format(reason=hitch.reason.value.upper(), time=clock(hitch.expected_s))
        return _("waits for {reason}").format(reason=hitch.reason.value.upper())
    if hitch is None:
        return ""
    why = failure_words(hitch.error_kind.value, hitch.status, clean_line(hitch.message))
    if not hitch.will_retry:
        return _("The request failed: {why}.").format(why=why)
    return _("The request failed ({why}) and is sent again.").format(why=why)


def _end(look: PlanningLook, width: int) -> Iterator[Line]:
    if look.cancelling:
        yield (Span("  " + _("Being cancelled."), Role.WARN),)
    if not look.failed:
        return
    yield ()
    for part in wrap(clean(look.failed), max(8, width - 2)):
        yield (Span("  " + part, Role.BAD),)
    end = look.progress.end
    if isinstance(end, PlanningFailed) and end.raw_file:
        yield ()
        text = _("what it answered last: {path}").format(path=clean_line(end.raw_file))
        for part in wrap(text, max(8, width - 2)):
            yield (Span("  " + part, Role.TEXT),)


def _stream(look: PlanningLook, width: int) -> list[Line]:
    """The answer is JSON, so its line ends are written out; they are shown as what they mean."""
    text = clean(look.text.replace("\\n", "\n").replace('\\"', '"'))
    lines = [part for part in wrap(text, max(8, width)) if part.strip()]
    return [(Span(part, Role.DIM),) for part in lines]
