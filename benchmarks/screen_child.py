"""The program under measurement: streams of made-up answers, shown by the dashboard or only folded.

Started by the screen benchmarks on a terminal of theirs; writes what it used to a file.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, cast

from textual.app import App
from textual.drivers.linux_driver import LinuxDriver

from luna_tui.core.events import (
    Gauge,
    LimitsObserved,
    PlannedSubtask,
    PlannedWave,
    PlanOutline,
    Record,
    RunStarted,
    SubtaskOutput,
    SubtaskStarted,
    WaveStarted,
)
from luna_tui.core.state import RunState
from luna_tui.core.words import Kind, Mode, Watching
from luna_tui.engine.bus import EventBus, Inbox
from luna_tui.engine.clock import SystemClock
from luna_tui.engine.control import RunControl
from luna_tui.storage.resources import resource as bundled
from luna_tui.storage.themes import discover_themes
from luna_tui.tui.app import LunaApp, run_app
from luna_tui.tui.settings import Settings
from luna_tui.tui.views.spans import Role

BURST_S = 0.02
LEAVE_S = 10.0
HEADLESS_LOOK_S = 0.2
"""How often a run without a screen folds what came."""
WORDS = (
    "the ", "module ", "reads ", "its ", "input ", "once, ", "and ", "each ", "step ", "can ", "be ",
    "checked. ", "Nothing ", "in ", "it ", "contradicts ", "itself.\n", "Next: ", "links ", "{\"n\": 14}, ",
)  # fmt: skip


class Streams:
    """A session of subtasks that all speak at once, at the rates asked for."""

    def __init__(self, streams: int, tokens_s: float) -> None:
        self.clock = SystemClock()
        self.control = cast(RunControl, _Deaf())
        self.watching = Watching.OWN
        self._streams = streams
        self._tokens_s = tokens_s
        self._bus = EventBus("20260102-150405-7f3a", self.clock)
        self._inbox = Inbox()
        self._bus.subscribe(self._inbox.put)
        self._state = RunState()
        self.over = threading.Event()
        """Set to end the streams."""

    def state(self) -> RunState:
        """The fold of what came."""
        for record in self._inbox.drain():
            self._state.apply(record)
        return self._state

    def since(self, seq: int) -> tuple[Record, ...]:
        """Records of the log."""
        return tuple(r for r in self._state.log if r.seq > seq)

    def now_s(self) -> float:
        """Seconds since it began."""
        return self._bus.now_s()

    def run(self) -> None:
        """Speak until it is over."""
        self._begin()
        began, burst, spoken, seconds = time.perf_counter(), 0, 0.0, 0
        while not self.over.is_set() and self._tokens_s:
            burst += 1
            spoken += self._tokens_s * BURST_S
            while spoken >= 1:
                spoken -= 1
                self._speak(burst)
            if burst * BURST_S >= seconds:
                seconds += 1
                self._bus.publish(_limits(seconds))
            time.sleep(max(0.0, began + burst * BURST_S - time.perf_counter()))
        self.over.wait()

    def speak_fast(self, events: int) -> None:
        """So many events as fast as they are taken, for memory."""
        for burst in range(events // self._streams):
            self._speak(burst)
            if burst % 50 == 0:
                time.sleep(BURST_S)

    def begin(self) -> None:
        """The plan and the starts."""
        self._begin()

    def _speak(self, burst: int) -> None:
        for n in range(self._streams):
            word = WORDS[(burst * 7 + n * 3) % len(WORDS)]
            self._bus.publish(SubtaskOutput(wave="extract", subtask=f"s{n:02d}", attempt=1, text=word))

    def _begin(self) -> None:
        planned = tuple(PlannedSubtask(id=f"s{n:02d}", title=f"file_{n:02d}") for n in range(self._streams))
        waves = (PlannedWave(name="extract", parallel=True, subtasks=planned),)
        self._bus.publish(
            RunStarted(
                started_at="2026-01-02T15:04:05Z", plan=PlanOutline(name="streams", waves=waves),
                mode=Mode.AGGRESSIVE, tier="tier4", max_workers=self._streams, provider="none", version="0",
            )
        )  # fmt: skip
        self._bus.publish(
            WaveStarted(wave="extract", parallel=True, reason="parallel", workers=self._streams)
        )
        for n in range(self._streams):
            self._bus.publish(
                SubtaskStarted(
                    wave="extract", subtask=f"s{n:02d}", attempt=1, worker=n, title=f"file_{n:02d}",
                    kind=Kind.CLAUDE,
                )
            )  # fmt: skip


def _limits(second: int) -> LimitsObserved:
    used = second % 60 / 60
    gauges = [
        Gauge(
            limit=limit, cap=round(limit * 0.95), settled=round(limit * used * 0.7),
            reserved=round(limit * 0.2), server_remaining=round(limit * (1 - used)), server_age_s=1.0,
        )
        for limit in (4_000, 2_000_000, 400_000)
    ]  # fmt: skip
    return LimitsObserved(rpm=gauges[0], itpm=gauges[1], otpm=gauges[2], throttled=0, waiting={"itpm": 2})


class _Deaf:
    """Takes every command and does nothing."""

    def __getattr__(self, _name: str) -> Any:
        return lambda *_args, **_more: None


class MarkingApp(LunaApp):
    """A key of the benchmark shows a new text, by the way of every key."""

    BINDINGS: ClassVar = [("Z", "mark", "")]
    marks = 0

    def action_mark(self) -> None:
        """Show the next number."""
        self.marks += 1
        self.notice = f"mark {self.marks:04d}"
        self.draw_screens()


class StockApp(MarkingApp):
    """The same dashboard on Textual's own driver, which paces nothing."""

    _display = App._display


