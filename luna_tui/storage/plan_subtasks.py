"""Read one subtask of a plan file."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from luna_tui.core.clean import clean_line
from luna_tui.core.plan import Estimate, Subtask
from luna_tui.core.templates import names
from luna_tui.core.words import Kind, Priority
from luna_tui.storage.fields import Table, shortened
from luna_tui.storage.plan_calls import read_call
from luna_tui.storage.plan_expect import ExpectReader
from luna_tui.storage.plan_grants import granted, isolation, turns
from luna_tui.storage.plan_inputs import Inputs
from luna_tui.storage.plan_roles import RoleReader
from luna_tui.storage.plan_talk import read_messages
from luna_tui.storage.plan_templates import check_references, filled
from luna_tui.storage.plan_workspace import PlanFiles

MAX_PROMPT_CHARS = 4_000_000
MAX_FILES = 100
_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_WHEN = ("timeout", "retries", "depends_on", "priority")
_COMMON = ("id", "title", "kind", *_WHEN, "expect", "estimate", "isolate")
_CLAUDE = ("prompt", "messages", "role", "system", "files", "model", "max_tokens", "tools", "max_turns")
_COMMAND = ("command", "shell", "ok_codes")
_PYTHON = ("callable", "args", "kwargs")
_PROCESS = ("env", "cwd")
_FOREIGN = {
    Kind.CLAUDE: (*_COMMAND, *_PYTHON, *_PROCESS),
    Kind.COMMAND: (*_CLAUDE, *_PYTHON),
    Kind.PYTHON: (*_CLAUDE, *_COMMAND),
}
"""Keys that belong to other kinds only."""
_QUICK = frozenset(("id", "title", "prompt"))
"""What most maps fill in, and what decides nothing about the other keys."""
SUBTASK_KEYS = (*_COMMON, *_CLAUDE, *_COMMAND, *_PYTHON, *_PROCESS)
"""Every key a subtask or [defaults] may have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanDefaults:
    """What the config says where the plan is silent."""

    model: str = "claude-haiku-5-5"
    max_tokens: int = 1024
    timeout: float = 60.0
    wave_timeout: float = 120.0
    retries: int = 2


@dataclass(frozen=True, slots=True)
class Read:
    """A subtask as it was read."""

    subtask: Subtask
    mentions: Mapping[str, str]
    """Id of a result that is used without being in depends_on -> the key whose text uses it."""


