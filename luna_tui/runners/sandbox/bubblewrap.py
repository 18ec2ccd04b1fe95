"""A command in name spaces of its own: what bubblewrap is told."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from luna_tui.runners.sandbox.reach import SETTINGS, private_settings, resolver, system_folders

HOME = "/tmp/home"
_ALONE = ("--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL", "--clearenv")

_OF_THE_KERNEL = ("sys", "sysrq-trigger", "irq", "bus", "fs", "acpi", "scsi")
"""Parts of /proc through which whoever is root outside changes the machine, also from in here."""
_NOT_SHOWN = ("kcore", "keys", "timer_list", "sched_debug", "latency_stats")


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """One command and what it may reach; every path is absolute."""

    argv: Sequence[str]
    workspace: str
    writable: bool
    network: bool
    read: Sequence[str]
    """Folders besides the system."""
    kept: Sequence[str]
    """Parts of the workspace that nothing is written to."""
    hidden: Sequence[str]
    """Parts of the workspace that are not there."""
    environ: Mapping[str, str]


def bubblewrap(program: str, held: Held) -> list[str]:
    """The command line that runs it."""
    words = [program, *_ALONE, *(["--share-net"] if held.network else [])]
    for name, value in held.environ.items():
        words += ["--setenv", name, value]
    for folder in (*system_folders(), SETTINGS):
        words += ["--ro-bind", folder, folder]
    for path in private_settings():
        words += ["--tmpfs", path] if os.path.isdir(path) else ["--ro-bind", os.devnull, path]
    if held.network and (names := resolver()):
        words += ["--ro-bind", names, names]
    words += ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--dir", HOME]
    for name in _OF_THE_KERNEL:
        words += ["--ro-bind-try", f"/proc/{name}", f"/proc/{name}"]
    for name in filter(lambda name: os.path.exists(f"/proc/{name}"), _NOT_SHOWN):
        words += ["--ro-bind", os.devnull, f"/proc/{name}"]
    words += _bound(held)
    return [*words, "--chdir", held.workspace, "--", *held.argv]


def _bound(held: Held) -> Iterator[str]:
    for folder in sorted(held.read, key=len):
        yield from ("--ro-bind-try", os.path.realpath(folder), folder)
    yield from ("--bind" if held.writable else "--ro-bind", held.workspace, held.workspace)
    if held.writable:
        for path in sorted(held.kept, key=len):
            yield from ("--ro-bind", path, path)
    for path in held.hidden:
        yield from ("--tmpfs", path)
