"""One contender of the limiter benchmark in a process of its own: does all the work, tells what it took."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import anthropic

from benchmarks.compressed import CompressedClock
from benchmarks.original_limiter import WindowLimiter
from benchmarks.workloads import Work, mixed, prompt_of
from luna_tui.core.limits import TIERS, Limits
from luna_tui.core.plan import Estimate, Plan, Subtask, Wave
from luna_tui.core.words import Mode, Staffing

MODEL = "claude-haiku-5-5"
_PAUSE_S = 60.0
"""What the original sleeps after a 429."""
_ITERATIONS = 15
"""Attempts of the original for one subtask."""


@dataclass(frozen=True, slots=True)
class Task:
    """What every contender is given."""

    url: str
    clock: CompressedClock
    works: tuple[Work, ...]
    prompts: tuple[str, ...]
    limits: Limits

    def request(self, place: int) -> dict[str, Any]:
        """One request, the same for each contender."""
        return {
            "model": MODEL,
            "max_tokens": self.works[place].max_tokens,
            "messages": [{"role": "user", "content": self.prompts[place]}],
            "stream": True,
        }

    def places(self) -> range:
        """Numbers of the subtasks."""
        return range(len(self.works))


Contender = Callable[[Task], Callable[[], int]]
"""Prepares, outside of the measurement; what it returns does the work and tells how many failed."""


def _scaled(kind: type[Any], speed: float) -> type[Any]:
    """The SDK's client, its waits before a retry divided by `speed`; decided as in real time."""

    class Scaled(kind):  # type: ignore[misc]
        def _calculate_retry_timeout(self, *args: Any, **more: Any) -> float:
            wait_s: float = super()._calculate_retry_timeout(*args, **more)
            return wait_s / speed

    return Scaled


def _client(kind: type[Any], task: Task, retries: int) -> Any:
    scaled = _scaled(kind, task.clock.speed)
    client = scaled(base_url=task.url, api_key="simulated", max_retries=retries)
    _ = client.messages
    return client


def _listen(client: Any, request: dict[str, Any]) -> tuple[int, int]:
    """Read one answer to its end; (input, output) tokens."""
    used, produced, ended = 0, 0, False
    with client.messages.create(**request) as stream:
        for event in stream:
            if event.type == "message_start":
                used = event.message.usage.input_tokens
            elif event.type == "message_delta":
                produced = event.usage.output_tokens
            ended = event.type == "message_stop"
    if not ended:
        raise ConnectionError("the stream ended early")
    return used, produced


def _in_threads(task: Task, threads: int, one: Callable[[int], bool]) -> int:
    with ThreadPoolExecutor(threads) as pool:
        return sum(not good for good in pool.map(one, task.places()))


def original(threads: int, share: float) -> Contender:
    """Check-then-act window, 60 s of sleep after a 429 that the SDK's two retries did not cure."""

    def prepare(task: Task) -> Callable[[], int]:
        client = _client(anthropic.Anthropic, task, 2)
        limiter = WindowLimiter(task.limits, share, task.clock)

        def one(place: int) -> bool:
            for _ in range(_ITERATIONS):
                limiter.wait_if_needed()
                try:
                    limiter.book(*_listen(client, task.request(place)))
                    return True
                except anthropic.RateLimitError:
                    limiter.sleep(_PAUSE_S)
                except (anthropic.APIError, ConnectionError):
                    return False
            return False

        return lambda: _in_threads(task, threads, one)

    return prepare


def threads_with_retries(threads: int, retries: int) -> Contender:
    """The SDK as it comes."""

    def prepare(task: Task) -> Callable[[], int]:
        client = _client(anthropic.Anthropic, task, retries)

        def one(place: int) -> bool:
            try:
                _listen(client, task.request(place))
            except (anthropic.APIError, ConnectionError):
                return False
            return True

        return lambda: _in_threads(task, threads, one)

    return prepare


async def _listen_async(client: Any, request: dict[str, Any]) -> bool:
    ended = False
    try:
        async with await client.messages.create(**request) as stream:
            async for event in stream:
                ended = event.type == "message_stop"
    except anthropic.APIError:
        return False
    return ended


def semaphore(width: int, retries: int) -> Contender:
    """asyncio, so many at once, the SDK's own retries."""

    def prepare(task: Task) -> Callable[[], int]:
        async def work() -> int:
            client = _client(anthropic.AsyncAnthropic, task, retries)
            gate = asyncio.Semaphore(width)

            async def one(place: int) -> bool:
                async with gate:
                    return await _listen_async(client, task.request(place))

            return sum(not good for good in await asyncio.gather(*map(one, task.places())))

        return lambda: asyncio.run(work())

    return prepare


