"""The run screen: filter, order, density, cursor and panels; looking never changes the run."""

from __future__ import annotations

from textual.pilot import Pilot
from tui.scenes import busy
from tui.stage import RecordingControl, drive, shown

from luna_tui.core.events import Event, Record, SubtaskFinished, SubtaskStarted
from luna_tui.core.words import Kind, Status
from luna_tui.tui.app import LunaApp
from luna_tui.tui.screens.run_screen import RunScreen
from luna_tui.tui.widgets.lines_panel import LinesPanel


def grid(app: LunaApp) -> LinesPanel:
    return app.screen.query_one("#grid", LinesPanel)


def run_screen(app: LunaApp) -> RunScreen:
    assert isinstance(app.screen, RunScreen)
    return app.screen


def happens(app: LunaApp, *events: Event) -> None:
    state = app.state_now()[0]
    for event in events:
        state.apply(Record(state.seq + 1, state.at + 0.1, state.run, event))
    app.draw_screens()


def test_a_filter_leaves_only_what_matches_and_esc_leaves_it_as_it_was() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        everybody = {c.key for c in grid(app).panel.cells}
        await pilot.press("slash", *"s:failed", "enter")
        failed = {c.key for c in grid(app).panel.cells}
        assert failed == {"s01", "s14"}
        await pilot.press("slash", "x", "escape")
        assert {c.key for c in grid(app).panel.cells} == failed
        await pilot.press("slash", *["backspace"] * 8, "enter")
        assert {c.key for c in grid(app).panel.cells} == everybody
        await pilot.press("slash", *"wave:9", "enter")
        assert control.calls == []

    drive(steps)


def test_the_cursor_stays_on_its_row_when_the_worker_takes_the_next_subtask() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        await pilot.press("j", "j", "j")
        screen = run_screen(app)
        assert screen.selected == "s03"
        row = next(c for c in grid(app).panel.cells if c.key == "s03")
        happens(
            app,
            SubtaskFinished(
                wave="extract", subtask="s03", attempt=1, status=Status.SUCCEEDED, duration_s=1.0,
                attempts=1, worker=3,
            ),
            SubtaskStarted(
                wave="extract", subtask="s21", attempt=1, worker=3, title="next", kind=Kind.CLAUDE
            ),
        )  # fmt: skip
        assert screen.selected == "s21"
        now = next(c for c in grid(app).panel.cells if c.key == "s21")
        assert (now.row, now.column) == (row.row, row.column)

    drive(steps)


def test_sorting_happens_when_asked_and_rows_then_keep_their_places() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        by_worker = [c.key for c in grid(app).panel.cells]
        await pilot.press("s")
        by_need = [c.key for c in grid(app).panel.cells]
        assert by_need != by_worker
        assert by_need[0] in ("s09",)  # the thread that ignores its end
        happens(
            app,
            SubtaskFinished(
                wave="extract", subtask="s03", attempt=1, status=Status.FAILED, duration_s=1.0,
                attempts=1, worker=3, reason="exit 1",
            ),
        )  # fmt: skip
        assert [c.key for c in grid(app).panel.cells] == by_need
        await pilot.press("s", "s")
        assert [c.key for c in grid(app).panel.cells] == by_worker

    drive(steps)


def test_density_goes_both_ways_and_is_kept_for_this_size() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        widths = [grid(app).panel.cells[0].width]
        for _step in range(2):
            await pilot.press("minus")
            widths.append(grid(app).panel.cells[0].width)
        assert widths == sorted(widths, reverse=True)
        assert widths[-1] < widths[0]
        await pilot.press("plus", "plus", "plus")
        assert grid(app).panel.cells[0].width > widths[0]
        assert "more workers" in shown(app)
        assert app.viewing.density == {(80, 24): 1}

    drive(steps)


def test_tab_goes_to_the_attention_lines_and_back() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        await pilot.press("tab")
        first = run_screen(app).selected
        assert first == app.screen.query_one("#attention", LinesPanel).panel.cells[0].key
        await pilot.press("j")
        assert run_screen(app).selected != first
        await pilot.press("tab", "g")
        assert run_screen(app).selected == "s00"

    drive(steps)


def test_a_problem_gone_to_by_name_stays_selected_until_the_cursor_moves() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        await pilot.press("slash", *"s:streaming", "enter")
        await pilot.press("right_square_bracket")
        gone_to = run_screen(app).selected
        assert gone_to is not None
        assert gone_to not in {c.key for c in grid(app).panel.cells}
        app.draw_screens()
        assert run_screen(app).selected == gone_to
        await pilot.press("j")
        assert run_screen(app).selected in {c.key for c in grid(app).panel.cells}

    drive(steps)


def test_the_mouse_is_left_to_the_terminal_and_taken_back() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        await pilot.press("M")
        assert app.viewing.mouse is False
        assert "Mouse off" in shown(app)
        await pilot.press("M")
        assert app.viewing.mouse is True

    drive(steps)


def test_nothing_moves_when_trouble_comes() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        before = [(c.row, c.column) for c in grid(app).panel.cells]
        happens(
            app,
            *(
                SubtaskFinished(
                    wave="extract", subtask=f"s{n:02d}", attempt=1, status=Status.FAILED, duration_s=1.0,
                    attempts=1, worker=n, reason=f"exit {n}",
                )
                for n in (3, 5, 7)
            ),
        )  # fmt: skip
        assert [(c.row, c.column) for c in grid(app).panel.cells] == before

    drive(steps, records=busy(20))
