"""Run the whole program against servers of every kind, over HTTP in compressed time."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.workloads import TELLING, UNTELLING, mixed, plan_toml
from luna_tui.core.state import RunState
from luna_tui.core.words import Mode, Staffing, Status
from luna_tui.engine.clock import ScaledClock
from luna_tui.session import LiveSession
from luna_tui.storage.config import Config
from luna_tui.storage.plans import load_plan

SPEED = 6.0
"""Seconds of the compressed world in a real one; more, and the machine's own speed shows."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """A server, and what a run on it must keep to."""

    name: str
    flags: tuple[str, ...] = ()
    most_429: int = 0
    tier: str = "tier2"
    estimates: bool = True
    correlation: float = TELLING


SCENARIOS = (
    Scenario("as the table says"),
    Scenario("no estimates in the plan", estimates=False),
    Scenario("no estimates, prompts that tell little", estimates=False, correlation=UNTELLING),
    Scenario("headers with the first token", ("--head", "late")),
    Scenario("no headers", ("--headers", "none"), most_429=5),
    Scenario("headers of a gateway", ("--headers", "gateway"), most_429=5),
    Scenario("a clock five minutes off", ("--headers", "skewed")),
    Scenario("headers 20 s old", ("--headers", "stale"), most_429=5),
    Scenario("output reserved at admission", ("--output", "reserved"), most_429=5),
    Scenario("half of the refill used by others for 50 s", ("--foreign", "0.5:10:60"), most_429=25),
    Scenario("limits halved after 40 s", ("--limits-at", "40:0.5"), most_429=5),
    Scenario("half of the table", ("--limits", "rpm=500,itpm=225000,otpm=45000"), most_429=5),
    Scenario("ten times the table", ("--limits", "rpm=10000,itpm=4500000,otpm=900000")),
    Scenario(
        "529, cuts, early ends, errors in the stream",
        ("--chaos", "overloaded=0.05,cut=0.03,early_end=0.03,error_event=0.03,server_error=0.02"),
    ),
    Scenario("529 for everybody, 10 s", ("--fault", "overloaded:since=20,lasts=10")),
    Scenario("tier1", ("--tier", "tier1"), tier="tier1"),
    Scenario("tier4", ("--tier", "tier4"), tier="tier4"),
)


@contextmanager
def serving(scenario: Scenario, speed: float) -> Iterator[str]:
    """A simulated service in a process of its own; its address."""
    flags = scenario.flags if "--tier" in scenario.flags else ("--tier", scenario.tier, *scenario.flags)
    command = [sys.executable, "-m", "luna_tui", "simulate", "--time", str(speed), *flags]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=Path(__file__).parent.parent,
    ) as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline().strip()
        finally:
            server.terminate()


def run(scenario: Scenario, *, count: int, seed: int, speed: float) -> tuple[RunState, dict[str, Any]]:
    """One run of mixed work; the state at its end, and what the server counted."""
    work = mixed(count, seed, correlation=scenario.correlation)
    if scenario.tier == "tier1":
        work = [w for w in work if w.input_tokens < 20_000][: count // 10]
    with tempfile.TemporaryDirectory() as folder, serving(scenario, speed) as url:
        path = Path(folder) / "plans" / "plan.toml"
        path.parent.mkdir()
        path.write_text(plan_toml(work, estimates=scenario.estimates), encoding="utf-8")
        os.environ.update(
            ANTHROPIC_BASE_URL=url, ANTHROPIC_API_KEY="benchmark", XDG_STATE_HOME=folder, HOME=folder
        )
        config = Config(mode=Mode.AGGRESSIVE, tier=scenario.tier, workers=Staffing.AUTO)
        session = LiveSession(load_plan(path), config, clock=ScaledClock(speed))
        session.run()
        with urllib.request.urlopen(f"{url}/simulator/stats") as answer:
            return session.state(), json.loads(answer.read())


def row(scenario: Scenario, state: RunState, told: dict[str, Any]) -> tuple[str, bool]:
    """A line of the table, and whether the scenario's terms were kept."""
    end = state.finished
    assert end is not None
    done, total = state.counts.get(Status.SUCCEEDED, 0), len(state.subtasks)
    refused = sum(told["refused"].values())
    kept = done == total and refused <= scenario.most_429
    bound = f"{end.bound_s:.1f}" if end.bound_s else "?"
    part = f"{end.efficiency:.3f}" if end.efficiency else "?"
    return (
        f"| {scenario.name} | {end.wall_s:.1f} | {bound} ({end.bound_by}) | {part} | {done} of {total} "
        f"| {refused} (at most {scenario.most_429}) | {told['peak_streams']} | {'yes' if kept else 'NO'} |"
    ), kept


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table; 1 when a scenario's terms were not kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--speed", type=float, default=SPEED)
    parser.add_argument("--only", default="", help="part of a scenario's name")
    parser.add_argument("--quick", action="store_true", help="few requests, fast: only to see that it works")
    args = parser.parse_args(argv)
    if args.quick:
        args.count, args.speed = 12, 40.0
    print("| server | makespan, s | bound, s | bound / makespan | succeeded | 429 | at once | kept |")
    print("|---|---|---|---|---|---|---|---|")
    all_kept = True
    for scenario in SCENARIOS:
        if args.only in scenario.name:
            cpu_s = time.process_time()
            text, kept = row(scenario, *run(scenario, count=args.count, seed=args.seed, speed=args.speed))
            all_kept = all_kept and kept
            print(text, flush=True)
            print(f"{scenario.name}: {time.process_time() - cpu_s:.1f} s of CPU", file=sys.stderr)
    return 0 if all_kept else 1


if __name__ == "__main__":
    sys.exit(main())
