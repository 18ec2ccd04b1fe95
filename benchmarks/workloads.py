"""Work for benchmarks: mixed sizes from a seed, as numbers or as a plan for the simulated API."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

from luna_tui.simulator.model import CHARS_PER_TOKEN, count_tokens

MEAN_INPUT = 6_300
MEAN_OUTPUT = 1_110
MEAN_SECONDS = 18.0
_LARGE_SHARE = 0.07
_LONGEST = 4_000
"""Output tokens of the longest answer."""
TELLING = 0.9
"""Correlation of prompt and answer (in logarithms) where a long prompt gets a long answer, as in reviews."""
UNTELLING = 0.4
"""The same where the length of a prompt says little."""
_ROOM = 4_096
_FILLER = "The gauge of the third wave stands where it stood before, and the note beside it says why. "


@dataclass(frozen=True, slots=True)
class Work:
    """One request and its answer."""

    input_tokens: int
    output_tokens: int
    first_s: float
    """From admission to the first token."""
    seconds: float
    """From admission to the end."""
    max_tokens: int


def mixed(count: int, seed: int, *, tight: bool = False, correlation: float = TELLING) -> list[Work]:
    """Requests of mixed sizes whose mean input, output and latency are the constants above.

    7 % of the prompts have 20-40k tokens, the others 2-8k; outputs are lognormal with a tail to
    about 4,000, the longer the longer the prompt, as far as `correlation` (0 to 1) says; 50-90
    tokens a second. The mean latency is met from about 50 requests on. `tight` gives each request
    little more `max_tokens` than its output needs.
    """
    rng = random.Random(seed)
    inputs = _scaled(_inputs(count, rng), MEAN_INPUT)
    outputs = _scaled([_output(size, correlation, rng) for size in inputs], MEAN_OUTPUT)
    writing = [output / rng.uniform(50, 90) for output in outputs]
    first = [rng.lognormvariate(math.log(0.9), 0.35) + size / 8_000 for size in inputs]
    factor = min(2.0, max(0.5, (MEAN_SECONDS * count - sum(writing)) / sum(first)))
    return [
        Work(size, output, round(begin * factor, 3), round(begin * factor + write, 3), _room(output, tight))
        for size, output, begin, write in zip(inputs, outputs, first, writing, strict=True)
    ]


def plan_toml(work: Sequence[Work], *, estimates: bool, model: str = "claude-haiku-5-5") -> str:
    """A plan of one parallel wave whose prompts have the right length and order their answers.

    `estimates` tells each subtask's true input, output and seconds to the engine.
    """
    head = f"""[plan]
name = "mixed-{len(work)}"

[defaults]
model = {json.dumps(model)}
timeout = 600
retries = 5

[[wave]]
name = "all"
timeout = 0
"""
    return head + "".join(_subtask(number, one, estimates) for number, one in enumerate(work))


def prompt_of(number: int, work: Work) -> str:
    """A text of exactly the input tokens, which orders the answer."""
    order = f"simulate: output={work.output_tokens} seconds={work.seconds:g} first={work.first_s:g}"
    begin = f"{order}\nRequest {number:04d}. "
    size = int((work.input_tokens - count_tokens("") + 1) * CHARS_PER_TOKEN)
    return (begin + _FILLER * (max(0, size - len(begin)) // len(_FILLER) + 1))[:size]


def _subtask(number: int, work: Work, estimates: bool) -> str:
    lines = [
        "\n[[wave.subtask]]",
        f'id = "w{number:04d}"',
        f"max_tokens = {work.max_tokens}",
        f"prompt = {json.dumps(prompt_of(number, work))}",
    ]
    if estimates:
        lines.append(
            f"estimate = {{ input_tokens = {work.input_tokens}, output_tokens = {work.output_tokens},"
            f" seconds = {work.seconds:g} }}"
        )
    return "\n".join(lines) + "\n"


def _inputs(count: int, rng: random.Random) -> list[float]:
    large = round(count * _LARGE_SHARE)
    sizes = [rng.uniform(20_000, 40_000) for _ in range(large)]
    sizes += [rng.triangular(2_000, 8_000, 3_500) for _ in range(count - large)]
    rng.shuffle(sizes)
    return sizes


def _output(input_tokens: float, correlation: float, rng: random.Random) -> float:
    along = (math.log(input_tokens) - math.log(4_800)) / 0.6
    z = correlation * along + math.sqrt(1 - correlation**2) * rng.gauss(0, 1)
    return max(60.0, min(float(_LONGEST), math.exp(math.log(950) + 0.55 * z)))


def _scaled(sizes: Sequence[float], mean: int) -> list[int]:
    factor = mean * len(sizes) / sum(sizes) if sizes else 1.0
    return [round(size * factor) for size in sizes]


def _room(output_tokens: int, tight: bool) -> int:
    return (output_tokens // 256 + 1) * 256 if tight else max(_ROOM, output_tokens)
