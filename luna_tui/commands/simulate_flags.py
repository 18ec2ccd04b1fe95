"""The flags of `simulate`."""

from __future__ import annotations

import argparse
from collections.abc import Callable

_FAULTS = (
    "rate_limit, overloaded, server_error, auth, cut, early_end, stall, ping_only, no_headers, "
    "malformed, error_event"
)
_EPILOG = """Seconds of every flag count from the first request. A prompt may order its answer with a line
`simulate: output=900 seconds=14.5 first=1.2 cached=500`. GET /simulator/stats tells the counters as JSON."""


def add_simulate_flags(parser: argparse.ArgumentParser, positive: Callable[[str], float]) -> None:
    """Add all of them; `positive` reads a number above 0."""
    parser.epilog = _EPILOG
    parser.add_argument("--port", type=int, default=0, help="0 chooses a free one")
    parser.add_argument("--seed", type=int, default=7, help="of answers and chaos")
    parser.add_argument("--speed", type=positive, default=1.0, help="divide every latency by this")
    parser.add_argument(
        "--time", type=positive, default=1.0, metavar="FACTOR",
        help="let all time of the server run so many times as fast, refill and told seconds included",
    )  # fmt: skip
    _limit_flags(parser)
    _answer_flags(parser)
    _fault_flags(parser)


def _limit_flags(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("limits").add_argument
    add("--tier", default="tier2", help="row of the tier table")
    add("--limits", default="", metavar="rpm=N,itpm=N,otpm=N", help="instead of the tier's, each optional")
    add(
        "--limits-at", action="append", default=[], metavar="SECONDS:FACTOR",
        help="from then on all limits are multiplied; may be repeated",
    )  # fmt: skip
    add("--burst", type=float, default=60.0, metavar="SECONDS", help="refill that a bucket holds")
    add(
        "--output", choices=("produced", "reserved"), default="produced",
        help="charge output as it is produced, or max_tokens in advance and give the rest back at the end",
    )  # fmt: skip
    add(
        "--foreign", action="append", default=[], metavar="SHARE:FROM:UNTIL",
        help="another client takes this share of every refill between two seconds; may be repeated",
    )  # fmt: skip
    add(
        "--ramp", default=None, metavar="FACTOR[:FLOOR]",
        help="refuse input that in 10 s exceeds FACTOR x that of the 10 s before, plus FLOOR tokens "
        "(a sixth of itpm)",
    )  # fmt: skip
    add("--spend-limit", type=int, default=None, metavar="N", help="after N requests refuse all")
    add("--refusals-cost", action="store_true", help="a refused request counts as a request")


def _answer_flags(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("what answers tell").add_argument
    add(
        "--headers", choices=("full", "none", "gateway", "skewed", "stale"), default="full",
        help="rate-limit headers: all; none; x-ratelimit-* instead; from a clock 300 s ahead, also in "
        "`date`; values 20 s old whose resets have passed",
    )  # fmt: skip
    add(
        "--head", choices=("early", "late"), default="early",
        help="headers as of admission, sent at once, or as of the first token, sent with it",
    )  # fmt: skip
    add("--no-retry-after", action="store_true", help="a 429 tells no seconds to wait")


def _fault_flags(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("faults").add_argument
    add(
        "--fault", action="append", default=[], metavar="KIND[:KEY=VALUE,...]",
        help=f"{_FAULTS}; keys: match, at, since, lasts, times, after, retry_after; "
        "a 529 burst: overloaded:since=10,lasts=5",
    )  # fmt: skip
    add(
        "--chaos", action="append", default=[], metavar="KIND=PROBABILITY,...",
        help="faults by chance, the same ones for the same seed and prompts; a retry draws anew",
    )  # fmt: skip
