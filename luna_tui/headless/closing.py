"""What stays in the scrollback when the dashboard is left: how the run ended, why, and what goes on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from luna_tui.core.cells import cells, cut, listed, wrapped
from luna_tui.core.clean import clean_line
from luna_tui.core.failure_words import failure_words
from luna_tui.core.figures import bounds_in_words, clock, lost_in_words
from luna_tui.core.metrics import measured, most_workers
from luna_tui.core.offering import offer_words
from luna_tui.core.reasons import reason_words
from luna_tui.core.report_facts import (
    Failed,
    SetAside,
    failures_of,
    money_of,
    offers,
    processes_of,
    set_aside,
    stopped_by,
)
from luna_tui.core.state import RunState
from luna_tui.core.telling import counted
from luna_tui.core.tongue import N_, _, _n
from luna_tui.core.words import RunStatus, Status
from luna_tui.headless.printer import LinePrinter

MOST_LINES = 20
_LEAST_WIDTH = 20
_LEAST_CAUSES = 3
_HOW = {
    RunStatus.SUCCEEDED: N_("succeeded"),
    RunStatus.FAILED: N_("failed"),
    RunStatus.CANCELLED: N_("cancelled"),
    RunStatus.HELD: N_("held"),
}
_ENDS = {
    Status.FAILED: N_("failed"),
    Status.TIMED_OUT: N_("timed out"),
    Status.CANCELLED: N_("cancelled"),
    Status.SKIPPED: N_("skipped"),
}


class Tone(StrEnum):
    """How a piece of text is painted: the codes of the terminal's own 16 colours."""

    PLAIN = ""
    DIM = "2"
    STRONG = "1"
    GOOD = "1;32"
    BAD = "31"


