"""One request for a plan: a streamed answer whose form the service enforces."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from luna_tui.engine.clock import Clock
from luna_tui.engine.runner import AttemptContext, Demand, Work
from luna_tui.runners.answer import AnswerReader, result
from luna_tui.runners.caching import least_tokens, system_text
from luna_tui.runners.calls import Calls

if TYPE_CHECKING:
    import anthropic

FIRST_EVENT_S, GAP_S = 90.0, 60.0
"""Seconds with nothing but pings after which an answer counts as stalled: at its start, and later. To
prepare a schema that it has not seen takes the service a while."""


class PlannerRunner:
    """Does attempts of a subtask that asks for a plan: its prompt and system text are sent as they are."""

    def __init__(
        self, make_client: Callable[[], anthropic.Anthropic], clock: Clock, schema: Mapping[str, Any]
    ) -> None:
        """`make_client` is called once, by the first attempt; `schema` is that of the answer."""
        self._calls = Calls(make_client, clock, first_s=FIRST_EVENT_S, gap_s=GAP_S)
        self._schema = schema

    def demand(self, work: Work) -> Demand:
        """Input by the length of the texts, output as the subtask estimates."""
        expected = work.expect(work.subtask)
        return Demand(
            input_tokens=expected.input_tokens,
            output_tokens=expected.output_tokens,
            max_output_tokens=work.subtask.max_tokens,
            dear_output_tokens=expected.dear_output_tokens,
        )

    def run(self, work: Work, context: AttemptContext) -> str:
        """Stream the answer; raises AttemptError or Cancelled."""
        subtask, expected = work.subtask, work.expect(work.subtask)
        least = least_tokens(subtask.model)
        request = {
            "model": subtask.model,
            "max_tokens": subtask.max_tokens,
            # A repair asks again with the same rules and files, which then come from the cache.
            "system": system_text(
                subtask.system, mark=len(subtask.system) * expected.input_tokens_per_char >= least
            ),
            "messages": [{"role": "user", "content": subtask.prompt}],
            "output_config": {"format": {"type": "json_schema", "schema": self._schema}},
        }
        reader = AnswerReader(subtask.model, context, expected_input=expected.input_tokens)
        said = self._calls.send(request, context, reader, (subtask.prompt, subtask.system))
        return result(said, said.text)

    def close(self) -> None:
        """Close the client's connections."""
        self._calls.close()
