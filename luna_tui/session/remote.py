"""A run in another process: its state as it was told, kept up to date, and its door for commands."""

from __future__ import annotations

import queue
import threading
from collections.abc import Mapping
from typing import Any

from luna_tui import __version__
from luna_tui.core.errors import ExitCode, LunaError
from luna_tui.core.events import Record, RunFinished
from luna_tui.core.state import RunState, fold
from luna_tui.core.tongue import _
from luna_tui.core.words import Watching
from luna_tui.engine.bus import Inbox
from luna_tui.engine.clock import Clock, SystemClock
from luna_tui.engine.control import RunControl
from luna_tui.session.kept_run import gone_words
from luna_tui.storage.journal import read_journal
from luna_tui.storage.paths import RunDir
from luna_tui.storage.run_lock import is_held, socket_of
from luna_tui.wire.client import Answer, Connection, Ping, RefusedError, Snapshot
from luna_tui.wire.messages import PROTO, Hello, WireError, Wish
from luna_tui.wire.remote_control import RemoteControl

FIRST_S = 10.0
"""The longest that the first picture of the run may take."""
AGAIN_S = 0.25
"""Between two tries to reach the process again."""
_MOST_UNSENT = 1_000


class RemoteSession:
    """A Session fed by the socket of the process that works on the run; leaving it never ends the run."""

    def __init__(self, run_dir: RunDir, *, read_only: bool = False, clock: Clock | None = None) -> None:
        """Attach to a run; returns when its state is there. LunaError in words when that is impossible."""
        self.run_dir = run_dir
        """Where the run is kept."""
        self.ended = threading.Event()
        """Set when nothing more can come: the run has ended, or its process is gone."""
        self._read_only = read_only
        self._clock = clock or SystemClock()
        self._watching = Watching.READ_ONLY if read_only else Watching.ATTACHED
        self._lock = threading.Lock()
        """Protects `_fresh`, `_heard` and the order of the two with `_inbox`."""
        self._fresh: RunState | None = None
        """A whole state that came, before the records in `_inbox`."""
        self._heard: list[str] = []
        self._inbox = Inbox()
        self._state = RunState()
        self._ahead_s = 0.0
        """What the clock of the run shows, less what ours does."""
        self._over = False
        """The end of the run was told."""
        self._there = threading.Event()
        self._leaving = threading.Event()
        self._unsent: queue.Queue[Mapping[str, Any] | None] = queue.Queue(_MOST_UNSENT)
        self._connection = self._first_connection()
        self._control = None if read_only else RemoteControl(self._send)
        for body in (self._follow, self._speak):
            threading.Thread(target=body, name=f"luna-attached-{body.__name__}", daemon=True).start()
        if not self._there.wait(FIRST_S):
            self.close()
            raise LunaError(
                "no answer", f"the process of {run_dir.run} says nothing", "try again later", ExitCode.USAGE
            )

    @property
    def clock(self) -> Clock:
        """Of this process."""
        return self._clock

    @property
    def watching(self) -> Watching:
        """Whether the other process is there, and whether it takes commands."""
        return self._watching

    @property
    def control(self) -> RunControl | None:
        """The run's door for commands; None for who only watches, and when the process is gone."""
        return None if self._watching is Watching.LOST else self._control

    def state(self) -> RunState:
        """The fold so far; the object stays the same when the state comes anew."""
        with self._lock:
            fresh, self._fresh = self._fresh, None
            records = self._inbox.drain()
        if fresh is not None:
            self._state.become(fresh)
        for record in records:
            self._state.apply(record)
        return self._state

    def since(self, seq: int) -> tuple[Record, ...]:
        """Records of the log after `seq`."""
        return tuple(r for r in self.state().log if r.seq > seq)

    def now_s(self) -> float:
        """Seconds since the run began; stands still after its end, and when its process is gone."""
        if self._state.finished is not None or self._watching is Watching.LOST:
            return self._state.at
        return max(self._state.at, self._clock.now() + self._ahead_s)

    def heard(self) -> tuple[str, ...]:
        """Lines for whoever is there, since the last call: what was refused, and that the process is gone."""
        with self._lock:
            heard, self._heard = tuple(self._heard), []
        return heard

    def close(self) -> None:
        """Leave; the run goes on."""
        self._leaving.set()
        self._connection.close()

    def _first_connection(self) -> Connection:
        try:
            return self._connect()
        except RefusedError as error:
            raise LunaError("cannot attach", str(error), code=ExitCode.USAGE) from error
        except (OSError, EOFError, WireError) as error:
            raise LunaError(
                "cannot attach",
                f"the process of {self.run_dir.run} cannot be reached: {error}",
                f"look at what it has saved: luna-tui show {self.run_dir.run}",
                ExitCode.USAGE,
            ) from error

    def _connect(self) -> Connection:
        path = socket_of(self.run_dir)
        if path is None:
            raise FileNotFoundError("it has no socket")
        wish = Wish.VIEW if self._read_only else Wish.CONTROL
        found = Connection(path, Hello(lowest=PROTO[0], highest=PROTO[1], wish=wish, version=__version__))
        self._ahead_s = found.welcome.now_s - self._clock.now()
        return found

    def _follow(self) -> None:
        """Body of the thread that reads."""
        connection: Connection | None = self._connection
        while connection is not None:
            self._connection = connection
            self._read(connection)
            connection.close()
            connection = None if self._over or self._leaving.is_set() else self._again()
        self._there.set()
        self.ended.set()

    def _read(self, connection: Connection) -> None:
        follow = 0
        try:
            for told in connection.told():
                match told:
                    case Snapshot():
                        self._take_anew(told)
                        follow = told.follow
                    case Record():
                        self._over = self._over or isinstance(told.event, RunFinished)
                        self._inbox.put(told)
                        follow -= 1
                    case Ping():
                        self._ahead_s = told.now_s - self._clock.now()
                    case Answer():
                        if told.why:
                            self._say(_("Refused: {why}").format(why=told.why))
                if follow <= 0 and not isinstance(told, Answer | Ping):
                    self._there.set()
        except (RefusedError, WireError) as error:
            self._say(str(error))

    def _take_anew(self, told: Snapshot) -> None:
        with self._lock:
            self._inbox.drain()
            self._fresh = told.state
        self._ahead_s = told.now_s - self._clock.now()
        self._over = told.state.finished is not None

    def _again(self) -> Connection | None:
        """A new connection as soon as there is one; None when the process is gone, or we leave."""
        before, self._watching = self._watching, Watching.RECONNECTING
        while not self._leaving.is_set():
            if not is_held(self.run_dir.lock):
                self._watching = before
                self._take_saved()
                return None
            try:
                found = self._connect()
            except (OSError, EOFError, RefusedError, WireError):
                self._clock.wait(self._leaving, AGAIN_S)
                continue
            self._watching = before
            return found
        return None

    def _take_saved(self) -> None:
        """What the process that is gone has left: the end of the run, or where it was cut off."""
        try:
            saved = fold(read_journal(self.run_dir.path).records)
        except LunaError:
            saved = RunState()
        with self._lock:
            if saved.seq > 0:
                self._inbox.drain()
                self._fresh = saved
        self._over = saved.finished is not None
        if not self._over:
            self._watching = Watching.LOST
            self._say(gone_words(self.run_dir.run))

    def _say(self, text: str) -> None:
        with self._lock:
            self._heard.append(text)

    def _send(self, message: Mapping[str, Any]) -> None:
        try:
            self._unsent.put_nowait(message)
        except queue.Full:
            self._say(_("Refused: {why}").format(why=_("the run does not answer")))

    def _speak(self) -> None:
        """Body of the thread that sends, so that a run that does not listen keeps nobody waiting."""
        while not self.ended.is_set() and not self._leaving.is_set():
            try:
                message = self._unsent.get(timeout=1.0)
                if message is not None:
                    self._connection.send(message)
            except queue.Empty:
                continue
            except OSError:
                self._say(_("Refused: {why}").format(why=_("the run does not answer")))
