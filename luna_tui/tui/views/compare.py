"""Two runs beside each other: totals, then what changed, the worst first."""

from __future__ import annotations

from collections.abc import Sequence

from luna_tui.core.clean import clean_line
from luna_tui.core.comparison import (
    NOTABLE_S,
    NOTABLE_SHARE,
    NOTABLE_USD,
    Change,
    Comparison,
    Outcome,
    SubtaskChange,
    Totals,
)
from luna_tui.core.reasons import reason_words
from luna_tui.core.telling import ENDS
from luna_tui.core.tongue import N_, _, _n
from luna_tui.tui.views.glyphs import Glyphs
from luna_tui.tui.views.spans import Line, Role, Span
from luna_tui.tui.views.text import cell_len, clock, fit, fit_line, money, pad, tokens, wrap

_HEADS = {
    Change.BROKEN: N_("failed anew"),
    Change.SLOWER: N_("slower"),
    Change.DEARER: N_("dearer"),
    Change.REMOVED: N_("removed"),
    Change.ADDED: N_("added"),
    Change.FIXED: N_("fixed"),
    Change.FASTER: N_("faster"),
    Change.CHEAPER: N_("cheaper"),
}
_ROLES = {
    Change.BROKEN: Role.BAD,
    Change.SLOWER: Role.WARN,
    Change.DEARER: Role.WARN,
    Change.FIXED: Role.GOOD,
    Change.FASTER: Role.GOOD,
    Change.CHEAPER: Role.GOOD,
}
_FIGURE = 9
_NAME_SHARE = 3
"""A name takes at most one part of this many of the width."""


def compare_lines(found: Comparison, names: tuple[str, str], width: int, g: Glyphs) -> list[Line]:
    """All lines, none wider than `width`; `names` are short names of the two runs."""
    lines = [*_head(found, names, width, g), (), *_totals(found, names)]
    for change in Change:
        changed = found.having(change)
        if changed:
            lines += [(), _group_head(change, len(changed)), *_rows(change, changed, width, g)]
    same = _unchanged(found)
    said = _n("{n} subtask changed in nothing", "{n} subtasks changed in nothing", same).format(n=same)
    lines += [(), (Span(said, Role.DIM),), *_threshold(width)]
    return [fit_line(line, width, g.cut) for line in lines]


def _head(found: Comparison, names: tuple[str, str], width: int, g: Glyphs) -> list[Line]:
    before, after = (clean_line(t.plan) for t in (found.before, found.after))
    plans = after if before == after else f"{before} {g.arrow} {after}"
    first: Line = (
        Span("luna  ", Role.TITLE),
        Span(_("COMPARE") + "  ", Role.STRONG),
        Span(f"{names[0]} {g.arrow} {names[1]}  {plans}"),
    )
    same = {
        True: (_("The same plan."), Role.DIM),
        False: (_("Another plan: subtasks are matched by their ids."), Role.WARN),
        None: (_("Whether it is the same plan is not known."), Role.DIM),
    }
    text, role = same[found.same_plan]
    open_ones = [name for name, t in zip(names, (found.before, found.after), strict=True) if not t.over]
    if open_ones:
        text += " " + _("{runs}: not over, figures so far.").format(runs=", ".join(open_ones))
        role = Role.WARN
    return [first, *((Span(part, role),) for part in wrap(text, width))]


def _totals(found: Comparison, names: tuple[str, str]) -> list[Line]:
    before, after = found.before, found.after
    label = max(cell_len(name) for name, _was, _now, _more, _role in _figures(before, after))
    size = max(_FIGURE, *(cell_len(n) for n in names))
    lines: list[Line] = [
        (Span(" " * label + "  "), Span(f"{names[0]:>{size}}  {names[1]:>{size}}", Role.DIM))
    ]
    for name, was, now, more, role in _figures(before, after):
        lines.append(
            (
                Span(pad(name, label) + "  ", Role.DIM),
                Span(f"{was:>{size}}  "),
                Span(f"{now:>{size}}", Role.STRONG),
                Span(f"  {more}" if more else "", role),
            )
        )
    return lines


