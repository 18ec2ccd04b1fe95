"""[sandbox]: rules of all layers add up, and the file of a project can only tighten."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from luna_tui.cli import main
from luna_tui.core.errors import InvalidInput
from luna_tui.core.sandbox import SandboxKind
from luna_tui.storage.config import Config, load_config


def load(cwd: Path, explicit: Path | None = None, **flags: Any) -> Config:
    dotted = {f"sandbox.{key}": value for key, value in flags.items()}
    return load_config(explicit=explicit, cwd=cwd, environ={}, flags=dotted)


@pytest.fixture
def user() -> Path:
    folder = Path(os.environ["XDG_CONFIG_HOME"]) / "luna-tui"
    folder.mkdir(parents=True)
    return folder / "config.toml"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "deep").mkdir()
    return tmp_path / "luna-tui.toml"


def texts(config: Config) -> tuple[list[str], list[str], list[str]]:
    rules = config.sandbox.rules
    return [r.text for r in rules.deny], [r.text for r in rules.ask], [r.text for r in rules.allow]


def test_rules_of_all_layers_add_up_and_say_where_they_are_from(user: Path, project: Path) -> None:
    user.write_text(
        "[sandbox]\ndeny = ['read_file(.env)']\nallow = ['run_command(pytest *)']\nread = ['~/x']\n"
    )
    project.write_text("[sandbox]\ndeny = ['run_command(rm *)']\nask = ['write_file']\n")
    config = load(project.parent / "deep", allow=["write_file(docs/**)"])
    assert texts(config) == (
        ["read_file(.env)", "run_command(rm *)"],
        ["write_file"],
        ["run_command(pytest *)", "write_file(docs/**)"],
    )
    assert config.sandbox.read == (os.path.expanduser("~/x"),)
    assert config.origins["sandbox.deny"] == f"{user}:2, {project}:2"


@pytest.mark.parametrize(
    ("before", "said", "what"),
    [
        ("", "kind = 'none'", "loosen 'auto'"),
        ("", "kind = 'landlock'", "loosen 'auto'"),
        ("kind = 'bubblewrap'", "kind = 'auto'", "loosen 'bubblewrap'"),
        ("", "network = true", "open the network"),
        ("", "read = ['/srv']", "more files"),
        ("allow = ['read_file']", "allow = ['run_command']", "allow more"),
    ],
)
def test_a_project_cannot_widen(user: Path, project: Path, before: str, said: str, what: str) -> None:
    user.write_text(f"[sandbox]\n{before}\n")
    project.write_text(f"[sandbox]\n{said}\n")
    with pytest.raises(InvalidInput) as caught:
        load(project.parent)
    (problem,) = caught.value.problems
    assert (problem.path, problem.line) == (str(project), 2)
    assert what in problem.what
    assert "only tighten" in problem.what
    assert str(user) in problem.fix


def test_a_project_names_no_program_that_gets_the_notices(user: Path, project: Path) -> None:
    user.write_text('[notify]\ncommand = ["notify-send", "luna"]\n')
    project.write_text("[notify]\ncommand = []\nbell = false\n")
    config = load(project.parent)
    assert (config.notify_command, config.bell) == (("notify-send", "luna"), False)
    project.write_text('[notify]\ncommand = ["./take-over"]\n')
    with pytest.raises(InvalidInput) as caught:
        load(project.parent)
    (problem,) = caught.value.problems
    assert (problem.path, problem.line) == (str(project), 2)
    assert str(user) in problem.fix


@pytest.mark.parametrize(
    ("before", "said", "kind", "network"),
    [
        ("kind = 'none'\nnetwork = true", "kind = 'auto'", SandboxKind.AUTO, True),
        ("network = true", "network = false", SandboxKind.AUTO, False),
        ("network = true", "network = true", SandboxKind.AUTO, True),
        ("", "kind = 'bubblewrap'", SandboxKind.BUBBLEWRAP, False),
        ("kind = 'landlock'", "kind = 'auto'", SandboxKind.AUTO, False),
        ("kind = 'none'", "kind = 'none'", SandboxKind.NONE, False),
    ],
)
def test_a_project_can_tighten(
    user: Path, project: Path, before: str, said: str, kind: SandboxKind, network: bool
) -> None:
    user.write_text(f"[sandbox]\n{before}\n")
    project.write_text(f"[sandbox]\n{said}\n")
    config = load(project.parent / "deep")
    assert (config.sandbox.kind, config.sandbox.network) == (kind, network)


def test_what_the_user_says_themselves_can_widen(user: Path, project: Path, tmp_path: Path) -> None:
    project.write_text("[sandbox]\nkind = 'none'\nallow = ['run_command']\n")
    config = load(project.parent, explicit=project)
    assert config.sandbox.kind is SandboxKind.NONE
    assert texts(config)[2] == ["run_command"]
    given = tmp_path / "given.toml"
    given.write_text("[sandbox]\nnetwork = true\n")
    project.write_text("[sandbox]\nnetwork = false\n")
    assert load(project.parent, explicit=given).sandbox.network
    assert load(project.parent, kind="none").sandbox.kind is SandboxKind.NONE


def test_a_link_to_the_project_is_still_the_project(project: Path, tmp_path: Path) -> None:
    (tmp_path / "real.toml").write_text("[sandbox]\nkind = 'none'\n")
    project.symlink_to("real.toml")
    with pytest.raises(InvalidInput):
        load(project.parent)


def test_show_says_where_each_list_is_from(
    user: Path, project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    user.write_text("[sandbox]\ndeny = ['read_file(.env)']\n")
    project.write_text("[sandbox]\ndeny = ['run_command(rm *)']\n")
    monkeypatch.chdir(project.parent)
    main(["config", "show", "--origin"])
    lines = capsys.readouterr().out.splitlines()
    assert f'sandbox.deny = ["read_file(.env)", "run_command(rm *)"]   # {user}:2, {project}:2' in lines
    assert 'sandbox.kind = "auto"   # default' in lines
