"""The report: what the run came to, or came to so far."""

from __future__ import annotations

from collections.abc import Sequence

from luna_tui.core.clean import clean_line
from luna_tui.core.failure_words import failure_words
from luna_tui.core.figures import bounds_in_words, lost_in_words
from luna_tui.core.insight import summed_s
from luna_tui.core.lanes import critical_so_far
from luna_tui.core.metrics import Measured, most_workers
from luna_tui.core.offering import offer_words
from luna_tui.core.outcome import exit_code
from luna_tui.core.reasons import reason_words
from luna_tui.core.report_facts import (
    Failed,
    Offer,
    SetAside,
    failures_of,
    processes_of,
    set_aside,
    stopped_by,
)
from luna_tui.core.state import RunState, SubtaskState, WaveState
from luna_tui.core.tongue import N_, _, _n
from luna_tui.core.words import BAD, GOOD, Status
from luna_tui.tui.views.bars import run_word
from luna_tui.tui.views.frame import title
from luna_tui.tui.views.glyphs import Glyphs, glyphs_for
from luna_tui.tui.views.needs_words import sandbox_words
from luna_tui.tui.views.pages import without_air
from luna_tui.tui.views.spans import Line, Looks, Role, Span
from luna_tui.tui.views.text import cell_len, clock, fit, money, pad, tokens, wrap

_LABEL = 10
_FIGURE = 8
_MOST_WAVES = 6
_COUNTS = (
    (Status.SUCCEEDED, N_("ok")),
    (Status.CACHED, N_("from cache")),
    (Status.FAILED, N_("failed")),
    (Status.TIMED_OUT, N_("timed out")),
    (Status.CANCELLED, N_("cancelled")),
    (Status.SKIPPED, N_("skipped")),
)
_WORDS = dict(_COUNTS)


def report_lines(
    state: RunState,
    now_s: float,
    looks: Looks,
    *,
    folder: str,
    found: Measured | None,
    offered: Sequence[Offer] = (),
    orphaned: bool = False,
) -> list[Line]:
    """All lines of the report page; `found` is None while it is not known, `offered` are commands.

    `orphaned`: it has no end, and nobody works on it.
    """
    g = glyphs_for(looks.ascii)
    over = state.finished is not None
    lines: list[Line] = [_title(state, now_s, looks, g), _verdict(state, now_s, orphaned=orphaned), ()]
    lines += _speed(state, now_s, found, over=over)
    lines += _critical(state, now_s, looks, g)
    lines += _costs(state)
    lines += _limits(state)
    lines += _went_on(state)
    lines += _agents(state, g)
    lines += [(), *_waves(state, now_s, looks, g), *_bad(state, looks, g)]
    lines += [(), *_after(state, folder, offered, looks, g)]
    return without_air(lines, looks.height - 2)


def _title(state: RunState, now_s: float, looks: Looks, g: Glyphs) -> Line:
    right = clock(now_s) if state.finished is None else clock(state.finished.wall_s)
    usd = state.cost_usd if state.finished is None else state.finished.cost_usd
    if usd is None and state.finished is not None and not state.unpriced:
        usd = 0.0  # nothing was used that could have a price
    price = money(usd) + ("+?" if state.unpriced and usd is not None else "")
    if state.simulated and usd:
        price = _("would have cost {usd}").format(usd=price)
    return title(state, _("REPORT"), state.plan.name, looks, g, right=f"{right}   {price}")


def _verdict(state: RunState, now_s: float, *, orphaned: bool) -> Line:
    """How it stands, how many ended how, and the exit code."""
    word, role = (_("INTERRUPTED"), Role.BAD) if orphaned else run_word(state, now_s)
    spans = [Span(word, role)]
    for status, name in _COUNTS:
        count = state.counts.get(status, 0)
        if count:
            bad = Role.BAD if status in BAD else Role.STRONG
            spans.append(Span(f"  {count} {_(name)}", bad))
    if state.finished is None:
        left = len(state.subtasks) - state.ended
        spans.append(Span(_("  {n} to come; this is the report so far").format(n=left), Role.DIM))
    else:
        spans.append(Span(_("   exit {code}").format(code=int(exit_code(state))), Role.DIM))
    return tuple(spans)


def _label(name: str) -> Span:
    return Span(pad(name, _LABEL), Role.DIM)


def _row(name: str, figure: str, text: str, role: Role = Role.TEXT) -> Line:
    return (_label(name), Span(pad(figure, _FIGURE), role), Span(text))


