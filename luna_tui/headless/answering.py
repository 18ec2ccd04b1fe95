"""Answer what agents ask for on a plain console: the oldest request is told whole, then a line is typed."""

from __future__ import annotations

from collections.abc import Callable

from luna_tui.core.agents import Ask
from luna_tui.core.clean import clean, clean_line
from luna_tui.core.tongue import _
from luna_tui.core.words import Decision, GrantScope
from luna_tui.session.protocol import Session

LOOK_S = 0.5
"""A line that comes sooner after the request was told was typed ahead, and meant for something else."""
_SCOPES = {"y": GrantScope.ONCE, "s": GrantScope.SUBTASK, "r": GrantScope.RUN}


class Answering:
    """One request at a time; nothing is decided by an empty line."""

    def __init__(self, session: Session, say: Callable[[str], None], tell: Callable[[str], None]) -> None:
        """`say` takes a sentence and puts the time before it, `tell` a line as it is."""
        self._session = session
        self._say = say
        self._tell = tell
        self._name = ""
        self._told_at = 0.0
        self._answered: set[str] = set()
        """Names of requests that were answered here, and may not be events yet."""

    @property
    def waits(self) -> bool:
        """The next line that is typed is an answer."""
        return bool(self._name)

    def ask(self) -> None:
        """Tell the oldest open request, and wait for an answer; say so when there is none."""
        state = self._session.state()
        if self._session.control is None or state.finished is not None:
            self._say(_("The run takes no answers here."))
            return
        asks = [ask for ask in state.asks.values() if ask.approval not in self._answered]
        if not asks:
            self._say(_("No agent asks for anything."))
            return
        ask = asks[0]
        self._name, self._told_at = ask.approval, self._session.clock.now()
        label = state.subtasks[ask.subtask].label
        what = clean_line(ask.summary if ask.question else f"{ask.tool}: {ask.summary}")
        said = _("{label} asks: {what}") if ask.question else _("{label} asks to use {what}")
        self._say(said.format(label=label, what=what))
        for line in clean(ask.detail).splitlines():
            self._tell(f"    {line}")
        self._tell(_how(ask))

    def answer(self, typed: str) -> None:
        """Take one line as the answer to the request that was told last."""
        name, self._name = self._name, ""
        ask = self._session.state().asks.get(name)
        control = self._session.control
        if not typed:
            self._say(_("Nothing was decided; a asks again."))
        elif ask is None or control is None:
            self._say(_("It is no longer asked; nothing was decided."))
        elif self._session.clock.now() - self._told_at < LOOK_S:
            self._say(_("That came before it could be read; nothing was decided, a asks again."))
        else:
            decided = _decided(ask, typed)
            if decided is None:
                self._say(
                    _("{text} is no answer; nothing was decided, a asks again.").format(text=repr(typed[:40]))
                )
                return
            decision, scope, reason = decided
            self._answered.add(name)
            control.decide(name, decision, by="user", scope=scope, reason=reason)


def _how(ask: Ask) -> str:
    if ask.question and ask.choices:
        return _(
            "Type the number of a choice or an answer, n: and why not, or nothing to leave it, and enter."
        )
    if ask.question:
        return _("Type an answer, n: and why not, or nothing to leave it, and enter.")
    if ask.pattern:
        said = _(
            "Type y: once, s: for the subtask, r: for the run (both cover {pattern}), "
            "n and a reason: deny, or nothing to leave it, and enter."
        )
        return said.format(pattern=clean_line(ask.pattern))
    return _("Type y: once, n and a reason: deny, or nothing to leave it, and enter.")


def _decided(ask: Ask, typed: str) -> tuple[Decision, GrantScope, str] | None:
    """What a line means; None when it means nothing."""
    word, _space, rest = typed.partition(" ")
    if ask.question:
        if word == "n:":
            return Decision.DENY, GrantScope.ONCE, rest.strip()
        if typed.isascii() and typed.isdigit() and ask.choices:
            number = int(typed[:3])
            fits = 0 < number <= len(ask.choices)
            return (Decision.ALLOW, GrantScope.ONCE, clean_line(ask.choices[number - 1])) if fits else None
        return Decision.ALLOW, GrantScope.ONCE, clean_line(typed)
    if word in ("n", "n:"):
        return Decision.DENY, GrantScope.ONCE, clean_line(rest)
    scope = _SCOPES.get(typed)
    if scope is None or (scope is not GrantScope.ONCE and not ask.pattern):
        return None
    return Decision.ALLOW, scope, ""
