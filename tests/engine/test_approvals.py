"""Requests of agents to a person: asked, decided, granted, withdrawn, and clocks that stand meanwhile."""

from __future__ import annotations

import argparse
import random
import threading
from typing import Any

import pytest
from engine.commands_support import check
from engine.test_going_on import cut, past_of
from recount import agrees
from support import FakeRunner, Run, make_run, names, plan, subtask, wave

from luna_tui.commands.runs import asking_of
from luna_tui.core.clean import clean
from luna_tui.core.events import (
    ApprovalDecided,
    ApprovalRequested,
    SubtaskFinished,
    SubtaskWaiting,
    ToolCalled,
    TurnStarted,
)
from luna_tui.core.plan import Plan
from luna_tui.core.redaction import Redaction
from luna_tui.core.state import fold
from luna_tui.core.tool_events import DETAIL_CHARS
from luna_tui.core.words import Asking, Decision, GrantScope, Manner, Scope, Status, WaitReason
from luna_tui.engine.clock import ManualClock
from luna_tui.engine.runner import AttemptContext, Demand, Reply, Request, Usage, Work

RM = Request(tool="run_command", summary="rm x", pattern="run_command(rm *)")
LS = Request(tool="run_command", summary="ls", pattern="run_command(ls *)")
WHICH = Request(tool="ask_user", summary="Which one?", question=True)


class Agents:
    """A run whose subtasks ask what they are told to, each list of requests at once."""

    def __init__(self, *given: str, asks: Any = ((RM,),), of: Plan | None = None, **more: Any) -> None:
        self.replies: dict[str, list[tuple[Reply, ...]]] = {i: [] for i in given}

        def body(work: Work, context: AttemptContext) -> str:
            for requests in asks:
                self.replies[work.subtask.id].append(context.ask(requests))
            return "done"

        of = of or plan(wave("w", *(subtask(i) for i in given)))
        self.run: Run = make_run(FakeRunner(body), of, **{"asking": Asking.PERSON, **more})

    def start(self, asked: int = 1) -> Agents:
        """Begin, and wait until so much is asked."""
        self.run.start()
        self.run.wait_for(ApprovalRequested, asked)
        return self

    def decide(self, name: str, decision: Decision = Decision.ALLOW, **more: Any) -> None:
        self.run.executor.control.decide(name, decision, by="ana", **more)

    def finish(self) -> Agents:
        check(self.run.finish())
        return self

    def decided(self) -> list[tuple[str, str, Decision, GrantScope]]:
        return [(e.approval, e.subtask, e.decision, e.scope) for e in self.run.all(ApprovalDecided)]


def test_requests_put_at_once_are_answered_in_order_when_the_last_is_decided() -> None:
    agents = Agents("a", asks=((RM, LS),)).start(2)
    assert agents.run.state().subtasks["a"].waiting is WaitReason.APPROVAL
    assert agents.run.seqs(SubtaskWaiting)[0] < agents.run.seqs(ApprovalRequested)[0]
    agents.decide("a2")
    assert agents.run.state().subtasks["a"].waiting is WaitReason.APPROVAL
    agents.decide("a1", Decision.DENY, reason="not\x1b[31m that one")
    agents.finish()
    assert agents.replies["a"] == [(Reply(allowed=False, text="not that one"), Reply(allowed=True))]
    assert agents.run.state().asks == {}


def test_a_question_is_answered_with_the_reason() -> None:
    agents = Agents("a", asks=((WHICH,),)).start()
    agents.decide("a1", reason="the second", scope=GrantScope.RUN)
    agents.finish()
    assert agents.replies["a"] == [(Reply(allowed=True, text="the second"),)]
    assert agents.decided() == [("a1", "a", Decision.ALLOW, GrantScope.ONCE)]


@pytest.mark.parametrize(
    ("scope", "asked"), [(GrantScope.ONCE, 4), (GrantScope.SUBTASK, 2), (GrantScope.RUN, 2)]
)
def test_what_is_granted_is_not_asked_again(scope: GrantScope, asked: int) -> None:
    """Two subtasks ask the same twice; a grant for the run settles both."""
    agents = Agents("a", "b", asks=((RM,), (RM,))).start(2)
    agents.decide("a1", scope=scope)
    if scope is not GrantScope.RUN:
        agents.decide("a2", scope=scope)
    if scope is GrantScope.ONCE:
        agents.run.wait_for(ApprovalRequested, 4)
        agents.decide("a3")
        agents.decide("a4")
    agents.finish()
    assert len(agents.run.all(ApprovalRequested)) == asked
    assert all(reply.allowed for replies in agents.replies.values() for (reply,) in replies)
    assert len(agents.run.all(ApprovalDecided)) == asked


