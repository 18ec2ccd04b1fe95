"""Tell a run in full sentences: for plain consoles, screen readers, logs, and the events of a subtask."""

from __future__ import annotations

from collections.abc import Iterator

from luna_tui.core.clean import clean_line
from luna_tui.core.events import (
    ApprovalDecided,
    ApprovalRequested,
    Attached,
    AttemptFailed,
    BudgetChanged,
    CancelRequested,
    ChangesAccepted,
    ChangesDropped,
    ChangesRefused,
    Detached,
    JournalFailed,
    JournalRepaired,
    JournalSaved,
    JournalSlowed,
    ModeChanged,
    Record,
    RetryRequested,
    RunFinished,
    RunPaused,
    RunResumed,
    RunStarted,
    SkipRequested,
    SubtaskFinished,
    SubtaskStarted,
    SubtaskWaiting,
    TerminalLost,
    ThreadAbandoned,
    ThreadReturned,
    ToolCalled,
    ToolFinished,
    TurnFailed,
    TurnStarted,
    WaveFinished,
    WaveStarted,
    WorkersChanged,
    WorkspaceChanged,
)
from luna_tui.core.figures import clock
from luna_tui.core.figures import spoken as spoken
from luna_tui.core.insight import Flow, Stand, flow, quiet_after_s, silence_s, stand
from luna_tui.core.reasons import mode_word, reason_words, who_asked
from luna_tui.core.state import RunState, SubtaskState
from luna_tui.core.telling_agents import about_agent
from luna_tui.core.tongue import N_, _, _n
from luna_tui.core.words import GOOD, ErrorKind, Manner, RunStatus, Status, WaitReason

_NAMED = 5
"""Subtasks named in one sentence."""
ENDS = {
    Status.SUCCEEDED: N_("succeeded"),
    Status.FAILED: N_("failed"),
    Status.TIMED_OUT: N_("timed out"),
    Status.CANCELLED: N_("cancelled"),
    Status.SKIPPED: N_("skipped"),
    Status.CACHED: N_("from the cache"),
}
"""How a subtask ended, in words."""
_RUN_ENDS = {
    RunStatus.SUCCEEDED: N_("succeeded"),
    RunStatus.FAILED: N_("failed"),
    RunStatus.CANCELLED: N_("cancelled"),
    RunStatus.HELD: N_("held"),
}
WAITS = {
    WaitReason.SLOT: N_("a worker"),
    WaitReason.RPM: N_("requests per minute"),
    WaitReason.ITPM: N_("input tokens per minute"),
    WaitReason.OTPM: N_("output tokens per minute"),
    WaitReason.BUDGET: N_("budget"),
    WaitReason.PAUSED: N_("the end of the pause"),
    WaitReason.APPROVAL: N_("approval"),
    WaitReason.BACKOFF: N_("the next try"),
    WaitReason.RETRY_AFTER: N_("the pause the server asked for"),
    WaitReason.RAMP: N_("first answers"),
}
"""What a subtask waits for, as in `waits for ...`."""


def counted(status: Status, n: int) -> str:
    """`2 failed`."""
    match status:
        case Status.SUCCEEDED:
            text = _n("{n} succeeded", "{n} succeeded", n)
        case Status.CACHED:
            text = _n("{n} from the cache", "{n} from the cache", n)
        case Status.FAILED:
            text = _n("{n} failed", "{n} failed", n)
        case Status.TIMED_OUT:
            text = _n("{n} timed out", "{n} timed out", n)
        case Status.CANCELLED:
            text = _n("{n} cancelled", "{n} cancelled", n)
        case Status.SKIPPED:
            text = _n("{n} skipped", "{n} skipped", n)
    return text.format(n=n)


def line(state: RunState, record: Record) -> str | None:
    """`1:41 failed 2.44 fix_links: ...`; None for what is not worth a line of its own."""
    text = sentence(state, record)
    return None if text is None else f"{clock(record.at)} {text}"


