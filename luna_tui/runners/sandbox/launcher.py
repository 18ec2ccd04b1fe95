"""A small program between us and a held command: bounds it, shuts it in with Landlock where asked, and
ends what it leaves behind.

Started by its file, with a JSON text and the command; it imports nothing of ours.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import json
import os
import resource
import signal
import struct
import sys

# Known by its name to type checkers; what this needs is loaded anew for every command.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

_LIBC = ctypes.CDLL(None, use_errno=True)
_PDEATHSIG, _SECCOMP, _CAPBSET_DROP, _SUBREAPER, _NO_NEW_PRIVS = 1, 22, 24, 36, 38
_FILTER = 2
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION, _PATH_BENEATH = 1, 1
LEAST_ABI = 6
"""From this one on (Linux 6.12) signals and abstract sockets stay inside too."""
_EVERY_FILE_RIGHT = (1 << 16) - 1
_TCP = 0b11
_SCOPES = 0b11
_READ = 1 << 0 | 1 << 2 | 1 << 3
_WRITE = _READ | sum(1 << n for n in (1, 4, 5, 7, 8, 9, 10, 12, 13, 14))
"""All but devices: write, remove, make folders, files, sockets, pipes and links, move, truncate."""
_DEVICE = 1 << 1 | 1 << 2 | 1 << 14
_OF_A_FILE = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 14 | 1 << 15
_RIGHTS = {"list": 1 << 3, "read": _READ, "write": _WRITE, "device": _DEVICE}
_CAPABILITY_3, _LAST_CAPABILITY = 0x20080522, 63
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16
_ALLOWED, _FAILS = 0x7FFF0000, 0x00050000
_INTERNET = (2, 10, 16)
"""AF_INET, AF_INET6, and AF_NETLINK, which looking up an address takes."""
_CALLS: dict[str, tuple[int, int, tuple[int, ...]]] = {
    "x86_64": (
        0xC000003E, 41,
        (425, 101, 310, 311, 90, 268, 92, 94, 260, 188, 189, 197, 198, 272, 308, 250, 248, 249, 321, 298),
    ),
    "aarch64": (
        0xC00000B7, 198,
        (425, 117, 270, 271, 53, 54, 5, 6, 14, 15, 97, 268, 219, 217, 218, 280, 241),
    ),
}  # fmt: skip
"""Architecture, socket, and what Landlock lets through: io_uring (it makes sockets), ptrace and the memory of
others, chmod, chown and attributes by path, name spaces, keys of the user, bpf, perf."""
_EVERYWHERE = (452, 463, 466)
"""fchmodat2, setxattrat, removexattrat: the same number on both."""
_X32 = 0x40000000


class Ended(Exception):
    """Somebody wants the command to end."""


def main(argv: Sequence[str]) -> int:
    """Run a command as the JSON text says, to its end and that of all it started; returns its exit code."""
    asked: dict[str, Any] = json.loads(argv[0])
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w", encoding="ascii") as score:
        score.write("500")
    for name, value in asked["limits"].items():
        number = getattr(resource, name)
        hard = resource.getrlimit(number)[1]
        most = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(number, (most, most))
    return _supervise(asked["landlock"], argv[1:])


def landlock_abi() -> int:
    """Version of Landlock here; 0 = there is none, or no filter of ours for this machine."""
    if os.uname().machine not in _CALLS:
        return 0
    return max(0, int(_LIBC.syscall(_CREATE_RULESET, None, 0, _VERSION)))


def _become(argv: Sequence[str]) -> int:
    """As os.execvp, which may have to load a module first: here that could no longer be read."""
    name = argv[0]
    folders = [""] if "/" in name else os.environ.get("PATH", os.defpath).split(os.pathsep)
    said = os.strerror(errno.ENOENT)
    for folder in folders:
        try:
            os.execv(os.path.join(folder, name), list(argv))
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            said = os.strerror(error.errno or 0)
    missing = said == os.strerror(errno.ENOENT)
    sys.stderr.write(f"{name}: {'command not found' if missing else said}\n")
    return 127 if missing else 126


def _supervise(landlock: dict[str, Any] | None, argv: Sequence[str]) -> int:
    """Wait for the command, then end every process that it left."""
    _checked(_LIBC.prctl(_SUBREAPER, 1, 0, 0, 0))
    _checked(_LIBC.prctl(_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0))
    signal.signal(signal.SIGTERM, _end)
    child = os.fork()
    if not child:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        code = 125
        try:
            if landlock is not None:
                _shut_in(landlock)
            code = _become(argv)
        except OSError as error:
            sys.stderr.write(f"the command could not be shut in: {error}\n")
        finally:
            sys.stderr.flush()
            os._exit(code)
    ended = status = 0
    try:
        while ended != child:
            ended, status = os.waitpid(-1, 0)
    except Ended:
        # What was reaped last may have been an orphan, whose end says nothing of the command's.
        status = int(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        _end_children()
    if os.WIFSIGNALED(status):
        return 128 + os.WTERMSIG(status)
    return os.WEXITSTATUS(status)


def _end(number: int, frame: object) -> None:
    raise Ended


def _end_children() -> None:
    """Kill until there is none: what a killed one has started becomes a child of this process."""
    while True:
        for pid in _children():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return


def _children() -> list[int]:
    found = []
    for name in os.listdir("/proc"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            if not name.isdecimal():
                continue
            with open(f"/proc/{name}/stat", "rb") as file:
                if int(file.read().rpartition(b")")[2].split()[1]) == os.getpid():
                    found.append(int(name))
    return found


def _shut_in(asked: dict[str, Any]) -> None:
    """Give up every privilege, then all files but those named, and the network unless it is allowed."""
    if not os.geteuid():
        _drop_capabilities()
    _checked(_LIBC.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0))
    attributes = struct.pack("QQQ", _EVERY_FILE_RIGHT, 0 if asked["network"] else _TCP, _SCOPES)
    ruleset = _checked(_LIBC.syscall(_CREATE_RULESET, attributes, len(attributes), 0))
    for kind, paths in asked["paths"].items():
        for path in paths:
            _allow(ruleset, path, _RIGHTS[kind])
    _checked(_LIBC.syscall(_RESTRICT_SELF, ruleset, 0))
    os.close(ruleset)
    _filter_calls(network=asked["network"])


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    if not os.path.isdir(path):
        rights &= _OF_A_FILE
    rule = struct.pack("=Qi", rights, descriptor)
    _checked(_LIBC.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, rule, 0))
    os.close(descriptor)


def _drop_capabilities() -> None:
    for number in range(_LAST_CAPABILITY + 1):
        if _LIBC.prctl(_CAPBSET_DROP, number, 0, 0, 0) < 0:
            break
    header, none = struct.pack("Ii", _CAPABILITY_3, 0), bytes(24)
    _checked(_LIBC.capset(header, none))


def _filter_calls(*, network: bool) -> None:
    """Fail what Landlock does not see; sockets of the Internet only with `network`, no other kind at all."""
    architecture, socket, denied = _CALLS[os.uname().machine]
    fails, no_call = _FAILS | errno.EPERM, _FAILS | errno.ENOSYS
    steps = [
        (_LOAD, 0, 0, _ARCHITECTURE), (_EQUAL, 1, 0, architecture), (_RETURN, 0, 0, no_call),
        (_LOAD, 0, 0, _NUMBER), (_AT_LEAST, 0, 1, _X32), (_RETURN, 0, 0, no_call),
    ]  # fmt: skip
    for number in (*denied, *_EVERYWHERE):
        steps += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, fails)]
    families = _INTERNET if network else ()
    steps += [(_EQUAL, 0, 2 + 2 * len(families), socket), (_LOAD, 0, 0, _FIRST_ARGUMENT)]
    for family in families:
        steps += [(_EQUAL, 0, 1, family), (_RETURN, 0, 0, _ALLOWED)]
    steps += [(_RETURN, 0, 0, fails), (_RETURN, 0, 0, _ALLOWED)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
    program = struct.pack("HxxxxxxP", len(steps), ctypes.addressof(code))
    _checked(_LIBC.prctl(_SECCOMP, _FILTER, program, 0, 0))


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
