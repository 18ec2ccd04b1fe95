"""The table of the configuration that says how much is kept: `[storage]`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from luna_tui.core.retention import KeepLimits
from luna_tui.storage.config_ui import refuse
from luna_tui.storage.fields import Table, kind_of

if TYPE_CHECKING:
    from luna_tui.storage.config import Config

STORAGE_KEYS = ("keep_runs", "keep_gb", "keep_days")
_MOST_RUNS = 1_000_000
_MOST_GB = 1_000_000.0
_MOST_DAYS = 36_500.0


def apply_storage(config: Config, storage: Table) -> Config:
    """`config` with what `[storage]` says."""
    refuse(storage, STORAGE_KEYS, (), "[storage]")
    before = config.keep
    return replace(
        config,
        keep=KeepLimits(
            runs=storage.whole("keep_runs", before.runs, 0, _MOST_RUNS),
            gigabytes=_amount(storage, "keep_gb", before.gigabytes, _MOST_GB, "gigabytes"),
            days=_amount(storage, "keep_days", before.days, _MOST_DAYS, "days"),
        ),
    )


def _amount(table: Table, key: str, default: float, most: float, unit: str) -> float:
    """A number from 0, which means no limit."""
    value = table.values.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float):
        fix = f"a number of {unit}, without quotes" if isinstance(value, str) else ""
        table.wrong(key, f"{key} must be a number, not {kind_of(value)}", fix)
        return default
    if not 0 <= value <= most:
        table.wrong(key, f"{key} is out of range", f"{unit} between 0 (no limit) and {most:,.0f}")
        return default
    return float(value)
