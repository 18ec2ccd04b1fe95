"""Boxes are text: they fit every terminal, hide nothing without saying so, and commands are understood."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tui.box_scenes import EXTRACT, NOW_S, failed_now, scene

from luna_tui.core.limits import TIERS
from luna_tui.core.state import RunState, fold
from luna_tui.core.tongue import _n
from luna_tui.core.words import Staffing
from luna_tui.tui.views.boxes.budget import budget_box
from luna_tui.tui.views.boxes.edit import edit_bottom, edit_box, edit_top
from luna_tui.tui.views.boxes.frame import Box, Choice, box_view, box_width, wrapped
from luna_tui.tui.views.boxes.mode import mode_box, staffing
from luna_tui.tui.views.boxes.palette import MOST, VERBS, completed, matches, nearest, palette_box, understood
from luna_tui.tui.views.boxes.retry import retry_box, retry_offer
from luna_tui.tui.views.boxes.skip import skip_box, skip_offer
from luna_tui.tui.views.boxes.workers import workers_box
from luna_tui.tui.views.glyphs import ASCII, UNICODE, Glyphs
from luna_tui.tui.views.help import group_of, help_lines
from luna_tui.tui.views.keymap import keys_shown
from luna_tui.tui.views.keys import SCREEN_KEYS
from luna_tui.tui.views.pages import page
from luna_tui.tui.views.spans import Line, Looks, Panel, Span
from luna_tui.tui.views.stop_menu import choices, stop_box
from luna_tui.tui.views.text import width_of

STATE = fold(scene())
MANY = tuple(STATE.subtasks)
BOXES: dict[str, Callable[[RunState, Glyphs], Box]] = {
    "mode": lambda s, g: mode_box(s, NOW_S, TIERS, g),
    "mode of an unknown tier": lambda s, g: mode_box(s, NOW_S, {}, g),
    "workers": lambda s, g: workers_box(s, NOW_S, 99, TIERS, g),
    "workers by the limits": lambda s, g: workers_box(s, NOW_S, Staffing.AUTO, TIERS, g),
    "budget": lambda s, g: budget_box(s, NOW_S, "0.50", g),
    "retry": lambda s, g: retry_box(s, NOW_S, retry_offer(s, MANY)),
    "skip": lambda s, g: skip_box(s, NOW_S, skip_offer(s, MANY)),
    "edit": lambda s, g: edit_box(s, s.subtasks["slow"], NOW_S),
    "stop": lambda s, g: stop_box(choices(s, ("slow",), NOW_S), s),
    "leave": lambda s, g: stop_box(choices(s, (), NOW_S, leaving=True), s, leaving=True),
    "commands": lambda s, g: palette_box("", matches(""), {}, g),
    "no command": lambda s, g: palette_box("wrokers of a very long kind", (), {}, g),
}


def text(line: Line) -> str:
    return "".join(s.text for s in line)


def rows(panel: Panel) -> list[str]:
    return [text(line) for line in panel.lines]


def said(box: Box) -> str:
    return "\n".join(rows(box_view(box, 0, Looks(width=80, height=40), UNICODE)))


@settings(max_examples=200, deadline=None)
@given(
    st.integers(24, 220),
    st.integers(6, 60),
    st.sampled_from(sorted(BOXES)),
    st.integers(0, 40),
    st.booleans(),
)
@example(24, 6, "stop", 6, True)
def test_a_box_fits_every_terminal_and_the_cursor_is_in_sight(
    width: int, height: int, name: str, at: int, ascii_only: bool
) -> None:
    g = ASCII if ascii_only else UNICODE
    looks = Looks(width=width, height=height, ascii=ascii_only)
    box = BOXES[name](STATE, g)
    at = min(at, max(0, len(box.choices) - 1))
    panel = box_view(box, at, looks, g)
    assert len(panel.lines) <= height
    assert {width_of(line) for line in panel.lines} == {box_width(looks)}
    assert box_width(looks) <= width
    if box.choices:
        here = next(c for c in panel.cells if c.key == box.choices[at].key)
        assert text(panel.lines[here.row]).startswith(f"{g.corners[5]} > ")
        hidden = len(box.choices) - len(panel.cells)
        more = _n("{n} more", "{n} more", hidden).format(n=hidden)
        assert (f" {more} " in text(panel.lines[-1])) is (hidden > 0)
    if ascii_only:
        assert all(row.isascii() for row in rows(panel))


@pytest.mark.parametrize("name", BOXES)
def test_nothing_of_a_box_is_cut_at_80_columns_by_24(name: str) -> None:
    panel = box_view(BOXES[name](STATE, UNICODE), 0, Looks(width=80, height=24), UNICODE, most=MOST)
    assert not any("…" in row for row in rows(panel))


@given(st.lists(st.text(alphabet="ab 日é", max_size=30), max_size=5), st.integers(2, 40))
def test_a_fact_that_is_broken_loses_no_word(parts: list[str], width: int) -> None:
    line = tuple(Span(part) for part in parts)
    lines = wrapped(line, width, UNICODE)
    assert all(width_of(one) <= width for one in lines)
    whole, shown = text(line).replace(" ", ""), "".join(text(one) for one in lines).replace(" ", "")
    assert whole == shown or "…" in shown


def test_where_prices_have_no_room_that_of_the_cursor_is_said_above() -> None:
    box = Box("t", (), (Choice("a", "do this", "about $0.27 and 0:45"), Choice("b", "do it", "about $9.99")))
    narrow = rows(box_view(box, 1, Looks(width=30, height=12), UNICODE))
    assert sum("$" in row for row in narrow) == 1
    assert any("about $9.99" in row for row in narrow)


def test_the_cause_is_still_there_when_it_was_seen_in_the_last_thirty_seconds() -> None:
    offer = retry_offer(STATE, ("bad",))
    assert "overloaded: 1 in the last 30 s over all workers, the cause may" in said(
        retry_box(STATE, NOW_S, offer)
    )
    again = fold(scene(failed_now(), failed_now()))
    assert "overloaded: 3 in the last 30 s" in said(retry_box(again, NOW_S, retry_offer(again, ("bad",))))
    assert "overloaded: none in the last 30 s over all workers" in said(retry_box(STATE, NOW_S + 60, offer))


def test_what_waits_for_its_next_try_can_be_tried_at_once() -> None:
    assert retry_offer(STATE, ("again",)).ids == ("again",)
    assert retry_offer(STATE, ("again",)).running == ()


def test_who_is_left_out_is_named_and_how_many_more() -> None:
    offer = retry_offer(STATE, (*EXTRACT, "m3"))
    assert dict(offer.left_out)["2.01"] == "is ok already"
    words = " ".join(said(retry_box(STATE, NOW_S, offer)).replace("│", " ").split())
    assert "left out: 2.01 is ok already, 2.02 is ok already, 2.03 is ok already and 4 more" in words


def test_where_the_number_of_workers_comes_from() -> None:
    assert staffing(STATE, TIERS) is Staffing.TABLE
    assert staffing(fold(scene(workers=7)), TIERS) == 7
    assert staffing(fold(scene(workers=256, automatic=True)), TIERS) is Staffing.AUTO


def test_a_number_that_was_chosen_stays_with_every_mode() -> None:
    state = fold(scene(workers=7))
    assert "The number of workers was chosen; it stays 7." in said(mode_box(state, NOW_S, TIERS, UNICODE))
    lines = said(mode_box(STATE, NOW_S, TIERS, UNICODE)).splitlines()
    found = {r.partition(" %")[0].split()[-2]: r.partition(" %")[2].split()[0] for r in lines if " %" in r}
    assert found == {"conservative": "10", "now": "15", "aggressive": "20"}


def test_a_budget_says_how_many_would_be_held() -> None:
    assert "About 3 subtasks would be held, never failed." in said(budget_box(STATE, NOW_S, "1", UNICODE))
    assert "Nothing would be held." in said(budget_box(STATE, NOW_S, "9", UNICODE))
    assert "forecast   $1.48 ±0.11" in said(budget_box(STATE, NOW_S, "", UNICODE))


def test_every_command_is_found_by_its_own_name_first() -> None:
    for verb in VERBS:
        assert matches(verb.name)[0] is verb
        if verb.takes:
            assert matches(f"{verb.name} zz9")[0] is verb
            assert understood(f"{verb.name}  zz9 ", verb).argument == "zz9"
            assert completed(verb.name[:3], verb).strip() == verb.name


@given(st.text(max_size=30))
def test_whatever_is_typed_is_understood_as_some_command_or_as_none(typed: str) -> None:
    found = matches(typed)
    assert len(set(found)) == len(found)
    for verb in found:
        assert understood(typed, verb).name == verb.name
    assert nearest(typed) == "" or any(v.name == nearest(typed) for v in VERBS)


def test_letters_in_order_find_a_command_when_no_word_does() -> None:
    assert [v.name for v in matches("rtf")] == ["retry failed"]
    assert matches("agg")[0].name == "mode aggressive"
    assert nearest("wrokers") == "workers"


def test_every_key_of_every_screen_has_a_group_in_the_help() -> None:
    for table in SCREEN_KEYS.values():
        assert {group_of(k) for k in table} <= {"replay", "move", "here", "act", "go", "screen"}


@pytest.mark.parametrize("name", SCREEN_KEYS)
@pytest.mark.parametrize("width", [80, 120])
def test_no_line_of_the_help_is_cut(name: str, width: int) -> None:
    looks = Looks(width=width, height=400)
    assert all(width_of(line) <= width for line in help_lines(SCREEN_KEYS[name], looks))
    shown = rows(page(help_lines(SCREEN_KEYS[name], looks), looks, ()))
    assert not any(row.endswith("…") for row in shown)


@given(st.integers(24, 200), st.booleans())
def test_the_help_fits_every_width_and_is_ascii_where_that_is_asked_for(width: int, ascii_only: bool) -> None:
    lines = help_lines(SCREEN_KEYS["run"], Looks(width=width, height=24, ascii=ascii_only))
    assert all(width_of(line) <= width for line in lines)
    if ascii_only:
        assert all(text(line).replace("…", "").isascii() for line in lines)


def test_keys_are_written_as_a_person_reads_them() -> None:
    about = SCREEN_KEYS["run"]
    chosen = {
        "run.mode": "f6,left_square_bracket",
        "go.help": "escape",
        "move.down": "minus",
        "go.back": "full_stop",
    }
    shown = keys_shown(about, chosen)
    assert [shown[i] for i in ("run.mode", "go.help", "move.down", "go.back")] == ["f6 [", "esc", "-", "."]
    assert shown["run.pause"] == "p"


@settings(max_examples=60)
@given(st.integers(8, 120), st.booleans())
def test_the_frame_of_the_text_area_fits(width: int, tall: bool) -> None:
    for panel in (edit_top(STATE.subtasks["bad"], width, UNICODE), edit_bottom(width, UNICODE, tall=tall)):
        assert {width_of(line) for line in panel.lines} == {width}
