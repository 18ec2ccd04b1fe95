"""Commands as lines: one table of what may be asked of a run, read strictly and written by the client."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from luna_tui.core.words import Decision, GrantScope, Manner, Mode, Scope, Staffing
from luna_tui.engine.control import RunControl
from luna_tui.wire.messages import WireError, member_of

MOST_WORKERS = 10_000
_COMMON = {"id", "do", "by"}


@dataclass(frozen=True, slots=True)
class Named:
    """What a run has, so that a command for something else is refused."""

    waves: Collection[str]
    subtasks: Collection[str]


Order = Callable[[RunControl, str], None]
"""Does it, in the name of whoever asked."""


def order_of(message: Mapping[str, Any], named: Named) -> Order:
    """What a message asks for; WireError says what is wrong with it."""
    do = message.get("do")
    known = _ORDERS.get(do) if isinstance(do, str) else None
    if known is None:
        raise WireError(f"do is {', '.join(_ORDERS)}")
    members, read = known
    strange = message.keys() - _COMMON - members
    if strange:
        raise WireError(f"{do} has no {sorted(strange)[0][:40]!r}")
    return read(message, named)


def cancel_message(scope: Scope, manner: Manner, wave: str | None, subtask: str | None) -> dict[str, Any]:
    """`RunControl.cancel` as a message."""
    target = {Scope.WAVE: {"wave": wave}, Scope.SUBTASK: {"subtask": subtask}}.get(scope, {})
    return {"do": "cancel", "scope": scope.value, "manner": manner.value, **target}


def _cancel(message: Mapping[str, Any], named: Named) -> Order:
    scope = member_of(Scope, message.get("scope"), "scope")
    manner = member_of(Manner, message.get("manner"), "manner")
    wave = subtask = None
    if scope is Scope.WAVE:
        wave = _known(message.get("wave"), named.waves, "wave")
    elif scope is Scope.SUBTASK:
        subtask = _known(message.get("subtask"), named.subtasks, "subtask")
    return lambda control, by: control.cancel(scope, manner, by=by, wave=wave, subtask=subtask)


def _mode(message: Mapping[str, Any], named: Named) -> Order:
    mode = member_of(Mode, message.get("mode"), "mode")
    return lambda control, by: control.set_mode(mode, by=by)


def _workers(message: Mapping[str, Any], named: Named) -> Order:
    asked = message.get("workers")
    if isinstance(asked, str):
        workers: int | Staffing = member_of(Staffing, message.get("workers"), "workers")
    elif type(asked) is int and 1 <= asked <= MOST_WORKERS:
        workers = asked
    else:
        raise WireError(f"workers is 1 to {MOST_WORKERS}, or {' or '.join(Staffing)}")
    return lambda control, by: control.set_workers(workers, by=by)


def _pause(message: Mapping[str, Any], named: Named) -> Order:
    return lambda control, by: control.pause(by=by)


def _resume(message: Mapping[str, Any], named: Named) -> Order:
    return lambda control, by: control.resume(by=by)


def _retry(message: Mapping[str, Any], named: Named) -> Order:
    subtasks, prompt = _subtasks(message, named), message.get("prompt")
    if prompt is not None and not isinstance(prompt, str):
        raise WireError("prompt is a text")
    return lambda control, by: control.retry(subtasks, by=by, prompt=prompt)


def _skip(message: Mapping[str, Any], named: Named) -> Order:
    subtasks = _subtasks(message, named)
    return lambda control, by: control.skip(subtasks, by=by)


def _budget(message: Mapping[str, Any], named: Named) -> Order:
    usd = message.get("usd")
    if usd is not None and (type(usd) not in (int, float) or not 0 <= usd < math.inf):
        raise WireError("usd is an amount from 0 on, or null")
    return lambda control, by: control.set_budget(usd, by=by)


def _decide(message: Mapping[str, Any], named: Named) -> Order:
    approval, reason = message.get("approval"), message.get("reason", "")
    decision = member_of(Decision, message.get("decision"), "decision")
    scope = member_of(GrantScope, message.get("scope", GrantScope.ONCE.value), "scope")
    if not isinstance(approval, str) or not isinstance(reason, str):
        raise WireError("approval and reason are texts")
    if decision is Decision.WITHDRAWN:
        raise WireError("decision is allow or deny")
    return lambda control, by: control.decide(approval, decision, by=by, scope=scope, reason=reason)


def _changes(message: Mapping[str, Any], named: Named) -> Order:
    subtask, accept = _known(message.get("subtask"), named.subtasks, "subtask"), message.get("accept")
    if not isinstance(accept, bool):
        raise WireError("accept is true or false")
    return lambda control, by: control.settle_changes(subtask, accept=accept, by=by)


_ORDERS: Mapping[str, tuple[set[str], Callable[[Mapping[str, Any], Named], Order]]] = {
    "cancel": ({"scope", "manner", "wave", "subtask"}, _cancel),
    "mode": ({"mode"}, _mode),
    "workers": ({"workers"}, _workers),
    "pause": (set(), _pause),
    "resume": (set(), _resume),
    "retry": ({"subtasks", "prompt"}, _retry),
    "skip": ({"subtasks"}, _skip),
    "budget": ({"usd"}, _budget),
    "decide": ({"approval", "decision", "scope", "reason"}, _decide),
    "changes": ({"subtask", "accept"}, _changes),
}
"""Name -> its members, and what reads them."""


def _known(word: object, known: Collection[str], what: str) -> str:
    if not isinstance(word, str) or word not in known:
        raise WireError(f"no {what} {str(word)[:80]!r} in this run")
    return word


def _subtasks(message: Mapping[str, Any], named: Named) -> Sequence[str]:
    found = message.get("subtasks")
    if not isinstance(found, list):
        raise WireError("subtasks is a list of ids")
    return [_known(i, named.subtasks, "subtask") for i in found]
