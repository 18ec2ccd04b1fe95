"""The lines above the grid say what is so in as many words as fit, and cut no number."""

from __future__ import annotations

from gettext import NullTranslations
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from past import Past
from tui.scenes import busy, demo, paused
from tui.sketch import NOW_S, sketch

from luna_tui.core.events import (
    JournalFailed,
    JournalSaved,
    JournalSlowed,
    PlannedSubtask,
    PlannedWave,
    PlanOutline,
    Record,
    RunStarted,
)
from luna_tui.core.metrics import measure
from luna_tui.core.state import RunState, fold
from luna_tui.core.tongue import speaking
from luna_tui.core.words import Mode
from luna_tui.tui.views.bars import gauges, header, strip, waiting_line
from luna_tui.tui.views.fitting import fitted, said
from luna_tui.tui.views.frame import title
from luna_tui.tui.views.glyphs import ASCII, UNICODE, Glyphs
from luna_tui.tui.views.spans import Lines, Looks, Role
from luna_tui.tui.views.text import width_of

EXPECTED = Path(__file__).parent / "bars.txt"
SKETCH = sketch()
MOMENTS = [
    SKETCH,
    sketch(budget_usd=None),
    sketch(budget_usd=6.0),
    *(fold(demo(t)) for t in (0.2, 2.0, 6.0, 15.0, 24.0, None)),
    fold(busy()),
    fold(paused()),
    fold([*busy(), Record(10**6, 58.0, "7f3a", JournalFailed(message="full"))]),
    fold([*busy(), Record(10**6, 58.0, "7f3a", JournalSlowed(sync_s=12.3))]),
]
LEAST = 24
"""Width below which there is no run screen, only one line."""


def text(lines: Lines) -> list[str]:
    return ["".join(span.text for span in line).rstrip() for line in lines]


def bars(state: RunState, now_s: float, width: int, g: Glyphs) -> Lines:
    measured = measure(state, now_s)
    return (
        header(state, now_s, width, g, measured=measured),
        *gauges(state, now_s, width, g, tall=width >= 100, measured=measured),
        waiting_line(state, now_s, width, g),
        strip(state, now_s, width, g),
    )


def expected() -> dict[tuple[int, bool], list[str]]:
    """`@@ width set`, then the lines."""
    blocks = EXPECTED.read_text(encoding="utf-8").split("@@ ")[1:]
    found = {}
    for block in blocks:
        head, *lines = block.rstrip("\n").split("\n")
        width, name = head.split()
        found[int(width), name == "ascii"] = lines
    return found


@pytest.mark.parametrize("width", [44, 60, 80, 120, 200])
@pytest.mark.parametrize("ascii_only", [False, True])
def test_the_lines_of_the_sketch(width: int, ascii_only: bool) -> None:
    lines = text(bars(SKETCH, NOW_S, width, ASCII if ascii_only else UNICODE))
    assert lines == expected()[width, ascii_only]
    if ascii_only:
        assert "".join(lines).isascii()


