"""Uses of tools between the words of an agent: where they happened, how they went, at any width."""

from __future__ import annotations

import random

from textual.pilot import Pilot
from tui.agent_scenes import DONE, READS, RUNS, TALKS, agents
from tui.stage import RecordingControl, StillSession, drive, shown

from luna_tui.core.spans import Call
from luna_tui.core.state import fold
from luna_tui.tui.app import LunaApp
from luna_tui.tui.stream import StreamText
from luna_tui.tui.views.entries import entries
from luna_tui.tui.views.glyphs import ASCII, UNICODE
from luna_tui.tui.views.reading import Note, Reading
from luna_tui.tui.views.spans import Looks, Span
from luna_tui.tui.views.subtask import subtask_view
from luna_tui.tui.views.subtask_tabs import prompt_document, tries_document
from luna_tui.tui.views.text import plain, width_of
from luna_tui.tui.views.tool_lines import tool_line


def _notes(places: list[int]) -> tuple[Note, ...]:
    return tuple(Note(at, (Span(f"<{n}>"),)) for n, at in enumerate(places))


def test_growing_text_with_notes_is_wrapped_as_if_it_had_always_been_there() -> None:
    for seed in range(300):
        dice = random.Random(seed)
        reading = Reading(follows=True)
        reading.resize(dice.choice([5, 9, 20]))
        places: list[int] = []
        for _step in range(dice.randint(1, 12)):
            piece = "".join(dice.choice("ab \n") for _ in range(dice.randint(1, 15)))
            match dice.choice(["append", "append", "note", "prepend"]):
                case "append":
                    reading.append(piece)
                case "note":
                    places.append(reading.base + len(reading.text))
                    reading.set_notes(_notes(places))
                case _:
                    reading.prepend(piece + "\n")
            grown = list(reading.rows)
            reading._wrap_all()
            assert grown == reading.rows, seed
            assert [row.note for row in reading.rows if row.note >= 0] == list(range(len(places))), seed
            words = "".join(reading.text_of(row) for row in reading.rows if row.note < 0)
            assert words.replace(" ", "") == reading.text.replace("\n", "").replace(" ", ""), seed


def test_every_row_can_be_scrolled_to_also_where_notes_stand_at_one_place() -> None:
    reading = Reading(follows=True)
    reading.append("one\ntwo\nthree")
    reading.set_notes(_notes([0, 0, 5, 13, 13]))
    reading.append("four\nfive")
    seen = []
    reading.scroll(-100, 2)
    while not reading.following:
        seen.append(reading.first(2))
        reading.scroll(1, 2)
    assert seen == list(range(len(reading.rows) - 2))
    for row in reversed(range(len(reading.rows) - 2)):
        reading.scroll(-1, 2)
        assert reading.first(2) == row


def test_tools_stand_where_they_happened_in_the_stream() -> None:
    state = fold(agents())
    lines = [plain(line) for line in subtask_view(state, RUNS, state.at, Looks(width=80, height=30)).lines]
    at = lines.index("I look at the index first.")
    assert lines[at + 1].startswith("» read_file src/index.py  0.1 s  342 lines")
    assert lines[at + 2].startswith("x read_file src/missing.py  0.2 s  no such file")
    assert lines[at + 3] == "The index is built twice:"
    after = lines.index("I take the second one out.")
    assert lines[after + 1].startswith("» edit_file")
    assert lines[after + 2].startswith("Now the tests")


def test_a_tool_in_use_shows_its_time_and_no_cursor_stands_behind_it() -> None:
    state = fold(agents())
    place = [e.subtask.id for e in entries(state, state.at)].index(READS)

    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        await pilot.press(*["j"] * place, "enter")
        await pilot.pause()
        text = shown(app)
        assert "» run_command ruff check src --output-format=concise  0:04" in text
        assert "▌" not in text

    drive(steps, records=agents())


def test_the_stream_of_the_screen_has_the_same_lines_as_that_of_the_peek() -> None:
    session = StillSession(agents())
    s = session.state().subtasks[RUNS]
    stream = StreamText(None, RUNS)
    stream.take(s, 80)
    stream.note_tools(s, session.now_s(), 80, UNICODE)
    notes = [row.note for row in stream.reading.rows if row.note >= 0]
    assert notes == [0, 1, 2]
    assert plain(stream.reading.line(stream.reading.rows[1])).startswith("» read_file")


def test_a_tool_before_any_word_is_shown_too() -> None:
    state = fold(agents())
    s = state.subtasks[DONE]
    s.tail, s.chars = "", 0
    s.tries[-1].calls.append(Call("t1", "list_files", "src", 2.0, 2.5, result="14 files"))
    text = "\n".join(plain(x) for x in subtask_view(state, DONE, 3.0, Looks(width=80, height=24)).lines)
    assert "» list_files src  0.5 s  14 files" in text
    assert "It said nothing" not in text


def test_the_grid_says_what_is_in_use_and_what_is_asked_for() -> None:
    state = fold(agents())
    said = {e.subtask.id: e.said for e in entries(state, state.at)}
    assert said[READS] == "run_command ruff check src --output-format=concise 0:04"
    assert said["scan_html"].startswith("2 tools: read_file pages/b.html")
    assert said[RUNS] == "asks to run  python -m pytest -q"
    assert said["docs_faq"] == "asks: Which one shall stay?"
    assert said[TALKS] == "- none that a link still names"


def test_head_prompt_and_tries_tell_turns_tools_and_the_workspace() -> None:
    state = fold(agents())
    view = subtask_view(state, RUNS, state.at, Looks(width=80, height=24))
    assert "turn 4 of 15" in plain(view.lines[0])
    assert "(a answers): run  python -m pytest -q" in plain(view.lines[1])
    assert "4 turns, 3 tools used, 1 failed" in tries_document(state.subtasks[RUNS], state.at, 0, {}).text
    assert "tools" not in tries_document(state.subtasks[DONE], state.at, 0, {}).text
    told = prompt_document(state.subtasks[DONE], "").text
    assert "tools: read_file, edit_file, run_command, ask_user; at most 15 turns; works in a copy" in told


def test_the_verb_of_a_summary_is_not_said_twice() -> None:
    def said(tool: str, summary: str) -> str:
        return plain(tool_line(Call("1", tool, summary, 0.0, 0.1, result="3 lines"), 1.0, 80, UNICODE))

    assert said("read_file", "read src/a.py") == "» read_file src/a.py  0.1 s  3 lines"
    assert said("run_command", "run the tests") == "» run_command run the tests  0.1 s  3 lines"
    assert said("read_file", "ready.txt") == "» read_file ready.txt  0.1 s  3 lines"
    assert said("web_fetch", "") == "» web_fetch  0.1 s  3 lines"


def test_a_line_fits_any_width_and_has_no_escapes() -> None:
    nasty = "\x1b]52;c;x\x07 漢字" * 40
    for call in (
        Call("1", "run_command", nasty, 0.0),
        Call("2", nasty, nasty, 0.0, 12.0, ok=False, result=nasty),
        Call("3", "x", "", 0.0, 1.0, ok=False),
    ):
        for width in (1, 8, 24, 44, 80, 200):
            for g in (UNICODE, ASCII):
                line = tool_line(call, 5.0, width, g)
                assert width_of(line) <= width
                assert "\x1b" not in plain(line)