class SubtaskReader:
    """Reads the subtasks of one plan; every problem goes to the table's problems."""

    def __init__(
        self,
        defaults: PlanDefaults,
        files: PlanFiles | None,
        inputs: Inputs | None,
        values: Mapping[str, str],
    ) -> None:
        self._defaults = defaults
        self._files = files
        """None when the workspace itself cannot be used."""
        self._expect = ExpectReader(inputs)
        self._roles = RoleReader(inputs)
        self._values = values
        """Names of templates that are known when a plan is loaded."""

    def read(self, table: Table) -> Read | None:
        """The subtask in `table`; None when it has no usable id."""
        table.refuse_unknown(SUBTASK_KEYS, "a subtask")
        subtask_id = _id(table)
        kind = table.choice("kind", Kind, Kind.CLAUDE)
        common = subtask = self._common(table, subtask_id or "-", kind)
        mentions: dict[str, str] = {}
        if table.values.get("kind", Kind.CLAUDE) in list(Kind):
            _refuse_foreign(table, kind)
            match kind:
                case Kind.CLAUDE:
                    subtask = self._claude(table, common, mentions)
                case Kind.COMMAND:
                    subtask = self._command(table, common, mentions)
                case Kind.PYTHON:
                    subtask = self._python(table, common, mentions)
        only = {i: key for i, key in mentions.items() if i not in common.depends_on}
        return None if subtask_id is None else Read(subtask, only)

    def variant(self, like: Read, table: Table, keys: Collection[str]) -> Read | None:
        """The subtask in `table`, which differs from one that was read before in `keys` only."""
        if not _QUICK.issuperset(keys) or like.subtask.kind is not Kind.CLAUDE:
            return self.read(table)
        subtask_id, before = _id(table), like.subtask
        if subtask_id is None:
            return None
        prompt, mentions = before.prompt, dict(like.mentions)
        needs = tuple(i for i in before.depends_on if i not in like.mentions)
        if "prompt" in keys:
            prompt, mentions = _prompt(table), {}
            check_references(table, "prompt", [prompt], mentions, files=len(before.files))
        only = {i: key for i, key in mentions.items() if i not in needs}
        title = clean_line(table.text("title", subtask_id)) or subtask_id
        made = replace(before, id=subtask_id, title=title, prompt=prompt, depends_on=(*needs, *only))
        return Read(made, only)

    def _common(self, table: Table, subtask_id: str, kind: Kind) -> Subtask:
        return Subtask(
            id=subtask_id,
            title=clean_line(table.text("title", subtask_id)) or subtask_id,
            kind=kind,
            timeout=table.seconds("timeout", self._defaults.timeout),
            retries=table.whole("retries", self._defaults.retries, 0, 100),
            depends_on=tuple(dict.fromkeys(table.texts("depends_on", single=True))),
            priority=table.choice("priority", Priority, Priority.IMPORTANT),
            expect=self._expect.read(table),
            estimate=_estimate(table),
            isolate=isolation(table),
            model=self._defaults.model,
            max_tokens=self._defaults.max_tokens,
        )

    def _claude(self, table: Table, common: Subtask, mentions: dict[str, str]) -> Subtask:
        prompt = _prompt(table)
        files = self._attached(table)
        system = table.text("system")
        check_references(table, "prompt", [prompt], mentions, files=len(files))
        if any(n.partition(".")[0] in ("results", "files", "run") for n in names(system)):
            table.wrong("system", "system is sent as it stands, without {{ }}", "use it in prompt")
        tools, role, model = granted(table), self._roles.read(table), ""
        if role is not None:
            self._roles.tell_lacking(table, role, tools)
            system = "\n\n".join(part for part in (role.system, system) if part)
            model = "" if "model" in table.own else role.model
        return replace(
            common,
            depends_on=_needs(common, mentions),
            prompt=prompt,
            messages=read_messages(table) if "messages" in table.values else (),
            system=system,
            files=files,
            files_chars=sum(map(self._files.size, files)) if self._files is not None else 0,
            model=model or table.text("model", self._defaults.model, empty=False),
            max_tokens=table.whole("max_tokens", self._defaults.max_tokens, 1, 1_000_000),
            tools=tools,
            max_turns=turns(table),
        )

    def _command(self, table: Table, common: Subtask, mentions: dict[str, str]) -> Subtask:
        command = tuple(filled(word, self._values) for word in _words(table))
        check_references(table, "command", command, mentions)
        env = self._env(table, mentions)
        return replace(
            common,
            depends_on=_needs(common, mentions),
            command=command,
            shell=table.flag("shell", False),
            env=env,
            cwd=self._cwd(table),
            ok_codes=_ok_codes(table),
        )

    def _python(self, table: Table, common: Subtask, mentions: dict[str, str]) -> Subtask:
        call = read_call(table, self._values)
        for key in ("args", "kwargs"):
            check_references(table, key, call.texts[key], mentions)
        env = self._env(table, mentions)
        return replace(
            common,
            depends_on=_needs(common, mentions),
            callable=call.callable,
            args=call.args,
            kwargs=call.kwargs,
            env=env,
            cwd=self._cwd(table),
        )

    def _env(self, table: Table, mentions: dict[str, str]) -> tuple[tuple[str, str], ...]:
        env = tuple((name, filled(value, self._values)) for name, value in _env(table))
        check_references(table, "env", [value for _, value in env], mentions)
        return env

    def _attached(self, table: Table) -> tuple[str, ...]:
        attached = table.texts("files")
        if len(attached) > MAX_FILES:
            table.wrong("files", f"{len(attached):,} files are attached", f"at most {MAX_FILES} a subtask")
        elif self._files is not None:
            for problem in filter(None, map(self._files.problem, attached)):
                table.wrong("files", *problem)
        return attached

    def _cwd(self, table: Table) -> str:
        cwd = filled(table.text("cwd", "."), self._values)
        if left := names(cwd):
            known = ", ".join(self._values)
            table.wrong("cwd", f"{{{{ {shortened(left[0])} }}}} cannot be used in cwd", f"names: {known}")
        elif self._files is not None and cwd != ".":
            problem = self._files.folder_problem(cwd)
            if problem is not None:
                table.wrong("cwd", problem, "a folder relative to the workspace")
        return cwd


