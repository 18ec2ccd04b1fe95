"""Whoever writes to the terminal returns at once, whatever the terminal does."""

from __future__ import annotations

import os
import pty
import select
import threading
import time
import tty
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TextIO

import pytest

from luna_tui.tui.outlet import LEAVE_S, MOST_BYTES, Outlet
from luna_tui.tui.restore import RESTORE


@dataclass
class Line:
    """An outlet on a pseudo-terminal."""

    master: int
    stream: TextIO
    left: list[int] = field(default_factory=list)
    told: threading.Event = field(default_factory=threading.Event)

    def taken(self, left: int) -> None:
        self.left.append(left)
        if not left:
            self.told.set()

    def read(self, size: int) -> bytes:
        found = b""
        while len(found) < size:
            found += os.read(self.master, 65_536)
        return found


@pytest.fixture
def line() -> Iterator[Line]:
    master, slave = pty.openpty()
    tty.setraw(slave)
    with os.fdopen(slave, "w", encoding="utf-8") as stream:
        yield Line(master, stream)
    with suppress(OSError):
        os.close(master)


def test_what_is_put_arrives_in_order_and_is_counted_in_bytes(line: Line) -> None:
    outlet = Outlet(line.stream, line.taken)
    sizes = [outlet.put(text) for text in ("one ", "zwölf ", "●")]
    assert sizes == [4, 7, 3]
    assert line.read(14) == "one zwölf ●".encode()
    assert line.told.wait(5)
    assert outlet.leave()


def test_a_terminal_that_takes_nothing_makes_nobody_wait(line: Line) -> None:
    outlet = Outlet(line.stream, line.taken)
    began = time.monotonic()
    taken = [outlet.put("x" * 100_000) for _ in range(50)]
    assert time.monotonic() - began < 1.0
    assert 0 < sum(taken) <= MOST_BYTES + 200_000
    assert taken[-1] == 0


def test_leaving_a_terminal_that_takes_nothing_is_quick_and_restores_it(line: Line) -> None:
    outlet = Outlet(line.stream, line.taken)
    outlet.put("x" * 500_000)
    began = time.monotonic()
    assert not outlet.leave()
    assert time.monotonic() - began < 2 * LEAVE_S + 0.5
    found = b""
    while select.select([line.master], [], [], 0.2)[0]:
        found += os.read(line.master, 65_536)
    assert found.endswith(RESTORE.encode())
    assert len(found) < 100_000


def test_it_can_be_left_and_used_again(line: Line) -> None:
    outlet = Outlet(line.stream, line.taken)
    outlet.put("before")
    assert outlet.leave()
    outlet.put(" after")
    assert outlet.leave()
    assert line.read(12) == b"before after"


def test_a_terminal_that_is_gone_takes_everything(line: Line) -> None:
    outlet = Outlet(line.stream, line.taken)
    os.close(line.master)
    outlet.put("nobody reads this")
    assert line.told.wait(5)
    assert outlet.put("nor this") == 0
    assert outlet.leave()


def test_a_stream_that_is_no_terminal_is_written_in_small_pieces() -> None:
    reader, writer = os.pipe()
    with os.fdopen(writer, "w", encoding="utf-8") as stream:
        outlet = Outlet(stream)
        outlet.put("y" * 1_000)
        assert outlet.leave()
    assert os.read(reader, 2_000) == b"y" * 1_000
    os.close(reader)


def test_what_the_terminal_cannot_write_is_replaced(line: Line) -> None:
    latin = os.fdopen(os.dup(line.stream.fileno()), "w", encoding="latin-1")
    outlet = Outlet(latin)
    outlet.put("é●")
    assert outlet.leave()
    assert os.read(line.master, 10) == b"\xe9?"
    latin.close()
