"""The table that processes share: a slot each, the dead are told once, nobody else can plant one."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from luna_tui.storage import shared_limits
from luna_tui.storage.shared_limits import SLOTS, LimitsTable, limits_table

Open = Callable[[], LimitsTable]


@pytest.fixture
def table(tmp_path: Path) -> Iterator[Open]:
    """Opens one more view of the same table; all are closed in the end."""
    opened: list[LimitsTable] = []

    def open_one() -> LimitsTable:
        opened.append(LimitsTable(tmp_path / "limits", 3, 2))
        return opened[-1]

    yield open_one
    for one in opened:
        one.close()


def test_what_one_writes_the_other_reads(table: Open) -> None:
    a, b = table(), table()
    with a.exchange() as rows:
        assert (rows.common, rows.mine, rows.others, rows.before) == ([0.0] * 3, [0.0] * 2, [[0.0, 0.0]], 0)
        rows.common[:] = [1.5, 2.5, 3.5]
        rows.mine[:] = [7.0, 8.0]
    with b.exchange() as rows:
        assert (rows.common, rows.mine, rows.others) == ([1.5, 2.5, 3.5], [0.0, 0.0], [[7.0, 8.0]])
        assert rows.before == 1


def test_a_closed_view_leaves_the_numbers_and_gives_its_slot_back(table: Open) -> None:
    a = table()
    with a.exchange() as rows:
        rows.common[:] = [4.0, 0.0, 0.0]
        rows.mine[:] = [9.0, 9.0]
    a.close = lambda: None  # type: ignore[method-assign]  # the fixture need not close it again
    LimitsTable.close(a)
    with table().exchange() as rows:
        assert rows.common == [4.0, 0.0, 0.0]
        assert rows.others == []
        assert rows.gone == []


def test_an_exchange_that_fails_writes_nothing(table: Open) -> None:
    a = table()

    def fail() -> None:
        with a.exchange() as rows:
            rows.common[:] = [1.0, 1.0, 1.0]
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with a.exchange() as rows:
        assert rows.common == [0.0] * 3


CHILD = """
import sys
from pathlib import Path
from luna_tui.storage.shared_limits import LimitsTable
table = LimitsTable(Path(sys.argv[1]), 3, 2)
with table.exchange() as rows:
    rows.mine[:] = [5.0, 6.0]
print("held", flush=True)
sys.stdin.read()
"""


def test_a_process_that_was_killed_is_told_once_and_its_slot_is_used_again(
    table: Open, tmp_path: Path
) -> None:
    a = table()
    command = [sys.executable, "-c", CHILD, str(tmp_path / "limits")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"held\n"
        with a.exchange() as rows:
            assert rows.others == [[5.0, 6.0]]
        child.kill()
    with a.exchange() as rows:
        assert rows.gone == [[5.0, 6.0]]
        assert rows.others == []
    with a.exchange() as rows:
        assert rows.gone == []


def test_there_are_only_so_many_slots(table: Open) -> None:
    for _ in range(SLOTS):
        table()
    with pytest.raises(OSError, match="share these limits"):
        table()


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path / "luna-tui"


def test_the_file_is_the_users_alone_and_does_not_tell_the_key(runtime: Path) -> None:
    tables = [limits_table("sk-secret", family, 3, 2) for family in ("haiku", "haiku", "opus")]
    names = sorted(p.name for p in runtime.iterdir())
    assert len(names) == 2
    assert not any("secret" in name for name in names)
    assert stat.S_IMODE(runtime.stat().st_mode) == 0o700
    assert {stat.S_IMODE(p.stat().st_mode) for p in runtime.iterdir()} == {0o600}
    assert not any(b"secret" in p.read_bytes() for p in runtime.iterdir())
    for one in tables:
        one.close()


def test_a_folder_that_others_can_enter_is_refused(runtime: Path) -> None:
    runtime.mkdir(mode=0o755)
    runtime.chmod(0o755)
    with pytest.raises(PermissionError, match="this user alone"):
        limits_table("k", "haiku", 3, 2)


def test_a_link_in_the_place_of_the_file_is_refused(runtime: Path, tmp_path: Path) -> None:
    limits_table("k", "haiku", 3, 2).close()
    (file,) = runtime.iterdir()
    file.unlink()
    (tmp_path / "elsewhere").write_bytes(b"")
    file.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic"):
        limits_table("k", "haiku", 3, 2)


def test_a_process_id_that_was_given_to_another_process_counts_as_dead() -> None:
    me = os.getpid()
    assert shared_limits._alive(me, shared_limits._started(me))
    assert not shared_limits._alive(me, 1.0)
