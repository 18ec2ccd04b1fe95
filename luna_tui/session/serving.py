"""A live run as the server of its control socket sees it, and the socket from its beginning to its end."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from luna_tui import __version__
from luna_tui.core.errors import LunaError
from luna_tui.core.events import Attached, Detached, Record
from luna_tui.core.plan import Plan
from luna_tui.core.standing import standing
from luna_tui.engine.control import RunControl
from luna_tui.session.shared_fold import SharedFold
from luna_tui.storage.paths import RunDir
from luna_tui.storage.run_lock import socket_place, write_note
from luna_tui.wire.orders import Named
from luna_tui.wire.server import ControlServer
from luna_tui.wire.snapshots import Moment
from luna_tui.wire.sockets import listen

_log = logging.getLogger(__name__)


class ServedRun:
    """`wire.served.Served` of a run in this process."""

    def __init__(
        self,
        run: str,
        plan: Plan,
        fold: SharedFold,
        control: RunControl,
        *,
        now_s: Callable[[], float],
        tell: Callable[[Attached | Detached], bool],
    ) -> None:
        self.run = run
        self.version = __version__
        self.named = Named(
            frozenset(wave.name for wave in plan.waves), frozenset(s.id for s in plan.subtasks())
        )
        self.control = control
        self.now_s = now_s
        self.tell = tell
        self._fold = fold

    def moment(self) -> Moment:
        """The state as it is now."""
        return self._fold.moment()

    def status(self) -> Mapping[str, Any]:
        """A few figures."""
        return self._fold.ask(lambda state: standing(state, self.now_s()))


class ControlSocket:
    """The socket of a run while the run lasts; without one a run goes on all the same."""

    def __init__(self, run_dir: RunDir, served: ServedRun, *, started_at: str) -> None:
        """Listen, and say where in the lock file; call before the run has threads of its own."""
        self._server: ControlServer | None = None
        self.path: Path | None = None
        """Where it is; None when it could not be made."""
        try:
            path = socket_place(run_dir)
            self._server = ControlServer(listen(path), served)
            self.path = path
        except (OSError, LunaError) as error:
            _log.warning("nobody can attach to this run: %s", error)
        write_note(run_dir, started_at=started_at, socket=str(self.path or ""))

    def start(self) -> None:
        """Take connections from now on."""
        if self._server is not None:
            self._server.start()

    def put(self, record: Record) -> None:
        """Show a record to those who watch."""
        if self._server is not None:
            self._server.put(record)

    def hide(self) -> None:
        """Nobody new comes from now on; call while the run's lock is held, or another's would be removed."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)

    def close(self) -> None:
        """Send what is left to those who watch, for a second at most."""
        if self._server is not None:
            self._server.close()