def dashboard(session: Streams, *, fps: int, stock: bool) -> LunaApp:
    """The app as `luna-tui run` makes it; the only place in the benchmarks that does."""
    themes = discover_themes((bundled("themes"),), [r.value for r in Role])
    make = StockApp if stock else MarkingApp
    app = make(session, Settings(fps=fps), themes=themes.found, drive=session.run)
    if stock:
        app.driver_class = LinuxDriver
    return app


def rss_kb() -> int:
    """Resident size now."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise RuntimeError("the kernel does not tell the resident size")


def watch(args: argparse.Namespace, session: Streams, app: LunaApp | None) -> None:
    """Measure from the end of the warm-up for so many seconds, then end it all."""
    time.sleep(args.warm)
    before = time.process_time(), time.monotonic(), rss_kb()
    if args.events:
        session.speak_fast(args.events)
    time.sleep(args.seconds)
    found = {
        "cpu_s": time.process_time() - before[0],
        "began_at": before[1],
        "ended_at": time.monotonic(),
        "rss_before_kb": before[2],
        "rss_after_kb": rss_kb(),
        "rss_peak_kb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
        "rung": int(app.pacer.rung) if app else 0,
        "budget": app.pacer.budget if app else 0,
    }
    Path(args.out).write_text(json.dumps(found))
    session.over.set()
    if app is not None:
        app.from_thread(app.exit)
        time.sleep(LEAVE_S)
        # Textual's own driver waits for ever for a terminal that is gone.
        os._exit(1)


def main(argv: Sequence[str] | None = None) -> None:
    """Run one case; the figures go to `--out`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("case", choices=("paced", "stock", "headless"))
    parser.add_argument("--out", required=True)
    parser.add_argument("--streams", type=int, default=40)
    parser.add_argument("--tokens", type=float, default=50.0)
    parser.add_argument("--warm", type=float, default=2.0)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--events", type=int, default=0)
    parser.add_argument("--fps", type=int, default=0)
    args = parser.parse_args(argv)
    session = Streams(args.streams, args.tokens)
    app = dashboard(session, fps=args.fps, stock=args.case == "stock") if args.case != "headless" else None
    threading.Thread(target=watch, args=(args, session, app), daemon=True).start()
    if app is not None:
        run_app(app)
        return
    threading.Thread(target=session.run, daemon=True).start()
    while not session.over.wait(HEADLESS_LOOK_S):
        session.state()


if __name__ == "__main__":
    main()
