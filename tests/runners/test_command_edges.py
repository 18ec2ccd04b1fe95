"""What a command is given, how it fails, and that nothing of it is left: processes, descriptors, secrets."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support import RecordingContext, subtask, work_of

from luna_tui.core.plan import Subtask
from luna_tui.core.words import ErrorKind, Kind
from luna_tui.engine.cancel import Cancelled, CancelToken
from luna_tui.engine.clock import SystemClock
from luna_tui.engine.runner import AttemptError
from luna_tui.runners import processes
from luna_tui.runners.command import CommandRunner
from luna_tui.runners.kept_output import KEPT_BYTES, SHOWN_BYTES, KeptOutput

CLOCK = SystemClock()
ENVIRON = {
    "PATH": os.environ["PATH"],
    "HOME": "/home/me",
    "LC_TIME": "C",
    "PYTHONHASHSEED": "1",
    "CI": "true",
    "TERM": "xterm",
    "ANTHROPIC_API_KEY": "canary-1",
    "ANTHROPIC_AUTH_TOKEN": "canary-2",
    "AWS_SECRET_ACCESS_KEY": "canary-3",
    "HTTPS_PROXY": "http://u:canary-4@p",
}
RUNNER = CommandRunner(CLOCK, ENVIRON, grace_s=0.2)


def command(*words: str, **more: object) -> Subtask:
    return subtask("c", **({"kind": Kind.COMMAND, "command": words, "prompt": ""} | more))


def shell(text: str, **more: object) -> Subtask:
    return command(text, shell=True, **more)


def run(given: Subtask, workspace: Path | str = "/tmp", **results: str) -> str:
    work = work_of(given, workspace=str(workspace), results=results)
    return RUNNER.run(work, RecordingContext(CancelToken(CLOCK)))


def failure(given: Subtask, workspace: Path | str = "/tmp") -> AttemptError:
    with pytest.raises(AttemptError) as caught:
        run(given, workspace)
    return caught.value


def is_gone(pid: int) -> bool:
    """Whether a process has ended, or does within a second: an orphan's end is not ours to wait for."""
    pause = threading.Event()
    for _ in range(100):
        try:
            with open(f"/proc/{pid}/stat", encoding="ascii") as file:
                if file.read().rpartition(")")[2].split()[0] in "ZX":
                    return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        pause.wait(0.01)
    return False


@pytest.fixture(autouse=True)
def _nothing_left_open() -> Iterator[None]:
    before = set(os.listdir("/proc/self/fd"))
    yield
    assert len(os.listdir("/proc/self/fd")) <= len(before)


def test_the_environment_is_an_allow_list() -> None:
    given = command("env", env=(("EXTRA", "{{ results.scan }}"), ("TERM", "vt100")))
    lines = dict(line.partition("=")[::2] for line in run(given, scan="found").splitlines())
    assert lines["EXTRA"] == "found"
    assert lines["TERM"] == "vt100", "the plan has the last word"
    assert (lines["HOME"], lines["LC_TIME"], lines["CI"], lines["PYTHONHASHSEED"]) == (
        "/home/me",
        "C",
        "true",
        "1",
    )
    assert (lines["PYTHONUNBUFFERED"], lines["NO_COLOR"]) == ("1", "1")
    assert not [value for value in lines.values() if "canary" in value]


def test_a_value_in_an_argument_is_one_argument() -> None:
    assert (
        run(command("printf", "[%s]", "{{ results.scan }}", "b"), scan="a; echo $HOME")
        == "[a; echo $HOME][b]"
    )


@pytest.mark.parametrize(
    "text",
    ["$(touch pwned)", "`touch pwned`", "; touch pwned", "' ; touch pwned '", '" ; touch pwned "', "a\nb"],
)
@pytest.mark.parametrize("script", ['printf %s "{{ results.scan }}"', "printf '%s ' {{ results.scan }}"])
def test_a_value_in_a_shell_text_is_never_read_as_shell(script: str, text: str, tmp_path: Path) -> None:
    said = run(shell(script), tmp_path, scan=text)
    assert os.listdir(tmp_path) == []
    assert said == text or script.endswith("}}")


def test_a_name_without_a_value_is_told() -> None:
    for given in (command("echo", "{{ results.gone }}"), shell("echo {{ results.gone }}")):
        told = failure(given)
        assert told.kind is ErrorKind.INVALID_REQUEST
        assert "results.gone" in told.message


