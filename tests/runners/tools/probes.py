"""Tries to get out of a sandbox in every way we know, and prints the name of each that worked.

Run by its path with a JSON file that says what there is outside.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

WORLD: dict[str, Any] = json.loads(Path(sys.argv[1]).read_text())
SECRET_FILE, SECRET, PID = WORLD["secret_file"], WORLD["secret"], WORLD["pid"]
LIBC = ctypes.CDLL(None, use_errno=True)
ATTEMPTS: dict[str, Callable[[], object]] = {}


def attempt(function: Callable[[], object]) -> Callable[[], object]:
    ATTEMPTS[function.__name__] = function
    return function


def holds_secret(path: str) -> bool:
    return SECRET in Path(path).read_text()


@attempt
def reads_by_its_path() -> bool:
    return holds_secret(SECRET_FILE)


@attempt
def reads_by_dots() -> bool:
    return holds_secret(os.path.relpath(SECRET_FILE))


@attempt
def reads_through_a_link_that_is_there() -> bool:
    return holds_secret("out")


@attempt
def reads_through_a_link_of_its_own() -> bool:
    os.symlink(SECRET_FILE, "own_link")
    return holds_secret("own_link")


@attempt
def reads_through_the_root_of_itself() -> bool:
    return holds_secret("/proc/self/root" + SECRET_FILE)


@attempt
def reads_through_the_root_of_another() -> bool:
    return holds_secret(f"/proc/{PID}/root{SECRET_FILE}")


@attempt
def reads_through_the_folder_of_another() -> bool:
    return holds_secret(f"/proc/{PID}/cwd/secret")


@attempt
def reads_through_a_hard_link() -> bool:
    os.link(SECRET_FILE, "hard")
    return holds_secret("hard")


@attempt
def moves_it_in() -> bool:
    os.rename(SECRET_FILE, "moved")
    return True


@attempt
def writes_beside_the_workspace() -> None:
    # There may be a folder of its own inside: what was changed is looked at from outside.
    Path("../made_outside").write_text("x")


@attempt
def writes_over_it() -> None:
    Path(SECRET_FILE).write_text("x")


@attempt
def removes_it() -> None:
    os.unlink(SECRET_FILE)


@attempt
def changes_its_mode() -> bool:
    os.chmod(SECRET_FILE, 0o777)
    return True


@attempt
def lists_the_folder_outside() -> bool:
    return "secret" in os.listdir(os.path.dirname(SECRET_FILE))


@attempt
def reads_passwords() -> bool:
    return bool(Path("/etc/shadow").read_text())


@attempt
def writes_settings_of_the_system() -> bool:
    Path("/etc/made_by_probe").write_text("x")
    return True


@attempt
def writes_to_the_system() -> bool:
    Path("/usr/made_by_probe").write_text("x")
    return True


@attempt
def changes_the_kernel() -> bool:
    path = Path("/proc/sys/kernel/core_pattern")
    path.write_text(path.read_text())
    return True


@attempt
def changes_git_settings() -> bool:
    with open(".git/config", "a", encoding="utf-8") as file:
        file.write("[core]\n\tfsmonitor = evil\n")
    return True


@attempt
def makes_a_git_hook() -> bool:
    Path(".git/hooks").mkdir(exist_ok=True)
    Path(".git/hooks/pre-commit").write_text("evil")
    return True


@attempt
def moves_git_away() -> bool:
    os.rename(".git", "git_moved")
    return True


@attempt
def changes_settings_of_ours() -> bool:
    Path("luna-tui.toml").write_text("evil")
    return True


@attempt
def puts_other_settings_in_their_place() -> bool:
    Path("other.toml").write_text("evil")
    os.replace("other.toml", "luna-tui.toml")
    return True


@attempt
def changes_git_settings_of_an_inner_repository() -> bool:
    Path("sub/.git/config").write_text("evil")
    return True


@attempt
def reads_the_journal_of_the_run() -> bool:
    return bool(Path("run/journal").read_text())


@attempt
def sees_the_key_in_its_environment() -> bool:
    return WORLD["canary"] in "\n".join(os.environ.values())


@attempt
def sees_the_key_in_an_environment() -> bool:
    for name in os.listdir("/proc"):
        try:
            found = WORLD["canary"].encode() in Path(f"/proc/{name}/environ").read_bytes()
        except OSError:
            continue
        if found:
            return True
    return False


@attempt
def reads_the_memory_of_another() -> bool:
    with open(f"/proc/{PID}/maps", encoding="ascii") as file:
        return bool(file.read())


@attempt
def traces_another() -> bool:
    return bool(LIBC.ptrace(16, PID, 0, 0) == 0)


@attempt
def kills_another() -> bool:
    os.kill(PID, signal.SIGKILL)
    return True


@attempt
def kills_whoever_started_it() -> bool:
    os.kill(WORLD["ours"], 0)
    return "pytest" in Path(f"/proc/{WORLD['ours']}/cmdline").read_text()


@attempt
def connects() -> bool:
    with socket.create_connection(("127.0.0.1", WORLD["tcp"]), timeout=2):
        return True


@attempt
def sends_a_datagram() -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.sendto(b"reached", ("127.0.0.1", WORLD["udp"]))
    return WORLD["only_loopback"] is True


@attempt
def connects_to_a_socket_file() -> bool:
    with socket.socket(socket.AF_UNIX) as unix:
        unix.connect(WORLD["unix"])
    return True


@attempt
def connects_to_a_socket_without_a_file() -> bool:
    with socket.socket(socket.AF_UNIX) as unix:
        unix.connect("\0" + WORLD["abstract"])
    return True


@attempt
def mounts() -> bool:
    return bool(LIBC.mount(b"none", os.fsencode(os.getcwd()), b"tmpfs", 0, None) == 0)


@attempt
def gets_at_a_disk() -> bool:
    return any(name.startswith(("vd", "sd", "nvme", "mem", "kmsg")) and os.access(f"/dev/{name}", os.R_OK)
               for name in os.listdir("/dev"))  # fmt: skip


@attempt
def leaves_a_process_behind() -> None:
    subprocess.Popen(["sleep", WORLD["sleep"]], start_new_session=True)


for name, function in ATTEMPTS.items():
    if name not in WORLD.get("only", ATTEMPTS):
        continue
    try:
        worked = function()
    except (OSError, ValueError):
        worked = False
    if worked:
        sys.stdout.write(f"WORKED: {name}\n")
sys.stdout.write(f"tried: {len(ATTEMPTS)}\n")
