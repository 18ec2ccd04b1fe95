"""The queue of what agents ask for: looked at whole, then allowed, denied or answered."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial, partialmethod

from luna_tui.core.agents import Ask
from luna_tui.core.clean import clean_line
from luna_tui.core.tongue import _, _n
from luna_tui.core.words import Decision, GrantScope
from luna_tui.tui.screens.asking import Asking, Question
from luna_tui.tui.screens.base import bindings
from luna_tui.tui.screens.detailed import DetailScreen
from luna_tui.tui.views.asking import Said
from luna_tui.tui.views.asks import SAID, AsksLook, ask_document, asks_view
from luna_tui.tui.views.banner import no_commands
from luna_tui.tui.views.keys import SCREEN_KEYS
from luna_tui.tui.views.spans import Looks, Panel
from luna_tui.tui.views.subtask_tabs import Document

_ON_ITS_WAY_S = 5.0
"""How long an answer may take to show as an event, before its request counts as open again."""


class AsksScreen(DetailScreen):
    """Open requests, the oldest first; nothing is allowed but by a key that says so."""

    KEYS = SCREEN_KEYS["asks"]
    BINDINGS = bindings(KEYS)
    SAID = SAID

    def __init__(self) -> None:
        super().__init__()
        self.marked: set[str] = set()
        """Names of requests that are answered at once."""
        self._sent: dict[str, float] = {}
        """Name of a request -> when it was answered from here."""

    def entries(self) -> Sequence[str]:
        """Names of the requests that are open."""
        return [ask.approval for ask in self._open()]

    def document(self, key: str) -> Document:
        """The request, whole."""
        return ask_document(self.luna.state_now()[0].asks[key])

    def left(self, key: str) -> str:
        """Somebody else decided, or nobody has to any more."""
        return "" if key in self._sent else _("The request that was shown here is no longer open.")

    def view(self, looks: Looks) -> Panel:
        """The queue."""
        state, now_s = self.luna.state_now()
        look = AsksLook(
            asks=self._open(),
            marked=self.marked & set(self.entries()),
            read=tuple(self.reading.shown(self.reads)),
            below=self.below,
            why_not="" if self.luna.takes_commands() else no_commands(self.luna.watching),
        )
        return asks_view(state, look, now_s, looks)

    def under_cursor(self) -> tuple[str, ...]:
        """The subtask that asks."""
        ask = self._ask()
        return () if ask is None else (ask.subtask,)

    def picked(self, key: str) -> None:
        """A subtask is gone to by its oldest request."""
        found = [ask.approval for ask in self._open() if key in (ask.approval, ask.subtask)]
        super().picked(found[0] if found else key)

    def action_open(self) -> None:
        """The subtask that asks."""
        for subtask in self.under_cursor():
            self.luna.open_subtask(subtask)

    def action_mark(self) -> None:
        """Mark the request, or take the mark away; then go on to the next one."""
        if self.selected is not None:
            self.marked ^= {self.selected}
            self._move(1)

    def action_allow(self) -> None:
        """Once; a question is answered with a text."""
        ask = self._ask()
        if ask is not None and ask.question and not self._marks():
            self._type_answer(ask)
        else:
            self._allow(GrantScope.ONCE)

    def action_allow_subtask(self) -> None:
        """What the rule covers, for the subtask."""
        self._allow(GrantScope.SUBTASK)

    def action_allow_run(self) -> None:
        """What the rule covers, for the run."""
        self._allow(GrantScope.RUN)

    def action_deny(self) -> None:
        """Ask for a reason, then deny."""
        asks = self._targets()
        if not asks:
            return
        question = all(ask.question for ask in asks)
        label = _("no answer, because") if question else _("deny, because")
        says = partial(_says, _("the agent reads it; enter without a word is fine"))
        self.app.push_screen(
            Asking(Question("reason", label, says=says)), partial(self._deny, [a.approval for a in asks])
        )

    def _allow(self, scope: GrantScope) -> None:
        asks = [ask for ask in self._targets() if not ask.question]
        if not asks:
            if self._ready() and self.selected is not None:
                self.luna.say(_("That is a question: choose by number, or y types the answer."))
            return
        fit = asks if scope is GrantScope.ONCE else [ask for ask in asks if ask.pattern]
        if not fit:
            text = _n("That can only be allowed once (y).", "These can only be allowed once (y).", len(asks))
            self.luna.say(text)
            return
        self._decide([ask.approval for ask in fit], Decision.ALLOW, scope)

    def _deny(self, names: Sequence[str], reason: str | None) -> None:
        if reason is not None:
            self._decide(names, Decision.DENY, reason=reason)

    def _type_answer(self, ask: Ask) -> None:
        if self._ready():
            says = partial(_says, _("the agent reads it"))
            label = _("answer {label}").format(label=self.luna.state_now()[0].subtasks[ask.subtask].label)
            self.app.push_screen(
                Asking(Question("answer", label, says=says)), partial(self._answer, ask.approval)
            )

    def _answer(self, name: str, text: str | None) -> None:
        if text:
            self._decide([name], Decision.ALLOW, reason=text)
        elif text is not None:
            self.luna.say(_("Nothing was typed: it still waits for an answer (n answers nothing)."))

    def _choose(self, number: int) -> None:
        """Answer with the choice of this number, from 1."""
        ask = self._ask()
        if ask is None or not self._ready():
            return
        if not 0 < number <= len(ask.choices):
            self.luna.say(_("There is no choice {n} here.").format(n=number))
            return
        self._decide([ask.approval], Decision.ALLOW, reason=clean_line(ask.choices[number - 1]))

    action_choice_1 = partialmethod(_choose, 1)
    action_choice_2 = partialmethod(_choose, 2)
    action_choice_3 = partialmethod(_choose, 3)
    action_choice_4 = partialmethod(_choose, 4)
    action_choice_5 = partialmethod(_choose, 5)
    action_choice_6 = partialmethod(_choose, 6)
    action_choice_7 = partialmethod(_choose, 7)
    action_choice_8 = partialmethod(_choose, 8)
    action_choice_9 = partialmethod(_choose, 9)

    def _decide(
        self,
        names: Sequence[str],
        decision: Decision,
        scope: GrantScope = GrantScope.ONCE,
        reason: str = "",
    ) -> None:
        """Send what was decided; then the next open request is shown."""
        control = self.luna.commands()
        if control is None:
            return
        asks = [ask for ask in self._open() if ask.approval in names]
        if not asks:
            self.luna.say(_("It is no longer asked; nothing was decided."))
            return
        said = self.luna.acts.decide(control, asks, decision, scope, reason)
        now = self.luna.moment
        self._sent.update((ask.approval, now) for ask in asks)
        self.marked.difference_update(ask.approval for ask in asks)
        self.luna.say(said)

    def _ready(self) -> bool:
        """Whether a key may act: on a run that takes commands, and on what was looked at."""
        return self.luna.commands() is not None and self.looked_at()

    def _targets(self) -> list[Ask]:
        """The marked requests, else the one that is shown; none, with a notice, when no key may act."""
        if not self.entries():
            self.luna.say(_("No agent asks for anything."))
            return []
        if not self._ready():
            return []
        marks = self._marks()
        wanted = marks or {self.selected or ""}
        return [ask for ask in self._open() if ask.approval in wanted]

    def _marks(self) -> set[str]:
        return self.marked & set(self.entries())

    def _ask(self) -> Ask | None:
        return next((ask for ask in self._open() if ask.approval == self.selected), None)

    def _open(self) -> list[Ask]:
        """Without those that were answered from here a moment ago."""
        now = self.luna.moment
        asks = self.luna.state_now()[0].asks
        self._sent = {name: at for name, at in self._sent.items() if name in asks}
        return [a for a in asks.values() if now - self._sent.get(a.approval, -_ON_ITS_WAY_S) >= _ON_ITS_WAY_S]


def _says(text: str, typed: str) -> Said:
    return Said(text)
