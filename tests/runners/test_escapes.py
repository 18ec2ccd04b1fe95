"""A workspace whose names another process swaps for links: nothing outside is read or written."""

from __future__ import annotations

from benchmarks.escapes import INSIDE, race, read_as_tools_do, read_looking_first, write_as_tools_do

READS, WRITES = 20_000, 2_000


def test_no_read_is_led_out_of_the_workspace() -> None:
    found = race(read_as_tools_do, READS)
    assert found.escapes == 0
    assert found.counts[INSIDE] > 0
    assert found.counts["refused"] > 0


def test_no_write_is_led_out_of_the_workspace() -> None:
    found = race(write_as_tools_do, WRITES)
    assert found.escapes == 0
    assert found.counts[INSIDE] > 0
    assert found.counts["refused"] > 0


def test_whoever_looks_first_and_opens_then_is_led_out() -> None:
    assert race(read_looking_first, READS).escapes > 0
