"""Files of a workspace under attack: another process swaps a folder, or a file, for a link that leads out.

    python -m benchmarks.escapes [--tries 100000]

Counts how often what is outside was read or written, by the way that file tools take, and by the way that
looks first and opens then.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from luna_tui.engine.runner import AttemptError
from luna_tui.runners.beneath import BeneathError, Workspace, locate
from luna_tui.runners.workspace_files import read_beneath

INSIDE, OUTSIDE = "inside", "outside"
NAMES = ("folder/file", "file")
_SWAPPER = """
import ctypes, os, sys
libc = ctypes.CDLL(None)
os.chdir(sys.argv[1])
print("on", flush=True)
while os.getppid() == int(sys.argv[2]):
    for _ in range(100):
        libc.renameat2(-100, b"folder", -100, b"folder_out", 2)
        libc.renameat2(-100, b"file", -100, b"file_out", 2)
    if not os.path.islink("file") and not os.path.islink("file_out"):
        os.symlink(sys.argv[3], "again")
        os.rename("again", "file_out")
"""


@dataclass
class Race:
    """How it went."""

    tries: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    """`inside`, `outside` (an escape), or refused."""
    seconds: float = 0.0
    changed_outside: bool = False
    """Something outside was written to."""

    @property
    def escapes(self) -> int:
        """How often what is outside was reached."""
        return self.counts[OUTSIDE] + self.changed_outside


def read_as_tools_do(workspace: str, name: str) -> str:
    """As an attached file or a file tool is read."""
    try:
        return read_beneath(workspace, name)
    except AttemptError:
        return "refused"


def read_looking_first(workspace: str, name: str) -> str:
    """Find out where it leads, then open that."""
    try:
        path = os.path.realpath(os.path.join(workspace, name))
        if not path.startswith(workspace + "/"):
            return "refused"
        return Path(path).read_text()
    except OSError:
        return "refused"


def write_as_tools_do(workspace: str, name: str) -> str:
    """As write_file writes."""
    try:
        with Workspace(workspace) as root:
            root.replace(locate(workspace, name), INSIDE.encode())
    except (BeneathError, OSError):
        return "refused"
    return INSIDE


def race(do: Callable[[str, str], str], tries: int) -> Race:
    """So many uses while another process swaps what stands at the names."""
    found = Race(tries)
    with tempfile.TemporaryDirectory() as folder, _attacked(Path(folder)) as workspace:
        began = time.perf_counter()
        for number in range(tries):
            found.counts[do(workspace, NAMES[number % 2])] += 1
        found.seconds = time.perf_counter() - began
        outside = Path(folder, "outside")
        left = {path.name: path.read_text() for path in outside.iterdir()}
        found.changed_outside = left != {"file": OUTSIDE}
    return found


@contextmanager
def _attacked(folder: Path) -> Iterator[str]:
    workspace, outside = folder / "workspace", folder / "outside"
    (workspace / "folder").mkdir(parents=True)
    outside.mkdir()
    for path in (workspace / "folder" / "file", workspace / "file"):
        path.write_text(INSIDE)
    (outside / "file").write_text(OUTSIDE)
    (workspace / "folder_out").symlink_to(outside)
    (workspace / "file_out").symlink_to(outside / "file")
    argv = [sys.executable, "-c", _SWAPPER, str(workspace), str(os.getpid()), str(outside / "file")]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as swapper:
        assert swapper.stdout is not None
        swapper.stdout.readline()
        try:
            yield os.path.realpath(workspace)
        finally:
            swapper.kill()


def main(argv: Sequence[str] | None = None) -> int:
    """Print one line a way; 1 when file tools were led out."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.escapes", description=__doc__)
    parser.add_argument("--tries", type=int, default=100_000)
    tries = parser.parse_args(argv).tries
    led_out = 0
    ways = (("reads of file tools", read_as_tools_do), ("writes of file tools", write_as_tools_do))
    for name, do in (*ways, ("reads that look first", read_looking_first)):
        found = race(do, tries)
        each = found.seconds / tries * 1e6
        print(
            f"{name:<22}  {tries:,} tries  {found.escapes:,} escapes  {found.counts['refused']:,} refused"
            f"  {each:.0f} us each"
        )
        led_out += found.escapes if do is not read_looking_first else 0
    return 1 if led_out else 0


if __name__ == "__main__":
    sys.exit(main())
