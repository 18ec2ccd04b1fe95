"""Do what may wait for the disk on a thread of its own, and hand what came of it to the screen."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from luna_tui.core.errors import LunaError

if TYPE_CHECKING:
    from luna_tui.tui.lines_app import LinesApp

_T = TypeVar("_T")


def aside(
    app: LinesApp[Any],
    work: Callable[[], _T],
    then: Callable[[_T], object],
    failed: Callable[[LunaError], object],
) -> None:
    """Call `work` aside, then `then` (or `failed`) on the app's thread; neither when the app has left."""

    def run() -> None:
        try:
            done = work()
        except LunaError as error:
            _hand(app, failed, error)
        except Exception as error:  # noqa: BLE001  raised again where the app ends with it
            _hand(app, _raise, error)
        else:
            _hand(app, then, done)

    # What it says is said in the language of the caller. A daemon: a disk that never answers must not
    # hold up the way out.
    speaks = contextvars.copy_context()
    threading.Thread(target=lambda: speaks.run(run), name="luna-aside", daemon=True).start()


def _hand(app: LinesApp[Any], call: Callable[[_T], object], given: _T) -> None:
    loop = app._loop
    if loop is not None and not loop.is_closed():
        app.call_later(call, given)


def _raise(error: Exception) -> None:
    raise error
