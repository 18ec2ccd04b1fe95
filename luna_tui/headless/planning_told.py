"""Tell a planning in sentences, and write its records as NDJSON where they are asked for."""

from __future__ import annotations

from luna_tui.core.clean import clean_line
from luna_tui.core.failure_words import failure_words
from luna_tui.core.figures import spoken
from luna_tui.core.planning import (
    MOST_REPAIRS,
    Phase,
    PhaseFinished,
    PhaseStarted,
    PlanningEvent,
    PlanningFailed,
    PlanningRecord,
    PlanningRequestFailed,
    PlanningStarted,
    PlanningWaiting,
    PlanProposed,
    PlanRepaired,
)
from luna_tui.core.tongue import N_, _, _n
from luna_tui.core.words import WaitReason
from luna_tui.headless.printer import LinePrinter

_MOST_PROBLEMS = 5
_BEGUN = {
    Phase.ANALYSIS: N_("The model looks at what the goal asks for."),
    Phase.STRATEGY: N_("It chooses how to split it."),
    Phase.DECOMPOSITION: N_("It writes waves and subtasks."),
}
_WAITS = {
    WaitReason.RPM: N_("Waiting for room in the limit of requests."),
    WaitReason.ITPM: N_("Waiting for room in the limit of input tokens."),
    WaitReason.OTPM: N_("Waiting for room in the limit of output tokens."),
    WaitReason.BUDGET: N_("The budget of the planning has no room for the request."),
}


class PlanningLines:
    """Says what happens, a line each; the same wait is said once in a row."""

    def __init__(self, lines: LinePrinter) -> None:
        self._lines = lines
        self._last = ""

    def __call__(self, record: PlanningRecord) -> None:
        """Tell one record."""
        for line in sentences(record.event):
            if line != self._last:
                self._lines.say(line)
            self._last = line


def sentences(event: PlanningEvent) -> list[str]:
    """What an event means to a person; nothing for those that only a screen shows."""
    match event:
        case PlanningStarted():
            head = _("Planning with {model}, in {folder}.")
            if event.replans:
                head = _("Planning the rest of {run} with {model}, in {folder}.")
            folder = clean_line(event.workspace)
            return [head.format(model=clean_line(event.model), folder=folder, run=event.replans)]
        case PhaseStarted(phase=phase) if phase in _BEGUN:
            return [_(_BEGUN[phase])]
        case PhaseFinished(phase=Phase.DECOMPOSITION) as done:
            text = _n(
                "Written, about {n} token in {time}.", "Written, about {n} tokens in {time}.", done.tokens
            )
            return [text.format(n=f"{done.tokens:,}", time=spoken(done.seconds))]
        case PlanningWaiting(reason=reason) if reason in _WAITS:
            return [_(_WAITS[reason])]
        case PlanningRequestFailed():
            return _failed(event)
        case PlanRepaired():
            return _repaired(event)
        case PlanProposed():
            return _proposed(event)
        case PlanningFailed(raw_file=raw_file) if raw_file:
            return [_("The last answer is kept in {path}.").format(path=clean_line(raw_file))]
    return []


def _failed(event: PlanningRequestFailed) -> list[str]:
    if not event.will_retry:
        return []
    why = failure_words(event.error_kind.value, event.status, clean_line(event.message))
    if not event.delay_s:
        return [_("The request failed ({why}) and is sent again.").format(why=why)]
    text = _("The request failed ({why}) and is sent again in {time}.")
    return [text.format(why=why, time=spoken(event.delay_s))]


def _repaired(event: PlanRepaired) -> list[str]:
    count = len(event.problems)
    head = _n(
        "The plan has {n} mistake; the model is asked to repair it, {round} of {most}:",
        "The plan has {n} mistakes; the model is asked to repair them, {round} of {most}:",
        count,
    ).format(n=count, round=event.round, most=MOST_REPAIRS)
    lines = [head, *(f"  {clean_line(p)}" for p in event.problems[:_MOST_PROBLEMS])]
    more = count - _MOST_PROBLEMS
    if more > 0:
        lines.append("  " + _n("and {n} more", "and {n} more", more).format(n=more))
    return lines


def _proposed(event: PlanProposed) -> list[str]:
    waves = _n("{n} wave", "{n} waves", event.waves).format(n=event.waves)
    subtasks = _n("{n} subtask", "{n} subtasks", event.subtasks).format(n=event.subtasks)
    tokens = f"{event.input_tokens + event.output_tokens:,}"
    text = _("{name}: {subtasks} in {waves}. The planning took {tokens} tokens.")
    if event.cost_usd is not None:
        text = _("{name}: {subtasks} in {waves}. The planning took {tokens} tokens, {usd} USD.")
    cost = f"{event.cost_usd or 0.0:.4f}"
    return [text.format(name=clean_line(event.name), subtasks=subtasks, waves=waves, tokens=tokens, usd=cost)]
