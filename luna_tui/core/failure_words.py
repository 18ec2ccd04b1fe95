"""Kinds of failure in words, the same for every front end."""

from __future__ import annotations

from luna_tui.core.tongue import N_, _
from luna_tui.core.words import ErrorKind

KIND_WORDS: dict[str, str] = {
    ErrorKind.RATE_LIMITED: N_("rate limited"), ErrorKind.OVERLOADED: N_("overloaded"),
    ErrorKind.SERVER: N_("server error"), ErrorKind.CONNECTION: N_("connection broke"),
    ErrorKind.UNREACHABLE: N_("not reachable"), ErrorKind.TRUNCATED: N_("answer cut short"),
    ErrorKind.PROTOCOL: N_("answer not understood"), ErrorKind.STALLED: N_("stream stalled"),
    ErrorKind.AUTHENTICATION: N_("key not accepted"), ErrorKind.CREDENTIALS_MISSING: N_("no key"),
    ErrorKind.SPEND_LIMIT: N_("spend limit reached"), ErrorKind.INVALID_REQUEST: N_("invalid request"),
    ErrorKind.NOT_FOUND: N_("not found"), ErrorKind.TOO_LARGE: N_("request too large"),
    ErrorKind.REFUSED: N_("model refused"), ErrorKind.MAX_TOKENS: N_("token limit reached"),
    ErrorKind.EMPTY: N_("empty answer"), ErrorKind.EXPECTATION: N_("not as expected"),
    ErrorKind.EXIT_CODE: N_("exit code"), ErrorKind.SPAWN: N_("could not start"),
    ErrorKind.WORKSPACE: N_("workspace"), ErrorKind.CRASHED: N_("crashed"),
    ErrorKind.INTERRUPTED: N_("interrupted"), ErrorKind.MAX_TURNS: N_("turn limit reached"),
    ErrorKind.TOOLS: N_("tool not available"),
}  # fmt: skip


def failure_words(kind: str, status: int | None, message: str) -> str:
    """`overloaded (529)`, `exit code 3`; what was said where the kind is not known."""
    if not kind:
        return message or _("failed")
    word = _(KIND_WORDS[kind]) if kind in KIND_WORDS else kind
    if status is None:
        return word
    return f"{word} {status}" if kind == ErrorKind.EXIT_CODE else f"{word} ({status})"
