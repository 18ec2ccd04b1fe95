"""Rules from texts, as a configuration has them."""

from __future__ import annotations

from collections.abc import Iterable

from luna_tui.core.rules import Rules, parse_rule


def parse_rules(deny: Iterable[str] = (), ask: Iterable[str] = (), allow: Iterable[str] = ()) -> Rules:
    """Rules from their texts; RuleError for the first that is none."""
    lists = (tuple(map(parse_rule, texts)) for texts in (deny, ask, allow))
    return Rules(*lists)
