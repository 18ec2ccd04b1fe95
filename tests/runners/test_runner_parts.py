"""The small parts of the runners: headers, files, proxies, credentials, the registry, what is loaded when."""

from __future__ import annotations

import os
import ssl
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pytest
from support import FakeRunner, RecordingContext, subtask, work_of

from luna_tui.core.words import ErrorKind, Kind
from luna_tui.engine.cancel import CancelToken
from luna_tui.engine.clock import ManualClock, SystemClock
from luna_tui.engine.runner import AttemptError, ServerLimit
from luna_tui.runners.anthropic_client import credentials_present
from luna_tui.runners.guard import GATHER_S, CallGuard
from luna_tui.runners.limit_headers import read_limits, read_retry_after
from luna_tui.runners.proxies import proxy_mounts
from luna_tui.runners.registry import Runners
from luna_tui.runners.workspace_files import MAX_BYTES, read_beneath

NOW = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7.0),
        ("0.5", 0.5),
        ("0", 0.0),
        ("Tue, 24 Nov 2026 12:00:30 GMT", 30.0),
        ("Tue, 24 Nov 2026 11:00:00 GMT", None),
        ("-1", None),
        ("abc", None),
        ("", None),
        ("nan", None),
        ("inf", None),
        ("99999999", None),
    ],
)
def test_retry_after(text: str, seconds: float | None) -> None:
    assert read_retry_after({"retry-after": text}, NOW) == seconds
    assert read_retry_after({}, NOW) is None


def test_limits_are_read_per_dimension() -> None:
    prefix = "anthropic-ratelimit-"
    headers = httpx2.Headers(
        {
            f"{prefix}requests-limit": "50",
            f"{prefix}requests-remaining": "49",
            f"{prefix}requests-reset": "2026-11-24T12:00:10Z",
            f"{prefix}Input-Tokens-Limit": "1000",
            f"{prefix}input-tokens-remaining": "0",
            f"{prefix}input-tokens-reset": "soon",
            f"{prefix}output-tokens-limit": "1000",
        }
    )
    limits = read_limits(headers, NOW)
    assert limits.rpm == ServerLimit(limit=50, remaining=49, reset_s=10.0)
    assert limits.itpm == ServerLimit(limit=1000, remaining=0, reset_s=None)
    assert limits.otpm is None


@pytest.mark.parametrize(
    ("limit", "remaining"), [("-1", "0"), ("0", "0"), ("5", "6"), ("x", "1"), ("5", "٣"), ("9" * 40, "1")]
)
def test_a_limit_that_makes_no_sense_is_none(limit: str, remaining: str) -> None:
    headers = {
        "anthropic-ratelimit-requests-limit": limit,
        "anthropic-ratelimit-requests-remaining": remaining,
    }
    assert read_limits(headers, NOW).rpm is None


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    inside = tmp_path / "inside"
    (inside / "sub").mkdir(parents=True)
    (inside / "sub" / "fine.txt").write_text("fine")
    (inside / "to_sub").symlink_to("sub")
    (tmp_path / "secret.txt").write_text("secret")
    (inside / "link").symlink_to(tmp_path / "secret.txt")
    (inside / "linked_folder").symlink_to(tmp_path)
    os.mkfifo(inside / "fifo")
    with (inside / "huge").open("wb") as huge:
        huge.truncate(MAX_BYTES + 1)
    with (inside / "large").open("wb") as large:
        large.truncate(MAX_BYTES)
    return inside


def test_files_inside_are_read_also_through_links_inside(workspace: Path) -> None:
    assert read_beneath(str(workspace), "sub/fine.txt") == "fine"
    assert read_beneath(str(workspace), "to_sub/fine.txt") == "fine"
    assert len(read_beneath(str(workspace), "large")) == MAX_BYTES


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("../secret.txt", "outside"),
        ("/etc/passwd", "outside"),
        ("link", "outside"),
        ("linked_folder/secret.txt", "outside"),
        ("sub/../../secret.txt", "outside"),
        ("fifo", "not a regular file"),
        ("sub", "not a regular file"),
        (".", "not a regular file"),
        ("huge", "1,048,577 bytes"),
        ("missing", "no such file"),
        ("sub/fine.txt/x", "cannot be read"),
        ("a\0b", "not a path"),
        ("\033[2Jmissing", "missing cannot be read"),
    ],
)
def test_everything_else_is_refused_in_words(workspace: Path, name: str, why: str) -> None:
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(AttemptError) as caught:
        read_beneath(str(workspace), name)
    assert caught.value.kind is ErrorKind.WORKSPACE
    assert why in caught.value.message
    assert "\033" not in caught.value.message
    assert not caught.value.retryable
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_workspace_that_is_gone_is_told(tmp_path: Path) -> None:
    with pytest.raises(AttemptError) as caught:
        read_beneath(str(tmp_path / "gone"), "a")
    assert caught.value.kind is ErrorKind.WORKSPACE
    assert "no longer there" in caught.value.message