@dataclass(frozen=True, slots=True)
class Row:
    """A line with a label."""

    label: str
    text: str
    tone: Tone = Tone.PLAIN
    whole: bool = False
    """Never cut: it is there to be copied."""
    more: str = ""
    """What follows it, on the same line or, where that is full, on more of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """What it is printed on."""

    width: int
    """Cells of a line."""
    paints: bool
    """Colours may be used."""


def say_closing(state: RunState, lines: LinePrinter, paper: Paper, *, folder: str, code: int) -> None:
    """Print at most `MOST_LINES` lines; `folder` is where the run is kept, `code` the exit code."""
    for text in closing(state, paper, folder=folder, code=code):
        lines.say(text)


def say_commands(state: RunState, lines: LinePrinter) -> None:
    """The commands that go on with work that is left, as sentences."""
    for offer in offers(state):
        if offer.subtasks:
            lines.say(f"{offer.command}: {offer_words(offer)}")


def closing(state: RunState, paper: Paper, *, folder: str, code: int) -> list[str]:
    """The lines, each as wide as the paper at most, but for a path, which is never cut."""
    width = max(_LEAST_WIDTH, paper.width)
    before = list(_figures(state))
    after = [Row(_("kept in"), folder, whole=True), *_commands(state)]
    label = max(cells(row.label) for row in (*before, *after, Row(_longest_end(), ""))) + 2
    ends = [line for row in (*before, *after) for line in _printed(row, label, width, paper)]
    hidden = (label + cells(folder)) // width  # What the terminal itself breaks the path into.
    room = max(_LEAST_CAUSES, MOST_LINES - 2 - len(ends) - hidden)
    causes = [
        line for row in _causes(state, width - label, room) for line in _printed(row, label, width, paper)
    ]
    head = [_head(state, paper, width, code), cut(_counts(state), width)]
    return [*head, *causes, *ends][:MOST_LINES]


def _head(state: RunState, paper: Paper, width: int, code: int) -> str:
    end = state.finished
    if end is None:
        tone = Tone.BAD
        text = _("{plan}: left before its end, exit code {code}").format(plan=state.plan.name, code=code)
    else:
        tone = Tone.GOOD if end.status is RunStatus.SUCCEEDED else Tone.BAD
        text = _("{plan}: {how} after {time}, exit code {code}").format(
            plan=state.plan.name, how=_(_HOW[end.status]), time=clock(end.wall_s), code=code
        )
    return _painted(cut(clean_line(text), width), tone, paper)


def _counts(state: RunState) -> str:
    ends = [counted(status, n) for status, n in sorted(state.counts.items()) if n]
    left = len(state.subtasks) - state.ended
    if left:
        ends.append(_n("{n} not ended", "{n} not ended", left).format(n=left))
    return ", ".join(ends) or _("nothing ended")


def _causes(state: RunState, width: int, room: int) -> Iterator[Row]:
    """What went wrong, by cause, with the ids; of too many causes the last line counts the rest."""
    found: list[Failed | SetAside] = [*failures_of(state), *set_aside(state)]
    shown = found if len(found) <= room else found[: room - 1]
    for group in shown:
        tone = Tone.BAD if isinstance(group, Failed) else Tone.PLAIN
        yield Row(_(_ENDS[group.status]), _cause(group, width), tone)
    rest = len(found) - len(shown)
    if rest:
        yield Row("", _n("{n} more cause", "{n} more causes", rest).format(n=rest), Tone.DIM)


def _cause(group: Failed | SetAside, width: int) -> str:
    if isinstance(group, SetAside):
        why = reason_words(group.reason)
    else:
        message = reason_words(group.message)
        why = failure_words(group.kind, group.code, message)
    count = f"{len(group.subtasks)} " if len(group.subtasks) > 1 else ""
    head = cut(f"{count}{clean_line(why)}", max(10, 2 * width // 3)) + ": "
    return head + listed(group.subtasks, max(8, width - cells(head)), _(" and {n} more"))


def _longest_end() -> str:
    return max((_(text) for text in _ENDS.values()), key=cells)


def _figures(state: RunState) -> Iterator[Row]:
    """Time, speed and money, each beside what it is compared with."""
    if (why := stopped_by(state)) or state.not_saved:
        yield Row(_("stopped"), clean_line(reason_words(why or state.not_saved)))
    if state.away:
        found = processes_of(state)
        said = _("{n} processes worked on it; nobody did for {time}; {i} attempts were interrupted")
        yield Row(_("resumed"), said.format(n=found.count, time=clock(found.away_s), i=found.interrupted))
    if state.finished is not None:
        yield from _speed(state)
    yield Row(_("cost"), _cost(state))


def _speed(state: RunState) -> Iterator[Row]:
    end = state.finished
    assert end is not None
    found = measured(state)
    if end.speedup:
        text = f"{end.speedup:.1f}x"
        if found.could_be:
            bounds = bounds_in_words({found.bound_by: found.bounds[found.bound_by]}, most_workers(state))
            text += _(", possible was {n:.1f}x (bound: {bounds})").format(n=found.could_be, bounds=bounds)
        yield Row(_("speed-up"), text)
    if causes := lost_in_words(found.lost, ", "):
        yield Row(_("lost"), f"{clock(found.wall_s - found.bound_s)}: {causes}")


def _cost(state: RunState) -> str:
    money, used = money_of(state), state.tokens
    usd = "$?" if money.usd is None else f"${money.usd:.2f}"
    if money.at_least:
        usd = _("{usd} and more, some prices are unknown").format(usd=usd)
    if state.simulated:
        usd = _("would have been {usd}").format(usd=usd)
    text = usd
    if money.failed_tries:
        lost = "$?" if money.failed_usd is None else f"${money.failed_usd:.2f}"
        said = _n(", {usd} in {n} failed try", ", {usd} in {n} failed tries", money.failed_tries)
        text += said.format(usd=lost, n=money.failed_tries)
    said = _("; {a} tokens in, {b} out")
    return text + said.format(a=f"{used.input:,}", b=f"{used.output:,}")


def _commands(state: RunState) -> Iterator[Row]:
    for n, offer in enumerate(offers(state)):
        yield Row("" if n else _("next"), offer.command, more=offer_words(offer))


def _printed(row: Row, label: int, width: int, paper: Paper) -> list[str]:
    head = row.label + " " * (label - cells(row.label))
    text = row.text if row.whole else cut(row.text, width - label)
    lines = [_painted(head, Tone.DIM, paper) + _painted(text, row.tone, paper)]
    left = width - label - cells(text) - 2
    if row.more and cells(row.more) <= left:
        return [f"{lines[0]}  {_painted(row.more, Tone.DIM, paper)}"]
    rest = wrapped(row.more, width - label - 2)
    return [*lines, *(" " * (label + 2) + _painted(text, Tone.DIM, paper) for text in rest)]


def _painted(text: str, tone: Tone, paper: Paper) -> str:
    return f"\x1b[{tone}m{text}\x1b[0m" if paper.paints and tone and text.strip() else text
