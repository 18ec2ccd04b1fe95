"""What is asked, what is understood of the answer, and what is booked."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from runners.scripted_server import STREAM_HEAD as HEAD
from runners.scripted_server import Call, Script, ScriptedServer, begin, chunk, delta, end, event, stream
from support import RecordingContext, subtask, work_of

from luna_tui.core.plan import Estimate, Subtask
from luna_tui.engine.cancel import CancelToken
from luna_tui.engine.clock import SystemClock
from luna_tui.engine.runner import Usage
from luna_tui.runners.anthropic_client import make_client
from luna_tui.runners.claude import ClaudeRunner

CLOCK = SystemClock()


@contextmanager
def serving(script: Script) -> Iterator[tuple[ScriptedServer, ClaudeRunner]]:
    with ScriptedServer(script) as server:
        runner = ClaudeRunner(lambda: make_client(server.url, "k"), CLOCK)
        try:
            yield server, runner
        finally:
            runner.close()


def answer(script: Script, given: Subtask, **more: object) -> tuple[str, RecordingContext, ScriptedServer]:
    context = RecordingContext(CancelToken(CLOCK))
    with serving(script) as (server, runner):
        return runner.run(work_of(given, **more), context), context, server  # type: ignore[arg-type]


FINE = stream(begin() + delta("fi") + delta("ne") + end())
ASK = subtask("a", model="claude-x", prompt="hello")


def echo(call: Call) -> None:
    text = call.json["messages"][0]["content"][-1]["text"]
    stream(begin() + delta(text) + end())(call)


def test_one_message_one_model_and_the_sum_of_the_pieces() -> None:
    given = subtask("a", model="claude-x", prompt="hello", system="be brief", max_tokens=77)
    text, context, server = answer(FINE, given)
    assert text == "fine"
    assert context.texts == ["fi", "ne"]
    call = server.calls[0]
    assert call.json == {
        "model": "claude-x",
        "max_tokens": 77,
        "system": "be brief",
        "stream": True,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "hello"}]}],
    }
    assert call.headers["accept-encoding"] == "identity"


def test_twenty_threads_never_share_a_conversation() -> None:
    together = threading.Barrier(20, timeout=10)

    def echo_together(call: Call) -> None:
        together.wait()
        echo(call)

    with serving(echo_together) as (server, runner):
        texts: dict[str, str] = {}

        def body(name: str) -> None:
            given = subtask(name, model="m", prompt=f"token {name}")
            texts[name] = runner.run(work_of(given), RecordingContext(CancelToken(CLOCK)))

        threads = [threading.Thread(target=body, args=(f"s{n}",)) for n in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert texts == {f"s{n}": f"token s{n}" for n in range(20)}
        assert all(len(call.json["messages"]) == 1 for call in server.calls)


def test_a_second_attempt_remembers_nothing_and_uses_the_connection_again() -> None:
    with serving(echo) as (server, runner):
        for prompt in ("first", "second"):
            given = subtask("a", model="m", prompt=prompt)
            assert runner.run(work_of(given), RecordingContext(CancelToken(CLOCK))) == prompt
        assert len(server.calls[1].json["messages"]) == 1
        assert server.calls[0].socket is server.calls[1].socket


def test_files_are_put_where_the_prompt_names_them_and_attached_where_it_does_not(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("alpha")
    (tmp_path / "b.txt").write_bytes(b"be\xfft")
    given = subtask(
        "a",
        model="m",
        prompt="<{{ files.0 }}> after {{ results.scan }} in {{ run.dir }}",
        files=("a.txt", "b.txt"),
    )
    _, _, server = answer(
        FINE, given, workspace=str(tmp_path), results={"scan": "{{ files.1 }}"}, run_dir="/r"
    )
    assert server.calls[0].json["messages"][0]["content"] == [
        {
            "type": "document",
            "title": "b.txt",
            "source": {"type": "text", "media_type": "text/plain", "data": "be\ufffdt"},
        },
        {"type": "text", "text": "<alpha> after {{ files.1 }} in /r"},
    ]


def test_usage_is_told_at_the_beginning_and_at_the_end() -> None:
    script = stream(
        begin(30, cache_read_input_tokens=5, cache_creation_input_tokens=6)
        + delta("x")
        + end(output_tokens=9)
    )
    _, context, _ = answer(script, ASK)
    first, last = context.usages
    assert first == (
        Usage(model="claude-x", input_tokens=30, output_tokens=1, cache_read_tokens=5, cache_write_tokens=6),
        False,
    )
    assert last == (
        Usage(model="claude-x", input_tokens=30, output_tokens=9, cache_read_tokens=5, cache_write_tokens=6),
        True,
    )


@pytest.mark.parametrize("count", ["-4", "99999999999999", '"many"', "null"])
def test_a_count_that_is_nonsense_is_not_believed(count: str) -> None:
    script = stream(
        begin().replace('"input_tokens": 11', f'"input_tokens": {count}')
        + delta("x" * 35)
        + end().replace('"output_tokens": 7', f'"output_tokens": {count}')
    )
    given = subtask("a", model="m", prompt="y" * 350)
    _, context, _ = answer(script, given)
    usage, final = context.usages[-1]
    assert final
    assert 100 <= usage.input_tokens <= 130
    assert usage.output_tokens in (1, 10), "the last count that was sensible, or a guess"


def test_unknown_events_and_deltas_are_passed_over() -> None:
    strange = event("content_block_delta", {"type": "content_block_delta", "delta": {"type": "smell_delta"}})
    script = stream(begin() + event("weather", {"type": "weather"}) + strange + delta("fine") + end())
    assert answer(script, ASK)[0] == "fine"


def test_halves_of_characters_never_leave_the_runner() -> None:
    text, context, _ = answer(stream(begin() + delta("a\ud800b") + end()), ASK)
    assert text == "a\ufffdb"
    assert "".join(context.texts) == text


def test_pieces_may_be_cut_anywhere() -> None:
    whole = (begin() + delta("grün 🌙") + end()).encode()
    pieces = [whole[n : n + 7] for n in range(0, len(whole), 7)]
    assert answer(stream(*pieces), ASK)[0] == "grün 🌙"


def test_a_slow_stream_with_real_events_is_not_stalled() -> None:
    def slowly(call: Call) -> None:
        call.send(HEAD.format("") + chunk(begin()).decode())
        for letter in "slow":
            call.stopping.wait(0.15)
            call.send(chunk(delta(letter)))
        call.send(chunk(end()) + b"0\r\n\r\n")

    with ScriptedServer(slowly) as server:
        client = make_client(server.url, "k")
        runner = ClaudeRunner(lambda: client, CLOCK, first_event_s=5.0, gap_s=0.4)
        assert runner.run(work_of(ASK), RecordingContext(CancelToken(CLOCK))) == "slow"
        runner.close()


def test_the_client_is_built_once_by_whoever_comes_first() -> None:
    built: list[int] = []
    with ScriptedServer(echo) as server:

        def build() -> object:
            built.append(1)
            return make_client(server.url, "k")

        runner = ClaudeRunner(build, CLOCK)  # type: ignore[arg-type]
        assert built == []
        threads = [
            threading.Thread(target=runner.run, args=(work_of(ASK), RecordingContext(CancelToken(CLOCK))))
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        assert built == [1]
        runner.close()


def test_demand_is_guessed_unless_the_plan_tells(tmp_path: Path) -> None:
    def never() -> object:
        raise AssertionError("nobody is asked")

    runner = ClaudeRunner(never, CLOCK)  # type: ignore[arg-type]
    (tmp_path / "a.txt").write_text("x" * 3500)
    guessed = runner.demand(
        work_of(subtask("a", files=("a.txt",), max_tokens=1000, prompt="p"), workspace=str(tmp_path))
    )
    assert 1000 <= guessed.input_tokens <= 1050
    assert guessed.output_tokens == 600
    told = runner.demand(work_of(subtask("a", estimate=Estimate(input_tokens=5, output_tokens=6))))
    assert (told.input_tokens, told.output_tokens, told.requests) == (5, 6, 1)
