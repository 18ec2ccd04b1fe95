"""Read the rate-limit headers of an answer; what cannot be read is left out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime

from luna_tui.engine.runner import ServerLimit, ServerLimits

_PREFIX = "anthropic-ratelimit-"


def read_limits(headers: Mapping[str, str], wall: datetime) -> ServerLimits:
    """The limits that `headers` (any case, by a case-insensitive mapping) tell; `wall` is now, UTC."""
    return ServerLimits(
        rpm=_one(headers, "requests", wall),
        itpm=_one(headers, "input-tokens", wall),
        otpm=_one(headers, "output-tokens", wall),
    )


def read_retry_after(headers: Mapping[str, str], wall: datetime) -> float | None:
    """Seconds to wait, from a number or an HTTP date; None when absent, negative or nonsense."""
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
    limit = _number(headers.get(f"{_PREFIX}{name}-limit"))
    remaining = _number(headers.get(f"{_PREFIX}{name}-remaining"))
    if limit is None or remaining is None or limit == 0 or remaining > limit:
        return None
    return ServerLimit(
        limit=limit, remaining=remaining, reset_s=_reset_s(headers.get(f"{_PREFIX}{name}-reset"), wall)
    )


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
