"""A preflight in words and figures; the same on the screen and on the command line."""

from __future__ import annotations

from collections.abc import Sequence

from luna_tui.core.clean import clean_line
from luna_tui.core.limits import SHARES, WorkerRule
from luna_tui.core.metrics import CRITICAL_PATH, WORKERS
from luna_tui.core.preflight import Preflight, Prospect, Terms
from luna_tui.core.reasons import mode_word
from luna_tui.core.survey import GUESSED_SHARES, TOLD_SHARES, Expense
from luna_tui.core.tongue import N_, _, _n
from luna_tui.tui.views.columns import Column
from luna_tui.tui.views.spans import Role
from luna_tui.tui.views.text import cell_len, clock, money, tokens

COLUMNS = (
    Column("wave", N_("wave"), left=True),
    Column("subtasks", N_("subtasks"), keep=8),
    Column("workers", N_("workers"), keep=3),
    Column("in", N_("tokens in"), keep=7),
    Column("out", N_("out"), least=5, keep=6),
    Column("low", N_("$ low"), keep=4),
    Column("likely", N_("likely"), keep=9),
    Column("high", N_("high"), least=5, keep=5),
    Column("time", N_("time"), least=5, keep=10),
    Column("span", N_("between"), keep=0),
    Column("least", N_("at least"), keep=2),
    Column("bound", N_("bound by"), keep=1, left=True),
)
NONE = "-"
UNKNOWN = "?"
_MOST_NAMED = 2

Sentence = tuple[str, Role]


def heads() -> tuple[str, ...]:
    """Titles of the columns, in the language of the interface."""
    return tuple(_(c.head) for c in COLUMNS)


def wave_row(w: Prospect) -> tuple[str, ...]:
    """A wave, or all of the plan, as the columns show it."""
    name = f"{w.number} {clean_line(w.name)}" if w.number else _("all")
    taken, given, low, likely, high = NONE, NONE, NONE, NONE, NONE
    if w.asks:
        taken, given = tokens(round(w.input_tokens.likely)), tokens(round(w.output_tokens.likely))
        cost = w.cost_usd
        low, likely, high = (
            (UNKNOWN,) * 3 if cost is None else (usd(cost.low), usd(cost.likely), usd(cost.high))
        )
    time, span, least = NONE, NONE, NONE
    if w.seconds is not None:
        time, span, least = clock(w.seconds), _span(w.quick_s, w.slow_s), clock(w.least_s)
    workers = str(min(w.workers, w.useful) or NONE) if w.number else ""
    return (
        name, str(w.subtasks), workers, taken, given, low, likely, high,
        time, span, least, bound_word(w),
    )  # fmt: skip


def subtask_row(e: Expense) -> tuple[str, ...]:
    """A subtask as the columns show it."""
    s = e.subtask
    taken, given, low, likely, high = NONE, NONE, NONE, NONE, NONE
    if e.asks:
        taken, given = tokens(round(e.input_tokens.likely)), tokens(round(e.output_tokens.likely))
        cost = e.cost_usd
        low, likely, high = (
            (UNKNOWN,) * 3 if cost is None else (usd(cost.low), usd(cost.likely), usd(cost.high))
        )
    needs = " ".join(s.depends_on)
    time, span = clock(e.job.seconds), _span(e.seconds.low, e.seconds.high)
    return ("", "", "", taken, given, low, likely, high, time, span, "", needs)


def _span(quick_s: float, slow_s: float) -> str:
    quick, slow = clock(quick_s), clock(slow_s)
    return quick if quick == slow else f"{quick}-{slow}"


def usd(amount: float) -> str:
    """`4.13`; what is too little to show is not shown as nothing."""
    return "<0.01" if 0.0 < amount < 0.005 else f"{amount:,.2f}"


def dollars(amount: float) -> str:
    """`$4.13`; what is too little to show is not shown as nothing."""
    text = usd(amount)
    return f"<${text[1:]}" if text.startswith("<") else f"${text}"


def bound_word(w: Prospect) -> str:
    """What makes it as long as it is, in one or two words."""
    if not w.bound_by:
        return NONE
    if w.bound_by == CRITICAL_PATH:
        return _("longest chain") if len(w.path) > 1 else _("longest subtask")
    return _("workers") if w.bound_by == WORKERS else w.bound_by.upper()


def terms_line(terms: Terms, width: int) -> str:
    """Share of the limits, workers and budget."""
    share = round(SHARES[terms.mode] * 100)
    budget = _("no budget")
    if terms.budget_usd is not None:
        budget = _("budget {usd}").format(usd=money(terms.budget_usd))
    long = _("{tier} {mode}, {share} % of the limits   {workers}   {budget}")
    short = _("{tier} {mode}  {workers}  {budget}")
    texts = [
        form.format(
            tier=terms.tier, mode=mode_word(terms.mode), share=share, workers=staff(terms.rule), budget=budget
        )
        for form in (long, short)
    ]
    return texts[0] if cell_len(texts[0]) <= width else texts[1]


def staff(rule: WorkerRule) -> str:
    """How many workers there are."""
    if rule.automatic:
        return _("as many workers as the limits can use")
    return _n("{n} worker", "{n} workers", rule.most).format(n=rule.most)


def sentences(p: Preflight) -> list[Sentence]:
    """What follows from the figures; what matters most comes first."""
    return [
        (_bound(p), Role.TEXT),
        *_too_long(p),
        *_budget(p),
        *_unpriced(p),
        *_commands(p),
        *_agents(p),
        *_sources(p),
    ]


