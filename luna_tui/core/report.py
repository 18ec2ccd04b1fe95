"""The report of a run, as data and as Markdown; both only from the fold."""

from __future__ import annotations

from collections.abc import Iterator
from gettext import NullTranslations
from typing import Any

from luna_tui.core.clean import clean, clean_line
from luna_tui.core.failure_words import failure_words
from luna_tui.core.figures import bounds_in_words, clock, lost_in_words
from luna_tui.core.metrics import Measured, measured, most_workers
from luna_tui.core.offering import offer_words
from luna_tui.core.outcome import exit_code
from luna_tui.core.report_agents import agents_data, agents_lines
from luna_tui.core.report_facts import (
    Estimate,
    Failed,
    Offer,
    failures_of,
    money_of,
    offers,
    processes_of,
    retries_of,
    set_aside,
    stopped_by,
)
from luna_tui.core.schedule import critical_path
from luna_tui.core.state import RunState, SubtaskState, WaveState
from luna_tui.core.tongue import speaking
from luna_tui.core.words import GOOD

FILES = ("run.json", "plan.toml", "journal.0001.ndjson", "outputs", "results", "report.md", "report.json")
"""What stays of a run, relative to its directory; a journal may have more segments, a plan may be JSON."""
_NAMED = 20
"""Subtasks named in one line for people."""
_LIMITS = ("rpm", "itpm", "otpm")


def report_data(state: RunState) -> dict[str, Any]:
    """Everything a program may want to know of a run; what is not known is None. See docs/report.md."""
    end = state.finished
    return {
        "run": state.run,
        "plan": state.plan.name,
        "started_at": state.started_at,
        "status": end.status.value if end else None,
        "exit_code": int(exit_code(state)) if end else None,
        "counts": {str(k): v for k, v in sorted(state.counts.items())},
        "wall_s": end.wall_s if end else None,
        "sum_s": end.sum_s if end else None,
        "speedup": end.speedup if end else None,
        "bound_s": end.bound_s if end else None,
        "efficiency": end.efficiency if end else None,
        **_possible(state),
        "tokens": {
            "input": state.tokens.input,
            "output": state.tokens.output,
            "cache_read": state.tokens.cache_read,
            "cache_write": state.tokens.cache_write,
        },
        "cost_usd": end.cost_usd if end else None,
        **_spent(state),
        "throttled": len(state.throttled_at),
        "overloaded": state.tracks.statuses.get(529, 0),
        "at_cap": at_cap(state),
        "critical": _critical(state),
        **_course(state),
        "failures": [_failed(f) for f in failures_of(state)],
        "set_aside": [
            {"status": s.status.value, "reason": s.reason, "subtasks": list(s.subtasks)}
            for s in set_aside(state)
        ],
        **agents_data(state),
        "offers": [_offer(o) for o in offers(state)],
        "files": list(FILES),
        "waves": [_wave(w) for w in state.waves.values()],
        "subtasks": [_subtask(s) for s in state.subtasks.values()],
    }


def at_cap(state: RunState) -> dict[str, float]:
    """Limit -> share of the time in which it held somebody back, 0 to 1; empty when that was not observed."""
    seen = sum(s.of for s in state.samples)
    if not seen:
        return {}
    return {n: sum(s.of for s in state.samples if s.binds == n) / seen for n in _LIMITS}


def _possible(state: RunState) -> dict[str, Any]:
    """What bounded the run, and what it lost beyond that; empty before its end."""
    if state.finished is None:
        return {"bounds": {}, "bound_by": "", "could_be": None, "lost": {}}
    found = measured(state)
    return {
        "bounds": dict(found.bounds),
        "bound_by": found.bound_by,
        "could_be": found.could_be,
        "lost": dict(found.lost),
    }


def _spent(state: RunState) -> dict[str, Any]:
    money = money_of(state)
    return {
        "spent_usd": money.usd,
        "spent_at_least": money.at_least,
        "failed_tries": {"count": money.failed_tries, "cost_usd": money.failed_usd},
    }


def _course(state: RunState) -> dict[str, Any]:
    """How it came to its end, and in how many processes."""
    processes = processes_of(state)
    return {
        "stopped": stopped_by(state),
        "not_saved": state.not_saved,
        "resumed_from": state.resumed_from or None,
        "processes": processes.count,
        "away_s": processes.away_s,
        "interrupted": processes.interrupted,
        "retries": retries_of(state),
    }


