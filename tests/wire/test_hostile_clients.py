"""Whatever comes over the socket, from whomever: the run goes on, and so do its honest viewers."""

from __future__ import annotations

import json
import os
import random
import stat
import subprocess
import sys
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from needs import lacking
from wire_support import IDS, ServedStage, follow

from luna_tui.core.state import fold
from luna_tui.wire.asking import ask
from luna_tui.wire.client import RefusedError
from luna_tui.wire.messages import Wish, line

HELLO = line({"wire": "hello", "proto": [1, 1], "mode": "control", "version": "0"})
ASK = HELLO.replace(b"control", b"ask")
SEED = 20260102
MESSAGES = 10_000
KNOCK = """
import os, socket, sys
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
try:
    client.connect(sys.argv[1])
except OSError as error:
    print(type(error).__name__)
else:
    client.settimeout(5)
    print(client.recv(1000).decode())
"""


def wrong(rng: random.Random) -> bytes:
    """One line that means nothing, or nothing good."""
    values: list[Any] = [
        None,
        True,
        -1,
        10**40,
        1e308,
        "",
        "x" * 300,
        "\x1b]0;x\x07",
        [],
        {},
        [[]],
        {"a": {}},
        IDS[0],
    ]
    match rng.randrange(9):
        case 0:
            return rng.randbytes(rng.randrange(1, 400)).replace(b"\n", b"") + b"\n"
        case 1:
            return b"[" * 5_000 + b"\n"
        case 2:
            return json.dumps(rng.choice(values)).encode() + b"\n"
        case 3:
            return line({"wire": "hello", "proto": rng.choice([*values, "x", ["1", "2"], [1], [1, 2, 3]])})
        case 4:
            keys = [
                "id",
                "do",
                "scope",
                "manner",
                "wave",
                "subtask",
                "usd",
                "workers",
                "subtasks",
                "by",
                "mode",
            ]
            return line({k: rng.choice(values) for k in rng.sample(keys, rng.randrange(1, 8))})
        case 5:
            does = ["cancel", "retry", "skip", "mode", "workers", "budget", "pausee", "status"]
            return line(
                {"id": rng.randrange(9), "do": rng.choice(does), rng.choice("abc"): rng.choice(values)}
            )
        case 6:
            return b'{"id":1,"do":"skip","subtasks":' + b"[" * 3_000 + b"]" * 3_000 + b"}\n"
        case 7:
            return HELLO[: rng.randrange(len(HELLO))] + b"\xff\xfe\n"
        case _:
            return b'{"id":' + b"9" * 5_000 + b"}\n"


class Talker:
    """A client that waits for the answer to each line, and comes back when it was sent away."""

    def __init__(self, run: ServedStage, rng: random.Random) -> None:
        self._run = run
        self._rng = rng
        self.sent_away = 0
        self.answers: Counter[str] = Counter()
        self._come()

    def say(self, raw: bytes) -> None:
        """One line."""
        with suppress(ConnectionError):
            self._client.sendall(raw)
        answer = b""
        with suppress(ConnectionError):
            answer = self._answers.readline()
        if answer:
            self.answers[json.loads(answer)["wire"]] += 1
        if not answer or not self._greeted:
            self.sent_away += 1
            self.leave()
            self._come()

    def leave(self) -> None:
        """Close."""
        self._answers.close()
        self._client.close()

    def _come(self) -> None:
        self._client = self._run.raw()
        self._answers = self._client.makefile("rb")
        self._greeted = self._rng.random() < 0.5
        if self._greeted:
            self._client.sendall(ASK)
            self._answers.readline()


