"""What a person does to the run: one command each, in words, and how to take it back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from luna_tui.core.agents import Ask
from luna_tui.core.reasons import mode_word
from luna_tui.core.tongue import _, _n
from luna_tui.core.words import Decision, GrantScope, Manner, Mode, Scope, Staffing
from luna_tui.engine.control import RunControl
from luna_tui.tui.views.stop_menu import Choice
from luna_tui.tui.views.text import money

BY = "user"


@dataclass(frozen=True, slots=True)
class _Act:
    said: str
    call: Callable[[RunControl], None] | None
    """What takes it back; None = it cannot be."""


class Acts:
    """The actions of one person on one run; each is one event of the run, and says what was done."""

    def __init__(self) -> None:
        self._done: list[_Act] = []
        self.prompts: dict[str, str] = {}
        """Id of a subtask -> the prompt that this person gave it."""
        self.typed: list[str] = []
        """Commands that were typed, the oldest first."""

    def pause(self, control: RunControl, *, paused: bool, in_flight: int = 0) -> str:
        """Pause admission, or go on."""
        if paused:
            control.pause(by=BY)
            self._remember(_("admission goes on again"), lambda c: c.resume(by=BY))
            said = _n(
                "Paused; the {n} in flight ends by itself. u takes it back.",
                "Paused; the {n} in flight end by themselves. u takes it back.",
                in_flight,
            )
            return said.format(n=in_flight)
        control.resume(by=BY)
        self._remember(_("paused again"), lambda c: c.pause(by=BY))
        return _("Admission goes on. u takes it back.")

    def set_mode(self, control: RunControl, before: Mode, mode: Mode) -> str:
        """Use another share of the limits."""
        control.set_mode(mode, by=BY)
        self._remember(
            _("mode {mode} again").format(mode=mode_word(before)), lambda c: c.set_mode(before, by=BY)
        )
        return _("Mode {mode}. u takes it back.").format(mode=mode_word(mode))

    def set_workers(self, control: RunControl, before: int | Staffing, workers: int | Staffing) -> str:
        """Use another number of workers."""
        control.set_workers(workers, by=BY)
        self._remember(
            _("workers {n} again").format(n=_count(before)), lambda c: c.set_workers(before, by=BY)
        )
        return _("Workers {n}. u takes it back.").format(n=_count(workers))

    def set_budget(self, control: RunControl, before: float | None, usd: float | None) -> str:
        """Use another cap of the money."""
        control.set_budget(usd, by=BY)
        self._remember(
            _("budget {usd} again").format(usd=_cap(before)), lambda c: c.set_budget(before, by=BY)
        )
        return _("Budget {usd}. u takes it back.").format(usd=_cap(usd))

    def retry(self, control: RunControl, ids: Sequence[str], *, prompt: str | None = None) -> str:
        """Try these again, with another prompt where one is given."""
        if prompt is None:
            control.retry(tuple(ids), by=BY)
        else:
            control.retry(tuple(ids), by=BY, prompt=prompt)
            self.prompts.update(dict.fromkeys(ids, prompt))
        self._remember(_("a retry"), None)
        if prompt is not None:
            return _("Sent as a new try; the old one is kept. It cannot be taken back.")
        return _n("{n} is tried again.", "{n} are tried again.", len(ids)).format(n=len(ids))

    def skip(self, control: RunControl, ids: Sequence[str], running: Sequence[str]) -> str:
        """End these as skipped; what had not begun can be brought back."""
        control.skip(tuple(ids), by=BY)
        queued = tuple(i for i in ids if i not in running)
        said = _n("{n} skipped.", "{n} skipped.", len(ids)).format(n=len(ids))
        if not queued:
            self._remember(_("ending what was running"), None)
            return said
        back = _n("{n} in line again", "{n} in line again", len(queued)).format(n=len(queued))
        self._remember(back, lambda c: c.retry(queued, by=BY))
        return _("{what} u takes back what had not begun.").format(what=said)

    def stop(self, control: RunControl, choice: Choice) -> str:
        """Do what a line of the stop menu says."""
        assert choice.scope is not None
        for subtask in choice.subtasks or (None,):
            control.cancel(choice.scope, choice.manner, by=BY, wave=choice.wave, subtask=subtask)
        self._remember(_("a stop"), None)
        if choice.manner is Manner.FINISH:
            return _("Stopping: what is in flight ends by itself, nothing more starts.")
        return _("Stopping now.") if choice.scope is not Scope.SUBTASK else _("Ending it now.")

    def decide(
        self,
        control: RunControl,
        asks: Sequence[Ask],
        decision: Decision,
        scope: GrantScope = GrantScope.ONCE,
        reason: str = "",
    ) -> str:
        """Answer requests of agents, all in the same way."""
        for ask in asks:
            control.decide(ask.approval, decision, by=BY, scope=scope, reason=reason)
        self._remember(_("an answer"), None)
        count = len(asks)
        if decision is Decision.DENY:
            return _n("Denied.", "{n} denied.", count).format(n=count)
        if asks[0].question:
            return _("Answered.")
        if scope is GrantScope.SUBTASK:
            return _n("Allowed for the subtask.", "{n} allowed for their subtasks.", count).format(n=count)
        if scope is GrantScope.RUN:
            return _n("Allowed for the run.", "{n} allowed for the run.", count).format(n=count)
        return _n("Allowed once.", "{n} allowed once.", count).format(n=count)

    def settle_changes(self, control: RunControl, subtask: str, *, accept: bool) -> str:
        """Take over or throw away what a subtask changed."""
        control.settle_changes(subtask, accept=accept, by=BY)
        self._remember(_("what was decided about changes"), None)
        return _("Taking them over.") if accept else _("Dropping them.")

    def undo(self, control: RunControl) -> str:
        """Take the last action back; one that cannot be is named, and the next undo goes on before it."""
        if not self._done:
            return _("There is nothing to take back.")
        last = self._done.pop()
        if last.call is None:
            before = _("; u goes on to: {what}").format(what=self._done[-1].said) if self._done else ""
            return _("{what} cannot be taken back{before}.").format(what=_capital(last.said), before=before)
        last.call(control)
        return _("Taken back: {what}.").format(what=last.said)

    def _remember(self, said: str, call: Callable[[RunControl], None] | None) -> None:
        self._done.append(_Act(said, call))


def _count(workers: int | Staffing) -> str:
    return workers.value if isinstance(workers, Staffing) else str(workers)


def _cap(usd: float | None) -> str:
    return _("without a cap") if usd is None else money(usd)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