def sentence(state: RunState, record: Record) -> str | None:
    """What happened, for whoever follows the whole run; None for what is only a step."""
    match record.event:
        case AttemptFailed() as e if not e.will_retry:
            return None
        case SubtaskWaiting() | SubtaskStarted() | ToolCalled() | ToolFinished() | ThreadReturned():
            return None
        case TurnStarted() | TurnFailed():
            return None
        case AttemptFailed() | SubtaskFinished() | ThreadAbandoned() as e:
            return about_subtask(state, record, f" {name_of(state, e.subtask)}")
        case (
            ApprovalRequested()
            | ApprovalDecided()
            | WorkspaceChanged()
            | ChangesAccepted()
            | ChangesDropped()
            | ChangesRefused() as e
        ):
            return about_subtask(state, record, f" {name_of(state, e.subtask)}")
        case _:
            return _about_run(state, record)


def name_of(state: RunState, subtask: str) -> str:
    """`2.44 fix_links`."""
    s = state.subtasks.get(subtask)
    return f"{s.label} {s.planned.title}" if s is not None else clean_line(subtask)


def about_subtask(state: RunState, record: Record, name: str = "") -> str | None:
    """What happened to a subtask; None when it is no event of one. `name` begins with a space, if given."""
    match record.event:
        case SubtaskWaiting() as e:
            about = "" if e.expected_s is None else _(", about {time}").format(time=spoken(e.expected_s))
            return _("waits for {what}{about}.").format(what=_(WAITS[e.reason]), about=about)
        case SubtaskStarted() as e:
            return _("started: try {n} on worker {worker}.").format(n=e.attempt, worker=e.worker)
        case AttemptFailed() as e:
            return _failed(state, e, name)
        case SubtaskFinished() as e:
            return _ended(e, name)
        case ThreadAbandoned():
            return _("attention{name}: its thread ignores the cancellation.").format(name=name)
        case ThreadReturned():
            return _("came back: what its thread brought is dropped.")
        case _:
            return about_agent(record.event, name)


def _failed(state: RunState, e: AttemptFailed, name: str) -> str:
    s = state.subtasks.get(e.subtask)
    if e.error_kind is ErrorKind.INTERRUPTED and e.will_retry:
        text = _("interrupted{name}: {why}; it runs again.")
        return text.format(name=name, why=_plain(e.message))
    of = max(e.attempt + e.will_retry, s.planned.retries + 1 if s is not None else e.attempt)
    text = _("failed{name}: {why}, try {n} of {of}").format(
        name=name, why=_plain(e.message), n=e.attempt, of=of
    )
    if e.will_retry:
        text += _(", next in {time}").format(time=spoken(e.delay_s or 0.0))
    return text + "."


def _ended(e: SubtaskFinished, name: str) -> str:
    how = _(ENDS[e.status])
    if e.status in GOOD:
        return _("{how}{name} after {time}.").format(how=how, name=name, time=spoken(e.duration_s))
    tries = _n("{n} try", "{n} tries", e.attempts).format(n=e.attempts)
    why = _plain(e.reason) or _("no reason was given")
    return f"{how}{name}: {why}, {tries}." if e.attempts else f"{how}{name}: {why}."


def _plain(reason: str) -> str:
    """A reason inside a sentence: one line, without an end of its own."""
    return clean_line(reason_words(reason)).rstrip(".")


def _about_run(state: RunState, record: Record) -> str | None:
    match record.event:
        case RunStarted() as e:
            return _started(record.run, e)
        case WaveStarted() as e:
            return _("{wave}, begins; {why}.").format(
                wave=wave_words(state, e.wave), why=clean_line(reason_words(e.reason))
            )
        case WaveFinished() as e:
            counts = ", ".join(counted(Status(s), n) for s, n in e.counts.items())
            why = f" ({clean_line(reason_words(e.reason))})" if e.reason else ""
            text = _("{wave}, ended after {time}: {counts}{why}.")
            return text.format(
                wave=wave_words(state, e.wave), time=spoken(e.wall_s), counts=counts or _("nothing"), why=why
            )
        case RunFinished() as e:
            text = _("run {how} after {time}").format(how=_(_RUN_ENDS[e.status]), time=spoken(e.wall_s))
            if e.status is RunStatus.HELD and e.reason:
                text += f": {_plain(e.reason)}"
            if e.speedup:
                text += _(", {n:.1f} times as fast as one after another").format(n=e.speedup)
            return text + "."
        case JournalFailed() as e:
            return _("attention: NOT SAVED any more: {why}.").format(why=_plain(e.message))
        case JournalSaved() | JournalSlowed() | JournalRepaired() | TerminalLost() | Attached() | Detached():
            return _kept(record)
        case _:
            return _asked(state, record)


