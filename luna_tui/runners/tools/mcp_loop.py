"""One event loop on a thread of its own, for a library that knows no threads; attempts wait with tokens."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from luna_tui.engine.cancel import CancelToken

_T = TypeVar("_T")


class LoopThread:
    """Runs coroutines for any thread; begun by the first one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        """Protects the beginning and the end of the thread."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._closed = False

    def ask(self, make: Callable[[], Coroutine[Any, Any, _T]], token: CancelToken) -> _T:
        """What the coroutine returns or raises; Cancelled, after which it is cancelled too."""
        future = asyncio.run_coroutine_threadsafe(make(), self._begun())
        done = threading.Event()
        future.add_done_callback(lambda _: done.set())
        try:
            token.wait(done)
        except BaseException:
            future.cancel()
            raise
        return future.result()

    def close(self, last: Callable[[], Coroutine[Any, Any, object]], within_s: float) -> None:
        """Run one more coroutine, for so long at most, and end; nothing is asked any more."""
        with self._lock:
            self._closed = True
            loop, self._loop = self._loop, None
        if loop is None or self._thread is None:
            return
        done = threading.Event()
        asyncio.run_coroutine_threadsafe(last(), loop).add_done_callback(lambda _: done.set())
        done.wait(within_s)
        loop.call_soon_threadsafe(loop.stop)
        self._thread.join(within_s)

    def _begun(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._closed:
                raise RuntimeError("the run is over")
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=_run, args=(self._loop,), name="luna-tool-servers", daemon=True
                )
                self._thread.start()
            return self._loop


def _run(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_asyncgens())
    finally:
        loop.close()
