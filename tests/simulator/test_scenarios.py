"""Servers of every kind, as the real SDK meets them; time moves by hand."""

from __future__ import annotations

import json
import random
import socket
import threading
import time
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import anthropic
import pytest
from simulator_support import MODEL, Connect, Serve, ask, events

from luna_tui.core.limits import Limits
from luna_tui.engine.clock import ManualClock
from luna_tui.simulator.chaos import Chaos, chance
from luna_tui.simulator.faults import FaultKind, parse_fault
from luna_tui.simulator.hangups import HangUps
from luna_tui.simulator.server import SimulatorServer
from luna_tui.simulator.settings import HeaderMode, HeaderMoment, OutputRule

NOW = "simulate: output=20 seconds=0"
"""An answer for which no time has to pass."""
REMAINING = "anthropic-ratelimit-input-tokens-remaining"


def head_of(client: anthropic.Anthropic, prompt: str = NOW) -> Any:
    made: Any = client.messages.with_raw_response.create(
        model=MODEL, max_tokens=50, messages=[{"role": "user", "content": prompt}]
    )
    return made.headers


def stats_of(server: SimulatorServer) -> dict[str, Any]:
    with urllib.request.urlopen(f"{server.base_url}/simulator/stats", timeout=5) as answer:
        told: dict[str, Any] = json.load(answer)
    return told


def until(holds: Callable[[], bool]) -> None:
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < 5.0
        threading.Event().wait(0.005)


def test_a_server_without_headers_and_one_behind_a_gateway(serve: Serve, connect: Connect) -> None:
    bare = head_of(connect(serve(clock=ManualClock(), headers=HeaderMode.NONE)))
    assert not [name for name in bare if "ratelimit" in name]
    server = serve(clock=ManualClock(), headers=HeaderMode.GATEWAY, limits=Limits(60, 30_000, 6_000))
    behind = head_of(connect(server))
    assert not [name for name in behind if name.startswith("anthropic-ratelimit")]
    told = {name.removeprefix("x-ratelimit-"): behind[name] for name in behind if "ratelimit" in name}
    assert told == {
        "limit-requests": "60",
        "remaining-requests": "59",
        "reset-requests": "1s",
        "limit-tokens": "36000",
        "remaining-tokens": "35000",
        "reset-tokens": "1s",
    }


@pytest.mark.parametrize(("mode", "ahead_s"), [(HeaderMode.FULL, 0), (HeaderMode.SKEWED, 300)])
def test_date_and_resets_come_from_the_clock_of_the_server(
    serve: Serve, connect: Connect, mode: HeaderMode, ahead_s: int
) -> None:
    clock = ManualClock()
    told = head_of(
        connect(serve(clock=clock, headers=mode, limits=Limits(60, 30_000, 6_000))), NOW + "\n" + "x" * 20_000
    )
    assert parsedate_to_datetime(told["date"]) == clock.wall() + timedelta(seconds=ahead_s)
    reset = told["anthropic-ratelimit-input-tokens-reset"]
    assert reset == (clock.wall() + timedelta(seconds=ahead_s + 10)).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_stale_headers_tell_what_was_twenty_seconds_ago(serve: Serve, connect: Connect) -> None:
    clock = ManualClock()
    client = connect(serve(clock=clock, headers=HeaderMode.STALE, limits=Limits(60, 60_000, 60_000)))
    assert head_of(client, NOW + "\n" + "x" * 160_000)[REMAINING] == "60000"
    clock.advance(2.0)
    assert head_of(client)[REMAINING] == "60000"
    clock.advance(20.0)
    told = head_of(client)
    assert told[REMAINING] == "21000"
    assert told["anthropic-ratelimit-input-tokens-reset"] == "2026-01-01T00:00:02Z"


