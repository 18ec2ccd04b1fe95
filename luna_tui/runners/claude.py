"""One attempt of a Claude subtask: one conversation of its own on the shared streaming client."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from luna_tui.core.plan import Subtask
from luna_tui.engine.clock import Clock
from luna_tui.engine.runner import AttemptContext, Demand, Work
from luna_tui.runners.agent.loop import Agent
from luna_tui.runners.agent.toolbox import NO_TOOLS, Toolbox
from luna_tui.runners.answer import AnswerReader, result
from luna_tui.runners.caching import Shared, least_tokens, system_text, with_marks
from luna_tui.runners.calls import Calls
from luna_tui.runners.question import Question, question_of

if TYPE_CHECKING:
    import anthropic


class ClaudeRunner:
    """Serves all threads; the client is shared, conversations never are."""

    def __init__(
        self,
        make_client: Callable[[], anthropic.Anthropic],
        clock: Clock,
        *,
        first_event_s: float = 60.0,
        gap_s: float = 45.0,
        toolbox: Toolbox = NO_TOOLS,
        shared: Callable[[Subtask], Shared] = lambda _: Shared(),
    ) -> None:
        """`make_client` is called once, by the first attempt.

        A request fails as stalled when nothing but pings came for `first_event_s` at its start or
        for `gap_s` later; both in seconds. Its whole time is bounded by its token's deadline.
        `toolbox` has the tools that plans grant; `shared` tells what a subtask's request has in
        common with others, so that the service keeps it for them.
        """
        self._calls = Calls(make_client, clock, first_s=first_event_s, gap_s=gap_s)
        self._toolbox = toolbox
        self._shared = shared

    def demand(self, work: Work) -> Demand:
        """Input from the length of the finished prompt unless the plan estimates it; output as expected."""
        subtask, expected = work.subtask, work.expect(work.subtask)
        per_char = expected.input_tokens_per_char
        # What the author of an agent expects is of all its requests, not of the first.
        tokens = 0 if subtask.tools else subtask.estimate.input_tokens or 0
        tokens = tokens or (
            question_of(work).tokens(per_char) + round(self._toolbox.size_chars(subtask) * per_char)
        )
        keeps = bool(subtask.tools) and tokens >= least_tokens(subtask.model)
        return Demand(
            input_tokens=tokens,
            output_tokens=min(expected.output_tokens, subtask.max_tokens),
            max_output_tokens=subtask.max_tokens,
            dear_output_tokens=expected.dear_output_tokens,
            written_tokens=tokens if keeps else 0,
            searches=expected.dear_searches,
        )

    def run(self, work: Work, context: AttemptContext) -> str:
        """Stream the answer, or work with tools until there is one; raises AttemptError or Cancelled."""
        context.token.raise_if_cancelled()
        question = question_of(work)
        if work.subtask.tools:
            return Agent(self._calls, self._toolbox, work, question, context).run()
        per_char = work.expect(work.subtask).input_tokens_per_char
        reader = AnswerReader(work.subtask.model, context, expected_input=question.tokens(per_char))
        request = self._request(work.subtask, question, per_char)
        said = self._calls.send(request, context, reader, question.texts)
        return result(said, said.text)

    def warm(self) -> None:
        """Load the SDK and build the client now, so that the first attempt does not pay for it."""
        self._calls.warm()

    def close(self) -> None:
        """Close the client's connections, and end what tools have running."""
        try:
            self._toolbox.close()
        finally:
            self._calls.close()

    def _request(self, subtask: Subtask, question: Question, per_char: float) -> dict[str, Any]:
        shared, least = self._shared(subtask), least_tokens(subtask.model)
        documents = sum(len(text) for _, text in question.documents)
        files = shared.files and documents > 0 and (documents + len(question.system)) * per_char >= least
        system = shared.system and not files and len(question.system) * per_char >= least
        messages = question.messages()
        if files:
            first = messages[len(question.earlier)]
            first["content"] = with_marks(first["content"], len(question.documents) - 1)
        request: dict[str, Any] = {
            "model": subtask.model,
            "max_tokens": subtask.max_tokens,
            "messages": messages,
        }
        if question.system:
            request["system"] = system_text(question.system, mark=system)
        return request
