"""Expect what an attempt will take: the author's word, else what like attempts took, else a guess."""

from __future__ import annotations

from bisect import insort
from collections.abc import Mapping
from dataclasses import dataclass, replace

from luna_tui.core.events import Tokens, UsageRecorded
from luna_tui.core.plan import Plan, Subtask
from luna_tui.core.quantile import Recent
from luna_tui.core.tools import WEB
from luna_tui.core.trend import Trends
from luna_tui.core.words import Kind

LIKELY_SHARE_OF_MAX = 0.6
"""Output expected of an unknown prompt, as a share of `max_tokens`."""
SAID_SHARE_OF_MAX = 0.12
"""The same of a turn of an agent that uses tools."""
OUTPUT_TOKENS_PER_S = 60.0
"""Speed of an unknown model."""
FIRST_TOKEN_S = 1.0
"""Seconds to the first token of an unknown model."""
UNKNOWN_S = 5.0
"""Seconds of a command or function of which nothing is known; equal for all, so plan order decides."""
INPUT_TOKENS_PER_CHAR = 1 / 3.5
"""Input tokens of a character of unknown text."""
REQUEST_OVERHEAD_TOKENS = 20
"""Input tokens of a request without any text."""
_WEIGHT = 2.0
"""How many attempts the coarser expectation is worth against those of the finer one."""
_WEIGHT_CHARS = 2_000.0
"""Characters of prompt that the guess of `INPUT_TOKENS_PER_CHAR` is worth."""
_LEAST_S = 0.001
GUESSED_TURNS = 4.0
"""Requests of an agent of which nothing is known."""
_ENOUGH_REQUESTS = 5
"""Requests that must have been seen before their dearest tenth says anything."""
_TOLD_HIGH = 1.5
"""How far an answer may go beyond what its author expects, as far as anybody knows before there was one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What one attempt of a subtask will probably take."""

    seconds: float
    """From its start to its end, above 0."""
    output_tokens: int
    """Of one request, from 1 to the subtask's `max_tokens`; 0 for kinds that use no tokens."""
    input_tokens: int
    """Of the first request, as the plan knows it: results of other subtasks are not counted."""
    input_tokens_per_char: float
    """For whoever knows the finished prompt and wants to count that."""
    dear_output_tokens: int
    """What nine of ten requests stay within, for reserving money: never below `output_tokens`."""
    dear_searches: int
    """The same of searches of the web in one request."""


@dataclass(frozen=True, slots=True)
class PerRequest:
    """What an attempt used, as far as it tells what one request takes."""

    first: Tokens | None = None
    """Of its first request, the one that has the prompt of the plan; later ones repeat all before them."""
    outputs: tuple[int, ...] = ()
    """Output tokens of each request."""
    searches: tuple[int, ...] = ()
    """Searches of the web of each request."""

    @classmethod
    def once(cls, tokens: Tokens) -> PerRequest:
        """Of an attempt with a single request."""
        return cls(tokens, (tokens.output,), (0,))

    def plus(self, used: UsageRecorded) -> PerRequest:
        """With another request."""
        first = self.first or Tokens().plus(used)
        return PerRequest(first, (*self.outputs, used.output_tokens), (*self.searches, used.searches))

    @property
    def mean(self) -> Tokens | None:
        """The input of the first request, and an output as each of them had; None = nothing is known."""
        if self.first is None:
            return None
        return replace(self.first, output=round(sum(self.outputs) / len(self.outputs)))


_Group = tuple[str, Kind, str]
"""Wave (empty = all waves), kind, model: attempts that are alike."""


