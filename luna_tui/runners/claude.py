"""One attempt of a Claude subtask: one conversation of its own on the shared streaming client."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from luna_tui.core.templates import TemplateError, names, render
from luna_tui.core.words import ErrorKind
from luna_tui.engine.cancel import Cancelled
from luna_tui.engine.clock import Clock
from luna_tui.engine.runner import AttemptContext, AttemptError, Demand, Usage, Work
from luna_tui.runners.workspace_files import read_beneath

if TYPE_CHECKING:
    import anthropic

CHARS_PER_TOKEN = 3.5
"""A first guess; the server's count corrects each request as soon as its answer begins."""
_REQUEST_OVERHEAD_TOKENS = 20
_LIKELY_SHARE_OF_MAX = 0.6


@dataclass(frozen=True, slots=True)
class _Request:
    """What one conversation starts with."""

    text: str
    documents: tuple[tuple[str, str], ...]
    """(title, text) of attached files that the prompt does not quote."""

    @property
    def characters(self) -> int:
        return len(self.text) + sum(len(text) for _, text in self.documents)

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
        self._make_client = make_client
        self._clock = clock
        self._first_event_s = first_event_s
        self._gap_s = gap_s
        self._lock = threading.Lock()
        """Protects `_client`, which is built by the first attempt that needs it."""
        self._client: anthropic.Anthropic | None = None

    def demand(self, work: Work) -> Demand:
        """Input from the length of the prompt unless the plan estimates it; output likewise."""
        subtask = work.subtask
        guess = round(
            (_request(work).characters + len(subtask.system)) / CHARS_PER_TOKEN + _REQUEST_OVERHEAD_TOKENS
        )
        return Demand(
            input_tokens=subtask.estimate.input_tokens or guess,
            output_tokens=subtask.estimate.output_tokens or round(subtask.max_tokens * _LIKELY_SHARE_OF_MAX),
        )

    def run(self, work: Work, context: AttemptContext) -> str:
        """Stream the answer; raises AttemptError or Cancelled."""
        from luna_tui.runners.claude_errors import translate
        from luna_tui.runners.transport import CURRENT_PATIENCE, CURRENT_TOKEN, Patience

        patience = Patience(self._clock, self._first_event_s, self._gap_s)
        token, silence = CURRENT_TOKEN.set(context.token), CURRENT_PATIENCE.set(patience)
        reader = _AnswerReader(work.subtask.model, context)
        try:
            with self._open(work) as stream:
                context.server_limits(self._limits(stream.response.headers))
                for event in stream:
                    patience.touch()
                    reader.take(event)
            return reader.answer()
        except (AttemptError, Cancelled):
            raise
        except Exception as error:
            context.token.raise_if_cancelled()
            failure = translate(error, self._clock.wall())
            if failure is None:
                raise
            self._tell_limits(error, context)
            raise failure from error
        finally:
            reader.book()
            CURRENT_TOKEN.reset(token)
            CURRENT_PATIENCE.reset(silence)

    def close(self) -> None:
        """Close the client's connections."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def _open(self, work: Work) -> anthropic.Stream[Any]:
        subtask = work.subtask
        request: dict[str, Any] = {
            "model": subtask.model,
            "max_tokens": subtask.max_tokens,
            "messages": [{"role": "user", "content": _request(work).content()}],
            "stream": True,
        }
        if subtask.system:
            request["system"] = subtask.system
        stream: anthropic.Stream[Any] = self._shared_client().messages.create(**request)
        return stream

    def _shared_client(self) -> anthropic.Anthropic:
        with self._lock:
            if self._client is None:
                self._client = self._make_client()
            return self._client

    def _limits(self, headers: Any) -> Any:
        from luna_tui.runners.limit_headers import read_limits

        return read_limits(headers, self._clock.wall())

    def _tell_limits(self, error: Exception, context: AttemptContext) -> None:
        response = getattr(error, "response", None)
        if response is not None:
            context.server_limits(self._limits(response.headers))


class _AnswerReader:
    """Turns the events of one stream into text and usage, and decides whether the answer is whole."""

    def __init__(self, model: str, context: AttemptContext) -> None:
        self._model = model
        self._context = context
        self._texts: list[str] = []
        self._input = self._output = self._cache_read = self._cache_write = 0
        self._begun = self._stopped = False
        self._stop_reason: str | None = None

    def take(self, event: Any) -> None:
        match event.type:
            case "message_start":
                self._begun = True
                self._count(event.message.usage)
                self._context.usage(self._usage(), final=False)
            case "content_block_delta" if event.delta.type == "text_delta":
                self._texts.append(event.delta.text)
                self._context.output(event.delta.text)
            case "message_delta":
                self._stop_reason = event.delta.stop_reason or self._stop_reason
                self._count(event.usage)
            case "message_stop":
                self._stopped = True

    def answer(self) -> str:
        """The text of a whole answer; AttemptError for anything less."""
        text = "".join(self._texts)
        if not self._begun:
            raise AttemptError(
                ErrorKind.PROTOCOL,
                "the answer held no event of the API; is a proxy in between?",
                retryable=True,
            )
        if not self._stopped or self._stop_reason is None:
            raise AttemptError(
                ErrorKind.TRUNCATED, f"the stream ended early, after {len(text):,} characters", retryable=True
            )
        if self._stop_reason == "max_tokens":
            raise AttemptError(
                ErrorKind.MAX_TOKENS, f"cut off at max_tokens after {self._output:,} tokens; raise max_tokens"
            )
        if self._stop_reason == "refusal":
            raise AttemptError(ErrorKind.REFUSED, "the model refused to answer")
        if self._stop_reason not in ("end_turn", "stop_sequence"):
            raise AttemptError(ErrorKind.PROTOCOL, f"unexpected stop reason {self._stop_reason!r}")
        if not text.strip():
            raise AttemptError(ErrorKind.EMPTY, "the answer was empty", retryable=True)
        return text

    def book(self) -> None:
        """Report what was used, whether or not the answer came to anything."""
        if self._begun:
            self._context.usage(self._usage(), final=True)

    def _count(self, usage: Any) -> None:
        self._input = _known(usage, "input_tokens", self._input)
        self._output = _known(usage, "output_tokens", self._output)
        self._cache_read = _known(usage, "cache_read_input_tokens", self._cache_read)
        self._cache_write = _known(usage, "cache_creation_input_tokens", self._cache_write)

    def _usage(self) -> Usage:
        if not self._stopped:
            heard = round(sum(len(t) for t in self._texts) / CHARS_PER_TOKEN)
            self._output = max(self._output, heard)
        return Usage(
            model=self._model,
            input_tokens=self._input,
            output_tokens=self._output,
            cache_read_tokens=self._cache_read,
            cache_write_tokens=self._cache_write,
        )


def _known(usage: Any, name: str, before: int) -> int:
    value = getattr(usage, name, None)
    return value if isinstance(value, int) and 0 <= value < 1_000_000_000 else before


def _request(work: Work) -> _Request:
    subtask = work.subtask
    quoted = set(names(subtask.prompt))
    texts = [(f"files.{n}", path, read_beneath(work.workspace, path)) for n, path in enumerate(subtask.files)]
    values = {name: text for name, _, text in texts}
    values |= {f"results.{i}": output for i, output in work.results.items()}
    values["run.dir"] = work.run_dir
    try:
        prompt = render(subtask.prompt, values)
    except TemplateError as error:
        raise AttemptError(ErrorKind.INVALID_REQUEST, str(error)) from error
    return _Request(prompt, tuple((path, text) for name, path, text in texts if name not in quoted))
