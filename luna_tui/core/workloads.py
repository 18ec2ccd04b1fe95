"""The five workloads whose speed-up was once claimed without a measurement, as plans that can be run."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from luna_tui.core.makespan import Load
from luna_tui.core.plan import Estimate, Plan, Subtask, Wave

SPREAD = 0.35
"""Sigma of the logarithm of a latency: a tenth of the answers takes 1.5 times the median or longer."""
_SHORTEST = 0.25
"""No answer takes less than this part of the mean."""
_CHARS_PER_TOKEN = 4
_WORDS = (
    "config parser value module returns a list of entries and raises when the name is unknown so every "
    "caller checks the result before it writes the page or counts the rows of the table again "
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """Subtasks of one kind, all independent of each other."""

    name: str
    """As on the command line."""
    title: str
    count: int
    mean_s: float
    """Seconds of one subtask on the average; `count` times this is the sequential time once claimed."""
    claimed: float
    """The speed-up once claimed."""
    input_tokens: int
    output_tokens: int
    """Of the average subtask; a longer one produces more, in proportion."""
    first_s: float
    """Seconds until the first token of the average subtask."""
    task: str
    """What the prompt asks."""


WORKLOADS: tuple[Workload, ...] = (
    Workload(
        name="files", title="20 file analyses", count=20, mean_s=30.0, claimed=20.0,
        input_tokens=3_200, output_tokens=1_100, first_s=1.4,
        task="Analyse the attached module: structure, risks, the three first things to improve.",
    ),
    Workload(
        name="validations", title="15 validations", count=15, mean_s=28.0, claimed=14.0,
        input_tokens=1_600, output_tokens=420, first_s=2.0,
        task="Validate the attached records against the rules and list every violation.",
    ),
    Workload(
        name="batch", title="batch of 50", count=50, mean_s=30.0, claimed=12.0,
        input_tokens=1_100, output_tokens=600, first_s=1.2,
        task="Sort the attached message into one of the categories and explain why.",
    ),
    Workload(
        name="tests", title="10 test files", count=10, mean_s=30.0, claimed=15.0,
        input_tokens=2_600, output_tokens=900, first_s=1.4,
        task="Read the attached test file with its report and say what fails, and why.",
    ),
    Workload(
        name="searches", title="20 web searches", count=20, mean_s=30.0, claimed=20.0,
        input_tokens=7_500, output_tokens=500, first_s=6.0,
        task="Answer the question from the attached search results, with sources.",
    ),
)  # fmt: skip
"""In the order of the claims; sizes are typical of each kind of work."""


@dataclass(frozen=True, slots=True)
class Item:
    """One subtask as it was drawn."""

    seconds: float
    """From admission to the last token."""
    first_s: float
    """From admission to the first one."""
    input_tokens: int
    output_tokens: int

    @property
    def load(self) -> Load:
        """What it needs."""
        return Load(self.seconds, self.input_tokens, self.output_tokens)


def draw(
    workload: Workload, gauss: Callable[[float, float], float], spread: float = SPREAD
) -> tuple[Item, ...]:
    """Latencies of a lognormal spread around the mean, and sizes to match.

    `gauss(mu, sigma)` gives the randomness. The mean of what is drawn is the mean of the workload
    exactly, so that only the shape of the spread comes from chance.
    """
    drawn = [math.exp(gauss(0.0, spread)) for _ in range(workload.count)]
    mean = sum(drawn) / len(drawn)
    factors = _with_mean_one([max(_SHORTEST, d / mean) for d in drawn])
    return tuple(_item(workload, factor, math.exp(gauss(0.0, spread))) for factor in factors)


def bench_plan(
    workload: Workload, items: Sequence[Item], model: str, guesses_s: Sequence[float] | None = None
) -> Plan:
    """The workload as a plan of one wave without timeouts, for a model that follows `simulate:` lines.

    `guesses_s` are the seconds its author expects of each subtask; None = no estimates.
    """
    width = len(str(len(items)))
    subtasks = tuple(
        Subtask(
            id=f"{workload.name}-{place:0{width}}",
            title=f"{workload.title}, {place} of {len(items)}",
            model=model,
            timeout=0.0,
            max_tokens=2 * item.output_tokens,
            prompt=prompt(workload, item, place),
            estimate=_estimate(item, guesses_s[place - 1] if guesses_s is not None else None),
        )
        for place, item in enumerate(items, 1)
    )
    return Plan(name=workload.name, waves=(Wave(name="work", subtasks=subtasks, timeout=0.0),), workspace="/")


def prompt(workload: Workload, item: Item, place: int) -> str:
    """A prompt of the item's size that tells the simulated model how long to take."""
    script = (
        f"simulate: output={item.output_tokens} seconds={item.seconds:.3f} first={item.first_s:.3f}\n"
        f"Item {place}. {workload.task}\n\n"
    )
    length = item.input_tokens * _CHARS_PER_TOKEN
    return (script + _WORDS * (length // len(_WORDS) + 1))[: max(length, len(script))]


def _estimate(item: Item, guess_s: float | None) -> Estimate:
    if guess_s is None:
        return Estimate()
    return Estimate(seconds=guess_s, output_tokens=item.output_tokens)


def _with_mean_one(factors: list[float]) -> list[float]:
    mean = sum(factors) / len(factors)
    return [factor / mean for factor in factors]


def _item(workload: Workload, factor: float, wait: float) -> Item:
    seconds = workload.mean_s * factor
    return Item(
        seconds=seconds,
        first_s=min(workload.first_s * wait, seconds / 2),
        input_tokens=round(workload.input_tokens * min(wait, 2.0)),
        output_tokens=max(1, round(workload.output_tokens * factor)),
    )
