"""Read the rate-limit headers of an answer; what cannot be read is left out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime

from luna_tui.engine.runner import ServerLimit, ServerLimits

_PREFIX = "anthropic-ratelimit-"


def read_limits(headers: Mapping[str, str], wall: datetime) -> ServerLimits:
    """The limits that `headers` (any case, by a case-insensitive mapping) tell; `wall` is now, UTC.

    Instants are taken relative to the answer's own `date`, so a server's wrong clock does no harm.
    """
    wall = _date(headers.get("date")) or wall
    return ServerLimits(
        rpm=_one(headers, "requests", wall),
        itpm=_one(headers, "input-tokens", wall),
        otpm=_one(headers, "output-tokens", wall),
    )


def read_retry_after(headers: Mapping[str, str], wall: datetime) -> float | None:
    """Seconds to wait, from a number or an HTTP date; None when absent, negative or nonsense."""
    wall = _date(headers.get("date")) or wall
    text = headers.get("retry-after")
    if text is None:
        return None
    try:
        seconds = float(text)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(text) - wall).total_seconds()
        except (TypeError, ValueError):
            return None
    return seconds if 0 <= seconds < 86_400 else None


def _one(headers: Mapping[str, str], name: str, wall: datetime) -> ServerLimit | None:
    limit, remaining = _pair(headers, name)
    if limit is None or remaining is None or limit == 0 or remaining > limit:
        return None
    return ServerLimit(
        limit=limit, remaining=remaining, reset_s=_reset_s(headers.get(f"{_PREFIX}{name}-reset"), wall)
    )


def _pair(headers: Mapping[str, str], name: str) -> tuple[int | None, int | None]:
    """Limit and remaining, by the service's own names, else by those that gateways use."""
    for limit, remaining in (
        (f"{_PREFIX}{name}-limit", f"{_PREFIX}{name}-remaining"),
        (f"x-ratelimit-limit-{name}", f"x-ratelimit-remaining-{name}"),
    ):
        pair = _number(headers.get(limit)), _number(headers.get(remaining))
        if None not in pair:
            return pair
    return None, None


def _date(text: str | None) -> datetime | None:
    try:
        return parsedate_to_datetime(text) if text else None
    except (TypeError, ValueError):
        return None


def _number(text: str | None) -> int | None:
    if text is None or not text.isascii() or not text.isdigit() or len(text) > 12:
        return None
    return int(text)


def _reset_s(text: str | None, wall: datetime) -> float | None:
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
        return max(0.0, (at - wall).total_seconds())
    except (TypeError, ValueError):
        return None
