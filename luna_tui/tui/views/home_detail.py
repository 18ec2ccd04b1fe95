"""What is told of the entry under the cursor of the home screen, and what its boxes ask."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from luna_tui.core.clean import clean_line
from luna_tui.core.figures import aged, sized
from luna_tui.core.home import PlanningPrice, Verb
from luna_tui.core.run_summary import KeptStatus, PlanSummary, RunSummary
from luna_tui.core.telling import counted
from luna_tui.core.tongue import _, _n
from luna_tui.core.words import GOOD, Status
from luna_tui.tui.views.asking import Said
from luna_tui.tui.views.boxes.frame import Box, Choice
from luna_tui.tui.views.glyphs import ROLES, Glyphs
from luna_tui.tui.views.keymap import keys_shown
from luna_tui.tui.views.keys import SCREEN_KEYS
from luna_tui.tui.views.preflight_words import dollars
from luna_tui.tui.views.runs import STANDS, cost_word, status_word, tilde
from luna_tui.tui.views.spans import Line, Looks, Role, Span
from luna_tui.tui.views.text import cell_len, clock, fit, pad, tokens, wrap

if TYPE_CHECKING:
    from luna_tui.tui.views.home import HomeLook

_LABEL = 8
DEMO_NAME = "demo"
"""As on the command line."""


def detail_lines(look: HomeLook, looks: Looks, width: int, g: Glyphs) -> list[Line]:
    """Everything known of what is under the cursor, in lines of at most `width` cells."""
    kind, _colon, what = (looks.selected or "").partition(":")
    keys = keys_shown(SCREEN_KEYS["home"], looks.keymap)
    run = next((r for r in look.runs if kind == "run" and r.run == what), None)
    plan = next((p for p in look.plans if kind == "plan" and p.path == what), None)
    if run is not None:
        return list(_run(look, run, keys, width, g))
    if plan is not None:
        return list(_plan(look, plan, keys, width, g))
    if kind == "demo":
        said = _(
            "The bundled plan: 40 subtasks through the real SDK against a simulated API on this machine. "
            "One meets a 429, one a 529, one a stream cut in the middle; all recover. It ends by itself."
        )
        return [(Span(DEMO_NAME, Role.STRONG),), (), *((Span(part),) for part in wrap(said, width))]
    return []


def _run(look: HomeLook, run: RunSummary, keys: Mapping[str, str], width: int, g: Glyphs) -> Iterator[Line]:
    stand = STANDS[run.status]
    ago_s = (look.now - run.began).total_seconds()
    began = _("began {age} ago").format(age=aged(ago_s)) if ago_s >= 60 else _("began just now")
    yield (Span(fit(clean_line(run.plan) or "?", width, g.cut), Role.STRONG),)
    yield (
        Span(f"{g.states[stand]} {status_word(run.status)}", ROLES[stand]),
        Span(f"  {began}", Role.DIM),
    )
    yield ()
    counts = ", ".join(counted(s, run.counts[s]) for s in Status if run.counts.get(s)) or "-"
    left = run.subtasks - sum(run.counts.values())
    if left > 0:
        counts += ", " + _("{n} to come").format(n=left)
    used = _("in {n}").format(n=tokens(run.tokens.input)) + _("  out {n}").format(n=tokens(run.tokens.output))
    rows = [
        (_("done"), counts),
        (_("time"), "-" if run.wall_s is None else clock(run.wall_s)),
        (_("tokens"), used),
        (_("cost"), cost_word(run)),
        *([("429", str(run.throttled))] if run.throttled else []),
        (_("size"), sized(run.size_bytes)),
        (_("where"), tilde(run.workspace, look.home)),
        (_("plan"), tilde(run.plan_file, look.home)),
        (_("host"), run.host),
        (_("id"), run.run),
    ]
    for name, text in rows:
        yield from _labelled(name, clean_line(text) or "-", width)
    for wrong in run.wrong:
        yield from ((Span(part, Role.BAD),) for part in wrap(clean_line(wrong), width))
    yield ()
    for action, does in _possible(run, look.offered):
        yield _key_line(keys[action], does, width, g)


def _key_line(key: str, does: str, width: int, g: Glyphs) -> Line:
    return (Span(f"{key}  ", Role.KEY), Span(fit(does, width - cell_len(key) - 2, g.cut), Role.DIM))


def _labelled(name: str, text: str, width: int) -> Iterator[Line]:
    size = max(_LABEL, cell_len(name) + 1)
    for n, part in enumerate(wrap(text, max(8, width - size))):
        yield (Span(pad("" if n else name, size), Role.DIM), Span(part))


def _possible(run: RunSummary, offered: frozenset[Verb]) -> Iterator[tuple[str, str]]:
    """Binding ids, and what their keys do with this run."""
    if run.status is KeptStatus.RUNNING and Verb.ATTACH in offered:
        yield "do.open", _("watch it")
    elif run.resumable:
        yield "do.open", _("choose how to go on")
    elif run.status is not KeptStatus.UNREADABLE:
        yield "do.open", _("its report")
    if run.status is KeptStatus.RUNNING and Verb.CANCEL in offered:
        yield "home.stop", _("stop it; asks first")
    if goes_on(run, offered) is not None:
        yield "home.resume", _("go on with it") if run.resumable else _("retry what failed")
    if can_replay(run, offered):
        yield "home.replay", _("replay it")


def goes_on(run: RunSummary, offered: frozenset[Verb]) -> Verb | None:
    """The command that goes on with a run; None where there is none."""
    if run.resumable and Verb.RESUME in offered:
        return Verb.RESUME
    return Verb.RETRY if run.status is KeptStatus.FAILED and Verb.RETRY in offered else None


def can_replay(run: RunSummary, offered: frozenset[Verb]) -> bool:
    """Whether there is something to replay, and somebody to do it."""
    return Verb.REPLAY in offered and run.status is not KeptStatus.UNREADABLE


def _plan(
    look: HomeLook, plan: PlanSummary, keys: Mapping[str, str], width: int, g: Glyphs
) -> Iterator[Line]:
    yield (Span(fit(clean_line(plan.name), width, g.cut), Role.STRONG),)
    yield ()
    yield from _labelled(_("file"), tilde(clean_line(plan.path), look.home), width)
    if plan.problems:
        yield ()
        for problem in plan.problems:
            yield from ((Span(part, Role.BAD),) for part in wrap(clean_line(problem), width))
        return
    if plan.subtasks:
        waves = _n("{n} wave", "{n} waves", plan.waves).format(n=plan.waves)
        subtasks = _n("{n} subtask", "{n} subtasks", plan.subtasks).format(n=f"{plan.subtasks:,}")
        yield from _labelled(_("plan"), f"{subtasks}, {waves}", width)
    yield ()
    yield _key_line(keys["do.open"], _("look at what it takes, then start it"), width, g)


def go_on_box(run: RunSummary, name: str, offered: frozenset[Verb], *, pages: bool) -> Box:
    """How a run that is not on can go on; `pages` offers what only looks at it too."""
    verb = goes_on(run, offered)
    choices: list[Choice] = []
    if verb is Verb.RESUME:
        choices.append(Choice("r", _("go on with what is left")))
    elif verb is Verb.RETRY:
        choices.append(Choice("r", _("retry what did not succeed")))
    if pages:
        if can_replay(run, offered):
            choices.append(Choice("R", _("replay what happened")))
        choices.append(Choice("o", _("read the report")))
    choices.append(Choice("esc", _("leave as it is")))
    title = _("Run {name}: {status}").format(name=name, status=status_word(run.status))
    return Box(title, tuple(_what_it_does(run, verb)), tuple(choices), "")


def _what_it_does(run: RunSummary, verb: Verb | None) -> Iterator[Line]:
    good = sum(n for status, n in run.counts.items() if status in GOOD)
    stays = _n("{n} of {of} is done and stays done.", "{n} of {of} are done and stay done.", good)
    yield (Span(clean_line(run.plan), Role.STRONG),)
    yield (Span(stays.format(n=good, of=run.subtasks)),)
    left = run.subtasks - good
    if verb is Verb.RESUME:
        said = _n("{n} runs, or runs again.", "{n} run, or run again.", left)
        yield (Span(said.format(n=left)),)
    elif verb is Verb.RETRY:
        said = _n("{n} is tried again.", "{n} are tried again.", left)
        yield (Span(said.format(n=left)),)


def stop_run_box(run: RunSummary, name: str) -> Box:
    """Before a run of another process is stopped."""
    on = run.subtasks - sum(run.counts.values())
    facts: tuple[Line, ...] = (
        (Span(clean_line(run.plan), Role.STRONG),),
        (
            Span(
                _("{n} of {of} have ended; what ended is kept.").format(n=run.subtasks - on, of=run.subtasks)
            ),
        ),
    )
    title = _("Stop run {name}? nothing has been stopped yet").format(name=name)
    choices = (
        Choice("esc", _("keep running")),
        Choice("x", _("stop it: what is in flight has 10 s to end by itself")),
        Choice("X", _("stop it: what is in flight ends now")),
    )
    return Box(title, facts, choices, "")


def goal_said(price: PlanningPrice, goal: str) -> Said:
    """What planning a goal may cost, beside the line in which it is typed."""
    if goal.strip() == "-":
        return Said(_("a goal, in your own words"), wrong=True)
    model = clean_line(price.model)
    if price.likely_usd is None or price.most_usd is None:
        return Said(_("{model} plans; its price is not known").format(model=model))
    if price.most_usd == 0.0:
        return Said(_("{model} plans; simulated: nothing is spent").format(model=model))
    text = _("{model} plans: about {likely}, at most {most}")
    return Said(text.format(model=model, likely=dollars(price.likely_usd), most=dollars(price.most_usd)))
