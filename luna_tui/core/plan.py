"""What a person asked for: a plan of waves of subtasks, already checked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from luna_tui.core.errors import Problem
from luna_tui.core.words import Isolation, Kind, OnFailure, Priority, Schedule


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """A checked success criterion; an output that misses it is a failure."""

    json: bool = False
    """The output must be one JSON value."""
    contains: str | None = None
    """Text that must occur in the output."""
    max_chars: int | None = None
    """Longest output accepted, in characters."""
    schema: str | None = None
    """A JSON schema, as JSON, that the output must satisfy; it must be JSON then."""
    regex: str | None = None
    """A regular expression that must match somewhere in the output."""
    command: tuple[str, ...] = ()
    """A command that gets the output on stdin and accepts it with exit code 0; empty = none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What the author of the plan expects one attempt to need; None = let the program guess."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Subtask:
    """One unit of work: one conversation or one process, with attempts."""

    id: str
    title: str
    kind: Kind = Kind.CLAUDE
    timeout: float = 60.0
    """Seconds over all attempts, counted from the first start; 0 = none. Queueing does not count."""
    retries: int = 2
    """Attempts after the first one."""
    depends_on: tuple[str, ...] = ()
    """Ids whose success is needed first, those used as `{{ results.ID }}` included."""
    priority: Priority = Priority.IMPORTANT
    expect: Expectation | None = None
    estimate: Estimate = Estimate()
    prompt: str = ""
    """Template; `{{ files.N }}` and `{{ results.ID }}` are filled in at the start of an attempt."""
    messages: tuple[tuple[str, str], ...] = ()
    """What was said before the prompt, role (`user`, `assistant`) and text, the user first; no templates."""
    system: str = ""
    files: tuple[str, ...] = ()
    """Paths relative to the workspace, attached to the prompt."""
    files_chars: int = 0
    """Size of those files when the plan was loaded, in bytes."""
    model: str = ""
    max_tokens: int = 1024
    """Of each answer."""
    tools: tuple[str, ...] = ()
    """What the model may use: names of `core.tools`, `mcp.SERVER` or `mcp.SERVER.TOOL`; empty = nothing."""
    max_turns: int = 15
    """Requests one attempt may make, where there are tools."""
    isolate: Isolation | None = None
    """How it gets a workspace of its own; None = it works in that of the plan."""
    command: tuple[str, ...] = ()
    """Argument vector; exactly one string when `shell` is set. Templates as in `prompt`."""
    shell: bool = False
    callable: str = ""
    """`module:function` of a Python subtask, found from the workspace."""
    args: str = "[]"
    """Arguments, as JSON; templates in texts as in `prompt`."""
    kwargs: str = "{}"
    """Arguments by name, as JSON."""
    env: tuple[tuple[str, str], ...] = ()
    cwd: str = "."
    """Relative to the workspace."""
    ok_codes: tuple[int, ...] = (0,)

    @property
    def size_chars(self) -> int:
        """About how long the question is, in characters; results of other subtasks not included."""
        said = sum(len(text) for _, text in self.messages)
        return len(self.prompt) + len(self.system) + self.files_chars + said


@dataclass(frozen=True, slots=True, kw_only=True)
class Wave:
    """Subtasks that may run together; unless the plan's schedule says otherwise, the next wave
    starts after this one ended."""

    name: str
    subtasks: tuple[Subtask, ...]
    parallel: bool = True
    timeout: float = 120.0
    """Seconds from the wave's first start; 0 = none."""
    max_workers: int | None = None
    """Lowers the number of workers for this wave, never raises it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A checked plan: ids are unique, dependencies exist and point backwards, nothing is circular."""

    name: str
    waves: tuple[Wave, ...]
    workspace: str
    """Absolute path; root of every relative path in the plan."""
    goal: str = ""
    on_failure: OnFailure = OnFailure.CONTINUE
    schedule: Schedule = Schedule.WAVES
    source: str = ""
    """Absolute path of the plan file; empty for a plan made in memory."""
    changed_from: str = field(default="", compare=False, repr=False)
    """Absolute path of the file whose plan this was, before a person changed it for this run."""
    notes: tuple[Problem, ...] = field(default=(), compare=False, repr=False)
    """What is no mistake in its file and should be known before it runs."""
    inputs: tuple[tuple[str, str], ...] = field(default=(), compare=False, repr=False)
    """What else was read when it was loaded, key and text: a run keeps it, to load the very same again."""

    @property
    def files(self) -> tuple[str, ...]:
        """Absolute paths of the plan files it came from, which no agent of it may change."""
        return tuple(filter(None, (self.source, self.changed_from)))

    def subtasks(self) -> Iterator[Subtask]:
        """Every subtask, wave by wave, in file order."""
        for wave in self.waves:
            yield from wave.subtasks
