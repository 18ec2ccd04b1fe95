"""`replay` as a script sees it: sentences on stdout, complaints on stderr, exit codes."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from test_program import run
from tui.scenes import DEMO, NIGHTLY, nightly

from luna_tui.core.state import fold
from luna_tui.core.telling import line, status_sentences
from luna_tui.headless.printer import LinePrinter
from luna_tui.headless.replayed import PlainReplay
from luna_tui.session.replay import open_replay


def test_without_a_terminal_the_whole_journal_is_told_at_once() -> None:
    done = run("replay", str(NIGHTLY))
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    state = fold(nightly())
    assert sum(" failed 2.07 " in text for text in lines) == 3
    assert [text.partition(" ")[2] for text in lines[-2:]] == list(status_sentences(state, state.at))


def test_it_begins_where_it_is_told_to() -> None:
    done = run("replay", str(NIGHTLY), "--at", "50 %", "--headless")
    assert done.returncode == 0
    first = done.stdout.splitlines()[0]
    assert first.startswith("1:35 failed 2.08 ")


def test_a_speed_paces_the_sentences_and_a_run_is_found_by_its_name() -> None:
    assert run("demo", "--headless", "--speed", "40", "--run-id", "replayed-demo").returncode == 0
    done = run("replay", "replayed-demo", "--speed", "64")
    assert done.returncode == 0, done.stderr
    assert "The run has ended. 40 of 40 ok." in done.stdout


def test_what_is_damaged_is_told_once_on_stderr(tmp_path: Path) -> None:
    raw = DEMO.read_bytes().splitlines(keepends=True)
    path = tmp_path / "journal.0001.ndjson"
    path.write_bytes(b"".join([*raw[:30], b"{torn\n", *raw[31:]]))
    done = run("replay", str(path))
    assert done.returncode == 0
    assert done.stderr.splitlines() == [
        "1 line of the journal is damaged and left out; journal.0001.ndjson:31: the checksum does not fit"
    ]


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["replay", "no/such.ndjson"], "no/such.ndjson is not there"),
        (["replay", str(DEMO), "--at", "9:00:00"], "the journal ends at "),
        (["replay", str(DEMO), "--at", "#0"], "there are events #1 to #"),
        (["replay", str(DEMO), "--speed", "1000"], "is no speed from 0.1 to 64"),
        (["replay", str(DEMO), "--console", "screen"], "no terminal"),
    ],
)
def test_a_mistake_is_told_in_words(argv: list[str], says: str) -> None:
    done = run(*argv)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_neither_the_sdk_nor_a_screen_is_loaded_for_sentences() -> None:
    code = (
        "import sys, json\nfrom luna_tui.cli import main\n"
        f"main(['replay', {str(DEMO)!r}, '--headless'])\n"
        "print(json.dumps(sorted(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"anthropic", "textual", "httpx2"} & set(json.loads(done.stderr))


class Told:
    """Sentences of a plain replay, and a clock that passes a second at each look."""

    def __init__(self) -> None:
        self.session = open_replay(NIGHTLY)
        self._stream = io.StringIO()
        self.replay = PlainReplay(self.session, LinePrinter(self._stream))
        self.now_s = 0.0

    @property
    def lines(self) -> list[str]:
        return self._stream.getvalue().splitlines()

    def clock(self) -> float:
        self.now_s += 1.0
        return self.now_s


def test_played_sentences_are_those_of_the_run() -> None:
    told = Told()
    told.session.player.speed = 64.0
    told.replay.follow(told.clock)
    state = fold(nightly())
    expected = [text for record in nightly() if (text := line(state, record)) is not None]
    assert [text for text in told.lines if text in expected] == expected
    assert told.session.player.ended


def test_letters_pause_jump_and_leave() -> None:
    told = Told()
    player = told.session.player
    told.replay.take("p\n")
    assert player.playing
    told.replay.take("p\n]\n")
    assert not player.playing
    assert player.count == player.landmarks[0].count
    assert "2.21" in told.lines[-1]
    told.replay.take("50 ")
    assert player.count == player.landmarks[0].count
    told.replay.take("%\n")
    assert player.at_s == pytest.approx(player.total_s / 2)
    before = len(told.lines)
    told.replay.take("9:99:99\n")
    assert "the journal ends at 2:49" in told.lines[before]
    told.replay.take("s\n")
    assert "73 of 96 ok" in "".join(told.lines[-3:])
    told.replay.take("q\n")
    told.replay.follow(told.clock)
    assert told.now_s <= 2.0