class Long(NullTranslations):
    """A language whose texts are a quarter longer."""

    def gettext(self, message: str) -> str:
        return message + "e" * (len(message) // 4)

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return self.gettext(msgid1 if n == 1 else msgid2)


@settings(max_examples=250, deadline=None)
@given(
    st.integers(1, 230), st.integers(0, len(MOMENTS) - 1), st.booleans(), st.booleans(), st.floats(0, 4_000)
)
def test_no_line_is_too_wide_and_none_is_cut_where_there_is_a_screen(
    width: int, moment: int, ascii_only: bool, long: bool, later: float
) -> None:
    state, g = MOMENTS[moment], ASCII if ascii_only else UNICODE
    now_s = state.at if state.finished else max(state.at, NOW_S if state is SKETCH else 0.0) + later
    with speaking(Long() if long else NullTranslations()):
        lines = bars(state, now_s, width, g)
    assert all(width_of(line) <= width for line in lines)
    if width >= LEAST:
        # In ASCII the mark is also the sign of a spread, so only there it may stand before a number.
        assert not any(line.endswith(g.cut) for line in text(lines))
        assert ascii_only or not any(g.cut in line for line in text(lines))


def test_of_a_message_that_is_cut_the_mark_says_so() -> None:
    state = fold(busy())
    state.apply(Record(state.seq + 1, 58.0, state.run, JournalFailed(message="no space left on the disk")))
    assert text((waiting_line(state, 58.0, 30, UNICODE),)) == ["NOT SAVED: no space left on t…"]
    assert text((waiting_line(state, 58.0, 60, UNICODE),)) == ["NOT SAVED: no space left on the disk"]


def test_that_nothing_is_saved_stands_in_the_header_and_in_every_title() -> None:
    state = fold(busy())
    state.apply(
        Record(state.seq + 1, 58.0, state.run, JournalFailed(message="the disk is full", saved_seq=9))
    )
    looks = Looks(width=80, height=24)
    for line in (header(state, 58.0, 80, UNICODE), title(state, "PLAN", "rest", looks, UNICODE)):
        assert [s.role for s in line if s.text == "NOT SAVED"] == [Role.BANNER]
    assert state.saved_seq == 9
    state.apply(Record(state.seq + 1, 59.0, state.run, JournalSaved(after_s=1.0)))
    for line in (header(state, 58.0, 80, UNICODE), title(state, "PLAN", "rest", looks, UNICODE)):
        assert not any(s.text == "NOT SAVED" for s in line)
    assert state.saved_seq == state.seq


def test_a_slow_disk_is_worth_a_word_for_a_while() -> None:
    state = fold(busy())
    state.apply(Record(state.seq + 1, 58.0, state.run, JournalSlowed(sync_s=0.42)))
    assert "Disk slow: 0.4 s to save." in text((waiting_line(state, 60.0, 200, UNICODE),))[0]
    assert "Disk slow" not in text((waiting_line(state, 80.0, 200, UNICODE),))[0]


def test_the_numbers_of_money_are_unknown_before_they_are_known() -> None:
    early = fold(busy())
    early.budget_usd = 11.0
    assert text(gauges(early, 58.0, 80, UNICODE, tall=False))[0].endswith("$?/11.00")
    over = text(gauges(sketch(budget_usd=6.0), NOW_S, 120, UNICODE, tall=True))[3]
    assert over.endswith("of 6.00 !")


def test_a_price_is_not_called_unknown_before_anything_was_used() -> None:
    begun = Past({"w": "ab"}).wave(0.0, "w").start(0.0, "a", 0).limits(0.5, 0.1).state()
    begun.budget_usd = 8.0
    line = next(t for t in text(gauges(begun, 1.0, 120, UNICODE, tall=True)) if t.startswith("$"))
    assert line.endswith("forecast ? of 8.00")
    begun.unpriced = True
    line = next(t for t in text(gauges(begun, 1.0, 120, UNICODE, tall=True)) if t.startswith("$"))
    assert "price of the model unknown" in line


def test_there_is_no_eta_while_nothing_may_start() -> None:
    assert "ETA ?" in text((header(fold(paused()), 58.0, 80, UNICODE),))[0]


@pytest.mark.parametrize("width", [24, 44, 80, 120])
def test_a_strip_of_a_thousand_waves_shows_where_the_run_is(width: int) -> None:
    waves = tuple(
        PlannedWave(name=f"w{n}", parallel=True, subtasks=(PlannedSubtask(id=f"s{n}", title=""),))
        for n in range(1_000)
    )
    started = RunStarted(
        started_at="", plan=PlanOutline(name="p", waves=waves), mode=Mode.BALANCED, tier="tier2",
        max_workers=4, provider="", version="",
    )  # fmt: skip
    state = fold([Record(1, 0.0, "r", started)])
    line = text((strip(state, 1.0, width, UNICODE),))[0]
    assert line.startswith("·1 ")
    assert line.endswith("-1000")


def test_parts_are_said_more_shortly_in_the_given_order_before_anything_is_cut() -> None:
    parts = {"a": said(Role.TEXT, "one thing", "one", ""), "b": said(Role.TEXT, "another", "other")}
    order = ("b", "a", "a")
    shown = {n: text((fitted(parts, order, n, "…"),))[0] for n in (18, 17, 16, 15, 10, 9, 5, 4)}
    assert shown == {
        18: "one thing  another", 17: "one thing  other", 16: "one thing  other", 15: "one  other",
        10: "one  other", 9: "other", 5: "other", 4: "oth…",
    }  # fmt: skip
    right = {"r": said(Role.TEXT, "end")}
    assert text((fitted(parts, order, 20, "…", right=right),)) == ["one  other       end"]