def test_the_folder_is_inside_the_workspace(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "out").symlink_to("/")
    (tmp_path / "file").touch()
    assert run(command("pwd", cwd="sub"), tmp_path).strip().endswith("/sub")
    for cwd, why in (("out", "outside"), ("..", "outside"), ("/", "outside"), ("file", "not a folder")):
        told = failure(command("pwd", cwd=cwd), tmp_path)
        assert told.kind is ErrorKind.WORKSPACE
        assert why in told.message


def program(path: Path, text: str, mode: int = 0o755) -> str:
    path.write_text(text)
    path.chmod(mode)
    return str(path)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda folder: ["pythno3"], "did you mean python3?"),
        (lambda folder: ["zzzzqqqqxxxx"], "on PATH?"),
        (lambda folder: ["./gone"], "relative to cwd"),
        (lambda folder: [program(folder / "t", "echo", 0o644)], "chmod +x"),
        (lambda folder: [str(folder)], "may not be executed"),
        (lambda folder: [program(folder / "u", "#!/no/such/interpreter\n")], "interpreter"),
        (lambda folder: [program(folder / "v", "\x01\x02")], "no program"),
        (lambda folder: ["echo", "x" * 300_000], "too long"),
        (lambda folder: ["echo", "a\0b"], "NUL"),
        (lambda folder: ["\033[31mred"], "command not found: red"),
    ],
)
def test_what_cannot_be_started_is_told_with_the_way_out(
    make: Callable[[Path], list[str]], says: str, tmp_path: Path
) -> None:
    told = failure(command(*make(tmp_path)), tmp_path)
    assert told.kind is ErrorKind.SPAWN
    assert says in told.message
    assert not told.retryable


@pytest.mark.parametrize(
    ("script", "says", "status"),
    [
        ("exit 2", "exited with 2", 2),
        ("echo one; echo two; echo; exit 7", "exited with 7: two", 7),
        ("kill -9 $$", "killed by SIGKILL", -9),
        ("echo oops; kill -SEGV $$", "killed by SIGSEGV: oops", -11),
        ("printf 'x%.0s' $(seq 500); exit 1", "exited with 1: " + "x" * 200, 1),
    ],
)
def test_how_it_ended_is_told(script: str, says: str, status: int) -> None:
    told = failure(shell(script))
    assert (told.kind, told.message, told.status) == (ErrorKind.EXIT_CODE, says, status)
    assert told.retryable


def cancelled(given: Subtask, until: str = "\n") -> tuple[str, float]:
    """What was said before the cancellation, and how long the end took after it."""
    context = RecordingContext(CancelToken(CLOCK))
    raised: list[BaseException] = []

    def body() -> None:
        try:
            RUNNER.run(work_of(given, workspace="/tmp"), context)
        except Cancelled as error:
            raised.append(error)

    thread = threading.Thread(target=body, daemon=True)
    thread.start()
    while until not in "".join(context.texts):
        assert context.heard.wait(5)
        context.heard.clear()
    asked_at = CLOCK.now()
    context.token.cancel("enough")
    thread.join(5)
    assert not thread.is_alive()
    assert len(raised) == 1
    return "".join(context.texts), CLOCK.now() - asked_at


@pytest.mark.parametrize(
    ("script", "bound_s"),
    [
        ("echo $$; exec sleep 1000", 0.15),
        ("trap '' TERM; echo $$; while :; do sleep 0.01; done", 0.6),
        ("sleep 1000 & echo $!; wait", 0.15),
        ("(trap '' TERM; sleep 1000) & echo $!; wait", 0.15),
        ("yes & echo $!; wait", 0.3),
    ],
    ids=["sleep", "trap", "grandchild", "trapping-grandchild", "flood"],
)
def test_a_cancelled_command_is_gone_with_all_it_started(script: str, bound_s: float) -> None:
    said, took_s = cancelled(shell(script))
    assert took_s < bound_s + 0.2
    pid = next(int(line) for line in said.splitlines() if line.isdigit())
    assert is_gone(pid)


def test_one_that_left_the_group_and_holds_the_pipe_does_not_hold_the_attempt() -> None:
    said, took_s = cancelled(shell("setsid sh -c 'echo $$; exec sleep 30' & wait"))
    os.kill(int(said), 9)
    assert took_s < 0.5


