"""What is left in the scrollback: one screenful that says how it went, why, and what goes on from here."""

from __future__ import annotations

import io
import re

import pytest
from core.test_report_facts import mixed, over
from hypothesis import given, settings
from hypothesis import strategies as st
from past import Past
from tui.scenes import busy, demo

from luna_tui.core.cells import cells, cut, listed, wrapped
from luna_tui.core.state import RunState, fold
from luna_tui.core.tongue import speaking
from luna_tui.core.words import RunStatus, Status
from luna_tui.headless.closing import MOST_LINES, Paper, closing, say_closing, say_commands
from luna_tui.headless.printer import LinePrinter
from luna_tui.storage.translations import translations

FOLDER = "/runs/7f3a"
PLAIN = Paper(width=80, paints=False)


def failed() -> RunState:
    return mixed().tell(20.0, over()).state()


def many_causes() -> RunState:
    ids = [f"s{n:02d}" for n in range(60)]
    past = Past({"w": ids}).wave(0.0, "w")
    for n, i in enumerate(ids):
        past.start(0.0, i, n).end(1.0, i, Status.FAILED, f"cause {n} " + "long " * 30)
    return past.tell(20.0, over(RunStatus.FAILED)).state()


def wide() -> RunState:
    past = Past({"w": ["a"]}).wave(0.0, "w").start(0.0, "a", 0)
    return past.end(1.0, "a", Status.FAILED, "日本語の理由" * 20).tell(20.0, over()).state()


STATES = [failed(), many_causes(), wide(), fold(demo()), fold(demo(9.0)), fold(busy(20)), RunState()]


def test_a_run_with_failures_at_80_columns() -> None:
    assert closing(failed(), PLAIN, folder=FOLDER, code=100) == [
        "by-hand: failed after 0:20, exit code 100",
        "2 failed, 2 skipped, 3 succeeded, 1 timed out",
        "timed out  timed out after 3 s: f",
        "failed     2 server error (500): d, e",
        "skipped    needs d, which failed: g",
        "skipped    needs g, which was skipped: h",
        "speed-up   2.0x, possible was 4.0x (bound: critical path 0:10)",
        "lost       0:10: ITPM wait 0:10",
        "cost       $0.40, $0.04 in 2 failed tries; 3,200 tokens in, 320 out",
        "kept in    /runs/7f3a",
        "next       luna-tui retry 7f3a",
        "             tries 5 subtasks again (2 of them skipped), about $0.53 to $0.57",
        "             and 0:05",
        "           luna-tui replay 7f3a  plays it again",
        "           luna-tui show 7f3a --json  shows everything as data",
    ]


def test_what_was_simulated_cost_nothing() -> None:
    state = failed()
    state.provider = "simulator"
    said = next(line for line in closing(state, PLAIN, folder=FOLDER, code=100) if line.startswith("cost"))
    assert said.startswith("cost       would have been $0.40, ")


def test_the_same_in_portuguese() -> None:
    with speaking(translations("pt_BR")):
        lines = closing(failed(), PLAIN, folder=FOLDER, code=100)
    assert lines[0] == "by-hand: falhou após 0:20, código de saída 100"
    assert lines[3] == "falhou       2 erro do servidor (500): d, e"
    assert any(line.startswith("guardado em  /runs/7f3a") for line in lines)
    assert len(lines) <= MOST_LINES


@settings(max_examples=60, deadline=None)
@given(st.integers(20, 200), st.integers(0, len(STATES) - 1), st.booleans())
def test_it_is_one_screenful_and_no_line_is_wider_than_the_paper(width: int, place: int, pt: bool) -> None:
    with speaking(translations("pt_BR" if pt else "en")):
        lines = closing(STATES[place], Paper(width=width, paints=False), folder=FOLDER, code=1)
    assert len(lines) <= MOST_LINES
    assert all(cells(line) <= width for line in lines if FOLDER not in line)


def test_of_too_many_causes_the_rest_is_counted_and_the_commands_stay() -> None:
    lines = closing(many_causes(), PLAIN, folder=FOLDER, code=100)
    assert len(lines) <= MOST_LINES
    assert any(re.search(r"\d+ more causes", line) for line in lines)
    assert any("luna-tui retry 7f3a" in line for line in lines)


def test_a_path_is_never_cut_and_the_lines_it_takes_are_counted() -> None:
    folder = "/long" * 100
    lines = closing(many_causes(), PLAIN, folder=folder, code=100)
    assert any(line.endswith(folder) for line in lines)
    assert sum(1 + (len(line) - 1) // 80 for line in lines) <= MOST_LINES


def test_colours_are_used_only_where_they_are_allowed() -> None:
    painted = closing(failed(), Paper(width=80, paints=True), folder=FOLDER, code=100)
    assert any("\x1b[" in line for line in painted)
    bare = [re.sub(r"\x1b\[[\d;]*m", "", line) for line in painted]
    assert bare == closing(failed(), PLAIN, folder=FOLDER, code=100)
    assert not any("\x1b" in line for line in closing(failed(), PLAIN, folder=FOLDER, code=100))


def test_hostile_reasons_reach_no_line() -> None:
    past = Past({"w": ["a"]}).wave(0.0, "w").start(0.0, "a", 0)
    state = past.end(1.0, "a", Status.FAILED, "x\x1b]52;c;aGk=\x07\x1b[2J\ny").tell(20.0, over()).state()
    text = "\n".join(closing(state, PLAIN, folder=FOLDER, code=100))
    assert "\x1b" not in text
    assert "x y: a" in text


def test_it_is_printed_line_by_line() -> None:
    out = io.StringIO()
    say_closing(failed(), LinePrinter(out), PLAIN, folder=FOLDER, code=100)
    assert out.getvalue().splitlines() == closing(failed(), PLAIN, folder=FOLDER, code=100)


def test_a_run_without_a_screen_names_only_commands_that_do_what_is_left() -> None:
    out = io.StringIO()
    say_commands(failed(), LinePrinter(out))
    assert [line.split(":")[0] for line in out.getvalue().splitlines()] == ["luna-tui retry 7f3a"]
    out = io.StringIO()
    say_commands(fold(demo()), LinePrinter(out))
    assert out.getvalue() == ""


@pytest.mark.parametrize("width", [0, 1, 5, 12, 40])
def test_cutting_keeps_to_the_width(width: int) -> None:
    for text in ("plain words only", "onelongwordonly", "日本語の理由です", "é" * 30, ""):
        assert cells(cut(text, width)) <= width
        assert all(cells(line) <= max(3, width) for line in wrapped(text, max(3, width)))
        assert cells(listed([text] * 4, width, " and {n} more")) <= width