class Expectations:
    """Learns online from attempts that ended well.

    `learn` must be called by one thread at a time (the desk's lock serves); `expect` from any, at
    any time: what it reads is immutable and replaced as a whole.
    """

    def __init__(self, plan: Plan) -> None:
        self._waves = {s.id: wave.name for wave in plan.waves for s in wave.subtasks}
        self._outputs: dict[_Group, Trends] = {}
        self._seconds: dict[_Group, Trends] = {}
        self._sorted: dict[_Group, list[float]] = {}
        self._medians: dict[_Group, float] = {}
        self._per_char: dict[str, tuple[float, float]] = {}
        """Model -> input tokens and the characters they were counted for."""
        self._recent: dict[_Group, tuple[Recent, Recent]] = {}
        """Output tokens and searches of requests; only `learn` looks at them."""
        self._dear: dict[_Group, tuple[int, int]] = {}
        """What nine of ten stay within of both, where enough were seen."""
        self._turns: dict[_Group, tuple[int, int]] = {}
        """Attempts of agents, and their requests."""
        self.learnt = 0
        """Attempts learnt from so far."""

    def expect(self, subtask: Subtask) -> Expected:
        """What the next attempt will take; the author's estimate wins wherever it names a figure."""
        per_char = self._input_per_char(subtask)
        guessed = round(subtask.size_chars * per_char) + REQUEST_OVERHEAD_TOKENS
        asks = subtask.kind is Kind.CLAUDE
        output = max(1, round(self._output(subtask))) if asks else 0
        dear, searches = self._dearest(subtask, output) if asks else (0, 0)
        return Expected(
            seconds=self.seconds(subtask),
            output_tokens=output,
            input_tokens=(guessed if subtask.tools else subtask.estimate.input_tokens or guessed)
            if asks
            else 0,
            input_tokens_per_char=per_char,
            dear_output_tokens=dear,
            dear_searches=searches,
        )

    def turns(self, subtask: Subtask) -> float:
        """Requests of an attempt, from 1 to its `max_turns`; more than one only where it has tools."""
        if not subtask.tools:
            return 1.0
        value = GUESSED_TURNS
        for group in self._groups(subtask):
            attempts, requests = self._turns.get(group, (0, 0))
            value = (requests + _WEIGHT * value) / (attempts + _WEIGHT)
        return max(1.0, min(value, float(subtask.max_turns)))

    def seconds(self, subtask: Subtask) -> float:
        """Only the seconds of `expect`, which an order of dispatch asks for by the thousand."""
        if subtask.estimate.seconds is not None:
            return max(_LEAST_S, subtask.estimate.seconds)
        if subtask.kind is not Kind.CLAUDE:
            return self._median(subtask)
        guess = FIRST_TOKEN_S + self._output(subtask) / OUTPUT_TOKENS_PER_S
        guess *= self.turns(subtask)
        seconds = self._blend(subtask, self._seconds, guess)
        if subtask.timeout > 0:
            seconds = min(seconds, subtask.timeout)
        return max(_LEAST_S, seconds)

    def alike(self, subtask: Subtask) -> object:
        """The same for subtasks of which the same is expected, as long as nothing is learnt."""
        return (
            self._waves.get(subtask.id), subtask.kind, subtask.model, subtask.size_chars,
            subtask.max_tokens, subtask.timeout, subtask.estimate, subtask.max_turns if subtask.tools else 1,
        )  # fmt: skip

    def learn(self, subtask: Subtask, used: PerRequest | None, seconds: float) -> None:
        """An attempt succeeded after `seconds` of work; `used` is what its requests took, as the server
        counted it, None = unknown.
        """
        self.learnt += 1
        mean = None if used is None else used.mean
        for group in self._groups(subtask):
            if subtask.kind is not Kind.CLAUDE:
                self._learn_median(group, seconds)
                continue
            traits = _traits(subtask)
            self._seconds[group] = self._seconds.get(group, Trends()).plus(traits, seconds)
            if mean is not None and mean.output > 0:
                self._outputs[group] = self._outputs.get(group, Trends()).plus(traits, mean.output)
            if used is not None and used.outputs:
                self._learn_requests(group, subtask, used)
        # What results of others or of tools add to a prompt is not in its size: it would spoil the ratio.
        if mean is not None and mean.input > 0 and not subtask.depends_on and not subtask.tools:
            tokens, chars = self._per_char.get(subtask.model, (0.0, 0.0))
            counted = max(0, mean.input + mean.cache_write + mean.cache_read - REQUEST_OVERHEAD_TOKENS)
            self._per_char[subtask.model] = (tokens + counted, chars + subtask.size_chars)

    def _learn_requests(self, group: _Group, subtask: Subtask, used: PerRequest) -> None:
        outputs, searches = recent = self._recent.setdefault(group, (Recent(), Recent()))
        for seen, figures in zip(recent, (used.outputs, used.searches), strict=True):
            for figure in figures:
                seen.add(figure)
        if len(outputs) >= _ENOUGH_REQUESTS:
            self._dear[group] = outputs.p90, searches.p90
        if subtask.tools:
            attempts, requests = self._turns.get(group, (0, 0))
            self._turns[group] = attempts + 1, requests + len(used.outputs)

    def _dearest(self, subtask: Subtask, output: int) -> tuple[int, int]:
        """Output tokens and searches for which money is reserved, where `output` are expected."""
        told = subtask.estimate.output_tokens
        guess = round(LIKELY_SHARE_OF_MAX * subtask.max_tokens if told is None else _TOLD_HIGH * output)
        coarse, fine = self._groups(subtask)
        dear, searches = self._dear.get(fine) or self._dear.get(coarse) or (guess, 1)
        most = max(1, subtask.max_tokens)
        return min(most, max(output, dear)), searches if WEB[0] in subtask.tools else 0

    def _groups(self, subtask: Subtask) -> tuple[_Group, _Group]:
        """From coarse to fine; commands know no model."""
        model = subtask.model if subtask.kind is Kind.CLAUDE else ""
        return ("", subtask.kind, model), (self._waves.get(subtask.id, "?"), subtask.kind, model)

    def _output(self, subtask: Subtask) -> float:
        if subtask.estimate.output_tokens is not None:
            return min(subtask.estimate.output_tokens / self.turns(subtask), float(subtask.max_tokens))
        guess = _guessed_share(self.turns(subtask)) * subtask.max_tokens
        return min(max(1.0, self._blend(subtask, self._outputs, guess)), float(subtask.max_tokens))

    def _blend(self, subtask: Subtask, trends: Mapping[_Group, Trends], guess: float) -> float:
        """The guess, moved towards all attempts of the model, and that towards those of the wave."""
        value, traits = guess, _traits(subtask)
        for group in self._groups(subtask):
            trend = trends.get(group)
            if trend is not None:
                value = (trend.pairs * trend.at(traits) + _WEIGHT * value) / (trend.pairs + _WEIGHT)
        return value

    def _median(self, subtask: Subtask) -> float:
        coarse, fine = self._groups(subtask)
        return max(_LEAST_S, self._medians.get(fine, self._medians.get(coarse, UNKNOWN_S)))

    def _learn_median(self, group: _Group, seconds: float) -> None:
        seen = self._sorted.setdefault(group, [])
        insort(seen, seconds)
        self._medians[group] = seen[len(seen) // 2]

    def _input_per_char(self, subtask: Subtask) -> float:
        tokens, chars = self._per_char.get(subtask.model, (0.0, 0.0))
        return (tokens + INPUT_TOKENS_PER_CHAR * _WEIGHT_CHARS) / (chars + _WEIGHT_CHARS)


def _guessed_share(turns: float) -> float:
    """Output of a request of which nothing is known: the last turn answers, those before use tools."""
    return (LIKELY_SHARE_OF_MAX + (turns - 1.0) * SAID_SHARE_OF_MAX) / turns


def _traits(subtask: Subtask) -> tuple[float, float]:
    """What may tell long answers from short ones: the length of the prompt, and the room it was given."""
    return float(subtask.size_chars), float(subtask.max_tokens)
