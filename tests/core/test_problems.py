"""What needs a person: grouped by cause, with facts, in order of urgency."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tui.scenes import busy, demo
from tui.trouble_scenes import NOW_S, Story, limits, overloaded, quiet, sid, story

from luna_tui.core.alike import group
from luna_tui.core.events import (
    JournalFailed,
    LimitsObserved,
    PlannedSubtask,
    PlannedWave,
    PlanOutline,
    RunStarted,
    ThreadAbandoned,
    ThreadReturned,
)
from luna_tui.core.problem_facts import (
    MOST_BEHIND,
    Abandoned,
    Asking,
    Cause,
    Deadline,
    Failure,
    Foreign,
    NotSaved,
    Overspend,
    Problem,
    Silence,
    Standing,
)
from luna_tui.core.problems import next_problem, of_subtask, problems, shown, total
from luna_tui.core.state import RunState, fold
from luna_tui.core.words import ErrorKind, Mode, Status, WaitReason


def of(told: Story, **later: Any) -> tuple[Problem, ...]:
    state = fold(told.records())
    state.budget_usd = later.get("budget_usd")
    return problems(state, later.get("now_s", NOW_S))


def only(told: Story, **later: Any) -> Problem:
    (problem,) = of(told, **later)
    return problem


def test_a_run_in_which_all_is_well_has_no_problems() -> None:
    assert of(story()) == ()
    assert problems(fold(demo(1.0)), 1.0) == ()


def test_failures_of_one_kind_are_one_group_with_what_they_block() -> None:
    problem = only(overloaded(story()))
    assert problem.key == "failed:overloaded:529"
    assert problem.subtasks == (sid(2, 3), sid(2, 6))
    assert problem.blocks == (sid(3, 2), sid(3, 7))
    assert problem.behind == 3
    assert problem.since_at == 68.0
    facts = problem.facts
    assert isinstance(facts, Failure)
    assert (facts.kind, facts.status, facts.tries, facts.allowed) == ("overloaded", 529, 3, 3)
    assert facts.last_at == 68.0


def test_it_is_asked_whether_the_cause_is_still_there() -> None:
    told = overloaded(story())
    for now_s, recent in ((87.9, 4), (97.9, 2), (99.0, 0)):
        facts = only(told, now_s=now_s).facts
        assert isinstance(facts, Failure)
        assert facts.recent == recent


def test_a_retry_is_priced_by_the_means_of_its_wave() -> None:
    price = only(overloaded(story())).price
    assert price is not None
    assert price.usd == pytest.approx(2 * 0.135)
    assert price.seconds == pytest.approx(47.0)


def test_a_price_that_is_not_known_is_none() -> None:
    records = busy(40)
    found = {p.cause: p for p in problems(fold(records), 58.0)}
    price = found[Cause.FAILED].price
    assert price is not None
    assert price.usd is None
    assert price.seconds == pytest.approx(9.0)


def test_a_quiet_stream_is_judged_by_its_own_wave() -> None:
    problem = only(quiet(story()))
    assert problem.subtasks == (sid(2, 19),)
    assert problem.blocks == (sid(3, 7),)
    facts = problem.facts
    assert isinstance(facts, Silence)
    assert facts.silence_s == 48.0
    assert facts.tokens == 612
    assert facts.p95_s == pytest.approx(31, abs=1.5)
    assert of(quiet(story()), now_s=51.0 + 31.0) == ()


def test_time_outs_are_grouped_by_their_reason() -> None:
    told = story()
    for place, reason in (
        (30, "timed out after 60 s"),
        (31, "timed out after 60 s"),
        (32, "the wave timed out"),
    ):
        told.finish(97.0, sid(2, place), Status.TIMED_OUT, reason=reason)
    assert [(p.cause, p.subtasks) for p in of(told)] == [
        (Cause.TIMED_OUT, (sid(2, 32),)),
        (Cause.TIMED_OUT, (sid(2, 30), sid(2, 31))),
    ]


def test_different_kinds_of_failure_are_different_groups() -> None:
    told = overloaded(story())
    told.fail(97.0, sid(2, 30), kind=ErrorKind.EXIT_CODE, message="exit code 2", status=2)
    told.fail(97.0, sid(2, 31), kind=ErrorKind.EXIT_CODE, message="exit code 3", status=3)
    assert [p.key for p in of(told)] == ["failed:overloaded:529", "failed:exit_code:2", "failed:exit_code:3"]


def test_a_thread_that_ignores_its_end_is_a_problem_until_it_returns() -> None:
    told = story()
    told.finish(80.0, sid(2, 30), Status.CANCELLED, reason="cancelled by user")
    gone: dict[str, Any] = {"wave": "extract", "subtask": sid(2, 30), "attempt": 1, "worker": 30}
    told.add(82.0, ThreadAbandoned(**gone))
    facts = only(told).facts
    assert facts == Abandoned(asked_s=19.0)
    told.add(98.0, ThreadReturned(**gone))
    assert of(told) == ()


@pytest.mark.parametrize(
    ("waits", "seen"),
    [((5.0, 6.0), 0), ((5.0, 6.0, 7.0), 3), ((31.0,), 1)],
    ids=["two are usual", "three are not", "one for long"],
)
def test_waiting_to_try_again_is_a_problem_when_it_is_more_than_usual(
    waits: tuple[float, ...], seen: int
) -> None:
    told = story()
    for place, delay_s in enumerate(waits, 30):
        told.fail(97.0, sid(2, place), retry_s=delay_s)
    found = of(told)
    assert total(found) == seen
    for problem in found:
        assert problem.cause is Cause.RETRYING
        assert isinstance(problem.facts, Failure)
        assert problem.facts.next_s == waits[0] - 2.0
        assert problem.price is None


def test_what_waits_for_budget_or_approval_needs_a_person() -> None:
    told = story()
    told.wait(97.0, sid(2, 41), WaitReason.BUDGET)
    told.wait(97.0, sid(2, 42), WaitReason.BUDGET)
    told.wait(97.0, sid(2, 43), WaitReason.APPROVAL)
    found = of(told, budget_usd=2.0)
    assert [p.cause for p in found][:2] == [Cause.ASK, Cause.HELD]
    assert found[0].subtasks == (sid(2, 43),)
    assert found[0].facts == Asking(requests=0, tool="", summary="", question=False)
    assert found[1].subtasks == (sid(2, 41), sid(2, 42))
    facts = found[1].facts
    assert isinstance(facts, Standing)
    assert facts.cap_usd == 2.0
    assert facts.spent_usd == pytest.approx(1.41)


def test_a_forecast_over_the_cap_says_where_it_passes() -> None:
    assert of(story(), budget_usd=12.0) == ()
    problem = only(story(), budget_usd=9.9)
    facts = problem.facts
    assert isinstance(facts, Overspend)
    assert facts.usd > facts.cap_usd == 9.9
    assert 18 < facts.near <= facts.of == 96
    assert problem.subtasks == ()
    assert problem.size == 1


def test_a_wave_that_must_time_out_is_told_before_it_does() -> None:
    assert of(story(timeout=900.0)) == ()
    facts = only(story(timeout=90.0)).facts
    assert isinstance(facts, Deadline)
    assert (facts.number, facts.left_s, facts.unfinished) == (2, 33.0, 58)
    assert facts.needs_s > facts.left_s


def test_limits_that_others_use_are_told_from_a_fifth_on() -> None:
    assert of(limits(story(), foreign=390_000)) == ()
    assert only(limits(story(), foreign=600_000)).facts == Foreign(name="itpm", used=600_000, limit=2_000_000)


def test_events_that_are_not_saved_come_first() -> None:
    told = overloaded(story())
    told.add(98.0, JournalFailed(message="disk full"))
    found = of(told)
    assert found[0].facts == NotSaved(message="disk full")
    assert len(found) == 2


def test_the_end_of_a_run_leaves_only_what_failed() -> None:
    state = fold(demo())
    assert state.finished is not None
    assert {p.cause for p in problems(state, state.at + 500)} <= {Cause.FAILED, Cause.TIMED_OUT}


def test_dismissed_stays_away_until_it_changes() -> None:
    found = of(overloaded(quiet(story())))
    dismissed = {p.key: p.fingerprint for p in found}
    assert shown(found, dismissed) == ()
    assert shown(of(overloaded(quiet(story())), now_s=NOW_S + 5), dismissed) == ()
    told = overloaded(quiet(story()))
    told.fail(98.0, sid(2, 30))
    (again,) = shown(of(told), dismissed)
    assert again.subtasks == (sid(2, 3), sid(2, 6), sid(2, 30))
    spoke = overloaded(quiet(story()))
    spoke.say(60.0, sid(2, 19))
    assert [p.cause for p in shown(of(spoke), dismissed)] == [Cause.QUIET]


def test_orders_are_urgency_age_and_size() -> None:
    state = fold(limits(quiet(overloaded(story())), foreign=600_000).records())
    orders = [[p.cause for p in problems(state, NOW_S, order=n)] for n in range(4)]
    assert orders[0] == [Cause.QUIET, Cause.FAILED, Cause.FOREIGN] == orders[3]
    assert orders[1] == [Cause.FAILED, Cause.QUIET, Cause.FOREIGN]
    assert orders[2] == [Cause.FAILED, Cause.QUIET, Cause.FOREIGN]


def test_a_filter_narrows_groups_and_leaves_matters_of_the_run_out() -> None:
    state = fold(limits(overloaded(story()), foreign=600_000).records())
    (narrow,) = problems(state, NOW_S, keeps=lambda s: s.label == "2.06")
    assert narrow.subtasks == (sid(2, 6),)
    assert narrow.blocks == (sid(3, 7),)


def test_next_goes_round_and_begins_at_the_first() -> None:
    found = of(overloaded(quiet(story())))
    first, second = found
    assert next_problem(found, None, 1) is first
    assert next_problem(found, None, -1) is second
    assert next_problem(found, first.key, 1) is second
    assert next_problem(found, sid(2, 6), 1) is first
    assert next_problem(found, sid(2, 6), -1) is first
    assert next_problem((), sid(2, 6), 1) is None
    assert of_subtask(found, sid(2, 6)) is second
    assert of_subtask(found, sid(2, 1)) is None


def test_what_is_counted_behind_a_group_is_bounded() -> None:
    first = PlannedSubtask(id="extract-a", title="a")
    needing = (
        PlannedSubtask(id=f"extract-{n}", title="b", depends_on=("extract-a",))
        for n in range(3 * MOST_BEHIND)
    )
    wave = PlannedWave(name="extract", parallel=True, subtasks=(first, *needing))
    told = Story()
    told.add(
        0.0,
        RunStarted(
            started_at="",
            plan=PlanOutline(name="p", waves=(wave,)),
            mode=Mode.BALANCED,
            tier="t",
            max_workers=4,
            provider="p",
            version="0",
        ),
    )
    told.start(1.0, "extract-a", worker=0)
    told.fail(2.0, "extract-a")
    problem = only(told, now_s=3.0)
    assert problem.behind == len(problem.blocks) == MOST_BEHIND


ACTIONS = st.lists(
    st.tuples(
        st.integers(20, 39),
        st.sampled_from(["fail", "retry", "long", "timeout", "ok", "cancel", "ghost", "back", "say", "held"]),
    ),
    max_size=60,
)


def happen(told: Story, place: int, action: str, at: float) -> None:
    i = sid(2, place)
    gone: dict[str, Any] = {"wave": "extract", "subtask": i, "attempt": 1, "worker": place}
    match action:
        case "fail":
            told.fail(at, i, kind=ErrorKind.SERVER if place % 2 else ErrorKind.OVERLOADED)
        case "retry":
            told.fail(at, i, retry_s=3.0)
        case "long":
            told.fail(at, i, retry_s=99.0)
        case "timeout":
            told.finish(at, i, Status.TIMED_OUT, reason="timed out after 60 s")
        case "ok":
            told.finish(at, i, Status.SUCCEEDED, seconds=3.0)
        case "cancel":
            told.finish(at, i, Status.CANCELLED, reason="cancelled by user")
        case "ghost":
            told.add(at, ThreadAbandoned(**gone))
        case "back":
            told.add(at, ThreadReturned(**gone))
        case "say":
            told.say(at, i)
        case _:
            told.wait(at, i, WaitReason.BUDGET)


@settings(max_examples=60, deadline=None)
@given(ACTIONS, st.floats(0, 60))
def test_whatever_happens_each_subtask_has_one_problem_and_groups_add_up(
    actions: list[tuple[int, str]], later: float
) -> None:
    told = limits(story(timeout=90.0))
    for n, (place, action) in enumerate(actions):
        happen(told, place, action, 90.0 + n / 10)
    state = RunState()
    for record in told.records():
        state.apply(record)
        if isinstance(record.event, LimitsObserved) or record.seq % 7 == 0:
            problems(state, state.at)
    now_s = state.at + later
    found = problems(state, now_s)
    hit = [i for p in found for i in p.subtasks]
    assert len(hit) == len(set(hit))
    assert len({p.key for p in found}) == len(found)
    assert total(found) == len(hit) + sum(not p.subtasks for p in found)
    for problem in found:
        assert list(problem.subtasks) == sorted(problem.subtasks)
        assert not set(problem.blocks) & set(problem.subtasks)
        assert problem.behind >= len(problem.blocks)
        assert problem.fingerprint == replace(problem).fingerprint
    # The groups that were kept while it happened are those that one would find now.
    for cause, members in (
        (Cause.FAILED, state.troubled.failed),
        (Cause.TIMED_OUT, state.troubled.timed_out),
    ):
        fresh = {f"{cause}:{k}": a.ids for k, a in group({}, members.values(), cause, state.waves).items()}
        assert {p.key: p.subtasks for p in found if p.cause is cause} == fresh


def test_two_runs_in_one_process_do_not_mix() -> None:
    one, two = fold(overloaded(story()).records()), fold(busy(40))
    for _turn in range(3):
        assert {p.key for p in problems(one, NOW_S)} == {"failed:overloaded:529"}
        assert of_subtask(problems(two, 58.0), "s01") is not None
