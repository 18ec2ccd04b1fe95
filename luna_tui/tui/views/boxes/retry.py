"""The retry box: which, at what price, and whether what made them fail is still there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from luna_tui.core.events import AttemptFailed
from luna_tui.core.state import RunState, SubtaskState
from luna_tui.core.tongue import N_, _, _n
from luna_tui.core.words import BAD, GOOD, ErrorKind, Status, WaitReason
from luna_tui.tui.views.boxes.effects import about, in_plan_order, named, together, used_usd
from luna_tui.tui.views.boxes.frame import Box, Choice
from luna_tui.tui.views.problem_words import KIND_WORDS
from luna_tui.tui.views.spans import Line, Role, Span
from luna_tui.tui.views.text import money, tokens

RECENT_S = 30.0
"""An error this young says that its cause is still there."""
_AGAIN = frozenset({WaitReason.BACKOFF, WaitReason.RETRY_AFTER})


@dataclass(frozen=True, slots=True)
class RetryOffer:
    """What a retry of the selection would be."""

    ids: tuple[str, ...]
    """Those that can be tried again, in plan order."""
    running: tuple[str, ...]
    """Those of them that would be stopped for it."""
    dependents: tuple[str, ...]
    """Skipped for want of them, and coming back with them."""
    left_out: tuple[tuple[str, str], ...]
    """(label, why) of those that cannot."""


def retry_offer(state: RunState, selected: Iterable[str], *, ended_well: bool = False) -> RetryOffer:
    """Which of the selection can be tried again; those that ended well only when that is asked for."""
    chosen = [state.subtasks[i] for i in selected if i in state.subtasks]
    wanted = {s.id for s in chosen}
    left_out = [(s.label, why) for s in chosen if (why := _why_not(state, s, wanted, ended_well=ended_well))]
    names = {label for label, _why in left_out}
    ids = tuple(s.id for s in chosen if s.label not in names)
    running = tuple(i for i in ids if state.subtasks[i].running)
    return RetryOffer(ids, running, _come_back(state, ids) if ids else (), tuple(left_out))


def _why_not(state: RunState, s: SubtaskState, wanted: set[str], *, ended_well: bool) -> str:
    if s.status in GOOD and not ended_well:
        return N_("is ok already")
    if s.status is None and not s.running and s.waiting not in _AGAIN:
        return N_("has not run yet")
    for i in s.planned.depends_on:
        need = state.subtasks.get(i)
        if need is not None and need.status is not None and need.status not in GOOD and i not in wanted:
            return _("needs {label}, retry that").format(label=need.label)
    return ""


def _come_back(state: RunState, ids: tuple[str, ...]) -> tuple[str, ...]:
    """Those that were skipped for want of what is tried again, directly or in a row."""
    back, line = set(ids), [*ids]
    while line:
        for i in state.feeds.get(line.pop(), ()):
            if i not in back and state.subtasks[i].status is Status.SKIPPED:
                back.add(i)
                line.append(i)
    return in_plan_order(state, back - set(ids))


def retry_box(state: RunState, now_s: float, offer: RetryOffer) -> Box:
    """The box; the choice that changes nothing is the last one."""
    facts: list[Line] = [(Span(named(state, offer.ids), Role.STRONG), *_title(state, offer.ids))]
    if offer.dependents:
        said = _n(
            "and {n} that was skipped for want of it: ",
            "and {n} that were skipped for want of them: ",
            len(offer.dependents),
        )
        facts.append(
            (Span(said.format(n=len(offer.dependents)), Role.DIM), Span(named(state, offer.dependents, 4)))
        )
    facts += cause_lines(state, now_s, offer.ids)
    facts += waste_lines(state, now_s, offer.running)
    facts += left_out_lines(offer.left_out)
    both = (*offer.ids, *offer.dependents)
    price = about(*together(state, both))
    does = _n("retry it", "retry all {n}", len(both)).format(n=len(both))
    choices = (Choice("r", does, price), Choice("esc", _("leave as it is")))
    title = _n("Retry {n} subtask", "Retry {n} subtasks", len(offer.ids)).format(n=len(offer.ids))
    return Box(title, tuple(facts), choices, _("a retry cannot be taken back"))


def _title(state: RunState, ids: tuple[str, ...]) -> Line:
    if len(ids) != 1:
        return ()
    s = state.subtasks[ids[0]]
    return (Span(f" {s.planned.title}"), Span(_("  try {n}").format(n=s.attempt + 1), Role.DIM))


def cause_lines(state: RunState, now_s: float, ids: Sequence[str]) -> list[Line]:
    """Whether the errors of these were seen again lately, anywhere; nothing where there was none."""
    kinds = {
        str(t.error_kind): t.error_kind
        for i in ids
        for t in state.subtasks[i].tries[-1:]
        if t.error_kind is not None
    }
    lines: list[Line] = []
    for kind in kinds:
        seen = _seen_lately(state, now_s, kind)
        name = _(KIND_WORDS.get(ErrorKind(kind), kind))
        if seen:
            said = _n(
                "{kind}: {n} in the last 30 s over all workers, the cause may still be there",
                "{kind}: {n} in the last 30 s over all workers, the cause may still be there",
                seen,
            )
            lines.append((Span(said.format(kind=name, n=seen), Role.WARN),))
        else:
            said = _("{kind}: none in the last 30 s over all workers")
            lines.append((Span(said.format(kind=name), Role.GOOD),))
    return lines


def _seen_lately(state: RunState, now_s: float, kind: str) -> int:
    count = 0
    for record in reversed(state.log):
        if record.at < now_s - RECENT_S:
            break
        if isinstance(record.event, AttemptFailed) and record.event.error_kind == kind:
            count += 1
    return count


def waste_lines(state: RunState, now_s: float, running: Sequence[str], *, again: bool = True) -> list[Line]:
    """What is thrown away of those that run, to start them again or for good."""
    if not running:
        return []
    usd = used_usd(state, [state.subtasks[i] for i in running], now_s)
    said = tokens(sum(state.subtasks[i].chars for i in running) // 4)
    count = len(running)
    text = _n("stops it; wastes {tokens} tokens, {usd}", "stops {n}; wastes {tokens} tokens, {usd}", count)
    if again:
        text = _n(
            "stops it and starts again; wastes {tokens} tokens, {usd}",
            "stops {n} and starts again; wastes {tokens} tokens, {usd}",
            count,
        )
    return [(Span(text.format(n=count, tokens=said, usd=money(usd)), Role.WARN),)]


def left_out_lines(left_out: Sequence[tuple[str, str]], most: int = 3) -> list[Line]:
    """Those that a command leaves alone, and why."""
    if not left_out:
        return []
    words = ", ".join(f"{label} {_(why)}" for label, why in left_out[:most])
    rest = len(left_out) - most
    more = _n(" and {n} more", " and {n} more", rest).format(n=rest) if rest > 0 else ""
    return [(Span(_("left out: "), Role.DIM), Span(words + more, Role.DIM))]


def why_no_retry(state: RunState) -> str:
    """Why nothing at all can be tried again now; empty when it can."""
    return "" if state.stopping is None else _("The run is stopping; nothing is tried again.")


def retry_after_end(state: RunState) -> str:
    """How to try again what failed in a run that has ended; empty while it is on, or when nothing failed."""
    failed = sum(state.counts.get(status, 0) for status in BAD)
    if state.finished is None or not failed:
        return ""
    text = _n(
        "The run has ended; luna-tui retry {run} tries {n} again.",
        "The run has ended; luna-tui retry {run} tries the {n} again.",
        failed,
    )
    return text.format(run=state.run, n=failed)


def refusal(left_out: Sequence[tuple[str, str]]) -> str:
    """One line when nothing can be done for any of them."""
    if not left_out:
        return _("There is no subtask under the cursor.")
    label, why = left_out[0]
    rest = len(left_out) - 1
    more = _n(" (and {n} more)", " (and {n} more)", rest).format(n=rest) if rest else ""
    return _("{label} {why}{more}.").format(label=label, why=_(why), more=more)