def test_a_flood_by_something_left_behind_does_not_hold_the_attempt() -> None:
    class Slow(RecordingContext):
        """Never empties the pipe."""

        def output(self, text: str) -> None:
            super().output(text)
            pause.wait(0.01)

    pause = threading.Event()
    context = Slow(CancelToken(CLOCK))
    RUNNER.run(work_of(shell("echo $$; yes & exit 0"), workspace="/tmp"), context)
    text = "".join(context.texts)
    assert text.count("\n") > 1000
    assert len(text) < SHOWN_BYTES / 2
    assert is_gone(int(text.split()[0]))


def test_a_command_is_not_started_for_a_cancelled_attempt(tmp_path: Path) -> None:
    token = CancelToken(CLOCK)
    token.cancel("early")
    with pytest.raises(Cancelled):
        RUNNER.run(work_of(shell("touch made"), workspace=str(tmp_path)), RecordingContext(token))
    assert os.listdir(tmp_path) == []


def test_nothing_is_left_when_the_attempt_itself_breaks() -> None:
    class Breaking(RecordingContext):
        def output(self, text: str) -> None:
            super().output(text)
            raise RuntimeError("full")

    context = Breaking(CancelToken(CLOCK))
    with pytest.raises(RuntimeError, match="full"):
        RUNNER.run(work_of(shell("echo $$; sleep 1000"), workspace="/tmp"), context)
    assert is_gone(int(context.texts[0]))


def test_it_works_where_the_system_has_no_process_descriptors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "_descriptor_of", lambda pid: None)
    assert run(shell("echo a; sleep 0.05; echo b")) == "a\nb\n"
    said, took_s = cancelled(shell("echo $$; exec sleep 1000"))
    assert took_s < 0.5
    assert is_gone(int(said))


def test_output_arrives_while_the_command_runs() -> None:
    script = "import time; print('up'); time.sleep(1000)"
    said, _ = cancelled(command(sys.executable, "-c", script))
    assert said == "up\n"


def test_bytes_that_are_no_text_are_replaced_and_cut_characters_are_whole() -> None:
    context = RecordingContext(CancelToken(CLOCK))
    kept = KeptOutput(context.output)
    data = "grün 🌙".encode() + b"\xff."
    for n in range(len(data)):
        kept.take(data[n : n + 1])
    kept.take("🌙".encode()[:2])
    assert kept.finish() == "grün 🌙\ufffd.\ufffd"
    assert "".join(context.texts) == "grün 🌙\ufffd.\ufffd"


def test_both_ends_are_kept_and_the_gap_is_counted_exactly() -> None:
    kept = KeptOutput(RecordingContext(CancelToken(CLOCK)).output)
    total = 0
    for n in range(3000):
        line = f"{n:06d}" + "." * 1000 + "\n"
        total += len(line)
        kept.take(line.encode())
    text = kept.finish()
    head, _, rest = text.partition("\n… ")
    count, _, tail = rest.partition(" characters left out …\n")
    assert head.startswith("000000...")
    assert tail.endswith("002999" + "." * 1000 + "\n")
    assert len(head) == KEPT_BYTES
    assert KEPT_BYTES <= len(tail) < KEPT_BYTES + 65536
    assert len(head) + int(count.replace(",", "")) + len(tail) == total


def test_a_flood_is_shown_up_to_a_cap_and_says_so() -> None:
    context = RecordingContext(CancelToken(CLOCK))
    kept = KeptOutput(context.output)
    for _ in range(SHOWN_BYTES // 65536 + 50):
        kept.take(b"x" * 65536)
    kept.finish()
    shown = "".join(context.texts)
    assert shown.count("no longer shown") == 1
    assert len(shown) < SHOWN_BYTES + 65536 + 100


def test_it_cannot_reach_the_terminal() -> None:
    code = "import os; os.open('/dev/tty', os.O_RDWR)"
    told = failure(command(sys.executable, "-c", code))
    assert told.status == 1
    assert "/dev/tty" in told.message


def test_children_do_not_inherit_descriptors(tmp_path: Path) -> None:
    with (tmp_path / "held").open("w") as held:
        os.set_inheritable(held.fileno(), True)
        listed = run(command("ls", "-l", "/proc/self/fd"), tmp_path)
    assert "held" not in listed
