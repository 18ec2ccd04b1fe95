"""A server of tools that does what tests want of it: `python made_up_server.py [PORT]`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import anyio
from mcp.server.mcpserver import MCPServer

server = MCPServer("made-up")


@server.tool(description="Says the same.\x1b[2J")
def echo(text: str) -> str:
    return text


@server.tool()
def look() -> str:
    """What the process sees."""
    return json.dumps({"env": dict(os.environ), "cwd": os.getcwd(), "pid": os.getpid()})


@server.tool()
def die(code: int) -> str:
    """End in the midst of it."""
    sys.stderr.write("out of luck\x1b[31m\n")
    sys.stderr.flush()
    os._exit(code)


@server.tool()
async def hang() -> str:
    """Never answer."""
    Path("hanging").touch()
    await anyio.sleep(3600)
    return "never"


@server.tool()
def fail() -> str:
    """A mistake."""
    raise ValueError("no such thing")


@server.tool()
def child() -> str:
    """Start something that ignores TERM."""
    script = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
    return str(subprocess.Popen([sys.executable, "-c", script]).pid)


@server.tool(name="odd.name/with " + "x" * 80)
def odd() -> str:
    """A name that the API does not take."""
    return "odd"


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with open("starts", "a", encoding="ascii") as starts:
        starts.write("x")
    if len(sys.argv) > 1:
        server.run("streamable-http", host="127.0.0.1", port=int(sys.argv[1]))
    else:
        server.run()
