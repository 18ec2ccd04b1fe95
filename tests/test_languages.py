"""The program speaks the language it is told to speak, and writes the same data in every one."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tui.test_terminal import Terminal, plan_of

from luna_tui.storage.paths import find_run

PROGRAM = [sys.executable, "-m", "luna_tui"]
LOCALES = ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")
PLAN = """[plan]
name = "p"
[[wave]]
name = "w"
[[wave.subtask]]
id = "bad"
kind = "command"
command = ["false"]
retries = 0
[[wave.subtask]]
id = "slow"
kind = "command"
command = ["sleep", "30"]
retries = 0
timeout = 0.5
[[wave.subtask]]
id = "after"
prompt = "{{ results.bad }}"
"""


@pytest.fixture
def plan(tmp_path: Path) -> str:
    path = tmp_path / "plan.toml"
    path.write_text(PLAN)
    return str(path)


def run(*argv: str, **environ: str) -> subprocess.CompletedProcess[bytes]:
    clean = {k: v for k, v in os.environ.items() if k not in LOCALES}
    return subprocess.run(
        [*PROGRAM, *argv],
        capture_output=True,
        stdin=subprocess.DEVNULL,
        env=clean | environ,
        timeout=50,
        check=False,
    )


def said(done: subprocess.CompletedProcess[bytes]) -> str:
    return done.stderr.decode()


def test_sentences_of_a_run_and_the_engines_reasons_are_portuguese(plan: str) -> None:
    told = said(run("run", plan, "--provider", "simulator", "--lang", "pt_BR", LC_ALL="C.UTF-8"))
    assert re.search(r"execução \S+ começa: p, 3 subtarefas em 1 onda, ", told)
    assert "onda 1 de 1, w, começa; paralela: 3 subtarefas em 3 workers." in told
    assert "falhou 1.01 bad: " in told
    assert "expirou 1.02 slow: expirou após 0.5 s, 1 tentativa." in told
    assert "pulada 1.03 after: depende de bad, que falhou." in told
    assert re.search(r"execução falhou após [\d.]+ segundos?", told)
    counts, more = told.splitlines()[-2:]
    assert counts.startswith("p: 1 falhou, 1 pulada, 1 expirou. ")
    assert re.fullmatch(r"luna-tui retry \S+: tenta 3 subtarefas de novo \(entre elas 1 pulada\), .*", more)


@pytest.mark.parametrize(
    ("environ", "begins"),
    [
        ({"LANG": "pt_BR.UTF-8"}, "execução"),
        ({"LANG": "en_US.UTF-8", "LC_ALL": "pt_BR.UTF-8"}, "execução"),
        ({"LANG": "C.UTF-8", "LANGUAGE": "pt_BR:en"}, "execução"),
        ({"LANG": "pt_BR.UTF-8", "LC_ALL": "C.UTF-8"}, "run"),
        ({"LC_ALL": "pt_BR.ISO-8859-1"}, "execucao"),
    ],
    ids=lambda v: v if isinstance(v, str) else " ".join(f"{k}={x}" for k, x in v.items()),
)
def test_the_environment_chooses(tmp_path: Path, environ: dict[str, str], begins: str) -> None:
    told = said(run("run", plan_of(tmp_path, "true"), PYTHONUTF8="1", **environ))
    assert f"0:00 {begins} " in told


def test_the_configuration_chooses_and_the_command_line_is_stronger(tmp_path: Path) -> None:
    config = tmp_path / "luna.toml"
    config.write_text('[ui]\nlang = "pt_BR"\n')
    work = plan_of(tmp_path, "true")
    assert "concluída 1.01 work após" in said(run("run", work, "--config", str(config), LC_ALL="C.UTF-8"))
    other = said(run("run", work, "--config", str(config), "--lang", "en", LC_ALL="pt_BR.UTF-8"))
    assert "succeeded 1.01 work after" in other


def test_data_and_exit_codes_are_the_same_in_both_languages(plan: str) -> None:
    found = []
    for lang in ("en", "pt_BR"):
        done = run("run", plan, "--provider", "simulator", "--lang", lang, "--events", "-", LC_ALL="C.UTF-8")
        report = run("show", "last", "--json", LC_ALL=f"{lang}.UTF-8")
        journal = next(find_run("last").path.glob("journal.*.ndjson")).read_text(encoding="utf-8")
        found.append((done.returncode, shape(done.stdout), reasons(json.loads(report.stdout))))
        assert [json.loads(line)["type"] for line in journal.splitlines()] == [
            json.loads(line)["type"] for line in done.stdout.splitlines()
        ]
    assert found[0] == found[1]
    assert found[0][0] == 100


def shape(ndjson: bytes) -> list[object]:
    """What happened, without what differs from run to run; who ends first is not told by the language."""
    records = [json.loads(line) for line in ndjson.splitlines()]
    kept = [[r["type"], r.get("subtask"), r.get("reason"), r.get("status"), sorted(r)] for r in records]
    return sorted(kept, key=json.dumps)


def reasons(report: dict[str, object]) -> str:
    words = {k: v for k, v in report.items() if k in ("status", "counts", "waves", "subtasks")}
    return re.sub(r"\d+\.\d+", "n", json.dumps(words, sort_keys=True))


def test_the_dashboard_and_the_plain_console_speak_portuguese(tmp_path: Path) -> None:
    argv = [*PROGRAM, "run", plan_of(tmp_path, "sleep 100"), "--lang", "pt_BR"]
    screen = Terminal(*argv)
    screen.read_until(b"RODANDO")
    screen.send(b"P")
    screen.read_until(b"Digite uma letra e enter.")
    screen.send(b"s\n")
    screen.read_until(b"onda 1 de 1, w. 0 de 1 ok, 1 em curso, 0 esperando.")
    screen.send(b"q\n")
    screen.read_until("Parar o quê? Nada foi parado ainda.".encode())
    screen.send(b"now\n")
    screen.read_until("execução cancelada após ".encode())
    assert screen.finish() == 75
