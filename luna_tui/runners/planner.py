"""One request for a plan: a streamed answer whose form the service enforces."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from luna_tui.engine.cancel import Cancelled
from luna_tui.engine.clock import Clock
from luna_tui.engine.runner import AttemptContext, AttemptError, Demand, Work
from luna_tui.runners.answer import AnswerReader

if TYPE_CHECKING:
    import anthropic

    from luna_tui.runners.guard import CallGuard

FIRST_EVENT_S, GAP_S = 90.0, 60.0
"""Seconds with nothing but pings after which an answer counts as stalled: at its start, and later. To
prepare a schema that it has not seen takes the service a while."""


class PlannerRunner:
    """Does attempts of a subtask that asks for a plan: its prompt and system text are sent as they are."""

    def __init__(
        self, make_client: Callable[[], anthropic.Anthropic], clock: Clock, schema: Mapping[str, Any]
    ) -> None:
        """`make_client` is called once, by the first attempt; `schema` is that of the answer."""
        self._make_client = make_client
        self._clock = clock
        self._schema = schema
        self._lock = threading.Lock()
        """Protects `_client`."""
        self._client: anthropic.Anthropic | None = None

    def demand(self, work: Work) -> Demand:
        """Input by the length of the texts, output as the subtask estimates."""
        expected = work.expect(work.subtask)
        return Demand(
            input_tokens=expected.input_tokens,
            output_tokens=expected.output_tokens,
            max_output_tokens=work.subtask.max_tokens,
        )

    def run(self, work: Work, context: AttemptContext) -> str:
        """Stream the answer; raises AttemptError or Cancelled."""
        context.token.raise_if_cancelled()

        from luna_tui.runners.claude_errors import translate
        from luna_tui.runners.guard import CURRENT_GUARD, CallGuard

        guard = CallGuard(context.token, self._clock, first_s=FIRST_EVENT_S, gap_s=GAP_S)
        earlier = CURRENT_GUARD.set(guard)
        expected_input = work.expect(work.subtask).input_tokens
        reader = AnswerReader(work.subtask.model, context, expected_input=expected_input)
        try:
            return self._listen(work, context, guard, reader)
        except (AttemptError, Cancelled):
            context.token.raise_if_cancelled()
            raise
        except Exception as error:
            context.token.raise_if_cancelled()
            failure = translate(error, self._clock.wall(), (work.subtask.prompt, work.subtask.system))
            if failure is None:
                raise
            response = getattr(error, "response", None)
            if getattr(response, "status_code", 0) >= HTTPStatus.BAD_REQUEST:
                self._tell_limits(response, context, refused=True)
            raise failure from error
        finally:
            CURRENT_GUARD.reset(earlier)
            reader.book()

    def close(self) -> None:
        """Close the client's connections."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def _listen(self, work: Work, context: AttemptContext, guard: CallGuard, reader: AnswerReader) -> str:
        request: dict[str, Any] = {
            "model": work.subtask.model,
            "max_tokens": work.subtask.max_tokens,
            # A repair asks again with the same rules and files, which then come from the cache.
            "system": [
                {"type": "text", "text": work.subtask.system, "cache_control": {"type": "ephemeral"}},
            ],
            "messages": [{"role": "user", "content": work.subtask.prompt}],
            "output_config": {"format": {"type": "json_schema", "schema": self._schema}},
            "stream": True,
        }
        with self._shared_client().messages.create(**request) as stream:
            self._tell_limits(stream.response, context)
            for event in stream:
                guard.touch()
                reader.take(event)
        context.token.raise_if_cancelled()
        return reader.answer()

    def _shared_client(self) -> anthropic.Anthropic:
        with self._lock:
            if self._client is None:
                self._client = self._make_client()
            return self._client

    def _tell_limits(self, response: Any, context: AttemptContext, *, refused: bool = False) -> None:
        from luna_tui.runners.limit_headers import read_limits

        if response is not None:
            context.server_limits(read_limits(response.headers, self._clock.wall()), refused=refused)
