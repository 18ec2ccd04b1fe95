"""How a run of this process parts from its terminal, and how it ends when a signal asks for it."""

from __future__ import annotations

import threading
from time import monotonic

from luna_tui.commands.launch import Launcher
from luna_tui.core.errors import ExitCode
from luna_tui.core.events import Detached, TerminalLost
from luna_tui.core.tongue import _
from luna_tui.core.words import Manner, Scope
from luna_tui.headless.printer import LinePrinter
from luna_tui.session import LiveSession, Parting
from luna_tui.session.parting import let_go, let_go_of_all
from luna_tui.storage.crash_files import write_stacks
from luna_tui.storage.paths import why_not

DRAIN_S = 10.0
"""Time that what is in flight has to end by itself after a SIGTERM."""
_LAST_S = 2.0
"""Time an end at once takes at most."""
_POLL_S = 0.02
_SAME_S = 0.25
"""Within this a second SIGTERM is the same one: some send it to the process, and to its group."""
_BY = "SIGTERM"


class RunParting(Parting):
    """Of a run that goes on in this process, whatever becomes of the terminal."""

    def __init__(self, session: LiveSession, launcher: Launcher) -> None:
        self._session = session
        self._launcher = launcher
        self._lock = threading.Lock()
        """Protects `_asked_at` and `_parted`."""
        self._asked_at: float | None = None
        """When a SIGTERM came first; None = none did."""
        self._parted = False
        """The terminal is gone or was left; it can be only once."""

    @property
    def why_stays(self) -> str:
        """Why the run cannot go on without this terminal; empty when it can."""
        return _(self._launcher.why_not)

    def let_go(self) -> None:
        """The terminal is gone: this process is of its session no more, and the waiting one waits on."""
        self._launcher.untie()
        let_go()

    def lost(self, how: str) -> None:
        """Put into the journal, once, that the terminal is gone."""
        self._tell(TerminalLost(how=how))

    def leave(self, lines: LinePrinter) -> None:
        """Go on without a terminal because somebody wants it back; says how to come back."""
        run = self._session.run_dir.run
        lines.say(_("The run goes on; come back with: luna-tui attach {run}").format(run=run))
        self._tell(Detached(by="user"))
        self._launcher.untie()
        let_go_of_all()
        self._launcher.send_away(ExitCode.STOPPED_EARLY)

    def terminate(self) -> None:
        """Let what is in flight end for `DRAIN_S` seconds, then end it; the second time, end it now."""
        with self._lock:
            first, now = self._asked_at, monotonic()
            self._asked_at = now if first is None else first
        control = self._session.control
        if first is None:
            control.cancel(Scope.RUN, Manner.FINISH, by=_BY)
            threading.Thread(target=self._end_in_time, name="luna-drain", daemon=True).start()
        elif now - first > _SAME_S:
            control.cancel(Scope.RUN, Manner.NOW, by=_BY)

    def wait(self) -> None:
        """Return when the run is over, or when it had all the time it gets."""
        self._session.ended.wait(DRAIN_S + _LAST_S)

    def stacks(self) -> str:
        """Write what every thread is doing to a file of the run; where, or why not."""
        try:
            return str(write_stacks(self._session.run_dir.path))
        except OSError as error:
            return why_not(error)

    def _tell(self, event: TerminalLost | Detached) -> None:
        with self._lock:
            told, self._parted = self._parted, True
        if not told and not self._session.tell(event):
            threading.Thread(target=self._tell_once_begun, args=(event,), daemon=True).start()
        self._session.left_alone()

    def _tell_once_begun(self, event: TerminalLost | Detached) -> None:
        while not self._session.ended.wait(_POLL_S) and not self._session.tell(event):
            pass

    def _end_in_time(self) -> None:
        if not self._session.ended.wait(DRAIN_S):
            self._session.control.cancel(Scope.RUN, Manner.NOW, by=_BY)