def _bound(p: Preflight) -> str:
    total = p.total
    if not total.bound_by:
        return _("the plan has nothing to do")
    if total.useful > total.workers:
        more = _n("up to {n} worker would be of use", "up to {n} workers would be of use", total.useful)
    else:
        more = _n(
            "more than {n} worker would not be faster",
            "more than {n} workers would not be faster",
            total.useful,
        )
    text = _("{time}, bound by {what}: {more}")
    return text.format(time=_time(total), what=_what_binds(p), more=more.format(n=total.useful))


def _time(total: Prospect) -> str:
    likely, quick, slow = (clock(s) for s in (total.seconds or 0.0, total.quick_s, total.slow_s))
    if quick == slow:
        return likely
    return _("{likely} ({low} to {high})").format(likely=likely, low=quick, high=slow)


def _what_binds(p: Preflight) -> str:
    total = p.total
    if total.bound_by == WORKERS:
        return _n("its {n} worker", "its {n} workers", total.workers).format(n=total.workers)
    if total.bound_by != CRITICAL_PATH:
        text = _("{limit} on {tier} {mode}")
        return text.format(limit=total.bound_by.upper(), tier=p.terms.tier, mode=mode_word(p.terms.mode))
    if sum(w.bound_by == CRITICAL_PATH for w in p.waves) > 1:
        return _("the longest subtasks of its waves")
    text = _("its longest chain, {ids}") if len(total.path) > 1 else _("its longest subtask, {ids}")
    return text.format(ids=_some(total.path, 4, " > "))


def _too_long(p: Preflight) -> list[Sentence]:
    late = [w for w in p.waves if w.too_long]
    found = []
    for w in late[:_MOST_NAMED]:
        text = _("wave {n} {name} may need {time}; its own limit is {limit}, and what runs then is timed out")
        said = text.format(n=w.number, name=w.name, time=clock(w.seconds or 0.0), limit=clock(w.timeout_s))
        found.append((said, Role.WARN))
    if len(late) > _MOST_NAMED:
        more = len(late) - _MOST_NAMED
        text = _n("so does {n} wave more", "so do {n} waves more", more)
        found.append((text.format(n=more), Role.WARN))
    return found


def _budget(p: Preflight) -> list[Sentence]:
    budget = p.terms.budget_usd
    if budget is None:
        return []
    start = _("budget {usd}").format(usd=money(budget))
    if p.held is None:
        return [(_("{budget}: whether that is enough cannot be told").format(budget=start), Role.WARN)]
    low, likely, high = p.held
    if not high:
        return [(_("{budget} covers the high case too").format(budget=start), Role.GOOD)]
    if not likely:
        text = _("{budget} covers the likely case; in the high case about {n} would be held")
        return [(text.format(budget=start, n=high), Role.TEXT)]
    if low:
        text = _("{budget} does not cover even the low case: about {low} would be held, likely {n}")
        return [(text.format(budget=start, low=low, n=likely), Role.WARN)]
    text = _("{budget} covers the low case only; likely about {n} would be held")
    return [(text.format(budget=start, n=likely), Role.WARN)]


def _unpriced(p: Preflight) -> list[Sentence]:
    if not p.unpriced:
        return []
    text = _("the price of {models} is not known; [prices] in the configuration tells it")
    return [(text.format(models=_some(p.unpriced, 3, ", ")), Role.WARN)]


def _commands(p: Preflight) -> list[Sentence]:
    count = p.total.subtasks - p.total.asks + p.checks
    if not count:
        return []
    text = _n(
        "{n} command runs on this computer, in a dry run too",
        "{n} commands run on this computer, in a dry run too",
        count,
    )
    return [(text.format(n=count), Role.DIM)]


def _agents(p: Preflight) -> list[Sentence]:
    """What agents may use, and how many turns they were thought to need."""
    found: list[Sentence] = []
    if p.agents is not None:
        text = _n(
            "{n} agent with {tools}: about {turns} turns, guessed with 2 kB of every result",
            "{n} agents with {tools}: about {turns} turns in all, guessed with 2 kB of every result",
            p.agents.count,
        )
        tools = _some(p.agents.tools, 6, " ")
        said = text.format(n=p.agents.count, tools=tools, turns=p.agents.turns)
        found.append((said, Role.DIM))
    if p.apart:
        text = _n(
            "{n} subtask works in a workspace of its own; what it changes waits to be accepted",
            "{n} subtasks work in workspaces of their own; what they change waits to be accepted",
            p.apart,
        )
        found.append((text.format(n=p.apart), Role.DIM))
    return found


def _sources(p: Preflight) -> list[Sentence]:
    """Where the lengths of answers come from; they decide costs and times."""
    if not p.total.asks:
        return []
    parts = []
    if p.told:
        low, _likely, high = (round(x * 100) for x in TOLD_SHARES)
        text = _n(
            "{n} as the plan says ({low} to {high} %)", "{n} as the plan says ({low} to {high} %)", p.told
        )
        parts.append(text.format(n=p.told, low=low, high=high))
    if p.guessed:
        low, likely, high = (round(x * 100) for x in GUESSED_SHARES)
        text = _("{n} guessed at {low}, {likely} and {high} % of max_tokens")
        parts.append(text.format(n=p.guessed, low=low, likely=likely, high=high))
    text = _("lengths of answers: {sources}; retries are not in the figures")
    return [(text.format(sources=", ".join(parts)), Role.DIM)]


def _some(names: Sequence[str], most: int, between: str) -> str:
    shown = between.join(names[:most])
    more = len(names) - most
    return shown if more <= 0 else shown + _(" and {n} more").format(n=more)
