"""The text of rate-limit headers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from luna_tui.simulator.buckets import Reading
from luna_tui.simulator.virtual import Told


def anthropic_fields(told: Told, now: datetime) -> dict[str, str]:
    """The headers of the service itself; `now` is the date on the clock that `reset_s` counts from."""
    fields: dict[str, str] = {}
    for name, reading in (told.by_name() | {"tokens": _both(told)}).items():
        prefix = f"anthropic-ratelimit-{name}"
        reset = now.astimezone(UTC) + timedelta(seconds=reading.reset_s)
        fields[f"{prefix}-limit"] = str(reading.limit)
        fields[f"{prefix}-remaining"] = str(reading.remaining)
        fields[f"{prefix}-reset"] = reset.strftime("%Y-%m-%dT%H:%M:%SZ")
    return fields


def gateway_fields(told: Told) -> dict[str, str]:
    """What gateways send instead: requests, all tokens in one figure, and times as `1m30s`."""
    fields: dict[str, str] = {}
    for name, reading in (("requests", told.requests), ("tokens", _both(told))):
        minutes, seconds = divmod(int(reading.reset_s + 0.999), 60)
        fields[f"x-ratelimit-limit-{name}"] = str(reading.limit)
        fields[f"x-ratelimit-remaining-{name}"] = str(reading.remaining)
        fields[f"x-ratelimit-reset-{name}"] = f"{minutes}m{seconds}s" if minutes else f"{seconds}s"
    return fields


def _both(told: Told) -> Reading:
    one, other = told.input_tokens, told.output_tokens
    return Reading(one.limit + other.limit, one.remaining + other.remaining, max(one.reset_s, other.reset_s))
