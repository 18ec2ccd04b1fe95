"""What was read once is read faster the next time, and no less strictly."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from luna_tui.core.decoding import reader
from luna_tui.core.events import Record, SubtaskOutput
from luna_tui.core.records import RecordError, decode, encode, output_of, parse, to_line
from luna_tui.core.words import Status
from luna_tui.storage.journal import seal

JOURNALS = sorted((Path(__file__).parent.parent / "journals").glob("*.ndjson"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A field of each kind."""

    name: str
    count: int
    seconds: float
    yes: bool
    status: Status
    maybe: float | None
    tags: tuple[str, ...] = ()
    counts: Mapping[str, int]


GOOD = {
    "name": "a", "count": 1, "seconds": 1.5, "yes": True, "status": "failed", "maybe": 2.5,
    "tags": ["x"], "counts": {"y": 3},
}  # fmt: skip


@pytest.fixture
def read() -> Any:
    """A reader that has seen a good one already."""
    reader.cache_clear()
    made = reader(Sample)
    made(GOOD)
    return made


def test_the_second_one_is_as_the_first(read: Any) -> None:
    expected = Sample(
        name="a",
        count=1,
        seconds=1.5,
        yes=True,
        status=Status.FAILED,
        maybe=2.5,
        tags=("x",),
        counts={"y": 3},
    )
    assert read(GOOD) == expected
    assert repr(read(GOOD)) == repr(expected)
    assert hash(read({**GOOD, "counts": {}}).status) == hash(Status.FAILED)


@pytest.mark.parametrize("whole", [{"seconds": 2}, {"maybe": 2}])
def test_a_whole_number_is_a_float_where_one_belongs_each_time(read: Any, whole: dict[str, int]) -> None:
    for _ in range(3):
        made = read({**GOOD, **whole})
        assert [type(getattr(made, name)) for name in whole] == [float]


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": 1},
        {"name": None},
        {"count": True},
        {"count": 1.0},
        {"count": "1"},
        {"seconds": "1"},
        {"seconds": True},
        {"yes": 1},
        {"status": "moon"},
        {"status": 3},
        {"status": ["failed"]},
        {"maybe": "x"},
        {"tags": [1]},
        {"tags": 5},
        {"counts": {"y": "z"}},
        {"counts": 7},
    ],
    ids=str,
)
def test_what_is_wrong_is_refused_each_time(read: Any, wrong: dict[str, Any]) -> None:
    for _ in range(3):
        with pytest.raises((TypeError, ValueError, AttributeError)):
            read({**GOOD, **wrong})


def test_what_is_missing_has_its_default_or_is_refused(read: Any) -> None:
    assert read({k: v for k, v in GOOD.items() if k != "tags"}).tags == ()
    assert read({**GOOD, "maybe": None}).maybe is None
    for key in GOOD.keys() - {"tags"}:
        with pytest.raises(KeyError):
            read({k: v for k, v in GOOD.items() if k != key})


@pytest.mark.parametrize("path", JOURNALS, ids=lambda p: p.name)
def test_recorded_runs_are_read_as_they_were_written(path: Path) -> None:
    reader.cache_clear()
    for line in path.read_text().splitlines():
        value = json.loads(line)
        del value["crc"]
        for _ in range(2):
            record = decode(value)
            assert record is not None
            again = decode(json.loads(json.dumps(encode(record))))
            assert again == record


@pytest.mark.parametrize("line", ["", "{", "{} {}", "[1", "nul", "[" * 100_000])
def test_a_line_that_is_not_one_value_is_refused(line: str) -> None:
    with pytest.raises((ValueError, RecursionError)):
        parse(line)


def test_a_record_of_the_wrong_kind_says_which() -> None:
    value = {"v": 1, "seq": 1, "at": 0.0, "type": "run_paused", "run": "r", "by": 3}
    for _ in range(2):
        with pytest.raises(RecordError, match="bad run_paused record"):
            decode(value)


def output(text: str, **more: Any) -> Record:
    event = SubtaskOutput(wave="w", subtask="a", attempt=1, text=text)
    return Record(**{"seq": 3, "at": 0.25, "run": "r", "event": event, **more})


@pytest.mark.parametrize(
    "record",
    [
        output(""),
        output("plain"),
        output('quotes " and \\ and \n\t\x00\x7f é \U0001f600 \ud800'),
        output('","crc":"00000000"}'),
        output("\\"),
        output("x", at=1e-6),
        output("x", at=0.0),
        output("x", at=1e22),
        output("x", run='r"'),
        Record(3, 0.25, "r", SubtaskOutput(wave="wé", subtask="ä b", attempt=12, text="x" * 9_000)),
    ],
)
def test_the_short_way_for_outputs_comes_to_the_same_as_the_long_one(record: Record) -> None:
    line = seal(to_line(record)).encode()
    short = output_of(line)
    assert decode(parse(line.decode())) == record
    assert short in (None, record)
    assert repr(short) in ("None", repr(record))


def test_the_usual_output_goes_the_short_way() -> None:
    for text in ("plain", 'a "quoted" line\nand a tab\t', "é"):
        assert output_of(seal(to_line(output(text))).encode()) == output(text)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"v":1', '"v":2'),
        ('"seq":3', '"seq":03'),
        ('"seq":3', '"seq":-3'),
        ('"attempt":1', '"attempt":1.5'),
        ('"text":"plain"', '"text":5'),
        ('"text":"plain"', '"text":"pl"ain"'),
        ('"text":"plain"', '"text":"pl\\qain"'),
        ('"text":"plain"', '"text":"pl\x01ain"'),
        ('"type":"subtask_output"', '"type":"run_paused"'),
        ('"wave":"w",', ""),
    ],
)
def test_nothing_else_goes_the_short_way(old: str, new: str) -> None:
    line = seal(to_line(output("plain")))
    assert old in line
    assert output_of(line.replace(old, new).encode()) is None
