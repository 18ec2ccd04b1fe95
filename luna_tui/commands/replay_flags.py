"""The flags of `replay`."""

from __future__ import annotations

import argparse
from pathlib import Path

_LEAST, _MOST = 0.1, 64.0


def add_replay_flags(parser: argparse.ArgumentParser) -> None:
    """Add all of them."""
    parser.add_argument("run", help="id, unique part of one, last, or the path of a journal or run directory")
    parser.add_argument("--speed", type=_speed, metavar="N", help="times as fast as it was, 0.1 to 64")
    parser.add_argument("--at", default="", metavar="TIME", help="begin there: 1:23, 83, 50%% or #812")
    parser.add_argument(
        "--headless", action="store_true", help="sentences, all at once unless a speed is given"
    )
    parser.add_argument(
        "--console", choices=("auto", "screen", "plain"), help="plain = sentences, at the pace of the run"
    )
    parser.add_argument("--lang", choices=("auto", "en", "pt_BR"), help="language of the interface")
    parser.add_argument("--config", type=Path, help="one more config file, over all others")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="settings")


def _speed(text: str) -> float:
    try:
        speed = float(text.lower().strip("x"))
    except ValueError:
        speed = 0.0
    if not _LEAST <= speed <= _MOST:
        raise argparse.ArgumentTypeError(f"{text!r} is no speed from {_LEAST:g} to {_MOST:g}")
    return speed
