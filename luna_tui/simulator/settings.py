"""Everything that shapes the simulated service."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from luna_tui.core.limits import TIERS, Limits
from luna_tui.simulator.faults import Fault, FaultKind


class OutputRule(StrEnum):
    """When output tokens are charged."""

    PRODUCED = "produced"
    """As they are produced; an empty bucket refuses the next request and cuts none."""
    RESERVED = "reserved"
    """`max_tokens` at admission; what was not produced is given back at the end."""


class HeaderMode(StrEnum):
    """Which rate-limit headers an answer has."""

    FULL = "full"
    NONE = "none"
    GATEWAY = "gateway"
    """`x-ratelimit-*` instead, tokens in one figure."""
    SKEWED = "skewed"
    """The server's clock is `SKEW_S` ahead: `date` and resets."""
    STALE = "stale"
    """Values of at least `STALE_S` ago, whose resets have passed."""


class HeaderMoment(StrEnum):
    """As of when the rate-limit headers of an answer are."""

    EARLY = "early"
    """As of admission; the head of a stream is sent at once."""
    LATE = "late"
    """As of the moment the head is sent, at the first token."""


SKEW_S = 300.0
STALE_S = 20.0


@dataclass(frozen=True, slots=True)
class LimitChange:
    """From an instant on, every limit is multiplied."""

    at: float
    """Seconds after the first request."""
    factor: float
    """Above 0; several changes multiply."""


@dataclass(frozen=True, slots=True)
class Foreign:
    """Another client takes a share of every refill, continuously."""

    share: float
    """0 to 1."""
    since: float
    """Seconds after the first request."""
    until: float
    """Seconds after the first request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatorSettings:
    """The simulated service; seconds are those of the server's clock."""

    limits: Limits = TIERS["tier2"].limits
    limit_changes: tuple[LimitChange, ...] = ()
    foreign: tuple[Foreign, ...] = ()
    burst_s: float = 60.0
    """Seconds of refill that a bucket holds; 60 = a whole minute's limit at once."""
    output_rule: OutputRule = OutputRule.PRODUCED
    headers: HeaderMode = HeaderMode.FULL
    header_moment: HeaderMoment = HeaderMoment.EARLY
    retry_after: bool = True
    """Whether a 429 tells the seconds to wait."""
    refusals_cost: bool = False
    """Whether a refused request takes a request, where one is left."""
    ramp: float | None = None
    """Input tokens of 10 s over those of the 10 s before, above which growth is refused; None = any."""
    ramp_floor: int | None = None
    """Input tokens in 10 s that are always allowed; None = a sixth of the limit per minute."""
    spend_limit: int | None = None
    """Requests that are answered before the spend limit is reached; None = no such limit."""
    seed: int = 7
    speed: float = 1.0
    """Divides every latency; limits refill at the pace of the clock all the same."""
    faults: tuple[Fault, ...] = ()
    chaos: tuple[tuple[FaultKind, float], ...] = ()
    """Faults by chance: kind and probability per request, drawn from the seed."""
    accepted_keys: frozenset[str] | None = None
    """None = any key that is not empty."""
    max_body: int = 32 * 1024 * 1024
    """Bytes of the largest request."""
