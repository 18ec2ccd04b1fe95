"""CPU of the client for one streamed answer: the SDK alone, and a whole run around it.

The server is `luna-tui simulate` in a process of its own. The transport is ours in both cases.
"""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from benchmarks.measure import Cost, compare, cost_of, options, report
from benchmarks.noop import close_journal, open_journal, scratch_run
from luna_tui.core.limits import TIERS
from luna_tui.core.plan import Plan, Subtask, Wave
from luna_tui.core.words import Kind, Mode, RunStatus
from luna_tui.engine.bus import EventBus
from luna_tui.engine.clock import SystemClock
from luna_tui.engine.executor import RunSettings, WaveExecutor
from luna_tui.engine.limiters import Limiters
from luna_tui.runners.anthropic_client import make_client
from luna_tui.runners.claude import ClaudeRunner
from luna_tui.storage.outputs import FileOutputs

if TYPE_CHECKING:
    import anthropic

TIER = "scale"
MODEL = "claude-haiku-5-5"
LINES = 210
"""Echoed by the server: about 1,100 tokens in about 100 text deltas."""
MAX_TOKENS = 2_048


def prompt(number: int) -> str:
    """What makes the simulated model answer at length."""
    return "\n".join(f"token: {number:04d}-{line:04d}-abc" for line in range(LINES))


@contextmanager
def server(speed: float) -> Iterator[str]:
    """Base URL of a simulator in another process."""
    command = [sys.executable, "-m", "luna_tui", "simulate", "--tier", TIER, "--speed", str(speed)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, text=True
    ) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def sdk_alone(client: anthropic.Anthropic, count: int) -> Cost:
    """Read the events of every answer and drop them."""

    def listen(number: int) -> None:
        request: dict[str, Any] = {
            "model": MODEL,
            "max_tokens": MAX_TOKENS,
            "messages": [{"role": "user", "content": prompt(number)}],
            "stream": True,
        }
        with client.messages.create(**request) as stream:
            for _ in stream:
                pass

    def body() -> None:
        with ThreadPoolExecutor(count) as pool:
            list(pool.map(listen, range(count)))

    return cost_of(body)


def whole_run(client: anthropic.Anthropic, count: int) -> Cost:
    """The same answers as subtasks, with journal and output files."""
    subtasks = tuple(
        Subtask(id=f"s{n}", title=f"s{n}", model=MODEL, max_tokens=MAX_TOKENS, prompt=prompt(n))
        for n in range(count)
    )
    plan = Plan(name="streams", waves=(Wave(name="wave", subtasks=subtasks),), workspace="/")
    return run_of(plan, ClaudeRunner(lambda: client, SystemClock()), count)


def run_of(plan: Plan, runner: ClaudeRunner, workers: int) -> Cost:
    """A whole run of a plan that asks Claude, with journal and output files; all of it has to succeed."""
    with scratch_run() as run_dir:
        clock = SystemClock()
        bus = EventBus(run_dir.run, clock)
        journal = open_journal(run_dir)
        bus.subscribe(journal.append)
        executor = WaveExecutor(
            plan,
            RunSettings(mode=Mode.AGGRESSIVE, tier=TIER, provider="simulator", version="0", workers=workers),
            bus=bus,
            clock=clock,
            runners={Kind.CLAUDE: runner},
            limiter=Limiters(TIERS[TIER].limits, Mode.AGGRESSIVE, clock),
            store=FileOutputs(run_dir),
            rng=random.Random(1),
        )

        def body() -> None:
            if executor.run() is not RunStatus.SUCCEEDED:
                raise RuntimeError("a subtask failed")
            close_journal(journal)

        return cost_of(body)


def main(argv: Sequence[str] | None = None) -> None:
    """Compare."""
    args = options(__doc__ or "", argv, items=40, quick_items=2, repeats=1)
    with server(speed=100.0 if args.quick else 2.0) as url:
        client = make_client(url, "simulated")
        sdk_alone(client, 1)
        cases = {
            "SDK alone": lambda: sdk_alone(client, args.items),
            "run": lambda: whole_run(client, args.items),
        }
        results = compare(cases, items=args.items, repeats=args.repeats)
        client.close()
    report(f"{args.items} streamed answers of about 1,100 tokens at once", results, as_json=args.json)


if __name__ == "__main__":
    main()
