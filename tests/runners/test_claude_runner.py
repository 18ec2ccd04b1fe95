"""Claude attempts through the real SDK, against the simulator and against servers that misbehave."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support import RecordingContext, make_run, names, plan, subtask, wave, work_of

from luna_tui.core.events import AttemptFailed, CancelRequested, LimitsObserved, SubtaskStarted, UsageRecorded
from luna_tui.core.plan import Subtask
from luna_tui.core.words import ErrorKind, Manner, Scope, Status
from luna_tui.engine.cancel import Cancelled, CancelToken
from luna_tui.engine.clock import SystemClock
from luna_tui.engine.runner import AttemptError
from luna_tui.runners.anthropic_client import make_client
from luna_tui.runners.claude import ClaudeRunner
from luna_tui.simulator.faults import Fault, FaultKind
from luna_tui.simulator.server import SimulatorServer, SimulatorSettings

CLOCK = SystemClock()
MODEL = "claude-haiku-5-5"
Start = Callable[..., tuple[SimulatorServer, ClaudeRunner]]


def ask(id: str = "a", **more: object) -> Subtask:
    return subtask(
        id, model=MODEL, **({"prompt": f"token: {id}\nSay something sensible about the weather."} | more)
    )


@pytest.fixture
def start() -> Iterator[Start]:
    opened: list[tuple[SimulatorServer, ClaudeRunner]] = []

    def _start(
        *faults: Fault, speed: float = 100.0, key: str = "k", gap_s: float = 45.0, accepted: str = ""
    ) -> tuple[SimulatorServer, ClaudeRunner]:
        keys = frozenset({accepted}) if accepted else None
        server = SimulatorServer(SimulatorSettings(faults=faults, speed=speed, accepted_keys=keys), CLOCK)
        server.start()
        runner = ClaudeRunner(lambda: make_client(server.base_url, key), CLOCK, gap_s=gap_s)
        opened.append((server, runner))
        return server, runner

    yield _start
    for server, runner in opened:
        runner.close()
        server.stop()


def attempt(runner: ClaudeRunner, given: Subtask) -> tuple[str, RecordingContext]:
    context = RecordingContext(CancelToken(CLOCK))
    return runner.run(work_of(given), context), context


def test_an_answer_streams_and_is_booked_as_the_server_counts(start: Start) -> None:
    _, runner = start()
    text, context = attempt(runner, ask())
    assert text.startswith("token: a")
    assert "".join(context.texts) == text
    usage, final = context.usages[-1]
    assert final
    assert usage.input_tokens > 10
    assert usage.output_tokens > 10
    assert context.limits[0].itpm is not None
    assert context.limits[0].itpm.limit == 450_000


def test_forty_conversations_at_once_are_never_mixed(start: Start) -> None:
    server, runner = start(speed=8.0)
    run = make_run(runner, plan(wave("w", *(ask(n) for n in names(40)))), workers=40)
    run.finish()
    assert set(run.ends().values()) == {Status.SUCCEEDED}
    for s in run.state().subtasks.values():
        assert s.tail.startswith(f"token: {s.id}\n")
    assert server.stats().peak_streams >= 20
    assert len(run.all(UsageRecorded)) == 40
    assert run.all(LimitsObserved)[-1].itpm.server_remaining is not None


@pytest.mark.parametrize(
    ("fault", "kind", "retryable"),
    [
        (Fault(kind=FaultKind.RATE_LIMIT, retry_after=7), ErrorKind.RATE_LIMITED, True),
        (Fault(kind=FaultKind.OVERLOADED), ErrorKind.OVERLOADED, True),
        (Fault(kind=FaultKind.SERVER_ERROR), ErrorKind.SERVER, True),
        (Fault(kind=FaultKind.AUTH), ErrorKind.AUTHENTICATION, False),
        (Fault(kind=FaultKind.CUT, after=3), ErrorKind.CONNECTION, True),
        (Fault(kind=FaultKind.EARLY_END, after=3), ErrorKind.TRUNCATED, True),
        (Fault(kind=FaultKind.MALFORMED, after=3), ErrorKind.PROTOCOL, True),
        (Fault(kind=FaultKind.ERROR_EVENT, after=3), ErrorKind.OVERLOADED, True),
    ],
    ids=lambda value: value.kind.value if isinstance(value, Fault) else "",
)
def test_each_fault_has_its_name(start: Start, fault: Fault, kind: ErrorKind, retryable: bool) -> None:
    _, runner = start(fault)
    with pytest.raises(AttemptError) as caught:
        attempt(runner, ask())
    assert (caught.value.kind, caught.value.retryable) == (kind, retryable)
    if kind is ErrorKind.RATE_LIMITED:
        assert caught.value.retry_after_s == 7
    text, _ = attempt(runner, ask())
    assert text.startswith("token: a"), "the fault hits once, then the service works"


def test_a_cut_stream_is_booked_with_what_was_heard(start: Start) -> None:
    _, runner = start(Fault(kind=FaultKind.CUT, after=4))
    context = RecordingContext(CancelToken(CLOCK))
    with pytest.raises(AttemptError):
        runner.run(work_of(ask()), context)
    usage, final = context.usages[-1]
    assert final
    assert usage.input_tokens > 0
    assert usage.output_tokens > 0


@pytest.mark.parametrize("kind", [FaultKind.NO_HEADERS, FaultKind.STALL, FaultKind.PING_ONLY])
def test_a_hung_server_ends_at_the_timeout_and_the_next_wave_runs(start: Start, kind: FaultKind) -> None:
    server, runner = start(Fault(kind=kind, match="token: hung", after=2))
    given = plan(wave("w", ask("hung", timeout=0.6), ask("ok")), wave("next", ask("after")))
    run = make_run(runner, given).finish(10)
    assert run.ends() == {"hung": Status.TIMED_OUT, "ok": Status.SUCCEEDED, "after": Status.SUCCEEDED}
    assert run.state().ghosts == 0, "the blocked thread came back by itself"
    assert server.stats().streams == 0 or kind is FaultKind.NO_HEADERS


def test_a_silent_stream_is_stalled_though_it_pings(start: Start) -> None:
    _, runner = start(Fault(kind=FaultKind.PING_ONLY, after=2), gap_s=0.5)
    with pytest.raises(AttemptError) as caught:
        attempt(runner, ask())
    assert caught.value.kind is ErrorKind.STALLED
    assert caught.value.retryable


def test_cancel_now_ends_forty_streams_within_a_second_and_closes_their_sockets(start: Start) -> None:
    server, runner = start(speed=0.2)
    run = make_run(runner, plan(wave("w", *(ask(n) for n in names(40)))), workers=40)
    run.start()
    run.wait_for(SubtaskStarted, 40)
    run.executor.control.cancel(Scope.WAVE, Manner.NOW, by="user", wave="w")
    run.finish(5)
    asked = next(r.at for r in run.records if isinstance(r.event, CancelRequested))
    assert run.records[-1].at - asked < 1.0
    assert set(run.ends().values()) == {Status.CANCELLED}
    assert run.state().ghosts == 0
    gone = threading.Event()
    for _ in range(50):
        if server.stats().streams == 0:
            break
        gone.wait(0.1)
    assert server.stats().streams == 0


def test_a_connection_that_is_never_answered_can_be_cancelled() -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        url = f"http://127.0.0.1:{full.getsockname()[1]}"
        fillers = [socket.socket() for _ in range(3)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        runner = ClaudeRunner(lambda: make_client(url, "k"), CLOCK)
        token = CancelToken(CLOCK)
        ended = threading.Event()

        def body() -> None:
            with pytest.raises((Cancelled, AttemptError)):
                runner.run(work_of(ask()), RecordingContext(token))
            ended.set()

        threading.Thread(target=body, daemon=True).start()
        assert not ended.wait(0.3)
        token.cancel("enough")
        assert ended.wait(1.0)
        for filler in fillers:
            filler.close()
        runner.close()


def test_nothing_listening_is_unreachable() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        runner = ClaudeRunner(lambda: make_client(url, "k"), CLOCK)
        with pytest.raises(AttemptError) as caught:
            attempt(runner, ask())
    assert caught.value.kind is ErrorKind.UNREACHABLE
    assert "refused" in caught.value.message
    runner.close()


def test_a_wrong_key_is_told_without_the_key(start: Start) -> None:
    _, runner = start(key="sk-secret-canary", accepted="other")
    with pytest.raises(AttemptError) as caught:
        attempt(runner, ask())
    assert caught.value.kind is ErrorKind.AUTHENTICATION
    assert "canary" not in str(caught.value)


def test_an_answer_longer_than_max_tokens_is_no_result(start: Start) -> None:
    _, runner = start()
    with pytest.raises(AttemptError) as caught:
        attempt(runner, ask(max_tokens=5))
    assert caught.value.kind is ErrorKind.MAX_TOKENS


def test_files_are_quoted_or_attached_and_never_from_outside(start: Start, tmp_path: Path) -> None:
    _, runner = start()
    (tmp_path / "in.py").write_text("def alpha(): pass\nclass Beta: pass\n")
    (tmp_path.parent / "secret.txt").write_text("secret")
    (tmp_path / "link").symlink_to(tmp_path.parent / "secret.txt")
    quoted = ask(files=("in.py",), prompt="in.py\n{{ files.0 }}")
    context = RecordingContext(CancelToken(CLOCK))
    assert "2 lines" in runner.run(work_of(quoted, workspace=str(tmp_path)), context) or context.texts
    attached = ask(files=("in.py",), prompt="look")
    text = runner.run(work_of(attached, workspace=str(tmp_path)), context)
    assert "1 classes, 1 functions" in text
    for name in ("../secret.txt", "link", "missing.py"):
        with pytest.raises(AttemptError) as caught:
            runner.run(work_of(ask(files=(name,)), workspace=str(tmp_path)), context)
        assert caught.value.kind is ErrorKind.WORKSPACE


def test_the_engine_recovers_from_a_fault_in_sight_of_the_user(start: Start) -> None:
    _, runner = start(Fault(kind=FaultKind.CUT, match="token: b", after=2))
    run = make_run(runner, plan(wave("w", ask("a"), ask("b")))).finish()
    failed = run.all(AttemptFailed)
    assert [(e.subtask, e.error_kind, e.will_retry) for e in failed] == [("b", ErrorKind.CONNECTION, True)]
    assert run.ends() == {"a": Status.SUCCEEDED, "b": Status.SUCCEEDED}
