"""The simulated API of the limiter benchmark, in a process of its own and in compressed time."""

from __future__ import annotations

import argparse
import json
import re
import sys

from benchmarks.compressed import CompressedClock
from luna_tui.core.limits import TIERS
from luna_tui.simulator.server import SimulatorServer
from luna_tui.simulator.settings import SimulatorSettings

_NUMBER = re.compile(r"^Request (\d+)\.", re.MULTILINE)


def main() -> None:
    """Serve until stdin is closed: the address is the first line, the counters are the last one."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--speed", type=float, required=True)
    parser.add_argument("--origin", type=float, required=True)
    parser.add_argument("--tier", default="tier2")
    args = parser.parse_args()
    settings = SimulatorSettings(limits=TIERS[args.tier].limits)
    with SimulatorServer(settings, CompressedClock(args.speed, args.origin)) as server:
        print(server.base_url, flush=True)
        sys.stdin.read()
        stats = server.stats()
    posted = [seen for seen in stats.seen if seen.path.startswith("/v1/messages")]
    admitted = [seen for seen in posted if seen.status == 200]
    told = {
        "first_s": min((seen.at for seen in posted), default=0.0),
        "last_s": max((seen.at for seen in admitted), default=0.0),
        "admitted": [int(found[1]) for seen in admitted if (found := _NUMBER.search(seen.text))],
        "refused": sum(1 for seen in posted if seen.status == 429),
        "peak": stats.peak_streams,
    }
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