def _failed(failed: Failed) -> dict[str, Any]:
    return {
        "status": failed.status.value,
        "kind": failed.kind or None,
        "code": failed.code,
        "message": failed.message,
        "subtasks": list(failed.subtasks),
        "tries": failed.tries,
        "blocked": list(failed.blocked),
    }


def _offer(offer: Offer) -> dict[str, Any]:
    costs = offer.estimate or Estimate(usd=None, spread_usd=None, seconds=None)
    return {
        "verb": offer.verb,
        "command": offer.command,
        "subtasks": offer.subtasks,
        "with_them": offer.with_them,
        "cost_usd": costs.usd,
        "cost_spread_usd": costs.spread_usd,
        "seconds": costs.seconds,
    }


def _wave(w: WaveState) -> dict[str, Any]:
    wall_s = None if w.ended_at is None or w.started_at is None else w.ended_at - w.started_at
    return {
        "name": w.name,
        "status": w.status.value if w.status else None,
        "reason": w.reason,
        "end_reason": w.end_reason,
        "workers": w.workers,
        "subtasks": len(w.subtasks),
        "wall_s": wall_s,
    }


def _subtask(s: SubtaskState) -> dict[str, Any]:
    return {
        "id": s.id,
        "wave": s.wave,
        "status": s.status.value if s.status else None,
        "reason": s.reason,
        "attempts": len(s.tries),
        "duration_s": s.duration_s,
        "input_tokens": s.input_tokens,
        "output_tokens": s.output_tokens,
        "cost_usd": s.cost_usd,
        "output_file": s.output_file,
    }


def _critical(state: RunState) -> dict[str, Any]:
    """The chain of subtasks that no number of workers could have made shorter, wave after wave."""
    durations = {s.id: s.duration_s for s in state.subtasks.values()}
    needs = {s.id: s.planned.depends_on for s in state.subtasks.values()}
    ended = [w for w in state.waves.values() if w.ended_at is not None]
    paths = [critical_path(durations, needs, w.subtasks) for w in ended]
    path = [i for ids, _ in paths for i in ids]
    longest = max(path, key=durations.__getitem__, default=None)
    return {
        "path": path,
        "seconds": sum(s for _, s in paths),
        "longest": longest,
        "longest_s": durations[longest] if longest is not None else None,
    }


def report_markdown(state: RunState) -> str:
    """The report for people; in English, like everything in files."""
    with speaking(NullTranslations()):
        return clean("\n".join(_markdown(state)) + "\n")


def _markdown(state: RunState) -> Iterator[str]:
    counts = ", ".join(f"{n} {str(name).replace('_', ' ')}" for name, n in sorted(state.counts.items()))
    yield from (f"# {state.plan.name}: {counts or 'nothing ended'}", "")
    yield from (f"Run `{state.run}`, started {state.started_at}{_how_it_ended(state)}.", "")
    yield from _processes(state)
    if state.finished is not None:
        yield from _measured(state)
    yield from (_used(state), "", *_wave_table(state))
    critical = _critical(state)
    if state.finished is not None and critical["path"]:
        yield from ("", f"Critical path, {critical['seconds']:.1f} s: `{' → '.join(critical['path'])}`")
        if len(critical["path"]) > 1:
            yield f"(`{critical['longest']}` alone {critical['longest_s']:.1f} s)"
    yield from _causes(state)
    yield from agents_lines(state)
    bad = [s for s in state.subtasks.values() if s.status is not None and s.status not in GOOD]
    if bad:
        yield from ("", "## Not succeeded", "")
        yield from (f"- `{s.id}` {str(s.status).replace('_', ' ')}: {clean_line(s.reason)}" for s in bad)
    steps = [f"- `{o.command}`: {offer_words(o)}" for o in offers(state)]
    if steps:
        yield from ("", "## Next", "", *steps)


def _how_it_ended(state: RunState) -> str:
    end = state.finished
    if end is None:
        return "; it has not ended"
    reason = f" ({clean_line(end.reason)})" if end.reason else ""
    return f"; {end.status.value}{reason}, exit code {int(exit_code(state))}"


