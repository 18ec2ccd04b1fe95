"""Limits and report say what is known, `?` for what is not, and fit every size."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from past import Past, two_waves
from textual.pilot import Pilot
from tui.scenes import busy, demo, paused
from tui.stage import RecordingControl, StillSession, dashboard, drive, shown

from luna_tui.core.events import RunFinished, Tokens
from luna_tui.core.lost import Gauged
from luna_tui.core.report_facts import Offered
from luna_tui.core.state import RunState, fold
from luna_tui.core.words import ErrorKind, RunStatus, Status, WaitReason
from luna_tui.tui.app import LunaApp
from luna_tui.tui.screens.limits import LimitsScreen
from luna_tui.tui.screens.report import ReportScreen
from luna_tui.tui.views.limits import limits_lines
from luna_tui.tui.views.pages import page
from luna_tui.tui.views.report import report_lines
from luna_tui.tui.views.spans import Line, Looks
from luna_tui.tui.views.text import width_of


def text(line: Line) -> str:
    return "".join(s.text for s in line).rstrip()


def limits_of(state: RunState, width: int = 80, height: int = 24) -> list[str]:
    return [text(line) for line in limits_lines(state, state.at, Looks(width=width, height=height))]


def report_of(state: RunState, width: int = 80, height: int = 24) -> list[str]:
    looks = Looks(width=width, height=height)
    found = Gauged().of(state, state.at)
    lines = report_lines(state, state.at, looks, folder="runs/7f3a", found=found, offered=Offered().of(state))
    return [text(line) for line in lines]


def measured() -> Past:
    """Three ends with known costs, then two that wait for ITPM, one refused and one that runs."""
    past = Past({"w": "abcdefghij"}, workers=4).wave(0.0, "w")
    for n, i in enumerate("abc"):
        past.start(0.0, i, n).say(1.0, i).use(10.0, i, 10_000, 500, 0.05, (9_600, 655)).end(10.0, i)
    past.start(10.0, "d", 0).fail(12.0, "d", ErrorKind.RATE_LIMITED, 429, delay_s=30.0)
    past.wait(12.0, "d", 0, WaitReason.RETRY_AFTER, 30.0)
    past.wait(13.0, "f", 2, WaitReason.ITPM, 9.0).wait(12.5, "e", 1, WaitReason.ITPM, 8.0)
    past.start(14.0, "g", 3).say(15.0, "g")
    return past.limits(20.0, 0.7, reserved=0.14, waiting={"itpm": 2}, foreign=9_000)


def ended() -> Past:
    """The run by hand, to its end: one that ran out of time, one skipped for want of it."""
    past = Past({"one": "abc", "two": "de"}, needs={"d": ("b",), "e": ("c",)}).wave(0.0, "one")
    past.start(0.0, "a", 0).use(9.0, "a", 30_000, 900, 0.11).end(9.0, "a")
    past.start(0.0, "b", 1).use(8.0, "b", 1_000, 10, 0.01).fail(8.0, "b", delay_s=2.0)
    past.wait(8.0, "b", 1, WaitReason.BACKOFF).start(10.0, "b", 1).use(20.0, "b", 40_000, 800, 0.2)
    past.end(20.0, "b").start(0.0, "c", 2).end(15.0, "c", Status.TIMED_OUT, "timed out after 15 s")
    past.wave_over(20.0, "one").wave(20.0, "two").start(20.0, "d", 0).end(26.0, "d")
    past.end(20.0, "e", Status.SKIPPED, "needs c, which timed out").wave_over(26.0, "two")
    past.limits(5.5, 0.8, waiting={"itpm": 2}).limits(15.5, 0.5)
    return past.tell(
        26.0,
        RunFinished(
            status=RunStatus.FAILED, counts={}, wall_s=26.0, sum_s=48.0, speedup=48.0 / 26.0,
            bound_s=24.0, efficiency=24.0 / 26.0, tokens=Tokens(input=71_000, output=1_710), cost_usd=0.32,
            throttled=0, bounds={"critical_path": 24.0, "workers": 17.0}, bound_by="critical_path",
            lost={"backoff": 2.0},
        ),
    )  # fmt: skip


def test_the_limits_of_a_small_run() -> None:
    assert limits_of(measured().state()) == [
        "luna 7f3a  LIMITS  tier2 balanced (85%)                           server 2 s old",
        "",
        "          used  reserved    cap   limit  5 min                   who waits",
        "RPM         20         0    850    1.0k   ▁                      -",
        "ITPM      315k       63k   382k    450k   ▇                   ◄  1.05 1.06",
        "OTPM      9.0k      9.0k    76k     90k   ▂                      -",
        "budget   $0.15     $0.05   none          forecast $0.50 ±0.00",
        "",
        "others use      RPM 0  ITPM 9.0k  OTPM 0  a minute, as believed",
        "server says     RPM 980  ITPM 135k  OTPM 81k  left, 2 s ago",
        "estimate error  in -4 %  out +31 %  (n 3)   reserve = p90 of the wave",
        "useful workers  7 (38 admissions a minute x 10 s each, ITPM)   now 4 of 4",
        "",
        "what if                                  ETA     cost   bound by",
        "                as it is                0:20    $0.50   workers",
        "                2 workers               0:34    $0.50   workers",
        "                7 workers               0:18    $0.50   ITPM",
        "                conservative            0:20    $0.50   ITPM",
        "                aggressive              0:20    $0.50   workers",
        "429             1 in 60 s, 1 in the run",
        "                0:12  1.04, retry-after 30 s",
        "server's pause  1 waits, next in 22 s",
    ]


def test_what_is_not_known_of_the_limits_is_a_question_mark() -> None:
    lines = limits_of(Past({"w": "ab"}).wave(0.0, "w").state())
    assert lines[0].endswith("server: no word yet")
    assert lines[4] == "ITPM         ?         ?      ?       ?                          -"
    assert lines[6].startswith("budget      $?        $?   none")
    assert "others use      ?" in lines
    assert "server says     ?" in lines
    assert "estimate error  ?" in lines
    assert "useful workers  ?   now 0 of 3" in lines
    assert "what if         ? until three subtasks of the wave have ended" in lines
    assert "429             0 in 60 s, 0 in the run" in lines


def test_those_who_wait_stand_in_order_of_their_place_and_the_rest_are_counted() -> None:
    past = Past({"w": [f"s{n:02d}" for n in range(30)]}, workers=30).wave(0.0, "w")
    for n in range(30):
        past.wait(30.0 - n, f"s{n:02d}", n, WaitReason.ITPM)
    past.limits(40.0, 0.9, waiting={"itpm": 30})
    row = next(line for line in limits_of(past.state()) if line.startswith("ITPM"))
    assert row.endswith("◄  1.30 + 29 more")
    row = next(line for line in limits_of(past.state(), 120, 40) if line.startswith("ITPM"))
    assert "1.30 1.29 1.28 1.27" in row
    assert row.endswith("more")


def test_the_report_at_the_end() -> None:
    assert report_of(ended().state()) == [
        "luna 7f3a  REPORT  by-hand                                          0:26   $0.32",
        "FAILED  3 ok  1 timed out  1 skipped   exit 100",
        "",
        "speed-up  1.8x    measured: 0:48 of subtask time in 0:26",
        "could be  2.0x    bound: critical path 0:24, 3 workers 0:17",
        "lost      0:02    backoff 0:02",
        "critical  1.02 → 2.01  (0:24 in a row, 1.02 alone 0:18)",
        "tokens    in 71k  out 1.7k   1 try failed, cost $0.01",
        "limits    429 x0, 529 x1; the ITPM cap was reached 50% of the time",
        "",
        "waves     1 one     0:20      2/3 ok  parallel",
        "          2 two     0:06      1/2 ok  parallel",
        "timed out 1.03  timed out after 15 s",
        "skipped   2.02  needs c, which timed out",
        "",
        "files     runs/7f3a/  report.md report.json journal.0001.ndjson outputs/",
        "next      luna-tui retry 7f3a   tries 2 subtasks again (1 of them skipped),",
        "          about $0.09 to $0.33 and 0:11",
        "          luna-tui replay 7f3a   luna-tui show 7f3a --json",
    ]


def test_the_report_while_the_run_is_on_says_so() -> None:
    lines = report_of(measured().state())
    assert lines[1] == "RUNNING  3 ok  7 to come; this is the report so far"
    assert lines[3].startswith("speed-up  1.9x    measured: 0:38 of subtask time in 0:20")
    assert "next      the run is on; esc goes back to it" in lines
    assert not any(line.startswith("exit") for line in lines)


def test_a_report_of_a_run_too_large_to_be_measured_while_it_is_on() -> None:
    past = Past({"w": [f"s{n}" for n in range(600)]}).wave(0.0, "w").start(0.0, "s1", 0)
    lines = report_of(past.limits(9.0, 0.1).state())
    assert "could be  ?       worked out at the end" in lines


def test_many_waves_leave_room_for_the_rest_of_the_report() -> None:
    waves = {f"wave-{n}": [f"s{n}"] for n in range(20)}
    past = Past(waves)
    for n, name in enumerate(waves):
        status = Status.FAILED if n == 4 else Status.SUCCEEDED
        past.wave(float(n), name).start(float(n), f"s{n}", 0)
        past.end(n + 1.0, f"s{n}", status, "said no" if n == 4 else "").wave_over(n + 1.0, name)
    lines = report_of(past.state())
    assert len(lines) <= 22
    assert any("wave-4" in line for line in lines)
    assert any("wave-19" in line for line in lines)
    assert "          15 more waves" in lines
    assert any(line.startswith("failed    5.01  said no") for line in lines)


MOMENTS = [
    fold(busy(40)), fold(paused()), fold(demo(19.0)), fold(demo()), measured().state(), ended().state(),
    two_waves().state(), Past({"w": "a"}).state(),
]  # fmt: skip


@pytest.mark.parametrize("moment", range(len(MOMENTS)))
def test_limits_and_report_are_one_screenful_at_80x24(moment: int) -> None:
    state = MOMENTS[moment]
    for lines in (limits_of(state), report_of(state)):
        assert len(lines) <= 22
        assert all(len(line) <= 80 for line in lines), [line for line in lines if len(line) > 80]


@settings(max_examples=80, deadline=None)
@given(
    st.integers(24, 220), st.integers(6, 70), st.integers(0, len(MOMENTS) - 1), st.booleans(),
    st.integers(0, 30),
)  # fmt: skip
def test_limits_and_report_fit_every_size(
    width: int, height: int, moment: int, ascii_only: bool, scroll: int
) -> None:
    state = MOMENTS[moment]
    looks = Looks(width=width, height=height, ascii=ascii_only, scroll=scroll)
    found = Gauged().of(state, state.at)
    for lines in (
        limits_lines(state, state.at, looks),
        report_lines(state, state.at, looks, folder="runs/x", found=found),
    ):
        panel = page(lines, looks, ())
        assert len(panel.lines) == height
        assert all(width_of(line) <= width for line in panel.lines)
        if ascii_only:
            assert all(text(line).isascii() for line in panel.lines)


def test_l_opens_the_limits_and_R_the_report_while_the_run_is_on() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        await pilot.press("l")
        assert isinstance(app.screen, LimitsScreen)
        assert "as believed" in shown(app)
        await pilot.press("j", "k", "G", "g", "R")
        assert isinstance(app.screen, ReportScreen)
        assert "this is the report so far" in shown(app)
        await pilot.press("escape", "escape")
        assert control.calls == []

    drive(steps, records=measured().records())


def test_a_short_screen_says_how_much_is_below_and_j_shows_it() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        await pilot.press("l")
        before = shown(app)
        assert "more lines below, j" in before
        assert "429 " not in before
        await pilot.press("G")
        assert "server's pause" in shown(app)
        assert "more lines below" not in shown(app)

    drive(steps, records=measured().records(), size=(80, 14))


def test_what_y_takes_is_one_line_that_says_it_all() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        await pilot.press("l")
        assert isinstance(app.screen, LimitsScreen)
        assert app.screen.taken_line().startswith("ITPM      315k       63k   382k    450k")
        await pilot.press("R")
        assert isinstance(app.screen, ReportScreen)
        assert app.screen.taken_line().startswith("luna 7f3a  REPORT  by-hand")
        assert "RUNNING  3 ok  7 to come" in app.screen.taken_line()

    drive(steps, records=measured().records())


def test_pausing_works_from_the_limits_too() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        await pilot.press("l", "p")
        assert control.calls == [("pause", "user")]

    drive(steps, records=measured().records())


Compare = Callable[..., bool]
SIZES = [(80, 24), (120, 40), (200, 60)]


@pytest.mark.parametrize("size", SIZES, ids=lambda s: f"{s[0]}x{s[1]}")
def test_limits(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert snap_compare(dashboard(StillSession(measured().records())), terminal_size=size, press=["l"])


@pytest.mark.parametrize("size", SIZES, ids=lambda s: f"{s[0]}x{s[1]}")
def test_report_so_far(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert snap_compare(dashboard(StillSession(demo(19.0))), terminal_size=size, press=["R"])


def test_report_of_failures(snap_compare: Compare) -> None:
    assert snap_compare(dashboard(StillSession(ended().records())), terminal_size=(80, 24), press=["R"])


@pytest.mark.parametrize("key", ["l", "R"])
def test_ascii(snap_compare: Compare, key: str) -> None:
    app = dashboard(StillSession(measured().records()), ascii=True)
    assert snap_compare(app, terminal_size=(80, 24), press=[key])


@pytest.mark.parametrize("key", ["l", "R"])
def test_mono(snap_compare: Compare, key: str) -> None:
    app = dashboard(StillSession(measured().records()), theme="mono")
    assert snap_compare(app, terminal_size=(80, 24), press=[key])


def test_a_run_that_used_nothing_with_a_price_cost_nothing() -> None:
    past = Past({"w": "a"}).wave(0.0, "w").start(0.0, "a", 0).fail(1.0, "a", ErrorKind.EXIT_CODE)
    past.end(1.0, "a", Status.FAILED)
    over = RunFinished(
        status=RunStatus.FAILED, counts={}, wall_s=1.0, sum_s=1.0, speedup=1.0, bound_s=1.0, efficiency=1.0,
        tokens=Tokens(), cost_usd=None, throttled=0, bounds={}, bound_by="workers", lost={},
    )  # fmt: skip
    said = "\n".join(report_of(past.tell(1.0, over).state()))
    assert "$0.00" in said
    assert "$?" not in said