def _figures(was: Totals, now: Totals) -> list[tuple[str, str, str, str, Role]]:
    """(name, before, after, how it changed, how that is meant)."""
    usd = None if was.cost_usd is None or now.cost_usd is None else (was.cost_usd, now.cost_usd)
    faster = ("", Role.DIM)
    if was.speedup and now.speedup:
        faster = _moved(now.speedup, was.speedup, f"{now.speedup - was.speedup:+.1f}", 0.1)
    return [
        (_("ok"), f"{was.good}/{was.subtasks}", f"{now.good}/{now.subtasks}", "", Role.DIM),
        (
            _("time"), clock(was.wall_s), clock(now.wall_s),
            *_moved(was.wall_s, now.wall_s, _more_s(now.wall_s - was.wall_s), NOTABLE_S),
        ),
        (_("speed-up"), _times(was.speedup), _times(now.speedup), *faster),
        (
            _("cost"), money(was.cost_usd), money(now.cost_usd),
            *(_moved(*usd, _more_usd(usd[1] - usd[0]), NOTABLE_USD) if usd else ("", Role.DIM)),
        ),
        (_("tokens in"), tokens(was.input_tokens), tokens(now.input_tokens),
         *_counted(was.input_tokens, now.input_tokens, by_share=True)),
        (_("tokens out"), tokens(was.output_tokens), tokens(now.output_tokens),
         *_counted(was.output_tokens, now.output_tokens, by_share=True)),
        ("429", str(was.throttled), str(now.throttled), *_counted(was.throttled, now.throttled)),
        (_("failed tries"), str(was.failed_tries), str(now.failed_tries),
         *_counted(was.failed_tries, now.failed_tries)),
    ]  # fmt: skip


def _moved(was: float, now: float, more: str, least: float) -> tuple[str, Role]:
    """How far a figure moved, of which more is worse; nothing where that is not worth a word."""
    if abs(now - was) < least / 2:
        return "", Role.DIM
    share = f"  {(now - was) / was:+.0%}" if was > 0 else ""
    notable = abs(now - was) >= least and abs(now - was) >= NOTABLE_SHARE * min(was, now)
    role = (Role.WARN if now > was else Role.GOOD) if notable else Role.DIM
    return f"{more}{share}", role


def _counted(was: int, now: int, *, by_share: bool = False) -> tuple[str, Role]:
    if was == now:
        return "", Role.DIM
    if by_share:
        return (f"{(now - was) / was:+.0%}" if was else ""), Role.DIM
    return f"{now - was:+d}", Role.WARN if now > was else Role.GOOD


def _times(factor: float | None) -> str:
    return f"{factor:.1f}x" if factor else "?"


def _more_s(seconds: float) -> str:
    sign = "+" if seconds >= 0 else "-"
    return f"{sign}{_exact(abs(seconds))}"


def _exact(seconds: float) -> str:
    """Tenths where they say something."""
    return f"{seconds:.1f} s" if seconds < 10 else clock(seconds)


def _more_usd(usd: float) -> str:
    return f"{'+' if usd >= 0 else '-'}{money(abs(usd))}"


def _group_head(change: Change, count: int) -> Line:
    return (Span(f"{_(_HEADS[change])}  ", _ROLES.get(change, Role.STRONG)), Span(str(count), Role.DIM))


def _rows(change: Change, changed: Sequence[SubtaskChange], width: int, g: Glyphs) -> list[Line]:
    longest = max(cell_len(clean_line(s.subtask)) for s in changed)
    size = max(8, min(longest, width // _NAME_SHARE))
    return [
        (Span(f"  {pad(clean_line(s.subtask), size, g.cut)}  "), Span(_told(change, s, g), Role.DIM))
        for s in changed
    ]


def _told(change: Change, s: SubtaskChange, g: Glyphs) -> str:
    was, now = s.before, s.after
    match change:
        case Change.SLOWER | Change.FASTER if was and now:
            return f"{_exact(was.seconds)} {g.arrow} {_exact(now.seconds)}   {_more_s(s.gained_s)}"
        case Change.DEARER | Change.CHEAPER if was and now:
            return f"{money(was.cost_usd)} {g.arrow} {money(now.cost_usd)}   {_more_usd(s.gained_usd)}"
        case Change.BROKEN if now:
            return f"{_end(now)}: {clean_line(reason_words(now.reason))}" if now.reason else _end(now)
        case Change.FIXED if was:
            why = clean_line(reason_words(was.reason))
            return _("before: {how}").format(how=f"{_end(was)}: {why}" if why else _end(was))
    one = now or was
    return f"{_end(one)}  {fit(clean_line(s.title), 40, g.cut)}" if one else ""


def _end(outcome: Outcome) -> str:
    return _(ENDS[outcome.status]) if outcome.status else _("not ended")


def _unchanged(found: Comparison) -> int:
    new = sum(Change.ADDED in s.changes for s in found.subtasks)
    both = sum(s.before is not None and s.after is not None for s in found.subtasks)
    return found.after.subtasks - new - both


def _threshold(width: int) -> list[Line]:
    said = _(
        "slower, dearer: by {share:.0%} and at least {s:g} s or {usd}; only of what succeeded in both"
    ).format(share=NOTABLE_SHARE, s=NOTABLE_S, usd=money(NOTABLE_USD))
    return [(Span(part, Role.DIM),) for part in wrap(said, width)]
