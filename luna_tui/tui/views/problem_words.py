"""Problems in words: what is wrong, compared with what, its effect, and the keys with their price."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import assert_never

from luna_tui.core.failure_words import KIND_WORDS as KIND_WORDS
from luna_tui.core.failure_words import failure_words
from luna_tui.core.insight import Stand
from luna_tui.core.problem_facts import (
    MOST_BEHIND,
    Abandoned,
    Asking,
    Cause,
    Deadline,
    Failure,
    Foreign,
    NotSaved,
    Overspend,
    Problem,
    Silence,
    Standing,
    Unsettled,
)
from luna_tui.core.state import RunState
from luna_tui.core.tongue import _, _n
from luna_tui.tui.views.glyphs import ROLES, Glyphs
from luna_tui.tui.views.needs_words import (
    asking_name,
    asking_sentence,
    asking_short,
    changed_lines,
    changes_sentence,
)
from luna_tui.tui.views.spans import Role
from luna_tui.tui.views.text import clock, tokens

STANDS: dict[Cause, Stand] = {
    Cause.NOT_SAVED: Stand.QUIET, Cause.HELD: Stand.HELD, Cause.ASK: Stand.ASK, Cause.GHOST: Stand.GHOST,
    Cause.QUIET: Stand.QUIET, Cause.TIMED_OUT: Stand.TIMED_OUT, Cause.FAILED: Stand.FAILED,
    Cause.DEADLINE: Stand.TIMED_OUT, Cause.FORECAST: Stand.HELD, Cause.RETRYING: Stand.BACKOFF,
    Cause.FOREIGN: Stand.LIMIT, Cause.CHANGES: Stand.OK,
}  # fmt: skip
_PREFIX = re.compile(r"\A\w+ \(\d+\): ")
KeyWords = tuple[tuple[str, str], ...]
_LOOKING = ("enter", "l", "z")
"""Keys among them that do not change the run."""


def role(p: Problem) -> Role:
    """How loud it is."""
    return Role.ACCENT if p.cause is Cause.CHANGES else ROLES[STANDS[p.cause]]


def glyph(p: Problem, g: Glyphs) -> str:
    """The character that stands for it."""
    return g.changed if p.cause is Cause.CHANGES else g.states[STANDS[p.cause]]


def labels(state: RunState, ids: Sequence[str], most: int) -> str:
    """`2.03 2.06 +5`."""
    named = [state.subtasks[i].label for i in ids[:most]]
    more = len(ids) - len(named)
    return " ".join([*named, f"+{more}"] if more else named)


def name(state: RunState, p: Problem) -> str:
    """What the group has in common, in a few words."""
    facts = p.facts
    match facts:
        case Failure():
            why = _failure(facts)
            return _("retries: {why}").format(why=why) if p.cause is Cause.RETRYING else why
        case Silence():
            return _n("quiet stream", "quiet streams", p.size)
        case Abandoned():
            return _n("thread ignores its end", "threads ignore their end", p.size)
        case Standing():
            return _("held for budget")
        case Asking():
            return asking_name(facts)
        case Unsettled():
            return _("changes to look at")
        case Overspend():
            return _("forecast over the cap")
        case Deadline():
            return _("wave {n} out of time").format(n=facts.number)
        case Foreign():
            return _("others use the limit")
        case NotSaved():
            return _("events not saved")
        case _:
            assert_never(facts)


def _failure(facts: Failure) -> str:
    return failure_words(facts.kind, facts.status, facts.message)


def detail(p: Problem) -> str:
    """What was said about a failure beyond its kind; empty when that is all."""
    if not isinstance(p.facts, Failure) or not p.facts.kind:
        return ""
    said = _PREFIX.sub("", p.facts.message)
    return "" if said.casefold() == _(KIND_WORDS.get(p.facts.kind, "")).casefold() else said


def short(state: RunState, p: Problem, now_s: float, g: Glyphs) -> str:
    """The fact in two or three words, for a line shared with others."""
    facts = p.facts
    match facts:
        case Failure():
            if p.cause is Cause.RETRYING and facts.next_s is not None:
                return _("retry in {time}").format(time=clock(facts.next_s))
            return _failure(facts)
        case Silence():
            return _("quiet {s:.0f} s").format(s=facts.silence_s)
        case Abandoned():
            return _("ignores the cancel")
        case Standing():
            return name(state, p)
        case Asking():
            return asking_short(facts)
        case Unsettled():
            return _("changed {what}").format(what=changed_lines(facts))
        case Overspend():
            return _("forecast passes the cap")
        case Deadline():
            return _("wave {n} times out in {time}").format(n=facts.number, time=clock(facts.left_s))
        case Foreign():
            return _("others use {share} of {name}").format(share=_share(facts), name=facts.name.upper())
        case NotSaved():
            return _("not saved")
        case _:
            assert_never(facts)


def sentence(state: RunState, p: Problem, now_s: float, g: Glyphs) -> str:
    """The fact and what it is compared with, in one sentence."""
    facts = p.facts
    match facts:
        case Failure():
            if p.cause is Cause.RETRYING:
                return _retrying(facts)
            return _("{why}, {n}/{of} tries").format(why=_failure(facts), n=facts.tries, of=facts.allowed)
        case Silence():
            said = _n("no token for {s:.0f} s", "no token for up to {s:.0f} s", p.size)
            return said.format(s=facts.silence_s) + " " + _usual(facts)
        case Abandoned():
            return _n(
                "its thread ignores the cancellation; its worker was replaced",
                "their threads ignore the cancellation; workers replaced",
                p.size,
            )
        case Standing():
            return _held(facts)
        case Asking():
            return asking_sentence(facts, g.cut)
        case Unsettled():
            return changes_sentence(facts)
        case Overspend():
            said = _("forecast {usd:.2f} passes the {cap:.2f} cap near subtask {n}")
            return said.format(usd=facts.usd, cap=facts.cap_usd, n=facts.near)
        case Deadline():
            said = _("wave {n} times out in {left} and needs at least {time}")
            return said.format(n=facts.number, left=clock(facts.left_s), time=clock(facts.needs_s))
        case Foreign():
            said = _("others use {share} of {name} ({used} of {limit} a minute)")
            return said.format(
                share=_share(facts),
                name=facts.name.upper(),
                used=tokens(facts.used),
                limit=tokens(facts.limit),
            )
        case NotSaved():
            return _("events are not saved: {why}").format(why=facts.message)
        case _:
            assert_never(facts)


def _usual(facts: Silence) -> str:
    if facts.p95_s is None:
        return _("(nothing to compare with yet)")
    return _("(p95 of this wave {s:.0f} s)").format(s=facts.p95_s)


def _retrying(facts: Failure) -> str:
    why = _failure(facts)
    if facts.next_s is None or facts.last_s is None:
        return _("{why}, waits to try again").format(why=why)
    if clock(facts.next_s) == clock(facts.last_s):
        return _("{why}, tries again in {time}").format(why=why, time=clock(facts.next_s))
    said = _("{why}, tries again in {a} to {b}")
    return said.format(why=why, a=clock(facts.next_s), b=clock(facts.last_s))


def _held(facts: Standing) -> str:
    if facts.cap_usd is None or facts.spent_usd is None:
        return _("held: the budget is used up or reserved")
    said = _("held: {spent:.2f} of {cap:.2f} spent, the rest is reserved")
    return said.format(spent=facts.spent_usd, cap=facts.cap_usd)


def _share(facts: Foreign) -> str:
    return f"{100 * facts.used / max(1, facts.limit):.0f} %"


def effect(state: RunState, p: Problem, most: int = 2) -> str:
    """What waits for it: `blocks 3.02 3.07`; empty when nothing does."""
    if p.blocks:
        said = _n("blocks {ids}", "block {ids}", p.size)
        return said.format(ids=labels(state, p.blocks, most))
    return _("on the critical path") if p.critical else ""


def where(p: Problem, now_s: float) -> str:
    """What stands for the ids of a matter of the run: where and when it will be."""
    match p.facts:
        case Overspend() as facts:
            said = _("near subtask {n} of {m}").format(n=facts.near, m=facts.of)
            if facts.after_s is None:
                return said
            return said + ", " + _("at about {time}").format(time=clock(now_s + facts.after_s))
        case Deadline() as facts:
            return _("in {time}").format(time=clock(facts.left_s))
        case Foreign() as facts:
            return _("{share} of {name}").format(share=_share(facts), name=facts.name.upper())
        case _:
            return ""


def facts_parts(state: RunState, p: Problem, now_s: float, g: Glyphs) -> tuple[str, ...]:
    """The second line of a group: facts and what they are compared with, the first matters most."""
    facts = p.facts
    match facts:
        case Failure():
            return _tried(p, facts, now_s)
        case Silence():
            return _silent(facts)
        case Overspend():
            said = _("{usd:.2f} {pm}{spread:.2f} of {cap:.2f}")
            return (
                said.format(usd=facts.usd, pm=g.spread, spread=facts.spread_usd, cap=facts.cap_usd),
                _("past the cap subtasks are held, never failed"),
            )
        case Deadline():
            said = _("{time} of work is left for {left}")
            unfinished = _n("{n} subtask has not ended", "{n} subtasks have not ended", facts.unfinished)
            return (
                said.format(time=clock(facts.needs_s), left=clock(facts.left_s)),
                unfinished.format(n=facts.unfinished),
            )
        case NotSaved():
            return facts.message, _("nothing more is started")
        case Foreign():
            said = _("others use {used} of {limit} a minute")
            return (
                said.format(used=tokens(facts.used), limit=tokens(facts.limit)),
                _("the run has what is left"),
            )
        case Abandoned():
            return sentence(state, p, now_s, g), _("for {time} now").format(time=clock(facts.asked_s))
        case Standing():
            return (sentence(state, p, now_s, g),)
        case Asking():
            return sentence(state, p, now_s, g), _("its clock stands meanwhile, everything else goes on")
        case Unsettled():
            said = _("nothing of it is in the workspace until it is accepted")
            if facts.conflicts:
                return sentence(state, p, now_s, g), said
            return changed_lines(facts), said
        case _:
            assert_never(facts)


def _silent(facts: Silence) -> tuple[str, ...]:
    said = _("{n} tokens so far, none for {s:.0f} s").format(n=f"{facts.tokens:,}", s=facts.silence_s)
    if facts.p95_s is None:
        return said, _("too few attempts ended to compare with")
    return said, _("95 of 100 attempts here stayed under {s:.0f} s").format(s=facts.p95_s)


def _tried(p: Problem, facts: Failure, now_s: float) -> tuple[str, ...]:
    tried = _n("{n} of {of} try", "{n} of {of} tries", facts.allowed)
    last = _("last {time} ago").format(time=clock(now_s - facts.last_at))
    parts = [f"{tried.format(n=facts.tries, of=facts.allowed)}, {last}"]
    if p.cause is Cause.RETRYING and facts.next_s is not None:
        parts.append(_("the next in {time}").format(time=clock(facts.next_s)))
    if facts.kind and facts.recent:
        parts.append(_("{n} in the last 30 s over all workers").format(n=facts.recent))
    elif facts.kind:
        parts.append(_("none in the last 30 s on any worker"))
    said = detail(p)
    return (*parts, said) if said else tuple(parts)


def keys(p: Problem, g: Glyphs, *, brief: bool, acts: bool = True) -> KeyWords:
    """Keys that help, with what they cost; `brief` for the line of the run screen.

    `acts` = the run takes commands; else only keys that look are told.
    """
    found = _keys(p, g, brief=brief)
    return found if acts else tuple(pair for pair in found if pair[0] in _LOOKING)


def _keys(p: Problem, g: Glyphs, *, brief: bool) -> KeyWords:
    look = ("enter", _("look"))
    none = ("z", _("not a problem"))
    stop = ("x", _("stop…").replace("…", g.more))
    found: KeyWords
    match p.cause:
        case Cause.FAILED | Cause.TIMED_OUT:
            retry = ("r", _retry(p, brief))
            found = (
                (retry,) if brief else (retry, ("enter", _("look") if p.size == 1 else _("list them")), none)
            )
        case Cause.QUIET:
            found = (look, ("r", _retry(p, brief)), stop, none)
        case Cause.RETRYING:
            found = (look, stop, ("i", _skip(p)), none)
        case Cause.GHOST:
            found = (look, none)
        case Cause.ASK:
            found = (*((look,) if p.size == 1 or not brief else ()), ("a", _("answer")), none)
        case Cause.CHANGES:
            found = (("A", _("look, accept or drop")), none)
        case Cause.HELD:
            found = (("b", _("raise the budget")), ("i", _skip(p)))
        case Cause.FORECAST:
            found = (
                (("b", _("raise or trim")),)
                if brief
                else (("b", _("raise the cap")), ("p", _("pause")), none)
            )
        case Cause.DEADLINE:
            found = (("w", _("workers")), stop, none)
        case Cause.FOREIGN:
            found = (("l", _("limits")), none)
        case Cause.NOT_SAVED:
            found = (stop,)
        case _:
            assert_never(p.cause)
    return tuple(pair for pair in found if pair[0] not in ("z", "i")) if brief else found


def _retry(p: Problem, brief: bool) -> str:
    who = "" if p.size == 1 else _("both") if p.size == 2 else _("all {n}").format(n=p.size)
    again = _("stop and retry") if p.cause is Cause.QUIET and not brief else _("retry")
    said = f"{again} {who}".rstrip()
    usd = p.price.usd if p.price is not None else None
    if brief:
        return said + (f" ~${usd:.2f}" if usd is not None and p.cause is not Cause.QUIET else "")
    seconds = p.price.seconds if p.price is not None else None
    if usd is not None and seconds is not None:
        said += ", " + _("about ${usd:.2f} and {time}").format(usd=usd, time=clock(seconds))
    elif usd is not None:
        said += ", " + _("about ${usd:.2f}").format(usd=usd)
    elif seconds is not None:
        said += ", " + _("about {time}").format(time=clock(seconds))
    if p.behind and p.cause is not Cause.QUIET:
        count = f"{p.behind:,}" + ("+" if p.behind >= MOST_BEHIND else "")
        said += ", " + _n("brings {n} back", "brings {n} back", p.behind).format(n=count)
    if isinstance(p.facts, Silence):
        said += ", " + _("drops {n} tokens").format(n=tokens(p.facts.tokens))
    return said


def _skip(p: Problem) -> str:
    """What is skipped with it."""
    if not p.behind:
        return _("skip")
    count = f"{p.behind:,}" + ("+" if p.behind >= MOST_BEHIND else "")
    return _("skip + {n} more").format(n=count)
