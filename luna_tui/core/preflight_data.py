"""A preflight as plain data, for scripts."""

from __future__ import annotations

from typing import Any

from luna_tui.core.preflight import Preflight, Prospect
from luna_tui.core.survey import Spread


def preflight_data(found: Preflight) -> dict[str, Any]:
    """Everything that the table and its sentences say; costs are null where a price is not known."""
    terms = found.terms
    held = found.held
    return {
        "tier": terms.tier,
        "mode": terms.mode.value,
        "workers": None if terms.rule.automatic else terms.rule.most,
        "caps": {"rpm": terms.caps.rpm, "itpm": terms.caps.itpm, "otpm": terms.caps.otpm},
        "budget_usd": terms.budget_usd,
        "held": None if held is None else dict(zip(("low", "likely", "high"), held, strict=True)),
        "waves": [_row(w) for w in found.waves],
        "total": _row(found.total),
        "unpriced_models": list(found.unpriced),
        "output_estimated": found.told,
        "output_guessed": found.guessed,
        "agents": 0 if found.agents is None else found.agents.count,
        "turns": 0 if found.agents is None else found.agents.turns,
        "tools": [] if found.agents is None else list(found.agents.tools),
        "own_workspaces": found.apart,
    }


def _row(w: Prospect) -> dict[str, Any]:
    return {
        **({"wave": w.number, "name": w.name, "timeout_s": w.timeout_s} if w.number else {}),
        "subtasks": w.subtasks,
        "ask_claude": w.asks,
        "workers": w.workers,
        "useful_workers": w.useful,
        "input_tokens": _cases(w.input_tokens, 0),
        "output_tokens": _cases(w.output_tokens, 0),
        "cost_usd": None if w.cost_usd is None else _cases(w.cost_usd, 6),
        "seconds": None if w.seconds is None else round(w.seconds, 3),
        "seconds_low": None if w.seconds is None else round(w.quick_s, 3),
        "seconds_high": None if w.seconds is None else round(w.slow_s, 3),
        "at_least_s": None if w.seconds is None else round(w.least_s, 3),
        "bound_by": w.bound_by or None,
        "longest_chain": list(w.path),
    }


def _cases(spread: Spread, digits: int) -> dict[str, float]:
    cases = {"low": spread.low, "likely": spread.likely, "high": spread.high}
    return {name: round(x, digits) if digits else round(x) for name, x in cases.items()}
