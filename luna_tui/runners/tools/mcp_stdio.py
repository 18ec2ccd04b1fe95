"""A server of tools as a process: a group of its own, a clean environment, its complaints kept in a file."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

from luna_tui.core.clean import short_line
from luna_tui.core.redaction import NO_REDACTION, Redaction

if TYPE_CHECKING:
    from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
    from mcp.shared.message import SessionMessage

MOST_LINE_BYTES = 16 * 1024 * 1024
"""Of one message; a server that sends a longer one is ended."""
MOST_KEPT_BYTES = 1024 * 1024
"""Of its complaints."""
CLOSING_S = 1.0
TERM_S = 0.5
"""Seconds from the end of its input to TERM, and from that to KILL."""
_SAID_CHARS = 300


class ServerProcess:
    """What becomes of one process; one instance a start, used on the event loop only."""

    def __init__(
        self,
        command: Sequence[str],
        environ: Mapping[str, str],
        cwd: str,
        complaints: str,
        redaction: Redaction = NO_REDACTION,
    ) -> None:
        """`complaints` is the file that keeps its standard error; empty = it is kept nowhere."""
        self._command = command
        self._environ = environ
        self._cwd = cwd
        self._complaints = complaints
        self._redaction = redaction
        self._process: asyncio.subprocess.Process | None = None
        self._last = ""
        self._why = ""
        self._ours = False
        """We ended it, so how it ended tells nothing."""
        self.gone = asyncio.Event()
        """Set when it says nothing more."""

    def ended(self) -> str:
        """How it ended by itself and what it complained about last, in words; empty while it runs."""
        if self._why or self._ours:
            return self._why
        code = None if self._process is None else self._process.returncode
        if code is None:
            return ""
        said = f": {self._last}" if self._last else ""
        return f"it ended by signal {-code}{said}" if code < 0 else f"it ended with exit code {code}{said}"

    @property
    def last(self) -> str:
        """The last line of its complaints."""
        return self._last

    @asynccontextmanager
    async def streams(self) -> AsyncIterator[tuple[Any, Any]]:
        """Start it; where its messages come from and where ours go. OSError when it does not start."""
        import anyio

        self._process = process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=self._cwd,
            env=dict(self._environ),
            start_new_session=True,
            limit=MOST_LINE_BYTES,
        )
        coming: tuple[
            MemoryObjectSendStream[SessionMessage | Exception],
            MemoryObjectReceiveStream[SessionMessage | Exception],
        ] = anyio.create_memory_object_stream(0)
        going: tuple[MemoryObjectSendStream[SessionMessage], MemoryObjectReceiveStream[SessionMessage]] = (
            anyio.create_memory_object_stream(0)
        )
        tasks = [
            asyncio.create_task(work)
            for work in (self._read(process, coming[0]), self._write(process, going[1]), self._hear(process))
        ]
        try:
            yield coming[1], going[0]
        finally:
            self._ours = process.returncode is None
            await asyncio.shield(self._end(process))
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for stream in (*coming, *going):
                stream.close()
            _let_go(process)

    async def _read(
        self, process: asyncio.subprocess.Process, into: MemoryObjectSendStream[SessionMessage | Exception]
    ) -> None:
        from anyio import BrokenResourceError, ClosedResourceError
        from mcp.shared.message import SessionMessage
        from mcp_types import jsonrpc_message_adapter

        assert process.stdout is not None
        try:
            while line := await process.stdout.readline():
                try:
                    message = SessionMessage(jsonrpc_message_adapter.validate_json(line, by_name=False))
                except ValueError as error:
                    await into.send(error)
                    continue
                await into.send(message)
        except ValueError:
            self._why = f"it sent a message of more than {MOST_LINE_BYTES:,} bytes and was ended"
            _signal(process, signal.SIGKILL)
        except (BrokenResourceError, ClosedResourceError):
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), TERM_S)
        self.gone.set()
        into.close()

    async def _write(
        self, process: asyncio.subprocess.Process, source: MemoryObjectReceiveStream[SessionMessage]
    ) -> None:
        assert process.stdin is not None
        with suppress(OSError):
            async for message in source:
                line = message.message.model_dump_json(by_alias=True, exclude_unset=True)
                process.stdin.write(line.encode() + b"\n")
                await process.stdin.drain()

    async def _hear(self, process: asyncio.subprocess.Process) -> None:
        assert process.stderr is not None
        kept = 0
        while True:
            try:
                line = await process.stderr.readline()
            except ValueError:
                continue  # longer than any line that says something; what is left of it follows
            if not line:
                return
            text = self._redaction.text(line.decode("utf-8", "replace"))
            self._last = short_line(text, _SAID_CHARS) or self._last
            if self._complaints and kept < MOST_KEPT_BYTES:
                kept += len(line)
                with suppress(OSError):
                    _append(self._complaints, text)

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        """Its input ends, then TERM, then KILL for everything it started."""
        if process.stdin is not None:
            process.stdin.close()
        for number, patience_s in ((signal.SIGTERM, CLOSING_S), (signal.SIGKILL, TERM_S)):
            with suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), patience_s)
            _signal(process, number)
        with suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), TERM_S)


def _signal(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def _let_go(process: asyncio.subprocess.Process) -> None:
    """Close its pipes also where something that outlived it holds them; the library offers no way to."""
    close = getattr(getattr(process, "_transport", None), "close", None)
    if callable(close):
        close()


def _append(path: str, text: str) -> None:
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(path, flags, 0o600)
    try:
        os.write(descriptor, text.encode("utf-8", "replace"))
    finally:
        os.close(descriptor)
