"""A plan that is being changed: rows of what stays and what is left out, and all that a subtask is told."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from luna_tui.core.clean import clean, clean_line, visible
from luna_tui.core.figures import clock
from luna_tui.core.plan import Expectation, Plan, Subtask, Wave
from luna_tui.core.plan_editing import Anew, Edition
from luna_tui.core.preflight import Preflight
from luna_tui.core.survey import Survey
from luna_tui.core.tongue import _, _n
from luna_tui.core.words import Kind
from luna_tui.tui.views.differences import line_roles
from luna_tui.tui.views.preflight_words import COLUMNS, NONE, subtask_row, wave_row
from luna_tui.tui.views.spans import Line, Role, Span
from luna_tui.tui.views.text import wrap
from luna_tui.tui.views.tree import Branch, Tree

WAVE = "wave:"
"""Before the name of a wave, where the key of an entry is wanted; no id has a colon."""
_MOST_NAMED = 4


def waves_tree(plan: Plan, opened: frozenset[str]) -> Tree:
    """Waves by their names, those in `opened` with their subtasks."""
    return Tree(
        [Branch(WAVE + w.name, tuple(s.id for s in w.subtasks), open=w.name in opened) for w in plan.waves]
    )


class EditionRows:
    """What the table shows of every wave and subtask, also of those that are left out."""

    def __init__(
        self, edition: Edition, survey: Survey, found: Preflight, done: frozenset[str] = frozenset()
    ) -> None:
        """`survey` and `found` are of what would run; `done` is taken over from another run."""
        self._edition, self._survey, self._found, self._done = edition, survey, found, done
        self._numbers = {w.name: n for n, w in enumerate(survey.plan.waves)}

    def wave(self, number: int) -> tuple[tuple[str, ...], Role]:
        """A wave of the edition; as many of its subtasks as stay, of how many."""
        wave = self._edition.plan.waves[number]
        there = self._numbers.get(wave.name)
        every = len(wave.subtasks)
        if there is None:
            rest = (NONE,) * (len(COLUMNS) - 2)
            done = any(s.id in self._done and s.id not in self._edition.off for s in wave.subtasks)
            return (f"{'=' if done else self._off} {clean_line(wave.name)}", f"0/{every}", *rest), Role.DIM
        prospect = self._found.waves[there]
        row = wave_row(prospect)
        if prospect.subtasks < every:
            row = (row[0], f"{prospect.subtasks}/{every}", *row[2:])
        return row, Role.WARN if prospect.too_long else Role.TEXT

    def subtask(self, number: int, leaf: int) -> tuple[str, ...]:
        """A subtask of the edition: its name with its number in what is left, then its figures."""
        wave = self._edition.plan.waves[number]
        subtask = wave.subtasks[leaf]
        place = self._survey.places.get(subtask.id)
        title = clean_line(subtask.title)
        if place is None:
            off = subtask.id in self._edition.off or subtask.id not in self._done
            mark, word = (self._off, _("off")) if off else ("=", _("done"))
            return (f"  {mark} {title}", word, *[""] * (len(COLUMNS) - 2))
        there = self._numbers[wave.name]
        scope = self._survey.waves[there]
        size = max(2, len(str(len(scope))))
        name = f"  {there + 1}.{place - scope.start + 1:0{size}d} {title}"
        return (name, *subtask_row(self._survey.expenses[place])[1:])

    _off = "/"


def detail(edition: Edition, number: int, leaf: int | None) -> str:
    """What the table has no column for, of the wave or subtask under the cursor."""
    wave = edition.plan.waves[number]
    if leaf is not None:
        return "   ".join(_about_subtask(wave.subtasks[leaf]))
    return "   ".join(_about_wave(edition, wave))


def whole_text(subtask: Subtask, width: int) -> list[Line]:
    """Everything that the plan says of a subtask; commands as they would run."""
    lines: list[Line] = [(Span(f"{subtask.id}  ", Role.TITLE), Span(clean_line(subtask.title), Role.STRONG))]
    lines += [(Span(part),) for text in _terms(subtask) for part in wrap(clean_line(text), width)]
    for head, text in _texts(subtask):
        lines += [(), (Span(head, Role.TITLE),)]
        lines += [(Span(part),) for part in wrap(clean(text), width)]
    return lines


def difference_lines(anew: Anew, width: int) -> list[Line]:
    """Which subtasks are new, gone and changed, then the lines of both files."""
    head = _("The rest of {run}, planned anew").format(run=anew.run)
    lines: list[Line] = [(Span(head, Role.TITLE),), ()]
    kept = _n("{n} is done and stays done.", "{n} are done and stay done.", len(anew.done))
    lines.append((Span(kept.format(n=len(anew.done)), Role.STRONG),))
    lines += [(Span(part, Role.STRONG),) for word in anew.words for part in wrap(clean_line(word), width)]
    lines.append(())
    difference = clean(anew.difference).split("\n")
    lines += [
        (Span(part, role or Role.DIM),)
        for text, role in zip(difference, line_roles(difference), strict=True)
        for part in wrap(text, width)
    ]
    return lines


def _about_subtask(s: Subtask) -> Iterator[str]:
    yield clean_line(s.id)
    match s.kind:
        case Kind.CLAUDE:
            yield clean_line(s.model)
            yield _("tools: {names}").format(names=_some(s.tools) or _("none"))
        case Kind.COMMAND:
            yield f"$ {clean_line(_command(s))}"
        case Kind.PYTHON:
            yield clean_line(s.callable)
    if s.isolate is not None:
        yield _("own workspace ({how})").format(how=s.isolate.value)
    if s.depends_on:
        yield _("needs {ids}").format(ids=_some(s.depends_on))


def _about_wave(edition: Edition, wave: Wave) -> Iterator[str]:
    yield clean_line(wave.name)
    models = tuple(dict.fromkeys(s.model for s in wave.subtasks if s.kind is Kind.CLAUDE))
    if models:
        yield clean_line(_some(models))
    if not wave.parallel:
        yield _("one after the other")
    elif wave.max_workers is not None:
        text = _n("{n} worker at most", "{n} workers at most", wave.max_workers)
        yield text.format(n=wave.max_workers)
    if wave.timeout:
        yield _("limit {time}").format(time=clock(wave.timeout))
    off = sum(s.id in edition.off for s in wave.subtasks)
    if off:
        yield _("{n} left out").format(n=off)


def _terms(s: Subtask) -> Iterator[str]:
    if s.kind is Kind.CLAUDE:
        yield _("asks {model}, at most {n} tokens an answer").format(model=s.model, n=f"{s.max_tokens:,}")
        if s.tools:
            text = _("tools: {names}; at most {n} requests an attempt")
            yield text.format(names=", ".join(s.tools), n=s.max_turns)
        else:
            yield _("tools: {names}").format(names=_("none"))
    text = _n("{n} retry", "{n} retries", s.retries).format(n=s.retries)
    limit = _("limit {time}").format(time=clock(s.timeout)) if s.timeout else _("no limit of time")
    yield f"{limit}, {text}"
    if s.isolate is not None:
        yield _("own workspace ({how})").format(how=s.isolate.value)
    if s.depends_on:
        yield _("needs {ids}").format(ids=", ".join(s.depends_on))
    if s.files:
        yield _("files: {names}").format(names=", ".join(s.files))


def _texts(s: Subtask) -> Iterator[tuple[str, str]]:
    match s.kind:
        case Kind.COMMAND:
            yield _("COMMAND, run on this machine"), _command(s)
        case Kind.PYTHON:
            yield _("PYTHON, run on this machine"), f"{s.callable}\n*{s.args}\n**{s.kwargs}"
    if s.kind is not Kind.CLAUDE:
        if s.cwd != ".":
            yield _("FOLDER"), s.cwd
        if s.env:
            yield _("ENVIRONMENT"), "\n".join(f"{name}={value}" for name, value in s.env)
    if s.system:
        yield _("SYSTEM"), s.system
    for role, text in s.messages:
        yield role.upper(), text
    if s.prompt:
        yield _("PROMPT"), s.prompt
    if s.expect is not None:
        yield _("EXPECTED OF THE RESULT"), "\n".join(_expected(s.expect))


def _expected(e: Expectation) -> Iterator[str]:
    if e.json:
        yield "json"
    for name, value in (("contains", e.contains), ("regex", e.regex), ("schema", e.schema)):
        if value is not None:
            yield f"{name}: {value}"
    if e.max_chars is not None:
        yield f"max_chars: {e.max_chars:,}"
    if e.command:
        yield f"$ {visible(shlex.join(e.command))}"


def _command(s: Subtask) -> str:
    """As a person would type it."""
    return visible(s.command[0] if s.shell else shlex.join(s.command))


def _some(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:_MOST_NAMED])
    more = len(names) - _MOST_NAMED
    return shown if more <= 0 else shown + _(" and {n} more").format(n=more)
