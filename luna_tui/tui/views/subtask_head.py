"""How one subtask stands, in four lines: state, what it used, what its time went into, its neighbours."""

from __future__ import annotations

from luna_tui.core.clean import clean_line
from luna_tui.core.insight import (
    QUIET_FLOOR_S,
    Stand,
    countdown_s,
    dependents,
    elapsed_s,
    quiet_after_s,
    quiet_facts,
    silence_s,
    stand,
)
from luna_tui.core.reasons import reason_words
from luna_tui.core.spent import said_tokens, spent, tokens_per_s
from luna_tui.core.state import RunState, SubtaskState
from luna_tui.core.telling import WAITS
from luna_tui.core.tongue import N_, _, _n
from luna_tui.core.words import Kind, Schedule, Status
from luna_tui.tui.views.glyphs import ROLES, Glyphs
from luna_tui.tui.views.needs_words import wish
from luna_tui.tui.views.spans import Line, Role, Span
from luna_tui.tui.views.text import clock, money, width_of
from luna_tui.tui.views.tool_lines import in_use

_SHOWN_NEIGHBOURS = 6
STATE_WORDS = {
    Stand.QUEUED: N_("queued"), Stand.LIMIT: N_("waits"), Stand.HELD: N_("held"), Stand.ASK: N_("asks"),
    Stand.PAUSED: N_("paused"), Stand.BACKOFF: N_("waits to try again"), Stand.SENT: N_("sent"),
    Stand.STREAMING: N_("streaming"), Stand.TOOL: N_("tool runs"), Stand.QUIET: N_("quiet"),
    Stand.GHOST: N_("ghost"), Stand.OK: N_("ok"), Stand.CACHED: N_("from the cache"),
    Stand.FAILED: N_("failed"), Stand.TIMED_OUT: N_("timed out"), Stand.CANCELLED: N_("cancelled"),
    Stand.SKIPPED: N_("skipped"),
}  # fmt: skip


def now_stands(state: RunState, s: SubtaskState, now_s: float) -> Stand:
    """How the subtask stands, measured by its own wave."""
    usual = quiet_after_s(state, state.waves[s.wave])
    return stand(s, now_s, quiet_after_s=usual, paused=state.paused)


def who(s: SubtaskState) -> str:
    """`try 1 of 3  worker 11`; empty before it started."""
    parts = []
    if s.tries:
        of = max(len(s.tries), s.planned.retries + 1)
        parts.append(_("try {n} of {of}").format(n=s.tries[-1].number, of=max(of, s.tries[-1].number)))
    if s.tries and s.planned.max_turns:
        parts.append(_("turn {n} of {of}").format(n=s.tries[-1].turns, of=s.planned.max_turns))
    if s.worker is not None and s.status is None:
        parts.append(_("worker {n}").format(n=s.worker))
    return "  ".join(parts)


def facts(state: RunState, s: SubtaskState, now_s: float, width: int, g: Glyphs) -> list[Line]:
    """State, used, spent, neighbours: what matters most comes first."""
    took = _spent(s, now_s, short=False)
    took = took if width_of(took) <= width else _spent(s, now_s, short=True)
    return [_state(state, s, now_s, g), _used(s), took, _neighbours(state, s, now_s, g)]


def _label(word: str) -> Span:
    return Span(f"{word:<7}", Role.DIM)


def _state(state: RunState, s: SubtaskState, now_s: float, g: Glyphs) -> Line:
    how = now_stands(state, s, now_s)
    word = _("command runs") if how is Stand.TOOL and s.planned.kind is Kind.COMMAND else _(STATE_WORDS[how])
    detail = _detail(state, s, how, now_s)
    took = "" if how in (Stand.QUEUED, Stand.SKIPPED) else f"  {clock(elapsed_s(s, now_s))}"
    if how is Stand.QUIET:
        word, took = f"{word} {silence_s(s, now_s):.0f} s", ""
    return (
        _label(_("state")),
        Span(f"{g.states[how]} {word}", ROLES[how]),
        Span(took),
        Span(f" {detail}" if how is Stand.QUIET else f"  {detail}" if detail else ""),
    )