def test_a_grant_for_a_subtask_is_not_one_for_another_nor_for_another_pattern() -> None:
    agents = Agents("a", "b", asks=((RM,), (LS,))).start(2)
    first = agents.run.all(ApprovalRequested)[0]
    agents.decide(first.approval, scope=GrantScope.SUBTASK)
    agents.run.wait_for(ApprovalRequested, 3)
    asked = agents.run.all(ApprovalRequested)
    assert {e.subtask for e in asked} == {"a", "b"}
    assert asked[2].pattern == LS.pattern
    agents.run.executor.control.cancel(Scope.RUN, Manner.NOW, by="user")
    agents.run.finish()


def test_a_request_without_a_pattern_can_only_be_allowed_once() -> None:
    agents = Agents("a", asks=((Request(tool="t", summary="s"),), (Request(tool="t", summary="s"),))).start()
    agents.decide("a1", scope=GrantScope.RUN)
    agents.run.wait_for(ApprovalRequested, 2)
    agents.decide("a2")
    agents.finish()
    assert {scope for _, _, _, scope in agents.decided()} == {GrantScope.ONCE}


def test_what_is_decided_or_unknown_is_ignored() -> None:
    agents = Agents("a").start()
    agents.decide("a7")
    agents.decide("a1", Decision.WITHDRAWN)
    agents.decide("a1", Decision.DENY)
    agents.decide("a1")
    agents.finish()
    assert agents.decided() == [("a1", "a", Decision.DENY, GrantScope.ONCE)]
    agents.decide("a1")


@pytest.mark.parametrize("scope", list(Scope))
def test_a_cancellation_withdraws_what_is_asked(scope: Scope) -> None:
    agents = Agents("a").start()
    agents.run.executor.control.cancel(scope, Manner.NOW, by="user", wave="w", subtask="a")
    agents.finish()
    assert agents.decided() == [("a1", "a", Decision.WITHDRAWN, GrantScope.ONCE)]
    assert agents.run.seqs(ApprovalDecided)[0] < agents.run.seqs(SubtaskFinished)[0]
    assert agents.run.ends() == {"a": Status.CANCELLED}


def test_a_new_try_asks_anew() -> None:
    agents = Agents("a").start()
    agents.run.executor.control.retry(["a"], by="user")
    agents.run.wait_for(ApprovalRequested, 2)
    agents.decide("a2")
    agents.finish()
    assert agents.decided() == [
        ("a1", "a", Decision.WITHDRAWN, GrantScope.ONCE),
        ("a2", "a", Decision.ALLOW, GrantScope.ONCE),
    ]
    assert agents.run.ends() == {"a": Status.SUCCEEDED}


def test_where_nobody_can_be_asked_all_is_denied_and_told() -> None:
    agents = Agents("a", asks=((RM, WHICH),), asking=Asking.DENY).finish()
    ((one, other),) = agents.replies["a"]
    assert not one.allowed
    assert not other.allowed
    assert {(e.by, e.reason) for e in agents.run.all(ApprovalDecided)} == {
        ("config", "nobody can be asked in a headless run")
    }
    assert len(agents.run.all(ApprovalRequested)) == 2
    assert not agents.run.all(SubtaskWaiting)


@pytest.mark.parametrize("somebody", [True, False])
def test_what_is_allowed_beforehand_is_told_and_questions_need_somebody(somebody: bool) -> None:
    agents = Agents("a", asks=((RM, WHICH),), asking=Asking.ALLOW, hold_for_person=somebody)
    if somebody:
        agents.start(2)
        agents.decide("a2", reason="this one")
    agents.finish()
    ((one, other),) = agents.replies["a"]
    assert (one.allowed, other.allowed) == (True, somebody)
    assert [e.by for e in agents.run.all(ApprovalDecided)] == ["config", "ana" if somebody else "config"]