def _processes(state: RunState) -> Iterator[str]:
    """Of those that went on with it, of tries, and of what is missing; nothing of a run without any."""
    found = processes_of(state)
    parts = []
    if found.count > 1:
        parts.append(f"Worked on by {found.count} processes, with {clock(found.away_s)} in which none did.")
    if state.resumed_from:
        parts.append(f"It took over results of `{state.resumed_from}`.")
    retries = retries_of(state)
    if retries or found.interrupted:
        parts.append(f"Tries beyond the first: {retries}; attempts interrupted: {found.interrupted}.")
    if state.not_saved:
        parts.append(f"NOT SAVED to its end: {clean_line(state.not_saved)}.")
    if parts:
        yield from (" ".join(parts), "")


def _measured(state: RunState) -> Iterator[str]:
    end = state.finished
    assert end is not None
    speed = f"{end.speedup:.1f}x" if end.speedup else "?"
    share = "" if end.efficiency is None else f" ({end.efficiency:.0%} of what was possible)"
    yield f"Measured speed-up {speed}: {end.sum_s:.1f} s of subtask time in {end.wall_s:.1f} s{share}."
    yield from _could_be(state, measured(state))


def _could_be(state: RunState, found: Measured) -> Iterator[str]:
    if found.could_be:
        bounds = bounds_in_words(found.bounds, most_workers(state))
        yield from ("", f"Could be {found.could_be:.1f}x, bound by {bounds}.")
    if words := lost_in_words(found.lost, ", "):
        yield from ("", f"Lost {clock(found.wall_s - found.bound_s)}: {words}.")
    yield ""


def _used(state: RunState) -> str:
    money, used = money_of(state), state.tokens
    cached = f" (and {used.cache_read:,} from the cache)" if used.cache_read else ""
    cost = "unknown" if money.usd is None else f"{money.usd:.2f} USD{' or more' if money.at_least else ''}"
    paid = "would have cost" if state.simulated else "cost"
    failed = ""
    if money.failed_tries:
        share = "unknown" if money.failed_usd is None else f"{money.failed_usd:.2f} USD"
        failed = f", of failed tries ({money.failed_tries}) {share}"
    caps = [f"{n.upper()} cap reached {share:.0%} of the time" for n, share in at_cap(state).items() if share]
    refused = f"429: {len(state.throttled_at)}, 529: {state.tracks.statuses.get(529, 0)}"
    return (
        f"Tokens: {used.input:,} in{cached}, {used.output:,} out; {paid} {cost}{failed}; "
        f"answers with {'; '.join([refused, *caps])}."
    )


def _wave_table(state: RunState) -> Iterator[str]:
    yield from ("| wave | subtasks | status | seconds | how |", "|---|---|---|---|---|")
    for told in state.waves.values():
        wave = _wave(told)
        status = wave["status"] or ("not started" if told.started_at is None else "not ended")
        seconds = "-" if wave["wall_s"] is None else f"{wave['wall_s']:.1f}"
        how = "; ".join(r for r in (wave["reason"], wave["end_reason"]) if r)
        cells = (wave["name"], str(wave["subtasks"]), status, seconds, how)
        yield "| " + " | ".join(clean_line(c).replace("|", "\\|") for c in cells) + " |"


def _causes(state: RunState) -> Iterator[str]:
    """What failed, by cause, and what was not run for it or for other reasons."""
    failed, aside = failures_of(state), set_aside(state)
    if failed:
        yield from ("", "## Causes", "")
    for f in failed:
        word = failure_words(f.kind, f.code, f.message)
        said = f"; the last one said: {clean_line(f.message)}" if f.kind and f.message else ""
        kept = f"; kept from running: {_ids(f.blocked)}" if f.blocked else ""
        tries = f", up to {f.tries} tries" if f.tries > 1 else ""
        yield f"- {clean_line(word)}: {_ids(f.subtasks)}{tries}{said}{kept}"
    if aside:
        yield from ("", "## Not run", "")
    for a in aside:
        yield f"- {a.status.value}, {clean_line(a.reason) or 'no reason was given'}: {_ids(a.subtasks)}"


def _ids(ids: tuple[str, ...]) -> str:
    more = f" and {len(ids) - _NAMED} more" if len(ids) > _NAMED else ""
    return ", ".join(f"`{i}`" for i in ids[:_NAMED]) + more
