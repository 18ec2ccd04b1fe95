"""Whether a run's plan file is still the one that ran, and in words what differs where it is not."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path

from luna_tui.core.clean import clean_line
from luna_tui.core.errors import ExitCode, LunaError
from luna_tui.core.plan import Plan, Subtask
from luna_tui.storage.paths import RunDir, why_not
from luna_tui.storage.run_meta import RunMeta

_MOST_LINES = 60
_MOST_CHARS = 200
_NAMED = 5


def kept_content(run_dir: RunDir, meta: RunMeta) -> bytes:
    """The plan as it ran; LunaError(78) when it was not kept, or is another one now."""
    path = run_dir.path / meta.kept_plan
    content = _read(path)
    if not meta.plan and not content:
        raise _cannot(f"{run_dir.run} ran a plan that was never a file", "start it the way it was started")
    if hashlib.sha256(content).hexdigest() != meta.plan_sha256:
        raise _cannot(f"{path} was changed since the run began", f"the plan came from {meta.plan}")
    return content


def current_content(args_plan: Path | None, meta: RunMeta) -> bytes | None:
    """The plan file as it is now: the one that was named, else the one that ran; None = it is gone."""
    if args_plan is not None:
        return _read(args_plan)
    try:
        return Path(meta.plan).read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _cannot(f"{meta.plan}: {why_not(error)}", "make it readable, or move it away") from error


def changed_plan(
    run_dir: RunDir, meta: RunMeta, kept: bytes, now: bytes, load: Callable[[Path], Plan], *, retry: bool
) -> LunaError:
    """The refusal to go on with a plan that is another one now: what differs, and both ways to go on."""
    before, after = run_dir.path / meta.kept_plan, Path(meta.plan)
    lines = [f"{after} is not the plan that {run_dir.run} ran any more:"]
    lines += diff_lines(kept, now)
    lines += _in_words(lambda: load(before), lambda: load(after))
    verb = "retry" if retry else "resume"
    hint = (
        f"as it was: luna-tui {verb} {run_dir.run} --plan {before}\n"
        f"as it is now, in a new run that keeps what is unchanged: "
        f"luna-tui resume {run_dir.run} --plan {after}"
    )
    return LunaError("the plan changed", "\n".join(lines), hint, ExitCode.INVALID)


def diff_lines(before: bytes, after: bytes) -> list[str]:
    """A unified diff for a terminal: cleaned, and not longer than a screen or two."""
    found = difflib.unified_diff(_lines(before), _lines(after), "as it ran", "as it is now", n=2, lineterm="")
    shown: list[str] = []
    for count, line in enumerate(found, 1):
        if count > _MOST_LINES:
            return [*shown, f"... and more than {_MOST_LINES} lines"]
        shown.append(line)
    return shown


def summary(before: Plan, after: Plan) -> list[str]:
    """Subtasks that are new, gone, or another one under the same id."""
    was, now = _by_id(before), _by_id(after)
    groups = (
        ("new", [i for i in now if i not in was]),
        ("gone", [i for i in was if i not in now]),
        ("changed", [i for i in now if i in was and now[i] != was[i]]),
    )
    return [f"{word}: {_named(ids)}" for word, ids in groups if ids]


def _in_words(before: Callable[[], Plan], after: Callable[[], Plan]) -> list[str]:
    try:
        return summary(before(), after()) or ["every subtask is the same"]
    except LunaError as error:
        first = error.message.splitlines()[0] if error.message else error.title
        return [f"as it is now it cannot run: {first}"]


def _by_id(plan: Plan) -> dict[str, Subtask]:
    return {s.id: s for s in plan.subtasks()}


def _named(ids: Iterable[str]) -> str:
    every = list(ids)
    more = f" and {len(every) - _NAMED} more" if len(every) > _NAMED else ""
    return f"{len(every)} ({', '.join(every[:_NAMED])}{more})"


def _lines(content: bytes) -> list[str]:
    text = content.decode("utf-8", "replace")
    return [clean_line(line)[:_MOST_CHARS] for line in text.splitlines()]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _cannot(f"{path}: {why_not(error)}", "name the plan with --plan FILE") from error


def _cannot(why: str, hint: str) -> LunaError:
    return LunaError("cannot go on", why, hint, ExitCode.INVALID)