def test_text_of_a_model_is_data_and_a_long_detail_says_what_is_left_out() -> None:
    key = "canary-0123456789abcdefghij"
    request = Request(
        tool="run_command",
        summary=f"curl -H {key} \x1b[2Jx\n\ny",
        detail="d" * (DETAIL_CHARS + 5_000),
        pattern=f"run_command(curl {key})",
    )
    agents = Agents("a", asks=((request,),), redaction=Redaction({key: "A_KEY"})).start()
    agents.decide("a1", scope=GrantScope.RUN)
    agents.finish()
    (asked,) = agents.run.all(ApprovalRequested)
    assert asked.summary == "curl -H [redacted A_KEY] ␛[2Jx y"
    assert asked.pattern == "", "what cannot be shown as it is cannot be allowed for longer"
    assert len(asked.detail) <= DETAIL_CHARS
    assert asked.detail.endswith("(5,100 more characters are not shown)")


@pytest.mark.parametrize(("begin", "end"), [("\x1b]0;", "\x07"), ("\x1bP", "\x1b\\"), ("\x9d", "\x9c")])
def test_nothing_of_what_is_decided_hides_in_an_escape_sequence(begin: str, end: str) -> None:
    """A shell runs what a terminal would swallow."""
    command = f"sh -c 'echo hello {begin}$(rm -rf src){end}'"
    request = Request(tool="run_command", summary=command, detail=command, pattern=f"run_command({command})")
    agents = Agents("a", asks=((request,),)).start()
    agents.decide("a1", scope=GrantScope.RUN)
    agents.finish()
    (asked,) = agents.run.all(ApprovalRequested)
    assert "$(rm -rf src)" in asked.summary
    assert "$(rm -rf src)" in asked.detail
    assert clean(asked.detail) == asked.detail
    assert asked.pattern == ""


def test_others_have_the_workers_of_those_who_wait_for_a_person() -> None:
    def body(work: Work, context: AttemptContext) -> str:
        if work.subtask.id in "ab":
            context.ask([RM])
        return "done"

    given = plan(wave("w", *(subtask(i) for i in "abcdef")))
    run = make_run(FakeRunner(body), given, workers=2, asking=Asking.PERSON).start()
    run.wait_for_ends(4)
    assert set(run.ends()) == set("cdef")
    run.executor.control.decide("a1", Decision.ALLOW, by="ana")
    run.executor.control.decide("a2", Decision.ALLOW, by="ana")
    check(run.finish())


def test_who_is_answered_waits_until_a_worker_is_free() -> None:
    here, go = threading.Event(), threading.Event()

    def body(work: Work, context: AttemptContext) -> str:
        if work.subtask.id == "a":
            context.ask([RM])
            context.tool_called("1", "run_command", "rm x")
            context.tool_finished("1", ok=True)
        else:
            here.set()
            go.wait(10)
        return "done"

    given = plan(wave("w", subtask("a"), subtask("b")))
    run = make_run(FakeRunner(body), given, workers=1, asking=Asking.PERSON).start()
    assert here.wait(10)
    run.executor.control.decide("a1", Decision.ALLOW, by="ana")
    state = run.state()
    assert (state.subtasks["a"].waiting, state.running, state.tracks.load.most) == (WaitReason.SLOT, 1, 1)
    assert not run.all(ToolCalled)
    go.set()
    check(run.finish())
    assert run.seqs(SubtaskFinished)[0] < run.seqs(ToolCalled)[0]
    assert run.state().tracks.load.most == 1


def test_who_waits_for_a_worker_after_an_answer_can_be_cancelled() -> None:
    here, go = threading.Event(), threading.Event()

    def body(work: Work, context: AttemptContext) -> str:
        if work.subtask.id == "a":
            context.ask([RM])
        else:
            here.set()
            go.wait(10)
        return "done"

    given = plan(wave("w", subtask("a"), subtask("b"), subtask("c")))
    run = make_run(FakeRunner(body), given, workers=1, asking=Asking.PERSON).start()
    assert here.wait(10)
    run.executor.control.decide("a1", Decision.ALLOW, by="ana")
    run.executor.control.cancel(Scope.SUBTASK, Manner.NOW, by="user", subtask="a")
    run.wait_for_ends(1)
    assert run.ends() == {"a": Status.CANCELLED}
    go.set()
    check(run.finish())
    assert run.ends() == {"a": Status.CANCELLED, "b": Status.SUCCEEDED, "c": Status.SUCCEEDED}