def _detail(state: RunState, s: SubtaskState, how: Stand, now_s: float) -> str:
    """What it waits for, or why it ended, compared with what is usual."""
    match how:
        case Stand.QUIET:
            usual, _seen = quiet_facts(state, state.waves[s.wave])
            if usual is None:
                return _("(unusual from {s:.0f} s on)").format(s=QUIET_FLOOR_S)
            return _("(p95 of this wave {s:.0f} s)").format(s=usual)
        case Stand.QUEUED:
            return _queued(state, s)
        case Stand.ASK if any(ask.subtask == s.id for ask in state.asks.values()):
            return _asked(state, s, now_s)
        case Stand.LIMIT | Stand.HELD | Stand.ASK | Stand.PAUSED | Stand.BACKOFF:
            return _waits(s, now_s)
        case Stand.SENT:
            return _("no token yet")
        case Stand.TOOL:
            return in_use(s, now_s) if s.planned.kind is Kind.CLAUDE else clean_line(s.tool or "")
        case Stand.GHOST:
            return _("its end was asked for, its thread is still there")
        case Stand.FAILED | Stand.TIMED_OUT | Stand.CANCELLED | Stand.SKIPPED:
            return clean_line(reason_words(s.reason))
    return ""


def _asked(state: RunState, s: SubtaskState, now_s: float) -> str:
    """What it asks for first, since when, and how many more it asks for."""
    asks = [ask for ask in state.asks.values() if ask.subtask == s.id]
    what = wish(asks[0].tool, asks[0].summary, question=asks[0].question)
    since = _("for {time} now").format(time=clock(now_s - asks[0].since))
    more = _n(", and {n} more", ", and {n} more", len(asks) - 1).format(n=len(asks) - 1) if asks[1:] else ""
    return _("{since} (a answers): {what}{more}").format(since=since, what=what, more=more)


def _queued(state: RunState, s: SubtaskState) -> str:
    open_needs = [state.subtasks[i] for i in s.planned.depends_on if i in state.subtasks]
    labels = [n.label for n in open_needs if n.status is None]
    if labels:
        return _("after {what}").format(what=_some(labels))
    if state.waves[s.wave].started_at is None:
        return _("its wave has not begun")
    return _("for a worker")


def _waits(s: SubtaskState, now_s: float) -> str:
    parts = [_("for {what}").format(what=_(WAITS[s.waiting]))] if s.waiting is not None else []
    left = countdown_s(s, now_s)
    if left is not None:
        parts.append(_("about {time}").format(time=clock(left)))
    text = ", ".join(parts)
    failed = s.tries[-1].message if s.tries and s.tries[-1].error_kind else ""
    return f"{text}; {clean_line(failed)}" if failed else text


def _used(s: SubtaskState) -> Line:
    if s.planned.kind is not Kind.CLAUDE:
        said = _n("{n:,} character", "{n:,} characters", s.chars).format(n=s.chars)
        return (_label(_("used")), Span(_("no tokens: a command; said {said}").format(said=said)))
    counted = s.output_tokens
    under_way, sure = said_tokens(s)
    out = f"{counted:,}" if sure or not s.running else f"~{counted + under_way:,}"
    if not s.input_tokens and not s.running:
        text = _("nothing so far") if s.status is None else _("nothing that was counted")
        return (_label(_("used")), Span(text))
    given = f"{s.input_tokens:,}" if s.input_tokens else "?"
    text = _("in {n}").format(n=given)
    if s.cache_read_tokens:
        text += _(" (cache read {n:,})").format(n=s.cache_read_tokens)
    text += "  " + _("out {n}").format(n=out)
    price = f"  {money(s.cost_usd)}" if s.cost_usd is None else f"  ${s.cost_usd:.3f}"
    return (_label(_("used")), Span(text), Span(price, Role.STRONG))