def test_10_000_wrong_messages_leave_an_honest_viewer_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("luna_tui.wire.peer.PER_SECOND", 1_000_000)
    rng = random.Random(SEED)
    with ServedStage(tmp_path) as run:
        honest = run.connect(Wish.VIEW)
        state = follow(honest, len(run.records))
        talker = Talker(run, rng)
        for number in range(MESSAGES):
            talker.say(wrong(rng))
            if number % 500 == 0:
                run.say(f"{number} ")
                run.state()
                state = follow(honest, len(run.records), state)
        talker.leave()
        assert run.server.is_alive()
        run.say("the end")
        last = len(run.records)
        assert follow(honest, last, state) == fold(run.records[:last])
        assert ask(run.path, {"do": "status"}, version="0")["subtasks"] == len(IDS)
        honest.close()
        assert sum(talker.answers.values()) + talker.sent_away >= MESSAGES, f"seed {SEED}"
        assert talker.answers["refused"] > MESSAGES / 2, f"seed {SEED}"
        assert not [call for call in run.control.calls if "\x1b" in str(call)], f"seed {SEED}"


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"\n", "not a line of JSON"),
        (b"\xff\n", "not a line of JSON"),
        (b"[]\n", "not a JSON object"),
        (b"{}\n", "the first line is hello"),
        (b"[" * 100_000 + b"\n", "nested too deeply"),
        (b'{"wire":"hello","proto":"x"}\n', "proto is"),
        (b'{"wire":"hello","proto":[1,true],"mode":"view"}\n', "proto is"),
        (b'{"wire":"hello","proto":[1,1],"mode":"own"}\n', "mode is view, control, ask"),
        (b'{"wire":"hello","proto":[1,1],"mode":"view","version":7}\n', "texts"),
        (b"x" * 1_200_000, "too long"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)
def test_a_wrong_first_line_is_answered_in_words_and_the_client_sent_away(
    tmp_path: Path, raw: bytes, why: str
) -> None:
    with ServedStage(tmp_path) as run, run.raw() as client:
        with suppress(BrokenPipeError):
            client.sendall(raw)
        with client.makefile() as answers:
            answer = answers.readline()
        assert json.loads(answer)["wire"] == "refused"
        assert why in json.loads(answer)["why"]
        with suppress(ConnectionResetError):
            assert client.recv(100) == b""
        assert run.server.is_alive()


def test_200_kb_without_an_end_are_kept_and_harm_nobody(tmp_path: Path) -> None:
    with ServedStage(tmp_path) as run, run.raw() as client:
        client.sendall(HELLO + b"x" * 200_000)
        run.state()
        assert ask(run.path, {"do": "status"}, version="0")["subtasks"] == len(IDS)
        client.sendall(b'\n{"id":5,"do":"pause"}\n')
        with client.makefile() as answers:
            told = (json.loads(text) for text in answers)
            assert next(one for one in told if one.get("id") == 5) == {"id": 5, "wire": "done"}


def test_a_client_that_only_talks_nonsense_is_sent_away(tmp_path: Path) -> None:
    with ServedStage(tmp_path) as run, run.raw() as client:
        client.sendall(HELLO + b"nonsense\n" * 30)
        told = b""
        while came := client.recv(65_536):
            told += came
        assert 15 < told.count(b"not a line of JSON") <= 20


def test_an_error_that_nobody_foresaw_ends_one_client_and_not_the_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with ServedStage(tmp_path) as run:
        honest = run.connect(Wish.VIEW)

        def broken(*_: object, **__: object) -> None:
            raise ZeroDivisionError

        monkeypatch.setattr(run.control, "pause", broken)
        with pytest.raises(ConnectionResetError):
            ask(run.path, {"do": "pause"}, version="0")
        run.say("still here")
        assert follow(honest, len(run.records)).seq == len(run.records)
        assert "ZeroDivisionError" in caplog.text
        honest.close()


def test_another_user_is_not_let_in(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        lacking("root", "a second user can be tried by root only")

    def knock(path: Path) -> str:
        return subprocess.run(
            [sys.executable, "-c", KNOCK, str(path)], capture_output=True, text=True, check=True
        ).stdout

    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    for folder in tmp_path.parents:
        if folder != Path("/") and folder.stat().st_uid == 0 and folder.is_relative_to("/tmp/"):
            folder.chmod(0o755)
    tmp_path.chmod(0o755)
    with ServedStage(private) as run:
        assert knock(run.path).strip() == "PermissionError"
    with ServedStage(tmp_path) as run:
        assert stat.S_IMODE(run.path.stat().st_mode) == 0o600
        assert knock(run.path).strip() == "PermissionError"
        run.path.chmod(0o666)
        assert "not your run" in knock(run.path)
        assert ask(run.path, {"do": "status"}, version="0")


def test_a_server_of_another_user_is_not_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with ServedStage(tmp_path) as run:
        monkeypatch.setattr("luna_tui.wire.sockets.trusted", lambda uid: False)
        with pytest.raises(PermissionError, match="another user"):
            run.connect()


def test_who_may_not_be_trusted_is_refused_before_a_word_is_heard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("luna_tui.wire.server.trusted", lambda uid: False)
    with ServedStage(tmp_path) as run:
        with pytest.raises(RefusedError, match="not your run"):
            run.connect()
        assert run.control.calls == []
