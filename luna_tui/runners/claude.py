"""One attempt of a Claude subtask: one conversation of its own on the shared streaming client."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from luna_tui.core.expectations import REQUEST_OVERHEAD_TOKENS
from luna_tui.core.templates import TemplateError, names, render
from luna_tui.core.words import ErrorKind
from luna_tui.engine.cancel import Cancelled
from luna_tui.engine.clock import Clock
from luna_tui.engine.runner import AttemptContext, AttemptError, Demand, Work
from luna_tui.runners.answer import AnswerReader
from luna_tui.runners.workspace_files import read_beneath

if TYPE_CHECKING:
    import anthropic

    from luna_tui.runners.guard import CallGuard


@dataclass(frozen=True, slots=True)
class _Question:
    """What one conversation starts with."""

    text: str
    documents: tuple[tuple[str, str], ...]
    """(title, text) of attached files that the prompt does not quote."""
    system: str

    @property
    def texts(self) -> tuple[str, ...]:
        return (self.text, self.system, *(text for _, text in self.documents))

    def tokens(self, per_char: float) -> int:
        """A guess, by what a character costs."""
        return round(sum(map(len, self.texts)) * per_char) + REQUEST_OVERHEAD_TOKENS

    def content(self) -> list[dict[str, Any]]:
        blocks: list[dict[str, Any]] = [
            {
                "type": "document",
                "title": title,
                "source": {"type": "text", "media_type": "text/plain", "data": text},
            }
            for title, text in self.documents
        ]
        return [*blocks, {"type": "text", "text": self.text}]


class ClaudeRunner:
    """Serves all threads; the client is shared, conversations never are."""

    def __init__(
        self,
        make_client: Callable[[], anthropic.Anthropic],
        clock: Clock,
        *,
        first_event_s: float = 60.0,
        gap_s: float = 45.0,
    ) -> None:
        """`make_client` is called once, by the first attempt.

        An attempt fails as stalled when nothing but pings came for `first_event_s` at its start or
        for `gap_s` later; both in seconds. Its whole time is bounded by its token's deadline.
        """
        self._make_client = make_client
        self._clock = clock
        self._first_event_s = first_event_s
        self._gap_s = gap_s
        self._lock = threading.Lock()
        """Protects `_client`."""
        self._client: anthropic.Anthropic | None = None

    def demand(self, work: Work) -> Demand:
        """Input from the length of the finished prompt unless the plan estimates it; output as expected."""
        expected = work.expect(work.subtask)
        return Demand(
            input_tokens=work.subtask.estimate.input_tokens
            or _question(work).tokens(expected.input_tokens_per_char),
            output_tokens=expected.output_tokens,
            max_output_tokens=work.subtask.max_tokens,
        )

    def run(self, work: Work, context: AttemptContext) -> str:
        """Stream the answer; raises AttemptError or Cancelled."""
        context.token.raise_if_cancelled()
        question = _question(work)

        from luna_tui.runners.claude_errors import translate
        from luna_tui.runners.guard import CURRENT_GUARD, CallGuard

        guard = CallGuard(context.token, self._clock, first_s=self._first_event_s, gap_s=self._gap_s)
        earlier = CURRENT_GUARD.set(guard)
        reader = AnswerReader(
            work.subtask.model,
            context,
            expected_input=question.tokens(work.expect(work.subtask).input_tokens_per_char),
        )
        try:
            return self._listen(work, question, context, guard, reader)
        except (AttemptError, Cancelled):
            context.token.raise_if_cancelled()
            raise
        except Exception as error:
            context.token.raise_if_cancelled()
            failure = translate(error, self._clock.wall(), question.texts)
            if failure is None:
                raise
            response = getattr(error, "response", None)
            if getattr(response, "status_code", 0) >= HTTPStatus.BAD_REQUEST:
                # Of a stream that breaks off, the headers are as old as its beginning.
                self._tell_limits(response, context, refused=True)
            raise _with_size(failure, question) from error
        finally:
            CURRENT_GUARD.reset(earlier)
            reader.book()

    def warm(self) -> None:
        """Load the SDK and build the client now, so that the first attempt does not pay for it."""
        from luna_tui.runners import claude_errors, guard  # noqa: F401 - loading them is the point

        _ = self._shared_client().messages

    def close(self) -> None:
        """Close the client's connections."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def _listen(
        self,
        work: Work,
        question: _Question,
        context: AttemptContext,
        guard: CallGuard,
        reader: AnswerReader,
    ) -> str:
        request: dict[str, Any] = {
            "model": work.subtask.model,
            "max_tokens": work.subtask.max_tokens,
            "messages": [{"role": "user", "content": question.content()}],
            "stream": True,
        }
        if question.system:
            request["system"] = question.system
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


def _with_size(failure: AttemptError, question: _Question) -> AttemptError:
    if failure.kind is not ErrorKind.TOO_LARGE:
        return failure
    size = sum(len(text.encode(errors="replace")) for text in question.texts)
    text = f"{failure.message} (the request held {size:,} bytes of text)"
    return AttemptError(failure.kind, text, status=failure.status)


def _question(work: Work) -> _Question:
    subtask = work.subtask
    quoted = set(names(subtask.prompt))
    files = [(f"files.{n}", path, read_beneath(work.workspace, path)) for n, path in enumerate(subtask.files)]
    values = {name: text for name, _, text in files}
    values |= {f"results.{i}": output for i, output in work.results.items()}
    values["run.dir"] = work.run_dir
    try:
        prompt = render(subtask.prompt, values)
    except TemplateError as error:
        raise AttemptError(ErrorKind.INVALID_REQUEST, str(error)) from error
    documents = tuple((path, text) for name, path, text in files if name not in quoted)
    return _Question(prompt, documents, subtask.system)
