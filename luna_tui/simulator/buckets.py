"""The server's side of the rate limits: three buckets with continuous refill."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from luna_tui.core.bucket import Bucket
from luna_tui.core.limits import Limits

_NAMES = {"requests": "requests", "input-tokens": "input tokens", "output-tokens": "output tokens"}


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is refused with 429."""

    dimension: str
    retry_after_s: float


class ServerBuckets:
    """Requests, input and output tokens of one account; thread-safe. Output is charged as it is produced."""

    def __init__(self, limits: Limits, now: Callable[[], float], wall: Callable[[], datetime]) -> None:
        self._now = now
        self._wall = wall
        self._lock = threading.Lock()
        """Protects `_buckets`."""
        at = now()
        self._buckets = {
            "requests": Bucket(limits.rpm, limits.rpm, at=at),
            "input-tokens": Bucket(limits.itpm, limits.itpm, at=at),
            "output-tokens": Bucket(limits.otpm, limits.otpm, at=at),
        }

    def admit(self, input_tokens: int) -> Refusal | None:
        """Take a request and its input, or say what is missing; a refused request costs nothing."""
        needs = {"requests": 1.0, "input-tokens": float(input_tokens), "output-tokens": 1.0}
        with self._lock:
            self._drain()
            short = {n: self._buckets[n].missing(need) / self._buckets[n].rate for n, need in needs.items()}
            worst = max(short, key=short.__getitem__)
            if short[worst] > 0:
                return Refusal(_NAMES[worst], short[worst])
            self._buckets["requests"].settled += 1
            self._buckets["input-tokens"].settled += input_tokens
        return None

    def produce(self, tokens: int) -> None:
        """Charge output tokens; a running stream is never cut for them."""
        with self._lock:
            self._drain()
            self._buckets["output-tokens"].settled += tokens

    def headers(self) -> dict[str, str]:
        """The rate-limit headers of an answer sent now."""
        with self._lock:
            self._drain()
            told: dict[str, str] = {}
            for name, bucket in self._buckets.items():
                told |= self._told(name, bucket.limit, bucket.settled, bucket.rate)
            both = [self._buckets["input-tokens"], self._buckets["output-tokens"]]
            used = sum(b.settled for b in both)
            return told | self._told("tokens", sum(b.limit for b in both), used, sum(b.rate for b in both))

    def _told(self, name: str, limit: int, used: float, rate: float) -> dict[str, str]:
        remaining = max(0, int(limit - used))
        if name != "requests" and limit >= 10_000:
            remaining = remaining // 1_000 * 1_000
        reset = self._wall().astimezone(UTC) + timedelta(seconds=used / rate)
        prefix = f"anthropic-ratelimit-{name}"
        return {
            f"{prefix}-limit": str(limit),
            f"{prefix}-remaining": str(remaining),
            f"{prefix}-reset": reset.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }

    def _drain(self) -> None:
        now = self._now()
        for bucket in self._buckets.values():
            bucket.drain(now)