def _spent(s: SubtaskState, now_s: float, *, short: bool) -> Line:
    """What its time went into; waits that it never had are left out, except for the limits."""
    if not s.spans and not s.tries:
        return (_label(_("spent")), Span(_("no time yet"), Role.DIM))
    took = spent(s, now_s)
    asks = s.planned.kind is Kind.CLAUDE
    first = _("first token") if asks else _("until it spoke")
    parts = [(took.limit_s, _("limit") if short else _("limit wait"))] if asks else []
    if took.whole_s:
        parts.append((took.whole_s, _("in the try")))
    else:
        parts += [
            (took.first_token_s, _("1st token") if short and asks else first),
            (took.stream_s, _("stream") if asks else _("output")),
        ]
    more = (
        (took.backoff_s, _("backoff")),
        (took.held_s, _("held")),
        (took.asked_s, _("asked")),
        (took.earlier_s, _("earlier") if short else _("earlier tries")),
    )
    parts += [(seconds, word) for seconds, word in more if seconds >= 1.0]
    spans: list[Span] = [_label(_("spent"))]
    for n, (seconds, word) in enumerate(parts):
        spans += [Span(f"{'  ' if n else ''}{clock(seconds)}"), Span(f" {word}", Role.DIM)]
    return tuple(spans)


def _neighbours(state: RunState, s: SubtaskState, now_s: float, g: Glyphs) -> Line:
    feeds = dependents(state, s.id)
    critical = _("on the critical path") if _critical(state, s) else ""
    spans = [_label(_("needs")), *_marked(state, s.planned.depends_on, now_s, g)]
    spans += [Span("   "), Span(_("feeds") + "  ", Role.DIM), *_marked(state, feeds, now_s, g)]
    return (*spans, Span(f"   {critical}" if critical else "", Role.ACCENT))


def _critical(state: RunState, s: SubtaskState) -> bool:
    """It begins the longest row that is left, or its wave waits for nothing else."""
    if s.status is not None:
        return False
    wave = state.waves[s.wave]
    if s.chain > 1 and s.chain >= wave.chains.longest:
        return True
    last_of_wave = wave.ended + 1 == len(wave.subtasks) and wave.number < len(state.waves)
    return last_of_wave and state.plan.schedule is Schedule.WAVES


def _marked(state: RunState, ids: tuple[str, ...], now_s: float, g: Glyphs) -> list[Span]:
    """`1.04 ✓  1.09 ✓ and 3 more`."""
    known = [state.subtasks[i] for i in ids if i in state.subtasks]
    if not known:
        return [Span(_("nothing"), Role.DIM)]
    spans: list[Span] = []
    for n, other in enumerate(known[:_SHOWN_NEIGHBOURS]):
        how = stand(other, now_s, paused=state.paused)
        spans += [Span(f"{'  ' if n else ''}{other.label} "), Span(g.states[how], ROLES[how])]
    if len(known) > _SHOWN_NEIGHBOURS:
        spans.append(Span(_(" and {n} more").format(n=len(known) - _SHOWN_NEIGHBOURS), Role.DIM))
    return spans


def _some(labels: list[str]) -> str:
    shown = " ".join(labels[:_SHOWN_NEIGHBOURS])
    more = len(labels) - _SHOWN_NEIGHBOURS
    return shown if more <= 0 else _("{shown} and {n} more").format(shown=shown, n=more)


def speed_line(s: SubtaskState, how: Stand, following: bool, g: Glyphs) -> Line:
    """`follow on · 612 tok · 38 tok/s before the gap`."""
    parts = [_("follow on") if following else _("follow off")]
    if s.planned.kind is Kind.CLAUDE:
        count, sure = said_tokens(s)
        parts.append(_("{n} tok").format(n=f"{count:,}" if sure else f"~{count:,}"))
        speed = tokens_per_s(s)
        if speed is not None:
            text = _("{n:.0f} tok/s before the gap") if how is Stand.QUIET else _("{n:.0f} tok/s")
            parts.append(text.format(n=speed))
    else:
        parts.append(_n("{n:,} character", "{n:,} characters", s.chars).format(n=s.chars))
    if s.status is Status.SUCCEEDED and s.output_file:
        parts.append(s.output_file)
    return (Span(f" {g.dot} ".join(parts), Role.DIM),)
