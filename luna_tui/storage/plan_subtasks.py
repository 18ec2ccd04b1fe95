"""Read one subtask of a plan file."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from luna_tui.core.clean import clean_line
from luna_tui.core.plan import Estimate, Expectation, Subtask
from luna_tui.core.templates import names, render
from luna_tui.core.words import Kind, Priority
from luna_tui.storage.fields import Table, nearest

MAX_FILE_BYTES = 1024 * 1024
MAX_PROMPT_CHARS = 4_000_000
_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_COMMON = ("id", "title", "kind", "timeout", "retries", "depends_on", "priority", "expect", "estimate")
_CLAUDE = ("prompt", "system", "files", "model", "max_tokens")
_COMMAND = ("command", "shell", "env", "cwd", "ok_codes")
_LATER = ("tools", "callable", "kwargs", "args")
SUBTASK_KEYS = (*_COMMON, *_CLAUDE, *_COMMAND, *_LATER)
"""Every key a subtask or [defaults] may have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanDefaults:
    """What the config says where the plan is silent."""

    model: str = "claude-haiku-5-5"
    max_tokens: int = 1024
    timeout: float = 60.0
    wave_timeout: float = 120.0
    retries: int = 2


def read_subtask(
    table: Table, own: Mapping[str, Any], defaults: PlanDefaults, workspace: str, values: Mapping[str, str]
) -> Subtask | None:
    """The subtask in `table` (its own keys over [defaults]); None when it has no usable id."""
    table.refuse_unknown(SUBTASK_KEYS, "a subtask")
    subtask_id = _id(table)
    kind = table.choice("kind", Kind, Kind.CLAUDE)
    _refuse_later(table, own, kind)
    _refuse_misplaced(table, own, kind)
    command = _command(table, kind, values)
    prompt = _prompt(table, kind)
    files = table.texts("files") if kind is Kind.CLAUDE else ()
    _check_files(table, files, workspace)
    env = _env(table, values) if kind is Kind.COMMAND else ()
    used = [
        *names(prompt),
        *(n for word in command for n in names(word)),
        *(n for _, v in env for n in names(v)),
    ]
    _check_names(table, used, len(files))
    depends_on = _depends_on(table, used)
    if subtask_id is None:
        return None
    return Subtask(
        id=subtask_id,
        title=clean_line(table.text("title", subtask_id)) or subtask_id,
        kind=kind,
        timeout=table.seconds("timeout", defaults.timeout),
        retries=table.whole("retries", defaults.retries, 0, 100),
        depends_on=depends_on,
        priority=table.choice("priority", Priority, Priority.IMPORTANT),
        expect=_expect(table),
        estimate=_estimate(table),
        prompt=prompt,
        system=table.text("system") if kind is Kind.CLAUDE else "",
        files=files,
        model=table.text("model", defaults.model, empty=False),
        max_tokens=table.whole("max_tokens", defaults.max_tokens, 1, 1_000_000),
        command=command,
        shell=table.flag("shell", False),
        env=env,
        cwd=_filled(table.text("cwd", "."), values),
        ok_codes=_ok_codes(table),
    )


def _id(table: Table) -> str | None:
    value = table.values.get("id")
    if value is None:
        table.problems.add(table.path, "a subtask needs an id", 'id = "docs-faq"')
        return None
    if not isinstance(value, str) or not _ID.fullmatch(value) or value in (".", "..") or value[0] == "-":
        table.wrong(
            "id",
            f"{clean_line(str(value))[:80]!r} is no id",
            "1 to 64 of the characters A-Z a-z 0-9 . _ -, not starting with -",
        )
        return None
    return value


def _refuse_later(table: Table, own: Mapping[str, Any], kind: Kind) -> None:
    if kind is Kind.PYTHON:
        table.wrong(
            "kind", "python subtasks arrive in a later version", 'use kind = "command" with python -c'
        )
    elif "tools" in table.values:
        table.wrong(
            "tools", "tools arrive in a later version", "remove the key; attach files with files = [...]"
        )
    elif any(k in own for k in ("callable", "kwargs", "args")):
        table.wrong(
            "callable", 'callable and kwargs belong to kind = "python", which arrives in a later version'
        )


def _refuse_misplaced(table: Table, own: Mapping[str, Any], kind: Kind) -> None:
    """Keys of the other kind; those that only [defaults] gives do not matter."""
    foreign = {Kind.CLAUDE: _COMMAND, Kind.COMMAND: _CLAUDE}.get(kind, ())
    for key in foreign:
        if key in own:
            table.wrong(key, f"{key} does not belong to a {kind} subtask", f"set kind or remove {key}")


def _prompt(table: Table, kind: Kind) -> str:
    prompt = table.text("prompt") if kind is Kind.CLAUDE else ""
    if kind is Kind.CLAUDE:
        if not prompt.strip():
            table.wrong("prompt", "a claude subtask needs a prompt", 'prompt = "…"')
        elif len(prompt) > MAX_PROMPT_CHARS:
            table.wrong(
                "prompt", f"the prompt has more than {MAX_PROMPT_CHARS:,} characters", "attach a file instead"
            )
    return prompt


