"""Through a real ssh server on loopback: the line drops, the run goes on, another connection sees it end."""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from needs import lacking
from tui import test_terminal as terminals
from tui.test_lost_terminals import children_of, journal_of, of_type, wait_for_text
from tui.test_plain_terminal import waiting, works
from tui.test_terminal import LEAVE_SCREEN, Terminal, plan_of

from luna_tui.core.events import Attached, RunFinished, TerminalLost

NEEDED = ("sshd", "ssh", "ssh-keygen")
PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
CONFIG = """
ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/host
AuthorizedKeysFile {folder}/user.pub
PidFile none
UsePAM no
StrictModes no
PasswordAuthentication no
PermitRootLogin prohibit-password
"""


@dataclass(frozen=True, slots=True)
class Server:
    """An ssh server of the test's own."""

    process: subprocess.Popen[bytes]
    folder: Path
    port: int

    def connect(self, *argv: str) -> Terminal:
        """Run this on the server, on a terminal of its own there."""
        state = os.environ["XDG_STATE_HOME"]
        here = ("env", f"XDG_STATE_HOME={state}", "LANG=C.UTF-8", sys.executable, "-m", "luna_tui")
        return Terminal(
            "ssh", "-tt", "-F", "none", "-p", str(self.port), "-i", str(self.folder / "user"),
            "-o", "StrictHostKeyChecking=no", "-o", f"UserKnownHostsFile={self.folder}/known",
            "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes", "-o", "LogLevel=ERROR",
            f"{getpass.getuser()}@127.0.0.1", " ".join((*here, *argv)),
        )  # fmt: skip

    def drop_all(self) -> None:
        """Kill the processes of the server that hold connections."""
        for child in children_of(self.process.pid):
            os.kill(child, signal.SIGKILL)


def missing() -> str:
    """What has to be installed; empty when all is there."""
    return ", ".join(name for name in NEEDED if shutil.which(name, path=PATH) is None)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    why = missing() and f"not found: {missing()}; install them: apt-get install openssh-server openssh-client"
    if why:
        lacking("sshd", f"runs over ssh: {why}")
    folder = tmp_path / "ssh"
    folder.mkdir(mode=0o700)
    for name in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (folder / "config").write_text(CONFIG.format(folder=folder, port=port))
    if os.geteuid() == 0:
        # Where the server keeps nothing, but will not start without.
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    program = shutil.which("sshd", path=PATH)
    assert program is not None
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([program, "-D", "-e", "-f", str(folder / "config")], stderr=log)
    try:
        wait_until_it_listens(port, folder / "log")
        yield Server(process, folder, port)
    finally:
        process.kill()
        process.wait()


def wait_until_it_listens(port: int, log: Path) -> None:
    end = time.monotonic() + 20
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.05)
        else:
            return


@pytest.fixture(autouse=True)
def _nothing_is_left() -> Iterator[None]:
    yield
    while terminals._started:
        process = terminals._started.pop()
        if process.poll() is None:
            process.kill()
            process.wait()


@pytest.mark.timeout(120)
@pytest.mark.parametrize("drop", ["client", "server"])
def test_a_line_that_drops_ends_no_run_and_another_one_sees_its_end(
    tmp_path: Path, server: Server, drop: str
) -> None:
    first = server.connect("run", plan_of(tmp_path, waiting(tmp_path)))
    works(first, tmp_path)
    first.read_until(b"RUNNING", 40)
    if drop == "client":
        first.process.kill()
    else:
        server.drop_all()
    wait_for_text(tmp_path / "state", b'"terminal_lost"')
    second = server.connect("attach", "last")
    second.read_until(b"RUNNING", 40)
    (tmp_path / "go").touch()
    second.read_until(b"REPORT", 40)
    second.send(b"q")
    assert second.finish(40) == 0
    assert LEAVE_SCREEN in second.seen
    assert b"Traceback" not in second.seen
    found = journal_of(tmp_path / "state")
    assert found.damaged == ()
    told = [type(r.event) for r in found.records]
    assert [t for t in told if t in (TerminalLost, Attached, RunFinished)] == [
        TerminalLost, Attached, RunFinished,
    ]  # fmt: skip


@pytest.mark.timeout(120)
def test_a_run_that_was_left_over_ssh_outlives_the_connection(tmp_path: Path, server: Server) -> None:
    first = server.connect("run", plan_of(tmp_path, waiting(tmp_path)))
    works(first, tmp_path)
    first.read_until(b"RUNNING", 40)
    first.send(b"d")
    first.read_until(b"come back with: luna-tui attach ")
    assert first.finish(40) == 75
    (tmp_path / "go").touch()
    wait_for_text(tmp_path / "state", b'"run_finished"')
    assert of_type(journal_of(tmp_path / "state"), TerminalLost) == []


@pytest.mark.timeout(120)
def test_a_run_that_was_detached_over_ssh_lets_the_connection_end(tmp_path: Path, server: Server) -> None:
    first = server.connect("run", plan_of(tmp_path, waiting(tmp_path)), "--detach")
    assert first.finish(40) == 0
    assert b'"attach": "luna-tui attach ' in first.seen
    (tmp_path / "go").touch()
    wait_for_text(tmp_path / "state", b'"run_finished"')
