"""What a held command may read besides its workspace: the system, and the programs that are on PATH."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Collection, Iterator, Mapping
from functools import cache

from luna_tui.runners.beneath import holds

_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store")
SETTINGS = "/etc"
_RESOLVER = "/etc/resolv.conf"
_SHIMS = "shims"
"""Folder of pyenv and its kin: what stands in it starts programs from the folder above."""
_PASSED_ON = frozenset({"LANG", "LANGUAGE", "TZ", "USER", "LOGNAME", "CI"})
_FIXED = {"PYTHONUNBUFFERED": "1", "TERM": "dumb", "NO_COLOR": "1", "PYTHONDONTWRITEBYTECODE": "1"}


def system_folders() -> tuple[str, ...]:
    """Those of the system that are there, without its settings."""
    return tuple(path for path in _SYSTEM if os.path.isdir(path))


@cache
def private_settings() -> tuple[str, ...]:
    """What of /etc is not for everybody: files and folders that a plain user cannot read, the topmost."""
    return tuple(_private(SETTINGS))


@cache
def open_settings() -> tuple[str, ...]:
    """The largest parts of /etc that hold nothing private."""
    return tuple(parts_without(SETTINGS, private_settings()))


def program_folders(environ: Mapping[str, str], extra: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Folders with programs, and with this Python: those on PATH, and `extra`; never all of a home."""
    found = [sys.prefix, sys.base_prefix, os.path.dirname(os.path.realpath(sys.executable)), *extra]
    for folder in environ.get("PATH", "").split(os.pathsep):
        found += [folder, os.path.dirname(folder)] if os.path.basename(folder) == _SHIMS else [folder]
    home = os.path.realpath(environ.get("HOME") or os.path.expanduser("~"))
    system = (*system_folders(), SETTINGS)
    usable = (f for f in map(os.path.normpath, found) if os.path.isabs(f) and os.path.isdir(f))
    narrow = (f for f in usable if not holds(os.path.realpath(f), home))
    return tuple(dict.fromkeys(f for f in narrow if not any(holds(s, f) for s in system)))


def resolver() -> str:
    """Where the names of hosts are looked up, when that is kept outside of /etc; empty else."""
    real = os.path.realpath(_RESOLVER)
    return real if os.path.isfile(real) and not holds(SETTINGS, real) else ""


def repository_of(workspace: str) -> str:
    """Where git keeps the repository of a workspace that is a worktree of it; empty for any other.

    Only where the repository, too, knows the workspace as its worktree: what stands in `.git` may be
    anybody's word.
    """
    try:
        pointer = os.path.join(workspace, ".git")
        folder = os.path.realpath(_line_of(pointer).removeprefix("gitdir:").strip())
        common = os.path.realpath(os.path.join(folder, _line_of(os.path.join(folder, "commondir"))))
        known = os.path.realpath(_line_of(os.path.join(folder, "gitdir")))
    except OSError:
        return ""
    in_it = os.path.dirname(folder) == os.path.join(common, "worktrees")
    return common if in_it and known == os.path.realpath(pointer) else ""


def _line_of(path: str) -> str:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise IsADirectoryError(path)
        return os.fsdecode(os.read(descriptor, 4_096)).strip()
    finally:
        os.close(descriptor)


def held_environ(environ: Mapping[str, str], secrets: Mapping[str, str], home: str) -> dict[str, str]:
    """What a held command sees of the environment; nothing that holds any of `secrets`."""
    passed = {k: v for k, v in environ.items() if k in _PASSED_ON or k.startswith("LC_")}
    folders = [f for f in environ.get("PATH", os.defpath).split(os.pathsep) if os.path.isabs(f)]
    own = os.path.join(sys.prefix, "bin")
    path = os.pathsep.join(folders if own in folders else [*folders, own])
    found = passed | _FIXED | {"PATH": path, "HOME": home, "TMPDIR": home}
    return {k: v for k, v in found.items() if not any(secret in v for secret in secrets)}


def parts_without(folder: str, kept: Collection[str]) -> Iterator[str]:
    """The largest parts of a folder in which none of `kept` is."""
    if not any(holds(folder, path) for path in kept):
        yield folder
        return
    for entry in os.scandir(folder):
        if entry.path in kept or entry.is_symlink():
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from parts_without(entry.path, kept)
        else:
            yield entry.path


def _private(folder: str) -> Iterator[str]:
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return
    for entry in entries:
        if entry.is_symlink():
            continue
        mode = entry.stat(follow_symlinks=False).st_mode
        is_folder = stat.S_ISDIR(mode)
        needed = stat.S_IROTH | stat.S_IXOTH if is_folder else stat.S_IROTH
        if mode & needed != needed:
            yield entry.path
        elif is_folder:
            yield from _private(entry.path)
