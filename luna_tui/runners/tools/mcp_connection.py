"""One server of tools: started when it is first wanted, shared by all, started once more when it dies."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

from luna_tui.core.clean import clean_line, short_line
from luna_tui.core.mcp_servers import McpServer, UnsetVariable, filled
from luna_tui.runners.tools.mcp_stdio import ServerProcess
from luna_tui.runners.tools.mcp_words import Offer, offer_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx2
    from mcp import Client
    from mcp_types import CallToolResult

MOST_TOOLS = 500
_PAGES = 50
_STARTS = 2
_SAID_CHARS = 300
_ERROR = 400
"""HTTP statuses from here on are refusals."""

# Its library would print what a server did wrong, in the server's words, to the terminal.
for _name in ("mcp", "client"):
    logging.getLogger(_name).addHandler(logging.NullHandler())


class ServerError(Exception):
    """Why a server does not do what is wanted of it, in words."""


class Connection:
    """Used on the event loop only."""

    def __init__(
        self,
        server: McpServer,
        process_of: Callable[[Mapping[str, str]], ServerProcess],
        environ: Mapping[str, str],
    ) -> None:
        """`process_of` makes the process of a command, given the environment that is its own."""
        self._server = server
        self._process_of = process_of
        self._environ = environ
        self._process: ServerProcess | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._ready: asyncio.Future[tuple[Client, tuple[Offer, ...]]] | None = None
        self._stop = asyncio.Event()
        self._starts = 0
        self._status = 0
        """HTTP status of the last refusal; its library does not tell."""
        self._why = ""

    async def offers(self) -> tuple[Offer, ...]:
        """The tools it has; ServerError."""
        return (await self._connected())[1]

    async def call(self, tool: str, given: Mapping[str, Any]) -> CallToolResult:
        """Use a tool; ServerError, also when it says nothing in time."""
        client, _ = await self._connected()
        try:
            return await asyncio.wait_for(client.call_tool(tool, dict(given)), self._server.timeout)
        except TimeoutError as error:
            raise ServerError(f"it did not answer within {self._server.timeout:g} s") from error
        except Exception as error:
            raise ServerError(await self._ended() or _words(error)) from error

    async def close(self) -> None:
        """End it."""
        self._stop.set()
        if self._keeper is not None:
            with suppress(asyncio.CancelledError):
                await self._keeper

    async def _connected(self) -> tuple[Client, tuple[Offer, ...]]:
        if self._keeper is not None and self._process is not None and self._process.gone.is_set():
            await asyncio.wait([self._keeper])
        if self._keeper is None or self._keeper.done():
            if self._starts >= _STARTS and self._server.command:
                raise ServerError(f"{self._why or 'it ended'}; it is not started again")
            self._starts += 1
            self._process = None
            self._ready = asyncio.get_running_loop().create_future()
            self._keeper = asyncio.create_task(self._keep(self._ready))
        assert self._ready is not None
        # A subtask that is cancelled here must not take the server from the others.
        return await asyncio.shield(self._ready)

    async def _keep(self, ready: asyncio.Future[tuple[Client, tuple[Offer, ...]]]) -> None:
        """From its start to its end, in one task, as its library wants it."""
        try:
            async with asyncio.timeout(self._server.timeout) as patience, self._client() as client:
                offers = await self._list(client)
                patience.reschedule(None)
                if not ready.done():
                    ready.set_result((client, offers))
                await self._until_over()
        except Exception as error:  # noqa: BLE001 - whatever a foreign server or its library raises is told
            late = isinstance(_innermost(error), TimeoutError)  # ended for that, by us
            self._why = (not late and await self._ended()) or self._not_started(error)
        else:
            self._why = await self._ended()
        finally:
            if not ready.done():
                ready.set_exception(ServerError(self._why or "it ended"))
                ready.exception()  # seen, also when nobody waits any more

    async def _until_over(self) -> None:
        waits = [asyncio.create_task(self._stop.wait())]
        if self._process is not None:
            waits.append(asyncio.create_task(self._process.gone.wait()))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    def _client(self) -> AbstractAsyncContextManager[Client]:
        from mcp import Client

        return Client(self._streams(), cache=None)

    @asynccontextmanager
    async def _streams(self) -> AsyncIterator[tuple[Any, Any]]:
        try:
            env = filled(self._server.env, self._environ)
            headers = filled(self._server.headers, self._environ)
        except UnsetVariable as error:
            raise ServerError(
                f"its settings want ${{{error}}}, which the environment does not have"
            ) from error
        if self._server.url:
            import httpx2
            from mcp.client.streamable_http import streamable_http_client

            wait = httpx2.Timeout(self._server.timeout, read=None)
            async with (
                httpx2.AsyncClient(
                    headers=headers, timeout=wait, event_hooks={"response": [self._note]}
                ) as web,
                streamable_http_client(self._server.url, http_client=web) as streams,
            ):
                yield streams
            return
        self._process = self._process_of(env)
        async with self._process.streams() as pipes:
            yield pipes

    async def _note(self, response: httpx2.Response) -> None:
        self._status = response.status_code if response.status_code >= _ERROR else self._status

    async def _list(self, client: Client) -> tuple[Offer, ...]:
        found: dict[str, Offer] = {}
        cursor: str | None = None
        for _ in range(_PAGES):
            page = await client.list_tools(cursor=cursor)
            for tool in page.tools[: MOST_TOOLS - len(found)]:
                offer = offer_of(self._server.name, tool)
                found.setdefault(offer.name, offer)
            cursor = page.next_cursor
            if cursor is None or len(found) >= MOST_TOOLS:
                break
        return tuple(found.values())

    async def _ended(self) -> str:
        """How its process ended; a moment is given to one that is about to."""
        if self._process is None:
            return ""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._process.gone.wait(), 0.2)
        return self._process.ended()

    def _not_started(self, error: BaseException) -> str:
        match _innermost(error):
            case ServerError() as told:
                return str(told)
            case FileNotFoundError() | NotADirectoryError():
                return f"command not found: {clean_line(self._server.command[0])}"
            case PermissionError():
                return f"{clean_line(self._server.command[0])} may not be run"
            case TimeoutError():
                last = self._process.last if self._process is not None else ""
                more = f"; the last it said: {last}" if last else ""
                return f"it was not ready within {self._server.timeout:g} s{more}"
            case other:
                return _words(other) + (f" (HTTP {self._status})" if self._status else "")


def _innermost(error: BaseException) -> BaseException:
    """Of errors that came together, the first."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _words(error: BaseException) -> str:
    inner = _innermost(error)
    text = short_line(str(inner), _SAID_CHARS)
    return text or type(inner).__name__
