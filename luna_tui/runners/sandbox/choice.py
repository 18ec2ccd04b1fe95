"""Which sandbox can hold commands on this machine, and a command made ready for it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from luna_tui.core.clean import clean_line, short_line
from luna_tui.core.sandbox import REFUSED, SandboxKind, SandboxSettings
from luna_tui.runners.beneath import holds
from luna_tui.runners.environment import marks
from luna_tui.runners.sandbox import launcher
from luna_tui.runners.sandbox.bubblewrap import HOME, Held, bubblewrap
from luna_tui.runners.sandbox.reach import (
    SETTINGS,
    held_environ,
    open_settings,
    parts_without,
    program_folders,
    repository_of,
    resolver,
    system_folders,
)
from luna_tui.runners.spawning import Launch
from luna_tui.runners.tools.base import Place

_PROBE_S = 10
_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
_GIB = 1024**3
_LIMITS = {
    "RLIMIT_CORE": 0,
    "RLIMIT_NPROC": 2_048,
    "RLIMIT_FSIZE": 4 * _GIB,
    # Of what is written to: many programs reserve address space that they never use.
    "RLIMIT_DATA": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
}


@dataclass(frozen=True, slots=True)
class Found:
    """What can hold commands here."""

    kind: str
    """A SandboxKind but auto, or REFUSED."""
    why: str = ""
    """Why not another one, or none."""


class Sandbox:
    """One for a run; serves all threads."""

    def __init__(
        self, settings: SandboxSettings, environ: Mapping[str, str], secrets: Mapping[str, str] | None = None
    ) -> None:
        """`secrets` maps values that no command may see in its environment to their names."""
        self._settings = settings
        self._environ = dict(environ)
        self._secrets = secrets or {}
        self.found = find_sandbox(settings, environ)

    @property
    def words(self) -> str:
        """What holds a command, for whoever is asked about one."""
        network = "with network" if self._settings.network else "no network"
        if self.found.kind == SandboxKind.NONE:
            return "held by nothing"
        return f"held by {self.found.kind}, {network}"

    @contextmanager
    def launch(self, command: Sequence[str], place: Place, kept: Sequence[str]) -> Iterator[Launch]:
        """A command made ready; `kept` are parts of the workspace that it must not change.

        While the block runs there is a folder for what it leaves lying about.
        """
        workspace = os.path.realpath(place.workspace)
        mark = marks(place.run_dir)
        if self.found.kind == SandboxKind.BUBBLEWRAP:
            inside = self._environ_in(HOME)
            argv = bubblewrap(self._program, self._held(command, place, workspace, kept, inside))
            yield Launch(_bounded(argv), "/", {"PATH": os.defpath} | mark)
            return
        with tempfile.TemporaryDirectory(prefix="luna-", ignore_cleanup_errors=True) as home:
            environ = self._environ_in(home) | mark
            if self.found.kind == SandboxKind.NONE:
                yield Launch(_bounded(command), workspace, environ)
            elif self.found.kind == SandboxKind.LANDLOCK:
                held = self._held(command, place, workspace, kept, environ)
                yield Launch(_bounded(command, _landlock(held, home)), workspace, environ)
            else:
                raise ValueError(self.found.why)

    @property
    def _program(self) -> str:
        return _bwrap(self._environ.get("PATH", os.defpath))

    def _environ_in(self, home: str) -> dict[str, str]:
        return held_environ(self._environ, self._secrets, home)

    def _held(
        self,
        command: Sequence[str],
        place: Place,
        workspace: str,
        kept: Sequence[str],
        environ: Mapping[str, str],
    ) -> Held:
        run_dir = os.path.realpath(place.run_dir) if place.run_dir else ""
        repository = repository_of(workspace)
        return Held(
            argv=command,
            workspace=workspace,
            writable=place.writable,
            network=self._settings.network,
            read=(
                *program_folders(self._environ, self._settings.read),
                *([repository] if repository else []),
            ),
            kept=kept,
            hidden=[run_dir] if run_dir and holds(workspace, run_dir) else [],
            environ=environ,
        )


def find_sandbox(settings: SandboxSettings, environ: Mapping[str, str]) -> Found:
    """What can hold commands here, by trying it once."""
    match settings.kind:
        case SandboxKind.NONE:
            return Found(SandboxKind.NONE)
        case SandboxKind.BUBBLEWRAP:
            why = _why_no_bubblewrap(environ.get("PATH", os.defpath))
            return Found(REFUSED, why) if why else Found(SandboxKind.BUBBLEWRAP)
        case SandboxKind.LANDLOCK:
            why = _why_no_landlock()
            return Found(REFUSED, why) if why else Found(SandboxKind.LANDLOCK)
    first, second = _why_no_bubblewrap(environ.get("PATH", os.defpath)), ""
    if not first:
        return Found(SandboxKind.BUBBLEWRAP)
    second = _why_no_landlock()
    return Found(REFUSED, f"{first}; {second}") if second else Found(SandboxKind.LANDLOCK, first)


def _bwrap(path: str) -> str:
    return shutil.which("bwrap", path=path) or shutil.which("bwrap", path=os.defpath) or ""


@cache
def _why_no_bubblewrap(path: str) -> str:
    """Empty when `true` has run in it."""
    program = _bwrap(path)
    if not program:
        return "bubblewrap (bwrap) is not installed"
    with tempfile.TemporaryDirectory(prefix="luna-") as folder:
        held = Held(
            argv=["true"], workspace=folder, writable=True, network=False, read=(), kept=(), hidden=(),
            environ={"PATH": os.defpath},
        )  # fmt: skip
        said = _tried(_bounded(bubblewrap(program, held)))
    return f"bubblewrap does not run here: {said}" if said else ""


@cache
def _why_no_landlock() -> str:
    abi = launcher.landlock_abi() if sys.platform == "linux" else 0
    if abi < launcher.LEAST_ABI:
        return f"Landlock here is version {abi}, and {launcher.LEAST_ABI} is needed (Linux 6.12)"
    with tempfile.TemporaryDirectory(prefix="luna-") as folder:
        held = Held(
            argv=["true"],
            workspace=folder,
            writable=True,
            network=False,
            read=(),
            kept=(),
            hidden=(),
            environ={},
        )
        said = _tried(_bounded(held.argv, _landlock(held, folder)))
    return f"Landlock does not work here: {said}" if said else ""


def _tried(argv: Sequence[str]) -> str:
    try:
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=_PROBE_S, check=False,
            env={"PATH": os.defpath}, start_new_session=True,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        return short_line(str(error), 200)
    said = clean_line(done.stderr.decode("utf-8", "replace"))[-200:]
    return (said or f"exit code {done.returncode}") if done.returncode else ""


def _bounded(argv: Sequence[str], landlock: Mapping[str, object] | None = None) -> list[str]:
    """The command behind the launcher."""
    asked = json.dumps({"limits": _LIMITS, "landlock": landlock})
    return [sys.executable, "-I", "-S", str(Path(launcher.__file__)), asked, *argv]


def _landlock(held: Held, home: str) -> dict[str, object]:
    read = [*system_folders(), *open_settings(), *held.read, "/proc"]
    write = [home]
    workspace = list(parts_without(held.workspace, held.hidden))
    if held.network and (names := resolver()):
        read.append(names)
    if held.writable:
        write += parts_without(held.workspace, [*held.kept, *held.hidden])
    paths = {
        "list": [held.workspace, SETTINGS],
        "read": [*read, *workspace],
        "write": write,
        "device": list(_DEVICES),
    }
    return {"paths": paths, "network": held.network}
