"""What each event does to the state of a run; called by `RunState.apply` only."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from luna_tui.core.agents import drop_changes, end_asks, end_calls
from luna_tui.core.continuing import continue_run
from luna_tui.core.counting import count, count_plan, go_on, note_trouble, note_wave, pause, uncount
from luna_tui.core.events import (
    Attached,
    AttemptFailed,
    CancelRequested,
    Detached,
    JournalFailed,
    JournalRepaired,
    JournalSaved,
    JournalSlowed,
    LimitsObserved,
    RetryRequested,
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
    UsageRecorded,
    WaveFinished,
    WaveStarted,
)
from luna_tui.core.outline import shown
from luna_tui.core.parts import SubtaskState, WaveState
from luna_tui.core.samples import Throttle, note_throttle, sample
from luna_tui.core.spans import ENDED, Span, Try
from luna_tui.core.tracks import note_end
from luna_tui.core.trying import RUN, begin_span, end_span, end_try, in_flight, rest
from luna_tui.core.words import LIMITER_REASONS, ErrorKind, Kind, Manner, Scope, Status, WaitReason

if TYPE_CHECKING:
    from luna_tui.core.state import RunState

OUTPUT_TAIL_CHARS = 16_384
"""Text kept per subtask for the screen; the whole text is in its output file."""


def start_run(state: RunState, event: RunStarted, at: float) -> None:
    if state.subtasks:
        continue_run(state, event, at)
        return
    state.resumed_from = event.resumed_from or ""
    state.staff.append((at, event.max_workers))
    state.started_at, state.plan = event.started_at, event.plan
    state.mode, state.tier, state.provider = event.mode, event.tier, event.provider
    state.max_workers, state.automatic = event.max_workers, event.automatic
    state.version, state.budget_usd, state.sandbox = event.version, event.budget_usd, event.sandbox
    for number, wave in enumerate(event.plan.waves, 1):
        ids = tuple(s.id for s in wave.subtasks)
        most = wave.max_workers if wave.parallel else 1
        state.waves[wave.name] = WaveState(
            wave.name, number, wave.parallel, wave.timeout, subtasks=ids, most=most
        )
        width = max(2, len(str(len(ids))))
        for place, planned in enumerate(wave.subtasks, 1):
            label = f"{number}.{place:0{width}d}"
            state.subtasks[planned.id] = SubtaskState(planned, wave.name, label)
    count_plan(state)


def apply_wave(state: RunState, event: WaveStarted | WaveFinished, at: float) -> None:
    wave = state.waves.get(event.wave)
    if wave is None:
        return
    match event:
        case WaveStarted():
            wave.parallel, wave.reason, wave.workers = event.parallel, event.reason, event.workers
            wave.started_at = at
        case WaveFinished():
            wave.status, wave.end_reason, wave.ended_at = event.status, event.reason, at
    note_wave(state, wave)


def apply_limits(state: RunState, event: LimitsObserved, at: float) -> None:
    state.limits, state.limits_at = event, at
    if event.budget_usd is not None:
        state.budget_usd = event.budget_usd
    for name, gauge in (("rpm", event.rpm), ("itpm", event.itpm), ("otpm", event.otpm)):
        state.caps[name] = max(gauge.cap, state.caps.get(name, 0))
    sample(state.samples, event, at, in_flight=state.running)


_KeepingEvent = (
    JournalFailed | JournalSaved | JournalSlowed | JournalRepaired | TerminalLost | Attached | Detached
)


def apply_keeping(state: RunState, event: _KeepingEvent, at: float) -> None:
    """Who watches, and whether it is saved."""
    match event:
        case JournalFailed():
            state.not_saved, state.saved_before = event.message, event.saved_seq
        case JournalSaved():
            state.not_saved = ""
        case JournalSlowed():
            state.slow_disk_at, state.slow_disk_s = at, event.sync_s
        case Attached() | Detached():
            state.viewers = event.viewers
        case JournalRepaired() | TerminalLost():
            pass


def apply_pause(state: RunState, event: RunPaused | RunResumed, at: float) -> None:
    state.paused = isinstance(event, RunPaused)
    if state.paused:
        state.pauses.append(Span("paused", at))
    elif state.pauses:
        state.pauses[-1].end_at = at


def apply_request(
    state: RunState, event: CancelRequested | RetryRequested | SkipRequested, at: float
) -> None:
    match event:
        case CancelRequested():
            _cancel(state, event)
        case SkipRequested():
            _skip(state, event)
        case RetryRequested():
            _retry(state, event, at)


def _cancel(state: RunState, event: CancelRequested) -> None:
    match event.scope:
        case Scope.RUN:
            state.stopping = event.manner
            hit = list(state.subtasks.values())
        case Scope.WAVE:
            hit = [s for s in state.subtasks.values() if s.wave == event.wave]
        case Scope.SUBTASK:
            hit = [s for s in state.subtasks.values() if s.id == event.subtask]
    for subtask in hit:
        if subtask.status is None and not (event.manner is Manner.FINISH and in_flight(subtask)):
            subtask.cancel_requested = True


def _skip(state: RunState, event: SkipRequested) -> None:
    for i in event.subtasks:
        subtask = state.subtasks.get(i)
        if subtask is not None and subtask.status is None:
            subtask.cancel_requested = True


def _retry(state: RunState, event: RetryRequested, at: float) -> None:
    if event.prompt is not None:
        for i in event.subtasks:
            if i in state.subtasks:
                subtask = state.subtasks[i]
                subtask.planned = replace(subtask.planned, prompt=shown(event.prompt))
    for i in event.requeued:
        if i in state.subtasks:
            _put_back(state, state.subtasks[i], at, event.by)


def _put_back(state: RunState, s: SubtaskState, at: float, by: str) -> None:
    """The subtask is going to be tried again, whatever it was doing."""
    uncount(state, s)
    s.cancel_requested = False
    if s.status is not None:
        _undo_end(state, s, at)
    elif s.running or in_flight(s):
        s.running, s.waiting, s.expected_s, s.tool, s.asked = False, None, None, None, None
        last = in_flight(s)
        if last is not None:
            end_try(state, last, at)
            last.error_kind, last.message = ErrorKind.INTERRUPTED, f"tried again by {by}"
            end_calls(s, at)
            state.tracks.fail(s, last, at)
        end_span(state, s, at)
    end_asks(state, s, at)
    count(state, s)


def _undo_end(state: RunState, s: SubtaskState, at: float) -> None:
    s.undone += (Span(ENDED, at if s.ended_at is None else s.ended_at, at),)
    s.status, s.reason, s.output_file, s.asked = None, "", None, None
    s.started_at, s.ended_at, s.duration_s = None, None, 0.0
    wave = state.waves.get(s.wave)
    if wave is not None and wave.ended_at is not None:
        wave.status, wave.end_reason, wave.ended_at, wave.reopened = None, "", None, True
        note_wave(state, wave)


_SubtaskEvent = (
    SubtaskWaiting
    | SubtaskStarted
    | UsageRecorded
    | AttemptFailed
    | SubtaskFinished
    | ThreadAbandoned
    | ThreadReturned
)


def apply_output(s: SubtaskState, text: str, at: float) -> None:
    """The one event of which there are many."""
    s.chars += len(text)
    s.tail = (s.tail + text)[-OUTPUT_TAIL_CHARS:]
    before = s.last_output_at
    if before is None:
        s.first_output_at = before = at
        if s.tries:
            before, s.tries[-1].first_output_at = s.tries[-1].started_at, at
    if s.stirred_at is not None and s.stirred_at > before:
        before = s.stirred_at
    if at - before > s.silent_s:
        s.silent_s = at - before
    s.last_output_at = at


def apply_subtask(state: RunState, s: SubtaskState, event: _SubtaskEvent, at: float) -> None:
    match event:
        case SubtaskWaiting():
            _wait(state, s, event, at)
        case SubtaskStarted():
            _start_attempt(state, s, event, at)
        case UsageRecorded():
            _add_usage(state, s, event)
        case AttemptFailed():
            _fail_attempt(state, s, event, at)
        case SubtaskFinished():
            _finish_subtask(state, s, event, at)
        case ThreadAbandoned():
            s.ghost = True
            state.ghosts += 1
            note_trouble(state, s, s.status)
        case ThreadReturned():
            s.ghost = False
            state.ghosts = max(0, state.ghosts - 1)
            note_trouble(state, s, s.status)


def _wait(state: RunState, s: SubtaskState, event: SubtaskWaiting, at: float) -> None:
    pause(state, s)
    rest(state, s, at)
    s.waiting, s.waiting_since, s.expected_s = event.reason, at, event.expected_s
    s.running = False
    go_on(state, s)
    if event.reason is WaitReason.PAUSED:
        s.asked = None
    elif s.asked is None and event.reason in LIMITER_REASONS:
        s.asked = state.seq
    _hold(state, s, event.worker)
    begin_span(state, s, f"wait:{event.reason}", at)


def _start_attempt(state: RunState, s: SubtaskState, event: SubtaskStarted, at: float) -> None:
    pause(state, s)
    s.waiting, s.running, s.attempt = None, True, event.attempt
    go_on(state, s)
    if s.ghost:
        s.ghost = False
        note_trouble(state, s, None)
    drop_changes(state, s)
    s.asked = state.seq if s.asked is None else s.asked
    s.silent_s = 0.0
    s.started_at = at if s.started_at is None else s.started_at
    s.first_output_at = s.last_output_at = None
    s.tail, s.chars, s.tool, s.expected_s, s.stirred_at = "", 0, None, None, None
    s.tries.append(Try(event.attempt, at))
    state.tried.begin(at)
    _hold(state, s, event.worker)
    begin_span(state, s, RUN, at)


def _add_usage(state: RunState, s: SubtaskState, event: UsageRecorded) -> None:
    late = s.status is Status.SUCCEEDED
    if late:
        uncount(state, s)
    s.input_tokens += event.input_tokens
    s.output_tokens += event.output_tokens
    s.cache_read_tokens += event.cache_read_tokens
    state.tokens = state.tokens.plus(event)
    state.estimates.note(event)
    used = _add_to_try(s, event)
    if s.running:
        s.asked = None  # that request is over, and another one takes a place of its own
    if event.cost_usd is None:
        state.unpriced = True
    else:
        if used is not None:
            state.tracks.pay(used, event.cost_usd)
        s.cost_usd = (s.cost_usd or 0.0) + event.cost_usd
        state.cost_usd = (state.cost_usd or 0.0) + event.cost_usd
    if late:
        count(state, s)


def _add_to_try(s: SubtaskState, event: UsageRecorded) -> Try | None:
    used = next((t for t in reversed(s.tries) if t.number == event.attempt), None)
    if used is not None:
        used.input_tokens += event.input_tokens
        used.output_tokens += event.output_tokens
    return used


def _fail_attempt(state: RunState, s: SubtaskState, event: AttemptFailed, at: float) -> None:
    pause(state, s)
    s.running = False
    go_on(state, s)
    if s.tries and s.tries[-1].number == event.attempt:
        last = s.tries[-1]
        told = last.error_kind is not None
        if last.ended_at is None or event.error_kind is not ErrorKind.INTERRUPTED:
            end_try(state, last, at)
        last.error_kind, last.message = event.error_kind, event.message
        last.status, last.delay_s = event.status, event.delay_s
        if not told:
            state.tracks.fail(s, last, at)
    end_calls(s, at)
    end_asks(state, s, at)
    if event.status == 429:
        state.throttled_at.append(at)
        note_throttle(state.throttles, Throttle(at, s.id, event.delay_s))
    if event.error_kind is not ErrorKind.RATE_LIMITED:
        s.asked = None
    end_span(state, s, at)


def _finish_subtask(state: RunState, s: SubtaskState, event: SubtaskFinished, at: float) -> None:
    uncount(state, s)
    s.status, s.reason, s.ended_at = event.status, event.reason, at
    s.running, s.waiting, s.expected_s, s.tool = False, None, None, None
    s.duration_s, s.output_file, s.attempt = event.duration_s, event.output_file, event.attempt
    if s.tries and s.tries[-1].ended_at is None:
        _hear_last(state, s, at)
        end_try(state, s.tries[-1], at)
    end_calls(s, at)
    end_asks(state, s, at)
    note_end(state, s)
    state.tracks.finish(s, at)
    count(state, s)
    end_span(state, s, at)
    if s.worker is not None and state.workers.get(s.worker) == s.id:
        del state.workers[s.worker]


def _hold(state: RunState, s: SubtaskState, worker: int | None) -> None:
    if worker is not None:
        s.worker = worker
        state.workers[worker] = s.id
        state.holders[worker] = s


def _hear_last(state: RunState, s: SubtaskState, at: float) -> None:
    """Learn from an attempt that went well for how long one may be silent."""
    if s.status is Status.SUCCEEDED and s.planned.kind is Kind.CLAUDE:
        since = max(s.tries[-1].started_at, s.last_output_at or 0.0, s.stirred_at or 0.0)
        state.waves[s.wave].silences.add(max(s.silent_s, at - since))
