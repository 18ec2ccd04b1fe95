"""What a process that a plan starts sees of our environment."""

from __future__ import annotations

from collections.abc import Mapping

from luna_tui.runners.leftovers import MARK

_PASSED_ON = frozenset(
    {"PATH", "HOME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "USER", "LOGNAME", "SHELL", "CI"} | {"VIRTUAL_ENV"}
)
_PASSED_ON_PREFIXES = ("LC_", "PYTHON")
"""Variables a process sees besides those that its plan gives it; never a credential."""
_DEFAULTS = {"PYTHONUNBUFFERED": "1", "TERM": "dumb", "NO_COLOR": "1"}


def narrowed(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables that are passed on, and those that are always the same."""
    return {k: v for k, v in environ.items() if _is_passed_on(k)} | _DEFAULTS


def marks(run_dir: str) -> dict[str, str]:
    """What makes known to which run a process belongs; nothing for a run that keeps nothing."""
    return {MARK: run_dir} if run_dir else {}


def _is_passed_on(name: str) -> bool:
    return name in _PASSED_ON or name.startswith(_PASSED_ON_PREFIXES)