def test_who_asks_before_the_first_request_holds_nothing_of_the_limits_meanwhile() -> None:
    small = Demand(input_tokens=100, output_tokens=50)

    def body(work: Work, context: AttemptContext) -> str:
        context.ask([RM])

        def send() -> str:
            context.usage(Usage(model="m", input_tokens=90, output_tokens=40), final=True)
            return "done"

        return context.turn(1, small, send)

    run = make_run(
        FakeRunner(body, small), plan(wave("w", subtask("a"))), asking=Asking.PERSON, clock=ManualClock()
    ).start()
    run.wait_for(ApprovalRequested)
    books = run.limiter.snapshot()
    assert (books.rpm.settled, books.rpm.reserved, books.itpm.reserved) == (0, 0, 0)
    run.executor.control.decide("a1", Decision.ALLOW, by="ana")
    run.finish()
    books = run.limiter.snapshot()
    assert (books.rpm.settled, books.itpm.settled, books.itpm.reserved) == (1, 90, 0)
    assert [e.turn for e in run.all(TurnStarted)] == [1]
    assert run.ends() == {"a": Status.SUCCEEDED}


def test_after_a_resume_what_was_open_is_asked_again_and_what_was_granted_is_not() -> None:
    given = plan(wave("w", subtask("a")))
    first = Agents("a", asks=((RM,), (LS,)), of=given).start()
    first.decide("a1", scope=GrantScope.SUBTASK)
    first.run.wait_for(ApprovalRequested, 2)
    records = cut(first.run, ApprovalRequested, 2)
    first.run.executor.control.cancel(Scope.RUN, Manner.NOW, by="user")
    first.run.finish()

    second = Agents("a", asks=((RM,), (LS,)), of=given, past=past_of(records, given)).start()
    (asked,) = second.run.all(ApprovalRequested)
    assert (asked.approval, asked.pattern) == ("a3", LS.pattern)
    second.decide("a3")
    second.run.finish()
    state = fold([*records, *second.run.records])
    assert state.asks == {}
    assert state.waves["w"].stands_since is None
    assert second.run.ends() == {"a": Status.SUCCEEDED}


def test_forty_agents_a_hasty_person_and_cancellations_at_once_end_in_good_order() -> None:
    ids = names(40)
    agents = Agents(*ids, asks=((RM, LS), (WHICH,), (RM,)), workers=8).start(16)
    rng = random.Random(6)
    control = agents.run.executor.control

    def decide(seed: int) -> None:
        mine = random.Random(seed)
        while agents.run.status is None:
            for ask in agents.run.state().asks:
                scope = mine.choice(list(GrantScope)) if mine.random() < 0.1 else GrantScope.ONCE
                control.decide(ask, mine.choice([Decision.ALLOW, Decision.DENY]), by="ana", scope=scope)

    people = [threading.Thread(target=decide, args=(seed,), daemon=True) for seed in (1, 2)]
    for person in people:
        person.start()
    for i in rng.sample(ids, 10):
        rng.choice([control.skip, control.retry])([i], by="user")
    agents.run.finish(50.0)
    check(agents.run)
    for person in people:
        person.join(10.0)
    state = agents.run.state()
    assert state.asks == {}
    assert state.tracks.load.most <= 8
    asked = [e.approval for e in agents.run.all(ApprovalRequested)]
    assert len(set(asked)) == len(asked)
    assert {e.approval for e in agents.run.all(ApprovalDecided)} == set(asked)
    agrees(state, agents.run.records[-1].at)


@pytest.mark.parametrize(
    ("flags", "console", "asking"),
    [
        ({}, "screen", Asking.PERSON),
        ({}, "plain", Asking.PERSON),
        ({}, "headless", Asking.DENY),
        ({"detach": True}, "headless", Asking.PERSON),
        ({"yes": True}, "headless", Asking.ALLOW),
        ({"yes": True}, "screen", Asking.ALLOW),
    ],
)
def test_who_is_asked_follows_from_who_is_there(flags: Any, console: str, asking: Asking) -> None:
    args = argparse.Namespace(**{"yes": False, "detach": False, **flags})
    assert asking_of(args, console) is asking