def _speed(state: RunState, now_s: float, found: Measured | None, *, over: bool) -> list[Line]:
    end = state.finished
    wall_s = end.wall_s if end is not None else now_s
    sum_s = end.sum_s if end is not None else summed_s(state, now_s)
    speed = end.speedup if end is not None else (sum_s / wall_s if wall_s > 0 else None)
    said = _("measured: {work} of subtask time in {wall}").format(work=clock(sum_s), wall=clock(wall_s))
    lines = [_row(_("speed-up"), f"{speed:.1f}x" if speed else "?", said, Role.GOOD)]
    if found is None:
        lines.append(_row(_("could be"), "?", _("worked out at the end")))
        return lines
    if found.could_be:
        bounds = bounds_in_words(found.bounds, most_workers(state))
        lines.append(
            _row(_("could be"), f"{found.could_be:.1f}x", _("bound: {bounds}").format(bounds=bounds))
        )
    if causes := lost_in_words(found.lost):
        lines.append(_row(_("lost"), clock(found.wall_s - found.bound_s), causes))
    return lines


def _critical(state: RunState, now_s: float, looks: Looks, g: Glyphs) -> list[Line]:
    """The row that no number of workers could have made shorter, and its longest subtask."""
    critical = critical_so_far(state, now_s)
    path = [state.subtasks[i] for i in critical.path]
    if not path:
        return []
    if len(path) == 1:
        return [
            (_label(_("critical")), Span(path[0].label), Span(f"  ({clock(critical.seconds)})", Role.DIM))
        ]
    longest = max(path, key=lambda s: _spent_s(s, now_s))
    alone = _("{time} in a row, {label} alone {its}").format(
        time=clock(critical.seconds), label=longest.label, its=clock(_spent_s(longest, now_s))
    )
    room = looks.width - _LABEL - cell_len(alone) - 5
    chain = _chain([s.label for s in path], max(12, room), g)
    return [(_label(_("critical")), Span(chain), Span(f"  ({alone})", Role.DIM))]


