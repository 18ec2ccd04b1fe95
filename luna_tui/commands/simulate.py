"""`simulate`: the simulated Messages API until it is interrupted."""

from __future__ import annotations

import argparse
import difflib
import signal
import sys
import threading

from luna_tui.core.errors import ExitCode, LunaError
from luna_tui.core.limits import TIERS
from luna_tui.engine.clock import SystemClock
from luna_tui.simulator.faults import parse_fault
from luna_tui.simulator.server import SimulatorServer, SimulatorSettings


def simulate(args: argparse.Namespace) -> int:
    """Serve; the base URL is the one line on stdout."""
    if args.tier not in TIERS:
        near = difflib.get_close_matches(args.tier, TIERS, 1)
        hint = f"did you mean {near[0]}?" if near else f"one of: {', '.join(TIERS)}"
        raise LunaError("bad --tier", f"tier {args.tier!r} is not in the table", hint, ExitCode.USAGE)
    settings = SimulatorSettings(
        limits=TIERS[args.tier].limits,
        seed=args.seed,
        speed=args.speed,
        faults=tuple(parse_fault(text) for text in args.fault),
    )
    try:
        server = SimulatorServer(settings, SystemClock(), port=args.port)
    except OSError as error:
        text = f"port {args.port}: {(error.strerror or str(error)).lower()}"
        raise LunaError("cannot serve", text, "choose another --port", ExitCode.USAGE) from error
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    with server:
        print(server.base_url, flush=True)
        print(
            f"ANTHROPIC_BASE_URL={server.base_url} ANTHROPIC_API_KEY=simulated luna-tui run PLAN",
            file=sys.stderr,
        )
        stopped.wait()
        stats = server.stats()
    print(f"{stats.requests} requests, at most {stats.peak_streams} streams at once", file=sys.stderr)
    return ExitCode.OK