def _needs(common: Subtask, mentions: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*common.depends_on, *mentions)))


def _id(table: Table) -> str | None:
    if "id" not in table.own:
        table.problems.add(table.path, "a subtask needs an id", 'id = "docs-faq"')
        return None
    value = table.own["id"]
    if not isinstance(value, str):
        table.text("id")
        return None
    if not _ID.fullmatch(value) or value in (".", "..") or value[0] == "-":
        rule = "1 to 64 of the characters A-Z a-z 0-9 . _ -, not starting with -"
        table.wrong("id", f"{clean_line(value[:80])!r} is no id", rule)
        return None
    return value


def _refuse_foreign(table: Table, kind: Kind) -> None:
    """Keys of the other kind; those that only [defaults] gives do not matter."""
    for key in _FOREIGN[kind]:
        if key in table.own:
            table.wrong(key, f"{key} does not belong to a {kind} subtask", f"set kind or remove {key}")


def _prompt(table: Table) -> str:
    prompt = table.text("prompt")
    if isinstance(table.values.get("prompt", ""), str) and not prompt.strip():
        table.wrong("prompt", "a claude subtask needs a prompt", 'prompt = "…"')
    elif len(prompt) > MAX_PROMPT_CHARS:
        what = f"the prompt has {len(prompt):,} characters, more than {MAX_PROMPT_CHARS:,}"
        table.wrong("prompt", what, "attach a file instead")
    return prompt


def _words(table: Table) -> tuple[str, ...]:
    shell = table.values.get("shell") is True
    value = table.values.get("command")
    if isinstance(value, str) and not shell:
        fix = f"command = {value[:200].split()!r}, or add shell = true"
        table.wrong("command", "a command is a list of words", fix)
        return ()
    words = table.texts("command", single=shell)
    if not words and value not in (None, []):
        return ()
    if not words or not words[0].strip():
        table.wrong("command", "a command subtask needs a command", 'command = ["pytest", "-q"]')
    elif shell and len(words) > 1:
        table.wrong("command", "with shell = true the command is one text", 'command = "a | b"')
    elif any("\0" in word for word in words):
        table.wrong("command", "a command cannot hold a NUL character", "remove it")
    return words


def _env(table: Table) -> list[tuple[str, str]]:
    env = table.table("env")
    pairs = []
    for name, value in env.values.items():
        if not isinstance(value, str):
            env.wrong(name, f"{name} must be text", "put it in quotes")
        elif not name or "=" in name or "\0" in name + value:
            env.wrong(
                name, f"{shortened(name)!r} cannot be a variable with this value", "letters, digits and _"
            )
        else:
            pairs.append((name, value))
    return pairs


def _estimate(table: Table) -> Estimate:
    if "estimate" not in table.values:
        return Estimate()
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
        table.wrong("ok_codes", "ok_codes must be a list of exit codes, 0 to 255", "ok_codes = [0, 1]")
        return (0,)
    return tuple(value)
