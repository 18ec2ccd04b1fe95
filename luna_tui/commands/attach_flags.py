"""Flags of `attach` and `cancel`."""

from __future__ import annotations

import argparse
from collections.abc import Callable


def add_attach_flags(
    parser: argparse.ArgumentParser, config_flags: Callable[[argparse.ArgumentParser], None]
) -> None:
    """What may be said of watching."""
    parser.add_argument("run", nargs="?", help="id, unique part of one, or last; default: the one that is on")
    parser.add_argument("--read-only", action="store_true", help="watch, and ask nothing of the run")
    parser.add_argument("--headless", action="store_true", help="sentences instead of the dashboard, no keys")
    parser.add_argument(
        "--console",
        choices=("auto", "screen", "plain"),
        help="plain = sentences for screen readers, with keys; also ACCESSIBLE=1",
    )
    parser.add_argument("--lang", choices=("auto", "en", "pt_BR"), help="language of the interface")
    config_flags(parser)


def add_cancel_flags(parser: argparse.ArgumentParser) -> None:
    """What to end, and how."""
    parser.add_argument("run", help="id, unique part of one, or last")
    manner = parser.add_mutually_exclusive_group()
    manner.add_argument("--now", action="store_true", help="end what is in flight at once")
    manner.add_argument("--finish", action="store_true", help="let what is in flight end by itself")
    target = parser.add_mutually_exclusive_group()
    target.add_argument("--wave", metavar="NAME", help="this wave only")
    target.add_argument("--subtask", metavar="ID", help="this subtask only")