def _kept(record: Record) -> str | None:
    """Of what keeps the run and who watches it."""
    match record.event:
        case JournalSaved() as e:
            text = _("saved again after {time}").format(time=spoken(e.after_s))
            if e.lost:
                text += _n("; {n} event is lost", "; {n} events are lost", e.lost).format(n=e.lost)
            return text + "."
        case JournalSlowed() as e:
            return _("the disk is slow: it took {n:.1f} seconds to save.").format(n=e.sync_s)
        case JournalRepaired() as e:
            text = _n(
                "the journal is repaired: {n} line that could not be used is in {where}.",
                "the journal is repaired: {n} lines that could not be used are in {where}.",
                e.lines,
            )
            return text.format(n=e.lines, where=clean_line(e.where))
        case TerminalLost():
            return _("the terminal is gone; the run goes on.")
        case Attached() as e:
            how = _("{by} watches, read-only.") if e.read_only else _("{by} watches.")
            return how.format(by=who_asked(e.by))
        case Detached() as e:
            return _("{by} left; the run goes on.").format(by=who_asked(e.by))
        case _:
            return None


def _started(run: str, e: RunStarted) -> str:
    if e.away_s is not None:
        text = _("run {run} goes on, {time} after it was left: {tier} {mode}, {workers}, {provider}.")
        return text.format(
            run=run, time=spoken(e.away_s), tier=e.tier, mode=mode_word(e.mode), workers=_workers(e),
            provider=e.provider,
        )  # fmt: skip
    count = sum(len(w.subtasks) for w in e.plan.waves)
    subtasks = _n("{n} subtask", "{n} subtasks", count).format(n=count)
    waves = _n("{n} wave", "{n} waves", len(e.plan.waves)).format(n=len(e.plan.waves))
    text = _("run {run} begins: {plan}, {subtasks} in {waves}, {tier} {mode}, {workers}, {provider}.")
    if e.resumed_from is not None:
        text += " " + _("It takes over what {run} had done.").format(run=clean_line(e.resumed_from))
    return text.format(
        run=run, plan=e.plan.name, subtasks=subtasks, waves=waves, tier=e.tier, mode=mode_word(e.mode),
        workers=_workers(e), provider=e.provider,
    )  # fmt: skip


def _workers(e: RunStarted) -> str:
    workers = _n("{n} worker", "{n} workers", e.max_workers).format(n=e.max_workers)
    return _("up to {workers}").format(workers=workers) if e.automatic else workers


def _asked(state: RunState, record: Record) -> str | None:
    match record.event:
        case CancelRequested() as e:
            what = _("the run")
            if e.subtask:
                what = name_of(state, e.subtask)
            elif e.wave:
                what = wave_words(state, e.wave)
            how = _("now") if e.manner is Manner.NOW else _("what is in flight ends by itself")
            return _("{by} asked to stop {what}: {how}.").format(by=who_asked(e.by), what=what, how=how)
        case ModeChanged() as e:
            return _("mode is {mode} now, it was {before}; by {by}.").format(
                mode=mode_word(e.to), before=mode_word(e.from_), by=who_asked(e.by)
            )
        case WorkersChanged() as e:
            return _("{n} workers now, there were {before}.").format(n=e.to, before=e.from_)
        case RetryRequested() as e:
            return _retried(state, e)
        case SkipRequested() as e:
            return _("{by} asked to skip {what}.").format(by=who_asked(e.by), what=_names(state, e.subtasks))
        case BudgetChanged() as e:
            return _("the budget is {usd} now, it was {before}; by {by}.").format(
                usd=_dollars(e.to), before=_dollars(e.from_), by=who_asked(e.by)
            )
        case RunPaused() as e:
            return _("paused by {by}: nothing more starts, what is in flight ends by itself.").format(
                by=who_asked(e.by)
            )
        case RunResumed() as e:
            return _("admission goes on, by {by}.").format(by=who_asked(e.by))
        case _:
            return None


