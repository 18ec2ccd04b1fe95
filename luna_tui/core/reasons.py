"""Say the engine's own reasons in the chosen language; the journal keeps them as they were written."""

from __future__ import annotations

import re

from luna_tui.core.tongue import N_, _

_KNOWN = (
    N_("sequential: the plan says parallel = false"),
    N_("sequential: one subtask"),
    N_("sequential: one worker"),
    N_("parallel: {n} subtasks, as many at once as the limits can use"),
    N_("parallel: {n} subtasks on {w} workers"),
    N_("timed out after {n} s"),
    N_("the wave timed out after {n} s"),
    N_("needs {id}, which failed"),
    N_("needs {id}, which timed out"),
    N_("needs {id}, which was skipped"),
    N_("needs {id}, which was cancelled"),
    N_("cancelled by {who}"),
    N_("tried again by {who}"),
    N_("skipped by {who}"),
    N_("what is left would exceed the budget of {usd}"),
    N_("wave {name} did not succeed and the plan says stop"),
    N_("wave {name} did not succeed and the plan says replan"),
    N_("{n} threads ignored their cancellation"),
    N_("the plan asks Claude, and no API key was found"),
    N_("not saved: {why}"),
    N_("the disk is full"),
    N_("your quota is used up"),
    N_("the disk is read-only"),
    N_("the disk reports an input/output error"),
    N_("permission denied"),
    N_("the journal was removed; it is written once more"),
    N_("the thread that writes the journal broke"),
    N_("the journal could not be written to its end"),
    N_("the process ended"),
)
"""What the engine says when it is the engine that decides; what a model or a server said is not here."""
_MODES = {
    "conservative": N_("conservative"),
    "balanced": N_("balanced"),
    "aggressive": N_("aggressive"),
}


def _pattern(text: str) -> re.Pattern[str]:
    kind = {"n": r"[\d.]+", "w": r"\d+"}
    parts = re.split(r"\{(\w+)\}", text)
    return re.compile(
        "".join(f"(?P<{p}>{kind.get(p, '.+')})" if n % 2 else re.escape(p) for n, p in enumerate(parts))
    )


_PATTERNS = tuple((_pattern(text), text) for text in _KNOWN)


def reason_words(reason: str) -> str:
    """A reason in the chosen language; as it is where the engine did not write it."""
    for pattern, text in _PATTERNS:
        found = pattern.fullmatch(reason)
        if found is not None:
            named = found.groupdict()
            if "who" in named:
                named["who"] = who_asked(named["who"])
            if "why" in named:
                named["why"] = reason_words(named["why"])
            return _(text).format(**named)
    return reason


def mode_word(mode: str) -> str:
    """The name of a mode; the command line takes it in both languages."""
    return _(_MODES[mode]) if mode in _MODES else mode


_WHO = {"user": N_("user"), "resume": N_("resume")}


def who_asked(by: str) -> str:
    """Who gave a command: the person at the screen by a word, a signal by its name."""
    return _(_WHO[by]) if by in _WHO else by
