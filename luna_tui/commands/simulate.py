"""`simulate`: the simulated Messages API until it is interrupted."""

from __future__ import annotations

import argparse
import difflib
import signal
import sys
import threading

from luna_tui.core.errors import ExitCode, LunaError
from luna_tui.core.limits import TIERS, Limits
from luna_tui.engine.clock import ScaledClock, SystemClock
from luna_tui.simulator.faults import parse_fault
from luna_tui.simulator.options import (
    parse_chaos,
    parse_foreign,
    parse_limit_change,
    parse_limits,
    parse_ramp,
)
from luna_tui.simulator.server import SimulatorServer
from luna_tui.simulator.settings import HeaderMode, HeaderMoment, OutputRule, SimulatorSettings


def simulate(args: argparse.Namespace) -> int:
    """Serve; the base URL is the one line on stdout."""
    settings = settings_of(args)
    clock = ScaledClock(args.time) if args.time != 1.0 else SystemClock()
    try:
        server = SimulatorServer(settings, clock, port=args.port)
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
    refused = sum(stats.charges.refused.values())
    print(
        f"{stats.requests} requests, {refused} refused by a limit, "
        f"at most {stats.peak_streams} streams at once",
        file=sys.stderr,
    )
    return ExitCode.OK


def settings_of(args: argparse.Namespace) -> SimulatorSettings:
    """The service that the flags describe; LunaError names the flag that is wrong."""
    if not 0.1 <= args.burst <= 3_600:
        raise LunaError("bad --burst", f"{args.burst:g} must be 0.1 to 3600 seconds", "", ExitCode.USAGE)
    if args.spend_limit is not None and args.spend_limit < 0:
        raise LunaError("bad --spend-limit", "must be 0 or more", "", ExitCode.USAGE)
    ramp, floor = (None, None) if args.ramp is None else parse_ramp(args.ramp)
    return SimulatorSettings(
        limits=parse_limits(args.limits, _limits_of(args.tier)),
        limit_changes=tuple(map(parse_limit_change, args.limits_at)),
        foreign=tuple(map(parse_foreign, args.foreign)),
        burst_s=args.burst,
        output_rule=OutputRule(args.output),
        headers=HeaderMode(args.headers),
        header_moment=HeaderMoment(args.head),
        retry_after=not args.no_retry_after,
        refusals_cost=args.refusals_cost,
        ramp=ramp,
        ramp_floor=floor,
        spend_limit=args.spend_limit,
        seed=args.seed,
        speed=args.speed,
        faults=tuple(map(parse_fault, args.fault)),
        chaos=parse_chaos(args.chaos),
    )


def _limits_of(tier: str) -> Limits:
    if tier in TIERS:
        return TIERS[tier].limits
    near = difflib.get_close_matches(tier, TIERS, 1)
    hint = f"did you mean {near[0]}?" if near else f"one of: {', '.join(TIERS)}"
    raise LunaError("bad --tier", f"tier {tier!r} is not in the table", hint, ExitCode.USAGE)
