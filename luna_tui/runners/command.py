"""One attempt of a command subtask: a process group of its own that never outlives it."""

from __future__ import annotations

from collections.abc import Mapping

from luna_tui.core.templates import TemplateError, names, render
from luna_tui.core.words import ErrorKind
from luna_tui.engine.clock import Clock
from luna_tui.engine.runner import AttemptContext, AttemptError, Work
from luna_tui.runners.environment import marks, narrowed
from luna_tui.runners.kept_output import KeptOutput
from luna_tui.runners.spawn_errors import exit_error
from luna_tui.runners.spawning import Launch, run_to_end
from luna_tui.runners.workspace_files import folder_beneath

GRACE_S = 0.3
"""Seconds between TERM and KILL."""


class CommandRunner:
    """Runs commands; holds no state between attempts."""

    def __init__(self, clock: Clock, environ: Mapping[str, str], *, grace_s: float = GRACE_S) -> None:
        """`environ` is narrowed to an allow-list; `grace_s` is the time between TERM and KILL."""
        self._clock = clock
        self._grace_s = grace_s
        self._environ = narrowed(environ)

    def demand(self, work: Work) -> None:
        """Commands take nothing from the rate limits."""
        return None

    def run(self, work: Work, context: AttemptContext) -> str:
        """Run to the end; the output is stdout and stderr as they came.

        Values in an argument list are arguments. In a shell text they are variables, so that what
        a model wrote is never read as shell: quote them as any variable, `"{{ results.scan }}"`.
        """
        context.token.raise_if_cancelled()
        launch = self._launch(work)
        kept = KeptOutput(context.output)
        code = run_to_end(launch, kept, context.token, grace_s=self._grace_s)
        output = kept.finish()
        context.token.raise_if_cancelled()
        if code is not None and code not in work.subtask.ok_codes:
            raise exit_error(code, output)
        return output

    def close(self) -> None:
        """Nothing is shared."""

    def _launch(self, work: Work) -> Launch:
        subtask = work.subtask
        values = work.values
        try:
            extra = {name: render(value, values) for name, value in subtask.env}
            if subtask.shell:
                script, variables = _shell_text(subtask.command[0], values)
                argv = ["/bin/sh", "-c", script]
            else:
                argv, variables = [render(word, values) for word in subtask.command], {}
        except TemplateError as error:
            raise AttemptError(ErrorKind.INVALID_REQUEST, str(error)) from error
        cwd = folder_beneath(work.workspace, subtask.cwd)
        return Launch(argv, cwd, self._environ | extra | variables | marks(work.run_dir))


def _shell_text(template: str, values: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """The script with a variable in place of each value, and those variables."""
    used = [name for name in names(template) if name in values]
    variables = {name: f"LUNA_VALUE_{n}" for n, name in enumerate(used)}
    script = render(template, {name: f"${{{variable}}}" for name, variable in variables.items()})
    return script, {variable: values[name] for name, variable in variables.items()}
