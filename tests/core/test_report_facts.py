"""The report names causes, what was given up for them, who went on with the run, and what can be done now."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from past import Past

from luna_tui.core.events import CancelRequested, Record, RunFinished, RunStarted, Tokens
from luna_tui.core.junit import junit_xml
from luna_tui.core.offering import offer_words
from luna_tui.core.report import report_data, report_markdown
from luna_tui.core.report_facts import Estimate, Offer, Offered, failures_of, money_of, offers, run_word
from luna_tui.core.state import RunState, fold
from luna_tui.core.words import ErrorKind, Kind, Manner, RunStatus, Scope, Status
from luna_tui.storage.journal import read_journal

HERE = Path(__file__).parents[1]
NIGHTLY = HERE / "journals" / "nightly.ndjson"


def over(status: RunStatus = RunStatus.FAILED, reason: str = "", usd: float | None = 0.4) -> RunFinished:
    return RunFinished(
        status=status, counts={}, wall_s=20.0, sum_s=40.0, speedup=2.0, bound_s=10.0, efficiency=0.5,
        tokens=Tokens(), cost_usd=usd, throttled=0, reason=reason,
        bounds={"critical_path": 10.0, "workers": 8.0}, bound_by="critical_path", lost={"itpm": 10.0},
    )  # fmt: skip


def mixed() -> Past:
    """Three good ones at 0.10, two that fail alike, one that times out, two skipped for want of them."""
    past = Past({"one": "abcdef", "two": "gh"}, needs={"g": ("d",), "h": ("g",)}).wave(0.0, "one")
    for n, i in enumerate("abc"):
        past.start(0.0, i, n).use(2.0, i, 1_000, 100, 0.1 + n / 100).end(2.0 + n, i)
    for n, i in enumerate("de"):
        past.start(3.0, i, n).use(4.0, i, 100, 10, 0.02).fail(5.0, i, ErrorKind.SERVER, 500)
        past.end(5.0, i, Status.FAILED, "api (500): oh no")
    past.start(6.0, "f", 2).end(9.0, "f", Status.TIMED_OUT, "timed out after 3 s").wave_over(9.0, "one")
    past.end(5.0, "g", Status.SKIPPED, "needs d, which failed")
    return past.end(5.0, "h", Status.SKIPPED, "needs g, which was skipped").wave_over(9.0, "two")


def test_failures_are_grouped_by_cause_with_what_they_kept_from_running() -> None:
    state = mixed().tell(20.0, over()).state()
    timed_out, server = failures_of(state)
    assert (timed_out.status, timed_out.subtasks, timed_out.kind) == (Status.TIMED_OUT, ("f",), "")
    assert (server.kind, server.code, server.subtasks, server.blocked) == ("server", 500, ("d", "e"), ("g",))
    assert [(s["status"], s["subtasks"]) for s in report_data(state)["set_aside"]] == [
        ("skipped", ["g"]),
        ("skipped", ["h"]),
    ]


def test_a_retry_is_offered_with_how_many_and_a_price_with_its_spread() -> None:
    state = mixed().tell(20.0, over()).state()
    retry, replay, show = offers(state)
    assert (retry.command, retry.subtasks, retry.with_them) == ("luna-tui retry 7f3a", 5, 2)
    assert retry.estimate is not None
    assert retry.estimate.usd == pytest.approx(5 * 0.11)
    assert retry.estimate.spread_usd is not None
    assert 0 < retry.estimate.spread_usd < 0.05
    assert "tries 5 subtasks again (2 of them skipped), about $0.53 to $0.57" in offer_words(retry)
    assert [o.verb for o in (replay, show)] == ["replay", "show"]


def test_a_run_that_was_stopped_offers_to_go_on_and_says_who_stopped_it() -> None:
    past = Past({"w": "abc"}).wave(0.0, "w").start(0.0, "a", 0).end(2.0, "a")
    past.tell(3.0, CancelRequested(by="user", scope=Scope.RUN, manner=Manner.NOW))
    for i in "bc":
        past.end(3.0, i, Status.CANCELLED, "cancelled by user")
    state = past.tell(20.0, over(RunStatus.CANCELLED, "cancelled by user")).state()
    assert [(o.verb, o.subtasks) for o in offers(state)] == [("resume", 2), ("replay", 0), ("show", 0)]
    assert report_data(state)["stopped"] == "cancelled by user"
    assert "cancelled (cancelled by user), exit code 75" in report_markdown(state)


def test_a_run_that_did_not_end_offers_to_go_on_with_what_is_left() -> None:
    records = read_journal(NIGHTLY).records
    state = fold(records[: len(records) // 2])
    resume = offers(state)[0]
    left = len(state.subtasks) - state.ended
    assert resume.verb == "resume"
    assert left <= resume.subtasks <= left + sum(s.status is Status.SKIPPED for s in state.subtasks.values())
    assert report_data(state)["exit_code"] is None


def test_who_went_on_with_it_is_told_with_how_long_nobody_did() -> None:
    past = Past({"w": "ab"}).wave(0.0, "w").start(0.0, "a", 0).end(2.0, "a").start(2.0, "b", 1)
    records = past.records()
    first = records[0].event
    assert isinstance(first, RunStarted)
    again = RunStarted(
        started_at="2026-01-02T16:00:00Z", plan=first.plan, mode=first.mode, tier="tier2", max_workers=3,
        provider="anthropic", version="0", resumed_from=records[0].run, away_s=90.0,
    )  # fmt: skip
    state = fold([*records, Record(len(records) + 1, 3.0, records[0].run, again)])
    data = report_data(state)
    assert (data["processes"], data["away_s"]) == (2, 90.0)
    assert "Worked on by 2 processes, with 1:30 in which none did." in report_markdown(state)


def test_what_used_nothing_cost_nothing_and_an_unknown_price_is_no_zero() -> None:
    free = Past({"w": "a"}, kind=Kind.COMMAND).wave(0.0, "w").start(0.0, "a", 0).end(1.0, "a")
    assert money_of(free.tell(1.0, over(usd=None)).state()).usd == 0.0
    unknown = Past({"w": "a"}).wave(0.0, "w").start(0.0, "a", 0).use(1.0, "a", 10, 10, None).end(1.0, "a")
    data = report_data(unknown.tell(1.0, over(usd=None)).state())
    assert (data["spent_usd"], data["failed_tries"]["cost_usd"]) == (None, None)


@pytest.mark.parametrize(
    ("usd", "spread_usd", "seconds", "words"),
    [
        (None, None, 30.0, ", cost unknown, about 0:30"),
        (0.0, 0.0, 30.0, ", about 0:30"),
        (0.5, 0.001, 0.1, ", about $0.50"),
        (0.1, 0.3, 9.0, ", about $0.00 to $0.40 and 0:09"),
        (0.0, 0.0, None, ""),
    ],
)
def test_prices_in_words(
    usd: float | None, spread_usd: float | None, seconds: float | None, words: str
) -> None:
    costs = Estimate(usd=usd, spread_usd=spread_usd, seconds=seconds)
    said = offer_words(Offer(verb="retry", command="", subtasks=1, estimate=costs))
    assert said == "tries 1 subtask again" + words


def test_a_run_is_named_shortly_only_where_that_names_it() -> None:
    assert run_word("20260102-150405-7f3a") == "7f3a"
    assert run_word("nightly-docs") == "nightly-docs"


def test_offers_are_worked_out_once_for_each_state() -> None:
    state, offered = mixed().tell(20.0, over()).state(), Offered()
    assert offered.of(mixed().state()) == ()
    assert offered.of(state) is offered.of(state)


def test_the_keys_of_the_report_are_all_documented_and_stay() -> None:
    text = (HERE.parent / "docs" / "report.md").read_text(encoding="utf-8")
    rows = [line.split("|") for line in text.splitlines() if line.startswith("| `")]
    named = {key for row in rows for key in re.findall(r"`(\w+)`", row[1])}
    data = report_data(fold(read_journal(NIGHTLY).records))
    assert set(data) == named
    told = {key: row[2] for row in rows for key in re.findall(r"`(\w+)`", row[1])}
    for key in ("tokens", "failed_tries", "critical", "failures", "set_aside", "offers", "waves", "subtasks"):
        inner = data[key][0] if isinstance(data[key], list) else data[key]
        assert all(f"`{name}`" in told[key] for name in inner), key


def test_every_table_row_of_a_wave_is_whole_whatever_its_reason_says() -> None:
    state = mixed().tell(20.0, over()).state()
    state.waves["one"].end_reason = "a|b\nc"
    rows = [r for r in report_markdown(state).splitlines() if r.startswith("|")]
    assert {r.replace("\\|", "").count("|") for r in rows} == {6}


def junit(state: RunState) -> ElementTree.Element:
    return ElementTree.fromstring(junit_xml(state))


def test_junit_has_a_suite_for_each_wave_and_a_case_for_each_subtask() -> None:
    root = junit(mixed().tell(20.0, over()).state())
    assert root.attrib | {"name": ""} == {
        "name": "", "tests": "8", "failures": "3", "errors": "0", "skipped": "2", "time": "20.000",
    }  # fmt: skip
    assert [(s.get("name"), s.get("tests"), s.get("failures")) for s in root] == [
        ("one", "6", "3"),
        ("two", "2", "0"),
    ]
    cases = {case.get("name"): case for case in root.iter("testcase")}
    failure, skipped = cases["d"].find("failure"), cases["g"].find("skipped")
    assert failure is not None
    assert (failure.get("type"), failure.get("message")) == ("server", "api (500): oh no")
    assert failure.text == "try 1: server (500)"
    assert skipped is not None
    assert skipped.get("message") == "needs d, which failed"
    assert len(cases["a"]) == 0


def test_junit_is_well_formed_whatever_was_said() -> None:
    past = Past({"w": ["a"]}).wave(0.0, "w").start(0.0, "a", 0)
    hostile = "a\x00b\x1b]0;x\x07<&\"'\ud800\ufffe]]>"
    state = past.end(1.0, "a", Status.FAILED, hostile).state()
    failure = next(junit(state).iter("failure"))
    assert "\x1b" not in str(failure.get("message"))
    assert "<&\"'" in str(failure.get("message"))


def test_junit_says_what_never_ended() -> None:
    skipped = list(junit(Past({"w": "ab"}).state()).iter("skipped"))
    assert [s.get("message") for s in skipped] == ["never ended", "never ended"]
