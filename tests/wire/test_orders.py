"""Every command of a run can be sent, arrives as it was meant, and anything else is refused in words."""

from __future__ import annotations

import inspect
import json
import math
from collections.abc import Mapping
from typing import Any

import pytest
from wire_support import IDS, WAVES, RecordingControl

from luna_tui.core.words import Decision, GrantScope, Manner, Mode, Scope, Staffing
from luna_tui.engine.control import RunControl
from luna_tui.wire.messages import WireError
from luna_tui.wire.orders import Named, order_of
from luna_tui.wire.remote_control import RemoteControl

NAMED = Named(WAVES, IDS)


def arrived(sent: list[Mapping[str, Any]]) -> list[tuple[Any, ...]]:
    control = RecordingControl()
    for message in sent:
        through = json.loads(json.dumps(message))
        order_of(through, NAMED)(control, through["by"])
    return control.calls


def test_every_command_arrives_as_it_was_meant() -> None:
    sent: list[Mapping[str, Any]] = []
    remote, direct = RemoteControl(sent.append), RecordingControl()
    for control in (remote, direct):
        control.cancel(Scope.RUN, Manner.NOW, by="ana")
        control.cancel(Scope.WAVE, Manner.FINISH, by="ana", wave="scan")
        control.cancel(Scope.SUBTASK, Manner.NOW, by="ana", subtask="scan-1")
        control.set_mode(Mode.AGGRESSIVE, by="ana")
        control.set_workers(7, by="ana")
        control.set_workers(Staffing.AUTO, by="ana")
        control.pause(by="ana")
        control.resume(by="bob")
        control.retry(["scan-1", "scan-2"], by="ana")
        control.retry(["scan-1"], by="ana", prompt="again, ção")
        control.skip(["scan-3"], by="ana")
        control.set_budget(2.5, by="ana")
        control.set_budget(None, by="ana")
        control.decide("a1", Decision.ALLOW, by="ana", scope=GrantScope.RUN)
        control.decide("a2", Decision.DENY, by="ana", reason="not there, ção")
        control.settle_changes("scan-1", accept=True, by="ana")
    assert arrived(sent) == direct.calls
    assert [message["id"] for message in sent] == list(range(1, len(sent) + 1))


def test_no_command_of_a_run_is_missing() -> None:
    commands = {name for name, _ in inspect.getmembers(RunControl, inspect.isfunction) if name[0] != "_"}
    assert commands == {
        "cancel", "set_mode", "set_workers", "pause", "resume", "retry", "skip", "set_budget", "decide",
        "settle_changes",
    }  # fmt: skip


def test_an_endless_budget_is_none_and_no_number_is_not_sent() -> None:
    sent: list[Mapping[str, Any]] = []
    remote = RemoteControl(sent.append)
    remote.set_budget(math.inf, by="ana")
    remote.set_budget(math.nan, by="ana")
    assert [message["usd"] for message in sent] == [None]


@pytest.mark.parametrize(
    ("message", "why"),
    [
        ({}, "do is cancel"),
        ({"do": "explode"}, "do is cancel"),
        ({"do": ["cancel"]}, "do is cancel"),
        ({"do": "cancel", "scope": "world", "manner": "now"}, "scope is subtask, wave, run"),
        ({"do": "cancel", "scope": "run"}, "manner is finish, now"),
        ({"do": "decide", "approval": 1, "decision": "allow"}, "approval and reason are texts"),
        ({"do": "decide", "approval": "a1", "decision": "withdrawn"}, "decision is allow or deny"),
        ({"do": "decide", "approval": "a1", "decision": "maybe"}, "decision is allow, deny"),
        ({"do": "changes", "subtask": "scan-1", "accept": "yes"}, "accept is true or false"),
        ({"do": "changes", "subtask": "x", "accept": True}, "no subtask"),
        ({"do": "cancel", "scope": "run", "manner": ["now"]}, "manner is finish, now"),
        ({"do": "cancel", "scope": "wave", "manner": "now"}, "no wave"),
        ({"do": "cancel", "scope": "wave", "manner": "now", "wave": "skan"}, "no wave 'skan'"),
        ({"do": "cancel", "scope": "subtask", "manner": "now", "subtask": 3}, "no subtask"),
        ({"do": "mode", "mode": "reckless"}, "mode is conservative"),
        ({"do": "mode", "mode": "balanced", "extra": 1}, "mode has no 'extra'"),
        ({"do": "workers", "workers": 0}, "workers is 1 to 10000"),
        ({"do": "workers", "workers": True}, "workers is 1 to 10000"),
        ({"do": "workers", "workers": 2.0}, "workers is 1 to 10000"),
        ({"do": "workers", "workers": "many"}, "workers is table, auto"),
        ({"do": "workers", "workers": 10**30}, "workers is 1 to 10000"),
        ({"do": "pause", "by": "ana", "now": True}, "pause has no 'now'"),
        ({"do": "retry", "subtasks": "scan-1"}, "list of ids"),
        ({"do": "retry", "subtasks": ["scan-1", "nope"]}, "no subtask 'nope'"),
        ({"do": "retry", "subtasks": [["scan-1"]]}, "no subtask"),
        ({"do": "retry", "subtasks": ["scan-1"], "prompt": 5}, "prompt is a text"),
        ({"do": "skip"}, "list of ids"),
        ({"do": "budget", "usd": -1}, "usd is an amount"),
        ({"do": "budget", "usd": "5"}, "usd is an amount"),
        ({"do": "budget", "usd": math.inf}, "usd is an amount"),
        ({"do": "budget", "usd": math.nan}, "usd is an amount"),
        ({"do": "budget", "usd": True}, "usd is an amount"),
    ],
)
def test_anything_else_is_refused_and_says_what_would_do(message: Mapping[str, Any], why: str) -> None:
    with pytest.raises(WireError, match=why.replace("(", r"\(")):
        order_of(message, NAMED)
