"""Forty agents on the simulated service with less money than they want: they are held, and go on."""

from __future__ import annotations

from pathlib import Path

from engine.test_budget_of_agents import watched
from test_agents_together import AGENTS, TURNS, stage, workspace

from luna_tui.core.events import AttemptFailed, SubtaskStarted, TurnStarted, UsageRecorded
from luna_tui.core.price_table import PRICES
from luna_tui.core.words import RunStatus, Status

CAP_USD = 0.009
"""About half of what they take."""


def test_forty_agents_are_held_at_the_cap_and_finish_their_conversations_when_it_is_raised(
    tmp_path: Path,
) -> None:
    told = {"prices": PRICES, "budget_usd": CAP_USD, "hold_for_person": True}
    with watched() as admitted, stage(workspace(tmp_path), run=told) as made:
        run = made.run.start()
        budget = run.executor._floor.budget
        run.wait_until(lambda: bool(budget.held) and run.state().running == 0 and budget.reserved_usd < 1e-9)
        asked = len(run.all(SubtaskStarted)) + len(run.all(TurnStarted))
        uses = run.all(UsageRecorded)
        assert len(uses) == asked < AGENTS * (TURNS + 1), "what was admitted was paid, and no more"
        assert sum(e.cost_usd or 0.0 for e in uses) <= CAP_USD
        assert run.state().running == 0
        run.executor.control.set_budget(10.0, by="user")
        run.finish(60)
        counts = made.server.conversations()
    assert admitted.past_the_cap == 0
    assert run.status is RunStatus.SUCCEEDED
    assert set(run.ends().values()) == {Status.SUCCEEDED}
    assert not run.all(AttemptFailed)
    assert (counts.conversations, counts.turns, counts.violations) == (AGENTS, AGENTS * (TURNS + 1), {})
