"""Records in words: a glyph, who, and what happened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from luna_tui.core.agents import AgentEvent, SettledEvent
from luna_tui.core.events import (
    Attached,
    AttemptFailed,
    BudgetChanged,
    CancelRequested,
    Detached,
    JournalFailed,
    JournalRepaired,
    JournalSaved,
    JournalSlowed,
    LimitsObserved,
    ModeChanged,
    Record,
    RetryRequested,
    RunFinished,
    RunPaused,
    RunResumed,
    RunStarted,
    SkipRequested,
    SubtaskFinished,
    SubtaskOutput,
    SubtaskStarted,
    SubtaskWaiting,
    TerminalLost,
    ThreadAbandoned,
    ThreadReturned,
    UsageRecorded,
    WaveFinished,
    WaveStarted,
    WorkersChanged,
)  # fmt: skip
from luna_tui.core.insight import Stand
from luna_tui.core.reasons import mode_word, reason_words, who_asked
from luna_tui.core.state import RunState
from luna_tui.core.tongue import N_, _, _n
from luna_tui.core.words import Manner, RunStatus, Status, WaitReason
from luna_tui.tui.views.glyphs import ROLES, Glyphs
from luna_tui.tui.views.spans import Role
from luna_tui.tui.views.telling_agents import Happened, of_agent, of_changes
from luna_tui.tui.views.text import clock, money, tokens

STATUS_WORDS = {
    Status.SUCCEEDED: N_("ok"), Status.CACHED: N_("from cache"), Status.FAILED: N_("failed"),
    Status.TIMED_OUT: N_("timed out"), Status.CANCELLED: N_("cancelled"), Status.SKIPPED: N_("skipped"),
}  # fmt: skip
RUN_WORDS = {
    RunStatus.SUCCEEDED: N_("succeeded"), RunStatus.FAILED: N_("failed"),
    RunStatus.CANCELLED: N_("cancelled"), RunStatus.HELD: N_("held"),
}  # fmt: skip
WAIT_WORDS = {
    WaitReason.SLOT: N_("for a worker"), WaitReason.RPM: N_("for requests per minute"),
    WaitReason.ITPM: N_("for input tokens per minute"), WaitReason.OTPM: N_("for output tokens per minute"),
    WaitReason.BUDGET: N_("for budget"), WaitReason.PAUSED: N_("while paused"),
    WaitReason.APPROVAL: N_("for approval"), WaitReason.BACKOFF: N_("before the next try"),
    WaitReason.RETRY_AFTER: N_("as the server asked"), WaitReason.RAMP: N_("for the first answers"),
}  # fmt: skip
_WAIT_STANDS = {
    WaitReason.SLOT: Stand.QUEUED, WaitReason.BUDGET: Stand.HELD, WaitReason.APPROVAL: Stand.ASK,
    WaitReason.PAUSED: Stand.PAUSED, WaitReason.BACKOFF: Stand.BACKOFF, WaitReason.RETRY_AFTER: Stand.BACKOFF,
}  # fmt: skip
_ENDS = {
    Status.SUCCEEDED: Stand.OK, Status.CACHED: Stand.CACHED, Status.FAILED: Stand.FAILED,
    Status.TIMED_OUT: Stand.TIMED_OUT, Status.CANCELLED: Stand.CANCELLED, Status.SKIPPED: Stand.SKIPPED,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Told:
    """A record in words."""

    glyph: str
    who: str
    what: str
    role: Role = Role.TEXT
    subtask: str | None = None


def tell(state: RunState, record: Record, g: Glyphs) -> Told:
    """Any record in words."""
    event = record.event
    if isinstance(event, AgentEvent):
        return _about(state, event.subtask, of_agent(event), g)
    if isinstance(event, SettledEvent):
        return _about(state, event.subtask, of_changes(event), g)
    match event:
        case (
            SubtaskWaiting()
            | SubtaskStarted()
            | SubtaskOutput()
            | UsageRecorded()
            | AttemptFailed()
            | SubtaskFinished()
            | ThreadAbandoned()
            | ThreadReturned()
        ):
            return _of_subtask(state, event, g)
        case ModeChanged() | WorkersChanged() | RunPaused() | RunResumed() | CancelRequested():
            return _of_person(state, event, g)
        case RetryRequested() | SkipRequested() | BudgetChanged():
            return _asked(state, event, g)
        case WaveStarted():
            return Told(g.now, _wave(state, event.wave), reason_words(event.reason), Role.STRONG)
        case WaveFinished():
            how = _("{how} after {time}").format(how=_(RUN_WORDS[event.status]), time=clock(event.wall_s))
            good = event.status is RunStatus.SUCCEEDED
            glyph = g.states[Stand.OK if good else Stand.FAILED]
            return Told(
                glyph,
                _wave(state, event.wave),
                how + _because(event.reason),
                Role.GOOD if good else Role.BAD,
            )
        case LimitsObserved():
            shares = ", ".join(
                f"{name} {100 * (gauge.settled + gauge.reserved) // max(1, gauge.limit)} %"
                for name, gauge in (("RPM", event.rpm), ("ITPM", event.itpm), ("OTPM", event.otpm))
            )
            return Told(g.states[Stand.LIMIT], _("limits"), shares, Role.DIM)
        case JournalFailed():
            what = _("NOT SAVED: {why}").format(why=reason_words(event.message))
            return Told(g.states[Stand.QUIET], _("run"), what, Role.BAD)
        case JournalSaved() | JournalSlowed() | JournalRepaired() | TerminalLost() | Attached() | Detached():
            return _kept(event, g)
        case RunStarted():
            return Told(g.now, _("run"), _begun(event), Role.STRONG)
        case RunFinished():
            how = _("{how} after {time}").format(how=_(RUN_WORDS[event.status]), time=clock(event.wall_s))
            glyph = g.states[Stand.OK if event.status is RunStatus.SUCCEEDED else Stand.FAILED]
            return Told(glyph, _("run"), how + _because(event.reason), Role.STRONG)
        case _:
            assert_never(event)


def _begun(event: RunStarted) -> str:
    said = _("started: {tier} {mode}, {n} workers")
    if event.away_s is not None:
        said = _("goes on after {away} away: {tier} {mode}, {n} workers")
    return said.format(
        tier=event.tier, mode=mode_word(event.mode), n=event.max_workers, away=clock(event.away_s or 0.0)
    )


_OfKeeping = JournalSaved | JournalSlowed | JournalRepaired | TerminalLost | Attached | Detached


def _kept(event: _OfKeeping, g: Glyphs) -> Told:
    """Of what keeps the run and who watches it."""
    match event:
        case JournalSaved():
            what = _("saved again after {time}").format(time=clock(event.after_s))
            if event.lost:
                what += _n("; {n} event is lost", "; {n} events are lost", event.lost).format(n=event.lost)
            return Told(g.states[Stand.OK], _("run"), what, Role.BAD if event.lost else Role.GOOD)
        case JournalSlowed():
            what = _("slow disk: {n:.1f} s to save").format(n=event.sync_s)
            return Told(g.states[Stand.QUIET], _("run"), what, Role.WARN)
        case JournalRepaired():
            what = _n(
                "journal repaired: {n} line in {where}", "journal repaired: {n} lines in {where}", event.lines
            )
            return Told(
                g.states[Stand.QUIET], _("run"), what.format(n=event.lines, where=event.where), Role.BAD
            )
        case TerminalLost():
            return Told(g.now, _("run"), _("the terminal is gone; the run goes on"), Role.STRONG)
        case Attached():
            what = _("watches, read-only") if event.read_only else _("watches")
            return Told(g.now, who_asked(event.by), what, Role.DIM)
        case Detached():
            return Told(g.now, who_asked(event.by), _("left; the run goes on"), Role.DIM)


_OfSubtask = (
    SubtaskWaiting
    | SubtaskStarted
    | SubtaskOutput
    | UsageRecorded
    | AttemptFailed
    | SubtaskFinished
    | ThreadAbandoned
    | ThreadReturned
)


def _of_subtask(state: RunState, event: _OfSubtask, g: Glyphs) -> Told:
    return _about(state, event.subtask, _happened(event), g)


def _about(state: RunState, subtask: str, happened: Happened, g: Glyphs) -> Told:
    how, what, role = happened
    s = state.subtasks.get(subtask)
    who = f"{s.label} {s.planned.title}" if s is not None else subtask
    return Told(g.states[how], who, what, role, subtask)


def _happened(event: _OfSubtask) -> Happened:
    """What happened to a subtask: the state it resembles, words, and how loud."""
    match event:
        case SubtaskWaiting():
            how = _WAIT_STANDS.get(event.reason, Stand.LIMIT)
            return how, _waits(event), Role.DIM
        case SubtaskStarted():
            what = _("try {n} on worker {w}").format(n=event.attempt, w=event.worker)
            return Stand.STREAMING, what, Role.DIM
        case SubtaskOutput():
            what = _("said {n} characters").format(n=len(event.text))
            return Stand.STREAMING, what, Role.DIM
        case UsageRecorded():
            what = _("used {i} in, {o} out, {usd}").format(
                i=tokens(event.input_tokens), o=tokens(event.output_tokens), usd=money(event.cost_usd)
            )
            return Stand.OK, what, Role.DIM
        case AttemptFailed():
            if not event.will_retry:
                return Stand.FAILED, event.message, Role.BAD
            again = _("tries again in {s:.1f} s: {why}").format(s=event.delay_s or 0.0, why=event.message)
            if event.delay_s is None:
                again = _("runs again: {why}").format(why=reason_words(event.message))
            return Stand.BACKOFF, again, Role.WARN
        case SubtaskFinished():
            how = _ENDS[event.status]
            what = _("{how} after {time}").format(
                how=_(STATUS_WORDS[event.status]), time=clock(event.duration_s)
            )
            return how, what + _because(event.reason), ROLES[how]
        case ThreadAbandoned():
            what = _("its thread ignores the cancellation; worker {w} was replaced").format(w=event.worker)
            return Stand.GHOST, what, Role.BAD
        case ThreadReturned():
            return Stand.GHOST, _("the abandoned thread came back; its result is dropped"), Role.DIM
        case _:
            assert_never(event)


def _waits(event: SubtaskWaiting) -> str:
    said = _("waits {why}").format(why=_(WAIT_WORDS[event.reason]))
    if event.expected_s is None:
        return said
    return said + ", " + _("about {s:.0f} s").format(s=event.expected_s)


_OfPerson = ModeChanged | WorkersChanged | RunPaused | RunResumed | CancelRequested


def _of_person(state: RunState, event: _OfPerson, g: Glyphs) -> Told:
    match event:
        case ModeChanged():
            what = _("mode {a} {to} {b}").format(a=mode_word(event.from_), to=g.arrow, b=mode_word(event.to))
            return Told(g.dot, who_asked(event.by), what, Role.ACCENT)
        case WorkersChanged():
            what = _("workers {a} {to} {b}").format(a=event.from_, to=g.arrow, b=event.to)
            return Told(g.dot, who_asked(event.by), what, Role.ACCENT)
        case RunPaused():
            return Told(g.states[Stand.PAUSED], who_asked(event.by), _("paused admission"), Role.ACCENT)
        case RunResumed():
            return Told(g.now, who_asked(event.by), _("lets admission go on"), Role.ACCENT)
        case CancelRequested():
            return _cancelled(state, event, g)
        case _:
            assert_never(event)


def _asked(state: RunState, event: RetryRequested | SkipRequested | BudgetChanged, g: Glyphs) -> Told:
    match event:
        case BudgetChanged():
            what = _("budget {a} {to} {b}").format(a=_budget(event.from_), to=g.arrow, b=_budget(event.to))
            return Told(g.states[Stand.HELD], who_asked(event.by), what, Role.ACCENT)
        case SkipRequested():
            what = _("skips {what}").format(what=_named(state, event.subtasks))
            glyph = g.states[Stand.SKIPPED]
        case RetryRequested():
            said = _("retries {what}") if event.prompt is None else _("retries {what} with another prompt")
            what = said.format(what=_named(state, event.subtasks))
            more = len(set(event.requeued) - set(event.subtasks))
            if more:
                what += ", " + _n("and {n} that needs it", "and {n} that need it", more).format(n=more)
            glyph = g.states[Stand.BACKOFF]
        case _:
            assert_never(event)
    only = event.subtasks[0] if len(event.subtasks) == 1 and event.subtasks[0] in state.subtasks else None
    return Told(glyph, who_asked(event.by), what, Role.ACCENT, only)


def _named(state: RunState, ids: tuple[str, ...]) -> str:
    """`2.03 2.06 2.07 +5`."""
    labels = [state.subtasks[i].label if i in state.subtasks else i for i in ids[:3]]
    return " ".join([*labels, f"+{len(ids) - 3}"] if len(ids) > 3 else labels)


def _budget(usd: float | None) -> str:
    return _("none") if usd is None else money(usd)


def _cancelled(state: RunState, event: CancelRequested, g: Glyphs) -> Told:
    s = state.subtasks.get(event.subtask or "")
    if event.subtask is not None:
        what = f"{s.label} {s.planned.title}" if s is not None else event.subtask
    else:
        what = _wave(state, event.wave) if event.wave is not None else _("the run")
    now = event.manner is Manner.NOW
    said = _("stops {what} now") if now else _("lets {what} finish what is in flight, and start no more")
    return Told(
        g.states[Stand.CANCELLED],
        who_asked(event.by),
        said.format(what=what),
        Role.WARN,
        s.id if s is not None else None,
    )


def _because(reason: str) -> str:
    return f": {reason_words(reason)}" if reason else ""


def _wave(state: RunState, name: str) -> str:
    wave = state.waves.get(name)
    return _("wave {n} {name}").format(n=wave.number, name=name) if wave is not None else name
