"""How full the limits were over the run, in a list that never grows long."""

from __future__ import annotations

from dataclasses import dataclass

from luna_tui.core.events import Gauge, LimitsObserved

MOST_SAMPLES = 600
MOST_THROTTLES = 1_000


@dataclass(frozen=True, slots=True)
class Sample:
    """The limits at one instant, or over a stretch that begins there."""

    at: float
    rpm: float
    """Used and reserved, as a share of the limit; so are the next two."""
    itpm: float
    otpm: float
    in_flight: float
    binds: str
    """`rpm`, `itpm` or `otpm` when most of those who wait do so for it; empty when nobody does."""
    of: int = 1
    """How many observations it stands for."""

    def share(self, name: str) -> float:
        """Of `rpm`, `itpm` or `otpm`."""
        return {"rpm": self.rpm, "itpm": self.itpm, "otpm": self.otpm}[name]


@dataclass(frozen=True, slots=True)
class Throttle:
    """An answer with 429."""

    at: float
    subtask: str
    retry_after_s: float | None
    """Pause that followed; None = it was not tried again."""


def sample(samples: list[Sample], seen: LimitsObserved, at: float, *, in_flight: int) -> None:
    """Take an observation in; pairs are merged when the list is full, and so are later ones."""
    waits = {name: seen.waiting.get(name, 0) for name in ("rpm", "itpm", "otpm")}
    binds = max(waits, key=waits.__getitem__)
    new = Sample(
        at, _share(seen.rpm), _share(seen.itpm), _share(seen.otpm), in_flight, binds if waits[binds] else ""
    )
    if len(samples) > 1 and samples[-1].of < samples[0].of:
        samples[-1] = _merged(samples[-1], new)
        return
    samples.append(new)
    if len(samples) > MOST_SAMPLES:
        last = samples.pop()
        samples[:] = [_merged(one, two) for one, two in zip(samples[::2], samples[1::2], strict=True)]
        samples.append(last)


def note_throttle(throttles: list[Throttle], new: Throttle) -> None:
    """Remember one more, and forget the oldest ones."""
    throttles.append(new)
    if len(throttles) > MOST_THROTTLES:
        del throttles[: MOST_THROTTLES // 10]


def _share(gauge: Gauge) -> float:
    return (gauge.settled + gauge.reserved) / max(1, gauge.limit)


def _merged(one: Sample, two: Sample) -> Sample:
    of = one.of + two.of
    first, second = one.of / of, two.of / of
    return Sample(
        one.at,
        first * one.rpm + second * two.rpm,
        first * one.itpm + second * two.itpm,
        first * one.otpm + second * two.otpm,
        first * one.in_flight + second * two.in_flight,
        two.binds or one.binds,
        of,
    )