@pytest.mark.parametrize(
    ("moment", "remaining"), [(HeaderMoment.EARLY, "50000"), (HeaderMoment.LATE, "55000")]
)
def test_a_head_comes_at_once_or_with_the_first_token(
    serve: Serve, connect: Connect, moment: HeaderMoment, remaining: str
) -> None:
    clock = ManualClock()
    server = serve(clock=clock, speed=1.0, header_moment=moment, limits=Limits(60, 60_000, 60_000))
    client = connect(server)
    heads: list[Any] = []

    def read() -> int:
        prompt = "simulate: output=40 seconds=30 first=5\n" + "x" * 39_000
        with client.messages.with_streaming_response.create(
            model=MODEL, max_tokens=50, messages=[{"role": "user", "content": prompt}], stream=True
        ) as response:
            heads.append(response.headers)
            return sum(line == "event: content_block_delta" for line in response.iter_lines())

    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(read)
        until(lambda: server.stats().streams == 1)
        if moment is HeaderMoment.EARLY:
            until(lambda: bool(heads))
        assert bool(heads) is (moment is HeaderMoment.EARLY)
        clock.advance(5.0)
        until(lambda: bool(heads))
        clock.advance(25.0)
        assert reading.result(5) == 2
    assert heads[0][REMAINING] == remaining


def test_growth_and_spend_have_their_code_where_the_sdk_reads_it(serve: Serve, connect: Connect) -> None:
    client = connect(serve(clock=ManualClock(), ramp=2.0, ramp_floor=1_000))
    ask(client, NOW)
    with pytest.raises(anthropic.RateLimitError) as caught:
        ask(client, NOW + "\n" + "x" * 8_000)
    assert caught.value.error_code == "ramp_limit_exceeded"
    assert caught.value.response.headers["retry-after"] == "10"
    client = connect(serve(clock=ManualClock(), spend_limit=1))
    ask(client, NOW)
    with pytest.raises(anthropic.RateLimitError, match="spend limit") as caught:
        ask(client, NOW)
    assert caught.value.error_code == "enforced_spend_limit_reached"
    assert "retry-after" not in caught.value.response.headers


def test_a_server_that_keeps_the_wait_to_itself(serve: Serve, connect: Connect) -> None:
    client = connect(serve(clock=ManualClock(), retry_after=False, limits=Limits(1, 1_000, 1_000)))
    ask(client, NOW)
    with pytest.raises(anthropic.RateLimitError, match="limit of requests per minute") as caught:
        ask(client, NOW)
    assert caught.value.error_code is None
    assert "retry-after" not in caught.value.response.headers


def test_reserved_output_comes_back_when_the_client_leaves(serve: Serve, connect: Connect) -> None:
    clock = ManualClock()
    server = serve(clock=clock, speed=1.0, output_rule=OutputRule.RESERVED, limits=Limits(60, 60_000, 6_000))
    client = connect(server)
    stream = ask(client, "simulate: output=40 seconds=30 first=5", stream=True, max_tokens=5_000)
    with pytest.raises(anthropic.RateLimitError, match="output tokens"):
        ask(client, NOW, max_tokens=5_000)
    stream.close()
    until(lambda: server.stats().streams == 0)
    assert ask(client, NOW, max_tokens=5_000).usage.output_tokens == 20


def test_cached_input_is_told_and_not_charged(serve: Serve, connect: Connect) -> None:
    server = serve(clock=ManualClock())
    usage = ask(connect(server), f"{NOW} cached=5000\n" + "x" * 23_950).usage
    assert usage.cache_read_input_tokens == 5_000
    assert usage.input_tokens + 5_000 > 6_000
    assert server.stats().charges.input_tokens == usage.input_tokens


def test_the_counters_are_told_to_this_machine_without_a_key(serve: Serve, connect: Connect) -> None:
    clock = ManualClock()
    server = serve(clock=clock, limits=Limits(60, 60_000, 600))
    client = connect(server)
    for _ in range(30):
        ask(client, NOW)
    with pytest.raises(anthropic.RateLimitError):
        ask(client, NOW)
    clock.advance(60.0)
    ask(client, NOW)
    until(lambda: stats_of(server)["streams"] == 0)
    clock.advance(60.0)
    told = stats_of(server)
    assert told["requests"] == 32
    assert told["admitted"] == 31
    assert told["refused"] == {"output-tokens": 1}
    assert told["statuses"] == {"200": 31, "429": 1}
    assert told["output_tokens"] == 31 * 20
    assert told["elapsed_s"] == 60.0
    assert told["used"]["requests"] == 0
    assert told["used"]["output-tokens"] == pytest.approx((31 * 20 - 600) / 600)
    assert told["peak_streams"] == 1
    assert "seen" not in told