def _retried(state: RunState, e: RetryRequested) -> str:
    text = _("{by} asked to retry {what}").format(by=who_asked(e.by), what=_names(state, e.subtasks))
    more = len(e.requeued) - len(set(e.requeued).intersection(e.subtasks))
    if more:
        text += _n(" and {n} more that waited for it", " and {n} more that waited for it", more).format(
            n=more
        )
    if e.prompt is not None:
        text += _(", with another prompt")
    return text + "."


def _names(state: RunState, ids: tuple[str, ...]) -> str:
    """The first few by name, the others counted."""
    text = ", ".join(name_of(state, i) for i in ids[:_NAMED])
    more = len(ids) - _NAMED
    return text if more <= 0 else _("{names} and {n} more").format(names=text, n=more)


def _dollars(amount: float | None) -> str:
    if amount is None:
        return _("without a cap")
    return _("{usd:.2f} dollars").format(usd=amount)


def wave_words(state: RunState, wave: str) -> str:
    """`wave 2 of 5, extract`."""
    w = state.waves.get(wave)
    if w is None:
        return _("wave {name}").format(name=clean_line(wave))
    return _("wave {n} of {of}, {name}").format(n=w.number, of=len(state.waves), name=w.name)


def status_sentences(state: RunState, now_s: float) -> tuple[str, ...]:
    """How the run stands, in one or two sentences without a clock."""
    counts = state.counts
    ok = sum(n for s, n in counts.items() if s in GOOD)
    ends = [_("{n} of {of} ok").format(n=ok, of=len(state.subtasks))]
    ends += [counted(s, n) for s, n in counts.items() if s not in GOOD and n]
    if state.finished is not None:
        text = _("The run has ended. {counts}.").format(counts=", ".join(ends))
        return (text, *_money(state))
    now = flow(state, now_s)
    waiting = sum(n for _reason, n, _s in now.waits)
    ends.append(_("{n} in flight").format(n=now.in_flight))
    ends.append(_("{n} waiting").format(n=waiting))
    wave = state.current_wave
    head = f"{wave_words(state, wave.name)}. " if wave is not None else ""
    return (f"{head}{', '.join(ends)}.", *_held_up(state, now))


def _held_up(state: RunState, now: Flow) -> Iterator[str]:
    parts = []
    if state.paused:
        parts.append(_("Paused: nothing more starts."))
    if now.waits:
        waits = ", ".join(
            _("{n} for {what}").format(n=n, what=_(WAITS[reason])) for reason, n, _s in now.waits
        )
        parts.append(_("waiting: {waits}.").format(waits=waits))
    parts += _money(state)
    if parts:
        yield " ".join(parts)


def _money(state: RunState) -> list[str]:
    budget = state.budget_usd
    if state.cost_usd is None:
        return []
    if budget is None:
        text = _("Would have cost {usd:.2f} dollars.") if state.simulated else _("Spent {usd:.2f} dollars.")
        return [text.format(usd=state.cost_usd)]
    text = _("Spent {usd:.2f} of {of:.2f} dollars.")
    if state.simulated:
        text = _("Would have cost {usd:.2f} of {of:.2f} dollars.")
    return [text.format(usd=state.cost_usd, of=budget)]


def quiet_ones(state: RunState, now_s: float) -> Iterator[tuple[SubtaskState, str]]:
    """Subtasks in flight that have been silent for unusually long, each with its sentence."""
    usual: dict[str, float] = {}
    for subtask in state.workers.values():
        s = state.subtasks.get(subtask)
        if s is None or not s.running:
            continue
        if s.wave not in usual:
            usual[s.wave] = quiet_after_s(state, state.waves[s.wave])
        if stand(s, now_s, quiet_after_s=usual[s.wave]) is Stand.QUIET:
            text = _("attention {name}: no token for {time}.")
            yield s, text.format(name=name_of(state, s.id), time=spoken(silence_s(s, now_s)))
