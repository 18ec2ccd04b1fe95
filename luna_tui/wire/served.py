"""What the server of a run needs of the run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from luna_tui.core.events import Attached, Detached
from luna_tui.engine.control import RunControl
from luna_tui.wire.orders import Named
from luna_tui.wire.snapshots import Moment


class Served(Protocol):
    """One run that is under way; every method returns soon and is safe from the server's thread."""

    run: str
    """Its id."""
    version: str
    """Of the program that runs it."""
    named: Named
    """Waves and subtasks that a command may name."""

    @property
    def control(self) -> RunControl:
        """The door for commands."""
        ...

    def now_s(self) -> float:
        """Seconds since the run began."""
        ...

    def moment(self) -> Moment:
        """The state as it is now; every record after it will be put to the server, or was already."""
        ...

    def status(self) -> Mapping[str, Any]:
        """How the run stands in a few figures, none of which is text of a model or a file."""
        ...

    def tell(self, event: Attached | Detached) -> bool:
        """Make it an event of the run; False while the run has not begun, and once it is over."""
        ...
