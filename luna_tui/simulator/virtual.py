"""The rate limits of the simulated service as a pure model: whoever asks says what time it is."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from luna_tui.core.limits import Limits
from luna_tui.simulator.buckets import Bucket, Reading, stretches
from luna_tui.simulator.ramp import Ramp
from luna_tui.simulator.settings import SKEW_S, STALE_S, HeaderMode, OutputRule, SimulatorSettings

RAMP_CODE = "ramp_limit_exceeded"
SPEND_CODE = "enforced_spend_limit_reached"
_KEEP_EVERY_S = 1.0
"""Distance of the readings that are kept for stale headers."""


class Dimension(StrEnum):
    """What is limited, by its name in the headers."""

    REQUESTS = "requests"
    INPUT = "input-tokens"
    OUTPUT = "output-tokens"


@dataclass(frozen=True, slots=True)
class Admitted:
    """A request that is being answered."""

    at: float
    first_at: float
    """Instant of its first token."""
    reserved: int
    """Output tokens taken in advance; 0 unless the service reserves."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A request that was answered with 429."""

    dimension: Dimension | None
    """What was short; None when the reason is another limit, which `code` names."""
    retry_after_s: float | None
    """Exact; None where the service tells nothing."""
    code: str | None = None
    """`error_code` of the answer."""


@dataclass(frozen=True, slots=True)
class Told:
    """The rate-limit headers of one answer."""

    at: float
    """As of when the values are."""
    requests: Reading
    input_tokens: Reading
    output_tokens: Reading

    def by_name(self) -> dict[str, Reading]:
        """Readings by the name of their dimension in the headers."""
        return {
            Dimension.REQUESTS.value: self.requests,
            Dimension.INPUT.value: self.input_tokens,
            Dimension.OUTPUT.value: self.output_tokens,
        }


@dataclass(frozen=True, slots=True)
class Charges:
    """What the service counted so far."""

    admitted: int
    refused: Mapping[str, int]
    """By dimension, or by the code of another limit."""
    input_tokens: int
    output_tokens: int
    elapsed_s: float
    """From the first request until now, or until the last end while nothing is answered."""
    used: Mapping[str, float]
    """Mean use of each limit since the first request, beyond the full bucket of then; 1 = all of it."""


