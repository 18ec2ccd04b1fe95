"""What was paid for a result that only its file tells of counts when the run goes on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from test_resume import crash_after, plan, resume, run, run_dir, state

from luna_tui.core.attempt_use import AttemptUse, untold, with_request
from luna_tui.core.events import SubtaskFinished, SubtaskStarted, Tokens, UsageRecorded
from luna_tui.core.words import Status
from luna_tui.storage.journal import read_journal
from luna_tui.storage.results import read_result

__all__ = ["plan"]

ASKED = """
[plan]
name = "paid"
[defaults]
model = "claude-haiku-5-5"
max_tokens = 100
[[wave]]
name = "one"
[[wave.subtask]]
id = "a"
prompt = "simulate: output=20 seconds=0.1 first=0.05"
[[wave.subtask]]
id = "b"
prompt = "simulate: output=30 seconds=0.1 first=0.05"
"""


def test_a_result_that_no_event_tells_of_is_paid_once(plan: Path) -> None:
    plan.write_text(ASKED, encoding="utf-8")
    assert run(plan, "--provider", "simulator") == 0
    whole = state()
    file = run_dir().results / "b.json"
    kept = file.read_bytes()
    assert json.loads(kept)["used"]["output_tokens"] == 30
    crash_after(SubtaskStarted, "b")
    file.write_bytes(kept)
    assert state().tokens.output == 20
    assert resume() == 0
    told = [r.event for r in read_journal(run_dir().path).records if isinstance(r.event, UsageRecorded)]
    assert [(e.subtask, e.output_tokens) for e in told] == [("a", 20), ("b", 30)]
    assert state().tokens == whole.tokens
    assert whole.cost_usd is not None
    assert state().cost_usd == pytest.approx(whole.cost_usd)
    crash_after(SubtaskFinished, "b")
    assert resume() == 0
    assert state().tokens == whole.tokens, "what is told is not told again"


def test_the_budget_of_a_run_that_goes_on_counts_it(plan: Path) -> None:
    third = "[[wave.subtask]]\nid = 'c'\nprompt = 'simulate: output=30 seconds=0.1 first=0.05'\n"
    plan.write_text(ASKED + third, encoding="utf-8")
    assert run(plan, "--provider", "simulator") == 0
    file = run_dir().results / "b.json"
    kept = file.read_bytes()
    crash_after(SubtaskStarted, "b")
    file.write_bytes(kept)
    value = json.loads(kept)
    file.write_text(json.dumps(value | {"used": value["used"] | {"cost_usd": 5.0}}), encoding="utf-8")
    assert resume("--budget", "4") == 75, "five dollars were spent, so the third is held"
    assert state().subtasks["c"].tries == []
    assert state().cost_usd == pytest.approx(5.0, abs=0.1)


END = SubtaskFinished(
    wave="w", subtask="a", attempt=2, status=Status.SUCCEEDED, duration_s=1.0, attempts=2, reason=""
)


def request(attempt: int, tokens: int, usd: float | None = 0.5) -> UsageRecorded:
    return UsageRecorded(
        wave="w", subtask="a", attempt=attempt, model="m", input_tokens=tokens, output_tokens=2 * tokens,
        cache_read_tokens=3 * tokens, searches=1, cost_usd=usd,
    )  # fmt: skip


def test_only_what_the_last_attempt_used_beyond_the_events_is_left_to_tell() -> None:
    told = with_request(with_request(None, request(1, 70)), request(2, 10))
    kept = with_request(told, request(2, 5, 0.25))
    assert kept.tokens == Tokens(input=15, output=30, cache_read=45)
    left = untold(kept, told, END)
    assert left == request(2, 5, 0.25)
    assert untold(kept, kept, END) is None
    assert untold(told, with_request(None, request(1, 70)), END) == request(2, 10), "that was another attempt"
    assert untold(AttemptUse(attempt=1, model="m", tokens=Tokens(input=9)), None, END) is None


def test_a_use_without_a_price_stays_without() -> None:
    left = untold(with_request(None, request(2, 10, None)), None, END)
    assert left is not None
    assert left.cost_usd is None


def test_a_result_with_a_broken_use_is_no_result_and_one_of_before_has_none(plan: Path) -> None:
    plan.write_text(ASKED, encoding="utf-8")
    run(plan, "--provider", "simulator")
    file = run_dir().results / "a.json"
    value = json.loads(file.read_bytes())
    file.write_text(json.dumps(value | {"used": {"attempt": "many"}}), encoding="utf-8")
    assert read_result(run_dir(), "a") is None
    del value["used"]
    file.write_text(json.dumps(value), encoding="utf-8")
    kept = read_result(run_dir(), "a")
    assert kept is not None
    assert kept.used is None