def leaky_buckets(retries: int) -> Contender:
    """aiolimiter: a bucket for each limit, told the true sizes beforehand; the SDK's own retries."""

    def prepare(task: Task) -> Callable[[], int]:
        from aiolimiter import AsyncLimiter

        async def work() -> int:
            client = _client(anthropic.AsyncAnthropic, task, retries)
            minute_s = 60.0 / task.clock.speed
            caps = (task.limits.rpm, task.limits.itpm, task.limits.otpm)
            requests, inputs, outputs = (AsyncLimiter(cap, minute_s) for cap in caps)

            async def one(place: int) -> bool:
                sizes = task.works[place]
                await inputs.acquire(sizes.input_tokens)
                await outputs.acquire(sizes.output_tokens)
                await requests.acquire()
                return await _listen_async(client, task.request(place))

            return sum(not good for good in await asyncio.gather(*map(one, task.places())))

        return lambda: asyncio.run(work())

    return prepare


def ours(mode: Mode, workers: int | Staffing, *, estimates: bool) -> Contender:
    """This program: one plan, one session, its limiter; `estimates` = the plan tells the true sizes."""

    def prepare(task: Task) -> Callable[[], int]:
        from luna_tui.commands.bench_runs import passing_folder
        from luna_tui.session import LiveSession
        from luna_tui.storage.config import Config

        os.environ |= {"ANTHROPIC_BASE_URL": task.url, "ANTHROPIC_API_KEY": "simulated"}
        config = replace(Config(), provider="anthropic", tier="tier2", mode=mode, workers=workers)
        folder = ExitStack()
        folder.enter_context(passing_folder())
        session = LiveSession(_plan(task, estimates=estimates), config, clock=task.clock)
        session.warm()

        def work() -> int:
            with folder:
                session.run()
            return sum(n for status, n in session.state().counts.items() if status.value != "succeeded")

        return work

    return prepare


def _plan(task: Task, *, estimates: bool) -> Plan:
    def subtask(place: int) -> Subtask:
        sizes = task.works[place]
        known = Estimate(
            input_tokens=sizes.input_tokens, output_tokens=sizes.output_tokens, seconds=sizes.seconds
        )
        return Subtask(
            id=f"w{place:04d}",
            title=f"request {place}",
            model=MODEL,
            prompt=task.prompts[place],
            max_tokens=sizes.max_tokens,
            timeout=0.0,
            estimate=known if estimates else Estimate(),
        )

    wave = Wave(name="all", subtasks=tuple(map(subtask, task.places())), timeout=0.0)
    return Plan(name="mixed", waves=(wave,), workspace="/")


CONTENDERS: dict[str, Contender] = {
    "luna-tui balanced (0.85), sizes unknown": ours(Mode.BALANCED, Staffing.AUTO, estimates=False),
    "luna-tui aggressive (0.95), sizes unknown": ours(Mode.AGGRESSIVE, Staffing.AUTO, estimates=False),
    "luna-tui aggressive (0.95), estimates": ours(Mode.AGGRESSIVE, Staffing.AUTO, estimates=True),
    "the original: 15 threads, window 0.85": original(15, 0.85),
    "the original: 20 threads, window 0.95": original(20, 0.95),
    "asyncio, semaphore 50, SDK retries 10": semaphore(50, 10),
    "50 threads, SDK retries 2 (its default)": threads_with_retries(50, 2),
    "aiolimiter, true sizes known, SDK retries 2": leaky_buckets(2),
}
"""By the name in the table."""


def _prompts(works: tuple[Work, ...]) -> Iterator[str]:
    return (prompt_of(place, work) for place, work in enumerate(works))


def main() -> None:
    """Do the work once; one JSON object on stdout."""
    parser = argparse.ArgumentParser()
    parser.add_argument("name", choices=CONTENDERS)
    parser.add_argument("--url", required=True)
    parser.add_argument("--speed", type=float, required=True)
    parser.add_argument("--origin", type=float, required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    args = parser.parse_args()
    works = tuple(mixed(args.count, args.seed))
    clock = CompressedClock(args.speed, args.origin)
    task = Task(args.url, clock, works, tuple(_prompts(works)), TIERS["tier2"].limits)
    work = CONTENDERS[args.name](task)
    cpu_s, began_at = time.process_time(), clock.now()
    failed = work()
    told = {
        "makespan_s": clock.now() - began_at,
        "cpu_s": time.process_time() - cpu_s,
        "failed": failed,
    }
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