def _command(table: Table, kind: Kind, values: Mapping[str, str]) -> tuple[str, ...]:
    if kind is not Kind.COMMAND:
        return ()
    shell = table.values.get("shell") is True
    value = table.values.get("command")
    if isinstance(value, str) and not shell:
        table.wrong(
            "command", "a command is a list of words", f"command = {value.split()!r}, or add shell = true"
        )
        return ()
    words = table.texts("command", single=shell)
    if not words or not words[0].strip():
        table.wrong("command", "a command subtask needs a command", 'command = ["pytest", "-q"]')
    elif shell and len(words) > 1:
        table.wrong("command", "with shell = true the command is one text", 'command = "a | b"')
    elif any("\0" in word for word in words):
        table.wrong("command", "a command cannot hold a NUL character")
    return tuple(_filled(word, values) for word in words)


def _env(table: Table, values: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    env = table.table("env")
    pairs = []
    for name, value in env.values.items():
        if not isinstance(value, str):
            env.wrong(name, f"{name} must be text", "put it in quotes")
        elif not name or "=" in name or "\0" in name + value:
            env.wrong(name, "no valid name or value of a variable")
        else:
            pairs.append((name, _filled(value, values)))
    return tuple(pairs)


def _filled(text: str, values: Mapping[str, str]) -> str:
    """Fill in what is known at load time; the rest is filled in when the subtask starts."""
    kept = {name: "{{ " + name + " }}" for name in names(text)}
    return render(text, kept | dict(values))


def _check_files(table: Table, files: tuple[str, ...], workspace: str) -> None:
    root = Path(workspace)
    for name in files:
        path = Path(os.path.realpath(root / name)) if "\0" not in name else root
        shown = clean_line(name)
        if "\0" in name or not path.is_relative_to(root):
            table.wrong(
                "files",
                f"{shown} lies outside the workspace {workspace}",
                "move it in, or widen the workspace",
            )
            continue
        try:
            status = path.stat()
        except OSError:
            near = nearest(path.name, os.listdir(path.parent)) if path.parent.is_dir() else ""
            table.wrong(
                "files", f"{shown} does not exist in the workspace", near if near.startswith("did") else ""
            )
            continue
        if not stat.S_ISREG(status.st_mode):
            table.wrong("files", f"{shown} is not a regular file")
        elif status.st_size > MAX_FILE_BYTES:
            table.wrong(
                "files",
                f"{shown} has {status.st_size:,} bytes",
                f"at most {MAX_FILE_BYTES:,} can be attached",
            )


def _check_names(table: Table, used: list[str], files: int) -> None:
    key = "prompt" if "prompt" in table.values else "command"
    for name in dict.fromkeys(used):
        group, _, rest = name.partition(".")
        if group == "results" and rest:
            continue
        if group == "files" and rest.isdigit():
            if int(rest) >= files:
                table.wrong(
                    key, f"{{{{ {name} }}}} has no file", f"files has {files} entries, counted from 0"
                )
        elif name != "run.dir":
            valid = ("results.ID", "files.0", "run.dir")
            table.wrong(key, f"{{{{ {name} }}}} is not known here", nearest(name, valid))


def _depends_on(table: Table, used: list[str]) -> tuple[str, ...]:
    written = table.texts("depends_on", single=True)
    implied = [n.partition(".")[2] for n in used if n.startswith("results.")]
    return tuple(dict.fromkeys((*written, *implied)))


def _expect(table: Table) -> Expectation | None:
    if "expect" not in table.values:
        return None
    expect = table.table("expect")
    for later in ("schema", "regex", "command"):
        if later in expect.values:
            expect.wrong(
                later, f"expect.{later} arrives in a later version", "use json, contains or max_chars"
            )
    expect.refuse_unknown(("json", "contains", "max_chars", "schema", "regex", "command"), "expect")
    contains = expect.text("contains", empty=False) if "contains" in expect.values else None
    return Expectation(
        json=expect.flag("json", False),
        contains=contains,
        max_chars=expect.whole("max_chars", None, 1, 1_000_000_000),
    )


def _estimate(table: Table) -> Estimate:
    estimate = table.table("estimate")
    estimate.refuse_unknown(("input_tokens", "output_tokens", "seconds"), "estimate")
    return Estimate(
        input_tokens=estimate.whole("input_tokens", None, 1, 10_000_000),
        output_tokens=estimate.whole("output_tokens", None, 1, 10_000_000),
        seconds=estimate.seconds("seconds", None),
    )


def _ok_codes(table: Table) -> tuple[int, ...]:
    value = table.values.get("ok_codes", [0])
    if not isinstance(value, list) or not value or not all(type(v) is int and 0 <= v <= 255 for v in value):
        table.wrong("ok_codes", "ok_codes must be a list of exit codes", "ok_codes = [0, 1]")
        return (0,)
    return tuple(value)
