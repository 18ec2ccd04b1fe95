"""Servers of tools: real processes and a real HTTP server, and every way in which they fail, in words."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from needs import lacking
from rules import parse_rules
from runners.tools.tool_support import place_at, token

from luna_tui.core.mcp_servers import McpServer
from luna_tui.core.redaction import Redaction
from luna_tui.core.rules import Verdict
from luna_tui.core.words import ErrorKind
from luna_tui.engine.cancel import Cancelled, CancelToken
from luna_tui.engine.clock import SystemClock
from luna_tui.engine.runner import AttemptError
from luna_tui.runners.tools import mcp
from luna_tui.runners.tools.base import Result, Tool, ToolError
from luna_tui.runners.tools.mcp import McpServers

MADE_UP = Path(__file__).with_name("made_up_server.py")
KEY = "sk-ant-canary-0123456789"


def server(
    name: str = "made", *, timeout: float = 20.0, command: tuple[str, ...] = (), **more: Any
) -> McpServer:
    values: dict[str, Any] = {"env": {}, "headers": {}, "command": command, "timeout": timeout} | more
    return McpServer(name=name, **values)


def made_up(**more: Any) -> McpServer:
    return server(command=(sys.executable, str(MADE_UP)), **more)


class Ground:
    """A workspace, a run directory and the servers of a run."""

    def __init__(self, tmp_path: Path) -> None:
        self.workspace, self.run_dir = tmp_path / "work", tmp_path / "run"
        self.workspace.mkdir()
        self.run_dir.mkdir()
        self.opened: list[McpServers] = []

    def servers(self, *servers: McpServer, **environ: str) -> McpServers:
        found = McpServers(
            {s.name: s for s in servers},
            workspace=str(self.workspace),
            run_dir=str(self.run_dir),
            environ=dict(os.environ) | {"ANTHROPIC_API_KEY": KEY} | environ,
            redaction=Redaction({KEY: "ANTHROPIC_API_KEY"}),
        )
        self.opened.append(found)
        return found

    def tools(self, servers: McpServers) -> dict[str, Tool]:
        return {t.name.removeprefix("mcp__made__"): t for t in servers.tools("made", None, token())}

    def use(self, tool: Tool, **given: Any) -> Result:
        place = place_at(self.workspace)
        return tool.use(tool.describe(given, place), place, token())

    def starts(self) -> int:
        return len((self.workspace / "starts").read_text())


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[Ground]:
    made = Ground(tmp_path)
    yield made
    for servers in made.opened:
        servers.close()
    assert not [t for t in threading.enumerate() if t.name == "luna-tool-servers"]


def refused(ground: Ground, servers: McpServers, name: str = "made", tool: str | None = None) -> str:
    with pytest.raises(AttemptError) as error:
        servers.tools(name, tool, token())
    assert error.value.kind is ErrorKind.TOOLS
    return error.value.message


def test_a_server_is_started_once_for_all_agents_and_with_a_clean_environment(ground: Ground) -> None:
    servers = ground.servers(made_up(env={"GIVEN": "a-${WORD}"}), WORD="word")
    assert not (ground.workspace / "starts").exists()  # nothing before it is wanted
    seen: list[str] = []

    def agent(n: int) -> None:
        seen.append(ground.use(ground.tools(servers)["echo"], text=f"from {n}").text)

    agents = [threading.Thread(target=agent, args=(n,)) for n in range(8)]
    for one in agents:
        one.start()
    for one in agents:
        one.join(30)
    assert sorted(seen) == [f"from {n}" for n in range(8)]
    assert ground.starts() == 1
    told = json.loads(ground.use(ground.tools(servers)["look"]).text)
    assert told["cwd"] == str(ground.workspace)
    assert told["env"]["GIVEN"] == "a-word"
    assert "ANTHROPIC_API_KEY" not in told["env"]
    assert KEY not in json.dumps(told)
    assert told["env"]["LUNA_RUN_DIR"] == str(ground.run_dir)


def test_names_and_descriptions_are_data_and_the_schema_is_passed_on(ground: Ground) -> None:
    tools = ground.tools(ground.servers(made_up()))
    echo = tools["echo"].definition
    assert echo["description"] == "Says the same."
    assert echo["input_schema"]["properties"]["text"]["type"] == "string"
    odd = next(t for n, t in tools.items() if n.startswith("odd"))
    assert len(odd.name) == 64
    assert set(odd.name) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")
    assert ground.use(odd).text == "odd"


def test_one_tool_of_a_server_can_be_granted_alone(ground: Ground) -> None:
    servers = ground.servers(made_up())
    assert [t.name for t in servers.tools("made", "echo", token())] == ["mcp__made__echo"]
    assert refused(ground, servers, tool="ecko") == "mcp.made has no tool ecko: did you mean echo?"


def test_a_use_is_never_harmless_and_the_rule_it_offers_covers_it(ground: Ground) -> None:
    echo = ground.tools(ground.servers(made_up()))["echo"]
    use = echo.describe({"text": "a\x1b[2Jb\n" * 100}, place_at(ground.workspace))
    assert not use.harmless
    assert use.pattern == "mcp.made.echo"
    assert len(use.summary) <= 200
    assert "\x1b" not in use.summary + use.detail
    assert parse_rules().judge(use.pattern, use.subject, use.harmless).verdict is Verdict.ASK
    assert (
        parse_rules(allow=[use.pattern]).judge("mcp.made.echo", use.subject, False).verdict is Verdict.ALLOW
    )
    assert parse_rules(deny=["mcp.made"]).judge("mcp.made.echo", use.subject, False).verdict is Verdict.DENY


def test_a_server_that_dies_in_a_use_is_told_and_started_once_more(ground: Ground) -> None:
    servers = ground.servers(made_up())
    tools = ground.tools(servers)
    with pytest.raises(ToolError, match=r"the server made failed: it ended with exit code 3: out of luck$"):
        ground.use(tools["die"], code=3)
    assert ground.use(tools["echo"], text="again").text == "again"
    assert ground.starts() == 2
    with pytest.raises(ToolError, match="exit code 4"):
        ground.use(tools["die"], code=4)
    with pytest.raises(ToolError, match="exit code 4: out of luck; it is not started again"):
        ground.use(tools["echo"], text="never")
    assert ground.starts() == 2
    assert "out of luck" in (ground.run_dir / "mcp-made.stderr").read_text()
    assert (ground.run_dir / "mcp-made.stderr").stat().st_mode & 0o777 == 0o600


def test_a_mistake_of_a_tool_is_an_answer(ground: Ground) -> None:
    result = ground.use(ground.tools(ground.servers(made_up()))["fail"])
    assert (result.ok, result.text) == (False, "Error executing tool fail")


def test_a_use_that_hangs_ends_when_the_subtask_does_and_the_server_goes_on(ground: Ground) -> None:
    servers = ground.servers(made_up())
    tools = ground.tools(servers)
    stop, place = CancelToken(SystemClock()), place_at(ground.workspace)
    ended: list[float] = []

    def agent() -> None:
        with pytest.raises(Cancelled):
            tools["hang"].use(tools["hang"].describe({}, place), place, stop)
        ended.append(time.monotonic())

    thread = threading.Thread(target=agent)
    thread.start()
    while not (ground.workspace / "hanging").exists():
        time.sleep(0.01)
    asked = time.monotonic()
    stop.cancel("enough")
    thread.join(10)
    assert ended[0] - asked < 1.0
    assert ground.use(tools["echo"], text="still there").text == "still there"
    assert ground.starts() == 1


def test_a_use_that_takes_too_long_is_told(ground: Ground) -> None:
    tools = ground.tools(ground.servers(made_up(timeout=5.0)))
    with pytest.raises(ToolError, match="it did not answer within 5 s"):
        ground.use(tools["hang"])


def test_the_end_of_a_run_ends_everything_a_server_started(ground: Ground) -> None:
    servers = ground.servers(made_up())
    tools = ground.tools(servers)
    pid = json.loads(ground.use(tools["look"]).text)["pid"]
    child = int(ground.use(tools["child"]).text)
    servers.close()
    for gone in (pid, child):
        for _ in range(200):
            if not Path(f"/proc/{gone}").exists() or " Z " in Path(f"/proc/{gone}/stat").read_text():
                break
            time.sleep(0.01)
        else:
            pytest.fail(f"process {gone} is still there")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"command": ("no-such-program-here",)}, "command not found: no-such-program-here"),
        ({"command": ("/etc/passwd",)}, "/etc/passwd may not be run"),
        (
            {"command": (sys.executable, "-c", "import sys; sys.exit('no licence')")},
            "it ended with exit code 1: no licence",
        ),
        ({"command": ("true",)}, "it ended with exit code 0"),
        ({"command": ("kill", "-9", "0")}, "it ended by signal 9"),
        (
            {"command": (sys.executable, "-c", "import time; time.sleep(60)"), "timeout": 0.5},
            "it was not ready within 0.5 s",
        ),
        (
            {
                "command": (
                    sys.executable,
                    "-c",
                    "print('x' * 17_000_000, flush=True); import time; time.sleep(9)",
                )
            },
            "it sent a message of more than 16,777,216 bytes and was ended",
        ),
        ({"url": "http://127.0.0.1:9/mcp"}, "All connection attempts failed"),
        ({"command": ("true",), "env": {"A": "${NOT_THERE}"}}, "its settings want ${NOT_THERE}, which"),
    ],
)
def test_a_server_that_does_not_start_is_told_in_words(
    ground: Ground, settings: dict[str, Any], words: str
) -> None:
    assert f"mcp.made: {words}" in refused(ground, ground.servers(server(**settings)))


@pytest.mark.parametrize(
    ("status", "words"),
    [(401, "Server returned an error response (HTTP 401)"), (200, "Unexpected content type: text/html")],
)
def test_an_address_that_is_no_server_of_tools_is_told_with_its_refusal(
    ground: Ground, status: int, words: str
) -> None:
    class Page(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(status)
            self.send_header("content-type", "text/html")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Page) as page:
        threading.Thread(target=page.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{page.server_port}/mcp"
        assert refused(ground, ground.servers(server(url=url))) == f"mcp.made: {words}"
        page.shutdown()


def test_a_server_whose_answer_is_no_list_of_tools_is_not_told_as_one_that_ended(ground: Ground) -> None:
    script = """