def test_a_burst_of_529_holds_for_its_window(serve: Serve, connect: Connect) -> None:
    clock = ManualClock()
    client = connect(serve(parse_fault("overloaded:since=10,lasts=5"), clock=clock))
    ask(client, NOW)
    clock.advance(10.0)
    for _ in range(3):
        with pytest.raises(anthropic.OverloadedError):
            ask(client, NOW)
    clock.advance(5.1)
    ask(client, NOW)


def test_chaos_is_the_same_for_the_same_prompts_in_any_order() -> None:
    chances = ((FaultKind.CUT, 0.3), (FaultKind.OVERLOADED, 0.2))
    texts = [f"prompt {n % 50}" for n in range(200)]
    first, second = Chaos(chances, 7), Chaos(chances, 7)
    drawn = {text: [] for text in texts}  # type: dict[str, list[Any]]
    for text in texts:
        drawn[text].append(first.draw(text))
    again = {text: [] for text in texts}  # type: dict[str, list[Any]]
    for text in sorted(texts):
        again[text].append(second.draw(text))
    assert drawn == again
    kinds = [fault and fault.kind for each in drawn.values() for fault in each]
    assert 35 < kinds.count(FaultKind.CUT) < 85
    assert 20 < kinds.count(FaultKind.OVERLOADED) < 60
    assert any(len({f and f.kind for f in each}) > 1 for each in drawn.values()), "a retry draws anew"
    assert drawn != {text: [Chaos(chances, 8).draw(text)] for text in texts}


def test_chaos_that_a_limit_has_pre_empted_comes_later() -> None:
    chances = ((FaultKind.CUT, 0.5),)
    chaos, other = Chaos(chances, 7), Chaos(chances, 7)
    for _ in range(20):
        before = chaos.draw("x")
        chaos.give_back("x")
        assert chaos.draw("x") == before == other.draw("x")


def test_chances_that_sum_to_one_always_hit() -> None:
    rng = random.Random(1)
    drawn = [chance(((FaultKind.CUT, 0.5), (FaultKind.EARLY_END, 0.5)), rng) for _ in range(100)]
    assert None not in drawn
    assert chance((), rng) is None


def test_chaos_hits_requests_on_the_wire(serve: Serve, connect: Connect) -> None:
    server = serve(clock=ManualClock(), chaos=((FaultKind.OVERLOADED, 1.0),))
    with pytest.raises(anthropic.OverloadedError):
        ask(connect(server), NOW)
    server = serve(clock=ManualClock(), chaos=((FaultKind.EARLY_END, 1.0),))
    kinds = [e.type for e in events(connect(server), NOW)]
    assert "message_stop" not in kinds


def test_a_client_that_talks_while_it_waits_is_no_client_that_left() -> None:
    hangups = HangUps()
    hangups.start()
    ours, theirs = socket.socketpair()
    quiet, leaving = socket.socketpair()
    with ours, theirs, quiet, hangups.watching(ours) as talked, hangups.watching(quiet) as left:
        theirs.send(b"more")
        leaving.close()
        assert left.wait(5.0)
        assert not talked.is_set()
        assert ours.recv(10) == b"more"
        hangups.stop()
        assert talked.is_set()
        with hangups.watching(theirs) as late:
            assert late.is_set()


class _ReadInBetween(socket.socket):
    """Somebody else has read what there was, right before it is looked at."""

    looked: threading.Event

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        super().recv(10)
        self.looked.set()
        return super().recv(size, flags)


def test_what_was_read_in_between_holds_nobody_up() -> None:
    hangups = HangUps()
    hangups.start()
    ours, theirs = socket.socketpair()
    other, other_end = socket.socketpair()
    reading = _ReadInBetween(fileno=ours.detach())
    reading.looked = threading.Event()

    def watch() -> None:
        with hangups.watching(other):
            pass

    with reading, theirs, other, other_end, hangups.watching(reading) as gone:
        theirs.send(b"more")
        assert reading.looked.wait(5.0)
        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        watcher.join(5.0)
        held_up = watcher.is_alive()
        assert not gone.is_set()
        theirs.close()
        assert gone.wait(5.0)
    hangups.stop()
    assert not held_up
