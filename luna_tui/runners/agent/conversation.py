"""What an agent and the model have said so far, and the request that goes on from there."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from luna_tui.core.expectations import Expected
from luna_tui.core.plan import Subtask
from luna_tui.engine.runner import Demand
from luna_tui.runners.answer import Said
from luna_tui.runners.blocks import Block
from luna_tui.runners.caching import least_tokens, marked, system_text, with_marks
from luna_tui.runners.question import Question

LAST_TURN = (
    "This is your last turn: no tool can be used any more. Give your final answer now, as well as you can "
    "with what you know, and say what is left undone."
)
GO_ON = "You have not answered yet. Give your final answer, or go on working."


class Conversation:
    """Belongs to one attempt, and is used by its thread only."""

    def __init__(
        self,
        subtask: Subtask,
        question: Question,
        tools: Sequence[Mapping[str, Any]],
        *,
        expect: Callable[[], Expected],
    ) -> None:
        """`expect` tells what a request takes, by what is known when it is asked."""
        expected = expect()
        per_char = expected.input_tokens_per_char
        self._expect = expect
        self._subtask = subtask
        self._system = question.system
        self._documents = len(question.documents)
        self._tools = [dict(tool) for tool in tools]
        self._messages = question.messages()
        self._per_char = per_char
        self._output_tokens = float(expected.output_tokens)
        self._turns = 0
        tools_chars = size_chars(self._tools)
        self._start_tokens = round((tools_chars + len(self._system)) * per_char)
        """Of what comes before the messages."""
        self._tokens = question.tokens(per_char) + round(tools_chars * per_char)
        """Of the next request, those that the service has kept included."""
        self._kept_tokens = 0
        """Of these, what the service has kept."""
        self._ends = {len(self._messages) - 1: self._tokens}
        """Place of a message of ours -> tokens to its end, in the order they were sent."""

    @property
    def texts(self) -> tuple[str, ...]:
        """All that is sent, for comparing it with what a server says of it."""
        return (self._system, *(text for message in self._messages for text in _texts(message["content"])))

    @property
    def ours(self) -> bool:
        """It is our turn to speak: the model did not stop in the midst of its own."""
        return bool(self._messages[-1]["role"] == "user")

    @property
    def tokens(self) -> int:
        """Input tokens that the next request probably has, those included that the service has kept."""
        return self._tokens

    def demand(self, *, last: bool) -> Demand:
        """What the next request will take: what is kept costs nothing of the limits."""
        most = self._subtask.max_tokens
        kept, keeps = self._kept_tokens, self._tokens >= self._least
        if self._forbids(last):
            kept, keeps = min(kept, self._start_tokens if self._keeps_start else 0), False
        sent = max(1, self._tokens - kept)
        expected = self._expect()
        return Demand(
            input_tokens=sent,
            output_tokens=max(1, min(round(self._output_tokens), most)),
            max_output_tokens=most,
            dear_output_tokens=expected.dear_output_tokens,
            kept_tokens=kept,
            written_tokens=sent if keeps else 0,
            searches=expected.dear_searches,
        )

    def request(self, *, last: bool) -> dict[str, Any]:
        """The next one; in the `last` one of an attempt no tool may be used."""
        request: dict[str, Any] = {
            "model": self._subtask.model,
            "max_tokens": self._subtask.max_tokens,
            "messages": list(self._messages) if self._forbids(last) else self._marked(),
        }
        if self._tools:
            request["tools"] = [*self._tools[:-1], self._last_tool()]
        if self._forbids(last):
            request["tool_choice"] = {"type": "none"}
        if self._system:
            request["system"] = system_text(self._system, mark=self._keeps_start)
        return request

    def hear(self, said: Said) -> None:
        """The model has answered the last request."""
        usage = said.usage
        kept = usage.cache_read_tokens + usage.cache_write_tokens
        self._turns += 1
        self._output_tokens += (usage.output_tokens - self._output_tokens) / (self._turns + 1)
        self._tokens = usage.input_tokens + kept + usage.output_tokens
        self._kept_tokens = kept
        if said.content:
            self._messages.append({"role": "assistant", "content": list(said.content)})

    def tell(self, results: Sequence[Block]) -> None:
        """Answer the tools that the model wanted used."""
        self._add(list(results))

    def remind(self, text: str) -> None:
        """Say one sentence more before the next request, where it is ours to speak."""
        self._add([{"type": "text", "text": text}])

    def _add(self, content: list[Block]) -> None:
        self._tokens += round(sum(map(len, _texts(content))) * self._per_char)
        if self.ours:
            self._messages[-1]["content"] += content
        else:
            self._messages.append({"role": "user", "content": content})
        self._ends[len(self._messages) - 1] = self._tokens

    @property
    def _least(self) -> int:
        return least_tokens(self._subtask.model)

    @property
    def _keeps_start(self) -> bool:
        return self._start_tokens >= self._least

    def _forbids(self, last: bool) -> bool:
        """No tool may be used. Then the service finds nothing of the messages that it has kept."""
        return last and self.ours and bool(self._tools)

    def _last_tool(self) -> Block:
        ends_start = self._keeps_start and not self._system
        return marked(self._tools[-1]) if ends_start else self._tools[-1]

    def _marked(self) -> list[dict[str, Any]]:
        """Three marks at most: the documents, which others may share, and the last two messages of ours.

        The one before the last is where the service kept the conversation when it was last asked.
        """
        long_enough = [place for place, tokens in self._ends.items() if tokens >= self._least]
        places: dict[int, list[int]] = {place: [-1] for place in long_enough[-2:]}
        if self._documents and self._tokens_of_documents() >= self._least:
            places.setdefault(0, []).append(self._documents - 1)
        return [
            {**message, "content": with_marks(message["content"], *places.get(n, ()))}
            for n, message in enumerate(self._messages)
        ]

    def _tokens_of_documents(self) -> int:
        documents = self._messages[0]["content"][: self._documents]
        return self._start_tokens + round(sum(map(len, _texts(documents))) * self._per_char)


def size_chars(tools: Sequence[Mapping[str, Any]]) -> int:
    """About how long the definitions of tools are, as they are sent."""
    return sum(len(json.dumps(tool, default=str)) for tool in tools)


def _texts(content: Sequence[Block]) -> list[str]:
    """What blocks say, wherever they say it."""
    texts = []
    for block in content:
        source = block.get("source")
        for said in (block.get("text"), block.get("content"), source and source.get("data")):
            if isinstance(said, str):
                texts.append(said)
        if block.get("input"):
            texts.append(json.dumps(block["input"], ensure_ascii=False, default=str))
    return texts