import json, sys
for line in sys.stdin:
    asked = json.loads(line)
    result = {"tools": [{"name": "a", "inputSchema": 7}]}
    if asked["method"] == "initialize":
        result = {"protocolVersion": asked["params"]["protocolVersion"], "capabilities": {"tools": {}},
                  "serverInfo": {"name": "x", "version": "1"}}
    if "id" in asked:
        print(json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": result}), flush=True)
"""
    text = refused(ground, ground.servers(server(command=(sys.executable, "-c", script))))
    assert "exit code" not in text
    assert "nputSchema" in text


def test_what_the_library_says_of_a_server_goes_to_no_terminal() -> None:
    """It would be text of a server, as it came, in the midst of the dashboard."""
    script = "import logging, luna_tui.runners.tools.mcp_connection; "
    script += "[logging.getLogger(n).warning('said') for n in ('mcp.client.streamable_http', 'client')]"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr == ""


def test_noise_between_messages_does_no_harm(ground: Ground) -> None:
    script = "import sys, runpy; print('Welcome!'); print(); sys.argv = sys.argv[1:]; "
    script += "runpy.run_path(sys.argv[0], run_name='__main__')"
    servers = ground.servers(server(command=(sys.executable, "-u", "-c", script, str(MADE_UP))))
    assert ground.use(ground.tools(servers)["echo"], text="hi").text == "hi"


def test_a_secret_in_what_a_server_complains_of_is_not_told(ground: Ground) -> None:
    complaint = f"import sys; sys.exit('bad key {KEY}')"
    text = refused(ground, ground.servers(server(command=(sys.executable, "-c", complaint))))
    assert KEY not in text
    assert KEY not in (ground.run_dir / "mcp-made.stderr").read_text()


def test_a_server_that_is_not_in_the_configuration_is_named_with_the_nearest(ground: Ground) -> None:
    servers = ground.servers(made_up())
    assert refused(ground, servers, "mide") == "there is no server mcp.mide: did you mean mcp.made?"
    assert "needs a table [mcp.github]" in refused(ground, servers, "github")


def test_without_the_optional_part_the_way_to_get_it_is_told(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mcp, "can_speak_mcp", lambda: False)
    assert "pip install 'luna-tui[mcp]'" in refused(ground, ground.servers(made_up()))


@pytest.fixture
def address(ground: Ground) -> Iterator[str]:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, str(MADE_UP), str(port)], cwd=ground.workspace, stderr=subprocess.DEVNULL
    )
    for _ in range(400):
        with closing(socket.socket()) as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.05)
    yield f"http://127.0.0.1:{port}/mcp"
    process.kill()
    process.wait(10)


def test_a_server_that_speaks_http_is_used_like_any_other(ground: Ground, address: str) -> None:
    tools = ground.tools(ground.servers(server(url=address, headers={"X-Word": "${WORD}"}), WORD="w"))
    assert ground.use(tools["echo"], text="over http").text == "over http"
    with pytest.raises(ToolError, match="the server made failed"):
        ground.use(tools["die"], code=1)


def test_a_server_from_the_package_index_is_used_over_its_pipes(ground: Ground) -> None:
    if not can_import("mcp_server_time"):
        lacking("mcp-server", "mcp-server-time is not installed, so no real server of tools was used")
    command = (sys.executable, "-m", "mcp_server_time", "--local-timezone", "UTC")
    servers = ground.servers(server("time", command=command))
    tools = {t.name: t for t in servers.tools("time", None, token())}
    assert set(tools) == {"mcp__time__get_current_time", "mcp__time__convert_time"}
    given = {"source_timezone": "UTC", "time": "12:00", "target_timezone": "Asia/Kolkata"}
    result = ground.use(tools["mcp__time__convert_time"], **given)
    assert result.ok
    assert "T17:30:00+05:30" in result.text
    wrong = ground.use(tools["mcp__time__convert_time"], **(given | {"target_timezone": "Mars/Base"}))
    assert not wrong.ok


def can_import(name: str) -> bool:
    import importlib.util

    return importlib.util.find_spec(name) is not None