def proxied(environment: dict[str, str], url: str) -> bool:
    """Whether a client with these mounts would use a proxy."""
    mounts = proxy_mounts(environment, connections=1, ssl_context=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))

    class Direct(httpx2.BaseTransport):
        def handle_request(self, request: httpx2.Request) -> httpx2.Response:
            return httpx2.Response(200)

    class Proxied(httpx2.BaseTransport):
        def handle_request(self, request: httpx2.Request) -> httpx2.Response:
            return httpx2.Response(201)

    shown = {pattern: Proxied() if transport else None for pattern, transport in mounts.items()}
    with httpx2.Client(transport=Direct(), mounts=shown, trust_env=False) as client:
        return client.get(url).status_code == 201


HTTPS = {"https": "http://proxy:3128"}


@pytest.mark.parametrize(
    ("environment", "url", "through"),
    [
        ({}, "https://api.example", False),
        (HTTPS, "https://api.example", True),
        (HTTPS, "http://api.example", False),
        ({"all": "proxy:3128"}, "http://api.example", True),
        (HTTPS | {"no": "*"}, "https://api.example", False),
        (HTTPS | {"no": "api.example"}, "https://api.example", False),
        (HTTPS | {"no": "example"}, "https://api.example", False),
        (HTTPS | {"no": "pi.example"}, "https://api.example", True),
        (HTTPS | {"no": "other, 10.0.0.0/8"}, "https://10.1.2.3", False),
        (HTTPS | {"no": "10.0.0.0/8"}, "https://11.1.2.3", True),
        (HTTPS | {"no": "::1/not a host,,%"}, "https://api.example", True),
        (HTTPS, "https://127.0.0.1:1", False),
        (HTTPS, "https://localhost", False),
        (HTTPS, "https://[::1]", False),
        (HTTPS | {"no": "fe80::1"}, "https://[fe80::1]", False),
    ],
)
def test_which_address_goes_through_the_proxy(environment: dict[str, str], url: str, through: bool) -> None:
    assert proxied(environment, url) == through


def test_credentials_are_found_where_the_sdk_finds_them(tmp_path: Path) -> None:
    home = {"HOME": str(tmp_path)}
    assert not credentials_present({})
    assert not credentials_present(home | {"ANTHROPIC_API_KEY": " "})
    assert credentials_present(home | {"ANTHROPIC_API_KEY": "k"})
    assert credentials_present(home | {"ANTHROPIC_AUTH_TOKEN": "t"})
    configs = tmp_path / ".config" / "anthropic" / "configs"
    configs.mkdir(parents=True)
    assert not credentials_present(home)
    (configs / "work.json").write_text("{}")
    assert not credentials_present(home)
    (configs.parent / "active_config").write_text("work\n")
    assert credentials_present(home)
    assert credentials_present({"ANTHROPIC_CONFIG_DIR": str(configs.parent)})


def test_the_registry_finds_closes_and_never_raises_a_key_error() -> None:
    closed: list[str] = []

    class Closing(FakeRunner):
        def __init__(self, name: str, *, fails: bool = False) -> None:
            super().__init__(lambda work, context: name)
            self._name, self._fails = name, fails

        def close(self) -> None:
            closed.append(self._name)
            if self._fails:
                raise RuntimeError("stuck")

    claude, command = Closing("claude"), Closing("command", fails=True)
    runners = Runners({Kind.CLAUDE: claude, Kind.COMMAND: command})
    assert runners[Kind.CLAUDE] is claude
    assert list(runners) == [Kind.CLAUDE, Kind.COMMAND]
    nobody = runners[Kind.PYTHON]
    context = RecordingContext(CancelToken(SystemClock()))
    for ask in (
        lambda: nobody.demand(work_of(subtask("a"))),
        lambda: nobody.run(work_of(subtask("a")), context),
    ):
        with pytest.raises(AttemptError) as caught:
            ask()
        assert caught.value.message == "kind python cannot run here; here is: claude, command"
    with pytest.raises(RuntimeError, match="stuck"):
        runners.close()
    assert sorted(closed) == ["claude", "command"]


def test_the_sdk_is_not_loaded_before_it_is_needed() -> None:
    code = """
import sys
import luna_tui.runners.claude, luna_tui.runners.command, luna_tui.runners.registry
import luna_tui.runners.anthropic_client as a
a.credentials_present({})
sys.exit(bool({"anthropic", "httpx2", "httpcore2", "pydantic"} & set(sys.modules)))
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_text_that_comes_fast_is_gathered_and_slow_or_large_text_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = ManualClock()
    token = CancelToken(clock)
    guard = CallGuard(token, clock, first_s=60, gap_s=45)
    slept: list[float] = []
    monkeypatch.setattr(CancelToken, "sleep", lambda self, seconds: slept.append(seconds))

    def reads(count: int, size: int, every_s: float) -> None:
        for _ in range(count):
            clock.advance(every_s)
            guard.gather()
            guard.count(size)

    reads(20, 200, 1.0)
    reads(20, 60_000, 0.001)
    assert slept == []
    reads(20, 200, 0.01)
    assert set(slept) == {GATHER_S}
    before = len(slept)
    reads(1, 200, 5.0)
    reads(5, 200, 0.01)
    assert len(slept) == before + 1, "one pause told that it had become slow"
