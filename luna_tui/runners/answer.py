"""Read the events of one streamed answer, and decide whether it is a result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from luna_tui.core.words import ErrorKind
from luna_tui.engine.runner import AttemptContext, AttemptError, Usage
from luna_tui.runners.blocks import Block, Blocks, ToolCall
from luna_tui.runners.characters import whole_characters

CHARS_PER_TOKEN = 3.5
"""A first guess; the server's count corrects each request as soon as its answer begins."""
_TOLD_EVERY_CHARS = 224
"""Text after which the limiter is told how far a running answer is: about 64 tokens, a second of it."""
MAX_TOKENS_COUNTED = 1_000_000_000
"""A count above this is nonsense and is not believed."""
_LONG_STOPS = {
    "max_tokens": "cut off at max_tokens after {output:,} tokens; raise max_tokens",
    "model_context_window_exceeded": "cut off after {output:,} tokens: the model's context window is full",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One answer that came to its end, whatever end that is."""

    stop: str
    """Why it ended, in the service's words."""
    text: str
    usage: Usage
    content: Sequence[Block] = ()
    """Every block, as it has to be sent back; empty where blocks were not collected."""
    calls: tuple[ToolCall, ...] = ()
    """Tools of ours that the model wants used, in order."""


def result(said: Said, text: str) -> str:
    """`text` where the model came to its end by itself; AttemptError for every other end."""
    if said.stop in _LONG_STOPS:
        raise AttemptError(
            ErrorKind.MAX_TOKENS, _LONG_STOPS[said.stop].format(output=said.usage.output_tokens)
        )
    if said.stop == "refusal":
        raise AttemptError(ErrorKind.REFUSED, "the model refused to answer")
    if said.stop not in ("end_turn", "stop_sequence"):
        raise AttemptError(ErrorKind.PROTOCOL, f"unexpected stop reason {said.stop[:40]!r}")
    if not text.strip():
        raise AttemptError(ErrorKind.EMPTY, "the answer was empty", retryable=True)
    return text


class AnswerReader:
    """Lives as long as one answer; used by its thread only."""

    def __init__(
        self, model: str, context: AttemptContext, *, expected_input: int, blocks: Blocks | None = None
    ) -> None:
        """`expected_input` tokens stand for a count that does not come; `blocks` collect for an agent."""
        self._model = model
        self._context = context
        self._blocks = blocks
        self._texts: list[str] = []
        self._characters = 0
        self._told_at = 0
        self._expected_input = expected_input
        self._input: int | None = None
        self._output: int | None = None
        self._cache_read = self._cache_write = self._searches = 0
        self._begun = self._stopped = False
        self._stop_reason: str | None = None

    def take(self, event: Any) -> None:
        """One event; AttemptError(PROTOCOL) when it lacks what its type promises. Unknown ones pass."""
        try:
            self._take(event)
        except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
            raise _not_the_api() from error

    def said(self) -> Said:
        """The whole answer; AttemptError when it never came to an end."""
        if not self._begun:
            raise _not_the_api()
        if not self._stopped or self._stop_reason is None:
            text = f"the stream ended early, after {self._characters:,} characters"
            raise AttemptError(ErrorKind.TRUNCATED, text, retryable=True)
        said = Said(stop=self._stop_reason, text="".join(self._texts), usage=self._usage())
        return said if self._blocks is None else self._with_blocks(said, self._blocks)

    def _with_blocks(self, said: Said, blocks: Blocks) -> Said:
        try:
            blocks.close()
            return replace(said, content=blocks.content(), calls=blocks.calls(cut=said.stop in _LONG_STOPS))
        except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
            raise _not_the_api() from error

    def book(self) -> None:
        """Report what was used, whether or not the answer came to anything."""
        if self._begun:
            self._context.usage(self._usage(), final=True)

    def _take(self, event: Any) -> None:
        kind = event.type
        if kind == "message_start":
            self._begun = True
            self._count(event.message.usage)
            self._context.usage(self._usage(), final=False)
        elif kind in ("content_block_delta", "message_delta", "message_stop") and not self._begun:
            raise _not_the_api()
        elif kind == "content_block_delta":
            if event.delta.type == "text_delta":
                self._say(event.delta.text)
            if self._blocks is not None:
                self._piece(self._blocks, event)
        elif kind in ("content_block_start", "content_block_stop") and self._blocks is not None:
            if kind == "content_block_start":
                self._blocks.begin(event.index, event.content_block)
            else:
                self._blocks.end(event.index)
        elif kind == "message_delta":
            reason = event.delta.stop_reason
            self._stop_reason = reason if isinstance(reason, str) else self._stop_reason
            self._count(getattr(event, "usage", None))
        elif kind == "message_stop":
            self._stopped = True

    def _say(self, text: Any) -> None:
        if not isinstance(text, str):
            raise _not_the_api()
        text = whole_characters(text)
        self._texts.append(text)
        self._context.output(text)
        self._grow(len(text))

    def _piece(self, blocks: Blocks, event: Any) -> None:
        characters = blocks.add(event.index, event.delta)
        if event.delta.type != "text_delta":
            self._grow(characters)

    def _grow(self, characters: int) -> None:
        self._characters += characters
        if self._characters - self._told_at >= _TOLD_EVERY_CHARS:
            self._told_at = self._characters
            self._context.usage(self._usage(), final=False)

    def _count(self, usage: Any) -> None:
        self._input = _believed(usage, "input_tokens", self._input)
        self._output = _believed(usage, "output_tokens", self._output)
        self._cache_read = _believed(usage, "cache_read_input_tokens", self._cache_read) or 0
        self._cache_write = _believed(usage, "cache_creation_input_tokens", self._cache_write) or 0
        served = getattr(usage, "server_tool_use", None)
        self._searches = _believed(served, "web_search_requests", self._searches) or 0

    def _usage(self) -> Usage:
        """What the server counted; what it did not tell is guessed from the length of the text."""
        output = self._output or 0
        if not self._stopped or self._output is None:
            output = max(output, round(self._characters / CHARS_PER_TOKEN))
        return Usage(
            model=self._model,
            input_tokens=self._expected_input if self._input is None else self._input,
            output_tokens=output,
            cache_read_tokens=self._cache_read,
            cache_write_tokens=self._cache_write,
            searches=self._searches,
        )


def _believed(usage: Any, name: str, before: int | None) -> int | None:
    value = getattr(usage, name, None)
    return value if isinstance(value, int) and 0 <= value < MAX_TOKENS_COUNTED else before


def _not_the_api() -> AttemptError:
    return AttemptError(
        ErrorKind.PROTOCOL,
        "the answer is not what the API sends; a proxy or captive portal in between?",
        retryable=True,
    )