def _chain(labels: list[str], room: int, g: Glyphs) -> str:
    arrow = f" {g.arrow} "
    for shown in range(len(labels), 1, -1):
        tail = labels[len(labels) - shown // 2 :]
        head = labels[: shown - len(tail)]
        text = arrow.join([*head, *([g.cut] if shown < len(labels) else []), *tail])
        if cell_len(text) <= room:
            return text
    return fit(arrow.join(labels), room, g.cut)


def _spent_s(s: SubtaskState, now_s: float) -> float:
    if s.status is not None:
        return s.duration_s
    return sum(t.worked_s(now_s) for t in s.tries)


def _costs(state: RunState) -> list[Line]:
    used = state.tokens
    text = _("in {n}").format(n=tokens(used.input))
    if used.cache_read:
        text += _(" (cache read {n})").format(n=tokens(used.cache_read))
    text += _("  out {n}").format(n=tokens(used.output))
    failed = state.tracks.failed_tries
    if failed:
        known = state.cost_usd is not None or not state.unpriced
        usd = money(state.tracks.failed_usd if known else None)
        text += "   " + _n(
            "{n} try failed, cost {usd}", "{n} tries failed, cost {usd}", failed
        ).format(n=failed, usd=usd)  # fmt: skip
    if state.cost_usd is None and (used.input or used.output):
        text += _("   price unknown")
    return [(_label(_("tokens")), Span(text))]


def _limits(state: RunState) -> list[Line]:
    parts = [_("429 x{n}").format(n=len(state.throttled_at))]
    parts.append(_("529 x{n}").format(n=state.tracks.statuses.get(529, 0)))
    text = ", ".join(parts)
    seen = sum(s.of for s in state.samples)
    waited = {n: sum(s.of for s in state.samples if s.binds == n) for n in ("rpm", "itpm", "otpm")}
    worst = max(waited, key=waited.__getitem__)
    if not seen:
        text += _("; use of the limits was not observed")
    elif waited[worst]:
        said = _("; the {name} cap was reached {share:.0%} of the time")
        text += said.format(name=worst.upper(), share=waited[worst] / seen)
    else:
        text += _("; no cap was ever reached")
    return [(_label(_("limits")), Span(text))]


def _waves(state: RunState, now_s: float, looks: Looks, g: Glyphs) -> list[Line]:
    """A line for each wave; of many those that did not go well, and the last ones."""
    shown = _worth_a_line(state, most=_MOST_WAVES if looks.height <= 24 else looks.height // 2)
    width = min(24, max((cell_len(w.name) for w in shown), default=0))
    digits = len(str(len(state.waves)))
    lines: list[Line] = []
    for wave in shown:
        took = _("not yet")
        if wave.started_at is not None:
            took = clock((now_s if wave.ended_at is None else wave.ended_at) - wave.started_at)
        head = f"{wave.number:>{digits}} {pad(wave.name, width, g.cut)}  {took:>7}  "
        figures = _("{good}/{all} ok").format(good=wave.good, all=len(wave.subtasks))
        role = Role.BAD if wave.failed else Role.TEXT
        why = Span(reason_words(wave.end_reason or wave.reason), Role.DIM)
        lines.append((_label("" if lines else _("waves")), Span(head), Span(f"{figures:>10}  ", role), why))
    hidden = len(state.waves) - len(lines)
    if hidden:
        said = _n("{n} more wave", "{n} more waves", hidden).format(n=hidden)
        lines.append((_label(""), Span(said, Role.DIM)))
    return lines


def _worth_a_line(state: RunState, most: int) -> list[WaveState]:
    waves = list(state.waves.values())
    if len(waves) <= most:
        return waves
    odd = [w for w in waves if w.good < w.ended][: most // 2]
    begun = [w for w in waves if w.started_at is not None and w not in odd]
    return sorted([*odd, *begun[len(odd) - most + 1 :]], key=lambda w: w.number)


def _went_on(state: RunState) -> list[Line]:
    """Who stopped it, and who went on with it; nothing of a run without either."""
    lines: list[Line] = []
    if why := stopped_by(state) or state.not_saved:
        lines.append((_label(_("stopped")), Span(clean_line(reason_words(why)), Role.WARN)))
    if state.away:
        found = processes_of(state)
        said = _("{n} processes worked on it; nobody did for {time}; {i} attempts were interrupted")
        text = said.format(n=found.count, time=clock(found.away_s), i=found.interrupted)
        lines.append((_label(_("resumed")), Span(text)))
    return lines


def _agents(state: RunState, g: Glyphs) -> list[Line]:
    """What agents changed, and what held their commands; nothing of a run without either."""
    lines: list[Line] = []
    for steps in (sandbox_words(state.sandbox)[:1],) if state.sandbox else ():
        lines.append((_label(_("commands")), *steps[0]))
    if not state.changes:
        return lines
    waiting = [c for c in state.changes.values() if not c.settled]
    parts = []
    for word, name in (("accepted", _("accepted")), ("dropped", _("dropped"))):
        if count := sum(c.settled == word for c in state.changes.values()):
            parts.append(f"{count} {name}")
    text = f"{g.changed} " + "  ".join(parts)
    if not waiting:
        return [*lines, (_label(_("changes")), Span(text))]
    labels = [state.subtasks[c.subtask].label for c in waiting]
    shown = " ".join(labels[:6]) + (_(" and {n} more").format(n=len(labels) - 6) if labels[6:] else "")
    look = _("to look at: {labels}").format(labels=shown)
    how = "A" if state.finished is None else f"luna-tui diff {state.run[-4:]}"
    return [*lines, (_label(_("changes")), Span(f"{text}  " if parts else text), Span(look, Role.STATE_ASK),
                     Span(f"   {how}", Role.KEY))]  # fmt: skip


def _bad(state: RunState, looks: Looks, g: Glyphs) -> list[Line]:
    """What did not succeed, by cause, with the labels."""
    lines: list[Line] = []
    groups: list[Failed | SetAside] = [*failures_of(state), *_given_up(state)]
    for group in groups:
        labels = [state.subtasks[i].label for i in group.subtasks]
        shown = " ".join(labels[:8])
        if len(labels) > 8:
            shown += _(" and {n} more").format(n=len(labels) - 8)
        head = pad(_(_WORDS[group.status]), _LABEL, g.cut)
        for n, part in enumerate(wrap(f"{shown}  {_why(group)}", max(20, looks.width - _LABEL))):
            role = Role.BAD if group.status in BAD else Role.DIM
            lines.append((Span(head if n == 0 else " " * _LABEL, role), Span(part)))
    return lines


def _why(group: Failed | SetAside) -> str:
    """The cause; of one subtask alone what was said about it."""
    if isinstance(group, SetAside):
        return clean_line(reason_words(group.reason))
    if len(group.subtasks) == 1 and group.message:
        return clean_line(reason_words(group.message))
    return clean_line(failure_words(group.kind, group.code, reason_words(group.message)))


def _given_up(state: RunState) -> Sequence[SetAside]:
    """Cancelled and skipped ones only at the end, since they are looked for."""
    others = sum(n for status, n in state.counts.items() if status not in GOOD and status not in BAD)
    return set_aside(state) if others and state.finished is not None else ()


def _after(state: RunState, folder: str, offered: Sequence[Offer], looks: Looks, g: Glyphs) -> list[Line]:
    """Where it is kept, and what can be done next."""
    kept = _("not kept")
    if folder and state.finished is not None:
        kept = f"{folder}/  report.md report.json journal.0001.ndjson outputs/"
    elif folder:
        kept = _("{folder}/  journal.0001.ndjson; the report comes with the end").format(folder=folder)
    lines: list[Line] = [(_label(_("files")), Span(kept))]
    if state.finished is None and looks.playing is not None:
        return lines
    if state.finished is None and not offered:
        return [*lines, (_label(_("next")), Span(_("the run is on; esc goes back to it")))]
    work = [o for o in offered if o.subtasks]
    texts = [f"{o.command}   {offer_words(o)}" for o in work]
    texts.append("   ".join(o.command for o in offered if not o.subtasks))
    room = max(20, looks.width - _LABEL)
    parts = [part for text in texts if text for part in wrap(text, room)]
    return [*lines, *((_label("" if n else _("next")), Span(part)) for n, part in enumerate(parts))]
