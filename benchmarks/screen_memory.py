"""Memory of the dashboard over ten minutes' events of 40 streams, as fast as they are folded, or real."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence

from benchmarks.measure import table
from benchmarks.screen_terminal import measured

STREAMS = 40
TOKENS_S = 50


def main(argv: Sequence[str] | None = None) -> None:
    """Measure both ways."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--real", action="store_true", help="in real time, too")
    parser.add_argument("--quick", action="store_true", help="two seconds' events")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    args = parser.parse_args(argv)
    minutes = 2 / 60 if args.quick else args.minutes
    events = round(minutes * 60 * TOKENS_S * STREAMS)
    given = {"as fast as they are folded": ["--tokens", "0", "--events", str(events), "--seconds", "2"]}
    if args.real:
        given["in real time"] = ["--tokens", str(TOKENS_S), "--seconds", str(minutes * 60)]
    rows = []
    for name, flags in given.items():
        figures, _ = measured("paced", *flags, "--warm", "0.5" if args.quick else "10", width=120, height=40)
        rows.append(
            {
                "name": name, "events": events, "before_mb": figures["rss_before_kb"] / 1024,
                "after_mb": figures["rss_after_kb"] / 1024, "peak_mb": figures["rss_peak_kb"] / 1024,
            }
        )  # fmt: skip
    if args.json:
        print(json.dumps({"title": "memory of the screen", "cases": rows}))
        return
    figures_of = [
        [r["name"], f"{r['events']:,}", *(f"{r[k]:.0f}" for k in ("before_mb", "after_mb", "peak_mb"))]
        for r in rows
    ]
    table(
        f"{minutes:.0f} minutes of 40 streams", ["", "events", "before MB", "after MB", "peak MB"], figures_of
    )


if __name__ == "__main__":
    main()
