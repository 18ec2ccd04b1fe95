"""Time from a key to its paint while 40 streams speak: on this terminal, and through a slow ssh."""

from __future__ import annotations

import argparse
import getpass
import json
import random
import shlex
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.measure import table
from benchmarks.screen_terminal import ROOT, BenchTerminal, child, environment

PATIENCE_S = 60.0
GAP_S = (0.2, 0.6)
"""Between the paint of a key and the next key."""


@contextmanager
def sshd(folder: Path) -> Iterator[list[str]]:
    """An ssh server for us alone on loopback; the command line of a client."""
    server = shutil.which("sshd") or "/usr/sbin/sshd"
    for name in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True)
    shutil.copy(folder / "user.pub", folder / "authorized")
    (folder / "authorized").chmod(0o600)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = {
        "Port": port, "ListenAddress": "127.0.0.1", "HostKey": folder / "host", "PidFile": folder / "pid",
        "AuthorizedKeysFile": folder / "authorized", "StrictModes": "no", "UsePAM": "no",
        "PasswordAuthentication": "no", "PermitRootLogin": "prohibit-password", "PrintMotd": "no",
        "PrintLastLog": "no",
    }  # fmt: skip
    (folder / "config").write_text("".join(f"{k} {v}\n" for k, v in settings.items()))
    Path("/run/sshd").mkdir(exist_ok=True)
    with subprocess.Popen(
        [server, "-D", "-e", "-f", str(folder / "config")], stderr=subprocess.DEVNULL
    ) as run:
        try:
            _wait_for(port)
            yield [
                "ssh", "-tt", "-q", "-p", str(port), "-i", str(folder / "user"), "-F", "none",
                "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
                f"{getpass.getuser()}@127.0.0.1",
            ]  # fmt: skip
        finally:
            run.terminate()


def _wait_for(port: int) -> None:
    end = time.monotonic() + 10
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError("sshd does not answer")


def press(
    argv: Sequence[str], keys: int, *, rate: float, size: tuple[int, int], settle_s: float
) -> list[float]:
    """Seconds to the paint of each key, on a terminal read at `rate`; a lost one counts as the patience."""
    rng = random.Random(3)
    terminal = BenchTerminal(argv, width=size[0], height=size[1], rate=rate)
    try:
        while not terminal.glass.shows("RUNNING") and terminal.turn():
            pass
        terminal.idle(settle_s)
        found = []
        for number in range(1, keys + 1):
            found.append(terminal.key(number, patience_s=PATIENCE_S))
            if found[-1] >= PATIENCE_S:
                break
            terminal.idle(rng.uniform(*GAP_S))
        return found
    finally:
        terminal.close()


def remote(client: Sequence[str], command: Sequence[str]) -> list[str]:
    """The same command at the other end."""
    wanted = {k: v for k, v in environment().items() if k in ("LANG", "PYTHONPATH", "PATH", "TERM")}
    words = [f"{k}={shlex.quote(v)}" for k, v in wanted.items()]
    return [*client, f"cd {shlex.quote(str(ROOT))} && env {' '.join(words)} {shlex.join(command)}"]


def cases(args: argparse.Namespace, client: Sequence[str] | None) -> list[dict[str, object]]:
    """Every case in turn."""
    rows: list[dict[str, object]] = []
    plan: list[tuple[str, str, float, tuple[int, int], str, int]] = [
        ("local 80x24", "paced", 0.0, (80, 24), "0", args.keys),
        ("local 80x24", "stock", 0.0, (80, 24), "10", args.keys),
        ("local 200x60", "paced", 0.0, (200, 60), "0", args.keys),
        ("local 200x60", "stock", 0.0, (200, 60), "10", args.keys),
    ]
    if args.quick:
        plan = plan[:1]
    if client is not None:
        for rate in (100_000.0, 30_000.0):
            name = f"ssh 200x60, {rate / 1000:.0f} kB/s"
            plan += [
                (name, "paced", rate, (200, 60), "0", args.keys),
                (f"{name}, fps = 10", "paced", rate, (200, 60), "10", args.keys),
                (f"{name}, fps = 10", "stock", rate, (200, 60), "10", max(1, args.keys // 12)),
            ]
    with tempfile.TemporaryDirectory(prefix="luna-screen-") as folder:
        for name, case, rate, size, fps, keys in plan:
            longest_s = args.settle + keys * 2 + 2 * PATIENCE_S
            argv = child(case, f"{folder}/out", "--fps", fps, "--seconds", str(longest_s))
            if name.startswith("ssh"):
                argv = remote(client or (), argv)
            settle_s = args.settle if case == "stock" or rate else min(2.0, args.settle)
            found = press(argv, keys, rate=rate, size=size, settle_s=settle_s)
            ordered = sorted(found)
            rows.append(
                {
                    "name": name, "case": case, "keys": len(found),
                    "p50_ms": statistics.median(found) * 1e3,
                    "p95_ms": ordered[min(len(ordered) - 1, round(0.95 * len(ordered)))] * 1e3,
                    "most_ms": ordered[-1] * 1e3,
                }
            )  # fmt: skip
            print(".", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return rows


def main(argv: Sequence[str] | None = None) -> None:
    """Compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keys", type=int, default=60, help="presses in each case; default 60")
    parser.add_argument("--settle", type=float, default=20.0, help="seconds before the first key")
    parser.add_argument("--local", action="store_true", help="no ssh")
    parser.add_argument("--quick", action="store_true", help="a few keys on this terminal")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    args = parser.parse_args(argv)
    if args.quick:
        args.keys, args.settle, args.local = 3, 0.3, True
    possible = shutil.which("sshd") or Path("/usr/sbin/sshd").exists()
    if not args.local and not possible:
        print("NO ssh SERVER HERE: the slow lines are left out (install openssh-server)", file=sys.stderr)
    if args.local or not possible:
        rows = cases(args, None)
    else:
        with tempfile.TemporaryDirectory(prefix="luna-sshd-") as folder, sshd(Path(folder)) as client:
            rows = cases(args, client)
    if args.json:
        print(json.dumps({"title": "key to paint", "cases": rows}))
        return
    figures = [
        [
            f"{r['name']}, {r['case']}",
            str(r["keys"]),
            *(f"{r[k]:,.0f}" for k in ("p50_ms", "p95_ms", "most_ms")),
        ]
        for r in rows
    ]
    table("Milliseconds from a key to its paint, 40 streams", ["", "keys", "p50", "p95", "most"], figures)


if __name__ == "__main__":
    main()
