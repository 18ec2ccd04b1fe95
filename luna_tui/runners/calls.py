"""Send requests on the one shared streaming client, and say in the engine's words what went wrong."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from luna_tui.core.words import ErrorKind
from luna_tui.engine.cancel import Cancelled
from luna_tui.engine.clock import Clock
from luna_tui.engine.runner import AttemptContext, AttemptError
from luna_tui.runners.answer import AnswerReader, Said

if TYPE_CHECKING:
    import anthropic

    from luna_tui.runners.guard import CallGuard


class Calls:
    """Serves all threads; the client is shared, nothing else is."""

    def __init__(
        self, make_client: Callable[[], anthropic.Anthropic], clock: Clock, *, first_s: float, gap_s: float
    ) -> None:
        """`make_client` is called once, by the first request.

        A request fails as stalled when nothing but pings came for `first_s` at its start or for
        `gap_s` later; both in seconds. Its whole time is bounded by its token's deadline.
        """
        self._make_client = make_client
        self._clock = clock
        self._first_s = first_s
        self._gap_s = gap_s
        self._lock = threading.Lock()
        """Protects `_client`."""
        self._client: anthropic.Anthropic | None = None

    def send(
        self,
        request: dict[str, Any],
        context: AttemptContext,
        reader: AnswerReader,
        private: Sequence[str],
    ) -> Said:
        """Stream one answer; AttemptError or Cancelled. `private` are the texts of the request.

        What was used is booked in any case.
        """
        context.token.raise_if_cancelled()

        from luna_tui.runners.claude_errors import translate
        from luna_tui.runners.guard import CURRENT_GUARD, CallGuard

        guard = CallGuard(context.token, self._clock, first_s=self._first_s, gap_s=self._gap_s)
        earlier = CURRENT_GUARD.set(guard)
        try:
            return self._listen(request, context, guard, reader)
        except (AttemptError, Cancelled):
            context.token.raise_if_cancelled()
            raise
        except Exception as error:
            context.token.raise_if_cancelled()
            failure = translate(error, self._clock.wall(), private)
            if failure is None:
                raise
            response = getattr(error, "response", None)
            if getattr(response, "status_code", 0) >= HTTPStatus.BAD_REQUEST:
                # Of a stream that breaks off, the headers are as old as its beginning.
                self._tell_limits(response, context, refused=True)
            raise _with_size(failure, private) from error
        finally:
            CURRENT_GUARD.reset(earlier)
            reader.book()

    def warm(self) -> None:
        """Load the SDK and build the client now, so that the first request does not pay for it."""
        from luna_tui.runners import claude_errors, guard  # noqa: F401 - loading them is the point

        _ = self._shared_client().messages

    def close(self) -> None:
        """Close the client's connections."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def _listen(
        self, request: dict[str, Any], context: AttemptContext, guard: CallGuard, reader: AnswerReader
    ) -> Said:
        with self._shared_client().messages.create(**request, stream=True) as stream:
            self._tell_limits(stream.response, context)
            for event in stream:
                guard.touch()
                reader.take(event)
        context.token.raise_if_cancelled()
        return reader.said()

    def _shared_client(self) -> anthropic.Anthropic:
        with self._lock:
            if self._client is None:
                self._client = self._make_client()
            return self._client

    def _tell_limits(self, response: Any, context: AttemptContext, *, refused: bool = False) -> None:
        from luna_tui.runners.limit_headers import read_limits

        if response is not None:
            context.server_limits(read_limits(response.headers, self._clock.wall()), refused=refused)


def _with_size(failure: AttemptError, private: Sequence[str]) -> AttemptError:
    if failure.kind is not ErrorKind.TOO_LARGE:
        return failure
    size = sum(len(text.encode(errors="replace")) for text in private)
    text = f"{failure.message} (the request held {size:,} bytes of text)"
    return AttemptError(failure.kind, text, status=failure.status)