class VirtualService:
    """Admits, charges and tells. Not thread-safe; instants must not fall from call to call.

    Seconds of `settings` count from the first request. Until then every bucket is full.
    """

    def __init__(self, settings: SimulatorSettings, now: float = 0.0) -> None:
        self._settings = settings
        self._plan = stretches(settings.limit_changes, settings.foreign)
        self._reserving = settings.output_rule is OutputRule.RESERVED
        self._asked = self._admitted = self._open = self._input = self._output = 0
        self._ended: tuple[float, dict[str, float]] | None = None
        """Seconds from the first request to the last end after which nothing ran, and the uses then."""
        self._refused: Counter[str] = Counter()
        self._ramp: Ramp | None = None
        if settings.ramp is not None:
            floor = settings.limits.itpm / 6 if settings.ramp_floor is None else settings.ramp_floor
            self._ramp = Ramp(settings.ramp, floor)
        self._begin(now)
        self._kept = deque([self._reading(now)])

    def admit(
        self, at: float, input_tokens: int, max_tokens: int, first_s: float = 0.0
    ) -> Admitted | Refused:
        """Take a request and its input, uncached tokens only, or say what is missing.

        `first_s` only makes `first_at`. A refusal costs nothing unless the settings say so.
        """
        if self._asked == 0:
            self._begin(at)
        self._asked += 1
        self._advance(at)
        refused = self._refusal(at, input_tokens, max_tokens if self._reserving else 1)
        if refused is not None:
            return self._refuse(refused)
        self._requests.take(1)
        self._inputs.take(input_tokens)
        if self._ramp is not None:
            self._ramp.admitted(at, input_tokens)
        reserved = max_tokens if self._reserving else 0
        self._outputs.take(reserved)
        self._admitted += 1
        self._open += 1
        self._input += input_tokens
        return Admitted(at, at + first_s, reserved)

    def produce(self, at: float, tokens: int) -> None:
        """Output tokens were produced; a running stream is never cut for them."""
        self._output += tokens
        if not self._reserving:
            self._outputs.advance(at)
            self._outputs.take(tokens)

    def end(self, at: float, admitted: Admitted, produced: int) -> None:
        """An answer is over, complete or not, after `produced` output tokens."""
        self._advance(at)
        if admitted.reserved:
            self._outputs.give(max(0, admitted.reserved - produced))
        self._open -= 1
        if self._open == 0:
            self._ended = at - self._began_at, self._used()

    def headers(self, at: float) -> Told | None:
        """What a client reads in an answer sent now; None without headers that it knows.

        Skewed resets are too late by the skew, stale values as old as `Told.at`, their resets negative.
        """
        match self._settings.headers:
            case HeaderMode.NONE | HeaderMode.GATEWAY:
                return None
            case HeaderMode.SKEWED:
                return _shifted(self.readings(at), SKEW_S)
            case HeaderMode.STALE:
                return self._stale(at)
            case HeaderMode.FULL:
                return self.readings(at)

    def readings(self, at: float) -> Told:
        """The true values, rounded as headers are."""
        self._advance(at)
        return self._reading(at)

    def charges(self, at: float) -> Charges:
        """Counters at this instant; while nothing is answered, the uses are as of the last end."""
        self._advance(at)
        running = (at - self._began_at if self._asked else 0.0), self._used()
        elapsed_s, used = running if self._open or self._ended is None else self._ended
        return Charges(
            admitted=self._admitted,
            refused=dict(self._refused),
            input_tokens=self._input,
            output_tokens=self._output,
            elapsed_s=elapsed_s,
            used=used,
        )

    def _begin(self, at: float) -> None:
        limits: Limits = self._settings.limits
        self._requests, self._inputs, self._outputs = (
            Bucket(each, at, burst_s=self._settings.burst_s, plan=self._plan)
            for each in (limits.rpm, limits.itpm, limits.otpm)
        )
        self._began_at = at

    def _used(self) -> dict[str, float]:
        buckets = (self._requests, self._inputs, self._outputs)
        return {name.value: bucket.used() for name, bucket in zip(Dimension, buckets, strict=True)}

    def _advance(self, at: float) -> None:
        if self._asked == 0:
            return
        self._requests.advance(at)
        self._inputs.advance(at)
        self._outputs.advance(at)

    def _refusal(self, at: float, input_tokens: int, output_tokens: int) -> Refused | None:
        spend = self._settings.spend_limit
        if spend is not None and self._asked > spend:
            return Refused(None, None, SPEND_CODE)
        short = (
            self._requests.wait_s(1),
            self._inputs.wait_s(input_tokens),
            self._outputs.wait_s(output_tokens),
        )
        worst = max(short)
        if worst > 0:
            return Refused(tuple(Dimension)[short.index(worst)], worst)
        wait_s = 0.0 if self._ramp is None else self._ramp.wait_s(at, input_tokens)
        return Refused(None, wait_s, RAMP_CODE) if wait_s > 0 else None

    def _refuse(self, refused: Refused) -> Refused:
        self._refused[refused.code or str(refused.dimension)] += 1
        if self._settings.refusals_cost and self._requests.level >= 1:
            self._requests.take(1)
        return refused if self._settings.retry_after else replace(refused, retry_after_s=None)

    def _reading(self, at: float) -> Told:
        return Told(
            at,
            self._requests.reading(rounded=False),
            self._inputs.reading(rounded=True),
            self._outputs.reading(rounded=True),
        )

    def _stale(self, at: float) -> Told:
        now = self.readings(at)
        if at - self._kept[-1].at >= _KEEP_EVERY_S:
            self._kept.append(now)
        while len(self._kept) > 1 and self._kept[1].at <= at - STALE_S:
            self._kept.popleft()
        old = self._kept[0]
        return Told(old.at, *(replace(r, reset_s=old.at - at) for r in old.by_name().values()))


def _shifted(told: Told, by_s: float) -> Told:
    return Told(told.at, *(replace(r, reset_s=r.reset_s + by_s) for r in told.by_name().values()))
