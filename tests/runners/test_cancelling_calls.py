"""Whatever a call is blocked in, a cancellation ends it at once, and nothing is left open."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from runners.scripted_server import (
    CERTIFICATE,
    PING,
    STREAM_HEAD,
    Call,
    Script,
    ScriptedServer,
    begin,
    chunk,
    delta,
    end,
    stream,
)
from support import RecordingContext, subtask, work_of

from luna_tui.core.words import ErrorKind
from luna_tui.engine.cancel import Cancelled, CancelToken
from luna_tui.engine.clock import SystemClock
from luna_tui.engine.runner import AttemptError
from luna_tui.runners.anthropic_client import make_client
from luna_tui.runners.claude import ClaudeRunner
from luna_tui.runners.guard import armed

CLOCK = SystemClock()
AT_ONCE_S = 0.5


class WatchedToken(CancelToken):
    """Counts the blocking calls that registered with it."""

    def __init__(self) -> None:
        super().__init__(CLOCK)
        self._calls = threading.Semaphore(0)

    @contextmanager
    def on_cancel(self, hook: Callable[[], None]) -> Iterator[None]:
        with super().on_cancel(hook):
            self._calls.release()
            yield

    def await_calls(self, count: int) -> None:
        """Until that many blocking calls have begun."""
        for _ in range(count):
            assert self._calls.acquire(timeout=5)


class Attempt:
    """One attempt on a thread of its own."""

    def __init__(self, url: str, prompt: str = "x") -> None:
        client = make_client(url, "k")
        self.runner = ClaudeRunner(lambda: client, CLOCK)
        self.token = WatchedToken()
        self.context = RecordingContext(self.token)
        self.raised: BaseException | None = None
        self._prompt = prompt
        self._thread = threading.Thread(target=self._body, daemon=True)
        self._thread.start()

    def _body(self) -> None:
        try:
            self.runner.run(work_of(subtask("a", model="m", prompt=self._prompt)), self.context)
        except (Cancelled, AttemptError) as error:
            self.raised = error

    def must_end_at_once(self) -> None:
        """Cancel, and expect the end."""
        assert self._thread.is_alive(), f"not blocked: {self.raised!r}"
        asked_at = CLOCK.now()
        self.token.cancel("enough")
        self._thread.join(5)
        assert not self._thread.is_alive()
        assert CLOCK.now() - asked_at < AT_ONCE_S
        assert isinstance(self.raised, Cancelled)
        assert str(self.raised) == "enough"
        self.runner.close()


def say_nothing(call: Call) -> None:
    call.hang()


def stop_after_a_delta(call: Call) -> None:
    call.send(STREAM_HEAD.format(""))
    call.send(chunk(begin() + delta("hello")))
    call.hang()


def only_ping(call: Call) -> None:
    call.send(STREAM_HEAD.format(""))
    call.send(chunk(begin() + delta("hello")))
    while not call.stopping.wait(0.02):
        call.send(chunk(PING))


@pytest.mark.parametrize("certificate", [None, CERTIFICATE], ids=["plain", "tls"])
@pytest.mark.parametrize("script", [say_nothing, stop_after_a_delta, only_ping])
def test_a_silent_server(script: Script, certificate: Path | None) -> None:
    asked = threading.Event()

    def tell_and_play(call: Call) -> None:
        asked.set()
        script(call)

    with ScriptedServer(tell_and_play, certificate) as server:
        attempt = Attempt(server.url)
        assert asked.wait(5)
        if script is not say_nothing:
            assert attempt.context.heard.wait(5)
        attempt.must_end_at_once()
        assert server.gone.acquire(timeout=2), "the socket was closed on the server's side too"
        expected_usage = script is not say_nothing
        assert bool(attempt.context.usages and attempt.context.usages[-1][1]) == expected_usage


def test_a_connection_attempt_that_nobody_answers() -> None:
    with socket.socket() as full, contextlib.ExitStack() as fillers:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(3):
            filler = fillers.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        attempt = Attempt(f"http://127.0.0.1:{full.getsockname()[1]}")
        attempt.token.await_calls(1)
        attempt.must_end_at_once()


def test_a_handshake_that_nobody_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        attempt = Attempt(f"https://127.0.0.1:{silent.getsockname()[1]}")
        accepted, _ = silent.accept()
        with accepted:
            assert accepted.recv(3), "the client said hello"
            attempt.must_end_at_once()


def test_a_server_that_does_not_read_a_large_request() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        attempt = Attempt(f"http://127.0.0.1:{silent.getsockname()[1]}", prompt="x" * 20_000_000)
        accepted, _ = silent.accept()
        with accepted:
            assert accepted.recv(1000)
            attempt.must_end_at_once()


def test_a_silent_server_behind_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = threading.Event()

    def tell_and_hang(call: Call) -> None:
        asked.set()
        call.hang()

    with ScriptedServer(tell_and_hang) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        attempt = Attempt("http://api.example")
        assert asked.wait(5)
        attempt.must_end_at_once()
        assert proxy.calls[0].headers["host"] == "api.example"


def test_an_attempt_cancelled_before_it_began_asks_nobody() -> None:
    with ScriptedServer(say_nothing) as server:
        token = CancelToken(CLOCK)
        token.cancel("early")
        runner = ClaudeRunner(lambda: make_client(server.url, "k"), CLOCK)
        with pytest.raises(Cancelled):
            runner.run(work_of(subtask("a", model="m")), RecordingContext(token))
        assert server.calls == []


def test_twenty_hung_calls_end_together_and_the_next_call_works() -> None:
    hung = threading.Semaphore(0)

    def hang_then_answer(call: Call) -> None:
        if call.json["messages"][0]["content"][0]["text"] == "hang":
            hung.release()
            call.hang()
        else:
            stream(begin() + delta("fine") + end())(call)

    with ScriptedServer(hang_then_answer) as server:
        client = make_client(server.url, "k")
        runner = ClaudeRunner(lambda: client, CLOCK)
        tokens = [CancelToken(CLOCK) for _ in range(20)]
        ended: list[BaseException] = []

        def body(token: CancelToken) -> None:
            try:
                runner.run(work_of(subtask("a", model="m", prompt="hang")), RecordingContext(token))
            except Cancelled as error:
                ended.append(error)

        threads = [threading.Thread(target=body, args=(token,), daemon=True) for token in tokens]
        for thread in threads:
            thread.start()
        for _ in threads:
            assert hung.acquire(timeout=5)
        asked_at = CLOCK.now()
        for token in tokens:
            token.cancel("all")
        for thread in threads:
            thread.join(5)
        assert len(ended) == 20
        assert CLOCK.now() - asked_at < AT_ONCE_S
        fine = subtask("b", model="m", prompt="ok")
        assert runner.run(work_of(fine), RecordingContext(CancelToken(CLOCK))) == "fine"
        runner.close()


@pytest.mark.parametrize("script", [say_nothing, only_ping])
def test_a_deadline_bounds_the_call_even_when_nobody_cancels(script: Script) -> None:
    with ScriptedServer(script) as server:
        runner = ClaudeRunner(lambda: make_client(server.url, "k"), CLOCK)
        token = CancelToken(CLOCK)
        began_at = CLOCK.now()
        token.set_deadline(began_at + 0.5)
        with pytest.raises(AttemptError) as caught:
            runner.run(work_of(subtask("a", model="m")), RecordingContext(token))
        assert caught.value.kind is ErrorKind.STALLED
        assert 0.5 < CLOCK.now() - began_at < 1.5
        runner.close()


def test_a_flood_of_pings_does_not_prolong_the_patience() -> None:
    def flood(call: Call) -> None:
        call.send(STREAM_HEAD.format(""))
        while not call.stopping.is_set():
            call.send(chunk(PING * 50))

    with ScriptedServer(flood) as server:
        client = make_client(server.url, "k")
        runner = ClaudeRunner(lambda: client, CLOCK, first_event_s=0.3)
        began_at = CLOCK.now()
        with pytest.raises(AttemptError) as caught:
            runner.run(work_of(subtask("a", model="m")), RecordingContext(CancelToken(CLOCK)))
        assert caught.value.kind is ErrorKind.STALLED
        assert CLOCK.now() - began_at < 1.5
        runner.close()


def test_a_hook_picked_up_before_its_block_ended_does_nothing_after_it() -> None:
    picked: list[Callable[[], None]] = []

    class Picking(CancelToken):
        @contextmanager
        def on_cancel(self, hook: Callable[[], None]) -> Iterator[None]:
            picked.append(hook)
            yield

    called: list[int] = []
    with armed(Picking(CLOCK), lambda: called.append(1)):
        picked[0]()
    picked[0]()
    assert called == [1]
